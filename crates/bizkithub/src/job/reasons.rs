use std::collections::BTreeMap;

use serde::Serialize;

use super::{Outcome, Plan, Report, RowOutcome};

/// Why rows are not applied: one for each outcome and code, with the first rows as examples.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Reason {
    /// What became of the rows.
    pub outcome: Outcome,
    /// The code of their errors, or the kind where there is no code; absent where the run stopped first.
    pub code: Option<String>,
    /// How many they are.
    pub rows: u64,
    /// The first three of them.
    pub examples: Vec<RowOutcome>,
}

const EXAMPLES: usize = 3;

impl Plan {
    /// Why rows are rejected before anything is sent, the most frequent reason first: by this client, or by the server earlier.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        collect(self.rejected_rows())
    }
}

impl Report {
    /// Why rows are neither applied nor skipped, the most frequent reason first. It looks at every row.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        collect(self.outcomes().filter(|row| !matches!(row.outcome, Outcome::Applied | Outcome::Skipped)))
    }
}

fn collect(rows: impl Iterator<Item = RowOutcome>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut places = BTreeMap::new();
    for row in rows {
        let code = row.error.as_ref().map(|error| error.code().unwrap_or(error.kind().as_str()).to_owned());
        let place = *places.entry((row.outcome.as_str(), code.clone())).or_insert_with(|| {
            reasons.push(Reason { outcome: row.outcome, code, rows: 0, examples: Vec::new() });
            reasons.len() - 1
        });
        if let Some(reason) = reasons.get_mut(place) {
            reason.rows += 1;
            if reason.examples.len() < EXAMPLES {
                reason.examples.push(row);
            }
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
    reasons
}
