use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bizkithub::KeyKind;
use bizkithub_sandbox::{Sandbox, SandboxOptions};
use rustix::io::Errno;
use serde_json::Value;
use tempfile::TempDir;

use crate::canary::Canary;
use crate::driver::{Driver, Job};
use crate::running::Running;

/// How much later than its deadline a run may end.
const SLACK: Duration = Duration::from_secs(1);

/// How much longer a process may take than its run, to start and to end on a machine that has other things to do.
const START_AND_END: Duration = Duration::from_secs(4);

/// The most memory that a run may take, in bytes.
const MEMORY_LIMIT: u64 = 150 << 20;

/// A sandbox, a folder with a file of customers, and the oracle that judges every run of it: no row is lost, nothing is counted that
/// the server does not have, the run ends in time and in little memory, and nothing shows the key.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) key: String,
    pub(crate) customers: u64,
    canary: Canary,
    folder: TempDir,
}

impl Stage {
    pub(crate) fn new(customers: u64) -> Result<Self> {
        Self::with(SandboxOptions::default(), customers)
    }

    pub(crate) fn with(options: SandboxOptions, customers: u64) -> Result<Self> {
        let sandbox = Sandbox::start(options)?;
        let key = sandbox.generate_key(KeyKind::Production);
        let stage = Self { canary: Canary::new(&key), sandbox, key, customers, folder: TempDir::new()? };
        stage.write("customers.csv", rows(1..=customers))?;
        Ok(stage)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        Ok(fs::write(self.path(name), content)?)
    }

    /// Puts everything back as it was at the start.
    pub(crate) fn clear(&self, ledger: &Path) -> Result<()> {
        self.sandbox.reset()?;
        self.sandbox.register_key(&bizkithub_sandbox::RegisteredKey::new(&self.key))?;
        remove_ledger(ledger)
    }

    /// A job as a command, for runs that are not waited for.
    pub(crate) fn command(&self, driver: Driver, job: &Job) -> Command {
        job.command(driver, &self.base_url(job), &self.key, self.folder.path())
    }

    fn base_url(&self, job: &Job) -> String {
        job.base_url.clone().unwrap_or_else(|| self.sandbox.url())
    }

