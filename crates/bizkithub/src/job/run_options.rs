use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use super::{Cancel, ProgressListener};
use crate::client::Pace;
use crate::error::Error;

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
    /// The most requests under way at once, at most [`RunOptions::CONCURRENCY_LIMIT`]; fewer while the server fails or is slow.
    /// Default: 16.
    pub concurrency: NonZeroUsize,
    /// What to do when the quota is used up, or the server asks for a wait of more than ten seconds. Default: wait.
    pub on_quota: OnQuota,
    /// How requests leave within the quota. Default: evenly.
    pub pace: Pace,
    /// The share of the quota that is left to others with the same key, from 0 to below 1. Default: 0.
    pub reserve: f64,
    /// The longest that the run may take. A wait, for quota or for the server, that would end later ends the run at once; when the time is up, the requests
    /// under way get the [grace](Self::grace). The report then says when to resume. Default: no limit.
    pub deadline: Option<Duration>,
    /// The longest that the run waits at a time, for quota or because the server asks for it: a wait that would be longer ends the run at
    /// once, and the report says when to resume. For hosts that have a better use for the time. Default: no limit.
    pub longest_wait: Option<Duration>,
    /// For how long requests leave. Then the run waits for the answers under way and ends; the report says that it may be resumed.
    /// Default: until the plan is done.
    pub burst: Option<Duration>,
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

    /// Checks what its types do not.
    ///
    /// # Errors
    ///
    /// `reserve_invalid` for a share that is not from 0 to below 1: with all of the quota left to others, a run would never end.
    pub fn check(&self) -> Result<(), Error> {
        if (0.0..1.0).contains(&self.reserve) {
            return Ok(());
        }
        let message = format!("the reserve is {}, which leaves nothing or is no share of the quota", self.reserve);
        Err(Error::invalid_input("reserve_invalid", message, "give a number from 0 to below 1, such as 0.2"))
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);
        const BREAKER: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);
        Self {
            concurrency: CONCURRENCY,
            on_quota: OnQuota::default(),
            pace: Pace::default(),
            reserve: 0.0,
            deadline: None,
            longest_wait: None,
            burst: None,
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
            .field("pace", &self.pace)
            .field("reserve", &self.reserve)
            .field("deadline", &self.deadline)
            .field("longest_wait", &self.longest_wait)
            .field("burst", &self.burst)
            .field("breaker", &self.breaker)
            .field("cancel", &self.cancel)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
