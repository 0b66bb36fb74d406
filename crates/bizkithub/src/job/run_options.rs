use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use super::{Cancel, ProgressListener};

/// What a run does when the quota is used up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnQuota {
    /// Wait until it comes back, however long that takes.
    #[default]
    Wait,
    /// End the run; the report says when to resume.
    Stop,
}

impl OnQuota {
    /// Every choice with its name in the settings.
    pub const ALL: [(&'static str, Self); 2] = [("wait", Self::Wait), ("stop", Self::Stop)];
}

/// How a plan is run.
#[derive(Clone)]
#[non_exhaustive]
pub struct RunOptions {
    /// The most requests under way at once, at most [`RunOptions::CONCURRENCY_LIMIT`]. Default: 16.
    pub concurrency: NonZeroUsize,
    /// What to do when the quota is used up. Default: wait.
    pub on_quota: OnQuota,
    /// Stops a run whose first so many requests all fail alike, because the cause is hardly in the customers; `None` for
    /// never. Default: 50.
    pub breaker: Option<NonZeroU32>,
    /// A flag that stops the run.
    pub cancel: Cancel,
    /// How long a cancelled run waits for the answers to the requests under way. Default: 75 milliseconds, so that Ctrl-C
    /// answers within 0.2 seconds also where it takes a moment to be noticed.
    pub grace: Duration,
    /// Who is told about progress.
    pub progress: Option<Arc<dyn ProgressListener>>,
}

impl RunOptions {
    /// More requests at once than this are not made: they would exhaust the sockets of the machine, not speed up the run.
    pub const CONCURRENCY_LIMIT: usize = 256;
}

impl Default for RunOptions {
    fn default() -> Self {
        const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);
        const BREAKER: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);
        Self {
            concurrency: CONCURRENCY,
            on_quota: OnQuota::default(),
            breaker: Some(BREAKER),
            cancel: Cancel::new(),
            grace: Duration::from_millis(75),
            progress: None,
        }
    }
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RunOptions")
            .field("concurrency", &self.concurrency)
            .field("on_quota", &self.on_quota)
            .field("breaker", &self.breaker)
            .field("cancel", &self.cancel)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
