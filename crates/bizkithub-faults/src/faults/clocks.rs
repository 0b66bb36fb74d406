//! Clocks that jump, and machines that sleep.

use std::ffi::OsString;
use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bizkithub_sandbox::{QuotaModel, SandboxOptions};
use rustix::process::Signal;

use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::stage::Stage;

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// The client's clock is two hours wrong, or becomes so in the middle of a run; the server's is right.
pub(crate) fn clock_jumps(trial: &Trial) -> Result<Finding> {
    ensure!(fs::exists(LIBRARY)?, "libfaketime is not where Debian puts it");
    let mut executions = 0;
    for &driver in trial.drivers() {
        for (before, after) in [("+2h", "+2h"), ("-2h", "-2h"), ("+0", "+2h"), ("+0", "-2h"), ("+2h", "-2h")] {
            // Half of it fits the quota; the other half must wait for the next window, as long as the server's clock says.
            let quota = QuotaModel::SlidingWindow { limit: 400, burst: None, window: Duration::from_secs(3) };
            let stage = Stage::with(SandboxOptions { quota: Some(quota), ..SandboxOptions::default() }, 700)?;
            let clock = stage.path("clock");
            fs::write(&clock, before)?;
            let environment: [(&str, OsString); 4] = [
                ("LD_PRELOAD", LIBRARY.into()),
                ("FAKETIME_TIMESTAMP_FILE", clock.clone().into()),
                ("FAKETIME_NO_CACHE", "1".into()),
                // The clock that jumps is the one that people set.
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ];
            let job = Job { environment: environment.to_vec(), deadline: Duration::from_secs(20), ..Job::default() };
            let mut run = stage.spawn(driver, &job)?;
            run.must_reach(200)?;
            fs::write(&clock, after)?;
            let what = || format!("the clock at {before}, then at {after}");
            let finished = run.finish().with_context(what)?;
            let counts = finished.must_report().with_context(what)?;
            ensure!(counts.counted() == 700, "{}: {finished}", what());
            let refused = stage.sandbox.request_count() - 700;
            ensure!(refused <= 2 * u64::from(job.concurrency), "{}: {refused} refusals: {finished}", what());
            stage.completes(driver, &job, 700)?;
            executions += 1;
        }
    }
    Ok(Finding::of(executions))
}

/// The process stands still for longer than its timeout, as when a laptop is closed.
pub(crate) fn suspend(trial: &Trial) -> Result<Finding> {
    let mut executions = 0;
    for driver in Driver::ALL {
        for round in 0..trial.times(1, 10) {
            let stage = Stage::new(3_000)?;
            let job = Job { timeout: Duration::from_secs(1), ..Job::default() };
            let mut run = stage.spawn(driver, &job)?;
            run.must_reach(300 + 200 * round)?;
            ensure!(run.stop()?, "the run ended before it could be suspended");
            let before = stage.sandbox.request_count();
            thread::sleep(Duration::from_millis(1_500));
            let meanwhile = stage.sandbox.request_count() - before;
            // What was on its way to the sandbox arrives.
            ensure!(meanwhile <= u64::from(job.concurrency), "{meanwhile} requests while it stood still");
            run.signal(Signal::CONT)?;
            let finished = run.finish()?;
            let counts = finished.must_report()?;
            ensure!(counts.counted() == stage.customers, "the run did not go on: {finished}");
            stage.completes(driver, &job, counts.counted())?;
            executions += 1;
        }
    }
    Ok(Finding::of(executions))
}
