//! Waiting in ordinary code. The calling thread itself drives the runtime that its work needs: no other thread is started, none
//! has to be woken for an answer, and none is missing in a forked child.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bizkithub::Error;
use futures_util::future::{Either, select};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::error::exception;
use crate::per_process::PerProcess;
use crate::runtime::caught;

static DRIVER: PerProcess<Arc<Driver>> = PerProcess::new();

/// How often a wait looks for signals: Ctrl-C has to answer within 0.2 seconds.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// A runtime that whoever waits drives, and its clock's tick for all of them: a timer for each call would cost a system call.
struct Driver {
    runtime: Runtime,
    tick: Arc<Notify>,
}

impl Driver {
    fn new() -> PyResult<Arc<Self>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let tick = Arc::new(Notify::new());
        let ticking = Arc::clone(&tick);
        runtime.spawn(async move {
            loop {
                sleep(SIGNAL_INTERVAL).await;
                ticking.notify_waiters();
            }
        });
        Ok(Arc::new(Self { runtime, tick }))
    }
}

/// Waits for work with the interpreter free for other threads. Ctrl-C ends the wait and cancels the work.
pub(crate) fn wait<T: Send>(py: Python<'_>, work: impl Future<Output = Result<T, Error>> + Send) -> PyResult<T> {
    let wait = Wait::begin(py)?;
    let mut work = Box::pin(caught(work));
    let result = wait.until(py, &mut work);
    if let Ok(Ok(value)) = result {
        return Ok(value);
    }
    drop(work);
    wait.catch_up(py);
    result?.map_err(|error| exception(py, &error))
}

/// Lets the connections of a dropped client close.
pub(crate) fn tidy_up(py: Python<'_>) {
    if let Some(driver) = DRIVER.with_known(py, Arc::clone) {
        Wait(driver).catch_up(py);
    }
}

/// An interruptible wait.
pub(crate) struct Wait(Arc<Driver>);

impl Wait {
    pub(crate) fn begin(py: Python<'_>) -> PyResult<Self> {
        let wait = Self(DRIVER.with(py, Driver::new, Arc::clone)?);
        wait.catch_up(py);
        Ok(wait)
    }

    /// Drives work to its end, or until a signal handler raises an exception; then it may be driven on.
    pub(crate) fn until<F: Future<Output: Send> + Send + Unpin>(
        &self,
        py: Python<'_>,
        work: &mut F,
    ) -> PyResult<F::Output> {
        let Driver { runtime, tick } = &*self.0;
        loop {
            let output = py.detach(|| match runtime.block_on(select(&mut *work, pin!(tick.notified()))) {
                Either::Left((output, _)) => Some(output),
                Either::Right(_) => None,
            });
            match output {
                Some(output) => return Ok(output),
                None => py.check_signals()?,
            }
        }
    }

    /// Lets everything happen that could have happened while nobody drove the runtime: a connection that the server has closed
    /// must not be taken for the next request, and that of an abandoned request has to be closed.
    ///
    /// The first turn runs what is ready and looks at the sockets, the second one runs what that made ready.
    pub(crate) fn catch_up(&self, py: Python<'_>) {
        py.detach(|| {
            self.0.runtime.block_on(async {
                yield_now().await;
                yield_now().await;
            });
        });
    }
}
