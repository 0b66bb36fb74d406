use bizkithub::job;
use bizkithub_javascript::{json, outcomes_page};
use wasm_bindgen::prelude::wasm_bindgen;

/// What a run did.
#[wasm_bindgen]
pub struct Report(job::Report);

#[wasm_bindgen]
impl Report {
    /// The report without its rows: JSON of the core's summary.
    #[must_use]
    pub fn summary(&self) -> String {
        json(&self.0.summary())
    }

    /// Why rows are neither applied nor skipped: a JSON array of the core's reasons.
    #[must_use]
    pub fn reasons(&self) -> String {
        json(&self.0.reasons())
    }

    /// The outcomes of some rows: a JSON array.
    #[must_use]
    pub fn outcomes(&self, begin: u32, count: u32) -> String {
        outcomes_page(&self.0, begin, count)
    }

    pub(crate) fn new(inner: job::Report) -> Self {
        Self(inner)
    }
}
