//! The command killed at any moment: what it had told the ledger stays, what it had not is sent again, and nothing is reported wrongly.
//!
//! `BIZKITHUB_CRASHES=500` kills a run with a SQLite ledger more often, `BIZKITHUB_POSTGRES_CRASHES=50` one with PostgreSQL.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use bizkithub::KeyKind;
use bizkithub_sandbox::{Fault, FaultEffect, SandboxOptions};
use serde_json::Value;

use crate::postgres_server::Server;
use crate::support::{Finished, Stage, customers, with_columns};

const CUSTOMERS: usize = 5_000;
const CONCURRENCY: usize = 8;

/// More answers are never written at once.
const COMMIT_GROUP: usize = 1_000;

fn times(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

fn survives_kills(ledger: &str, kills: usize, seed: u64) {
    let stage = Stage::with(SandboxOptions { request_log_capacity: 0, ..SandboxOptions::default() });
    let key = stage.sandbox.generate_key(KeyKind::Production);
    stage.sandbox.add_fault(Fault::new(FaultEffect::Latency(Duration::from_millis(2)))).expect("a fault");
    stage.file("customers.csv", customers(CUSTOMERS));
    let mut random = fastrand::Rng::with_seed(seed);
    let run = |more: &[&str]| {
        let concurrency = CONCURRENCY.to_string();
        let arguments = ["--ledger", ledger, "--concurrency", &concurrency, "--pace", "fast"];
        let mut command = stage.command([&with_columns("run", "customers.csv"), &arguments[..], more].concat());
        command.env("BIZKITHUB_API_KEY", &key);
        command
    };
    let (mut killed, mut acknowledged, mut rounds) = (0, 0, 1);
    while killed < kills {
        let mut child = run(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts");
        thread::sleep(Duration::from_millis(random.u64(1..120)));
        killed += usize::from(child.try_wait().expect("a status").is_none());
        child.kill().expect("SIGKILL");
        child.wait().expect("ends");
        let mut show = stage.command(["ledger", "show", "--json", "--ledger", ledger]);
        let shown = Finished::of(show.env("BIZKITHUB_API_KEY", &key));
        let known = shown.json()["ledger"]["acknowledged"].as_u64().expect("a number");
        let arrived = stage.sandbox.customers().len() as u64;
        assert!(known <= arrived, "the ledger knows {known} assignments, and {arrived} arrived");
        assert!(known >= acknowledged, "the ledger knew {acknowledged} assignments, and now {known}");
        acknowledged = known;
        if known == CUSTOMERS as u64 {
            // All is done: the rest of the kills needs more to do.
            let mut forget = stage.command(["ledger", "forget", "--everything", "--ledger", ledger]);
            assert_eq!(Finished::of(forget.env("BIZKITHUB_API_KEY", &key)).code, Some(0));
            (acknowledged, rounds) = (0, rounds + 1);
        }
    }
    let before = stage.sandbox.request_count();
    let report: Value = Finished::of(&mut run(&["--json"])).json()["report"].clone();
    let (applied, skipped) = (report["applied"].as_u64(), report["skipped"].as_u64());
    assert_eq!((skipped, applied), (Some(acknowledged), Some(CUSTOMERS as u64 - acknowledged)), "{report}");
    assert_eq!(stage.sandbox.request_count() - before, CUSTOMERS as u64 - acknowledged);
    assert_eq!(stage.sandbox.customers().len(), CUSTOMERS);
    // What was under way at each kill, and one group of answers that was not written yet.
    let again = stage.sandbox.request_count() - (rounds * CUSTOMERS) as u64;
    println!("{killed} kills in {rounds} rounds of {CUSTOMERS} customers: {again} requests were sent again");
    assert!(again <= (killed * (CONCURRENCY + COMMIT_GROUP)) as u64, "{again} requests were sent again");
}

#[test]
fn a_file_survives_kills() {
    let folder = tempfile::tempdir().expect("a folder");
    survives_kills(&folder.path().join("groups.ledger").display().to_string(), times("BIZKITHUB_CRASHES", 30), 1);
}

#[test]
fn a_database_survives_kills() {
    let server = Server::start();
    survives_kills(&server.ledger("bizkithub"), times("BIZKITHUB_POSTGRES_CRASHES", 5), 2);
}

/// Runs a script of the shell twice, once while the ledger has too little room and once when it has enough, and prints both reports.
fn runs_out_of_room(stage: &Stage, script: impl Fn(&str) -> String, wrapper: &[&str]) {
    let key = stage.sandbox.generate_key(KeyKind::Production);
    stage.file("customers.csv", customers(CUSTOMERS));
    let run = format!(
        "{} run customers.csv --email email --groups groups --ledger disk/groups.ledger --pace fast --json",
        env!("CARGO_BIN_EXE_bizkithub")
    );
    std::fs::create_dir(stage.path("disk")).expect("a folder");
    let [program, arguments @ ..] = wrapper else { panic!("no program") };
    let mut command = Command::new(program);
    command.args(arguments).arg(script(&run)).current_dir(stage.path(""));
    command.env("BIZKITHUB_BASE_URL", stage.sandbox.url()).env("BIZKITHUB_API_KEY", &key);
    let finished = Finished::of(&mut command);
    let reports: Vec<Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).expect("a report in JSON")).collect();
    let [full, rest] = reports.as_slice() else { panic!("two reports are expected: {finished:?}") };
    assert_eq!((&full["exitCode"], &rest["exitCode"]), (&6.into(), &0.into()), "{finished:?}");
    let code = full["report"]["stoppedBy"]["code"].as_str().expect("a code");
    assert!(["ledger_full", "ledger_failed"].contains(&code), "{full}");
    let count = |report: &Value, outcome: &str| report["report"][outcome].as_u64().expect("a number");
    let (applied, unknown) = (count(full, "applied"), count(full, "unknown"));
    assert!(applied < CUSTOMERS as u64 && unknown > 0, "{full}");
    assert_eq!(count(rest, "skipped"), applied, "what was counted was kept, and nothing else: {finished:?}");
    assert_eq!(count(rest, "applied"), CUSTOMERS as u64 - applied, "{finished:?}");
}

#[test]
fn a_ledger_that_may_not_grow_stops_the_run_and_nothing_of_it_is_counted() {
    let script = |run: &str| format!("trap '' XFSZ; (ulimit -f 300; {run}); {run}");
    runs_out_of_room(&Stage::new(), script, &["sh", "-c"]);
}

/// The disk is a file system in memory, which only root can mount; other users are told that it was not tried.
#[test]
fn a_full_disk_stops_the_run_and_nothing_of_it_is_counted() {
    let unshare = ["unshare", "--mount", "sh", "-c"];
    if !Command::new(unshare[0]).args(&unshare[1..]).arg("mount -t tmpfs tmpfs .").status().is_ok_and(|it| it.success())
    {
        eprintln!("not tried: no file system can be mounted here");
        return;
    }
    let script = |run: &str| {
        format!("mount -t tmpfs -o size=300k tmpfs disk; {run}; mount -o remount,size=100m tmpfs disk && {run}")
    };
    runs_out_of_room(&Stage::new(), script, &unshare);
}
