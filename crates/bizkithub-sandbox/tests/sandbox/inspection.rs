use bizkithub::KeyKind;
use bizkithub_sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADD_GROUPS, Reply, add, http, ping, sandbox, send, vip};

const NOON: &str = "2026-11-23T12:00:00Z";

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let reply = send(&http(), sandbox, Method::GET, &format!("/__sandbox/{path}"), &[], "").await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> Reply {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(&http(), sandbox, Method::POST, &format!("/__sandbox/{path}"), &[], &body).await.unwrap()
}

#[tokio::test]
async fn the_log_tells_everything_but_the_key() {
    let sandbox = sandbox(json!({"frozenAt": NOON}));
    let key = sandbox.api_key();
    add(&sandbox, &json!({"email": "Jan@Barasek.com", "groups": ["VIP", "vip", key]})).await;
    ping(&sandbox, "DEV_0000000000000000000000000000").await;
    let expected = json!([
        {
            "sequence": 1, "time": NOON, "connection": 1, "httpVersion": "HTTP/1.1", "method": "POST", "path": ADD_GROUPS,
            "keyPlacement": "query", "customer": "Jan@Barasek.com", "groups": ["VIP", "vip", "[API key]"],
            "status": 200, "code": null, "fault": null, "closedByClient": false,
        },
        {
            "sequence": 2, "time": NOON, "connection": 2, "httpVersion": "HTTP/1.1", "method": "GET", "path": "/ping/v1",
            "keyPlacement": "query", "customer": null, "groups": [],
            "status": 404, "code": "PUBLIC_API_KEY_DOES_NOT_EXIST", "fault": null, "closedByClient": false,
        },
    ]);
    assert_eq!(serde_json::to_value(sandbox.requests()).unwrap(), expected);
    assert_eq!(get(&sandbox, "requests").await, expected);
    for shown in [format!("{sandbox:?}"), get(&sandbox, "state").await.to_string()] {
        assert!(!shown.contains(&key[4..]), "{shown}");
    }
}

#[tokio::test]
async fn customers_groups_and_counts_are_there_over_http() {
    let sandbox = sandbox(json!({"frozenAt": NOON}));
    add(&sandbox, &json!({"email": "jan+test@barasek.com", "groups": ["VIP"]})).await;
    add(&sandbox, &json!({"cuRefNo": "1cGIHvFoQDGLAbcA", "groups": ["VIP", "New"]})).await;
    assert_eq!(get(&sandbox, "groups-of?email=jan%2Btest@barasek.com").await, json!(["vip"]));
    assert_eq!(get(&sandbox, "groups-of?cuRefNo=1cGIHvFoQDGLAbcA").await, json!(["new", "vip"]));
    assert_eq!(get(&sandbox, "groups-of?email=nobody@barasek.com").await, json!([]));
    assert_eq!(get(&sandbox, "customers").await, serde_json::to_value(sandbox.customers()).unwrap());
    assert_eq!(get(&sandbox, "groups").await, serde_json::to_value(sandbox.groups()).unwrap());
    assert_eq!(
        get(&sandbox, "state").await,
        json!({
            "clock": {"now": NOON, "isFrozen": true}, "customers": 2, "groups": 2, "requests": 2, "faults": [],
        })
    );
}

#[tokio::test]
async fn faults_are_set_and_cleared_over_http() {
    let sandbox = sandbox(json!({}));
    let one = json!({"when": {"everyNth": 2}, "atMost": 4, "effect": {"status": {"status": 503}}});
    assert_eq!(post(&sandbox, "faults", one.clone()).await.status, 200);
    let two = json!([
        {"when": "everyRequest", "effect": {"latencySeconds": 0.001}}, {"when": "everyRequest", "effect": "htmlBody"},
    ]);
    assert_eq!(post(&sandbox, "faults", two.clone()).await.status, 200);
    assert_eq!(get(&sandbox, "faults").await, json!([one, two[0], two[1]]));
    assert!(add(&sandbox, &vip()).await.body.starts_with("<!doctype html>"));
    let cleared = send(&http(), &sandbox, Method::DELETE, "/__sandbox/faults", &[], "").await.unwrap();
    assert_eq!(cleared.status, 200);
    assert_eq!(add(&sandbox, &vip()).await.body, r#"{"success":true}"#);
}

#[tokio::test]
async fn a_list_of_faults_is_taken_as_a_whole_or_not_at_all() {
    let sandbox = sandbox(json!({}));
    let faults = json!([{"effect": "htmlBody"}, {"when": {"probability": 2}, "effect": "htmlBody"}]);
    let refused = post(&sandbox, "faults", faults).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "SANDBOX_INPUT_INVALID"));
    assert_eq!(get(&sandbox, "faults").await, json!([]));
}

