use std::cmp::Ordering;
use std::time::Duration;

use super::plan::Plan;
use super::{Assignment, Ledger};
use crate::client::{Client, Tries};
use crate::error::Error;
use crate::types::{CustomerIdentity, Group};

/// A request of the plan on its way: which one, and what it has been through.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    pub(super) place: usize,
    pub(super) tries: Tries,
    /// How often it was sent.
    pub(super) sent: u32,
    /// Whether it failed when it was sent last, so that sending it again is a retry.
    pub(super) has_failed: bool,
    /// Whether an answer was lost, so that the server may have applied it.
    pub(super) is_ambiguous: bool,
}

/// How an attempt ended.
pub(super) enum Ended {
    /// The server said yes, and the ledger has it.
    Applied,
    /// The ledger knew all of it: nothing was sent.
    Skipped,
    /// The server did not say yes.
    Failed(Error),
    /// The ledger failed, before the request was sent or after the server said yes.
    LedgerFailed { error: Error, is_sent: bool },
}

/// Sends what the ledger does not know, and tells the ledger once the server has said yes.
pub(super) async fn send(plan: &Plan, client: &Client, attempt: Attempt) -> (Attempt, Ended) {
    let Some((customer, groups)) = plan.request(attempt.place) else {
        return (attempt, Ended::Failed(Error::internal("a run asked its plan for a request that it does not have")));
    };
    let identity = customer.identity();
    let ended = match unknown_groups(&*plan.ledger, &identity, groups).await {
        Err(error) => Ended::LedgerFailed { error, is_sent: false },
        Ok(groups) if groups.is_empty() => Ended::Skipped,
        Ok(groups) => match client.try_add_groups(customer, &groups).await {
            Err(error) => Ended::Failed(error),
            Ok(_) => match plan.ledger.acknowledge(&assignments(&identity, &groups)).await {
                Err(error) => Ended::LedgerFailed { error, is_sent: true },
                Ok(()) => Ended::Applied,
            },
        },
    };
    (attempt, ended)
}

async fn unknown_groups(
    ledger: &dyn Ledger,
    identity: &CustomerIdentity,
    groups: Vec<Group>,
) -> Result<Vec<Group>, Error> {
    let known = ledger.acknowledged(&assignments(identity, &groups)).await?;
    let mut known = known.into_iter();
    Ok(groups.into_iter().filter(|_| known.next() != Some(true)).collect())
}

fn assignments<'a>(customer: &'a CustomerIdentity, groups: &'a [Group]) -> Vec<Assignment<'a>> {
    groups.iter().map(|group| Assignment { customer, slug: group.slug() }).collect()
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
        (other.due, other.attempt.place).cmp(&(self.due, self.attempt.place))
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
