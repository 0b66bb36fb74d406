use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::Poll;

use bizkithub::job::{self, OnQuota, Progress, RunOptions};
use bizkithub::{Error, Pace};
use futures_util::FutureExt;
use pyo3::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::argument::{choice, count, seconds};
use crate::error::call;
use crate::plan::to_json;
use crate::report::Report;
use crate::runtime::caught;
use crate::wait::Wait;

/// Stops a run that goes on with its report.
#[pyclass(frozen, module = "bizkithub._native")]
#[derive(Default)]
pub(crate) struct Cancel(pub(crate) job::Cancel);

#[pymethods]
impl Cancel {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

/// How a plan is run.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct RunSettings(RunOptions);

#[pymethods]
impl RunSettings {
    #[new]
    #[pyo3(signature = (*, concurrency, on_quota, pace, reserve, deadline, burst_seconds, breaker))]
    #[expect(clippy::too_many_arguments, reason = "each is a setting with a name")]
    fn new(
        py: Python<'_>,
        concurrency: i64,
        on_quota: &str,
        pace: &str,
        reserve: f64,
        deadline: Option<f64>,
        burst_seconds: Option<f64>,
        breaker: Option<i64>,
    ) -> PyResult<Self> {
        let mut options = options(py, concurrency, on_quota, breaker)?;
        options.pace = choice(py, "pace", pace, &Pace::ALL)?;
        options.reserve = reserve;
        options.deadline = deadline.map(|deadline| seconds(py, "deadline", deadline)).transpose()?;
        options.burst = burst_seconds.map(|burst| seconds(py, "burst_seconds", burst)).transpose()?;
        call(py, || options.check())?;
        Ok(Self(options))
    }
}

impl RunSettings {
    /// The core's options, with a flag of their own.
    pub(crate) fn options(&self) -> RunOptions {
        let mut options = self.0.clone();
        options.cancel = job::Cancel::new();
        options
    }
}

fn options(py: Python<'_>, concurrency: i64, on_quota: &str, breaker: Option<i64>) -> PyResult<RunOptions> {
    let mut options = RunOptions::default();
    options.concurrency = count(py, "concurrency", concurrency)?;
    options.on_quota = choice(py, "on_quota", on_quota, &OnQuota::ALL)?;
    let breaker = breaker.map(|breaker| count(py, "breaker", breaker)).transpose()?;
    options.breaker =
        breaker.map(|breaker| u32::try_from(breaker.get()).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MAX));
    Ok(options)
}

/// Collects the snapshots of a run's progress.
pub(crate) fn listen(options: &mut RunOptions) -> UnboundedReceiver<Progress> {
    let (sender, snapshots) = unbounded_channel();
    // When nobody listens any more, nobody misses the snapshot.
    options.progress = Some(Arc::new(move |snapshot: &Progress| drop(sender.send(snapshot.clone()))));
    snapshots
}

enum Event {
    Progress(Progress),
    Ended(Box<Result<Report, Error>>),
}

/// Drives a run to its end and calls `progress` with each snapshot in JSON, on this thread and outside of the run.
///
/// The first exception, of a signal handler or of `progress`, cancels the run and is returned beside the report.
pub(crate) fn drive(
    py: Python<'_>,
    run: impl Future<Output = Result<Report, Error>> + Send,
    cancel: &job::Cancel,
    progress: Option<(Bound<'_, PyAny>, UnboundedReceiver<Progress>)>,
) -> PyResult<(Report, Option<PyErr>)> {
    let (progress, mut snapshots) = progress.unzip();
    let tell = |snapshot: &Progress| match &progress {
        Some(progress) => call(py, || to_json(snapshot)).and_then(|snapshot| progress.call1((snapshot,))).map(drop),
        None => Ok(()),
    };
    let wait = Wait::begin(py)?;
    let mut run = Box::pin(caught(run));
    let mut interruption = None;
    let report = loop {
        let mut next = poll_fn(|context| match snapshots.as_mut().map(|snapshots| snapshots.poll_recv(context)) {
            Some(Poll::Ready(Some(snapshot))) => Poll::Ready(Event::Progress(snapshot)),
            _ => run.poll_unpin(context).map(|report| Event::Ended(Box::new(report))),
        });
        let interrupted = match wait.until(py, &mut next) {
            Ok(Event::Ended(report)) => break *report,
            Ok(Event::Progress(snapshot)) if interruption.is_none() => tell(&snapshot),
            Ok(Event::Progress(_)) => Ok(()),
            Err(signal) => Err(signal),
        };
        if let Err(error) = interrupted {
            cancel.cancel();
            interruption.get_or_insert(error);
        }
    };
    drop(run);
    wait.catch_up(py);
    while let (Some(Ok(snapshot)), None) = (snapshots.as_mut().map(UnboundedReceiver::try_recv), &interruption) {
        interruption = tell(&snapshot).err();
    }
    Ok((call(py, || report)?, interruption))
}
