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
