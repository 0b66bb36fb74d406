use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bizkithub::protocol::{Request, Response};
use bizkithub::{BoxFuture, Transport, TransportError, TransportErrorKind};

use crate::clock::SimulatedClock;
use crate::quota::{Model, Usage};

/// The simulated server and the network before it. What it does wrong follows a seed.
#[derive(Clone)]
pub(crate) struct Server(Arc<Mutex<State>>, SimulatedClock);

pub(crate) struct State {
    random: fastrand::Rng,
    pub(crate) model: Model,
    pub(crate) usage: Usage,
    /// In a thousand requests.
    pub(crate) faults: u32,
    pub(crate) latency: Duration,
    /// Customers that the server does not know.
    pub(crate) strangers: BTreeSet<String>,
    /// What it applied, whether or not the client heard of it.
    pub(crate) applied: BTreeSet<Assignment>,
    /// What it said yes to in an answer that was sent whole.
    pub(crate) confirmed: BTreeSet<Assignment>,
    pub(crate) refused: BTreeSet<Assignment>,
    /// Customers whose yes reached the client since the leg began.
    delivered: BTreeSet<String>,
    /// Of this leg.
    pub(crate) requests: u64,
    pub(crate) customers: BTreeSet<String>,
    pub(crate) blind_refusals: u64,
    pub(crate) refusals: u64,
    has_told: bool,
    /// When a process began that knows nothing of those before.
    begin: Duration,
    under_way: BTreeMap<u64, Vec<String>>,
    introduced: BTreeSet<String>,
    pub(crate) violations: Vec<String>,
}

pub(crate) type Assignment = (String, String);

impl Server {
    pub(crate) fn new(seed: u64, clock: SimulatedClock, model: Model) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed),
            model,
            usage: Usage::default(),
            faults: 0,
            latency: Duration::from_millis(50),
            strangers: BTreeSet::new(),
            applied: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            refused: BTreeSet::new(),
            delivered: BTreeSet::new(),
            requests: 0,
            customers: BTreeSet::new(),
            blind_refusals: 0,
            refusals: 0,
            has_told: false,
            begin: Duration::ZERO,
            under_way: BTreeMap::new(),
            introduced: BTreeSet::new(),
            violations: Vec::new(),
        };
        Self(Arc::new(Mutex::new(state)), clock)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic under the lock")
    }

    /// Begins to count anew, for the next leg of a job.
    pub(crate) fn begin_leg(&self, remembers_quota: bool) {
        let mut state = self.state();
        state.delivered.clear();
        state.customers.clear();
        state.requests = 0;
        if !remembers_quota {
            state.has_told = false;
            state.begin = self.1.since_epoch();
        }
        if !state.under_way.is_empty() {
            let left = state.under_way.len();
            state.violations.push(format!("{left} requests were not closed with their run"));
        }
    }
}

/// Notes that a request is over, also when its client dropped it.
struct UnderWay(Server, u64);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.state().under_way.remove(&self.1);
    }
}

impl Transport for Server {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let (customer, groups) = read(&request);
            let (number, fault, there, back, was_told) = {
                let mut state = self.state();
                state.requests += 1;
                let number = state.requests + (state.usage.count << 20);
                state.begin(number, &customer, &groups);
                let faults = state.faults;
                let fault = (state.random.u32(..1_000) < faults).then(|| state.random.u32(..12));
                let half = u64::try_from(state.latency.as_micros()).expect("small") / 2;
                let mut way = || Duration::from_micros(state.random.u64(half / 2..=half + half / 2));
                let (there, back) = (way(), way());
                (number, fault, there, back, state.has_told)
            };
            let _under_way = UnderWay(self.clone(), number);
            tokio::time::sleep(there).await;
            match fault {
                Some(0) => return Err(TransportError::new(TransportErrorKind::Connect, "refused")),
                Some(1) => return Err(TransportError::new(TransportErrorKind::Interrupted, "reset before")),
                Some(2) => std::future::pending::<()>().await,
                _ => {}
            }
            let response = {
                let mut state = self.state();
                match fault {
                    Some(3) => answer(500, "{}"),
                    Some(4) => with_retry_after(answer(503, "{}"), 2),
                    Some(5) => with_retry_after(answer(503, "{}"), 120),
                    Some(6) => answer(200, r#"{"success": false}"#),
                    _ => state.handle(&customer, &groups, self.1.since_epoch(), was_told),
                }
            };
            tokio::time::sleep(back).await;
            let is_yes = response.status == 200 && fault.is_none_or(|fault| !(6..=9).contains(&fault));
            match fault {
                Some(7) => return Err(TransportError::new(TransportErrorKind::Interrupted, "reset after")),
                Some(8) => return Ok(Response { body: response.body[..response.body.len() / 2].to_vec(), ..response }),
                Some(9) => return Ok(Response { body: Vec::new(), ..response }),
                Some(10) => tokio::time::sleep(Duration::from_secs(20)).await,
                _ => {}
            }
            let mut state = self.state();
            state.has_told |= response.headers.iter().any(|(name, _)| name == "x-ratelimit-limit");
            if is_yes {
                state.delivered.insert(customer.clone());
                state.introduced.extend(groups);
            }
            Ok(response)
        })
    }
}

impl State {
    fn begin(&mut self, number: u64, customer: &str, groups: &[String]) {
        self.customers.insert(customer.to_owned());
        if self.delivered.contains(customer) {
            self.violations.push(format!("{customer} was sent again after its yes had arrived"));
        }
        for group in groups.iter().filter(|group| !self.introduced.contains(*group)) {
            if self.under_way.values().flatten().any(|other| other == group) {
                self.violations.push(format!("the new group {group} was introduced twice at once"));
            }
        }
        self.under_way.insert(number, groups.to_vec());
    }

    fn handle(&mut self, customer: &str, groups: &[String], now: Duration, was_told: bool) -> Response {
        let verdict = self.model.judge(&mut self.usage, now, self.begin);
        if verdict.is_refused {
            if std::env::var_os("BIZKITHUB_SIMULATION_VERBOSE").is_some() {
                eprintln!("refused at {now:?}: {:?}", self.usage.moments());
            }
            if was_told && !verdict.is_excused {
                self.refusals += 1;
            } else {
                self.blind_refusals += 1;
            }
            return Response { headers: verdict.headers, ..refusal(429, verdict.code) };
        }
        let assignments = groups.iter().map(|group| (customer.to_owned(), group.clone()));
        let response = if self.strangers.contains(customer) {
            self.refused.extend(assignments);
            refusal(404, "INTERNAL_RESOURCE_NOT_FOUND")
        } else {
            self.applied.extend(assignments.clone());
            self.confirmed.extend(assignments);
            answer(200, r#"{"success": true}"#)
        };
        Response { headers: verdict.headers, ..response }
    }
}

fn read(request: &Request) -> (String, Vec<String>) {
    let body: HashMap<String, serde_json::Value> = serde_json::from_slice(request.body()).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    (text(&body["email"]).to_lowercase(), body["groups"].as_array().expect("a list").iter().map(text).collect())
}

fn answer(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

fn refusal(status: u16, code: &str) -> Response {
    answer(status, &format!(r#"{{"error": {{"code": "{code}", "message": "as documented"}}}}"#))
}

fn with_retry_after(mut response: Response, seconds: u64) -> Response {
    response.headers.push(("retry-after".to_owned(), seconds.to_string()));
    response
}
