use std::num::{NonZeroU32, NonZeroUsize};

use bizkithub::Error;
use bizkithub::Pace;
use bizkithub::job::{OnQuota, RunOptions};
use serde::Deserialize;

use crate::{choice, milliseconds, nullable};

/// How a plan is run. Times are in milliseconds; a breaker of `null` is none.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunSettings {
    concurrency: Option<NonZeroUsize>,
    on_quota: Option<String>,
    pace: Option<String>,
    reserve: f64,
    deadline: Option<f64>,
    longest_wait: Option<f64>,
    burst: Option<f64>,
    #[serde(deserialize_with = "nullable")]
    breaker: Option<Option<NonZeroU32>>,
}

impl RunSettings {
    /// The core's options; those that the host gives by other means have their defaults.
    ///
    /// # Errors
    ///
    /// Those of [`RunOptions::check`].
    pub fn options(&self) -> Result<RunOptions, Error> {
        let mut options = RunOptions::default();
        options.concurrency = self.concurrency.unwrap_or(options.concurrency);
        options.on_quota =
            self.on_quota.as_deref().map(|name| choice(OnQuota::ALL, name)).transpose()?.unwrap_or_default();
        options.pace = self.pace.as_deref().map(|name| choice(Pace::ALL, name)).transpose()?.unwrap_or_default();
        options.reserve = self.reserve;
        options.deadline = self.deadline.and_then(milliseconds);
        options.longest_wait = self.longest_wait.and_then(milliseconds);
        options.burst = self.burst.and_then(milliseconds);
        options.breaker = self.breaker.unwrap_or(options.breaker);
        options.check()?;
        Ok(options)
    }
}
