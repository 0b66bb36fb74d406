use std::cmp::Ordering;
use std::time::Duration;

use super::customer_table::CustomerId;
use crate::client::Tries;

/// A request of the plan on its way: whose it is, and what it has been through.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempt {
    pub(super) customer: CustomerId,
    pub(super) tries: Tries,
    /// How often it was sent.
    pub(super) sent: u32,
    /// Whether it failed when it was sent last, so that sending it again is a retry.
    pub(super) has_failed: bool,
    /// Whether it was given up in an outage and is tried again after all others.
    pub(super) is_second_chance: bool,
    /// Whether an answer was lost, so that the server may have applied it.
    pub(super) is_ambiguous: bool,
}

/// An attempt that waits for its next try. The greatest is the one that is due first, as a binary heap wants it.
#[derive(Debug)]
pub(super) struct Retry {
    /// On the monotonic clock.
    pub(super) due: Duration,
    pub(super) attempt: Attempt,
}

impl Ord for Retry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.attempt.customer).cmp(&(self.due, self.attempt.customer))
    }
}

impl PartialOrd for Retry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Retry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Retry {}
