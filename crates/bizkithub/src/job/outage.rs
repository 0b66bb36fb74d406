use std::time::Duration;

use super::attempt::Attempt;
use crate::client::Tries;

/// Notices that the server fails altogether. What is sent then only adds to its load, so that a run better asks once a second, with
/// another customer each time, whether it is back. (AWS Builders' Library, "Timeouts, retries, and backoff with jitter": clients that
/// go on as before keep an overloaded service down.)
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures_in_a_row: u32,
    /// Attempts that were given up since the first of them: should it be an outage, that was not their fault.
    given_up: Vec<Attempt>,
    /// How long it has lasted, without the waits that the server asked for.
    lasted: Option<Duration>,
}

/// Where every second answer is a failure, so many in a row come once in a million requests.
const FAILURES: u32 = 20;

impl Outage {
    /// The longest that a run waits for a server to come back.
    pub(super) const LONGEST: Duration = Duration::from_secs(600);

    /// Requests that find out whether the server is back leave so far apart.
    pub(super) const PAUSE: Duration = Duration::from_secs(1);

    /// The server failed, after so much time. Tells whether that is the beginning of an outage, which it can be only where `may_begin`.
    pub(super) fn failed(&mut self, latency: Duration, may_begin: bool) -> bool {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        match &mut self.lasted {
            Some(lasted) => {
                *lasted += latency + Self::PAUSE;
                false
            }
            None if may_begin && self.failures_in_a_row >= FAILURES => {
                self.lasted = Some(Duration::ZERO);
                true
            }
            None => false,
        }
    }

    /// Whether the server is out.
    pub(super) fn is_on(&self) -> bool {
        self.lasted.is_some()
    }

    /// Whether the server has been out for longer than a run waits.
    pub(super) fn is_too_long(&self) -> bool {
        self.lasted.is_some_and(|lasted| lasted >= Self::LONGEST)
    }

    /// An attempt ends, for good unless this is an outage. One that got another chance gets no third.
    pub(super) fn give_up(&mut self, attempt: Attempt) {
        if self.failures_in_a_row > 0 && !attempt.is_second_chance {
            self.given_up.push(attempt);
        }
    }

    /// The server did its work, whatever it answered. If that ends an outage, returns the attempts that it has cost, as if they had
    /// just begun.
    pub(super) fn ended(&mut self) -> Option<impl Iterator<Item = Attempt> + use<>> {
        let Self { given_up, lasted, .. } = std::mem::take(self);
        lasted.map(|_| {
            given_up.into_iter().map(|attempt| Attempt {
                tries: Tries::default(),
                has_failed: true,
                is_second_chance: true,
                ..attempt
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(10);

    #[test]
    fn an_outage_is_twenty_failures_in_a_row_and_ends_with_a_success() {
        let mut outage = Outage::default();
        for _ in 1..FAILURES {
            assert!(!outage.failed(FAST, true));
        }
        assert!(outage.ended().is_none(), "nineteen failures are bad luck");
        let begins = (1..=25).filter(|_| outage.failed(FAST, true)).count();
        assert_eq!((begins, outage.is_on()), (1, true));
        assert!(outage.ended().is_some() && !outage.is_on() && outage.ended().is_none());
    }

    #[test]
    fn it_begins_no_sooner_than_it_may_and_lasts_as_long_as_was_asked() {
        let mut outage = Outage::default();
        assert!((0..100).all(|_| !outage.failed(FAST, false)));
        assert!(outage.failed(FAST, true));
        let probes = (1..).take_while(|_| {
            outage.failed(Duration::from_secs(2), true);
            !outage.is_too_long()
        });
        assert_eq!(probes.count(), 199, "three seconds each");
    }

    #[test]
    fn what_it_has_cost_gets_one_more_chance() {
        let mut outage = Outage::default();
        outage.give_up(Attempt { customer: 1, ..Attempt::default() });
        for customer in 2..30 {
            outage.failed(FAST, true);
            outage.give_up(Attempt { customer, is_second_chance: customer == 5, ..Attempt::default() });
        }
        let again: Vec<_> = outage.ended().expect("an outage").map(|attempt| attempt.customer).collect();
        assert_eq!(again, (2..30).filter(|customer| *customer != 5).collect::<Vec<_>>());
    }
}