    /// Begins a run that is not waited for.
    pub(crate) fn spawn(&self, driver: Driver, job: &Job) -> Result<Running<'_>> {
        Running::start(self, driver, job)
    }

    /// Runs a job to its end and judges it.
    pub(crate) fn run(&self, driver: Driver, job: &Job) -> Result<Finished> {
        let finished = self.run_elsewhere(driver, job)?;
        self.judge(&finished, self.judged_by_the_sandbox(&finished))?;
        Ok(finished)
    }

    /// Runs a job against another server than the sandbox, and judges what can be judged without it.
    pub(crate) fn run_elsewhere(&self, driver: Driver, job: &Job) -> Result<Finished> {
        let measure = self.path("memory");
        let mut job = job.clone();
        if job.wrapper.is_empty() {
            let measure = format!("--output={}", measure.display());
            job.wrapper = vec!["time".to_owned(), "--quiet".to_owned(), "--format=%M".to_owned(), measure];
        }
        let begin = Instant::now();
        let output = self.command(driver, &job).output().context("the driver does not start")?;
        let mut finished = Finished::new(driver, output, begin.elapsed());
        let kilobytes = fs::read_to_string(&measure).ok();
        finished.memory = kilobytes.and_then(|text| text.trim().parse::<u64>().ok()).map(|kilobytes| kilobytes << 10);
        self.judge(&finished, self.judged(&finished, &job))?;
        Ok(finished)
    }

    /// Judges a run that was begun otherwise.
    pub(crate) fn finish(&self, driver: Driver, job: &Job, output: Output, begin: Instant) -> Result<Finished> {
        let finished = Finished::new(driver, output, begin.elapsed());
        self.judge(&finished, self.judged(&finished, job).and_then(|()| self.judged_by_the_sandbox(&finished)))?;
        Ok(finished)
    }

    fn judge(&self, finished: &Finished, judged: Result<()>) -> Result<()> {
        judged.with_context(|| format!("{} ended with {:?}: {finished}", finished.driver.name(), finished.code))
    }

    fn judged(&self, finished: &Finished, job: &Job) -> Result<()> {
        self.look_for_the_key(finished, job)?;
        let limit = job.deadline + SLACK;
        let seconds = finished.report().and_then(|report| report["seconds"].as_f64()).unwrap_or_default();
        ensure!(seconds <= limit.as_secs_f64(), "the run took {seconds} s instead of at most {limit:?}");
        let limit = limit + START_AND_END;
        ensure!(finished.time <= limit, "it took {:?} instead of at most {limit:?}", finished.time);
        if let Some(memory) = finished.memory {
            ensure!(memory <= MEMORY_LIMIT, "it took {} MB", memory >> 20);
        }
        if let Some(counts) = finished.counts() {
            let sum = counts.applied + counts.skipped + counts.rejected + counts.pending + counts.unknown;
            ensure!(sum == counts.rows, "the outcomes of {} rows add up to {sum}", counts.rows);
        }
        Ok(())
    }

    fn judged_by_the_sandbox(&self, finished: &Finished) -> Result<()> {
        if let Some(counts) = finished.counts() {
            let arrived = self.arrived();
            let counted = counts.applied + counts.skipped;
            ensure!(counted <= arrived, "{counted} are counted as sent, and {arrived} arrived");
        }
        Ok(())
    }

    /// Searches everything that a run has said and left for the key.
    pub(crate) fn look_for_the_key(&self, finished: &Finished, job: &Job) -> Result<()> {
        self.canary.look_into("standard output", finished.stdout.as_bytes())?;
        self.canary.look_into("standard error", finished.stderr.as_bytes())?;
        // A ledger may be on a disk of its own.
        for file in files_of(&self.path(&job.ledger)).filter(|file| file.is_file()) {
            let content = match fs::read(&file) {
                // A disk without power is read when it is back, after a later run.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => continue,
                content => content?,
            };
            self.canary.look_into(&file.display().to_string(), &content)?;
        }
        self.canary.look_through(self.folder.path())
    }

    /// The canary, for what is not in the stage's folder.
    pub(crate) fn canary(&self) -> &Canary {
        &self.canary
    }

    /// How many customers of the file have their group.
    pub(crate) fn arrived(&self) -> u64 {
        let customers = self.sandbox.customers();
        customers.iter().filter(|customer| customer.groups.contains("vip")).count() as u64
    }

    /// How many assignments a job's ledger knows, as the command tells of a copy of it: opening recovers and tidies a ledger, and the
    /// next run has to find what the fault left.
    pub(crate) fn acknowledged(&self, job: &Job) -> Result<u64> {
        let copy = TempDir::new()?;
        let ledger = copy.path().join("groups.ledger");
        copy_ledger(&self.path(&job.ledger), &ledger)?;
        let mut command = Command::new(crate::tools::command());
        command.args(["ledger", "show", "--json", "--ledger"]).arg(&ledger).env("BIZKITHUB_API_KEY", &self.key);
        command.env("BIZKITHUB_BASE_URL", self.base_url(job)).current_dir(self.folder.path());
        let output = command.output()?;
        let shown = String::from_utf8(output.stdout)?;
        let known: Value = serde_json::from_str(&shown).with_context(|| format!("the ledger says {shown:?}"))?;
        known["ledger"]["acknowledged"].as_u64().with_context(|| format!("the ledger says {shown}"))
    }

    /// Runs a job again after the fault, which must settle every row, send nothing again that was counted, and leave all at the server.
    pub(crate) fn completes(&self, driver: Driver, job: &Job, counted: u64) -> Result<Finished> {
        self.sandbox.clear_faults();
        let again =
            Job { wrapper: Vec::new(), environment: Vec::new(), deadline: Duration::from_secs(60), ..job.clone() };
        let finished = self.run(driver, &again).context("the run after the fault")?;
        let counts =
            finished.counts().with_context(|| format!("the run after the fault left no report: {finished}"))?;
        let settled = counts.applied + counts.skipped + counts.rejected;
        ensure!(settled == counts.rows, "the run after the fault left rows: {finished}");
        ensure!(counts.skipped >= counted, "{counted} were counted, and only {} are known: {finished}", counts.skipped);
        ensure!(self.arrived() == self.customers, "{} of {} arrived", self.arrived(), self.customers);
        Ok(finished)
    }
}

