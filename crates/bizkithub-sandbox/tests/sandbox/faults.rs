use std::error::Error;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use bizkithub_sandbox::{Fault, FaultEffect, Sandbox, Selector};
use serde_json::{Value, json};

use crate::support::{
    PATIENCE, add, ask_for_vip, groups_of, http, http2, jan, ping, read_to_end, sandbox, try_add, vip,
};

fn faulty(fault: &Value) -> Sandbox {
    sandbox(json!({"faults": [fault]}))
}

fn has_vip(sandbox: &Sandbox) -> bool {
    groups_of(sandbox, &jan()) == ["vip"]
}

/// The request is repeated as clients do, and that settles it.
async fn assert_settled_by_a_second_try(sandbox: &Sandbox) {
    assert_eq!(add(sandbox, &vip()).await.body, r#"{"success":true}"#);
    assert!(has_vip(sandbox));
    assert_eq!(sandbox.request_count(), 2);
}

#[tokio::test]
async fn a_status_with_a_code_is_the_documented_error_and_one_without_a_page() {
    let sandbox = sandbox(json!({"faults": [
        {"atMost": 1, "effect": {"status": {"status": 500, "code": "INTERNAL_RESOURCE_NOT_FOUND"}}},
        {"atMost": 1, "effect": {"status": {"status": 418, "code": "CODE_OF_TOMORROW"}}},
        {"atMost": 1, "effect": {"status": {"status": 503, "retryAfterSeconds": 7}}},
    ]}));
    let known = add(&sandbox, &vip()).await;
    assert_eq!((known.status, known.code().as_str()), (500, "INTERNAL_RESOURCE_NOT_FOUND"));
    let unknown = add(&sandbox, &vip()).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (418, "CODE_OF_TOMORROW"));
    let gateway = add(&sandbox, &vip()).await;
    assert_eq!((gateway.status, gateway.header("retry-after")), (503, Some("7")));
    assert_eq!(gateway.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(sandbox.customers(), []);
    assert_eq!(add(&sandbox, &vip()).await.status, 200);

    let log: Vec<_> =
        sandbox.requests().into_iter().map(|request| (request.status, request.code, request.fault)).collect();
    assert_eq!(
        log,
        [
            (Some(500), Some("INTERNAL_RESOURCE_NOT_FOUND".into()), Some("status")),
            (Some(418), Some("CODE_OF_TOMORROW".into()), Some("status")),
            (Some(503), None, Some("status")),
            (Some(200), None, None),
        ]
    );
}

#[test]
fn a_reset_is_a_tcp_reset_before_or_after_applying() {
    for (effect, is_applied) in [("resetBeforeApplying", false), ("resetAfterApplying", true)] {
        let sandbox = faulty(&json!({"atMost": 1, "effect": effect}));
        let mut stream = ask_for_vip(&sandbox);
        assert_eq!(read_to_end(&mut stream), (vec![], Some(ErrorKind::ConnectionReset)), "{effect}");
        assert_eq!(has_vip(&sandbox), is_applied, "{effect}");
        let request = sandbox.requests().remove(0);
        assert_eq!((request.status, request.fault, request.closed_by_client), (None, Some(effect), false));
    }
}

#[tokio::test]
async fn resets_and_truncated_bodies_reach_clients_of_both_versions_as_errors() {
    for client in [http(), http2()] {
        for effect in ["resetBeforeApplying", "resetAfterApplying", "truncatedBody"] {
            let sandbox = faulty(&json!({"atMost": 1, "effect": effect}));
            assert!(try_add(&client, &sandbox, &vip()).await.is_err(), "{effect}");
            assert_settled_by_a_second_try(&sandbox).await;
        }
    }
}

#[test]
fn a_truncated_body_promises_more_than_it_sends_and_is_applied() {
    let sandbox = faulty(&json!({"effect": "truncatedBody"}));
    let (bytes, _) = read_to_end(&mut ask_for_vip(&sandbox));
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-length: 16"), "{head}");
    assert_eq!(body, r#"{"succes"#);
    assert!(has_vip(&sandbox));
}

#[tokio::test]
async fn strange_bodies_are_as_strange_as_they_say() {
    for (effect, content_type, is_applied) in [
        ("htmlBody", Some("text/html; charset=utf-8"), false),
        ("emptyBody", None, true),
        ("successFalse", Some("application/json; charset=utf-8"), false),
        ("oversizedBody", Some("application/json; charset=utf-8"), true),
    ] {
        let sandbox = faulty(&json!({"atMost": 1, "effect": effect}));
        let reply = add(&sandbox, &vip()).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, content_type), "{effect}");
        match effect {
            "htmlBody" => assert!(reply.body.starts_with("<!doctype html>")),
            "emptyBody" => assert_eq!(reply.body, ""),
            "successFalse" => assert_eq!(reply.body, r#"{"success":false}"#),
            _ => assert!(reply.body.len() > 1024 * 1024 && reply.json()["success"] == true),
        }
        assert_eq!(has_vip(&sandbox), is_applied, "{effect}");
        assert_settled_by_a_second_try(&sandbox).await;
    }
}

#[tokio::test]
async fn a_fault_after_applying_keeps_the_refusal_of_what_cannot_be_applied() {
    let sandbox = faulty(&json!({"effect": "oversizedBody"}));
    let reply = add(&sandbox, &json!({"groups": ["vip"]})).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "INTERNAL_VALIDATION_FAILED"));
}

