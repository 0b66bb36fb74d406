use bizkithub::Error;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use crate::arguments::Arguments;
use crate::exit_code::ExitCode;
use crate::output::Output;

/// Print what makes a shell complete the command's arguments
///
/// For bash, put it into ~/.local/share/bash-completion/completions/bizkithub; for zsh, as _bizkithub into a folder of $fpath; for
/// fish, into ~/.config/fish/completions/bizkithub.fish.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn execute(arguments: &CompletionsArguments, output: Output) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "bizkithub", &mut script);
    let script = String::from_utf8_lossy(&script);
    output.text(&script)?;
    output.json(&json!({ "completions": script }))?;
    Ok(ExitCode::Done)
}
