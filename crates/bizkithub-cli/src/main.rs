//! The `bizkithub` command. See the library for what it promises.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(bizkithub_cli::main_with(std::env::args_os()))
}
