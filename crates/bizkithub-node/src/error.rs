use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bizkithub::Error;
use bizkithub_javascript::json;
use napi::Either;
use napi_derive::napi;

/// An error as a value: the npm package makes an instance of its class of it.
#[napi(object)]
pub struct Failure {
    /// JSON of the core's error.
    pub failure: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { failure: json(&error) }
    }
}

/// Makes an internal error of a caught panic.
pub(crate) fn caught<T>(result: Result<Result<T, Error>, Box<dyn Any + Send>>) -> Result<T, Error> {
    result.unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
}

/// Runs a piece of the core on the calling thread; a panic becomes an internal error.
pub(crate) fn answer<T>(work: impl FnOnce() -> Result<T, Error>) -> Either<T, Failure> {
    match caught(catch_unwind(AssertUnwindSafe(work))) {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(error.into()),
    }
}

/// Runs a piece of the core that answers with nothing but its error.
pub(crate) fn refusal(work: impl FnOnce() -> Result<(), Error>) -> Option<Failure> {
    match answer(work) {
        Either::A(()) => None,
        Either::B(failure) => Some(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error_with_its_message() {
        let number = 7;
        for (answer, expected) in [
            (answer::<()>(|| panic!("it broke")), "the core panicked: it broke"),
            (answer::<()>(|| panic!("it broke {number} times")), "the core panicked: it broke 7 times"),
            (answer::<()>(|| std::panic::panic_any(number)), "the core panicked: without a message"),
        ] {
            let Either::B(Failure { failure }) = answer else { panic!("a panic was taken for a value") };
            let failure: serde_json::Value = serde_json::from_str(&failure).expect("JSON");
            assert_eq!(failure["kind"], "internal");
            assert_eq!(failure["message"], expected);
        }
    }
}