/// A ledger's file and what SQLite may keep beside it.
fn files_of(ledger: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm", "-journal", ".lock"].into_iter().map(|suffix| format!("{}{suffix}", ledger.display()).into())
}

/// Removes a ledger.
pub(crate) fn remove_ledger(ledger: &Path) -> Result<()> {
    for file in files_of(ledger) {
        match fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => bail!(error),
            _ => {}
        }
    }
    Ok(())
}

/// Copies a ledger that nobody has open.
pub(crate) fn copy_ledger(from: &Path, to: &Path) -> Result<()> {
    for (from, to) in files_of(from).zip(files_of(to)).filter(|(from, _)| from.exists()) {
        fs::copy(from, to)?;
    }
    Ok(())
}

/// A file of customers with these numbers, each with the group `vip`.
pub(crate) fn rows(numbers: impl IntoIterator<Item = u64>) -> String {
    let rows = numbers.into_iter().map(|number| format!("customer{number}@example.com,vip\n"));
    std::iter::once("email,groups\n".to_owned()).chain(rows).collect()
}

/// How many rows of a report have each outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    pub(crate) applied: u64,
    pub(crate) skipped: u64,
    pub(crate) rejected: u64,
    pub(crate) pending: u64,
    pub(crate) unknown: u64,
}

impl Counts {
    /// Rows that the report says are at the server.
    pub(crate) fn counted(&self) -> u64 {
        self.applied + self.skipped
    }
}

/// What a run said, and how it ended.
pub(crate) struct Finished {
    driver: Driver,
    /// Absent when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) time: Duration,
    /// The most memory that it had, in bytes, where it was measured.
    pub(crate) memory: Option<u64>,
}

impl Finished {
    fn new(driver: Driver, output: Output, time: Duration) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Self { driver, code: output.status.code(), stdout, stderr, time, memory: None }
    }

    /// What is printed as JSON, if that was reached.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_str(self.stdout.lines().last()?).ok()
    }

    /// The report, if there is one.
    pub(crate) fn report(&self) -> Option<Value> {
        let json = self.json()?;
        json.get("report").cloned().or_else(|| json.get("rows").is_some().then_some(json))
    }

    pub(crate) fn counts(&self) -> Option<Counts> {
        let report = self.report()?;
        let count = |name: &str| report[name].as_u64();
        Some(Counts {
            rows: count("rows")?,
            applied: count("applied")?,
            skipped: count("skipped")?,
            rejected: count("rejected")?,
            pending: count("pending")?,
            unknown: count("unknown")?,
        })
    }

    /// The counts of a run that must have left a report.
    pub(crate) fn must_report(&self) -> Result<Counts> {
        self.counts().with_context(|| format!("there is no report: {self}"))
    }

    pub(crate) fn retries(&self) -> u64 {
        self.report().and_then(|report| report["retries"].as_u64()).unwrap_or_default()
    }

    /// The code of the error that stopped the run, or of the error that there is instead of a report.
    pub(crate) fn error_code(&self) -> Option<String> {
        let json = self.json()?;
        let error = self.report().map_or_else(|| json["error"].clone(), |report| report["stoppedBy"].clone());
        error["code"].as_str().map(str::to_owned)
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: BTreeSet<_> = [self.stdout.trim(), self.stderr.trim()].into_iter().collect();
        let text: String = shown.into_iter().collect::<Vec<_>>().join(" | ");
        formatter.write_str(&text.chars().take(1_500).collect::<String>())
    }
}
