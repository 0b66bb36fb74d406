//! Ledgers that are shared, damaged, opened by others, or belong to another job.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::stage::{Stage, rows};

/// Runs one job in two processes at once, stops one of them in the middle with what locks it holds, and kills it.
pub(crate) fn two_processes(trial: &Trial) -> Result<Finding> {
    let mut executions = 0;
    let mut random = trial.random(6);
    for driver in Driver::ALL {
        for _ in 0..trial.times(1, 30) {
            let stage = Stage::new(3_000)?;
            // A lock is waited for several times, each time for 15 seconds.
            let job = Job { deadline: Duration::from_secs(90), ..Job::default() };
            let mut stopped = stage.spawn(driver, &job)?;
            let other = stage.spawn(Driver::Rust, &job)?;
            let target = random.u64(10..2_000);
            if stopped.reaches(target)? {
                stopped.signal(Signal::STOP)?;
            }
            let finished = other.finish()?;
            let counted = finished.must_report()?.counted();
            stopped.kill()?;
            ensure!(counted <= stage.acknowledged(&Job::default())?, "{counted} were counted: {finished}");
            stage.completes(driver, &job, counted)?;
            executions += 1;
        }
    }
    for call in 0..trial.times(1, 4) {
        stopped_within_a_write(2 + call)?;
        executions += 1;
    }
    Ok(Finding::of(executions))
}

