use std::sync::{Arc, Mutex};
use std::time::Duration;

use bizkithub::job::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, Ledger, LedgerSecret, LedgerSummary, MemoryLedger,
    QuotaChange,
};
use bizkithub::{BoxFuture, Error};

/// A ledger on a simulated disk: what it says is written survives a crash, and a write under way survives or not.
pub(crate) struct Disk {
    kept: MemoryLedger,
    is_shared: bool,
    random: Mutex<fastrand::Rng>,
    /// In a thousand operations.
    faults: Mutex<u32>,
}

impl Disk {
    pub(crate) fn new(seed: u64, is_shared: bool) -> Arc<Self> {
        let random = Mutex::new(fastrand::Rng::with_seed(seed));
        Arc::new(Self { kept: MemoryLedger::default(), is_shared, random, faults: Mutex::new(0) })
    }

    pub(crate) fn set_faults(&self, faults: u32) {
        *self.faults.lock().expect("no panic under the lock") = faults;
    }

    pub(crate) fn has_faults(&self) -> bool {
        *self.faults.lock().expect("no panic under the lock") > 0
    }

    fn chance(&self) -> (bool, Duration, bool) {
        let mut random = self.random.lock().expect("no panic under the lock");
        let faults = *self.faults.lock().expect("no panic under the lock");
        (random.u32(..1_000) < faults, Duration::from_micros(random.u64(1..20_000)), random.bool())
    }

    async fn operate<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let (fails, time, is_done_all_the_same) = self.chance();
        tokio::time::sleep(time).await;
        if fails && !is_done_all_the_same {
            return Err(failure());
        }
        let result = work.await;
        // A crash here leaves what is written without a word about it.
        tokio::time::sleep(time).await;
        if fails { Err(failure()) } else { result }
    }
}

fn failure() -> Error {
    Error::invalid_input("ledger_failed", "the simulated disk failed", "try again")
}

impl Ledger for Disk {
    fn secret(&self) -> &LedgerSecret {
        self.kept.secret()
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn known_groups(&self) -> BoxFuture<'_, Result<Vec<KnownGroup>, Error>> {
        self.kept.known_groups()
    }

    fn look_up<'a>(&'a self, customers: &'a [CustomerKey]) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        self.kept.look_up(customers)
    }

    fn revision(&self) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        self.kept.revision()
    }

    fn record(&self, batch: Batch) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.operate(async { self.kept.record(batch).await }))
    }

    fn change_quota(&self, change: QuotaChange) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.operate(async { self.kept.change_quota(change).await }))
    }

    fn forget(&self, what: Forget) -> BoxFuture<'_, Result<u64, Error>> {
        self.kept.forget(what)
    }

    fn page(&self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>, Error>> {
        self.kept.page(after, limit)
    }

    fn compact(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.kept.compact()
    }

    fn summary(&self) -> BoxFuture<'_, Result<LedgerSummary, Error>> {
        self.kept.summary()
    }
}
