//! Clocks that jump, and machines that sleep.

use std::ffi::OsString;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bizkithub_sandbox::{QuotaModel, SandboxOptions};
use rustix::process::{Pid, Signal, kill_process};

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
            let begin = Instant::now();
            let mut child = stage.spawn(driver, &job)?;
            while stage.sandbox.request_count() < 200 && child.try_wait()?.is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            fs::write(&clock, after)?;
            let what = || format!("the clock at {before}, then at {after}");
            let finished = stage.finish(driver, &job, child, begin).with_context(what)?;
            let counts = finished.must_report().with_context(what)?;
            ensure!(counts.counted() == 700, "{}: {finished}", what());
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
            let begin = Instant::now();
            let child = stage.spawn(driver, &job)?;
            while stage.sandbox.request_count() < 300 + 200 * round {
                thread::sleep(Duration::from_millis(1));
            }
            let process = Pid::from_raw(i32::try_from(child.id())?).context("a process")?;
            kill_process(process, Signal::STOP)?;
            thread::sleep(Duration::from_millis(1_500));
            kill_process(process, Signal::CONT)?;
            let finished = stage.finish(driver, &job, child, begin)?;
            stage.completes(driver, &job, finished.must_report()?.counted())?;
            executions += 1;
        }
    }
    Ok(Finding::of(executions))
}
