use std::future::Future;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bizkithub::Error;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::call_events::CallEvents;
use crate::error::exception;
use crate::runtime::{Task, spawn};

/// Makes the Python value of a result, on the thread of the event loop.
type Conversion = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// Where the runtime puts what calls of one event loop brought, until the loop's thread takes all of it at once.
///
/// The first arrival after a visit writes a byte into a pipe, which the loop watches; those after it cost nothing. The runtime's
/// thread needs the interpreter for none of this.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct Completions(Arc<Queue>);

struct Queue {
    arrived: Mutex<Vec<(u64, Conversion)>>,
    reader: PipeReader,
    writer: PipeWriter,
}

#[pymethods]
impl Completions {
    #[new]
    fn new() -> PyResult<Self> {
        let (reader, writer) = pipe()?;
        Ok(Self(Arc::new(Queue { arrived: Mutex::default(), reader, writer })))
    }

    /// The file descriptor that becomes readable when something has arrived.
    #[cfg(unix)]
    fn fileno(&self) -> std::os::fd::RawFd {
        std::os::fd::AsRawFd::as_raw_fd(&self.0.reader)
    }

    /// Waits until something has arrived; never when `fileno` was made non-blocking, as a loop inside a loop may visit twice.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        match py.detach(|| (&self.0.reader).read_exact(&mut [0])) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            result => Ok(result?),
        }
    }

    /// Ends a `wait` although nothing has arrived.
    fn wake(&self) -> PyResult<()> {
        Ok((&self.0.writer).write_all(&[0])?)
    }

    /// Takes what has arrived: the number of each call, its value, and its exception. To be called once after each `wait`.
    fn take(&self, py: Python<'_>) -> Vec<(u64, Option<Py<PyAny>>, Option<PyErr>)> {
        let arrived = std::mem::take(&mut *self.0.lock());
        let convert = |(number, conversion): (u64, Conversion)| match conversion(py) {
            Ok(value) => (number, Some(value), None),
            Err(error) => (number, None, Some(error)),
        };
        arrived.into_iter().map(convert).collect()
    }
}

impl Queue {
    fn push(&self, number: u64, conversion: Conversion) {
        let mut arrived = self.lock();
        arrived.push((number, conversion));
        if arrived.len() == 1 {
            // The pipe holds a few bytes at most, and its other end is open as long as this one.
            let _ = (&self.writer).write_all(&[0]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Conversion)>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends values of a call to its event loop.
#[derive(Clone)]
pub(crate) struct Courier {
    queue: Arc<Queue>,
    number: u64,
}

impl Courier {
    pub(crate) fn new(completions: &Completions, number: u64) -> Self {
        Self { queue: Arc::clone(&completions.0), number }
    }

    pub(crate) fn send(&self, conversion: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static) {
        self.queue.push(self.number, Box::new(conversion));
    }

    /// Starts work whose result goes to the event loop.
    pub(crate) fn start<T, O>(
        self,
        py: Python<'_>,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
        convert: impl FnOnce(T) -> O + Send + 'static,
    ) -> PyResult<Task>
    where
        T: Send + 'static,
        O: for<'py> IntoPyObject<'py>,
    {
        self.start_told(py, work, convert, None)
    }

    /// Starts work whose result goes to the event loop, where its events are told first.
    pub(crate) fn start_told<T, O>(
        self,
        py: Python<'_>,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
        convert: impl FnOnce(T) -> O + Send + 'static,
        events: Option<CallEvents>,
    ) -> PyResult<Task>
    where
        T: Send + 'static,
        O: for<'py> IntoPyObject<'py>,
    {
        spawn(py, work, move |result| {
            self.send(move |py| {
                let told = events.map_or(Ok(()), |events| events.tell(py));
                let value = result.map_err(|error| exception(py, &error))?;
                told?;
                convert(value).into_py_any(py)
            });
        })
    }
}
