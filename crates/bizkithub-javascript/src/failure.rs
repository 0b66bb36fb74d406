use std::any::Any;

use bizkithub::Error;
use serde::Serialize;
use serde::de::Deserialize;

/// JSON of a value that always has one: texts, numbers, lists and structs of them.
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Reads what the npm package wrote.
///
/// # Errors
///
/// An internal error when both sides do not agree on the form.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::internal("a value is not in the form agreed upon").caused_by(error))
}

/// Makes an internal error of a caught panic.
///
/// # Errors
///
/// The result's own, or the panic's.
pub fn caught<T>(result: Result<Result<T, Error>, Box<dyn Any + Send>>) -> Result<T, Error> {
    result.unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
}
