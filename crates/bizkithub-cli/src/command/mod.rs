//! The commands, one a file.

pub(crate) mod add;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod ledger;
pub(crate) mod manual;
pub(crate) mod ping;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod sandbox_show;
pub(crate) mod slug;

use std::future::Future;

use bizkithub::Error;
use tokio::runtime::{Builder, Runtime};

use crate::arguments::{Arguments, Command};
use crate::exit_code::ExitCode;
use crate::output::Output;

pub(crate) fn execute(arguments: Arguments, output: Output) -> Result<ExitCode, Error> {
    let Arguments { command, connection, .. } = arguments;
    match command {
        Command::Add(arguments) => add::execute(&arguments, &connection, output),
        Command::Plan(arguments) => plan::execute(&arguments, &connection, output),
        Command::Run(arguments) => run::execute(&arguments, &connection, output),
        Command::Ledger(arguments) => ledger::execute(&arguments, &connection, output),
        Command::Completions(arguments) => completions::execute(&arguments, output),
        Command::Manual(arguments) => manual::execute(&arguments, output),
        Command::Explain(arguments) => explain::execute(&arguments, output),
        Command::Ping => ping::execute(&connection, output),
        Command::Sandbox(arguments) => sandbox::execute(arguments, &connection, output),
        Command::Slug(arguments) => slug::execute(&arguments, output),
    }
}

/// Runs a future on a runtime of its own, and does not wait for what it leaves behind.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    let runtime: Runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal("the command cannot start its runtime").caused_by(error))?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(result)
}
