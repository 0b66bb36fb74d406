use std::collections::BTreeMap;
use std::future::ready;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, Ledger, LedgerGroup, LedgerSecret, LedgerSummary,
    QuotaChange, Verdict,
};
use crate::client::BoxFuture;
use crate::error::Error;

/// The ledger of a plan that was given none: it lasts as long as the plan, so that running the plan again goes on.
#[derive(Debug)]
pub struct MemoryLedger {
    secret: LedgerSecret,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<(CustomerKey, GroupKey), (i64, Verdict)>,
    groups: BTreeMap<GroupKey, KnownGroup>,
    quota: Option<String>,
    revision: u64,
}

impl Default for MemoryLedger {
    fn default() -> Self {
        // Nothing of it leaves the process, so its keys need not be a secret.
        Self { secret: LedgerSecret::new([0; 32]), state: Mutex::default() }
    }
}

impl MemoryLedger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn entries_from(&self, start: Bound<(CustomerKey, GroupKey)>) -> impl Iterator<Item = Entry> + '_ {
        self.entries.range((start, Bound::Unbounded)).map(|(&(customer, group), (at, verdict))| Entry {
            customer,
            group,
            at: *at,
            verdict: verdict.clone(),
        })
    }
}

impl Ledger for MemoryLedger {
    fn secret(&self) -> &LedgerSecret {
        &self.secret
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn known_groups(&self) -> BoxFuture<'_, Result<Vec<KnownGroup>, Error>> {
        Box::pin(ready(Ok(self.state().groups.values().cloned().collect())))
    }

    fn look_up<'a>(&'a self, customers: &'a [CustomerKey]) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        let state = self.state();
        let is_empty = state.entries.is_empty();
        let found = customers.iter().filter(|_| !is_empty).flat_map(|customer| {
            let start = Bound::Included((*customer, GroupKey(i64::MIN)));
            state.entries_from(start).take_while(move |entry| entry.customer == *customer)
        });
        Box::pin(ready(Ok(found.collect())))
    }

    fn revision(&self) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        Box::pin(ready(Ok(Some(self.state().revision))))
    }

    fn record(&self, batch: Batch) -> BoxFuture<'_, Result<(), Error>> {
        let mut state = self.state();
        state.revision += 1;
        for Entry { customer, group, at, verdict } in batch.entries {
            state.entries.insert((customer, group), (at, verdict));
        }
        for group in batch.groups {
            state.groups.entry(group.key).or_insert(group);
        }
        Box::pin(ready(Ok(())))
    }

    fn change_quota(&self, change: QuotaChange) -> BoxFuture<'_, Result<(), Error>> {
        let mut state = self.state();
        let kept = state.quota.take();
        state.quota = Some(change(kept));
        Box::pin(ready(Ok(())))
    }

    fn forget(&self, what: Forget) -> BoxFuture<'_, Result<u64, Error>> {
        let mut state = self.state();
        state.revision += 1;
        let before = state.entries.len();
        state.entries.retain(|(customer, group), (_, verdict)| match &what {
            Forget::Customer(forgotten) => customer != forgotten,
            Forget::Group(forgotten) => group != forgotten,
            Forget::Assignment(one, other) => (customer, group) != (one, other),
            Forget::Refusals => *verdict == Verdict::Acknowledged,
            Forget::Everything => false,
        });
        match what {
            Forget::Group(group) => drop(state.groups.remove(&group)),
            Forget::Everything => state.groups.clear(),
            _ => {}
        }
        Box::pin(ready(Ok((before - state.entries.len()) as u64)))
    }

    fn page(&self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>, Error>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        Box::pin(ready(Ok(self.state().entries_from(start).take(limit as usize).collect())))
    }

    fn compact(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(ready(Ok(())))
    }

    fn summary(&self) -> BoxFuture<'_, Result<LedgerSummary, Error>> {
        let state = self.state();
        let acknowledged = |key: &GroupKey| {
            state
                .entries
                .iter()
                .filter(|((_, group), (_, verdict))| group == key && *verdict == Verdict::Acknowledged)
                .count() as u64
        };
        let groups: Vec<_> = state
            .groups
            .values()
            .map(|group| LedgerGroup {
                text: group.text.clone(),
                slug: group.slug.clone(),
                customers: acknowledged(&group.key),
            })
            .collect();
        let refused = state.entries.values().filter(|(_, verdict)| *verdict != Verdict::Acknowledged).count() as u64;
        let summary = LedgerSummary {
            location: "memory".to_owned(),
            acknowledged: state.entries.len() as u64 - refused,
            refused,
            groups,
            ..LedgerSummary::default()
        };
        Box::pin(ready(Ok(summary)))
    }
}
