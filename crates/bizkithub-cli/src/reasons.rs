use std::collections::BTreeMap;

use bizkithub::Error;
use bizkithub::job::{Outcome, Plan, Report};
use serde::Serialize;

use crate::table::{Align, TextTable};
use crate::wording::number;

/// Why rows are not applied: one entry for each outcome and code, with the first rows as examples.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Reasons {
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    outcome: Outcome,
    code: Option<String>,
    rows: u64,
    examples: Vec<Example>,
}

#[derive(Serialize)]
struct Example {
    row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
}

const EXAMPLES: usize = 3;

impl Reasons {
    /// The rows that a plan refuses.
    pub(crate) fn of_plan(plan: &Plan) -> Self {
        Self::collect(plan.refusals().map(|error| (error.row().unwrap_or_default(), Outcome::Rejected, Some(error))))
    }

    /// The rows that a run did not get applied.
    pub(crate) fn of_report(report: &Report) -> Self {
        let is_settled = |outcome| matches!(outcome, Outcome::Applied | Outcome::Skipped);
        let rows = report.outcomes().filter(|row| !is_settled(row.outcome));
        Self::collect(rows.map(|row| (row.row, row.outcome, row.error)))
    }

    fn collect(rows: impl Iterator<Item = (u64, Outcome, Option<Error>)>) -> Self {
        let mut reasons: Vec<Reason> = Vec::new();
        let mut places = BTreeMap::new();
        for (row, outcome, error) in rows {
            let code = error.as_ref().map(|error| error.code().unwrap_or(error.kind().as_str()).to_owned());
            let place = *places.entry((outcome.as_str(), code.clone())).or_insert_with(|| {
                reasons.push(Reason { outcome, code, rows: 0, examples: Vec::new() });
                reasons.len() - 1
            });
            if let Some(reason) = reasons.get_mut(place) {
                reason.rows += 1;
                if reason.examples.len() < EXAMPLES {
                    reason.examples.push(Example { row, error });
                }
            }
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
        Self { reasons }
    }

    /// A table for people, if there is anything to tell.
    pub(crate) fn text(&self) -> Option<String> {
        if self.reasons.is_empty() {
            return None;
        }
        let mut table =
            TextTable::new([("not applied", Align::Left), ("rows", Align::Right), ("for example", Align::Left)]);
        for reason in &self.reasons {
            let code = reason.code.as_deref().unwrap_or(match reason.outcome {
                Outcome::Unknown => "stopped before the answer",
                _ => "stopped before sending",
            });
            let mut head = (format!("{}: {code}", reason.outcome.as_str()), number(reason.rows));
            for alike in reason.examples.chunk_by(|one, other| one.message() == other.message()) {
                table.row([&head.0, &head.1, &examples_text(alike)]);
                head = (String::new(), String::new());
            }
        }
        Some(table.text())
    }
}

impl Example {
    fn message(&self) -> &str {
        self.error.as_ref().map(Error::message).unwrap_or_default()
    }
}

/// Rows that failed alike, as in `rows 6, 8 (lines 7, 9): no groups are given`.
fn examples_text(alike: &[Example]) -> String {
    let listed = |noun: &str, numbers: Vec<String>| {
        let ending = if numbers.len() == 1 { "" } else { "s" };
        format!("{noun}{ending} {}", numbers.join(", "))
    };
    let rows = listed("row", alike.iter().map(|example| example.row.to_string()).collect());
    let lines: Vec<_> = alike.iter().filter_map(|example| Some(example.error.as_ref()?.line()?.to_string())).collect();
    let lines = if lines.is_empty() { String::new() } else { format!(" ({})", listed("line", lines)) };
    let message = alike.first().map(Example::message).filter(|message| !message.is_empty());
    format!("{rows}{lines}{}", message.map(|message| format!(": {message}")).unwrap_or_default())
}
