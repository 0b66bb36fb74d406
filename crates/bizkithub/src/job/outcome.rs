use serde::Serialize;

use crate::error::Error;

/// What became of a row. Rows in = applied + skipped + rejected + pending + unknown, always.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server said yes.
    Applied,
    /// The ledger knew it: nothing was sent.
    Skipped,
    /// Refused for good, by this client's validation or by the server.
    Rejected,
    /// Not yet: the run stopped first, or its tries failed. Running again goes on.
    Pending,
    /// Sent, but no answer came: running again settles it.
    Unknown,
}

impl Outcome {
    /// Every outcome, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Applied, Self::Skipped, Self::Rejected, Self::Pending, Self::Unknown];

    /// The stable name, the same in every language: `applied`, `skipped`, `rejected`, `pending`, `unknown`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Skipped => "skipped",
            Self::Rejected => "rejected",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

/// The outcome of one row, with the error behind it, if there is one.
#[derive(Clone, Debug, Serialize)]
pub struct RowOutcome {
    /// The row's number; rows count from 1.
    pub row: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was rejected, or the last error of a pending or unknown one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// How many rows have each outcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct OutcomeCounts {
    /// Rows to which the server said yes.
    pub applied: u64,
    /// Rows that the ledger knew.
    pub skipped: u64,
    /// Rows refused for good.
    pub rejected: u64,
    /// Rows not yet sent, or whose tries failed.
    pub pending: u64,
    /// Rows sent without an answer.
    pub unknown: u64,
}

impl OutcomeCounts {
    /// All rows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.applied + self.skipped + self.rejected + self.pending + self.unknown
    }

    /// Every outcome's name, and how many rows have it.
    #[must_use]
    pub fn by_outcome(&self) -> [(&'static str, u64); 5] {
        let Self { applied, skipped, rejected, pending, unknown } = *self;
        [("applied", applied), ("skipped", skipped), ("rejected", rejected), ("pending", pending), ("unknown", unknown)]
    }

    pub(super) fn of(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Applied => &mut self.applied,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Rejected => &mut self.rejected,
            Outcome::Pending => &mut self.pending,
            Outcome::Unknown => &mut self.unknown,
        }
    }
}
