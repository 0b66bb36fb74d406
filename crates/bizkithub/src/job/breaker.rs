use std::num::NonZeroU32;

use crate::error::{Error, ErrorKind};

/// Notices that all first requests of a run fail alike: then the cause is hardly in the customers, and the rest of the quota is
/// better kept. A success, or a failure of another kind, code or status, disarms it for the rest of the run.
#[derive(Debug)]
pub(super) struct Breaker {
    limit: Option<NonZeroU32>,
    first: Option<Signature>,
    failures: u32,
}

type Signature = (ErrorKind, Option<String>, Option<u16>);

impl Breaker {
    pub(super) fn new(limit: Option<NonZeroU32>) -> Self {
        Self { limit, first: None, failures: 0 }
    }

    /// Whether it may still stop the run.
    pub(super) fn is_armed(&self) -> bool {
        self.limit.is_some()
    }

    pub(super) fn succeeded(&mut self) {
        self.limit = None;
    }

    /// Counts a failure for good. Returns the error with which to stop, once the limit is reached.
    pub(super) fn failed(&mut self, error: &Error) -> Option<Error> {
        let limit = self.limit?.get();
        let signature = (error.kind(), error.code().map(str::to_owned), error.status());
        if *self.first.get_or_insert_with(|| signature.clone()) != signature {
            self.limit = None;
            return None;
        }
        self.failures += 1;
        (self.failures == limit).then(|| {
            self.limit = None;
            error.clone().explain(|message| format!("the first {limit} requests all failed alike: {message}"))
        })
    }
}
