use std::future::ready;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, Ledger, LedgerSecret, LedgerSummary, QuotaChange,
};
use crate::client::BoxFuture;
use crate::error::{Error, ErrorKind};

/// A database that blocks: what [`StoreLedger`] makes a ledger of. The operations are those of [`Ledger`].
pub(super) trait Store: Send + 'static {
    fn secret(&self) -> LedgerSecret;
    fn known_groups(&mut self) -> Result<Vec<KnownGroup>, Error>;
    fn look_up(&mut self, customers: &[CustomerKey]) -> Result<Vec<Entry>, Error>;
    fn revision(&mut self) -> Result<Option<u64>, Error>;
    fn record(&mut self, batch: &Batch) -> Result<(), Error>;
    fn change_quota(&mut self, change: QuotaChange) -> Result<(), Error>;
    fn forget(&mut self, what: Forget) -> Result<u64, Error>;
    fn page(&mut self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> Result<Vec<Entry>, Error>;
    fn compact(&mut self) -> Result<(), Error>;
    fn summary(&mut self) -> Result<LedgerSummary, Error>;
}

type Work = Box<dyn FnOnce(&mut dyn Store) + Send>;

/// A ledger in a database, which a thread of its own waits for: the thread that sends requests never does.
#[derive(Debug)]
pub struct StoreLedger {
    secret: LedgerSecret,
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    /// A forked child has neither the thread nor a right to the database's locks.
    process: u32,
}

impl StoreLedger {
    pub(super) fn new(mut store: impl Store) -> Result<Self, Error> {
        let secret = store.secret();
        let (work, works) = mpsc::channel::<Work>();
        let thread = thread::Builder::new()
            .name("bizkithub-ledger".to_owned())
            .spawn(move || works.into_iter().for_each(|work| work(&mut store)))
            .map_err(|error| failed("the ledger cannot start its thread").caused_by(error))?;
        Ok(Self { secret, work: Some(work), thread: Some(thread), process: std::process::id() })
    }

    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut (dyn Store + 'static)) -> Result<T, Error> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, Error>> {
        if self.process != std::process::id() {
            let message = "the ledger was opened by the process that this one was forked from";
            let error = Error::coded(ErrorKind::Ledger, "ledger_forked", message);
            return Box::pin(ready(Err(error.advise("make the plan after the fork"))));
        }
        let (answer, answered) = oneshot::channel();
        // Whoever no longer waits for the answer does not need it.
        let work: Work = Box::new(move |store| drop(answer.send(work(store))));
        let is_taken = self.work.as_ref().is_some_and(|works| works.send(work).is_ok());
        Box::pin(async move {
            let ended = || failed("the ledger's thread has ended");
            if is_taken { answered.await.map_err(|_| ended())? } else { Err(ended()) }
        })
    }
}

impl Drop for StoreLedger {
    /// Waits until what was given to the ledger is done and the database is closed.
    fn drop(&mut self) {
        if self.process != std::process::id() {
            std::mem::forget((self.work.take(), self.thread.take()));
            return;
        }
        self.work = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been told to whoever waited for it.
            let _ = thread.join();
        }
    }
}

fn failed(message: &'static str) -> Error {
    Error::ledger(message)
}

impl Ledger for StoreLedger {
    fn secret(&self) -> &LedgerSecret {
        &self.secret
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn known_groups(&self) -> BoxFuture<'_, Result<Vec<KnownGroup>, Error>> {
        self.call(Store::known_groups)
    }

    fn look_up<'a>(&'a self, customers: &'a [CustomerKey]) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        let customers = customers.to_vec();
        self.call(move |store| store.look_up(&customers))
    }

    fn revision(&self) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        self.call(Store::revision)
    }

    fn record(&self, batch: Batch) -> BoxFuture<'_, Result<(), Error>> {
        self.call(move |store| store.record(&batch))
    }

    fn change_quota(&self, change: QuotaChange) -> BoxFuture<'_, Result<(), Error>> {
        self.call(move |store| store.change_quota(change))
    }

    fn forget(&self, what: Forget) -> BoxFuture<'_, Result<u64, Error>> {
        self.call(move |store| store.forget(what))
    }

    fn page(&self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>, Error>> {
        self.call(move |store| store.page(after, limit))
    }

    fn compact(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.call(Store::compact)
    }

    fn summary(&self) -> BoxFuture<'_, Result<LedgerSummary, Error>> {
        self.call(Store::summary)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::{LedgerLocation, LedgerOwner};
    use super::*;

    #[test]
    fn a_forked_child_neither_uses_nor_closes_the_ledger_of_its_parent() {
        let owner = LedgerOwner {
            base_url: "http://127.0.0.1:1/".to_owned(),
            fingerprint: "01234567".to_owned(),
            accept_key: false,
        };
        let folder = TempDir::new().expect("a folder");
        let mut ledger = LedgerLocation::file(folder.path().join("groups.ledger")).open(&owner).expect("a ledger");
        let works = ledger.work.clone().expect("works");
        ledger.process += 1;
        let summary = futures_util::FutureExt::now_or_never(ledger.summary()).expect("at once");
        assert_eq!(summary.expect_err("another process").code(), Some("ledger_forked"));
        drop(ledger);
        assert!(works.send(Box::new(|_| ())).is_ok(), "the parent's thread goes on");
    }
}
