//! HTTP by the host: exchanges that JavaScript performs for the core.

use std::rc::Rc;

use bizkithub::protocol::{Request, Response};
use bizkithub::{BoxFuture, TransportError, TransportErrorKind};
use bizkithub_javascript::{RequestParts, response, transport_failure};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::executor;
use crate::host::Callback;
use crate::questions::Questions;

thread_local! {
    static UNDER_WAY: Questions<Result<Response, TransportError>> = Questions::default();
}

/// The host's own HTTP as the core's transport: a JavaScript function that is told of each exchange by its number, and answers
/// later with `answerExchange` or `failExchange`.
#[wasm_bindgen]
pub struct Transport(Rc<Callback>);

#[wasm_bindgen]
impl Transport {
    /// `perform` is called with an exchange's number and its request, and with the number alone when nobody waits any more.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(perform: Callback) -> Self {
        Self(Rc::new(perform))
    }

    pub(crate) fn carrier(&self) -> Carrier {
        Carrier(self.0.clone())
    }
}

/// The answer to an exchange; headers are names and values, in turn.
#[wasm_bindgen(js_name = answerExchange)]
pub fn answer_exchange(exchange: u32, status: u16, headers: Vec<String>, body: Vec<u8>) {
    end(exchange, Ok(response(status, headers, body)));
}

/// The end of an exchange without an answer: why, without the request's URL, and the kind of failure where it is known.
#[wasm_bindgen(js_name = failExchange)]
pub fn fail_exchange(exchange: u32, reason: String, kind: Option<String>) {
    end(exchange, Err(transport_failure(reason, kind.as_deref())));
}

fn end(exchange: u32, result: Result<Response, TransportError>) {
    UNDER_WAY.with(|under_way| under_way.answer(exchange, result));
    executor::run();
}

/// What the core holds of a [`Transport`].
pub(crate) struct Carrier(Rc<Callback>);

impl bizkithub::Transport for Carrier {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let asked = UNDER_WAY.with(Questions::ask);
            let exchange = asked.number();
            let _closing = Closing { perform: &self.0, exchange };
            let RequestParts { method, url, headers, body } = (&request).into();
            self.0.perform(&JsValue::NULL, exchange, method, &url, headers, body);
            asked
                .answer()
                .await
                .unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Failed, "the exchange was forgotten")))
        })
    }
}

/// Tells the host to close its exchange when nobody waits for the answer any more: after a timeout or an abort.
struct Closing<'a> {
    perform: &'a Callback,
    exchange: u32,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if UNDER_WAY.with(|under_way| under_way.forget(self.exchange)) {
            self.perform.close(&JsValue::NULL, self.exchange);
        }
    }
}
