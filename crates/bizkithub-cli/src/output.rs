use std::io::{self, Write};

use bizkithub::Error;
use serde::Serialize;
use serde_json::json;

use crate::error_text::error_text;
use crate::exit_code::ExitCode;
use crate::printable::printable_json;

/// Where a command's words go: text for people, or one JSON object for machines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    is_json: bool,
}

impl Output {
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    pub(crate) fn is_json(self) -> bool {
        self.is_json
    }

    /// Prints a text for people to standard output; nothing with `--json`.
    pub(crate) fn text(self, text: &str) -> Result<(), Error> {
        if self.is_json { Ok(()) } else { print(text) }
    }

    /// Prints the one JSON object; nothing without `--json`.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Error> {
        if self.is_json { print(&json_line(value)?) } else { Ok(()) }
    }

    /// Tells people something on standard error, where it is in nobody's way; nothing with `--json`.
    pub(crate) fn notice(self, text: &str) {
        if !self.is_json {
            // Where nobody can be told, nothing is left to do.
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Tells of an error, and returns its exit code.
    pub(crate) fn fail(self, error: &Error) -> ExitCode {
        if self.is_json {
            // When standard output is broken, the exit code still tells.
            let _ = json_line(&json!({ "error": error })).and_then(|line| print(&line));
        } else {
            self.notice(&error_text(error));
        }
        ExitCode::of_error(error)
    }
}

fn json_line(value: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_string(value)
        .map_err(|error| Error::internal("the result cannot be written as JSON").caused_by(error))?;
    Ok(format!("{}\n", printable_json(&json)))
}

/// A reader that stopped reading has what it wanted; a full disk is an error.
fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::invalid_input(
            "output_unwritable",
            format!("standard output cannot be written: {error}"),
            "check where it leads to",
        )
        .caused_by(error)),
    }
}
