//! The layer that waits: one call with its retries, through the three seams.

mod builder;
mod clock;
mod maybe_send;
mod receipt;
#[cfg(feature = "native")]
mod reqwest_transport;
mod retry;
#[cfg(feature = "native")]
mod tokio_clock;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

pub use builder::ClientBuilder;
pub use clock::Clock;
pub use maybe_send::{BoxFuture, MaybeSend, MaybeSync};
pub use receipt::Receipt;
#[cfg(feature = "native")]
pub use reqwest_transport::ReqwestTransport;
#[cfg(feature = "native")]
pub use tokio_clock::TokioClock;
pub use transport::{Transport, TransportError, TransportErrorKind};

use crate::error::Error;
use crate::protocol::{Endpoint, Operation, Quota, Request};
use crate::types::{ApiKey, BaseUrl, Customer, Group};
use retry::{RetryPolicy, Tries};

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
}

/// What a call does when the quota is used up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OnThrottled {
    /// Wait as long as the deadline allows.
    WaitWithin(Option<Duration>),
    /// Hand the error to the caller, who paces many calls and knows better.
    Return,
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
    ) -> Self {
        let seed = clock.now().as_nanosecond().unsigned_abs();
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the moment make a seed")]
        let retry = RetryPolicy::new(tries, seed as u64);
        Self(Arc::new(Inner { endpoint, transport, clock, timeout, deadline, retry }))
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
        self.call_add_groups(customer, groups, OnThrottled::WaitWithin(self.0.deadline)).await
    }

    /// Asks the server whether it accepts the key; nothing is changed.
    ///
    /// # Errors
    ///
    /// The same as [`Client::add_groups`].
    pub async fn ping(&self) -> Result<Receipt, Error> {
        let request = self.0.endpoint.ping();
        self.call(Operation::Ping, request, OnThrottled::WaitWithin(self.0.deadline)).await
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

    pub(crate) async fn call_add_groups(
        &self,
        customer: &Customer,
        groups: &[Group],
        on_throttled: OnThrottled,
    ) -> Result<Receipt, Error> {
        let request = self.0.endpoint.add_groups(customer, groups);
        self.call(Operation::AddGroups, request, on_throttled).await
    }

    async fn call(&self, operation: Operation, request: Request, on_throttled: OnThrottled) -> Result<Receipt, Error> {
        let Inner { clock, retry, .. } = &*self.0;
        let started = clock.monotonic();
        let deadline = match on_throttled {
            OnThrottled::WaitWithin(deadline) => deadline,
            OnThrottled::Return => None,
        };
        let mut tries = Tries::default();
        retry.earn();
        for attempts in 1.. {
            let error = match self.exchange(operation, request.clone()).await {
                Ok(quota) => return Ok(Receipt { attempts, quota }),
                Err(error) => error.after_attempts(attempts),
            };
            let is_final = error.is_throttled() && on_throttled == OnThrottled::Return;
            let wait = if is_final { None } else { retry.wait(&error, &mut tries) };
            let fits = |wait: &Duration| {
                deadline.is_none_or(|deadline| clock.monotonic().saturating_sub(started) + *wait <= deadline)
            };
            match wait.filter(fits) {
                Some(wait) => clock.sleep(wait).await,
                None => return Err(error),
            }
        }
        Err(Error::internal("a call ran out of numbers for its attempts"))
    }

    async fn exchange(&self, operation: Operation, request: Request) -> Result<Quota, Error> {
        let Inner { endpoint, transport, clock, timeout, .. } = &*self.0;
        let response = match select(transport.exchange(request), clock.sleep(*timeout)).await {
            Either::Left((response, _)) => response?,
            Either::Right(((), _)) => {
                let message = format!("no answer within {} seconds", timeout.as_secs_f64());
                return Err(TransportError::new(TransportErrorKind::Timeout, message).into());
            }
        };
        let answer = endpoint.interpret(operation, &response, clock.now());
        answer.result.map(|()| answer.quota)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Client").field(&self.0.endpoint).finish()
    }
}
