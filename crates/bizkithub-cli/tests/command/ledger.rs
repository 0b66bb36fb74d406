use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bizkithub_sandbox::{Fault, FaultEffect, Selector};
use serde_json::Value;

use crate::support::{Finished, Stage, customers, with_columns};

fn run(stage: &Stage, more: &[&str]) -> Finished {
    stage.run([with_columns("run", "customers.csv"), more.to_vec()].concat())
}

#[test]
fn running_again_sends_nothing_and_says_so() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(30));
    assert_eq!(run(&stage, &[]).rows("applied"), 30);
    let again = run(&stage, &[]);
    assert_eq!((again.code, again.rows("skipped"), stage.sandbox.request_count()), (Some(0), 30, 30));
    assert!(
        again.stdout.starts_with("customers.csv: 30 rows, 0 requests to send, 0 rows rejected, 30 rows known"),
        "{again:?}"
    );
    let plan = stage.run(with_columns("plan", "customers.csv"));
    assert!(plan.stdout.contains(" rows the ledger knows   30\n"), "{plan:?}");

    stage.file("customers.csv", customers(31));
    assert_eq!((run(&stage, &[]).rows("applied"), stage.sandbox.request_count()), (1, 31));
    assert_eq!((run(&stage, &["--no-ledger"]).rows("applied"), stage.sandbox.request_count()), (31, 62));
    assert_eq!((run(&stage, &["--resend"]).rows("applied"), stage.sandbox.request_count()), (31, 93));
}

#[test]
fn a_plan_leaves_no_ledger_behind() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(3));
    assert_eq!(stage.run(with_columns("plan", "customers.csv")).code, Some(0));
    assert!(!stage.path("state").exists());
    stage.run(["ledger", "show"]).assert_error(2, "ledger_missing");
}

#[test]
fn what_the_server_refused_is_not_asked_again_unless_wanted() {
    let stage = Stage::new();
    let unknown = FaultEffect::Status {
        status: 404,
        code: Some("INTERNAL_RESOURCE_NOT_FOUND".into()),
        retry_after_seconds: None,
    };
    stage
        .sandbox
        .add_fault(Fault::new(unknown).when(Selector::Email("customer2@example.com".into())))
        .expect("a fault");
    stage.file("customers.csv", customers(3));
    assert_eq!(run(&stage, &[]).rows("rejected"), 1);
    let again = run(&stage, &[]);
    assert_eq!((again.code, again.rows("rejected"), stage.sandbox.request_count()), (Some(1), 1, 3));
    assert!(again.stdout.contains("refused earlier, at 20"), "{again:?}");
    stage.sandbox.clear_faults();
    assert_eq!((run(&stage, &["--retry-rejected"]).rows("applied"), stage.sandbox.request_count()), (1, 4));
    assert_eq!(run(&stage, &[]).rows("skipped"), 3);
}

#[test]
fn groups_and_customers_can_be_forgotten() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\na@example.com,vip;yoga\nb@example.com,vip\n");
    let ledger = ["--ledger", "groups.ledger"];
    run(&stage, &ledger);
    let forget = |what: &[&str]| {
        let finished = stage.run([&["ledger", "forget", "--json"][..], &ledger, what].concat());
        finished.json()["forgotten"].as_u64()
    };
    assert_eq!(forget(&["--email", "A@Example.com", "--group", "Yoga"]), Some(1));
    assert_eq!(forget(&["--email", "a@example.com"]), Some(1));
    assert_eq!(forget(&["--group", "vip"]), Some(1));
    assert_eq!(forget(&["--everything"]), Some(0));
    assert_eq!(run(&stage, &ledger).rows("applied"), 2);
    let missing = stage.run([&["ledger", "forget"][..], &ledger].concat());
    missing.assert_error(2, "forget_nothing");
}

