use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use bizkithub_sandbox::{Sandbox, SandboxOptions};
use serde_json::Value;
use tempfile::TempDir;

/// A sandbox and an empty folder, in which the command is run with the sandbox's address and key in its environment.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    pub(crate) fn with(options: SandboxOptions) -> Self {
        Self { sandbox: Sandbox::start(options).expect("a sandbox"), folder: TempDir::new().expect("a folder") }
    }

    /// Writes a file into the folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command in the folder, with nothing of the machine's own settings.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = plain_command(arguments, self.folder.path());
        command
            .env("BIZKITHUB_BASE_URL", self.sandbox.url())
            .env("BIZKITHUB_API_KEY", self.sandbox.api_key())
            .stdin(Stdio::null());
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Finished {
        Finished::of(&mut self.command(arguments))
    }

    /// Starts the command and leaves it running, its output in pipes.
    pub(crate) fn spawn<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts")
    }
}

pub(crate) fn plain_command<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bizkithub"));
    command.args(arguments).current_dir(folder).env("XDG_STATE_HOME", folder.join("state"));
    let of_the_machine =
        ["BIZKITHUB_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NO_COLOR", "CLICOLOR", "COLUMNS"];
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_uppercase();
        if of_the_machine.iter().any(|prefix| upper.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Absent when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().expect("the command starts").into()
    }

    /// The one JSON object, on one line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        assert_eq!(self.stderr, "", "{self:?}");
        serde_json::from_str(&self.stdout).expect("JSON")
    }

    /// How many rows the printed report gives an outcome.
    #[track_caller]
    pub(crate) fn rows(&self, outcome: &str) -> u64 {
        let mut lines = self.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let line =
            lines.find(|line| line.len() == 2 && line[0] == outcome).unwrap_or_else(|| panic!("no report: {self:?}"));
        line[1].parse().expect("a number")
    }

    /// Asserts the exit code and the code of the error on standard error.
    #[track_caller]
    pub(crate) fn assert_error(&self, code: i32, error_code: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        assert!(self.stderr.contains(error_code), "{error_code} is missing: {self:?}");
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The arguments that name a file's columns, as the examples write them.
pub(crate) fn with_columns<'a>(command: &'a str, file: &'a str) -> Vec<&'a str> {
    vec![command, file, "--email", "email", "--groups", "groups"]
}

/// A file of so many customers: `customer1@example.com` and so on, each with the group `vip`.
pub(crate) fn customers(count: usize) -> String {
    let rows = (1..=count).map(|number| format!("customer{number}@example.com,vip\n"));
    std::iter::once("email,groups\n".to_owned()).chain(rows).collect()
}
