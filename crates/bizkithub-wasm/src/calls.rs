use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;

use bizkithub::Error;
use bizkithub::job::Cancel;
use bizkithub_javascript::json;
use futures_util::future::{AbortHandle, abortable};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::executor;
use crate::host::Callback;

/// The calls under way. Each has a number, which JavaScript chooses.
#[wasm_bindgen]
pub struct Calls(Rc<Inner>);

pub(crate) struct Inner {
    receive: Callback,
    under_way: RefCell<HashMap<u32, Stop>>,
}

/// How a call is ended early.
enum Stop {
    /// Drops its future, which closes its requests.
    Abort(AbortHandle),
    /// Asks it to come to its end.
    Cancel(Cancel),
}

#[wasm_bindgen]
impl Calls {
    /// `receive` is called with a call's number and one of: its value, its failure, its progress, an event of it (all JSON but the value).
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(receive: Callback) -> Self {
        Self(Rc::new(Inner { receive, under_way: RefCell::default() }))
    }

    /// Nothing: here the host's own timers and sockets keep the process alive.
    pub fn hold(&self) {}

    /// Nothing, as for `hold`.
    pub fn release(&self) {}

    /// Ends a call early: a run of a plan comes to its end and answers, any other call closes its requests and is not heard of
    /// again.
    pub fn abort(&self, call: u32) {
        let stop = self.0.under_way.borrow_mut().remove(&call);
        match stop {
            Some(Stop::Abort(handle)) => handle.abort(),
            Some(Stop::Cancel(cancel)) => cancel.cancel(),
            None => {}
        }
        executor::run();
    }

    pub(crate) fn inner(&self) -> Rc<Inner> {
        self.0.clone()
    }
}

impl Inner {
    /// Starts a call.
    pub(crate) fn start<T: Into<JsValue>>(
        self: &Rc<Self>,
        call: u32,
        work: impl Future<Output = Result<T, Error>> + 'static,
    ) {
        let (work, handle) = abortable(work);
        self.start_with(call, Stop::Abort(handle), async move { work.await.ok() });
    }

    /// Starts a call that is not dropped but cancelled when it is to end early.
    pub(crate) fn start_cancellable<T: Into<JsValue>>(
        self: &Rc<Self>,
        call: u32,
        cancel: Cancel,
        work: impl Future<Output = Result<T, Error>> + 'static,
    ) {
        self.start_with(call, Stop::Cancel(cancel), async move { Some(work.await) });
    }

    /// Tells JavaScript how far a call is.
    pub(crate) fn tell_progress(&self, call: u32, progress: String) {
        self.receive.receive(&JsValue::NULL, call, JsValue::NULL, None, Some(progress), None);
    }

    /// Tells JavaScript of an event of a call.
    pub(crate) fn tell_event(&self, call: u32, event: String) {
        self.receive.receive(&JsValue::NULL, call, JsValue::NULL, None, None, Some(event));
    }

    fn start_with<T: Into<JsValue>>(
        self: &Rc<Self>,
        call: u32,
        stop: Stop,
        work: impl Future<Output = Option<Result<T, Error>>> + 'static,
    ) {
        self.under_way.borrow_mut().insert(call, stop);
        let calls = self.clone();
        executor::spawn(async move {
            let result = work.await;
            calls.under_way.borrow_mut().remove(&call);
            let (value, failure) = match result {
                Some(Ok(value)) => (value.into(), None),
                Some(Err(error)) => (JsValue::NULL, Some(json(&error))),
                None => return,
            };
            calls.receive.receive(&JsValue::NULL, call, value, failure, None, None);
        });
        executor::run();
    }
}
