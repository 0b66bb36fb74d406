use std::fs::{self, File};
use std::io::{Read, Seek};
use std::process::{Child, Output};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::driver::{Driver, Job};
use crate::stage::{Finished, Stage};

/// A run that is under way. One that a trial gives up is killed, with whatever it holds.
pub(crate) struct Running<'a> {
    stage: &'a Stage,
    driver: Driver,
    job: Job,
    child: Option<Child>,
    /// Files, which take everything while nobody reads.
    said: [File; 2],
    begin: Instant,
}

impl<'a> Running<'a> {
    pub(crate) fn start(stage: &'a Stage, driver: Driver, job: &Job) -> Result<Self> {
        let begin = Instant::now();
        let said = [tempfile::tempfile()?, tempfile::tempfile()?];
        let [stdout, stderr] = [said[0].try_clone()?, said[1].try_clone()?];
        let child = stage.command(driver, job).stdout(stdout).stderr(stderr).spawn()?;
        Ok(Self { stage, driver, job: job.clone(), child: Some(child), said, begin })
    }

    /// Waits until so many requests have arrived at the sandbox, or the run has ended. Tells whether it is still under way.
    pub(crate) fn reaches(&mut self, requests: u64) -> Result<bool> {
        let is_running = |child: &mut Child| child.try_wait().map(|status| status.is_none());
        let child = self.child.as_mut().context("the run has ended")?;
        let limit = self.job.deadline + Duration::from_secs(10);
        while self.stage.sandbox.request_count() < requests && is_running(child)? {
            ensure!(self.begin.elapsed() < limit, "{} stands still before its request {requests}", self.driver.name());
            thread::sleep(Duration::from_millis(1));
        }
        Ok(is_running(child)?)
    }

    /// The same, for a run that must not have ended by then.
    pub(crate) fn must_reach(&mut self, requests: u64) -> Result<()> {
        ensure!(self.reaches(requests)?, "{} ended before its request {requests}", self.driver.name());
        Ok(())
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the run has ended")?;
        let process = Pid::from_raw(i32::try_from(child.id())?).context("a process")?;
        Ok(kill_process(process, signal)?)
    }

    /// Stops all its threads, each at the end of its system call. Tells whether it was still there to be stopped.
    pub(crate) fn stop(&self) -> Result<bool> {
        self.signal(Signal::STOP)?;
        let child = self.child.as_ref().context("the run has ended")?;
        for _ in 0..1_000 {
            let mut states = Vec::new();
            for thread in fs::read_dir(format!("/proc/{}/task", child.id()))? {
                // A thread that has ended meanwhile is not there to be asked.
                let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
                states.extend(status.lines().find_map(|line| line.strip_prefix("State:\t")?.chars().next()));
            }
            if states.iter().all(|state| *state == 'T') {
                return Ok(true);
            }
            if states.contains(&'Z') {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("{} does not stand still", self.driver.name())
    }

    pub(crate) fn kill(mut self) -> Result<()> {
        let mut child = self.child.take().context("the run has ended")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Waits for its end and judges it.
    pub(crate) fn finish(mut self) -> Result<Finished> {
        let status = self.child.take().context("the run has ended")?.wait()?;
        let mut said = [Vec::new(), Vec::new()];
        for (file, text) in self.said.iter_mut().zip(&mut said) {
            file.rewind()?;
            file.read_to_end(text)?;
        }
        let [stdout, stderr] = said;
        self.stage.finish(self.driver, &self.job, Output { status, stdout, stderr }, self.begin)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // One that has ended already is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
