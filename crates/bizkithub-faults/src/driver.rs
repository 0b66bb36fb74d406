use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::tools::root;

/// A face that a fault is tried under.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Driver {
    /// The command.
    Rust,
    /// The wheel.
    Python,
    /// The addon.
    Node,
}

impl Driver {
    pub(crate) const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::Node];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::Node => "Node",
        }
    }
}

/// How a job is run: what all drivers are told alike.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The file of customers, in the stage's folder.
    pub(crate) file: String,
    /// The ledger, in the stage's folder or anywhere.
    pub(crate) ledger: String,
    /// The address of the API, where it is not the sandbox's own.
    pub(crate) base_url: Option<String>,
    /// The longest wait for an answer.
    pub(crate) timeout: Duration,
    /// The longest that the run may take.
    pub(crate) deadline: Duration,
    pub(crate) concurrency: u32,
    /// Whether the run ends when the quota is used up.
    pub(crate) stops_for_quota: bool,
    pub(crate) breaker: Option<u32>,
    pub(crate) ca_file: Option<String>,
    pub(crate) proxy: Option<String>,
    /// A program that runs the driver, with its arguments.
    pub(crate) wrapper: Vec<String>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            file: "customers.csv".to_owned(),
            ledger: "groups.ledger".to_owned(),
            base_url: None,
            timeout: Duration::from_secs(2),
            deadline: Duration::from_secs(20),
            concurrency: 8,
            stops_for_quota: false,
            breaker: Some(50),
            ca_file: None,
            proxy: None,
            wrapper: Vec::new(),
            environment: Vec::new(),
        }
    }
}

impl Job {
    /// The job by a driver, in a folder.
    pub(crate) fn command(&self, driver: Driver, base_url: &str, key: &str, folder: &Path) -> Command {
        let words = [self.wrapper.clone(), self.words(driver)].concat();
        let mut words = words.iter();
        let mut command = Command::new(words.next().map_or("true", String::as_str));
        command
            .args(words)
            .current_dir(folder)
            .env("BIZKITHUB_API_KEY", key)
            .env("BIZKITHUB_BASE_URL", base_url)
            .env("XDG_STATE_HOME", folder)
            .envs(self.environment.clone())
            .stdin(Stdio::null());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "CI"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    fn words(&self, driver: Driver) -> Vec<String> {
        let script = |name| root().join("crates/bizkithub-faults/drivers").join(name).display().to_string();
        match driver {
            Driver::Rust => self.arguments(),
            Driver::Python => {
                let python = root().join(".venv/bin/python").display().to_string();
                vec![python, script("job.py"), self.settings(str::to_owned, 1.0)]
            }
            Driver::Node => vec!["node".to_owned(), script("job.mjs"), self.settings(camel_case, 1_000.0)],
        }
    }

    fn arguments(&self) -> Vec<String> {
        let seconds = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut words: Vec<String> = vec![
            crate::tools::command(),
            "run".to_owned(),
            self.file.clone(),
            "--json".to_owned(),
            format!("--ledger={}", self.ledger),
            format!("--timeout={}", seconds(self.timeout)),
            format!("--deadline={}", seconds(self.deadline)),
            format!("--concurrency={}", self.concurrency),
            format!("--breaker={}", self.breaker.unwrap_or_default()),
            format!("--on-quota={}", self.on_quota()),
        ];
        words.extend("--pace fast --email email --groups groups --outcomes outcomes.csv".split(' ').map(str::to_owned));
        words.extend(self.ca_file.iter().map(|path| format!("--ca-file={path}")));
        words.extend(self.proxy.iter().map(|proxy| format!("--proxy={proxy}")));
        words
    }

    fn on_quota(&self) -> &'static str {
        if self.stops_for_quota { "stop" } else { "wait" }
    }

    /// The settings in a language's spelling; `second` is how many of its units of time a second has.
    fn settings(&self, spelling: fn(&str) -> String, second: f64) -> String {
        let mut client = vec![("timeout", json!(self.timeout.as_secs_f64() * second))];
        client.extend(self.ca_file.iter().map(|path| ("ca_file", json!(path))));
        client.extend(self.proxy.iter().map(|proxy| ("proxy", json!(proxy))));
        let run = vec![
            ("concurrency", json!(self.concurrency)),
            ("deadline", json!(self.deadline.as_secs_f64() * second)),
            ("breaker", json!(self.breaker)),
            ("on_quota", json!(self.on_quota())),
            ("pace", json!("fast")),
        ];
        let spelt = |settings: Vec<(&str, Value)>| -> serde_json::Map<String, Value> {
            settings.into_iter().map(|(name, value)| (spelling(name), value)).collect()
        };
        json!({ "file": self.file, "ledger": self.ledger, "client": spelt(client), "run": spelt(run) }).to_string()
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}
