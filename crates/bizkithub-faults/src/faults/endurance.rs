//! Many calls, many clients, and everything at once for long.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bizkithub_sandbox::{Fault as Misbehaviour, FaultEffect, QuotaModel, SandboxOptions, Selector};
use serde_json::Value;

use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::proxy::{Direction, FaultProxy, Toxic};
use crate::stage::Stage;
use crate::tools::root;

/// A million calls and ten thousand clients, of whose memory nothing stays.
pub(crate) fn many_calls_and_clients(trial: &Trial) -> Result<Finding> {
    let (calls, clients) = (trial.times(20_000, 1_000_000), trial.times(300, 10_000));
    let mut notes = Vec::new();
    for driver in [Driver::Python, Driver::Node] {
        let stage = Stage::with(SandboxOptions { request_log_capacity: 0, ..SandboxOptions::default() }, 1)?;
        let drivers = root().join("crates/bizkithub-faults/drivers");
        let mut command = match driver {
            Driver::Node => Command::new("node"),
            _ => Command::new(root().join(".venv/bin/python")),
        };
        match driver {
            Driver::Node => command.arg("--expose-gc").arg(drivers.join("endurance.mjs")),
            _ => command.arg(drivers.join("endurance.py")),
        };
        command.args([calls.to_string(), clients.to_string()]);
        command.env("BIZKITHUB_API_KEY", &stage.key).env("BIZKITHUB_BASE_URL", stage.sandbox.url());
        let output = command.output()?;
        let (said, errors) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
        let memory: Value = serde_json::from_str(&said).with_context(|| format!("{}: {errors}", driver.name()))?;
        for (what, times) in [("calls", calls), ("clients", clients)] {
            let points: Vec<u64> = memory[what].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
            // The first tenths warm up: what grows after them grows for ever.
            let [.., middle, _, _, _, last] = points.as_slice() else {
                anyhow::bail!("{} told no memory: {said}", driver.name());
            };
            let slope = last.saturating_sub(*middle) as f64 / (times as f64 * 0.4);
            let limit = match what {
                "calls" => trial.times(400, 8) as f64,
                _ => trial.times(20_000, 500) as f64,
            };
            ensure!(slope <= limit, "{}: {slope:.0} bytes stay of each of {times} {what}: {points:?}", driver.name());
            notes.push(format!("{} {slope:.1} bytes a {}", driver.name(), what.trim_end_matches('s')));
        }
    }
    Ok(Finding::noting(2 * (calls + clients), notes.join(", ")))
}

/// Random faults at random under random drivers, on one ledger until it is done, over and over.
pub(crate) fn chaos(trial: &Trial) -> Result<Finding> {
    let (begin, mut rounds, mut runs) = (Instant::now(), 0, 0);
    let hours = Duration::from_secs(2 * 3_600);
    let is_over = |rounds: u64| if trial.is_short { rounds >= 6 } else { begin.elapsed() >= hours };
    while !is_over(rounds) {
        let mut random = trial.random(30_000 + rounds);
        runs += chaotic_job(&mut random).with_context(|| format!("round {rounds} of the seed {}", trial.seed))?;
        rounds += 1;
    }
    Ok(Finding::noting(runs, format!("{rounds} jobs, {runs} runs, {} s", begin.elapsed().as_secs())))
}

fn chaotic_job(random: &mut fastrand::Rng) -> Result<u64> {
    // The published one of the middle plan; windows that no plan has are waited for as the published ones are.
    let hourly = QuotaModel::SlidingWindow { limit: 10_000, burst: Some(200), window: Duration::from_secs(3_600) };
    let quota = random.bool().then_some(hourly);
    let customers = random.u64(50..800);
    let seed = random.u64(..);
    let stage = Stage::with(SandboxOptions { quota, seed, ..SandboxOptions::default() }, customers)?;
    let proxy = FaultProxy::start(stage.sandbox.address())?;
    let mut known = 0;
    let mut runs = 0;
    for _ in 0..random.u64(1..5) {
        let driver = Driver::ALL[random.usize(..3)];
        stage.sandbox.clear_faults();
        for _ in 0..random.u64(0..3) {
            let share = Selector::Probability(random.f64() * 0.4);
            stage.sandbox.add_fault(Misbehaviour::new(misbehaviour(random)).when(share))?;
        }
        if random.bool() {
            let direction = if random.bool() { Direction::Upstream } else { Direction::Downstream };
            proxy.poison(direction, &[toxic(random)], random.u64(1..20));
        }
        let job = Job {
            base_url: Some(proxy.url()),
            timeout: Duration::from_millis(random.u64(300..2_000)),
            deadline: Duration::from_millis(random.u64(500..8_000)),
            concurrency: random.u32(1..32),
            stops_for_quota: random.bool(),
            breaker: None,
            ..Job::default()
        };
        let run = stage.spawn(driver, &job)?;
        if random.u8(..4) == 0 {
            std::thread::sleep(Duration::from_millis(random.u64(1..600)));
            run.signal(rustix::process::Signal::KILL)?;
        }
        let finished = run.finish()?;
        let before = known;
        known = if stage.path("groups.ledger").exists() { stage.acknowledged(&job)? } else { 0 };
        ensure!(
            known >= before && known <= stage.arrived(),
            "{before}, then {known} known, {} arrived",
            stage.arrived()
        );
        if let Some(counts) = finished.counts() {
            ensure!(counts.counted() == known, "{} counted, {known} known: {finished}", counts.counted());
        }
        runs += 1;
    }
    proxy.heal();
    let job = Job { base_url: Some(proxy.url()), ..Job::default() };
    let last = stage.completes(Driver::ALL[random.usize(..3)], &job, known)?;
    ensure!(last.must_report()?.skipped == known, "{known} were known: {last}");
    Ok(runs + 1)
}

fn misbehaviour(random: &mut fastrand::Rng) -> FaultEffect {
    match random.u8(..9) {
        0 => FaultEffect::Status { status: 503, code: None, retry_after_seconds: None },
        1 => FaultEffect::Status { status: 500, code: None, retry_after_seconds: Some(1) },
        2 => FaultEffect::Latency(Duration::from_millis(random.u64(1..400))),
        3 => FaultEffect::ResetBeforeApplying,
        4 => FaultEffect::ResetAfterApplying,
        5 => FaultEffect::TruncatedBody,
        6 => FaultEffect::EmptyBody,
        7 => FaultEffect::NeverAnswer,
        _ => FaultEffect::OversizedBody,
    }
}

fn toxic(random: &mut fastrand::Rng) -> Toxic {
    match random.u8(..7) {
        0 => Toxic::Latency(Duration::from_millis(random.u64(1..300))),
        1 => Toxic::Bandwidth(random.u64(1_000..100_000)),
        2 => Toxic::SlowClose(Duration::from_millis(random.u64(1..1_000))),
        3 => Toxic::Timeout(Duration::from_millis(random.u64(1..2_000))),
        4 => Toxic::ResetAfter(random.u64(..2_000)),
        5 => Toxic::Slicer(random.usize(1..50), Duration::from_millis(random.u64(1..20))),
        _ => Toxic::Limit(random.u64(..2_000)),
    }
}
