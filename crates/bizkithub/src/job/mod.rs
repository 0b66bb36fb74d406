//! The bulk engine: rows → plan → run → report. Every row keeps its number and gets exactly one outcome.

mod allowed_groups;
#[cfg(feature = "arrow")]
mod arrow_ipc;
mod assignments;
mod attempt;
mod bill;
mod breaker;
mod cancel;
mod cell;
#[cfg(feature = "arrow")]
mod checked_rows;
mod columns;
mod concurrency;
mod customer_table;
#[cfg(feature = "arrow")]
mod decoding;
mod gate;
mod group_lists;
mod group_table;
mod introductions;
mod keeper;
mod ledger;
mod outage;
mod outcome;
#[cfg(all(feature = "arrow", feature = "native"))]
mod outcome_batches;
#[cfg(feature = "native")]
mod outcomes_file;
mod plan;
mod prepared_row;
#[cfg(feature = "native")]
mod private_file;
mod progress;
mod quota_timeline;
mod reasons;
#[cfg(feature = "arrow")]
mod record_batch;
mod refusals;
#[cfg(feature = "native")]
mod rejects;
mod report;
mod resemblance;
mod row;
mod row_table;
mod run;
mod run_options;
#[cfg(feature = "native")]
mod source;
mod standing;

pub use bill::{Bill, BillGroup, BillTime};
pub use cancel::Cancel;
pub use cell::{Cell, RowCells};
#[cfg(feature = "arrow")]
pub use checked_rows::CheckedRows;
pub use columns::Columns;
pub use ledger::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, Ledger, LedgerGroup, LedgerSecret, LedgerSummary,
    MemoryLedger, QuotaChange, Verdict,
};
#[cfg(feature = "native")]
pub use ledger::{LazyLedger, LedgerLocation, LedgerOwner, StoreLedger};
pub use outcome::{Outcome, OutcomeCounts, RowOutcome};
#[cfg(all(feature = "arrow", feature = "native"))]
pub use outcome_batches::OutcomeBatches;
#[cfg(feature = "native")]
pub use outcomes_file::{check_outcomes_path, write_outcomes};
pub use plan::{EarlierAnswers, Plan, PlanBuilder, PlanOptions};
#[cfg(feature = "native")]
pub use private_file::create_private;
pub use progress::{Progress, ProgressListener};
pub use quota_timeline::QuotaPoint;
pub use reasons::Reason;
#[cfg(feature = "native")]
pub use rejects::{check_rejects_path, holds_rejects, source_of_rejects, write_rejects, write_rejects_of_plan};
pub use report::{Report, ReportSummary};
pub use row::{Row, RowGroups};
pub use run_options::{OnQuota, RunOptions};
#[cfg(feature = "native")]
pub use source::{FileFormat, FileSource};
