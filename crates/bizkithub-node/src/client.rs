use std::sync::Arc;

use bizkithub::event::{Event, EventLevel};
use bizkithub::job::{LazyLedger, LedgerLocation, LedgerOwner, Plan, PlanBuilder};
use bizkithub::{Customer, Error, Timestamp, parse_groups};
use bizkithub_javascript::{ClientSettings, json, parse};
use napi::Either;
use napi::bindgen_prelude::Either4;
use napi_derive::napi;

use crate::calls::{Calls, Inner};
use crate::error::{Failure, answer};
use crate::transport::Transport;

/// A client of one organisation.
#[derive(Clone)]
#[napi]
pub struct Client {
    pub(crate) inner: bizkithub::Client,
    pub(crate) calls: Arc<Inner>,
    event_level: Option<EventLevel>,
    ledger: Option<LazyLedger>,
}

#[napi]
impl Client {
    /// Begins a client with settings in JSON. Nothing is sent.
    #[napi]
    pub fn create(calls: &Calls, settings: String, transport: Option<&Transport>) -> Either<Client, Failure> {
        answer(|| {
            let mut settings: ClientSettings = parse(&settings)?;
            let location = settings.ledger.take().as_deref().map(LedgerLocation::parse).transpose()?;
            let (accept_key, event_level) = (settings.accept_key, settings.event_level()?);
            let otlp_endpoint = settings.otlp_endpoint.take();
            let user_agent = concat!("bizkithub-node/", env!("CARGO_PKG_VERSION"));
            let mut builder = settings.apply(bizkithub::Client::builder().user_agent(user_agent))?;
            if let Some(transport) = transport {
                builder = builder.transport(transport.carrier());
            }
            if let Some(otlp_endpoint) = otlp_endpoint {
                builder = builder.otlp_endpoint(otlp_endpoint);
            }
            let inner = builder.build()?;
            let owner = LedgerOwner::of(&inner).accepting_key(accept_key);
            let ledger = location.map(|location| LazyLedger::new(location, owner));
            Ok(Self { inner, calls: calls.inner(), event_level, ledger })
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
        let client = self.listening(call);
        self.calls.start(call, async move {
            let receipt = client.add_groups(&customer, &groups).await?;
            Ok(Either4::A(json(&receipt)))
        })
    }

    /// Asks the server whether it accepts the key, and answers with a receipt in JSON.
    #[napi]
    pub fn ping(&self, call: u32) -> Option<Failure> {
        let client = self.listening(call);
        self.calls.start(call, async move { Ok(Either4::A(json(&client.ping().await?))) })
    }

    /// Exports what is left to export, and answers when that is done.
    #[napi]
    pub fn flush(&self, call: u32) -> Option<Failure> {
        let client = self.listening(call);
        self.calls.start_blocking(call, move || {
            client.flush();
            Ok(Either4::D(0))
        })
    }
}

impl Client {
    /// The core's client, whose events belong to a call.
    pub(crate) fn listening(&self, call: u32) -> bizkithub::Client {
        let Some(least) = self.event_level else { return self.inner.clone() };
        let calls = self.calls.clone();
        self.inner.listening(least, Arc::new(move |event: &Event| calls.tell_event(call, json(event))))
    }

    /// Ends a plan with the client's ledger, if it has one.
    pub(crate) async fn finish(&self, builder: PlanBuilder) -> Result<Plan, Error> {
        match &self.ledger {
            Some(ledger) => ledger.finish(builder, Timestamp::now()).await,
            None => Ok(builder.finish()),
        }
    }
}
