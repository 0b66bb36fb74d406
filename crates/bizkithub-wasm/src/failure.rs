//! Errors on their way to JavaScript.

use std::cell::RefCell;

use bizkithub::Error;
use bizkithub_javascript::json;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// An error as a value: the npm package makes an instance of its class of it.
#[wasm_bindgen]
pub struct Failure(String);

#[wasm_bindgen]
impl Failure {
    /// JSON of the core's error.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn failure(&self) -> String {
        self.0.clone()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(json(&error))
    }
}

/// A value for JavaScript, or why there is none.
pub(crate) fn answer<T: Into<JsValue>>(result: Result<T, Error>) -> JsValue {
    result.map_or_else(|error| Failure::from(error).into(), Into::into)
}

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the message of the panic that is about to end the module: here no panic can be caught.
#[wasm_bindgen(start)]
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("without a message");
        PANIC.set(Some(format!("the core panicked: {message}")));
    }));
}

/// JSON of the error that a panic is, for a host that caught the module's end.
#[wasm_bindgen(js_name = panicFailure)]
#[must_use]
pub fn panic_failure() -> String {
    let message = PANIC.take().unwrap_or_else(|| "the WebAssembly module failed".to_owned());
    json(&Error::internal(message))
}
