use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use bizkithub::job::{self, FileSource, OutcomeBatches, source_of_rejects, write_outcomes, write_rejects};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::error::{call, exception};
use crate::json::to_json;
use crate::reasons::{self, ReasonValues};

/// The core's report, and the file that its plan was made from.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct Report {
    pub(crate) inner: Arc<job::Report>,
    pub(crate) source: Option<FileSource>,
}

#[pymethods]
impl Report {
    /// The report without its rows, in JSON.
    fn summary(&self, py: Python<'_>) -> PyResult<String> {
        call(py, || to_json(&self.inner.summary()))
    }

    /// Why rows are neither applied nor skipped.
    fn reasons(&self, py: Python<'_>) -> PyResult<Vec<ReasonValues>> {
        let reasons = call(py, || Ok(py.detach(|| self.inner.reasons())))?;
        Ok(reasons::values(py, reasons))
    }

    /// The exception that stopped the run.
    fn stopped_by(&self, py: Python<'_>) -> Option<PyErr> {
        self.inner.stopped_by().map(|error| exception(py, error))
    }

    /// A row's outcome and exception, by its index from 0.
    fn outcome(&self, py: Python<'_>, index: u64) -> PyResult<(&'static str, Option<PyErr>)> {
        let row = self.inner.outcome(index.saturating_add(1)).ok_or_else(|| PyIndexError::new_err(index))?;
        Ok((row.outcome.as_str(), row.error.map(|error| exception(py, &error))))
    }

    /// Every row's outcome as a stream of Arrow data, in the capsule of Arrow's C stream interface.
    fn outcome_stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let batches = OutcomeBatches::new(Arc::clone(&self.inner));
        let stream = FFI_ArrowArrayStream::new(Box::new(batches));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    /// Writes every row's outcome to a file and returns how many they are.
    fn write_outcomes(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        call(py, || py.detach(|| write_outcomes(&self.inner, &path)))
    }

    /// Writes the rejected rows to a CSV file and returns how many they are.
    fn write_rejects(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        call(py, || py.detach(|| write_rejects(&self.inner, source_of_rejects(self.source.as_ref())?, &path)))
    }
}
