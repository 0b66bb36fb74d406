use std::collections::VecDeque;
use std::time::Duration;

use bizkithub::{Error, KeyKind};
use serde::{Deserialize, Serialize};

const SECOND: Duration = Duration::from_secs(1);

/// The three published quota models, which disagree. Each counts per key; `ROOT` keys are never limited.
///
/// A request counts when its key passed the checks before the rate limit and it was not itself refused for the quota.
///
/// Source: BizKitHub documentation, articles on rate limits, read in November 2026.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum QuotaModel {
    /// So many requests in any stretch of `window`, and so many in any one second. Code `RATE_LIMIT_EXCEEDED`.
    ///
    /// JSON: `{"model": "slidingWindow", "limit": 1000, "burst": 50, "windowSeconds": 3600}`; `burst` (default: none) and
    /// `windowSeconds` (default: an hour) may be left out. The documented plans: 1,000 and 50, 10,000 and 200, 100,000 and 1,000.
    SlidingWindow {
        /// Requests in any stretch of the window.
        limit: u64,
        /// Requests in any one second.
        #[serde(default)]
        burst: Option<u64>,
        /// The window's length.
        #[serde(default = "an_hour", with = "crate::seconds", rename = "windowSeconds")]
        window: Duration,
    },
    /// So many requests in each block of time; blocks begin at full multiples of their length since the Unix epoch.
    /// Code `PUBLIC_API_KEY_TOO_MANY_REQUEST`.
    ///
    /// JSON: `{"model": "fixedBlock", "limit": 1000, "blockSeconds": 600}`; `blockSeconds` (default: ten minutes) may be left out.
    FixedBlock {
        /// Requests in a block.
        limit: u64,
        /// The block's length.
        #[serde(default = "ten_minutes", with = "crate::seconds", rename = "blockSeconds")]
        block: Duration,
    },
    /// So many requests in each minute, by the kind of key; minutes begin at full multiples. Code `INTERNAL_TOO_MANY_REQUESTS`.
    ///
    /// JSON: `{"model": "perMinute", "production": 500000, "development": 1000, "minuteSeconds": 60}`; everything but the model
    /// may be left out (defaults as shown).
    PerMinute {
        /// Requests a minute with a `PROD` key.
        #[serde(default = "documented_production_limit")]
        production: u64,
        /// Requests a minute with a `DEV_` key.
        #[serde(default = "documented_development_limit")]
        development: u64,
        /// How long a "minute" is, so that a test can do with less.
        #[serde(default = "a_minute", with = "crate::seconds", rename = "minuteSeconds")]
        minute: Duration,
    },
}

