//! Processes that are killed, at any call and while the ledger recovers, and machines that lose their power.

use std::collections::HashMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::disk::{Disk, FileSystem};
use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::stage::{Stage, copy_ledger, remove_ledger};

/// What is written at once to the ledger, at most.
const COMMIT_GROUP: u64 = 1_000;

/// Calls that touch files or tell of them.
const FILE_CALLS: &[&str] = &[
    "openat",
    "read",
    "pread64",
    "pwrite64",
    "fdatasync",
    "fsync",
    "ftruncate",
    "unlink",
    "fcntl",
    "flock",
    "mmap",
    "munmap",
    "close",
];

/// Calls that talk to the server or to other threads.
const NETWORK_CALLS: &[&str] = &[
    "socket",
    "connect",
    "sendto",
    "recvfrom",
    "write",
    "epoll_wait",
    "epoll_ctl",
    "futex",
    "setsockopt",
    "getsockopt",
];

fn strace(action: &str) -> Vec<String> {
    ["strace", "--quiet=all", "--follow-forks", "--output=/dev/null"]
        .into_iter()
        .map(str::to_owned)
        .chain(action.split(' ').map(str::to_owned))
        .collect()
}

fn killed_at(calls: &str, number: u64) -> Vec<String> {
    strace(&format!("--trace={calls} --inject={calls}:signal=SIGKILL:when={number}"))
}

/// Kills a run at the first, second, third … call of each kind in one of its threads, until one gets through.
pub(crate) fn kill_at_every_call(trial: &Trial) -> Result<Finding> {
    const CUSTOMERS: u64 = 40;
    let (mut points, mut again) = (0, 0);
    let stage = Stage::new(CUSTOMERS)?;
    let ledger = stage.path("groups.ledger");
    let wanted = trial.times(40, 2_000);
    let stride = usize::try_from(trial.times(11, 1))?;
    // Each round kills runs of another width, so that they meet other orders of events.
    for concurrency in (1..).map(|round| 1 + round % 8) {
        let before = points;
        for calls in [FILE_CALLS, NETWORK_CALLS].concat() {
            for number in (1..).step_by(stride) {
                stage.clear(&ledger)?;
                let job = Job { concurrency, wrapper: killed_at(calls, number), ..Job::default() };
                let was_killed = stage.run(Driver::Rust, &job)?.code.is_none();
                let known = if ledger.exists() { stage.acknowledged(&Job::default())? } else { 0 };
                let arrived = stage.arrived();
                ensure!(
                    known <= arrived,
                    "killed at {calls} {number}: the ledger knows {known}, and {arrived} arrived"
                );
                let skipped = stage.completes(Driver::Rust, &job, known)?.must_report()?.skipped;
                ensure!(skipped == known, "killed at {calls} {number}: {known} were known, and {skipped} skipped");
                let resent = stage.sandbox.request_count() - CUSTOMERS;
                ensure!(resent <= u64::from(concurrency) + COMMIT_GROUP, "{resent} were sent again");
                again = again.max(resent);
                if !was_killed {
                    break;
                }
                points += 1;
            }
        }
        if points >= wanted {
            break;
        }
        ensure!(points > before, "no call was struck");
    }
    Ok(Finding::noting(points, format!("at most {again} of {CUSTOMERS} requests sent again after a kill")))
}

