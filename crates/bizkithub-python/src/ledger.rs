use std::sync::Arc;

use bizkithub::job::{Ledger, LedgerLocation, LedgerOwner, Plan, PlanBuilder, StoreLedger};
use bizkithub::{Error, Timestamp};
use tokio::sync::OnceCell;

use crate::runtime::blocking;

/// The ledger of a client: where it is, and itself, opened at the first plan.
#[derive(Clone)]
pub(crate) struct ClientLedger {
    pub(crate) location: LedgerLocation,
    pub(crate) owner: LedgerOwner,
    pub(crate) opened: Arc<OnceCell<Arc<StoreLedger>>>,
}

impl ClientLedger {
    async fn open(self) -> Result<Arc<dyn Ledger>, Error> {
        let Self { location, owner, opened } = self;
        let open = || blocking(move || location.open(&owner).map(Arc::new));
        let ledger: Arc<StoreLedger> = opened.get_or_try_init(open).await?.clone();
        Ok(ledger)
    }
}

/// Ends a plan with the ledger of its client, if it has one.
pub(crate) async fn finishing(builder: PlanBuilder, ledger: Option<ClientLedger>) -> Result<Plan, Error> {
    match ledger {
        Some(ledger) => builder.finish_with(ledger.open().await?, Timestamp::now()).await,
        None => Ok(builder.finish()),
    }
}