#[test]
fn it_shows_and_exports_what_it_holds_without_a_name_or_a_key() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\njan@barasek.com,Personal training;VIP\neva@example.com,VIP\n");
    run(&stage, &["--ledger", "groups.ledger"]);
    let shown = stage.run(["ledger", "show", "--ledger", "groups.ledger"]);
    assert!(
        shown.stdout.contains(" acknowledged assignments")
            && shown.stdout.contains(" Personal training   personal-training           1\n"),
        "{shown:?}"
    );
    let summary: Value = stage.run(["ledger", "show", "--json", "--ledger", "groups.ledger"]).json();
    assert_eq!(
        (&summary["ledger"]["acknowledged"], &summary["ledger"]["groups"][1]["customers"]),
        (&3.into(), &2.into())
    );
    let exported = stage.run(["ledger", "export", "--ledger", "groups.ledger"]);
    assert_eq!(exported.stdout.lines().count(), 4, "{exported:?}");
    assert!(exported.stdout.lines().skip(1).all(|line| line.len() > 32 && line.ends_with(',')), "{exported:?}");
    assert_eq!(stage.run(["ledger", "compact", "--ledger", "groups.ledger"]).code, Some(0));
    let refused = stage.run(["ledger", "export", "--ledger", "groups.ledger", "--json"]);
    assert_eq!((refused.code, &refused.json()["error"]["code"]), (Some(2), &"output_missing".into()));

    let mut bytes = exported.stdout.into_bytes();
    for suffix in ["", "-wal", "-shm", ".lock"] {
        bytes.extend(fs::read(stage.path(&format!("groups.ledger{suffix}"))).unwrap_or_default());
    }
    for secret in ["jan", "barasek", "eva@", "example.com", stage.sandbox.api_key()] {
        assert!(!bytes.windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes())), "{secret}");
    }
    stage.run(["ledger", "export", "--ledger", "groups.ledger", "--output", "export.csv"]);
    for file in ["groups.ledger", "export.csv"] {
        let mode = fs::metadata(stage.path(file)).expect(file).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_ledger_belongs_to_one_server_and_one_key() {
    let (stage, other) = (Stage::new(), Stage::new());
    stage.file("customers.csv", customers(3));
    assert_eq!(run(&stage, &["--ledger", "groups.ledger"]).code, Some(0));
    let with = |name: &str, value: &str, more: &[&str]| {
        let arguments =
            [with_columns("run", "customers.csv"), vec!["--ledger", "groups.ledger"], more.to_vec()].concat();
        Finished::of(stage.command(arguments).env(name, value))
    };
    with("BIZKITHUB_BASE_URL", &other.sandbox.url(), &[]).assert_error(6, "ledger_of_another_server");
    let new_key = "DEV_NewKey0000000000000000000001";
    stage.sandbox.register_key(&bizkithub_sandbox::RegisteredKey::new(new_key)).expect("a key");
    let refused = with("BIZKITHUB_API_KEY", new_key, &[]);
    refused.assert_error(6, "ledger_of_another_key");
    assert!(refused.stderr.contains("--accept-key"), "{refused:?}");
    assert_eq!(with("BIZKITHUB_API_KEY", new_key, &["--accept-key"]).rows("skipped"), 3);
    assert_eq!(with("BIZKITHUB_API_KEY", new_key, &[]).rows("skipped"), 3);
    assert_eq!(stage.sandbox.request_count(), 3);
}

#[test]
fn what_is_no_ledger_is_left_alone() {
    let stage = Stage::new();
    let file = stage.file("customers.csv", customers(3));
    run(&stage, &["--ledger", "customers.csv"]).assert_error(6, "ledger_foreign");
    assert_eq!(fs::read_to_string(file).expect("the file"), customers(3));
    run(&stage, &["--ledger", "missing/groups.ledger"]).assert_error(6, "ledger_unusable");
    for location in ["mysql://me:secret@somewhere/x", "postgresql+psycopg2://me:secret@somewhere/x"] {
        let refused = run(&stage, &["--ledger", location]);
        refused.assert_error(2, "ledger_location_invalid");
        assert!(!format!("{refused:?}").contains("secret"), "{refused:?}");
    }
    let unreachable = run(&stage, &["--ledger", "postgresql://me:secret@127.0.0.1:1/db?sslmode=disable"]);
    unreachable.assert_error(6, "ledger_unusable");
    assert!(!format!("{unreachable:?}").contains("secret"), "{unreachable:?}");
    assert_eq!(stage.sandbox.request_count(), 0);
}

#[test]
fn a_leg_ends_in_time_and_the_next_one_goes_on() {
    let stage = Stage::new();
    let slow = FaultEffect::Latency(std::time::Duration::from_millis(50));
    stage.sandbox.add_fault(Fault::new(slow)).expect("a fault");
    stage.file("customers.csv", customers(100));
    let leg = run(&stage, &["--concurrency", "1", "--burst", "300ms"]);
    assert_eq!(leg.code, Some(4), "{leg:?}");
    assert!(leg.rows("applied") > 0 && leg.rows("pending") > 0 && leg.rows("unknown") == 0, "{leg:?}");
    stage.sandbox.clear_faults();
    assert_eq!(run(&stage, &[]).rows("skipped"), leg.rows("applied"));
    assert_eq!(stage.sandbox.request_count(), 100);
}
