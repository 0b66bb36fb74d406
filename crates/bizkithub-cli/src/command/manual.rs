use std::path::PathBuf;

use bizkithub::{Error, printable};
use clap::{Args, CommandFactory};
use serde_json::json;

use crate::arguments::Arguments;
use crate::exit_code::ExitCode;
use crate::output::Output;

/// Write the manual pages, one a subcommand, to a folder
#[derive(Args, Debug)]
pub(crate) struct ManualArguments {
    /// The folder, such as ~/.local/share/man/man1
    folder: PathBuf,
}

pub(crate) fn execute(arguments: &ManualArguments, output: Output) -> Result<ExitCode, Error> {
    let folder = &arguments.folder;
    let made = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    made.map_err(|error| {
        let message = format!("the manual cannot be written to {}: {error}", folder.display());
        Error::invalid_input("file_unwritable", message, "choose another folder").caused_by(error)
    })?;
    output.text(&format!("the manual is in {}\n", printable(&folder.to_string_lossy())))?;
    output.json(&json!({ "folder": folder }))?;
    Ok(ExitCode::Done)
}
