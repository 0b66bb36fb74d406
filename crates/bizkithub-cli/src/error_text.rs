use std::fmt::Write;

use bizkithub::{Error, printable};
use clap::builder::styling::{AnsiColor, Style};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// An error for people: what happened and where on the first line, what to do on the next ones.
pub(crate) fn error_text(error: &Error) -> String {
    labelled(&format!("{ERROR}error:{ERROR:#}"), error)
}

/// The same for an error that changes nothing of the result.
pub(crate) fn warning_text(error: &Error) -> String {
    labelled(&format!("{WARNING}warning:{WARNING:#}"), error)
}

fn labelled(label: &str, error: &Error) -> String {
    let mut text = format!("{label} {}", printable(&error.summary()));
    for advice in error.remedy().into_iter().chain(error.doc_url().map(|url| format!("see {url}"))) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{HELP}help:{HELP:#}  {}", printable(&advice));
    }
    text
}