/// Kills whoever opens the ledger of a run that was killed, at every call that recovers it.
pub(crate) fn crash_during_recovery(trial: &Trial) -> Result<Finding> {
    let stage = Stage::new(2_000)?;
    let (ledger, kept) = (stage.path("groups.ledger"), stage.path("kept"));
    let mut run = stage.spawn(Driver::Rust, &Job::default())?;
    run.must_reach(1_200)?;
    run.kill()?;
    fs::create_dir(&kept)?;
    copy_ledger(&ledger, &kept.join("groups.ledger"))?;
    let known = stage.acknowledged(&Job::default())?;
    ensure!(known > 0 && known < 2_000, "the ledger knows {known}");
    let mut points = 0;
    for calls in FILE_CALLS {
        for number in (1..).step_by(usize::try_from(trial.times(6, 1))?) {
            remove_ledger(&ledger)?;
            copy_ledger(&kept.join("groups.ledger"), &ledger)?;
            let words = killed_at(calls, number);
            let [program, arguments @ ..] = words.as_slice() else { bail!("no program") };
            let mut command = Command::new(program);
            command.args(arguments).arg(crate::tools::command()).args([
                "ledger",
                "compact",
                "--ledger",
                "groups.ledger",
            ]);
            command.env("BIZKITHUB_API_KEY", &stage.key).env("BIZKITHUB_BASE_URL", stage.sandbox.url());
            let status = command.current_dir(stage.folder()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            let now = stage.acknowledged(&Job::default())?;
            ensure!(now == known, "killed at {calls} {number} of the recovery, the ledger knows {now} of {known}");
            if status.code().is_some() {
                break;
            }
            points += 1;
        }
    }
    ensure!(points > 0, "no call was struck");
    let counts = stage.completes(Driver::Rust, &Job::default(), known)?.must_report()?;
    ensure!(counts.skipped == known, "{known} were known, and {} skipped", counts.skipped);
    Ok(Finding::noting(points, format!("{known} acknowledged customers known after each")))
}

/// Shuts the file system below the ledger down, so that it forgets what was not made durable, and mounts it again.
pub(crate) fn power_cut(trial: &Trial) -> Result<Finding> {
    let cuts = trial.times(6, 1_000);
    let (mut executions, mut notes) = (0, Vec::new());
    for file_system in FileSystem::ALL {
        let lost = cut_power(trial, file_system, cuts, None)?;
        ensure!(lost == 0, "{lost} counted customers were lost on {}", file_system.name());
        executions += cuts;
        // What makes nothing durable must be found out, or the cuts prove nothing.
        let mut control = 0;
        for attempt in 0..20 {
            let trial = Trial { seed: trial.seed + attempt, ..*trial };
            control += cut_power(&trial, file_system, 1, Some("eatmydata"))?;
            if control > 0 {
                break;
            }
        }
        ensure!(control > 0, "without fsync nothing was lost on {}: the cuts prove nothing", file_system.name());
        notes.push(format!("{}: {cuts} cuts, 0 lost; without fsync {control} lost", file_system.name()));
    }
    Ok(Finding::noting(executions, notes.join("; ")))
}

/// Cuts the power so often and tells how many customers were counted and not known afterwards.
fn cut_power(trial: &Trial, file_system: FileSystem, cuts: u64, wrapper: Option<&str>) -> Result<u64> {
    let disk = Disk::new(file_system)?;
    let mut random = trial.random(file_system as u64);
    let stage = Stage::new(3_000)?;
    let ledger = disk.path().join("groups.ledger");
    let job = Job {
        ledger: ledger.display().to_string(),
        wrapper: wrapper.map(str::to_owned).into_iter().collect(),
        ..Job::default()
    };
    let (mut lost, mut known) = (0, 0);
    for cut in 0..cuts {
        let mut run = stage.spawn(Driver::Rust, &job)?;
        // Somewhere within the run, which is then under way for sure.
        let target = stage.sandbox.request_count() + random.u64(1..2_500);
        let is_running = run.reaches(target)?;
        thread::sleep(Duration::from_micros(random.u64(0..20_000)));
        // A real cut ends the process too. This one lives on, and a call that makes something durable and that the cut overtakes may
        // tell it that all is well: jbd2 forgets a transaction that it had to abort. So it stands still during the cut and its report
        // counts, or it is cut off within a call and says nothing any more.
        let counted = if cut % 2 == 0 {
            let is_stopped = is_running && run.stop()?;
            disk.cut_power()?;
            if is_stopped {
                run.signal(Signal::CONT)?;
            }
            run.finish()?.counts().map_or(known, |counts| counts.counted())
        } else {
            disk.cut_power()?;
            run.kill()?;
            known
        };
        disk.restore()?;
        known = match ledger.exists() {
            true => stage.acknowledged(&job).or_else(|error| if wrapper.is_some() { Ok(0) } else { Err(error) })?,
            false => 0,
        };
        lost += counted.saturating_sub(known);
        ensure!(known <= stage.arrived(), "the ledger knows {known}, and {} arrived", stage.arrived());
        if known == stage.customers || wrapper.is_some() {
            stage.clear(&ledger)?;
            known = 0;
        }
    }
    if wrapper.is_none() {
        stage.completes(Driver::Rust, &job, known).context("after the last cut")?;
    }
    Ok(lost)
}

/// Lets every call that makes the ledger durable, or makes room for it, fail once, and from then on for ever.
pub(crate) fn failing_writes(trial: &Trial) -> Result<Finding> {
    const CUSTOMERS: u64 = 60;
    let stage = Stage::new(CUSTOMERS)?;
    let ledger = stage.path("groups.ledger");
    let (mut executions, mut told) = (0, 0);
    let faults = [
        ("fdatasync,fsync", "EIO"),
        ("pwrite64", "EIO"),
        ("pwrite64", "ENOSPC"),
        ("ftruncate", "ENOSPC"),
        ("pread64", "EIO"),
    ];
    for (calls, error) in faults {
        let last = calls_made(&stage, calls)?;
        for (and_on, stride) in [("", trial.times(5, 1)), ("+", trial.times(9, 1))] {
            for number in (1..=last).step_by(usize::try_from(stride)?) {
                stage.clear(&ledger)?;
                let injected = format!("--trace={calls} --inject={calls}:error={error}:when={number}{and_on}");
                let job = Job { wrapper: strace(&injected), ..Job::default() };
                let finished = stage.run(Driver::Rust, &job).context(injected)?;
                let counted = finished.counts().unwrap_or_default().counted();
                told += u64::from(finished.error_code().is_some_and(|code| code.starts_with("ledger_")));
                stage.completes(Driver::Rust, &job, counted)?;
                executions += 1;
            }
        }
    }
    ensure!(told > 0, "no failure was told");
    Ok(Finding::noting(executions, format!("{told} ended the run, the others SQLite got over")))
}

/// How many such calls the busiest thread of a run makes.
fn calls_made(stage: &Stage, calls: &str) -> Result<u64> {
    stage.clear(&stage.path("groups.ledger"))?;
    let trace = stage.path("trace");
    let mut wrapper = strace(&format!("--trace={calls}"));
    wrapper.push(format!("--output={}", trace.display()));
    stage.run(Driver::Rust, &Job { wrapper, ..Job::default() })?;
    let mut by_thread = HashMap::<String, u64>::new();
    for line in fs::read_to_string(&trace)?.lines().filter(|line| line.contains('(')) {
        *by_thread.entry(line.split(' ').next().unwrap_or_default().to_owned()).or_default() += 1;
    }
    by_thread.into_values().max().with_context(|| format!("a run makes none of {calls}"))
}

/// Lets no file grow beyond a size, so that some write of the ledger is cut short at a byte.
pub(crate) fn short_writes(trial: &Trial) -> Result<Finding> {
    let stage = Stage::new(200)?;
    let ledger = stage.path("groups.ledger");
    let (mut executions, mut told) = (0, 0);
    for size in (100..140_000).step_by(usize::try_from(trial.times(14_001, 331))?) {
        stage.clear(&ledger)?;
        // The signal of that limit is ignored, as a shell's users would have to do; otherwise it is a kill.
        let script = format!("trap '' XFSZ; exec prlimit --fsize={size} \"$@\"");
        let wrapper = ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
        let job = Job { wrapper, ..Job::default() };
        let finished = stage.run(Driver::Rust, &job)?;
        told += u64::from(finished.error_code().is_some_and(|code| code.starts_with("ledger_")));
        let counted = finished.counts().unwrap_or_default().counted();
        stage.completes(Driver::Rust, &job, counted).with_context(|| format!("files of at most {size} bytes"))?;
        executions += 1;
    }
    ensure!(told > 0, "no write was cut short");
    Ok(Finding::noting(executions, format!("{told} ended the run, the others had room enough")))
}

/// Fills the disk below the ledger, and makes room again.
pub(crate) fn full_disk(trial: &Trial) -> Result<Finding> {
    let mut executions = 0;
    for file_system in FileSystem::ALL {
        let disk = Disk::new(file_system)?;
        let stage = Stage::new(10_000)?;
        let job = Job { ledger: disk.path().join("groups.ledger").display().to_string(), ..Job::default() };
        for round in 0..trial.times(1, 10) {
            stage.clear(&disk.path().join("groups.ledger"))?;
            stage.write("first.csv", crate::stage::rows(1..=1))?;
            stage.run(Driver::Rust, &Job { file: "first.csv".to_owned(), ..job.clone() })?;
            disk.fill(4_096 * (40 + 7 * round))?;
            let full = stage.run(Driver::Rust, &job)?;
            let counted = full.counts().unwrap_or_default().counted();
            let code = full.error_code();
            ensure!(code.as_deref() == Some("ledger_full"), "the full disk is told as {code:?}: {full}");
            disk.free()?;
            stage.completes(Driver::Rust, &job, counted)?;
            executions += 1;
        }
    }
    Ok(Finding::of(executions))
}

/// Ends every driver by every signal, in the middle of its run.
pub(crate) fn signals(trial: &Trial) -> Result<Finding> {
    let customers = trial.times(900, 3_000);
    let mut executions = 0;
    let mut random = trial.random(11);
    for driver in Driver::ALL {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::ABORT, Signal::KILL] {
            for _ in 0..trial.times(1, 20) {
                let stage = Stage::new(customers)?;
                let job = Job::default();
                let mut run = stage.spawn(driver, &job)?;
                let target = random.u64(1..customers / 2);
                run.must_reach(target)?;
                run.signal(signal)?;
                let finished = run.finish()?;
                let known = stage.acknowledged(&Job::default())?;
                ensure!(known <= stage.arrived(), "the ledger knows {known}, and {} arrived", stage.arrived());
                let counted = finished.counts().unwrap_or_default().counted();
                ensure!(counted <= known, "{counted} were counted, and {known} are known");
                stage.completes(driver, &job, known)?;
                executions += 1;
            }
        }
    }
    Ok(Finding::of(executions))
}
