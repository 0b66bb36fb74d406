use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use bizkithub::job::{
    self, CheckedRows, Columns, EarlierAnswers, FileSource, LazyLedger, PlanBuilder, PlanOptions, RunOptions,
    source_of_rejects, write_rejects_of_plan,
};
use bizkithub::{Error, Timestamp};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::argument::{ColumnName, Text, Texts, moment_of, seconds};
use crate::arrow_rows::{ArrowReading, ArrowRows, Stop};
use crate::client::Client;
use crate::completions::{Completions, Courier};
use crate::error::{call, exception};
use crate::json::to_json;
use crate::reasons::{self, ReasonValues};
use crate::report::Report;
use crate::rows::RowReader;
use crate::run::{Cancel, RunSettings, collect, drive};
use crate::runtime::{Task, blocking};
use crate::wait::wait;

/// The core's plan, and the file that it was made from.
#[pyclass(frozen, module = "bizkithub._native")]
#[derive(Clone)]
pub(crate) struct Plan {
    inner: job::Plan,
    source: Option<FileSource>,
}

/// What a plan is made of, besides its rows.
#[pyclass(frozen, from_py_object, module = "bizkithub._native")]
#[derive(Clone)]
pub(crate) struct PlanSettings {
    columns: Columns,
    options: PlanOptions,
}

#[pymethods]
impl PlanSettings {
    #[new]
    #[pyo3(signature = (*, email, cu_ref_no, groups, constant_groups, allow_groups, resend, resend_after, retry_rejected, begun_at))]
    #[expect(clippy::too_many_arguments, reason = "each is a setting with a name")]
    fn new(
        py: Python<'_>,
        email: Option<ColumnName>,
        cu_ref_no: Option<ColumnName>,
        groups: Option<ColumnName>,
        constant_groups: Texts,
        allow_groups: Option<Texts>,
        resend: bool,
        resend_after: Option<f64>,
        retry_rejected: bool,
        begun_at: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let name = |name: Option<ColumnName>| name.map(|ColumnName(name)| name);
        let columns = Columns { email: name(email), cu_ref_no: name(cu_ref_no), groups: name(groups) };
        let allowed = allow_groups.as_ref().map(|Texts(texts)| texts.as_slice());
        let mut options = call(py, || PlanOptions::parse(&constant_groups.0, allowed))?;
        let resend_after = resend_after.map(|age| seconds(py, "resend_after", age)).transpose()?;
        let begun_at = begun_at.map(|begin| moment_of("begun_at", &begin)).transpose()?;
        options.earlier = EarlierAnswers { resend, resend_after, retry_rejected, begun_at };
        Ok(Self { columns, options })
    }

    /// Where the columns stand that the plan reads, among those that there are.
    fn places(&self, py: Python<'_>, names: Vec<String>) -> PyResult<Vec<usize>> {
        call(py, || {
            let mut places: Vec<_> = self.columns.places(&names)?.into_iter().flatten().collect();
            places.sort_unstable();
            places.dedup();
            Ok(places)
        })
    }
}

#[pymethods]
impl Plan {
    /// Plans the rows of an iterable.
    #[staticmethod]
    fn from_rows(client: &Client, rows: &Bound<'_, PyAny>, settings: &PlanSettings) -> PyResult<Self> {
        let plan = rows_of(rows, settings)?;
        let inner = wait(rows.py(), finishing(plan, client.ledger(rows.py())?))?;
        Ok(Self { inner, source: None })
    }

    /// Plans the rows of a file.
    #[staticmethod]
    fn from_file(
        py: Python<'_>,
        client: &Client,
        path: PathBuf,
        delimiter: Text,
        settings: PlanSettings,
    ) -> PyResult<Self> {
        wait(py, reading(file(py, path, &delimiter, &settings)?, settings, client.ledger(py)?))
    }

