use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::{LedgerLocation, LedgerOwner, StoreLedger};
use crate::error::Error;
use crate::job::plan::{Plan, PlanBuilder};

/// The ledger of a client that may never make a plan: opened for the first one, and once. Clones share it.
#[derive(Clone, Debug)]
pub struct LazyLedger(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    location: LedgerLocation,
    owner: LedgerOwner,
    opened: OnceCell<Arc<StoreLedger>>,
}

impl LazyLedger {
    /// A ledger that is not opened yet.
    #[must_use]
    pub fn new(location: LedgerLocation, owner: LedgerOwner) -> Self {
        Self(Arc::new(Inner { location, owner, opened: OnceCell::new() }))
    }

    /// Ends a plan with this ledger. Needs a tokio runtime, one of whose blocking threads opens the ledger.
    ///
    /// # Errors
    ///
    /// Those of [`LedgerLocation::open`] and [`PlanBuilder::finish_with`].
    pub async fn finish(&self, plan: PlanBuilder, now: Timestamp) -> Result<Plan, Error> {
        let ledger = self.0.opened.get_or_try_init(|| self.open()).await?;
        plan.finish_with(ledger.clone(), now).await
    }

    async fn open(&self) -> Result<Arc<StoreLedger>, Error> {
        let Self(inner) = self.clone();
        match spawn_blocking(move || inner.location.open(&inner.owner)).await {
            Ok(opened) => opened.map(Arc::new),
            Err(error) => Err(match error.try_into_panic() {
                Ok(panic) => Error::panicked(&*panic),
                Err(_) => Error::internal("the runtime is shutting down"),
            }),
        }
    }
}
