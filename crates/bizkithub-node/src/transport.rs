//! HTTP by the host: exchanges that JavaScript performs for the core.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bizkithub::protocol::{Request, Response};
use bizkithub::{BoxFuture, TransportError, TransportErrorKind};
use bizkithub_javascript::{RequestParts, response, transport_failure};
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Either, Status};
use napi_derive::napi;
use tokio::sync::oneshot;

/// A request for the host to send. **The URL, a header or the body contains the API key.**
#[napi(object, object_from_js = false)]
pub struct TransportRequest {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The whole address, with the key in its query where it travels there.
    pub url: String,
    /// Names and values, in turn.
    pub headers: Vec<String>,
    /// The JSON body; absent for a ping.
    pub body: Option<String>,
}

type Message = FnArgs<(u32, Option<TransportRequest>)>;
type Perform = ThreadsafeFunction<Message, (), Message, Status, false, true>;

type Exchanges = HashMap<u32, oneshot::Sender<Result<Response, TransportError>>>;

/// The exchanges under way of all transports. They are outside of their transports, so that a JavaScript function can end an
/// exchange without keeping its transport, which keeps that function, alive for ever.
static UNDER_WAY: LazyLock<Mutex<Exchanges>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The host's own HTTP as the core's transport: a JavaScript function that is told of each exchange by its number, and answers
/// later with `answerExchange` or `failExchange`. The function must not reach the transport: neither would ever be freed.
#[napi]
pub struct Transport(Arc<Carrier>);

pub(crate) struct Carrier {
    perform: Perform,
}

#[napi]
impl Transport {
    /// `perform` is called with an exchange's number and its request, and with the number alone when nobody waits any more.
    #[napi(constructor, ts_args_type = "perform: (exchange: number, request: TransportRequest | null) => void")]
    pub fn new(perform: Function<'_, Message, ()>) -> napi::Result<Self> {
        let perform = perform.build_threadsafe_function::<Message>().weak::<true>().build()?;
        Ok(Self(Arc::new(Carrier { perform })))
    }

    pub(crate) fn carrier(&self) -> Shared {
        Shared(self.0.clone())
    }
}

/// The answer to an exchange; headers are names and values, in turn.
#[napi]
pub fn answer_exchange(exchange: u32, status: u16, headers: Vec<String>, body: Either<String, &[u8]>) {
    let body = match body {
        Either::A(text) => text.into_bytes(),
        Either::B(bytes) => bytes.to_vec(),
    };
    end(exchange, Ok(response(status, headers, body)));
}

/// The end of an exchange without an answer: why, without the request's URL, and the kind of failure where it is known.
#[napi]
pub fn fail_exchange(exchange: u32, reason: String, kind: Option<String>) {
    end(exchange, Err(transport_failure(reason, kind.as_deref())));
}

fn end(exchange: u32, result: Result<Response, TransportError>) {
    if let Some(sender) = under_way().remove(&exchange) {
        // Nobody waits for it after a timeout.
        let _ = sender.send(result);
    }
}

fn under_way() -> MutexGuard<'static, Exchanges> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Carrier {
    async fn carry(&self, request: Request) -> Result<Response, TransportError> {
        let exchange = NEXT.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        under_way().insert(exchange, sender);
        let _closing = Closing { carrier: self, exchange };
        self.tell(exchange, Some(message(&request)));
        let gone = || TransportError::new(TransportErrorKind::Failed, "the JavaScript environment is shutting down");
        receiver.await.unwrap_or_else(|_| Err(gone()))
    }

    fn tell(&self, exchange: u32, request: Option<TransportRequest>) {
        // The only refusal is that of an environment which is shutting down, and nobody waits in one.
        let _ = self.perform.call((exchange, request).into(), ThreadsafeFunctionCallMode::NonBlocking);
    }
}

fn message(request: &Request) -> TransportRequest {
    let RequestParts { method, url, headers, body } = request.into();
    TransportRequest { method, url, headers, body }
}

/// Tells the host to close its exchange when nobody waits for the answer any more: after a timeout or an abort.
struct Closing<'a> {
    carrier: &'a Carrier,
    exchange: u32,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        // The lock must not be held while JavaScript is told.
        let sender = under_way().remove(&self.exchange);
        if sender.is_some() {
            self.carrier.tell(self.exchange, None);
        }
    }
}

/// What the core holds of a [`Transport`].
pub(crate) struct Shared(Arc<Carrier>);

impl bizkithub::Transport for Shared {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.0.carry(request))
    }
}
