//! How the published quota models are obeyed: refusals, the share of the allowance that is used, and the time to finish.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bizkithub::job::{Ledger, Plan, PlanBuilder, PlanOptions, Row, RowGroups, RunOptions};
use bizkithub::{Client, Clock, Pace};

use crate::clock::SimulatedClock;
use crate::disk::Disk;
use crate::others::Pacing;
use crate::quota::Model;
use crate::server::Server;

struct Figures {
    seconds: f64,
    refused: u64,
    requests: u64,
    /// Of what the quota would have allowed in the time, the first window set aside.
    used: f64,
}

const HOURLY: Model = Model::Sliding { limit: 10_000, burst: 200, window: Duration::from_secs(3600) };

fn simulate(model: Model, processes: usize, customers: usize, pace: Pace, production: bool) -> Figures {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let clock = SimulatedClock::new();
        let server = Server::new(1, clock, model);
        server.state().latency = Duration::from_millis(40);
        let disk = Disk::new(2, processes > 1);
        let share = customers / processes;
        let runs = (0..processes).map(|process| {
            let (server, disk) = (server.clone(), Arc::clone(&disk));
            async move {
                let prefix = if production { "PROD" } else { "DEV_" };
                let client = Client::builder()
                    .api_key(format!("{prefix}0123456789abcdefghijABCDEFGH"))
                    .base_url("https://api.example")
                    .clock(Arc::new(clock))
                    .transport(server)
                    .build()
                    .expect("valid settings");
                let plan = plan(process * share..(process + 1) * share, disk, clock).await;
                let mut options = RunOptions::default();
                options.pace = pace;
                options.concurrency = NonZeroUsize::new(32).expect("from 1 on");
                let report = plan.run(&client, options).await;
                assert!(report.is_complete(), "{:?}, {:?}", report.counts(), report.stopped_by());
                report.duration().as_secs_f64()
            }
        });
        let seconds = futures_util::future::join_all(runs).await.into_iter().fold(0.0, f64::max);
        let state = server.state();
        let used = model.rate().map_or(1.0, |(limit, window)| {
            let windows = seconds / window.as_secs_f64();
            state.usage.count as f64 / (limit as f64 * windows.max(1.0))
        });
        Figures { seconds, refused: state.usage.refused, requests: state.usage.count + state.usage.refused, used }
    })
}

async fn plan(customers: std::ops::Range<usize>, ledger: Arc<dyn Ledger>, clock: SimulatedClock) -> Plan {
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    for number in customers {
        let email = format!("user{number}@example.com");
        builder.push(&Row { email: Some(email.into()), cu_ref_no: None, groups: RowGroups::Text("vip".into()) });
    }
    builder.finish_with(ledger, clock.now()).await.expect("a plan")
}

/// What the published models come to in practice: its name, the limit, whether the key is one for production, how often one process
/// and four may be refused at the most, and how many customers.
const PUBLISHED: [(&str, Model, bool, u64, usize); 4] = [
    // Under headers nothing is refused; without them, a window is lost to nobody but one refusal.
    ("10,000 an hour, 200 a second, with headers", HOURLY, false, 0, 30_000),
    // One request finds out that the published limit holds, for all processes.
    ("1,000 in each ten minutes, without a word", Model::Blocks { limit: 1_000 }, true, 1, 10_000),
    // Whoever is surprised by another limit has requests under way; from then on, a window of the ten costs one refusal.
    ("1,500 in each ten minutes, without a word", Model::Blocks { limit: 1_500 }, true, 4 * (32 + 10), 10_000),
    ("1,000 a minute, without a word", Model::Minutes { limit: 1_000 }, false, 0, 10_000),
];

#[test]
fn every_published_model_is_obeyed_by_one_process_and_by_four() {
    println!("model, processes, pace: requests, refused, share used, seconds");
    for (name, model, production, most_refused, customers) in PUBLISHED {
        for processes in [1, 4] {
            for pace in [Pace::Even, Pace::Fast] {
                let figures = simulate(model, processes, customers, pace, production);
                let Figures { seconds, refused, requests, used } = figures;
                println!("{name}, {processes}, {pace:?}: {requests}, {refused}, {used:.4}, {seconds:.0}");
                assert!(refused <= most_refused, "{name}, {processes}, {pace:?}: {refused} refusals");
                assert!(used >= if model.has_headers() { 0.99 } else { 0.95 }, "{name}, {processes}, {pace:?}: {used}");
            }
        }
    }
}

/// `benches` reads what this prints.
#[test]
fn who_paces_by_other_means_is_refused_more() {
    for (name, model, production, _, customers) in PUBLISHED {
        let mut most = 0;
        for (pacing, processes, pace) in [
            ("bizkithub, evenly", 1, Pace::Even),
            ("bizkithub, fast", 1, Pace::Fast),
            ("bizkithub, four processes, evenly", 4, Pace::Even),
        ] {
            let Figures { seconds, refused, .. } = simulate(model, processes, customers, pace, production);
            print(name, customers, pacing, seconds, refused);
            most = most.max(refused);
        }
        for pacing in Pacing::ALL {
            let figures = pacing.simulate(model, customers);
            print(name, customers, pacing.name(), figures.seconds, figures.refused);
            // Only whoever was told what nobody can know keeps up, but for moments at which its window is not the server's.
            let keeps_up = matches!(pacing, Pacing::Reservoir);
            assert!(
                if keeps_up { figures.refused * 50 < customers as u64 } else { figures.refused > most },
                "{name}: {} is refused {} times",
                pacing.name(),
                figures.refused
            );
        }
    }
}

fn print(model: &str, requests: usize, pacing: &str, seconds: f64, refused: u64) {
    println!(
        "{}",
        serde_json::json!({ "model": model, "requests": requests, "pacing": pacing, "seconds": seconds, "refused": refused })
    );
}

#[test]
fn ten_thousand_customers_take_the_hour_that_their_quota_takes() {
    let even = simulate(HOURLY, 1, 10_000, Pace::Even, false);
    println!("10,000 requests at 10,000 an hour: {:.1} s evenly, 3600 s in theory", even.seconds);
    assert!(even.refused == 0 && even.seconds <= 3600.0 * 1.01, "{} s", even.seconds);
    let fast = simulate(HOURLY, 1, 10_000, Pace::Fast, false);
    println!("the same as fast as the burst of 200 a second allows: {:.1} s, 50 s in theory", fast.seconds);
    assert!(fast.refused == 0 && fast.seconds < 60.0, "{} s", fast.seconds);
}
