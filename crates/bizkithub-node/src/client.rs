use std::sync::Arc;
use std::time::Duration;

use bizkithub::job::{LedgerLocation, LedgerOwner, Plan, PlanBuilder, StoreLedger};
use bizkithub::protocol::KeyPlacement;
use bizkithub::{Customer, Error, QuotaRate, Timestamp, parse_groups};
use napi::Either;
use napi::bindgen_prelude::Either4;
use napi_derive::napi;
use tokio::sync::OnceCell;

use crate::calls::{Calls, Inner};
use crate::error::{Failure, answer, json};
use crate::transport::Transport;

/// The settings of a client. Times are in milliseconds; an infinite deadline is none.
#[napi(object, object_to_js = false)]
pub struct Settings {
    pub api_key: Option<String>,
    pub base_url: Option<String>,
    pub key_placement: Option<String>,
    pub connect_timeout: Option<f64>,
    pub timeout: Option<f64>,
    pub deadline: Option<f64>,
    pub tries: Option<u32>,
    pub quota: Option<String>,
    pub ledger: Option<String>,
    pub accept_key: Option<bool>,
    pub proxy: Option<String>,
    pub ca_file: Option<String>,
}

/// A client of one organisation.
#[derive(Clone)]
#[napi]
pub struct Client {
    pub(crate) inner: bizkithub::Client,
    pub(crate) calls: Arc<Inner>,
    ledger: Option<ClientLedger>,
}

/// Where a client's ledger is, and itself, opened by the first plan.
#[derive(Clone)]
struct ClientLedger {
    location: LedgerLocation,
    owner: LedgerOwner,
    opened: Arc<OnceCell<Arc<StoreLedger>>>,
}

#[napi]
impl Client {
    /// Begins a client. Nothing is sent.
    #[napi]
    pub fn create(calls: &Calls, settings: Settings, transport: Option<&Transport>) -> Either<Client, Failure> {
        answer(|| {
            let location = settings.ledger.as_deref().map(LedgerLocation::parse).transpose()?;
            let accept_key = settings.accept_key.unwrap_or_default();
            let inner = build(settings, transport)?;
            let owner = LedgerOwner::of(&inner).accepting_key(accept_key);
            let ledger = location.map(|location| ClientLedger { location, owner, opened: Arc::default() });
            Ok(Self { inner, calls: calls.inner(), ledger })
        })
    }

    /// The address of the API.
    #[napi(getter)]
    pub fn base_url(&self) -> String {
        self.inner.base_url().to_string()
    }

    /// Puts groups on one customer, and answers with a receipt in JSON. Returns a failure when the input is refused and no call begins.
    #[napi]
    pub fn add_groups(
        &self,
        call: u32,
        email: Option<String>,
        cu_ref_no: Option<String>,
        groups: Vec<String>,
    ) -> Option<Failure> {
        let parse = || Ok((Customer::parse(email.as_deref(), cu_ref_no.as_deref())?, parse_groups(&groups)?));
        let (customer, groups) = match answer(parse) {
            Either::A(input) => input,
            Either::B(failure) => return Some(failure),
        };
        let client = self.inner.clone();
        self.calls.start(call, async move {
            let receipt = client.add_groups(&customer, &groups).await?;
            Ok(Either4::A(json(&receipt)))
        })
    }

    /// Asks the server whether it accepts the key, and answers with a receipt in JSON.
    #[napi]
    pub fn ping(&self, call: u32) -> Option<Failure> {
        let client = self.inner.clone();
        self.calls.start(call, async move { Ok(Either4::A(json(&client.ping().await?))) })
    }
}

impl Client {
    /// Ends a plan with the client's ledger, if it has one.
    pub(crate) async fn finish(&self, builder: PlanBuilder) -> Result<Plan, Error> {
        let Some(ClientLedger { location, owner, opened }) = self.ledger.clone() else { return Ok(builder.finish()) };
        let open = || async {
            let ledger = tokio::task::spawn_blocking(move || location.open(&owner)).await;
            ledger.map_err(|_| Error::internal("the runtime is shutting down"))?.map(Arc::new)
        };
        let ledger = opened.get_or_try_init(open).await?.clone();
        builder.finish_with(ledger, Timestamp::now()).await
    }
}

fn build(settings: Settings, transport: Option<&Transport>) -> Result<bizkithub::Client, Error> {
    let mut builder = bizkithub::Client::builder().user_agent(concat!("bizkithub-node/", env!("CARGO_PKG_VERSION")));
    if let Some(api_key) = settings.api_key {
        builder = builder.api_key(api_key);
    }
    if let Some(base_url) = settings.base_url {
        builder = builder.base_url(base_url);
    }
    if let Some(placement) = settings.key_placement.and_then(|name| find(KeyPlacement::ALL, &name)) {
        builder = builder.key_placement(placement);
    }
    if let Some(connect_timeout) = settings.connect_timeout {
        builder = builder.connect_timeout(milliseconds(connect_timeout).unwrap_or(Duration::MAX));
    }
    if let Some(timeout) = settings.timeout {
        builder = builder.timeout(milliseconds(timeout).unwrap_or(Duration::MAX));
    }
    if let Some(deadline) = settings.deadline {
        builder = builder.deadline(milliseconds(deadline));
    }
    if let Some(tries) = settings.tries {
        builder = builder.tries(tries);
    }
    if let Some(quota) = settings.quota {
        builder = builder.quota(quota.parse::<QuotaRate>()?);
    }
    if let Some(proxy) = settings.proxy {
        builder = builder.proxy(proxy);
    }
    if let Some(ca_file) = settings.ca_file {
        builder = builder.ca_file(ca_file);
    }
    if let Some(transport) = transport {
        builder = builder.transport(transport.carrier());
    }
    builder.build()
}

/// A choice by its name in the settings.
pub(crate) fn find<T: Copy, const N: usize>(choices: [(&str, T); N], name: &str) -> Option<T> {
    choices.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice)
}

/// `None` for a time without an end.
pub(crate) fn milliseconds(milliseconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}
