use std::panic::{AssertUnwindSafe, catch_unwind};

/// Decodes data from outside. Where a decoder panics, the data contradict themselves: that is no defect of this client, and no reason to end
/// a run.
///
/// # Errors
///
/// Why the data cannot be decoded.
pub(super) fn decoded<T, E: ToString>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("its parts contradict one another".to_owned()),
    }
}
