//! The bulk engine: rows → plan → run → report. Every row keeps its number and gets exactly one outcome.

mod allowed_groups;
mod attempt;
mod bill;
mod breaker;
mod cancel;
mod columns;
#[cfg(feature = "native")]
mod csv_source;
mod group_table;
mod ledger;
#[cfg(feature = "native")]
mod line_breaks;
mod outcome;
mod plan;
mod progress;
#[cfg(feature = "native")]
mod rejects;
mod report;
mod row;
mod run;
mod run_options;

pub use bill::{Bill, BillGroup};
pub use cancel::Cancel;
pub use columns::Columns;
#[cfg(feature = "native")]
pub use csv_source::CsvSource;
pub use ledger::{Assignment, Ledger, MemoryLedger};
pub use outcome::{Outcome, OutcomeCounts, RowOutcome};
pub use plan::{Plan, PlanBuilder, PlanOptions};
pub use progress::{Progress, ProgressListener};
#[cfg(feature = "native")]
pub use rejects::{check_rejects_path, holds_rejects, write_rejects};
pub use report::{Report, ReportSummary};
pub use row::{Row, RowGroups};
pub use run_options::{OnQuota, RunOptions};
