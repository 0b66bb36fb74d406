//! The tokio runtime of the event loops: one thread, started at the first call of an `AsyncClient`.
//!
//! Its thread never enters the interpreter and holds no Python object. So it cannot wait for the interpreter, cannot be surprised
//! by its exit, and needs no stopping.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use bizkithub::Error;
use futures_util::FutureExt;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::AbortHandle;

use crate::per_process::PerProcess;

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

fn handle(py: Python<'_>) -> PyResult<Handle> {
    // The client waits for the network nearly all the time: a second thread would only add switches between threads.
    let start = || Ok(Builder::new_multi_thread().worker_threads(1).thread_name("bizkithub").enable_all().build()?);
    RUNTIME.with(py, start, |runtime| runtime.handle().clone())
}

/// Work on the runtime. Dropping it cancels the work, which closes its requests.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct Task(AbortHandle);

#[pymethods]
impl Task {
    /// Cancels the work, unless it has ended.
    fn cancel(&self) {
        self.0.abort();
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts work and hands its result over on the runtime's thread.
pub(crate) fn spawn<T>(
    py: Python<'_>,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
    deliver: impl FnOnce(Result<T, Error>) + Send + 'static,
) -> PyResult<Task> {
    let task = handle(py)?.spawn(async move { deliver(caught(work).await) });
    Ok(Task(task.abort_handle()))
}

/// The same work, whose panics are internal errors.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
}

/// Runs code that blocks on a thread of its own, as work.
pub(crate) async fn blocking<T: Send + 'static>(
    code: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(code).await {
        Ok(result) => result,
        Err(error) => {
            Err(error.try_into_panic().map_or_else(|_| Error::internal("cancelled"), |panic| Error::panicked(&*panic)))
        }
    }
}
