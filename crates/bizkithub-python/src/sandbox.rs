use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bizkithub::Error;
use bizkithub_sandbox::{Fault, RequestRecord, SandboxOptions};
use pyo3::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::argument::{CustomerTexts, seconds};
use crate::error::call;
use crate::json::to_json;

/// How often a wait looks for signals.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// The sandbox, with its structures in JSON.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct Sandbox(bizkithub_sandbox::Sandbox);

#[pymethods]
impl Sandbox {
    #[new]
    fn new(py: Python<'_>, options: &str) -> PyResult<Self> {
        call(py, || bizkithub_sandbox::Sandbox::start(from_json::<SandboxOptions>(options, "sandbox_option_invalid")?))
            .map(Self)
    }

    #[getter]
    fn url(&self) -> String {
        self.0.url()
    }

    #[getter]
    fn api_key(&self) -> &str {
        self.0.api_key()
    }

    #[getter]
    fn is_running(&self) -> bool {
        self.0.is_running()
    }

    fn groups_of(
        &self,
        py: Python<'_>,
        email: Option<&Bound<'_, PyAny>>,
        cu_ref_no: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<BTreeSet<String>> {
        call(py, || Ok(self.0.groups_of(&CustomerTexts::extract(email, cu_ref_no)?.parse()?)))
    }

    fn requests(&self, py: Python<'_>) -> PyResult<String> {
        call(py, || to_json(&self.0.requests()))
    }

    fn customers(&self, py: Python<'_>) -> PyResult<String> {
        call(py, || to_json(&self.0.customers()))
    }

    /// Waits for a request with all of the wanted members; nothing when the time is up first.
    fn wait_for_request(&self, py: Python<'_>, wanted: &str, timeout: f64) -> PyResult<Option<String>> {
        let wanted: Map<String, Value> = call(py, || from_json(wanted, "sandbox_option_invalid"))?;
        let timeout = seconds(py, "timeout", timeout)?;
        let start = Instant::now();
        let is_wanted = |record: &RequestRecord| {
            let record = serde_json::to_value(record).unwrap_or_default();
            wanted.iter().all(|(name, value)| record.get(name) == Some(value))
        };
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            let found = py.detach(|| self.0.wait_for_request(left.min(SIGNAL_INTERVAL), is_wanted));
            if found.is_some() || left.is_zero() {
                return found.map(|record| call(py, || to_json(&record))).transpose();
            }
            py.check_signals()?;
        }
    }

    fn add_fault(&self, py: Python<'_>, fault: &str) -> PyResult<()> {
        call(py, || self.0.add_fault(from_json::<Fault>(fault, "fault_invalid")?))
    }

    fn clear_faults(&self) {
        self.0.clear_faults();
    }

    fn advance(&self, py: Python<'_>, duration: f64) -> PyResult<()> {
        self.0.advance(seconds(py, "seconds", duration)?);
        Ok(())
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.0.stop());
    }
}

fn from_json<T: DeserializeOwned>(text: &str, code: &'static str) -> Result<T, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid_input(code, error.to_string(), "see the documentation of Sandbox"))
}
