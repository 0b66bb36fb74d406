//! The layer that waits: one call with its retries, through the three seams.

mod builder;
mod clock;
mod maybe_send;
mod pacer;
mod permit;
mod quota_rate;
mod receipt;
#[cfg(feature = "native")]
mod reqwest_transport;
mod retry;
#[cfg(feature = "native")]
mod tls;
#[cfg(feature = "native")]
mod tokio_clock;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use tracing::Instrument;

pub use builder::ClientBuilder;
pub use clock::Clock;
pub use maybe_send::{BoxFuture, MaybeSend, MaybeSync};
pub use pacer::{Decision, Observation, Pace, Pacer, QuotaRefusal, Wish};
pub use quota_rate::QuotaRate;
pub use receipt::Receipt;
#[cfg(feature = "native")]
pub use reqwest_transport::ReqwestTransport;
#[cfg(feature = "native")]
pub use tokio_clock::TokioClock;
pub use transport::{Transport, TransportError, TransportErrorKind};

use crate::error::Error;
use crate::event::{EventData, EventLevel, EventListener, Listeners, RequestEvent, trace};
use crate::protocol::{Answer, Endpoint, Operation, Quota, Request, Response};
use crate::types::{ApiKey, BaseUrl, Customer, Group};
pub(crate) use permit::{HERE, Permits};
#[cfg(feature = "otlp")]
pub(crate) use reqwest_transport::no_tls;
pub(crate) use retry::{LONGEST_BACKOFF, RetryPolicy, Tries};
#[cfg(feature = "native")]
pub(crate) use tls::tls_config;

/// A client of one organisation. Cheap to clone: clones share the connections and the retry budget.
///
/// ```no_run
/// use bizkithub::{Client, Customer, parse_groups};
///
/// # async fn example() -> Result<(), bizkithub::Error> {
/// let client = Client::builder().build()?; // the key: BIZKITHUB_API_KEY
/// let customer = Customer::parse(Some("jan@barasek.com"), None)?;
/// client.add_groups(&customer, &parse_groups(["personal-training"])?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    listeners: Listeners,
}

struct Inner {
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    deadline: Option<Duration>,
    retry: RetryPolicy,
    permits: Permits,
}