    /// Plans the rows of a file for an event loop.
    #[staticmethod]
    fn start_from_file(
        py: Python<'_>,
        completions: &Completions,
        number: u64,
        client: &Client,
        path: PathBuf,
        delimiter: Text,
        settings: PlanSettings,
    ) -> PyResult<Task> {
        let work = reading(file(py, path, &delimiter, &settings)?, settings, client.ledger(py)?);
        Courier::new(completions, number).start(py, work, |plan| plan)
    }

    /// Plans the rows of anything that exports Arrow data.
    #[staticmethod]
    fn from_arrow(py: Python<'_>, client: &Client, rows: &ArrowRows, settings: PlanSettings) -> PyResult<Self> {
        wait(py, reading(Input::arrow(py, rows)?, settings, client.ledger(py)?))
    }

    /// Plans the rows of anything that exports Arrow data for an event loop.
    #[staticmethod]
    fn start_from_arrow(
        py: Python<'_>,
        completions: &Completions,
        number: u64,
        client: &Client,
        rows: &ArrowRows,
        settings: PlanSettings,
    ) -> PyResult<Task> {
        let work = reading(Input::arrow(py, rows)?, settings, client.ledger(py)?);
        Courier::new(completions, number).start(py, work, |plan| plan)
    }

    /// The bill in JSON, under the quota of a client.
    fn bill(&self, py: Python<'_>, client: &Client) -> PyResult<String> {
        let quota = client.inner(py)?.quota();
        call(py, || to_json(&self.inner.bill().under(quota)))
    }

    /// Every row as it is understood, as a stream of Arrow data, in the capsule of Arrow's C stream interface. No client is asked.
    #[staticmethod]
    fn check_arrow<'py>(py: Python<'py>, rows: &ArrowRows, settings: PlanSettings) -> PyResult<Bound<'py, PyCapsule>> {
        let plan = wait(py, reading(Input::arrow(py, rows)?, settings, None))?;
        let stream = FFI_ArrowArrayStream::new(Box::new(CheckedRows::new(plan.inner)));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    /// Why rows are refused.
    fn reasons(&self, py: Python<'_>) -> PyResult<Vec<ReasonValues>> {
        let reasons = call(py, || Ok(py.detach(|| self.inner.reasons())))?;
        Ok(reasons::values(py, reasons))
    }

    /// Writes the rows that are rejected before anything is sent to a CSV file and returns how many they are.
    fn write_rejects(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        call(py, || py.detach(|| write_rejects_of_plan(&self.inner, source_of_rejects(self.source.as_ref())?, &path)))
    }

    fn refusal_count(&self) -> usize {
        self.inner.refusals().len()
    }

    /// The exception of a refused row.
    fn refusal(&self, py: Python<'_>, index: usize) -> PyResult<PyErr> {
        let error = self.inner.refusal(index).ok_or_else(|| PyIndexError::new_err(index))?;
        Ok(exception(py, &error))
    }

    /// Sends the requests. Returns the report and the exception that interrupted the run, of a signal or of `tell`, which is
    /// called with a level and JSON: of an event, or level 0 and a snapshot of the progress.
    fn run(
        &self,
        py: Python<'_>,
        client: &Client,
        settings: &RunSettings,
        cancel: &Cancel,
        tell: &Bound<'_, PyAny>,
    ) -> PyResult<(Report, Option<PyErr>)> {
        let mut options = settings.options(cancel);
        let (client, told) = collect(settings, client.inner(py)?, &mut options);
        let work = self.running(client, options);
        drive(py, work, &cancel.0, tell, told)
    }

    /// Sends the requests for an event loop. What arrives is what `tell` of `run` gets, as a tuple, and at the end the report.
    fn start_run(
        &self,
        py: Python<'_>,
        completions: &Completions,
        number: u64,
        client: &Client,
        settings: &RunSettings,
        cancel: &Cancel,
    ) -> PyResult<Task> {
        let courier = Courier::new(completions, number);
        let mut options = settings.options(cancel);
        let telling = courier.clone();
        let client = settings.listen(client.inner(py)?, &mut options, move |told| {
            telling.send(move |py| call(py, || told.values())?.into_py_any(py));
        });
        courier.start(py, self.running(client, options), |report| report)
    }
}

