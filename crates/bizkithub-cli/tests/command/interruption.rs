use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use bizkithub_sandbox::{Fault, FaultEffect, Selector};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Finished, Stage, customers, with_columns};

const LONG: Duration = Duration::from_secs(30);

fn send(signal: Signal, child: &Child) {
    kill_process(Pid::from_child(child), signal).expect("the command still runs");
}

/// A run of 40 customers, four at once, of which every fifth request is never answered: it stands still with 16 customers
/// applied and four requests under way.
fn stalled(stage: &Stage, arguments: &[&str]) -> Child {
    stage.sandbox.add_fault(Fault::new(FaultEffect::NeverAnswer).when(Selector::EveryNth(5))).expect("a fault");
    let run = [with_columns("run", "customers.csv"), vec!["--concurrency", "4"], arguments.to_vec()].concat();
    let child = stage.spawn(run);
    stage.sandbox.wait_for_request(LONG, |request| request.sequence == 20).expect("the twentieth request");
    child
}

#[test]
fn both_signals_stop_a_run_cleanly_and_running_again_goes_on() {
    for signal in [Signal::INT, Signal::TERM] {
        let stage = Stage::new();
        stage.file("customers.csv", customers(40) + "nobody,vip\n");
        let child = stalled(&stage, &[]);
        send(signal, &child);
        let finished = Finished::from(child.wait_with_output().expect("ends"));
        assert_eq!(finished.code, Some(130), "{finished:?}");
        let outcomes = ["applied", "skipped", "rejected", "pending", "unknown"].map(|outcome| finished.rows(outcome));
        assert_eq!(outcomes, [16, 0, 1, 20, 4]);
        assert!(
            finished.stdout.contains("\n24 rows are not settled. To go on, run the same command again: "),
            "{finished:?}"
        );
        assert_eq!(finished.stderr, "stopping: the requests under way get a moment to end\n");
        assert!(finished.stdout.ends_with("1 rejected row with the reason is in rejects.csv\n"), "{finished:?}");
        assert!(!finished.stdout.contains(stage.sandbox.api_key()));
        stage.sandbox.wait_for_request(LONG, |request| request.closed_by_client).expect("a closed request");

        stage.sandbox.clear_faults();
        assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(1));
        assert_eq!(stage.sandbox.customers().len(), 40);
    }
}

#[test]
fn an_interrupted_run_still_is_one_json_object() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(40));
    let child = stalled(&stage, &["--json"]);
    send(Signal::INT, &child);
    let finished = Finished::from(child.wait_with_output().expect("ends"));
    let result: Value = finished.json();
    assert_eq!((&result["exitCode"], &result["report"]["isCancelled"]), (&130.into(), &true.into()));
    assert_eq!((&result["report"]["applied"], &result["report"]["unknown"]), (&16.into(), &4.into()));
}

#[test]
fn a_further_signal_ends_at_once_whatever_still_blocks() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(40) + "nobody,vip\n");
    // Nobody reads from this pipe, so that writing the rejects to it never begins.
    assert!(Command::new("mkfifo").arg(stage.path("rejects.csv")).status().expect("mkfifo").success());
    let mut child = stalled(&stage, &[]);
    let mut signals = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a status") {
            break status;
        }
        send(Signal::INT, &child);
        signals += 1;
        assert!(signals < 100, "the command does not end");
        thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(status.code(), Some(130));
    assert!(signals > 1, "the first signal alone must not end it");
}
