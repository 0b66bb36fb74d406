use bizkithub::Error;

/// A structure of the core in JSON, in which every language reads it.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::internal("a result could not be written").caused_by(error))
}
