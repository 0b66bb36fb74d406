//! What the JavaScript host does for the module.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// A function of the host. None of those that are handed over throws.
    #[wasm_bindgen(js_name = Function)]
    pub type Callback;

    /// Tells a call's number and one of: its value, its failure, its progress, an event of it.
    #[wasm_bindgen(method, js_name = call)]
    pub fn receive(
        this: &Callback,
        context: &JsValue,
        call: u32,
        value: JsValue,
        failure: Option<String>,
        progress: Option<String>,
        event: Option<String>,
    );

    /// Hands a request over, by the exchange's number.
    #[wasm_bindgen(method, js_name = call)]
    pub fn perform(
        this: &Callback,
        context: &JsValue,
        exchange: u32,
        method: &str,
        url: &str,
        headers: Vec<String>,
        body: Option<String>,
    );

    /// Closes an exchange.
    #[wasm_bindgen(method, js_name = call)]
    pub fn close(this: &Callback, context: &JsValue, exchange: u32);

    /// Asks the host's ledger, by the question's number: `what` is the method, its argument is JSON.
    #[wasm_bindgen(method, js_name = call)]
    pub fn ask(this: &Callback, context: &JsValue, question: u32, what: &str, argument: &str);

    /// Wants `timeIsUp` to be called after so many milliseconds, instead of whenever it was wanted before; or never.
    #[wasm_bindgen(method, js_name = call)]
    pub fn set_timer(this: &Callback, context: &JsValue, milliseconds: Option<f64>);

    /// Milliseconds since the Unix epoch.
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    pub fn epoch_milliseconds() -> f64;

    /// Milliseconds since any origin, never running backwards.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub fn monotonic_milliseconds() -> f64;
}
