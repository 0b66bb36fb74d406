use std::time::Duration;

use super::attempt::Attempt;
use crate::client::Tries;

/// Notices that the server fails altogether. What is sent then only adds to its load and uses up the tries of one customer after the
/// other, so that a run better asks once a second whether it is back. (AWS Builders' Library, "Timeouts, retries, and backoff with
/// jitter": clients that go on as before keep an overloaded service down.)
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures_in_a_row: u32,
    /// Attempts that were given up since the first of them: should it be an outage, that was not their fault.
    given_up: Vec<Attempt>,
    /// On the monotonic clock.
    began_at: Option<Duration>,
}

/// Where every second answer is a failure, so many in a row come once in a million requests.
const FAILURES: u32 = 20;

impl Outage {
    /// The longest that a run waits for a server to come back.
    pub(super) const LONGEST: Duration = Duration::from_secs(600);

    /// Requests that find out whether the server is back leave so far apart.
    pub(super) const PAUSE: Duration = Duration::from_secs(1);

    /// The server failed at `now`. Tells whether that makes it an outage.
    pub(super) fn failed(&mut self, now: Duration) -> bool {
        self.failures_in_a_row += 1;
        let begins = self.failures_in_a_row == FAILURES;
        if begins {
            self.began_at = Some(now);
        }
        begins
    }

    /// An attempt ends for good, unless this turns out to be an outage.
    pub(super) fn give_up(&mut self, attempt: Attempt) {
        if self.failures_in_a_row > 0 {
            self.given_up.push(attempt);
        }
    }

    /// The attempts that the beginning of an outage has cost, as if they had never failed.
    pub(super) fn take_back(&mut self) -> impl Iterator<Item = Attempt> + use<> {
        let given_up = std::mem::take(&mut self.given_up);
        given_up.into_iter().map(|attempt| Attempt { tries: Tries::default(), ..attempt })
    }

    /// The server did its work, whatever it answered. Tells whether that is news.
    pub(super) fn ended(&mut self) -> bool {
        std::mem::take(self).began_at.is_some()
    }

    /// How long it has lasted, if there is one.
    pub(super) fn lasts(&self, now: Duration) -> Option<Duration> {
        self.began_at.map(|begin| now.saturating_sub(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_twenty_failures_in_a_row_and_ends_with_a_success() {
        let mut outage = Outage::default();
        let second = Duration::from_secs;
        for number in 1..FAILURES {
            assert!(!outage.failed(second(u64::from(number))));
        }
        assert!(!outage.ended(), "nineteen failures are bad luck");
        let begins = (1..=25).filter(|number| outage.failed(second(*number))).count();
        assert_eq!((begins, outage.lasts(second(30))), (1, Some(second(10))));
        assert!(outage.ended() && !outage.ended());
        assert_eq!(outage.lasts(second(40)), None);
    }
}
