use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::Poll;

use bizkithub::event::{Event, EventLevel};
use bizkithub::job::{self, OnQuota, Progress, RunOptions};
use bizkithub::{Client, Error, Pace};
use futures_util::FutureExt;
use pyo3::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::argument::{choice, count, seconds};
use crate::error::call;
use crate::json::to_json;
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

/// How a plan is run, and what the caller wants to be told meanwhile.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct RunSettings {
    options: RunOptions,
    with_progress: bool,
    log_level: Option<EventLevel>,
}

#[pymethods]
impl RunSettings {
    #[new]
    #[pyo3(signature = (*, concurrency, on_quota, pace, reserve, deadline, longest_wait, burst, breaker, with_progress, log_level))]
    #[expect(clippy::too_many_arguments, reason = "each is a setting with a name")]
    fn new(
        py: Python<'_>,
        concurrency: i64,
        on_quota: &str,
        pace: &str,
        reserve: f64,
        deadline: Option<f64>,
        longest_wait: Option<f64>,
        burst: Option<f64>,
        breaker: Option<i64>,
        with_progress: bool,
        log_level: Option<u8>,
    ) -> PyResult<Self> {
        let mut options = options(py, concurrency, on_quota, breaker)?;
        options.pace = choice(py, "pace", pace, &Pace::ALL)?;
        options.reserve = reserve;
        options.deadline = deadline.map(|deadline| seconds(py, "deadline", deadline)).transpose()?;
        options.longest_wait = longest_wait.map(|wait| seconds(py, "longest_wait", wait)).transpose()?;
        options.burst = burst.map(|burst| seconds(py, "burst", burst)).transpose()?;
        call(py, || options.check())?;
        let log_level =
            log_level.and_then(|least| LEVELS.into_iter().find(|(number, _)| *number >= least)).map(|(_, level)| level);
        Ok(Self { options, with_progress, log_level })
    }
}

impl RunSettings {
    /// The core's options, with a flag that stops the run.
    pub(crate) fn options(&self, cancel: &Cancel) -> RunOptions {
        let mut options = self.options.clone();
        options.cancel = cancel.0.clone();
        options
    }

    /// Lets a run with a client tell what its caller wants to know.
    pub(crate) fn listen(
        &self,
        client: Client,
        options: &mut RunOptions,
        tell: impl Fn(Told) + Clone + Send + Sync + 'static,
    ) -> Client {
        if self.with_progress {
            let tell = tell.clone();
            options.progress = Some(Arc::new(move |snapshot: &Progress| tell(Told::Progress(snapshot.clone()))));
        }
        match self.log_level {
            Some(least) => client.listening(least, Arc::new(move |event: &Event| tell(Told::Event(event.clone())))),
            None => client,
        }
    }
}

/// The levels of Python's `logging`.
const LEVELS: [(u8, EventLevel); 4] =
    [(10, EventLevel::Debug), (20, EventLevel::Info), (30, EventLevel::Warning), (40, EventLevel::Error)];

/// What a run tells before its end.
pub(crate) enum Told {
    Progress(Progress),
    Event(Event),
}

impl Told {
    /// The level of an event, or 0 for a snapshot of the progress; either in JSON.
    pub(crate) fn values(self) -> Result<(u8, String), Error> {
        Ok(match self {
            Self::Progress(snapshot) => (0, to_json(&snapshot)?),
            Self::Event(event) => {
                let level = event.data.level();
                let number = LEVELS.into_iter().find(|(_, known)| *known == level).map(|(number, _)| number);
                (number.unwrap_or(20), to_json(&event)?)
            }
        })
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

/// Collects what a run with a client tells.
pub(crate) fn collect(
    settings: &RunSettings,
    client: Client,
    options: &mut RunOptions,
) -> (Client, UnboundedReceiver<Told>) {
    let (sender, told) = unbounded_channel();
    // When nobody listens any more, nobody misses it.
    let client = settings.listen(client, options, move |told| drop(sender.send(told)));
    (client, told)
}

enum Step {
    Told(Told),
    Ended(Box<Result<Report, Error>>),
}

/// Drives a run to its end and hands over what it tells, on this thread and outside of the run.
///
/// The first exception, of a signal handler or of `tell`, cancels the run and is returned beside the report.
pub(crate) fn drive(
    py: Python<'_>,
    run: impl Future<Output = Result<Report, Error>> + Send,
    cancel: &job::Cancel,
    tell: &Bound<'_, PyAny>,
    mut told: UnboundedReceiver<Told>,
) -> PyResult<(Report, Option<PyErr>)> {
    let tell = |told: Told| call(py, || told.values()).and_then(|values| tell.call1(values)).map(drop);
    // The end of an interrupted run is logged and shown too; what goes wrong with that is not what its caller has to know.
    let tell_the_rest = |told: Told| {
        if matches!(&told, Told::Event(_) | Told::Progress(Progress { is_done: true, .. })) {
            drop(tell(told));
        }
    };
    let wait = Wait::begin(py)?;
    let mut run = Box::pin(caught(run));
    let mut interruption = None;
    let report = loop {
        let mut next = poll_fn(|context| match told.poll_recv(context) {
            Poll::Ready(Some(told)) => Poll::Ready(Step::Told(told)),
            _ => run.poll_unpin(context).map(|report| Step::Ended(Box::new(report))),
        });
        let interrupted = match wait.until(py, &mut next) {
            Ok(Step::Ended(report)) => break *report,
            Ok(Step::Told(told)) if interruption.is_none() => tell(told),
            Ok(Step::Told(told)) => {
                tell_the_rest(told);
                Ok(())
            }
            Err(signal) => Err(signal),
        };
        if let Err(error) = interrupted {
            cancel.cancel();
            interruption.get_or_insert(error);
        }
    };
    drop(run);
    wait.catch_up(py);
    while let Ok(told) = told.try_recv() {
        match interruption {
            None => interruption = tell(told).err(),
            Some(_) => tell_the_rest(told),
        }
    }
    Ok((call(py, || report)?, interruption))
}