#[tokio::test]
async fn the_clock_is_set_over_http() {
    let sandbox = sandbox(json!({}));
    assert!(!sandbox.clock().is_frozen());
    assert_eq!(post(&sandbox, "clock/freeze", Value::Null).await.status, 200);
    assert!(sandbox.clock().is_frozen());
    assert_eq!(sandbox.clock().now(), sandbox.clock().now());
    assert_eq!(post(&sandbox, "clock/freeze", json!({"at": NOON})).await.status, 200);
    assert_eq!(post(&sandbox, "clock/advance", json!({"seconds": 3600.5})).await.status, 200);
    assert_eq!(sandbox.clock().now().to_string(), "2026-11-23T13:00:00.5Z");
    assert_eq!(post(&sandbox, "clock/resume", Value::Null).await.status, 200);
    assert!(!sandbox.clock().is_frozen());
    assert!(sandbox.clock().now() >= "2026-11-23T13:00:00.5Z".parse().unwrap());
}

#[tokio::test]
async fn keys_are_registered_over_http() {
    let sandbox = sandbox(json!({}));
    let key = "DEV_2222222222222222222222222222";
    assert_eq!(ping(&sandbox, key).await.status, 404);
    assert_eq!(post(&sandbox, "keys", json!({"key": key})).await.status, 200);
    assert_eq!(ping(&sandbox, key).await.status, 200);
    assert_eq!(post(&sandbox, "keys", json!({"key": key, "state": "deleted"})).await.status, 200);
    assert_eq!(ping(&sandbox, key).await.code(), "PUBLIC_API_KEY_HAS_BEEN_DELETED");
}

#[tokio::test]
async fn a_reset_puts_everything_back() {
    let sandbox = sandbox(json!({
        "frozenAt": NOON,
        "customers": [{"email": "seeded@example.com", "groups": ["Old"]}],
        "quota": {"model": "fixedBlock", "limit": 2},
        "faults": [{"atMost": 1, "effect": "htmlBody"}],
    }));
    let start = (get(&sandbox, "state").await, get(&sandbox, "customers").await);
    let other_key = sandbox.generate_key(KeyKind::Development);
    for expected in [200, 200, 429] {
        assert_eq!(add(&sandbox, &vip()).await.status, expected);
    }
    sandbox.clear_faults();
    assert_eq!(post(&sandbox, "clock/advance", json!({"seconds": 60})).await.status, 200);
    assert_eq!(post(&sandbox, "reset", Value::Null).await.status, 200);

    assert_eq!((get(&sandbox, "state").await, get(&sandbox, "customers").await), start);
    assert_eq!(ping(&sandbox, &other_key).await.code(), "PUBLIC_API_KEY_DOES_NOT_EXIST");
    assert!(add(&sandbox, &vip()).await.body.starts_with("<!doctype html>"));
    assert_eq!(sandbox.requests().last().unwrap().sequence, 2);
}

#[tokio::test]
async fn inputs_that_are_not_valid_say_what_is_wrong() {
    let sandbox = sandbox(json!({}));
    for (path, body, reason) in [
        ("faults", json!({"effect": "explode"}), "unknown variant `explode`"),
        ("faults", json!([{"effect": "htmlBody", "often": 1}]), "unknown field `often`"),
        ("clock/advance", json!({"seconds": -1}), "-1 is not a number of seconds"),
        ("clock/advance", json!({"minutes": 1}), "unknown field `minutes`"),
        ("clock/freeze", json!({"at": "noon"}), "noon"),
        ("keys", json!({"key": "DEV_3"}), "5 characters instead of 32"),
    ] {
        let refused = post(&sandbox, path, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (400, "SANDBOX_INPUT_INVALID"), "{refused:?}");
        assert!(refused.body.contains(reason), "{refused:?}");
    }
    let nobody = send(&http(), &sandbox, Method::GET, "/__sandbox/groups-of", &[], "").await.unwrap();
    assert_eq!((nobody.status, nobody.code().as_str()), (400, "SANDBOX_INPUT_INVALID"));
}

#[tokio::test]
async fn unknown_paths_and_methods_of_the_inspection_are_refused() {
    let sandbox = sandbox(json!({}));
    for (method, path, status, allowed) in [
        (Method::GET, "nothing", 404, None),
        (Method::POST, "state", 405, Some("GET")),
        (Method::GET, "reset", 405, Some("POST")),
        (Method::PUT, "faults", 405, Some("GET, POST, DELETE")),
    ] {
        let reply = send(&http(), &sandbox, method, &format!("/__sandbox/{path}"), &[], "").await.unwrap();
        assert_eq!((reply.status, reply.header("allow")), (status, allowed), "{path}");
    }
    assert_eq!(sandbox.request_count(), 0);
}

#[tokio::test]
async fn the_log_is_bounded_and_the_count_is_not() {
    for (capacity, kept) in [(3, vec![3, 4, 5]), (0, vec![])] {
        let sandbox = sandbox(json!({"requestLogCapacity": capacity}));
        for _ in 0..5 {
            add(&sandbox, &vip()).await;
        }
        let sequences: Vec<_> = sandbox.requests().iter().map(|request| request.sequence).collect();
        assert_eq!((sequences, sandbox.request_count()), (kept, 5));
        assert!(sandbox.requests().iter().all(|request| request.status == Some(200)));
    }
}
