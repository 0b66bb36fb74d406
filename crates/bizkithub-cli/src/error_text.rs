use std::fmt::Write;

use bizkithub::Error;
use clap::builder::styling::{AnsiColor, Style};

use crate::printable::printable;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// An error for people: what happened and where on the first line, what to do on the next ones.
pub(crate) fn error_text(error: &Error) -> String {
    let mut text = format!("{ERROR}error:{ERROR:#} {}", printable(&happening(error)));
    let advice = match (error.advice(), error.retry_at()) {
        (Some(advice), Some(moment)) => Some(format!("{advice}; try again at {moment:.0}")),
        (Some(advice), None) => Some(advice.to_owned()),
        (None, Some(moment)) => Some(format!("try again at {moment:.0}")),
        (None, None) => None,
    };
    for advice in advice.into_iter().chain(error.doc_url().map(|url| format!("see {url}"))) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{HELP}help:{HELP:#}  {}", printable(&advice));
    }
    text
}

/// What happened, where, after how many attempts, and the code, as in `line 7: the line is not UTF-8 (csv_not_utf8)`.
fn happening(error: &Error) -> String {
    let place = match (error.row(), error.line()) {
        (Some(row), Some(line)) => format!("row {row} (line {line}): "),
        (Some(row), None) => format!("row {row}: "),
        (None, Some(line)) => format!("line {line}: "),
        (None, None) => String::new(),
    };
    let attempts = match error.attempts() {
        0 | 1 => String::new(),
        attempts => format!(", after {attempts} attempts"),
    };
    let code = match (error.code(), error.status()) {
        (Some(code), Some(status)) => format!(" ({code}, HTTP {status})"),
        (Some(code), None) => format!(" ({code})"),
        (None, Some(status)) => format!(" (HTTP {status})"),
        (None, None) => String::new(),
    };
    format!("{place}{}{attempts}{code}", error.message())
}