impl Client {
    /// Begins a client with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(
        endpoint: Endpoint,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        timeout: Duration,
        deadline: Option<Duration>,
        tries: u32,
        quota: Option<QuotaRate>,
    ) -> Self {
        let seed = clock.now().as_nanosecond().unsigned_abs();
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the moment make a seed")]
        let retry = RetryPolicy::new(tries, seed as u64);
        let permits = Permits::new(Pacer::new(quota, QuotaRate::assumed(endpoint.key().kind())), &*clock);
        Self {
            inner: Arc::new(Inner { endpoint, transport, clock, timeout, deadline, retry, permits }),
            listeners: Listeners::default(),
        }
    }

    /// The same client, of which a listener is told too. Everything else is shared.
    #[must_use]
    pub fn listening(&self, least: EventLevel, listener: Arc<dyn EventListener>) -> Self {
        let mut client = self.clone();
        client.listeners.add(least, listener);
        client
    }

    /// The same client, as a run uses it.
    pub(crate) fn in_run(&self, run: u64) -> Self {
        let mut client = self.clone();
        client.listeners.run = Some(run);
        client
    }

    /// Whether anybody listens to the client itself, such as an exporter.
    #[must_use]
    pub fn has_listeners(&self) -> bool {
        self.listeners.want_any()
    }

    /// Lets listeners hand over what they still hold, such as spans for a collector, for which the thread waits: for each export five seconds at
    /// most. What could not be handed over since the last time is told as `telemetry.lost`.
    pub fn flush(&self) {
        for error in self.listeners.flush() {
            self.tell(EventData::TelemetryLost { error });
        }
    }

    pub(crate) fn tell(&self, data: EventData) {
        if self.listeners.want(data.level()) {
            self.listeners.tell(self.inner.clock.now(), data);
        }
    }

    /// Puts groups on one customer. Groups that the customer already has are skipped by the server; the call may be
    /// repeated safely.
    ///
    /// Connection failures, timeouts and failures of the server are tried again; a used-up quota is waited for when the
    /// wait fits the deadline. Dropping the future closes the request.
    ///
    /// # Errors
    ///
    /// Any [`ErrorKind`](crate::ErrorKind) but `invalid_input`; for no groups at all, `groups_missing` and nothing is sent.
    pub async fn add_groups(&self, customer: &Customer, groups: &[Group]) -> Result<Receipt, Error> {
        if groups.is_empty() {
            crate::types::parse_groups::<&str>([])?;
        }
        self.call(Operation::AddGroups, self.inner.endpoint.add_groups(customer, groups)).await
    }

    /// Asks the server whether it accepts the key; nothing is changed.
    ///
    /// # Errors
    ///
    /// The same as [`Client::add_groups`].
    pub async fn ping(&self) -> Result<Receipt, Error> {
        self.call(Operation::Ping, self.inner.endpoint.ping()).await
    }

    /// The address of the API.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        self.inner.endpoint.base_url()
    }

    /// The key, which shows itself by its fingerprint only.
    #[must_use]
    pub fn api_key(&self) -> &ApiKey {
        self.inner.endpoint.key()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// The quota as it is known so far: what the server told or showed, what was given, or what the key's prefix suggests.
    /// `None` where there is no limit.
    #[must_use]
    pub fn quota(&self) -> Option<QuotaRate> {
        self.inner.permits.pacer().rate()
    }

    pub(crate) fn permits(&self) -> &Permits {
        &self.inner.permits
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.inner.retry
    }

    /// One try, for a caller that spreads the tries of many calls by itself and has a permit for this one. Tells what the answer
    /// showed about the quota.
    pub(crate) async fn try_add_groups(
        &self,
        customer: &Customer,
        groups: &[Group],
        attempt: u32,
    ) -> (Result<(), Error>, Observation) {
        let request = self.inner.endpoint.add_groups(customer, groups);
        let (result, observation) = self.exchange(Operation::AddGroups, request, self.inner.timeout, attempt).await;
        (result.map(|_| ()), observation)
    }

    async fn call(&self, operation: Operation, request: Request) -> Result<Receipt, Error> {
        let Inner { clock, retry, timeout, deadline, .. } = &*self.inner;
        let started = clock.monotonic();
        let time_left = || deadline.map(|deadline| deadline.saturating_sub(clock.monotonic().saturating_sub(started)));
        let mut tries = Tries::default();
        retry.earn();
        for attempts in 1.. {
            self.inner.permits.for_call(&**clock, time_left).await;
            // A call that must not wait has its one try all the same.
            let is_bounded = deadline.is_some_and(|deadline| !deadline.is_zero());
            let timeout = time_left().filter(|_| is_bounded).map_or(*timeout, |left| left.min(*timeout));
            let error = match self.exchange(operation, request.clone(), timeout, attempts).await.0 {
                Ok((quota, request_id)) => return Ok(Receipt { attempts, request_id, quota }),
                Err(error) => error.after_attempts(attempts),
            };
            let wait = retry.wait(&error, &mut tries).filter(|wait| time_left().is_none_or(|left| *wait < left));
            let Some(wait) = wait else { return Err(error) };
            self.tell(EventData::RequestRetried { error, wait });
            clock.sleep(wait).await;
        }
        Err(Error::internal("a call ran out of numbers for its attempts"))
    }

    /// Exchanges a request for which there is a permit.
    async fn exchange(
        &self,
        operation: Operation,
        request: Request,
        timeout: Duration,
        attempt: u32,
    ) -> (Result<Yes, Error>, Observation) {
        let Inner { endpoint, clock, permits, .. } = &*self.inner;
        let span = trace::request_span(endpoint.base_url(), operation, attempt);
        let permit = permits.use_one(&**clock);
        let (status, request_id, result, observation) =
            match self.carry(request, timeout).instrument(span.clone()).await {
                Ok(response) => {
                    let now: Timestamp = clock.now();
                    let Answer { quota, request_id, result } = endpoint.interpret(operation, &response, now);
                    let observation = permit.answered(now, &quota, result.as_ref().err());
                    (Some(response.status), request_id, result.map(|()| quota), observation)
                }
                Err(error) => {
                    let observation = permit.unanswered();
                    (None, None, Err(error.without(endpoint).into()), observation)
                }
            };
        let error = result.as_ref().err();
        trace::end_request(&span, status, error);
        if self.listeners.want(EventLevel::Debug) {
            let event = RequestEvent {
                method: operation.method().as_str(),
                route: operation.path(),
                attempt,
                status,
                error: error.cloned(),
                request_id: request_id.clone(),
                remaining: observation.remaining,
                seconds: Duration::from_micros(observation.answered.saturating_sub(observation.sent)),
            };
            span.in_scope(|| self.tell(EventData::Request(event)));
        }
        (result.map(|quota| (quota, request_id)), observation)
    }

    async fn carry(&self, request: Request, timeout: Duration) -> Result<Response, TransportError> {
        match select(self.inner.transport.exchange(request), self.inner.clock.sleep(timeout)).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                let message = format!("no answer within {} seconds", timeout.as_secs_f64());
                Err(TransportError::new(TransportErrorKind::Timeout, message))
            }
        }
    }
}

/// What the answer told about the quota, and the server's name for the request.
type Yes = (Quota, Option<String>);

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Client").field(&self.inner.endpoint).finish()
    }
}
