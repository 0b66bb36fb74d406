use std::sync::Arc;

use bizkithub::job::{LedgerLocation, LedgerOwner, Plan, PlanBuilder, StoreLedger};
use bizkithub::{Error, Timestamp};
use tokio::sync::OnceCell;

use crate::calls::blocking;

/// The ledger of a client: where it is, and itself, opened at the first plan.
#[derive(Clone)]
pub(crate) struct ClientLedger {
    location: LedgerLocation,
    owner: LedgerOwner,
    opened: Arc<OnceCell<Arc<StoreLedger>>>,
}

impl ClientLedger {
    pub(crate) fn new(location: LedgerLocation, owner: LedgerOwner) -> Self {
        Self { location, owner, opened: Arc::default() }
    }

    async fn open(self) -> Result<Arc<StoreLedger>, Error> {
        let Self { location, owner, opened } = self;
        let open = || blocking(move || location.open(&owner).map(Arc::new));
        opened.get_or_try_init(open).await.cloned()
    }
}

/// Ends a plan with the ledger of its client, if it has one.
pub(crate) async fn finishing(builder: PlanBuilder, ledger: Option<ClientLedger>) -> Result<Plan, Error> {
    match ledger {
        Some(ledger) => builder.finish_with(ledger.open().await?, Timestamp::now()).await,
        None => Ok(builder.finish()),
    }
}
