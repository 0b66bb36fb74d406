use std::time::Duration;

use bizkithub_sandbox::{Fault, FaultEffect, KeyState, QuotaModel, SandboxOptions, Selector};

use crate::support::{Stage, customers, with_columns};

const ADD: [&str; 5] = ["add", "--email", "jan@barasek.com", "--group", "vip"];

fn status(status: u16, code: Option<&str>) -> Fault {
    Fault::new(FaultEffect::Status { status, code: code.map(str::to_owned), retry_after_seconds: None })
}

fn limited_to(limit: u64) -> Stage {
    let quota = QuotaModel::SlidingWindow { limit, burst: None, window: Duration::from_hours(1) };
    Stage::with(SandboxOptions { quota: Some(quota), ..SandboxOptions::default() })
}

#[test]
fn all_applied_is_0() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(3));
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(0));
    assert_eq!(stage.run(with_columns("plan", "customers.csv")).code, Some(0));
    assert_eq!(stage.sandbox.customers().len(), 3);
}

#[test]
fn a_file_without_rows_is_0_and_sends_nothing() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(0));
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(0));
    assert_eq!(stage.sandbox.request_count(), 0);
}

#[test]
fn some_rejected_is_1_whoever_rejects() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(3) + "no address,vip\n");
    assert_eq!(stage.run(with_columns("plan", "customers.csv")).code, Some(1));
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(1));

    let unknown =
        status(404, Some("INTERNAL_RESOURCE_NOT_FOUND")).when(Selector::Email("customer2@example.com".into()));
    stage.sandbox.add_fault(unknown).expect("a fault");
    stage.file("customers.csv", customers(3));
    let mut again = with_columns("run", "customers.csv");
    again.push("--resend");
    assert_eq!(stage.run(again).code, Some(1));
    let finished = stage.run(["add", "--email", "customer2@example.com", "--group", "vip"]);
    finished.assert_error(1, "INTERNAL_RESOURCE_NOT_FOUND, HTTP 404");
}

#[test]
fn usage_is_2_in_text_and_in_json() {
    let stage = Stage::new();
    let finished = stage.run(["add", "--nonsense"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("unexpected argument '--nonsense'"), "{finished:?}");
    let finished = stage.run(["add", "--nonsense", "--json"]);
    assert_eq!(finished.code, Some(2));
    assert_eq!(finished.json()["error"]["code"], "usage");
    assert_eq!(stage.run::<&str>([]).code, Some(2));
    assert_eq!(stage.run(["--help"]).code, Some(0));
}

#[test]
fn a_key_that_the_server_refuses_is_3_and_stops_a_run_at_once() {
    let stage = Stage::new();
    stage.sandbox.set_key_state(stage.sandbox.api_key(), KeyState::Expired).expect("a key");
    stage.run(["ping"]).assert_error(3, "PUBLIC_API_KEY_HAS_BEEN_EXPIRED, HTTP 404");
    stage.run(ADD).assert_error(3, "https://docs.bizkithub.com/errors/PUBLIC_API_KEY_HAS_BEEN_EXPIRED");

    stage.file("customers.csv", customers(100));
    let mut arguments = with_columns("run", "customers.csv");
    arguments.extend(["--concurrency", "1"]);
    let before = stage.sandbox.request_count();
    stage.run(arguments).assert_error(3, "PUBLIC_API_KEY_HAS_BEEN_EXPIRED");
    assert_eq!(stage.sandbox.request_count() - before, 1);
}

#[test]
fn a_missing_permission_is_3() {
    let stage = Stage::new();
    stage.sandbox.set_key_state(stage.sandbox.api_key(), KeyState::NotPermitted).expect("a key");
    assert_eq!(stage.run(["ping"]).code, Some(0));
    stage.run(ADD).assert_error(3, "PERMISSION_MEMBER_HAS_NO_PERMISSION, HTTP 401");
}

#[test]
fn a_used_up_quota_is_4_and_the_moment_is_told() {
    let stage = limited_to(2);
    stage.file("customers.csv", customers(5));
    let mut arguments = with_columns("run", "customers.csv");
    arguments.extend(["--on-quota", "stop", "--concurrency", "1"]);
    let finished = stage.run(arguments);
    assert_eq!(finished.code, Some(4), "{finished:?}");
    assert_eq!((finished.rows("applied"), finished.rows("pending")), (2, 3));
    assert!(finished.stdout.contains("run the same command again from 20"), "{finished:?}");

    let finished = stage.run(ADD);
    finished.assert_error(4, "RATE_LIMIT_EXCEEDED, HTTP 429");
    assert!(finished.stderr.contains("try again at 20"), "{finished:?}");
}

#[test]
fn waiting_for_quota_ends_with_0() {
    let stage = Stage::with(SandboxOptions {
        quota: Some(QuotaModel::SlidingWindow { limit: 2, burst: None, window: Duration::from_secs(1) }),
        ..SandboxOptions::default()
    });
    stage.file("customers.csv", customers(3));
    let finished = stage.run(with_columns("run", "customers.csv"));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("waiting until 20"), "{finished:?}");
    assert_eq!(stage.sandbox.customers().len(), 3);
}

#[test]
fn a_failing_server_is_5_and_a_missing_one_too() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(3));
    stage.sandbox.add_fault(status(503, None)).expect("a fault");
    stage.run(ADD).assert_error(5, "HTTP 503");
    let finished = stage.run(with_columns("run", "customers.csv"));
    assert_eq!(finished.code, Some(5), "{finished:?}");
    assert!(finished.stdout.contains("3 rows are not settled. To go on, run the same command again"), "{finished:?}");

    stage.sandbox.stop();
    stage.run(["ping"]).assert_error(5, "connect_failed");
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(5));
}

#[test]
fn what_stands_in_the_way_of_going_on_counts_before_what_is_rejected() {
    let stage = limited_to(1);
    stage.file("customers.csv", customers(2) + "no address,vip\n");
    let mut arguments = with_columns("run", "customers.csv");
    arguments.extend(["--on-quota", "stop"]);
    assert_eq!(stage.run(arguments).code, Some(4));
}

#[test]
fn customers_who_are_all_refused_alike_are_2_because_the_input_is_hardly_right() {
    let stage = Stage::new();
    stage.sandbox.add_fault(status(404, Some("INTERNAL_RESOURCE_NOT_FOUND"))).expect("a fault");
    stage.file("customers.csv", customers(100));
    let mut run = with_columns("run", "customers.csv");
    run.extend(["--breaker", "5", "--concurrency", "1"]);
    let stopped = stage.run(run);
    assert_eq!((stopped.code, stopped.rows("pending")), (Some(2), 95), "{stopped:?}");
    // When nobody is left, nothing stands in the way.
    stage.file("customers.csv", customers(4));
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(1));
}
