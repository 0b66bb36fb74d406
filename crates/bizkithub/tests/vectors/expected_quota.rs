use std::time::Duration;

use bizkithub::Timestamp;
use bizkithub::protocol::Quota;
use serde::Deserialize;

use crate::case::same;

/// What an answer tells about the quota: what is absent must not be read from it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExpectedQuota {
    limit: Option<u64>,
    remaining: Option<u64>,
    /// Unix seconds.
    resets_at: Option<i64>,
    /// Seconds.
    window: Option<u64>,
    /// Seconds.
    retry_after: Option<f64>,
}

impl ExpectedQuota {
    pub(crate) fn check(&self, quota: &Quota) -> Result<(), String> {
        same("quota limit", &self.limit, &quota.limit)?;
        same("quota remaining", &self.remaining, &quota.remaining)?;
        same("quota resetsAt", &self.resets_at, &quota.resets_at.map(Timestamp::as_second))?;
        same("quota window", &self.window, &quota.window.as_ref().map(Duration::as_secs))?;
        same("quota retryAfter", &self.retry_after, &quota.retry_after.as_ref().map(Duration::as_secs_f64))
    }
}
