use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::types::KeyKind;

/// So many requests in so much time.
///
/// Written as `10000/h`, `500/min`, `20/s` or `1000/600s`, or as one of the published plans: `free` (1,000 an hour, 50 a second),
/// `starter` (10,000 and 200) or `professional` (100,000 and 1,000).
///
/// Source: BizKitHub documentation, articles on rate limits, read in November 2026.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct QuotaRate {
    limit: u64,
    window: Duration,
    burst: Option<u64>,
}

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

impl QuotaRate {
    /// The published plans with their names.
    pub const PLANS: [(&'static str, Self); 3] = [
        ("free", Self { limit: 1_000, window: HOUR, burst: Some(50) }),
        ("starter", Self { limit: 10_000, window: HOUR, burst: Some(200) }),
        ("professional", Self { limit: 100_000, window: HOUR, burst: Some(1_000) }),
    ];

    /// A rate of at least one request in at least a millisecond.
    #[must_use]
    pub fn new(limit: u64, window: Duration) -> Self {
        Self { limit: limit.max(1), window: window.max(Duration::from_millis(1)), burst: None }
    }

    /// What a key's prefix suggests, until the server tells better: `PROD` 500,000 a minute, `DEV_` 1,000 a minute, `ROOT` no limit.
    #[must_use]
    pub fn assumed(kind: KeyKind) -> Option<Self> {
        match kind {
            KeyKind::Production => Some(Self::new(500_000, MINUTE)),
            KeyKind::Development => Some(Self::new(1_000, MINUTE)),
            KeyKind::Root => None,
        }
    }

    /// Requests in a window.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The length of a window.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Requests in any one second, where the plan limits those too.
    #[must_use]
    pub fn burst(&self) -> Option<u64> {
        self.burst
    }

    /// How long so many requests take when they leave evenly.
    #[must_use]
    pub fn time_for(&self, requests: u64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let windows = requests as f64 / self.limit as f64;
        Duration::try_from_secs_f64(self.window.as_secs_f64() * windows).unwrap_or(Duration::MAX)
    }

    /// The burst that goes with an hourly limit: that of the published plan, or in its proportion.
    pub(super) fn burst_of(limit: u64) -> u64 {
        let plan = Self::PLANS.iter().find(|(_, plan)| limit <= plan.limit).or(Self::PLANS.last());
        plan.and_then(|(_, plan)| Some((limit.saturating_mul(plan.burst?) / plan.limit).max(1))).unwrap_or(limit)
    }
}

impl FromStr for QuotaRate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim().to_ascii_lowercase();
        if let Some((_, plan)) = Self::PLANS.iter().find(|(name, _)| *name == text) {
            return Ok(*plan);
        }
        let read = || {
            let (limit, window) = text.split_once('/')?;
            let limit: u64 = limit.trim().replace(['_', ','], "").parse().ok().filter(|limit| *limit > 0)?;
            let window = window.trim();
            let digits = window.bytes().take_while(u8::is_ascii_digit).count();
            let (number, unit) = window.split_at(digits);
            let number: u64 = if number.is_empty() { 1 } else { number.parse().ok().filter(|number| *number > 0)? };
            let unit = match unit.trim() {
                "s" | "sec" | "second" | "seconds" => 1,
                "m" | "min" | "minute" | "minutes" => 60,
                "h" | "hour" | "hours" => 3600,
                "d" | "day" | "days" => 86_400,
                _ => return None,
            };
            Some(Self::new(limit, Duration::from_secs(number.checked_mul(unit)?)))
        };
        read().ok_or_else(|| {
            Error::invalid_input(
                "quota_invalid",
                format!("the quota {text:?} cannot be read"),
                "write requests and time, such as 10000/h or 1000/10min, or a plan: free, starter, professional",
            )
        })
    }
}

impl fmt::Display for QuotaRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.window {
            HOUR => write!(formatter, "{}/h", self.limit),
            MINUTE => write!(formatter, "{}/min", self.limit),
            window => write!(formatter, "{}/{}s", self.limit, window.as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, limit, seconds) in [
            ("10000/h", 10_000, 3_600),
            (" 10_000 / hour ", 10_000, 3_600),
            ("1,000/10min", 1_000, 600),
            ("1000/600s", 1_000, 600),
            ("20/s", 20, 1),
            ("Starter", 10_000, 3_600),
        ] {
            let rate: QuotaRate = text.parse().expect(text);
            assert_eq!((rate.limit(), rate.window()), (limit, Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "10000", "0/h", "10/", "10/0s", "10/fortnight", "-1/h", "gold"] {
            let error = text.parse::<QuotaRate>().expect_err(text);
            assert_eq!(error.code(), Some("quota_invalid"));
        }
        let shown = ["10000/h", "5/min", "1000/600s"].map(|text| text.parse::<QuotaRate>().expect(text).to_string());
        assert_eq!(shown, ["10000/h", "5/min", "1000/600s"]);
    }

    #[test]
    fn bursts_follow_the_published_plans() {
        assert_eq!([1_000, 10_000, 100_000].map(QuotaRate::burst_of), [50, 200, 1_000]);
        assert_eq!([1, 100, 5_000, 1_000_000].map(QuotaRate::burst_of), [1, 5, 100, 10_000]);
    }
}
