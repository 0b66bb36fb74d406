use std::collections::VecDeque;
use std::time::Duration;

/// The published quota models, written down a second time: the sandbox's own code is not asked whether the client obeys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Model {
    Unlimited,
    /// So many in any stretch of the window and in any second, with headers on every answer.
    Sliding {
        limit: u64,
        burst: u64,
        window: Duration,
    },
    /// So many in each ten minutes, without a word about it.
    Blocks {
        limit: u64,
    },
    /// So many in each minute, without a word about it.
    Minutes {
        limit: u64,
    },
}

/// What one key has used.
#[derive(Default)]
pub(crate) struct Usage {
    admitted: VecDeque<Duration>,
    pub(crate) count: u64,
    pub(crate) refused: u64,
}

/// The answer to one request.
pub(crate) struct Verdict {
    pub(crate) is_refused: bool,
    /// Whether requests of an earlier process, which nobody could know of, are among those of the last second.
    pub(crate) is_excused: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) code: &'static str,
}

const BLOCK: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

impl Model {
    pub(crate) fn has_headers(self) -> bool {
        matches!(self, Self::Sliding { .. })
    }

    /// Requests that a window allows, and its length.
    pub(crate) fn rate(self) -> Option<(u64, Duration)> {
        match self {
            Self::Unlimited => None,
            Self::Sliding { limit, window, .. } => Some((limit, window)),
            Self::Blocks { limit } => Some((limit, BLOCK)),
            Self::Minutes { limit } => Some((limit, MINUTE)),
        }
    }

    pub(crate) fn judge(self, usage: &mut Usage, now: Duration, begin: Duration) -> Verdict {
        let is_excused = usage.admitted.iter().any(|moment| *moment < begin && *moment + SECOND > now);
        let (is_refused, headers, code) = match self {
            Self::Unlimited => (false, Vec::new(), ""),
            Self::Sliding { limit, burst, window } => {
                usage.forget(now, window);
                let in_second = usage.admitted.iter().filter(|moment| **moment + SECOND > now).count() as u64;
                let is_refused = usage.admitted.len() as u64 >= limit || in_second >= burst;
                let used = usage.admitted.len() as u64 + u64::from(!is_refused);
                let resets_at = usage.admitted.front().copied().unwrap_or(now) + window;
                let mut headers = vec![
                    ("x-ratelimit-limit".to_owned(), limit.to_string()),
                    ("x-ratelimit-remaining".to_owned(), limit.saturating_sub(used).to_string()),
                    ("x-ratelimit-reset".to_owned(), (resets_at.as_secs() + 1).to_string()),
                ];
                if is_refused {
                    let in_burst = if in_second >= burst { now + SECOND } else { now };
                    let in_window = if usage.admitted.len() as u64 >= limit { resets_at } else { now };
                    let room_at = in_burst.max(in_window);
                    headers.push(("retry-after".to_owned(), (room_at - now).as_secs_f64().ceil().to_string()));
                }
                (is_refused, headers, "RATE_LIMIT_EXCEEDED")
            }
            Self::Blocks { limit } => {
                (usage.is_block_full(now, BLOCK, limit), Vec::new(), "PUBLIC_API_KEY_TOO_MANY_REQUEST")
            }
            Self::Minutes { limit } => {
                (usage.is_block_full(now, MINUTE, limit), Vec::new(), "INTERNAL_TOO_MANY_REQUESTS")
            }
        };
        if is_refused {
            usage.refused += 1;
        } else {
            usage.count += 1;
            if self.rate().is_some() {
                usage.admitted.push_back(now);
            }
        }
        Verdict { is_refused, is_excused, headers, code }
    }
}

impl Usage {
    pub(crate) fn moments(&self) -> &VecDeque<Duration> {
        &self.admitted
    }

    fn forget(&mut self, now: Duration, window: Duration) {
        while self.admitted.front().is_some_and(|moment| *moment + window <= now) {
            self.admitted.pop_front();
        }
    }

    fn is_block_full(&mut self, now: Duration, block: Duration, limit: u64) -> bool {
        let number = |moment: Duration| moment.as_secs() / block.as_secs();
        while self.admitted.front().is_some_and(|moment| number(*moment) < number(now)) {
            self.admitted.pop_front();
        }
        self.admitted.len() as u64 >= limit
    }
}
