use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

/// The folder of the repository, which this program is never installed away from.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The `bizkithub` command, built beside this program.
pub(crate) fn command() -> String {
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("bizkithub")));
    beside.unwrap_or_default().display().to_string()
}

/// Runs a tool to its end, which must be a good one.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Result<Output> {
    let output = Command::new(tool).args(arguments).output().with_context(|| format!("{tool} is not installed"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{tool} {} failed: {said}", arguments.join(" "));
    Ok(output)
}

/// Whether this process may mount file systems and make networks.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
