use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use bizkithub::{Error, Field, Timestamp};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Runs code of the core: its errors become exceptions, and so does a panic.
pub(crate) fn call<T>(py: Python<'_>, code: impl FnOnce() -> Result<T, Error>) -> PyResult<T> {
    let result = catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|panic| Err(Error::panicked(&*panic)));
    result.map_err(|error| exception(py, &error))
}

/// Hands an error over as values; `bizkithub.errors` makes the exception of its kind.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let build = || {
        let values = PyDict::new(py);
        values.set_item("kind", error.kind().as_str())?;
        values.set_item("message", error.message())?;
        values.set_item("code", error.code())?;
        values.set_item("status", error.status())?;
        values.set_item("request_id", error.request_id())?;
        values.set_item("field", error.field().map(Field::as_str))?;
        values.set_item("row", error.row())?;
        values.set_item("line", error.line())?;
        values.set_item("advice", error.advice())?;
        values.set_item("retry_after", error.retry_after().map(|wait| wait.as_secs_f64()))?;
        values.set_item("retry_at", error.retry_at().and_then(moment))?;
        values.set_item("doc_url", error.doc_url())?;
        values.set_item("is_retryable", error.is_retryable())?;
        values.set_item("attempts", error.attempts())?;
        py.import("bizkithub.errors")?.call_method1("from_values", (error.to_string(), values))
    };
    build().map_or_else(|error| error, PyErr::from_value)
}

/// An exception for an argument that does not fit.
pub(crate) fn refused(py: Python<'_>, code: &'static str, message: String, advice: &'static str) -> PyErr {
    exception(py, &Error::invalid_input(code, message, advice))
}

/// A moment as Python's `datetime` takes it.
pub(crate) fn moment(timestamp: Timestamp) -> Option<SystemTime> {
    SystemTime::try_from(timestamp).ok()
}