#[tokio::test]
async fn a_redirect_names_another_address_and_applies_nothing() {
    let sandbox = faulty(&json!({"effect": {"redirectTo": "http://127.0.0.1:1/elsewhere"}}));
    let reply = add(&sandbox, &vip()).await;
    assert_eq!((reply.status, reply.header("location")), (307, Some("http://127.0.0.1:1/elsewhere")));
    assert_eq!(sandbox.customers(), []);
}

#[tokio::test]
async fn a_latency_lasts_until_the_sandbox_clock_has_moved_on() {
    let sandbox = sandbox(json!({
        "frozenAt": "2026-11-23T12:00:00Z",
        "faults": [
            {"when": {"email": "slow@example.com"}, "effect": {"latencySeconds": 30}},
            {"when": {"email": "slow@example.com"}, "effect": {"latencySeconds": 30}},
        ],
    }));
    let client = http();
    let body = json!({"email": "slow@example.com", "groups": ["vip"]});
    let slow = try_add(&client, &sandbox, &body);
    let others = async {
        let is_slow = |request: &bizkithub_sandbox::RequestRecord| request.fault == Some("latencySeconds");
        while sandbox.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        sandbox.advance(Duration::from_millis(59_999));
        assert_eq!(add(&sandbox, &vip()).await.status, 200);
        let held_back = sandbox.wait_for_request(Duration::ZERO, is_slow).unwrap();
        assert_eq!((held_back.status, sandbox.customers().len()), (None, 1));
        sandbox.advance(Duration::from_millis(1));
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!(slow.unwrap().status, 200);
    assert_eq!(sandbox.customers().len(), 2);
}

#[tokio::test]
async fn a_latency_passes_by_itself_while_the_clock_runs() {
    let sandbox = faulty(&json!({"effect": {"latencySeconds": 0.001}}));
    assert_eq!(add(&sandbox, &vip()).await.status, 200);
    assert_eq!(sandbox.requests()[0].fault, Some("latencySeconds"));
}

#[tokio::test]
async fn a_latency_and_another_effect_strike_together() {
    let sandbox = sandbox(json!({"faults": [
        {"effect": {"latencySeconds": 0.001}},
        {"effect": {"status": {"status": 502}}},
        {"effect": {"status": {"status": 504}}},
    ]}));
    assert_eq!(add(&sandbox, &vip()).await.status, 502);
}

#[test]
fn a_request_that_is_never_answered_shows_when_its_client_goes() {
    let sandbox = faulty(&json!({"effect": "neverAnswer"}));
    let stream = ask_for_vip(&sandbox);
    let held = sandbox.wait_for_request(PATIENCE, |request| request.fault == Some("neverAnswer")).unwrap();
    assert_eq!((held.status, held.closed_by_client), (None, false));
    drop(stream);
    let closed = sandbox.wait_for_request(PATIENCE, |request| request.closed_by_client).unwrap();
    assert_eq!((closed.sequence, closed.status), (1, None));
    assert_eq!(sandbox.customers(), []);
}

#[tokio::test]
async fn a_request_that_its_client_cancels_shows_on_both_versions() {
    for client in [http(), http2()] {
        let sandbox = faulty(&json!({"when": {"everyNth": 2}, "effect": "neverAnswer"}));
        assert_eq!(try_add(&client, &sandbox, &vip()).await.unwrap().status, 200);
        let body = vip();
        {
            let mut request = Box::pin(try_add(&client, &sandbox, &body));
            while sandbox.request_count() < 2 {
                tokio::select! {
                    biased;
                    answer = &mut request => panic!("answered: {answer:?}"),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        // The client's connection needs this thread to notice that its request was dropped.
        while !sandbox.requests()[1].closed_by_client {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_selector_by_customer_strikes_whatever_the_spelling() {
    let fail = |when: Value| json!({"when": when, "effect": {"status": {"status": 503}}});
    let sandbox = sandbox(json!({"faults": [
        fail(json!({"email": "Jan@Bücher.example"})), fail(json!({"cuRefNo": "1cGIHvFoQDGLAbcA"})),
    ]}));
    for (customer, status) in [
        (json!({"email": "jan@xn--bcher-kva.example"}), 503),
        (json!({"email": "jan@bücher.example", "cuRefNo": "0000000000000000"}), 503),
        (json!({"cuRefNo": "1cGIHvFoQDGLAbcA"}), 503),
        (json!({"cuRefNo": "1cGIHvFoQDGLAbca"}), 200),
        (json!({"email": "eva@bücher.example"}), 200),
    ] {
        let mut body = customer;
        body["groups"] = json!(["vip"]);
        assert_eq!(add(&sandbox, &body).await.status, status, "{body}");
    }
    assert_eq!(ping(&sandbox, sandbox.api_key()).await.status, 200);
}

async fn statuses(sandbox: &Sandbox, count: usize) -> Vec<u16> {
    let client = http();
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(try_add(&client, sandbox, &vip()).await.unwrap().status);
    }
    statuses
}

#[tokio::test]
async fn faults_by_number_strike_each_nth_and_at_most_so_often() {
    let sandbox = faulty(&json!({"when": {"everyNth": 3}, "atMost": 2, "effect": {"status": {"status": 503}}}));
    assert_eq!(statuses(&sandbox, 10).await, [200, 200, 503, 200, 200, 503, 200, 200, 200, 200]);
}

#[tokio::test]
async fn faults_come_and_go_while_the_sandbox_runs() {
    let sandbox = sandbox(json!({}));
    let fault = Fault::new(FaultEffect::Status { status: 500, code: None, retry_after_seconds: None })
        .when(Selector::EveryNth(2))
        .at_most(5);
    assert_eq!(statuses(&sandbox, 1).await, [200]);
    sandbox.add_fault(fault.clone()).unwrap();
    assert_eq!(sandbox.faults(), [fault]);
    assert_eq!(statuses(&sandbox, 2).await, [200, 500]);
    sandbox.clear_faults();
    assert_eq!(statuses(&sandbox, 4).await, [200; 4]);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let start = |seed: u64| {
        sandbox(json!({
            "seed": seed,
            "faults": [
                {"when": {"probability": 0.3}, "effect": {"status": {"status": 503}}},
                {"when": {"probability": 0.3}, "effect": {"status": {"status": 502}}},
            ],
        }))
    };
    let first = start(7);
    let pattern = statuses(&first, 200).await;
    let struck = |status: u16| pattern.iter().filter(|&&known| known == status).count();
    assert!((40..=80).contains(&struck(503)), "{}", struck(503));
    assert!((25..=60).contains(&struck(502)), "{}", struck(502));
    assert_eq!(statuses(&start(7), 200).await, pattern);
    assert_ne!(statuses(&start(8), 200).await, pattern);
    first.reset().unwrap();
    assert_eq!(statuses(&first, 200).await, pattern);
}

#[tokio::test]
async fn probabilities_of_nought_and_one_are_never_and_always() {
    for (probability, status) in [(0.0, 200), (1.0, 503)] {
        let sandbox = faulty(&json!({"when": {"probability": probability}, "effect": {"status": {"status": 503}}}));
        assert_eq!(statuses(&sandbox, 50).await, [status; 50]);
    }
}

#[tokio::test]
async fn faults_do_not_strike_what_the_key_or_the_quota_refuses() {
    let sandbox = sandbox(json!({
        "frozenAt": "2026-11-23T12:00:00Z",
        "quota": {"model": "slidingWindow", "limit": 2},
        "faults": [{"atMost": 2, "effect": {"status": {"status": 503}}}],
    }));
    assert_eq!(ping(&sandbox, "DEV_0000000000000000000000000000").await.status, 404);
    let struck = add(&sandbox, &vip()).await;
    assert_eq!((struck.status, struck.header("x-ratelimit-remaining")), (503, Some("1")));
    assert_eq!(statuses(&sandbox, 3).await, [503, 429, 429]);
}

#[test]
fn a_fault_that_makes_no_sense_is_refused() {
    let sandbox = sandbox(json!({}));
    for (fault, code) in [
        (json!({"when": {"everyNth": 0}, "effect": "htmlBody"}), "fault_invalid"),
        (json!({"when": {"probability": 1.5}, "effect": "htmlBody"}), "fault_invalid"),
        (json!({"effect": {"status": {"status": 99}}}), "fault_invalid"),
        (json!({"effect": {"redirectTo": "two words"}}), "fault_invalid"),
        (json!({"when": {"email": "nobody"}, "effect": "htmlBody"}), "email_invalid"),
        (json!({"when": {"cuRefNo": "short"}, "effect": "htmlBody"}), "cu_ref_no_invalid"),
    ] {
        let refused = sandbox.add_fault(serde_json::from_value(fault.clone()).unwrap()).unwrap_err();
        assert_eq!(refused.code(), Some(code), "{fault}");
        let options = serde_json::from_value(json!({"faults": [fault]})).unwrap();
        assert_eq!(Sandbox::start(options).unwrap_err().code(), Some(code));
    }
    assert_eq!(sandbox.faults(), []);
}

#[tokio::test]
async fn an_error_of_the_client_names_the_reset() {
    let sandbox = faulty(&json!({"effect": "resetBeforeApplying"}));
    let error = try_add(&http(), &sandbox, &vip()).await.unwrap_err();
    let mut source = error.source();
    let mut kinds = Vec::new();
    while let Some(error) = source {
        kinds.extend(error.downcast_ref::<io::Error>().map(io::Error::kind));
        source = error.source();
    }
    assert_eq!(kinds, [ErrorKind::ConnectionReset]);
}

#[test]
fn a_struck_connection_takes_no_other_with_it() {
    let sandbox = faulty(&json!({"atMost": 1, "effect": "resetBeforeApplying"}));
    let mut struck = ask_for_vip(&sandbox);
    assert_eq!(read_to_end(&mut struck).1, Some(ErrorKind::ConnectionReset));
    let mut healthy = ask_for_vip(&sandbox);
    let mut start = [0; 15];
    healthy.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
}