/// Another build of SQLite reads, holds, checkpoints and rewrites the ledger while a run writes it.
pub(crate) fn another_sqlite(trial: &Trial) -> Result<Finding> {
    const SCRIPT: &str = r#"
import random, sqlite3, sys, time
chance = random.Random(int(sys.argv[2]))
while True:
    ledger = sqlite3.connect(sys.argv[1], timeout=0.1, isolation_level=None)
    what = chance.choice(["BEGIN IMMEDIATE", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "BEGIN; SELECT count(*) FROM journal"])
    try:
        for statement in what.split(";"):
            ledger.execute(statement).fetchall()
        print(what.split()[0], flush=True)
        time.sleep(chance.random() / 20)
    except sqlite3.OperationalError as error:
        # The run has it; whatever else goes wrong ends this program, and the trial with it.
        if "locked" not in str(error):
            raise
    ledger.close()
"#;
    let (mut executions, mut all) = (0, 0);
    for driver in Driver::ALL {
        for round in 0..trial.times(1, 20) {
            let stage = Stage::new(5_000)?;
            stage.run(driver, &Job { file: "first.csv".to_owned(), ..first(&stage)? })?;
            let strikes = stage.path("strikes");
            let struck = || -> Result<usize> { Ok(fs::read_to_string(&strikes)?.lines().count()) };
            let mut other = Command::new("python3");
            other.args(["-c", SCRIPT]).arg(stage.path("groups.ledger")).arg(round.to_string());
            let mut other = other.stdout(fs::File::create(&strikes)?).spawn()?;
            for _ in 0..1_000 {
                if struck()? > 0 {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
            let mut run = stage.spawn(driver, &Job { deadline: Duration::from_secs(25), ..Job::default() })?;
            // Only what happens while the run writes is a strike.
            let judged = run.reaches(2).and_then(|_| Ok((struck()?, run.finish()?, struck()?)));
            let is_alive = other.try_wait()?.is_none();
            other.kill()?;
            other.wait()?;
            let (before, finished, after) = judged?;
            ensure!(is_alive, "the other SQLite has ended");
            ensure!(after > before, "the other SQLite never got at the ledger in the run");
            all += after - before;
            stage.completes(driver, &Job::default(), finished.counts().unwrap_or_default().counted())?;
            executions += 1;
        }
    }
    Ok(Finding::noting(executions, format!("{all} strikes within the runs")))
}

/// Kills a process at the end of a trial, whatever becomes of it.
struct Killed(Pid);

impl Drop for Killed {
    fn drop(&mut self) {
        // One that has ended is as good.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// Stops a process in the midst of writing to the ledger, lets another try, and kills the first with what it holds.
fn stopped_within_a_write(call: u64) -> Result<()> {
    let stage = Stage::new(300)?;
    // On a ledger that is there, the thread that opens it makes fewer such calls than are waited for.
    stage.run(Driver::Rust, &Job { file: "first.csv".to_owned(), ..first(&stage)? })?;
    let (file, before) = (stage.path("process"), stage.arrived());
    let stop = format!("--inject=fsync:signal=SIGSTOP:when={call}");
    let script = format!("echo $$ > {}; exec \"$@\"", file.display());
    let wrapper = [
        "strace",
        "--quiet=all",
        "--follow-forks",
        "--output=/dev/null",
        "--trace=fsync",
        &stop,
        "sh",
        "-c",
        &script,
        "sh",
    ];
    let wrapper = wrapper.map(str::to_owned).to_vec();
    let stopped = stage.spawn(Driver::Rust, &Job { wrapper, ..Job::default() })?;
    let mut process = None;
    let is_stopped = |process: &Killed| -> Result<bool> {
        let status = fs::read_to_string(format!("/proc/{}/status", process.0.as_raw_nonzero()))?;
        Ok(status.lines().any(|line| line.starts_with("State:\tT") || line.starts_with("State:\tt")))
    };
    for _ in 0..1_000 {
        let number = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        process = process.or_else(|| number.and_then(Pid::from_raw).map(Killed));
        if stage.arrived() > before && process.as_ref().map_or(Ok(false), is_stopped)? {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let process = process.context("the process did not begin")?;
    // Stopped by the tracer at the call, and not only for a moment.
    thread::sleep(Duration::from_millis(100));
    ensure!(is_stopped(&process)?, "the process was not stopped at its call {call}");
    let other = stage.run(Driver::Rust, &Job::default())?;
    ensure!(other.error_code().as_deref() == Some("ledger_locked"), "the lock was not held: {other}");
    drop(process);
    stopped.kill()?;
    stage.completes(Driver::Rust, &Job::default(), other.counts().unwrap_or_default().counted()).map(drop)
}

/// A job of one customer, so that the ledger exists.
fn first(stage: &Stage) -> Result<Job> {
    stage.write("first.csv", rows(1..=1))?;
    Ok(Job::default())
}

/// Flips single bits of the ledger and of its log.
pub(crate) fn flipped_bits(trial: &Trial) -> Result<Finding> {
    const CUSTOMERS: u64 = 300;
    let stage = Stage::new(CUSTOMERS)?;
    stage.write("half.csv", rows(1..=CUSTOMERS / 2))?;
    stage.run(Driver::Rust, &Job { file: "half.csv".to_owned(), ..Job::default() })?;
    let ledger = stage.path("groups.ledger");
    let log = stage.path("groups.ledger-wal");
    let mut random = trial.random(9);
    let (mut told, mut known_less) = (0, 0);
    let flips = trial.times(60, 3_000);
    // Of the log as the run left it, then of the file that it was put in order in.
    let sound = [fs::read(&ledger)?, fs::read(&log)?];
    let mut compact = Command::new(crate::tools::command());
    compact.args(["ledger", "compact", "--ledger", "groups.ledger"]).current_dir(stage.folder());
    compact.env("BIZKITHUB_API_KEY", &stage.key).env("BIZKITHUB_BASE_URL", stage.sandbox.url());
    ensure!(compact.output()?.status.success(), "the ledger could not be put in order");
    let in_order = [fs::read(&ledger)?, fs::read(&log)?];
    for number in 0..flips {
        stage.clear(&ledger)?;
        let mut files = if number % 2 == 0 { sound.clone() } else { in_order.clone() };
        let position = random.usize(..files.iter().map(Vec::len).sum::<usize>());
        if let Some(byte) = files.iter_mut().flatten().nth(position) {
            *byte ^= 1 << random.u8(..8);
        }
        fs::write(&ledger, &files[0])?;
        fs::write(&log, &files[1])?;
        // The sandbox is empty again: what is skipped is what the ledger alone vouches for.
        let finished = stage.run_elsewhere(Driver::Rust, &Job::default())?;
        let counts = finished.counts().unwrap_or_default();
        let skipped = counts.skipped;
        let arrived = stage.arrived();
        ensure!(counts.applied <= arrived, "byte {position}: {arrived} arrived: {finished}");
        ensure!(skipped <= CUSTOMERS / 2, "byte {position}: {skipped} of {} are known: {finished}", CUSTOMERS / 2);
        let code = finished.error_code().unwrap_or_default();
        ensure!(
            finished.code == Some(0) && counts.counted() == CUSTOMERS || code.starts_with("ledger_"),
            "byte {position}: {finished}"
        );
        told += u64::from(finished.code != Some(0));
        known_less += u64::from(finished.code == Some(0) && skipped < CUSTOMERS / 2);
    }
    Ok(Finding::noting(flips, format!("{told} told as damage, {known_less} sent again, the rest in unused bytes")))
}

/// Runs another file, with other settings, on the ledger of a job that was killed.
pub(crate) fn another_job(_: &Trial) -> Result<Finding> {
    let mut executions = 0;
    for driver in Driver::ALL {
        let stage = Stage::new(400)?;
        stage.write("first.csv", rows(1..=200))?;
        let first = Job { file: "first.csv".to_owned(), ..Job::default() };
        let mut run = stage.spawn(driver, &first)?;
        run.reaches(50)?;
        run.kill()?;
        let known = stage.acknowledged(&Job::default())?;
        // Rows in another order, some gone, some twice, some with a group of their own.
        let other = rows((101..=300).rev()) + "customer1@example.com,vip\ncustomer150@example.com,gold\n";
        stage.write("second.csv", other)?;
        let second = Job { file: "second.csv".to_owned(), concurrency: 3, breaker: None, ..Job::default() };
        let counts = stage.run(driver, &second)?.must_report()?;
        ensure!(counts.counted() == 202 && counts.skipped <= known + 1, "{counts:?}, {known} were known");
        stage.completes(driver, &Job::default(), stage.acknowledged(&Job::default())? - 1)?;
        executions += 2;
    }
    Ok(Finding::of(executions))
}
