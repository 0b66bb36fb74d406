use bizkithub::Error;
use bizkithub::job::{Outcome, Reason, RowOutcome};

use crate::table::{Align, TextTable};
use crate::wording::number;

/// Why rows are not applied, as a table for people, if there is anything to tell.
pub(crate) fn reasons_text(reasons: &[Reason]) -> Option<String> {
    if reasons.is_empty() {
        return None;
    }
    let mut table =
        TextTable::new([("not applied", Align::Left), ("rows", Align::Right), ("for example", Align::Left)]);
    for reason in reasons {
        let code = reason.code.as_deref().unwrap_or(match reason.outcome {
            Outcome::Unknown => "stopped before the answer",
            _ => "stopped before sending",
        });
        let mut head = (format!("{}: {code}", reason.outcome.as_str()), number(reason.rows));
        for alike in reason.examples.chunk_by(|one, other| message(one) == message(other)) {
            table.row([&head.0, &head.1, &examples_text(alike)]);
            head = (String::new(), String::new());
        }
    }
    Some(table.text())
}

fn message(row: &RowOutcome) -> &str {
    row.error.as_ref().map(Error::message).unwrap_or_default()
}

/// Rows that failed alike, as in `rows 6, 8 (lines 7, 9): no groups are given`.
fn examples_text(alike: &[RowOutcome]) -> String {
    let listed = |noun: &str, numbers: Vec<String>| {
        let ending = if numbers.len() == 1 { "" } else { "s" };
        format!("{noun}{ending} {}", numbers.join(", "))
    };
    let rows = listed("row", alike.iter().map(|example| example.row.to_string()).collect());
    let lines: Vec<_> = alike.iter().filter_map(|example| Some(example.error.as_ref()?.line()?.to_string())).collect();
    let lines = if lines.is_empty() { String::new() } else { format!(" ({})", listed("line", lines)) };
    let message = alike.first().map(message).filter(|message| !message.is_empty());
    format!("{rows}{lines}{}", message.map(|message| format!(": {message}")).unwrap_or_default())
}
