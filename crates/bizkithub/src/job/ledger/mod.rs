//! The memory of what the server has answered: what it acknowledged is not sent again, so that re-running is resuming.

mod entry;
mod key;
#[cfg(feature = "native")]
mod lazy;
#[cfg(feature = "native")]
mod location;
mod memory;
#[cfg(feature = "native")]
mod postgres;
#[cfg(feature = "native")]
mod sqlite;
#[cfg(feature = "native")]
mod store;

use jiff::Timestamp;
use serde::Serialize;

pub use entry::{Batch, Entry, KnownGroup, Verdict};
pub use key::{CustomerKey, GroupKey, LedgerSecret};
#[cfg(feature = "native")]
pub use lazy::LazyLedger;
#[cfg(feature = "native")]
pub use location::{LedgerLocation, LedgerOwner};
pub use memory::MemoryLedger;
#[cfg(feature = "native")]
pub use store::StoreLedger;

use crate::client::{BoxFuture, MaybeSend, MaybeSync};
use crate::error::Error;

/// Changes the shared picture of the quota: gets what is kept, and returns what is to be kept.
#[cfg(not(target_family = "wasm"))]
pub type QuotaChange = Box<dyn FnOnce(Option<String>) -> String + Send>;

/// Changes the shared picture of the quota: gets what is kept, and returns what is to be kept.
#[cfg(target_family = "wasm")]
pub type QuotaChange = Box<dyn FnOnce(Option<String>) -> String>;

/// The seam of the durable memory of assignments. It knows customers by keyed hashes only; no e-mail and no API key enters it.
///
/// Errors are of the kind `ledger`. An operation whose future is dropped may still happen, whole or not at all.
pub trait Ledger: MaybeSend + MaybeSync {
    /// The secret with which customers and groups become keys.
    fn secret(&self) -> &LedgerSecret;

    /// Whether other processes may use the ledger at the same time, and whether it outlives this one.
    fn is_shared(&self) -> bool;

    /// Every group of which the ledger knows an acknowledged assignment.
    fn known_groups(&self) -> BoxFuture<'_, Result<Vec<KnownGroup>, Error>>;

    /// What is known of customers, in the order of customers and groups. The keys given are in ascending order, each once.
    fn look_up<'a>(&'a self, customers: &'a [CustomerKey]) -> BoxFuture<'a, Result<Vec<Entry>, Error>>;

    /// A number that changes with every write of anybody; nothing where that cannot be told.
    fn revision(&self) -> BoxFuture<'_, Result<Option<u64>, Error>>;

    /// Remembers answers of the server, all of a batch or none. Returns once they are durable; only then a report counts them.
    fn record(&self, batch: Batch) -> BoxFuture<'_, Result<(), Error>>;

    /// Changes the picture of the quota that all processes with this ledger share; changes happen one after another.
    fn change_quota(&self, change: QuotaChange) -> BoxFuture<'_, Result<(), Error>>;

    /// Forgets assignments, so that they are sent again. Returns how many.
    fn forget(&self, what: Forget) -> BoxFuture<'_, Result<u64, Error>>;

    /// The next entries in the order of customers and groups, at most `limit`.
    fn page(&self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>, Error>>;

    /// Puts the ledger in order, which makes looking up faster and may make it smaller.
    fn compact(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// What the ledger holds.
    fn summary(&self) -> BoxFuture<'_, Result<LedgerSummary, Error>>;
}

/// What a ledger is to forget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Forget {
    /// Everything about one customer.
    Customer(CustomerKey),
    /// Every assignment of one group, and that the group was ever sent.
    Group(GroupKey),
    /// One group of one customer.
    Assignment(CustomerKey, GroupKey),
    /// Every refusal, so that the server is asked again.
    Refusals,
    /// Everything but whom the ledger belongs to, and what it learned of the quota.
    Everything,
}

/// What a ledger holds.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LedgerSummary {
    /// Where it is: a path, or a URL without its password.
    pub location: String,
    /// The address of the API that it belongs to.
    pub base_url: String,
    /// The fingerprint of the key that it belongs to.
    pub key: String,
    /// When it was made.
    #[serde(serialize_with = "crate::job::progress::optional_text")]
    pub created_at: Option<Timestamp>,
    /// Assignments that the server acknowledged.
    pub acknowledged: u64,
    /// Assignments that the server refused.
    pub refused: u64,
    /// The size in bytes, where the store can tell.
    pub bytes: Option<u64>,
    /// The groups with their acknowledged assignments, the oldest group first.
    pub groups: Vec<LedgerGroup>,
}

/// A group of a ledger's summary.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LedgerGroup {
    /// The text with which it was sent first.
    pub text: String,
    /// Its predicted slug.
    pub slug: String,
    /// Customers for whom it is acknowledged.
    pub customers: u64,
}