/// The ways in which an answer can tell about the quota.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum QuotaSignal {
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` (Unix seconds, rounded up) on every answer. JSON: `"xRateLimit"`.
    XRateLimit,
    /// `Retry-After` in seconds, rounded up, on a 429. JSON: `"retryAfter"`.
    RetryAfter,
    /// The IETF draft's `RateLimit` and `RateLimit-Policy` on every answer. JSON: `"rateLimitFields"`.
    RateLimitFields,
    /// `retry_after` in the body of a 429, in seconds, rounded up. JSON: `"body"`.
    Body,
}

impl QuotaModel {
    /// The documented limit of a `PROD` key in the model by the minute, in requests.
    pub const PRODUCTION_PER_MINUTE: u64 = 500_000;
    /// The documented limit of a `DEV_` key in the model by the minute, in requests.
    pub const DEVELOPMENT_PER_MINUTE: u64 = 1_000;

    /// What the documentation says about this model's answers: headers for the sliding window, nothing for the others.
    #[must_use]
    pub fn documented_signals(&self) -> &'static [QuotaSignal] {
        match self {
            Self::SlidingWindow { .. } => &[QuotaSignal::XRateLimit, QuotaSignal::RetryAfter, QuotaSignal::Body],
            Self::FixedBlock { .. } | Self::PerMinute { .. } => &[],
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let duration = match self {
            Self::SlidingWindow { window, .. } => window,
            Self::FixedBlock { block, .. } => block,
            Self::PerMinute { minute, .. } => minute,
        };
        if duration.is_zero() {
            return Err(Error::invalid_input(
                "quota_window_empty",
                "the quota's window has no length",
                "give a window of more than zero seconds",
            ));
        }
        Ok(())
    }

    /// Counts a request, if the quota still has room for it. Keys without a limit get `None`.
    pub(crate) fn take(&self, usage: &mut QuotaUsage, kind: KeyKind, now: Duration) -> Option<Allowance> {
        if kind == KeyKind::Root {
            return None;
        }
        Some(match *self {
            Self::SlidingWindow { limit, burst, window } => usage.take_from_window(limit, burst, window, now),
            Self::FixedBlock { limit, block } => {
                usage.take_from_block("PUBLIC_API_KEY_TOO_MANY_REQUEST", limit, block, now)
            }
            Self::PerMinute { production, development, minute } => {
                let limit = if kind == KeyKind::Production { production } else { development };
                usage.take_from_block("INTERNAL_TOO_MANY_REQUESTS", limit, minute, now)
            }
        })
    }
}

/// What one key has used.
#[derive(Default)]
pub(crate) struct QuotaUsage {
    /// Of a sliding window: when its requests came, oldest first.
    moments: VecDeque<Duration>,
    /// Of fixed blocks: the number of the current one, and its requests.
    block: u128,
    count: u64,
}

/// The quota's answer to one request. Moments are times since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Allowance {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    pub(crate) window: Duration,
    pub(crate) now: Duration,
    pub(crate) resets_at: Duration,
    /// Present when the request is refused: the code, and how long to wait.
    pub(crate) refusal: Option<(&'static str, Duration)>,
}

impl QuotaUsage {
    fn take_from_window(&mut self, limit: u64, burst: Option<u64>, window: Duration, now: Duration) -> Allowance {
        while self.moments.front().is_some_and(|&oldest| oldest.saturating_add(window) <= now) {
            self.moments.pop_front();
        }
        let before_this_second = self.moments.partition_point(|&moment| moment.saturating_add(SECOND) <= now);
        let oldest_of = |index: usize| self.moments.get(index).copied().unwrap_or(now);
        let window_is_full = count(self.moments.len()) >= limit;
        let burst_is_full = burst.is_some_and(|burst| count(self.moments.len() - before_this_second) >= burst);
        let room_in_window = window_is_full.then(|| oldest_of(0).saturating_add(window));
        let room_in_burst = burst_is_full.then(|| oldest_of(before_this_second).saturating_add(SECOND));
        // There is room again only when both have it; `None` is less than any moment.
        let room_again_at = room_in_window.max(room_in_burst);
        if room_again_at.is_none() {
            self.moments.push_back(now);
        }
        Allowance {
            limit,
            remaining: limit.saturating_sub(count(self.moments.len())),
            window,
            now,
            resets_at: self.moments.front().map_or(now, |&oldest| oldest.saturating_add(window)),
            refusal: room_again_at.map(|moment| ("RATE_LIMIT_EXCEEDED", moment.saturating_sub(now))),
        }
    }

    fn take_from_block(&mut self, code: &'static str, limit: u64, length: Duration, now: Duration) -> Allowance {
        let block = now.as_nanos() / length.as_nanos().max(1);
        if self.block != block {
            (self.block, self.count) = (block, 0);
        }
        let since_begin = Duration::from_nanos_u128(now.as_nanos() % length.as_nanos().max(1));
        let left = length.saturating_sub(since_begin);
        let is_refused = self.count >= limit;
        if !is_refused {
            self.count += 1;
        }
        Allowance {
            limit,
            remaining: limit.saturating_sub(self.count),
            window: length,
            now,
            resets_at: now.saturating_add(left),
            refusal: is_refused.then_some((code, left)),
        }
    }
}

/// Whole seconds, rounded up, so that nobody who obeys comes too early.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn an_hour() -> Duration {
    Duration::from_hours(1)
}

fn ten_minutes() -> Duration {
    Duration::from_mins(10)
}

fn a_minute() -> Duration {
    Duration::from_mins(1)
}

fn documented_production_limit() -> u64 {
    QuotaModel::PRODUCTION_PER_MINUTE
}

fn documented_development_limit() -> u64 {
    QuotaModel::DEVELOPMENT_PER_MINUTE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_millis(2_500);
    const LIMIT: usize = 9;
    const BURST: usize = 4;

    /// Asks at moments that are so many milliseconds apart; returns the moments at which the quota had room.
    fn admitted(model: QuotaModel, pauses: &[u64]) -> Result<Vec<Duration>, TestCaseError> {
        let mut usage = QuotaUsage::default();
        let mut now = Duration::from_secs(1_000);
        let mut moments = Vec::new();
        for pause in pauses {
            now += Duration::from_millis(*pause);
            let allowance = model.take(&mut usage, KeyKind::Development, now).unwrap();
            match allowance.refusal {
                None => moments.push(now),
                Some((_, wait)) => {
                    prop_assert!(!wait.is_zero());
                    let too_early = now + wait - Duration::from_nanos(1);
                    prop_assert!(model.take(&mut usage, KeyKind::Development, too_early).unwrap().refusal.is_some());
                    now += wait;
                    prop_assert_eq!(model.take(&mut usage, KeyKind::Development, now).unwrap().refusal, None);
                    moments.push(now);
                }
            }
        }
        Ok(moments)
    }

    fn most_within(moments: &[Duration], length: Duration) -> usize {
        let within =
            |start: &Duration| moments.iter().filter(|&moment| moment >= start && *moment < *start + length).count();
        moments.iter().map(within).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn a_sliding_window_never_admits_more_than_its_limit_and_its_wait_is_exact(
            pauses in prop::collection::vec(0_u64..900, 1..80),
        ) {
            let model = QuotaModel::SlidingWindow { limit: LIMIT as u64, burst: Some(BURST as u64), window: WINDOW };
            let moments = admitted(model, &pauses)?;
            prop_assert!(most_within(&moments, WINDOW) <= LIMIT);
            prop_assert!(most_within(&moments, SECOND) <= BURST);
        }

        #[test]
        fn a_fixed_block_never_admits_more_than_its_limit_and_its_wait_is_exact(
            pauses in prop::collection::vec(0_u64..900, 1..80),
        ) {
            let model = QuotaModel::FixedBlock { limit: LIMIT as u64, block: WINDOW };
            let moments = admitted(model, &pauses)?;
            let block = |moment: &Duration| moment.as_nanos() / WINDOW.as_nanos();
            let in_block = |number| moments.iter().filter(|moment| block(moment) == number).count();
            prop_assert!(moments.iter().all(|moment| in_block(block(moment)) <= LIMIT));
        }
    }
}
