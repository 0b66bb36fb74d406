use std::time::Duration;

use futures_util::future::{Fuse, FusedFuture, FutureExt};

use super::Outcome;
use super::customer_table::CustomerId;
use super::ledger::{Batch, CustomerKey, Entry, GroupKey, KnownGroup, Ledger, Verdict};
use crate::client::BoxFuture;
use crate::error::Error;

/// Hands the server's answers over to the ledger in groups, because a durable write costs the same for one answer and for a thousand.
/// What it holds is not counted before the ledger has it.
pub(super) struct Keeper<'a> {
    ledger: &'a dyn Ledger,
    batch: Batch,
    decided: Vec<Decided>,
    /// When the oldest answer arrived, on the monotonic clock.
    since: Option<Duration>,
    /// The write under way, and what it settles.
    pub(super) writing: Fuse<BoxFuture<'a, Result<(), Error>>>,
    settling: Vec<Decided>,
}

/// A customer whose request is decided.
pub(super) struct Decided {
    pub(super) customer: CustomerId,
    pub(super) outcome: Outcome,
    pub(super) error: Option<Error>,
}

/// An answer waits at most this long for others.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// So many assignments are written at once.
const LARGEST: usize = 1_000;

impl<'a> Keeper<'a> {
    pub(super) fn new(ledger: &'a dyn Ledger) -> Self {
        Self {
            ledger,
            batch: Batch::default(),
            decided: Vec::new(),
            since: None,
            writing: Fuse::terminated(),
            settling: Vec::new(),
        }
    }

    /// Takes the server's answer to a customer's request.
    pub(super) fn take(
        &mut self,
        now: Duration,
        at: i64,
        customer: CustomerKey,
        groups: impl Iterator<Item = GroupKey>,
        verdict: &Verdict,
        decided: Decided,
    ) {
        let entry = |group| Entry { customer, group, at, verdict: verdict.clone() };
        self.batch.entries.extend(groups.map(entry));
        self.decided.push(decided);
        self.since.get_or_insert(now);
    }

    /// Takes a group that was introduced.
    pub(super) fn introduce(&mut self, group: KnownGroup) {
        self.batch.groups.push(group);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.decided.is_empty() && self.writing.is_terminated()
    }

    /// When what is held must be written at the latest.
    pub(super) fn due(&self) -> Option<Duration> {
        self.since.filter(|_| self.writing.is_terminated()).map(|since| since + LONGEST_WAIT)
    }

    /// Begins to write when it is time, or at once when nothing else goes on.
    pub(super) fn write(&mut self, now: Duration, is_idle: bool) {
        if !self.writing.is_terminated() || self.decided.is_empty() {
            return;
        }
        let is_due = self.due().is_some_and(|due| due <= now);
        if is_due || is_idle || !self.ledger.is_shared() || self.batch.entries.len() >= LARGEST {
            self.since = None;
            self.settling = std::mem::take(&mut self.decided);
            self.writing = self.ledger.record(std::mem::take(&mut self.batch)).fuse();
        }
    }

    /// What the write that has just ended settles.
    pub(super) fn settled(&mut self) -> Vec<Decided> {
        std::mem::take(&mut self.settling)
    }

    /// Everything that was not written, in whatever state.
    pub(super) fn unwritten(&mut self) -> impl Iterator<Item = Decided> + use<> {
        self.since = None;
        self.batch = Batch::default();
        std::mem::take(&mut self.settling).into_iter().chain(std::mem::take(&mut self.decided))
    }
}
