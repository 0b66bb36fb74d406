use std::rc::Rc;
use std::sync::Arc;

use bizkithub::event::{Event, EventLevel};
use bizkithub::job::{Plan, PlanBuilder};
use bizkithub::{Clock, Customer, Error, parse_groups};
use bizkithub_javascript::{ClientSettings, json, parse};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::calls::{Calls, Inner};
use crate::clock::HostClock;
use crate::failure::{Failure, answer};
use crate::ledger::{HostLedger, Ledger};
use crate::transport::Transport;

/// A client of one organisation.
#[derive(Clone)]
#[wasm_bindgen]
pub struct Client {
    pub(crate) inner: bizkithub::Client,
    pub(crate) calls: Rc<Inner>,
    event_level: Option<EventLevel>,
    ledger: Option<Arc<HostLedger>>,
}

#[wasm_bindgen]
impl Client {
    /// Begins a client with settings in JSON. Nothing is sent.
    #[wasm_bindgen(unchecked_return_type = "Client | Failure")]
    pub fn create(calls: &Calls, settings: &str, transport: &Transport, ledger: Option<Ledger>) -> JsValue {
        answer(Self::with_settings(calls, settings, transport, ledger))
    }

    /// The address of the API.
    #[wasm_bindgen(getter, js_name = baseUrl)]
    #[must_use]
    pub fn base_url(&self) -> String {
        self.inner.base_url().to_string()
    }

    /// Puts groups on one customer, and answers with a receipt in JSON. Returns a failure when the input is refused and no call begins.
    #[wasm_bindgen(js_name = addGroups)]
    #[must_use]
    pub fn add_groups(
        &self,
        call: u32,
        email: Option<String>,
        cu_ref_no: Option<String>,
        groups: Vec<String>,
    ) -> Option<Failure> {
        let parse = || Ok((Customer::parse(email.as_deref(), cu_ref_no.as_deref())?, parse_groups(&groups)?));
        let (customer, groups) = match parse() {
            Ok(input) => input,
            Err(error) => return Some(Error::into(error)),
        };
        let client = self.listening(call);
        self.calls.start(call, async move { Ok(json(&client.add_groups(&customer, &groups).await?)) });
        None
    }

    /// Asks the server whether it accepts the key, and answers with a receipt in JSON.
    #[must_use]
    pub fn ping(&self, call: u32) -> Option<Failure> {
        let client = self.listening(call);
        self.calls.start(call, async move { Ok(json(&client.ping().await?)) });
        None
    }
}

impl Client {
    fn with_settings(
        calls: &Calls,
        settings: &str,
        transport: &Transport,
        ledger: Option<Ledger>,
    ) -> Result<Self, Error> {
        let settings: ClientSettings = parse(settings)?;
        let event_level = settings.event_level()?;
        let builder = settings.apply(bizkithub::Client::builder())?;
        let inner = builder.transport(transport.carrier()).clock(Arc::new(HostClock)).build()?;
        let ledger = ledger.map(|ledger| Arc::new(ledger.of(&inner)));
        Ok(Self { inner, calls: calls.inner(), event_level, ledger })
    }

    /// The core's client, whose events belong to a call.
    pub(crate) fn listening(&self, call: u32) -> bizkithub::Client {
        let Some(least) = self.event_level else { return self.inner.clone() };
        let calls = self.calls.clone();
        self.inner.listening(least, Arc::new(move |event: &Event| calls.tell_event(call, json(event))))
    }

    /// Ends a plan with the host's ledger, if there is one.
    pub(crate) async fn finish(&self, builder: PlanBuilder) -> Result<Plan, Error> {
        match &self.ledger {
            None => Ok(builder.finish()),
            Some(ledger) => builder.finish_with(ledger.clone(), HostClock.now()).await,
        }
    }
}
