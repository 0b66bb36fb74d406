use bizkithub::Error;
use clap::{Parser, Subcommand};

use crate::command::add::AddArguments;
use crate::command::completions::CompletionsArguments;
use crate::command::explain::ExplainArguments;
use crate::command::ledger::LedgerArguments;
use crate::command::manual::ManualArguments;
use crate::command::plan::PlanArguments;
use crate::command::run::RunArguments;
use crate::command::sandbox::SandboxArguments;
use crate::command::slug::SlugArguments;
use crate::connection::ConnectionArguments;
use crate::exit_code::ExitCode;

/// Puts groups on customers of the BizKitHub CRM: on one, or on a whole file of them.
///
/// The API key comes from the environment variable BIZKITHUB_API_KEY or from --api-key-file, the address of the API from
/// --base-url or BIZKITHUB_BASE_URL.
#[expect(clippy::doc_markdown, reason = "these are help texts, which would show the backticks")]
#[derive(Debug, Parser)]
#[command(name = "bizkithub", bin_name = "bizkithub", version, after_help = ExitCode::HELP)]
#[command(arg_required_else_help = true, max_term_width = 120)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print one JSON object instead of text
    #[arg(long, global = true, display_order = 100)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(AddArguments),
    Plan(PlanArguments),
    Run(RunArguments),
    Ledger(LedgerArguments),
    /// Ask the server whether it accepts the key; nothing is changed
    Ping,
    Sandbox(SandboxArguments),
    Slug(SlugArguments),
    Explain(ExplainArguments),
    Completions(CompletionsArguments),
    Manual(ManualArguments),
}

/// A mistake in the arguments, for those who read JSON.
pub(crate) fn usage_error(error: &clap::Error) -> Error {
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Error::invalid_input("usage", message, "bizkithub --help tells the usage")
}
