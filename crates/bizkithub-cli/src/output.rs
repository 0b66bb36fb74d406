use std::borrow::Cow;
use std::io::{self, Write};

use bizkithub::{Error, without_keys};
use serde::Serialize;
use serde_json::json;

use crate::arguments::usage_error;
use crate::error_text::error_text;
use crate::exit_code::ExitCode;
use crate::printable_json::printable_json;

/// Where a command's words go: text for people, or one JSON object for machines. Whatever has the form of an API key is replaced
/// in all of them, because a key may stand where its user never meant it to be: for a path, in a URL, in an answer of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    is_json: bool,
    shows_keys: bool,
}

impl Output {
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_json, shows_keys: false }
    }

    pub(crate) fn is_json(self) -> bool {
        self.is_json
    }

    /// The same, but keys are printed as they are: for the key of a sandbox, which opens nothing else.
    pub(crate) fn showing_keys(self) -> Self {
        Self { shows_keys: true, ..self }
    }

    /// Prints a text for people to standard output; nothing with `--json`.
    pub(crate) fn text(self, text: &str) -> Result<(), Error> {
        if self.is_json { Ok(()) } else { print(&self.sayable(text)) }
    }

    /// Prints the one JSON object; nothing without `--json`.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Error> {
        if self.is_json { print(&self.sayable(&json_line(value)?)) } else { Ok(()) }
    }

    /// Tells people something on standard error, where it is in nobody's way; nothing with `--json`.
    pub(crate) fn notice(self, text: &str) {
        if !self.is_json {
            // Where nobody can be told, nothing is left to do.
            let _ = writeln!(anstream::stderr(), "{}", self.sayable(text));
        }
    }

    /// Tells of an error, and returns its exit code.
    pub(crate) fn fail(self, error: &Error) -> ExitCode {
        // When standard output is broken, the exit code still tells.
        let _ = self.json(&json!({ "error": error }));
        self.notice(&error_text(error));
        ExitCode::of_error(error)
    }

    /// Answers arguments that are help or a mistake with the text that their parser wrote, and returns the exit code.
    pub(crate) fn usage(self, error: &clap::Error) -> ExitCode {
        let code = if error.use_stderr() { ExitCode::Input } else { ExitCode::Done };
        if self.is_json && error.use_stderr() {
            return self.fail(&usage_error(error));
        }
        let text = error.render().ansi().to_string();
        // Help for a reader that stopped reading is no failure.
        let _ = match code {
            ExitCode::Done => write!(anstream::stdout(), "{}", self.sayable(&text)),
            _ => write!(anstream::stderr(), "{}", self.sayable(&text)),
        };
        code
    }

    fn sayable(self, text: &str) -> Cow<'_, str> {
        if self.shows_keys { Cow::Borrowed(text) } else { without_keys(text) }
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
        Err(error) => Err(stdout_unwritable(error)),
    }
}

pub(crate) fn stdout_unwritable(error: io::Error) -> Error {
    let message = format!("standard output cannot be written: {error}");
    Error::invalid_input("output_unwritable", message, "check where it leads to").caused_by(error)
}
