//! The `bizkithub` command.

use std::ffi::OsString;

use napi_derive::napi;

/// Runs the `bizkithub` command with its arguments, without the program's name, and returns its exit code. Blocks until it is done.
#[napi]
pub fn run_command(arguments: Vec<String>) -> u8 {
    let program = OsString::from("bizkithub");
    bizkithub_cli::main_with(std::iter::once(program).chain(arguments.into_iter().map(OsString::from)))
}
