use std::path::PathBuf;
use std::sync::Arc;

use bizkithub::job::{self, FileSource, source_of_rejects, write_outcomes, write_rejects};
use bizkithub_javascript::{json, outcomes_page};
use napi::Either;
use napi::bindgen_prelude::Either4;
use napi_derive::napi;

use crate::calls::Inner;
use crate::error::{Failure, answer};

/// What a run did.
#[napi]
pub struct Report {
    inner: Arc<job::Report>,
    calls: Arc<Inner>,
    source: Option<FileSource>,
}

#[napi]
impl Report {
    /// The report without its rows: JSON of the core's summary.
    #[napi]
    pub fn summary(&self) -> Either<String, Failure> {
        answer(|| Ok(json(&self.inner.summary())))
    }

    /// Why rows are neither applied nor skipped: a JSON array of the core's reasons.
    #[napi]
    pub fn reasons(&self) -> Either<String, Failure> {
        answer(|| Ok(json(&self.inner.reasons())))
    }

    /// The outcomes of some rows: a JSON array.
    #[napi]
    pub fn outcomes(&self, begin: u32, count: u32) -> Either<String, Failure> {
        answer(|| Ok(outcomes_page(&self.inner, begin, count)))
    }

    /// Writes every row's outcome to a file, and answers with their number.
    #[napi]
    pub fn write_outcomes(&self, call: u32, path: String) -> Option<Failure> {
        let report = self.inner.clone();
        self.calls.start_blocking(call, move || {
            let written = write_outcomes(&report, &PathBuf::from(path))?;
            Ok(Either4::D(u32::try_from(written).unwrap_or(u32::MAX)))
        })
    }

    /// Writes the rejected rows to a CSV file, and answers with their number.
    #[napi]
    pub fn write_rejects(&self, call: u32, path: String) -> Option<Failure> {
        let (report, source) = (self.inner.clone(), self.source.clone());
        self.calls.start_blocking(call, move || {
            let written = write_rejects(&report, source_of_rejects(source.as_ref())?, &PathBuf::from(path))?;
            Ok(Either4::D(u32::try_from(written).unwrap_or(u32::MAX)))
        })
    }

    pub(crate) fn new(inner: job::Report, calls: Arc<Inner>, source: Option<FileSource>) -> Self {
        Self { inner: Arc::new(inner), calls, source }
    }
}