impl Plan {
    fn running(
        &self,
        client: bizkithub::Client,
        options: RunOptions,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<> {
        let Self { inner, source } = self.clone();
        async move { Ok(Report { inner: Arc::new(inner.run(&client, options).await), source }) }
    }
}

fn rows_of(rows: &Bound<'_, PyAny>, settings: &PlanSettings) -> PyResult<PlanBuilder> {
    let py = rows.py();
    let mut plan = call(py, || PlanBuilder::new(&settings.options))?;
    let mut reader = RowReader::new(py, &settings.columns, &plan)?;
    reader.read(rows, &mut plan)?;
    reader.finish(py)?;
    Ok(plan)
}

/// Rows that arrive in parts, for an event loop.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct RowsInParts(Mutex<Option<(PlanBuilder, RowReader)>>);

#[pymethods]
impl RowsInParts {
    #[new]
    fn new(py: Python<'_>, settings: &PlanSettings) -> PyResult<Self> {
        let plan = call(py, || PlanBuilder::new(&settings.options))?;
        let reader = RowReader::new(py, &settings.columns, &plan)?;
        Ok(Self(Mutex::new(Some((plan, reader)))))
    }

    /// Reads the next rows.
    fn read(&self, rows: &Bound<'_, PyAny>) -> PyResult<()> {
        // A row's own code could come back here while it is read.
        let (mut plan, mut reader) = call(rows.py(), || self.take())?;
        let result = reader.read(rows, &mut plan);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((plan, reader));
        result
    }

    /// Ends the plan; its ledger is asked beside the loop.
    fn start_plan(&self, py: Python<'_>, completions: &Completions, number: u64, client: &Client) -> PyResult<Task> {
        let (plan, reader) = call(py, || self.take())?;
        reader.finish(py)?;
        let work = finishing(plan, client.ledger(py)?);
        Courier::new(completions, number).start(py, work, |inner| Plan { inner, source: None })
    }
}

impl RowsInParts {
    fn take(&self) -> Result<(PlanBuilder, RowReader), Error> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| Error::internal("the rows of a plan are read twice at once"))
    }
}

/// What is read beside the interpreter.
enum Input {
    File(FileSource),
    Arrow(ArrowReading),
}

impl Input {
    fn arrow(py: Python<'_>, rows: &ArrowRows) -> PyResult<Self> {
        rows.take(py).map(Self::Arrow)
    }

    fn read_into(self, columns: &Columns, plan: &mut PlanBuilder, stop: &Stop) -> Result<Option<FileSource>, Error> {
        match self {
            Self::File(file) => file.read_into(plan).map(|()| Some(file)),
            Self::Arrow(rows) => rows.read_into(columns, plan, stop).map(|()| None),
        }
    }
}

/// Ends a plan with the ledger of its client, if it has one.
async fn finishing(plan: PlanBuilder, ledger: Option<LazyLedger>) -> Result<job::Plan, Error> {
    match ledger {
        Some(ledger) => ledger.finish(plan, Timestamp::now()).await,
        None => Ok(plan.finish()),
    }
}

async fn reading(input: Input, settings: PlanSettings, ledger: Option<LazyLedger>) -> Result<Plan, Error> {
    let stop = Stop::default();
    let _stopping = stop.on_drop();
    let (plan, source) = blocking(move || {
        let mut plan = PlanBuilder::new(&settings.options)?;
        let source = input.read_into(&settings.columns, &mut plan, &stop)?;
        Ok((plan, source))
    })
    .await?;
    Ok(Plan { inner: finishing(plan, ledger).await?, source })
}

fn file(py: Python<'_>, path: PathBuf, delimiter: &Text, settings: &PlanSettings) -> PyResult<Input> {
    let delimiter = call(py, || FileSource::parse_delimiter(&delimiter.0))?;
    Ok(Input::File(FileSource::new(path, settings.columns.clone()).delimited_by(delimiter)))
}
