//! The `bizkithub` command as a library, so that the wheel and the npm package expose the very same one: see [`main_with`].
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all rows are applied (or skipped, because the ledger knew them); or the command did what it says |
//! | 1 | some rows, or the one customer, are rejected; everything else is applied |
//! | 2 | the usage or an input is wrong: nothing was sent, or `--breaker` stopped a run whose customers were all refused alike; or an output cannot be written |
//! | 3 | the API key is missing, malformed or refused, or it may not do this |
//! | 4 | the quota is used up, or the server asks to wait for long; the output says when to go on |
//! | 5 | the network or the server failed, or this client has a defect |
//! | 6 | the ledger cannot be read or written |
//! | 130 | interrupted by Ctrl-C (SIGINT) or SIGTERM before the end |
//!
//! A plan that rejects rows ends with 1 too. While rows are unsettled, what ended the run counts: 130, the error that stopped it, 4 when it
//! can go on later, otherwise 5.
//!
//! # Streams
//!
//! Results go to standard output; progress and errors go to standard error. With `--json` standard output gets exactly one
//! JSON object on one line, the result or `{"error": {…}}`, and standard error stays empty. A reader that stops reading (`| head`)
//! ends nothing: the command goes on quietly and its exit code is the same.

/// What the documentation shows of Rust, tried here, where the core has its files and the sandbox is at hand.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/start/rust.md")]
mod documentation {}

mod arguments;
mod command;
mod connection;
mod customer_file;
mod error_text;
mod exit_code;
mod inspection;
mod interruption;
mod ledger_choice;
mod length_of_time;
mod named_choice;
mod output;
mod printable_json;
mod progress_display;
mod quota_choice;
mod quota_model;
mod quota_text;
mod reasons;
mod rejects_file;
mod table;
mod wording;

use std::ffi::OsString;
use std::thread;

use bizkithub::Error;
use clap::Parser;

use arguments::Arguments;
use exit_code::ExitCode;
use output::Output;

/// Runs the command with its arguments, the program's name being the first, and returns its exit code.
///
/// It never ends the process, and it starts a thread and a runtime of its own, so that it may be called from wherever the
/// host likes: from the main thread of Python or Node, or from inside another runtime. It blocks until the command is done.
///
/// `run` and `sandbox` take over SIGINT and SIGTERM for the rest of the process. Handlers that the host installed before are
/// still called, so a host that wants the documented exit codes resets SIGINT to its default first, as Python's
/// `signal.signal(signal.SIGINT, signal.SIG_DFL)` does; the other commands end by the default action.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_json = arguments.iter().any(|argument| argument == "--json");
    let ended = thread::Builder::new()
        .name("bizkithub".to_owned())
        .spawn(move || execute(arguments, is_json))
        .map(thread::JoinHandle::join);
    let code = match ended {
        Ok(Ok(code)) => code,
        Ok(Err(_)) => Output::new(is_json).fail(&Error::internal("the command panicked")),
        Err(error) => {
            Output::new(is_json).fail(&Error::internal(format!("the command cannot start its thread: {error}")))
        }
    };
    code.number()
}

fn execute(arguments: Vec<OsString>, is_json: bool) -> ExitCode {
    let output = Output::new(is_json);
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => command::execute(arguments, output).unwrap_or_else(|error| output.fail(&error)),
        Err(error) => output.usage(&error),
    }
}
