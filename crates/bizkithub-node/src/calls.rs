use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bizkithub::Error;
use bizkithub::job::Cancel;
use futures_util::FutureExt;
use napi::bindgen_prelude::{Either4, FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, sys};
use napi_derive::napi;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::error::{Failure, caught};
use crate::plan::Plan;
use crate::report::Report;

/// One thread drives the sockets of all clients: a second one would only pass the same work to and fro, which costs more
/// than the work.
static RUNTIME: LazyLock<std::io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).thread_name("bizkithub").enable_all().build());

/// Computes, or waits for files, on a thread where that holds nobody up.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    // A panic arrives as a failed join, and must not look different from any other panic.
    match tokio::task::spawn_blocking(work).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(result) => result,
        Err(Ok(panic)) => caught(Err(panic)),
        Err(Err(_)) => Err(Error::internal("the runtime is shutting down")),
    }
}

/// What a call may end with, when it does not fail.
#[napi]
#[expect(unreachable_pub, reason = "napi-derive takes public types only")]
pub type Answer = Either4<String, Plan, Report, u32>;

type Message = FnArgs<(u32, Option<Answer>, Option<String>, Option<String>, Option<String>)>;
type Receive = ThreadsafeFunction<Message, (), Message, Status, false, true>;

/// The calls under way of one JavaScript environment. Each has a number, which JavaScript chooses.
///
/// All of them share one channel into the event loop: a channel for each call would cost more than its HTTP exchange.
#[napi]
pub struct Calls(Arc<Inner>);

pub(crate) struct Inner {
    receive: Receive,
    under_way: Mutex<HashMap<u32, Stop>>,
}

/// How a call is ended early.
enum Stop {
    /// Drops its future, which closes its requests.
    Abort(AbortHandle),
    /// Asks it to come to its end.
    Cancel(Cancel),
}

#[napi]
impl Calls {
    /// `receive` is called with a call's number and one of: its value, its failure, its progress, an event of it (all JSON but the value).
    #[napi(
        constructor,
        ts_args_type = "receive: (call: number, value: Answer | null, failure: string | null, progress: string | null, event: string | null) => void"
    )]
    pub fn new(receive: Function<'_, Message, ()>) -> napi::Result<Self> {
        let receive = receive.build_threadsafe_function::<Message>().weak::<true>().build()?;
        Ok(Self(Arc::new(Inner { receive, under_way: Mutex::default() })))
    }

    /// Keeps the process alive, from the first call under way on.
    #[napi]
    pub fn hold(&self, env: Env) {
        self.0.hold(env);
    }

    /// Lets the process exit, from the last call under way on.
    #[napi]
    pub fn release(&self, env: Env) {
        self.0.release(env);
    }

    /// Ends a call early: a run of a plan comes to its end and answers, any other call closes its requests and is not heard of
    /// again.
    #[napi]
    pub fn abort(&self, call: u32) {
        match self.0.under_way().remove(&call) {
            Some(Stop::Abort(handle)) => handle.abort(),
            Some(Stop::Cancel(cancel)) => cancel.cancel(),
            None => {}
        }
    }

    pub(crate) fn inner(&self) -> Arc<Inner> {
        self.0.clone()
    }
}

impl Inner {
    /// Starts a call on the runtime.
    pub(crate) fn start(
        self: &Arc<Self>,
        call: u32,
        work: impl Future<Output = Result<Answer, Error>> + Send + 'static,
    ) -> Option<Failure> {
        self.start_with(call, None, work)
    }

    /// Starts a call that is not dropped but cancelled when it is to end early.
    pub(crate) fn start_cancellable(
        self: &Arc<Self>,
        call: u32,
        cancel: Cancel,
        work: impl Future<Output = Result<Answer, Error>> + Send + 'static,
    ) -> Option<Failure> {
        self.start_with(call, Some(cancel), work)
    }

    /// Starts a call that computes, or waits for files, on a thread where that holds nobody up.
    pub(crate) fn start_blocking(
        self: &Arc<Self>,
        call: u32,
        work: impl FnOnce() -> Result<Answer, Error> + Send + 'static,
    ) -> Option<Failure> {
        self.start(call, blocking(work))
    }

    /// Tells JavaScript how far a call is.
    pub(crate) fn tell_progress(&self, call: u32, progress: String) {
        self.tell((call, None, None, Some(progress), None));
    }

    /// Tells JavaScript of an event of a call.
    pub(crate) fn tell_event(&self, call: u32, event: String) {
        self.tell((call, None, None, None, Some(event)));
    }

    fn start_with(
        self: &Arc<Self>,
        call: u32,
        cancel: Option<Cancel>,
        work: impl Future<Output = Result<Answer, Error>> + Send + 'static,
    ) -> Option<Failure> {
        let runtime = match &*RUNTIME {
            Ok(runtime) => runtime,
            Err(error) => return Some(Error::internal(format!("no thread can be started: {error}")).into()),
        };
        let calls = self.clone();
        // Held until the call is noted, so that its end cannot come before its beginning.
        let mut under_way = self.under_way();
        let task = runtime.spawn(async move {
            let result = caught(AssertUnwindSafe(work).catch_unwind().await);
            calls.under_way().remove(&call);
            calls.tell(match result {
                Ok(answer) => (call, Some(answer), None, None, None),
                Err(error) => (call, None, Some(Failure::from(error).failure), None, None),
            });
        });
        under_way.insert(call, cancel.map_or_else(|| Stop::Abort(task.abort_handle()), Stop::Cancel));
        None
    }

    #[expect(unsafe_code, reason = "the safe wrapper is deprecated and needs exclusive access")]
    fn hold(&self, env: Env) {
        // SAFETY: only JavaScript hands over its environment, on its own thread, and only while it is alive.
        unsafe { sys::napi_ref_threadsafe_function(env.raw(), self.receive.raw()) };
    }

    #[expect(unsafe_code, reason = "the safe wrapper is deprecated and needs exclusive access")]
    fn release(&self, env: Env) {
        // SAFETY: as for `hold`.
        unsafe { sys::napi_unref_threadsafe_function(env.raw(), self.receive.raw()) };
    }

    fn tell(&self, message: (u32, Option<Answer>, Option<String>, Option<String>, Option<String>)) {
        // The only refusal is that of an environment which is shutting down, and has nobody left to tell.
        let _ = self.receive.call(message.into(), ThreadsafeFunctionCallMode::NonBlocking);
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Stop>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
