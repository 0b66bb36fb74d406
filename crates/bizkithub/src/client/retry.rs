use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind};

const BASE: Duration = Duration::from_millis(200);
/// The longest wait before a try, unless the server asks for a longer one.
pub(crate) const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// Without a word from the server, a used-up quota is not probed faster than this.
const SHORTEST_QUOTA_WAIT: Duration = Duration::from_secs(1);

/// Decides whether a failed request is sent again, and after which wait.
///
/// Waits grow exponentially with full jitter, which spreads the clients of one outage best (AWS Architecture Blog,
/// "Exponential Backoff and Jitter", 2015). A budget shared by all calls of a client keeps retries to a tenth of the
/// requests, so that an outage does not multiply traffic.
#[derive(Debug)]
pub(crate) struct RetryPolicy {
    tries: u32,
    budget: RetryBudget,
    jitter: Mutex<fastrand::Rng>,
}

/// The tries of one call so far. A wait for quota is no failure and uses up no try.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tries {
    pub(super) failed: u32,
    pub(super) throttled: u32,
}

impl RetryPolicy {
    pub(super) fn new(tries: u32, seed: u64) -> Self {
        Self { tries, budget: RetryBudget::default(), jitter: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    /// Counts a request that is not a retry: each one earns a tenth of a retry.
    pub(crate) fn earn(&self) {
        self.budget.earn();
    }

    /// The wait before the next try, or nothing when the error is final.
    pub(crate) fn wait(&self, error: &Error, tries: &mut Tries) -> Option<Duration> {
        if !error.is_retryable() {
            return None;
        }
        let asked = error.retry_after().unwrap_or_default();
        if error.kind() == ErrorKind::Quota {
            tries.throttled += 1;
            let backoff = self.backoff(tries.throttled);
            // A server that asks for no wait at all, again and again, must not be asked without a pause.
            let asked = error.retry_after().map(|wait| wait.max(backoff));
            return Some(asked.unwrap_or(SHORTEST_QUOTA_WAIT + backoff));
        }
        tries.failed += 1;
        if tries.failed >= self.tries || !self.budget.spend() {
            return None;
        }
        Some(self.backoff(tries.failed).max(asked))
    }

    fn backoff(&self, failures: u32) -> Duration {
        let ceiling = BASE.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(LONGEST_BACKOFF);
        let share = self.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64();
        ceiling.mul_f64(share)
    }
}

/// A purse of retries, in tenths: a request puts a tenth in, a retry takes a whole one out.
#[derive(Debug)]
struct RetryBudget {
    tenths: AtomicU32,
}

impl RetryBudget {
    /// Ten retries may be made at once before the budget has to be earned.
    const LARGEST: u32 = 100;
    const RETRY: u32 = 10;

    fn earn(&self) {
        let add = |tenths: u32| (tenths < Self::LARGEST).then_some(tenths + 1);
        // A full purse refuses the tenth, which is as it should be.
        let _ = self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn spend(&self) -> bool {
        self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| tenths.checked_sub(Self::RETRY)).is_ok()
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tenths: AtomicU32::new(Self::LARGEST) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Error {
        Error::coded(ErrorKind::Server, "test", "the server failed").retryable(true)
    }

    #[test]
    fn three_tries_are_two_waits_that_grow_with_the_failures() {
        let policy = RetryPolicy::new(3, 1);
        let mut tries = Tries::default();
        let first = policy.wait(&failure(), &mut tries).expect("a first retry");
        let second = policy.wait(&failure(), &mut tries).expect("a second retry");
        assert!(first <= BASE && second <= BASE * 2, "{first:?}, {second:?}");
        assert_eq!(policy.wait(&failure(), &mut tries), None);
    }

    #[test]
    fn an_outage_is_not_multiplied() {
        let policy = RetryPolicy::new(3, 1);
        let mut retries = 0;
        for _ in 0..10_000 {
            policy.earn();
            let mut tries = Tries::default();
            while policy.wait(&failure(), &mut tries).is_some() {
                retries += 1;
            }
        }
        assert!((1_000..=1_010).contains(&retries), "{retries} retries for 10,000 requests");
    }

    #[test]
    fn waiting_for_quota_uses_up_no_try() {
        let policy = RetryPolicy::new(1, 1);
        let throttled = Error::coded(ErrorKind::Quota, "test", "the quota is used up").retryable(true);
        let mut tries = Tries::default();
        for _ in 0..100 {
            assert!(policy.wait(&throttled, &mut tries).is_some_and(|wait| wait >= SHORTEST_QUOTA_WAIT));
        }
        assert_eq!(tries.failed, 0);
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let waits = |seed| {
            let policy = RetryPolicy::new(10, seed);
            let mut tries = Tries::default();
            std::iter::from_fn(|| policy.wait(&failure(), &mut tries)).collect::<Vec<_>>()
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }
}
