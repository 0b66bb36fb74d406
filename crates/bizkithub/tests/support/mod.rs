//! A small world for tests: a scripted server behind the transport seam, and a clock on tokio's paused time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bizkithub::protocol::{Request, Response};
use bizkithub::{BoxFuture, Client, ClientBuilder, Clock, QuotaRate, Timestamp, Transport, TransportError};
use tokio::time::Instant;

/// A key of the right form; no server knows it.
pub(crate) const KEY: &str = "DEV_0123456789abcdefghijABCDEFGH";

/// The scripted server: what it answers to the n-th request (from 0), and after how long.
pub(crate) type Script = dyn Fn(usize, &Request) -> (Duration, Result<Response, TransportError>) + Send + Sync;

/// The requests that a [`Client`] sent through this world, and what they were answered.
#[derive(Clone)]
pub(crate) struct World {
    script: Arc<Script>,
    bodies: Arc<Mutex<Vec<serde_json::Value>>>,
    begin: Instant,
}

impl World {
    pub(crate) fn new(
        script: impl Fn(usize, &Request) -> Result<Response, TransportError> + Send + Sync + 'static,
    ) -> Self {
        Self::slow(move |number, request| (Duration::ZERO, script(number, request)))
    }

    pub(crate) fn slow(
        script: impl Fn(usize, &Request) -> (Duration, Result<Response, TransportError>) + Send + Sync + 'static,
    ) -> Self {
        Self { script: Arc::new(script), bodies: Arc::default(), begin: Instant::now() }
    }

    pub(crate) fn client(&self) -> Client {
        self.build(Client::builder())
    }

    /// Builds a client that is given a quota of more than any test sends, so that runs begin at full speed.
    pub(crate) fn build(&self, builder: ClientBuilder) -> Client {
        self.connect(builder.quota(QuotaRate::new(1_000_000, Duration::from_secs(1))))
    }

    /// Builds a client that must learn the quota first.
    pub(crate) fn connect(&self, builder: ClientBuilder) -> Client {
        let builder = builder.api_key(KEY).base_url("http://localhost").clock(Arc::new(PausedClock(self.begin)));
        builder.transport(self.clone()).build().expect("the settings are valid")
    }

    pub(crate) fn bodies(&self) -> Vec<serde_json::Value> {
        self.bodies.lock().expect("no test panics while it holds the lock").clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.bodies().len()
    }
}

impl Transport for World {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        let number = {
            let mut bodies = self.bodies.lock().expect("no test panics while it holds the lock");
            bodies.push(serde_json::from_slice(request.body()).unwrap_or_default());
            bodies.len() - 1
        };
        let (latency, answer) = (self.script)(number, &request);
        Box::pin(async move {
            tokio::time::sleep(latency).await;
            answer
        })
    }
}

/// The wall clock of a day in 2026, moved by tokio's paused time.
pub(crate) struct PausedClock(Instant);

impl PausedClock {
    pub(crate) const START: i64 = 1_795_000_000;
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(Self::START).expect("a valid moment") + self.0.elapsed()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

pub(crate) fn answer(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

pub(crate) fn yes() -> Response {
    answer(200, r#"{"success": true}"#)
}

pub(crate) fn refusal(status: u16, code: &str) -> Response {
    answer(status, &format!(r#"{{"error": {{"code": "{code}", "message": "as documented"}}}}"#))
}

pub(crate) fn throttled(seconds: u64) -> Response {
    let mut response = refusal(429, "RATE_LIMIT_EXCEEDED");
    response.headers.push(("retry-after".to_owned(), seconds.to_string()));
    response
}
