//! The engine in a simulated world: a server that fails in every way the sandbox knows, a disk that fails and crashes, a clock that takes
//! no time. Everything follows one number, the seed: a failing one prints itself and replays exactly.
//!
//! `BIZKITHUB_SIMULATION_SEEDS=1000000` simulates more of them, `BIZKITHUB_SIMULATION_FIRST=4711` begins elsewhere,
//! `BIZKITHUB_SIMULATION_VERBOSE=1` tells what happens in each leg.

#![expect(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, and figures are rounded"
)]

mod clock;
mod disk;
mod models;
mod others;
mod quota;
mod scenario;
mod server;

use std::sync::atomic::{AtomicU64, Ordering};

use scenario::Scenario;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

fn simulate(seed: u64) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async { Scenario::new(seed).run().await })
}

#[test]
fn every_seed_keeps_the_rules() {
    let first = setting("BIZKITHUB_SIMULATION_FIRST", 1);
    let seeds = setting("BIZKITHUB_SIMULATION_SEEDS", 10_000);
    let next = AtomicU64::new(first);
    let failures: Vec<(u64, String)> = std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let mut failures = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= first + seeds {
                            return failures;
                        }
                        if let Err(failure) = simulate(seed) {
                            failures.push((seed, failure));
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a panic is a failure too")).collect()
    });
    let shown: Vec<_> = failures.iter().take(10).map(|(seed, failure)| format!("seed {seed}: {failure}")).collect();
    assert!(
        failures.is_empty(),
        "{} of {seeds} seeds failed; replay one with BIZKITHUB_SIMULATION_SEEDS=1 BIZKITHUB_SIMULATION_FIRST=<seed>\n{}",
        failures.len(),
        shown.join("\n")
    );
}
