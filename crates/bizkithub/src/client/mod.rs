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
use crate::protocol::{Endpoint, Operation, Quota, Request};
use crate::types::{ApiKey, BaseUrl, Customer, Group};
pub(crate) use permit::{HERE, Permits};
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
pub struct Client(Arc<Inner>);

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
        Self(Arc::new(Inner { endpoint, transport, clock, timeout, deadline, retry, permits }))
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
        self.call(Operation::AddGroups, self.0.endpoint.add_groups(customer, groups)).await
    }

    /// Asks the server whether it accepts the key; nothing is changed.
    ///
    /// # Errors
    ///
    /// The same as [`Client::add_groups`].
    pub async fn ping(&self) -> Result<Receipt, Error> {
        self.call(Operation::Ping, self.0.endpoint.ping()).await
    }

    /// The address of the API.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        self.0.endpoint.base_url()
    }

    /// The key, which shows itself by its fingerprint only.
    #[must_use]
    pub fn api_key(&self) -> &ApiKey {
        self.0.endpoint.key()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// The quota as it is known so far: what the server told or showed, what was given, or what the key's prefix suggests.
    /// `None` where there is no limit.
    #[must_use]
    pub fn quota(&self) -> Option<QuotaRate> {
        self.0.permits.pacer().rate()
    }

    pub(crate) fn permits(&self) -> &Permits {
        &self.0.permits
    }

    pub(crate) fn retry(&self) -> &RetryPolicy {
        &self.0.retry
    }

    /// One try, for a caller that spreads the tries of many calls by itself and has a permit for this one. Tells what the answer
    /// showed about the quota.
    pub(crate) async fn try_add_groups(
        &self,
        customer: &Customer,
        groups: &[Group],
    ) -> (Result<Quota, Error>, Observation) {
        let request = self.0.endpoint.add_groups(customer, groups);
        self.exchange(Operation::AddGroups, request, self.0.timeout).await
    }

    async fn call(&self, operation: Operation, request: Request) -> Result<Receipt, Error> {
        let Inner { clock, retry, timeout, deadline, .. } = &*self.0;
        let started = clock.monotonic();
        let time_left = || deadline.map(|deadline| deadline.saturating_sub(clock.monotonic().saturating_sub(started)));
        let mut tries = Tries::default();
        retry.earn();
        for attempts in 1.. {
            // No time is left only at the first try of a call that must not wait.
            let timeout = time_left().filter(|left| !left.is_zero()).map_or(*timeout, |left| left.min(*timeout));
            self.0.permits.for_call(&**clock, time_left).await;
            let error = match self.exchange(operation, request.clone(), timeout).await.0 {
                Ok(quota) => return Ok(Receipt { attempts, quota }),
                Err(error) => error.after_attempts(attempts),
            };
            let wait = retry.wait(&error, &mut tries).filter(|wait| time_left().is_none_or(|left| *wait < left));
            match wait {
                Some(wait) => clock.sleep(wait).await,
                None => return Err(error),
            }
        }
        Err(Error::internal("a call ran out of numbers for its attempts"))
    }

    /// Exchanges a request for which there is a permit.
    async fn exchange(
        &self,
        operation: Operation,
        request: Request,
        timeout: Duration,
    ) -> (Result<Quota, Error>, Observation) {
        let Inner { endpoint, transport, clock, permits, .. } = &*self.0;
        let permit = permits.use_one(&**clock);
        let result = match select(transport.exchange(request), clock.sleep(timeout)).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                let message = format!("no answer within {} seconds", timeout.as_secs_f64());
                Err(TransportError::new(TransportErrorKind::Timeout, message))
            }
        };
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                let observation = permit.unanswered();
                return (Err(error.without(endpoint).into()), observation);
            }
        };
        let now: Timestamp = clock.now();
        let answer = endpoint.interpret(operation, &response, now);
        let observation = permit.answered(now, &answer.quota, answer.result.as_ref().err());
        (answer.result.map(|()| answer.quota), observation)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Client").field(&self.0.endpoint).finish()
    }
}
