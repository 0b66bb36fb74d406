//! Rows that a frame exports as Arrow data. They are read beside the interpreter; a producer may need it all the same, so that no
//! reading may outlive it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::ArrowError;
use bizkithub::Error;
use bizkithub::job::{Columns, PlanBuilder};
use pyo3::exceptions::{PyException, PyImportError, PyMemoryError};
use pyo3::prelude::*;
use pyo3_arrow::input::AnyRecordBatch;

use crate::argument::type_name;
use crate::error::{call, refused};
use crate::per_process::PerProcess;

/// The rows of a frame, which can be read once.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct ArrowRows(Mutex<Option<Reader>>);

type Reader = Box<dyn RecordBatchReader + Send>;

#[pymethods]
impl ArrowRows {
    /// Exports the rows, which may take long: libraries convert what is not Arrow data yet.
    #[new]
    fn new(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = data.py();
        let reader = data.extract::<AnyRecordBatch>().and_then(AnyRecordBatch::into_reader);
        let reader = reader.map_err(|cause| {
            // Ctrl-C and the like are no faults of the data, nor is a library that is not there.
            let is_other = !cause.is_instance_of::<PyException>(py)
                || cause.is_instance_of::<PyMemoryError>(py)
                || cause.is_instance_of::<PyImportError>(py);
            if is_other {
                return cause;
            }
            let message = format!("the data is {}, which exports no table of Arrow data", type_name(data));
            let advice = "pass a frame with columns, or convert those that the plan reads to text";
            let error = refused(py, "data_unreadable", message, advice);
            error.set_cause(py, Some(cause));
            error
        })?;
        Ok(Self(Mutex::new(Some(reader))))
    }
}

impl ArrowRows {
    /// The rows as what reads them into a plan.
    pub(crate) fn take(&self, py: Python<'_>) -> PyResult<ArrowReading> {
        let readings = READINGS.with(py, || Readings::begin(py), Arc::clone)?;
        let reader = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        call(py, || reader.ok_or_else(|| Error::internal("the rows of a frame are read twice")))
            .map(|reader| ArrowReading { reader, readings })
    }
}

/// How many rows are read between two looks whether they are still wanted.
const PART: usize = 1 << 19;

pub(crate) struct ArrowReading {
    reader: Reader,
    readings: Arc<Readings>,
}

impl ArrowReading {
    pub(crate) fn read_into(self, columns: &Columns, plan: &mut PlanBuilder, stop: &Stop) -> Result<(), Error> {
        let reading = ReadingUnderWay::of(&self.readings);
        // Without rows there is no batch, and its columns are to be right all the same.
        plan.push_batch(&RecordBatch::new_empty(self.reader.schema()), columns)?;
        for batch in self.reader {
            let batch = batch.map_err(broken)?;
            for begin in (0..batch.num_rows()).step_by(PART) {
                if stop.is_set() || reading.is_to_end() {
                    return Err(Error::internal("the reading of the data was stopped"));
                }
                plan.push_batch(&batch.slice(begin, PART.min(batch.num_rows() - begin)), columns)?;
            }
        }
        Ok(())
    }
}

/// What the producer says may show data: it is the error's source, which stays in Rust.
fn broken(error: ArrowError) -> Error {
    let advice = "read it by itself to see why, such as into a pyarrow table";
    Error::invalid_input("data_unreadable", "the data broke off while it was read", advice).caused_by(error)
}

/// Tells a reading that nobody waits for it any more.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it when the guard is dropped, by whoever gives the wait up.
    pub(crate) fn on_drop(&self) -> StopOnDrop {
        StopOnDrop(self.clone())
    }
}

pub(crate) struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// A forked child has readings of its own: those of its parent are no threads here, and their lock may be held for ever.
static READINGS: PerProcess<Arc<Readings>> = PerProcess::new();

/// The readings that are under way in a process. When the interpreter exits, they are to end before it does.
#[derive(Default)]
struct Readings {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    count: usize,
    is_over: bool,
}

/// A producer that does not come back by then is left alone.
const PATIENCE: Duration = Duration::from_secs(2);

impl Readings {
    fn begin(py: Python<'_>) -> PyResult<Arc<Self>> {
        py.import("atexit")?.call_method1("register", (wrap_pyfunction!(end_readings, py)?,))?;
        Ok(Arc::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct ReadingUnderWay<'a>(&'a Readings);

impl<'a> ReadingUnderWay<'a> {
    fn of(readings: &'a Readings) -> Self {
        readings.state().count += 1;
        Self(readings)
    }

    fn is_to_end(&self) -> bool {
        self.0.state().is_over
    }
}

impl Drop for ReadingUnderWay<'_> {
    fn drop(&mut self) {
        self.0.state().count -= 1;
        self.0.changed.notify_all();
    }
}

/// Ends the readings that are under way, and waits for them with the interpreter free.
#[pyfunction]
fn end_readings(py: Python<'_>) {
    let Some(readings) = READINGS.with_known(py, Arc::clone) else { return };
    py.detach(|| {
        let mut state = readings.state();
        state.is_over = true;
        drop(readings.changed.wait_timeout_while(state, PATIENCE, |state| state.count > 0));
    });
}
