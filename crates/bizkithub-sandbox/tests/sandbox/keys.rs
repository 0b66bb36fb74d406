use bizkithub::KeyKind;
use bizkithub_sandbox::KeyState;
use reqwest::Method;
use serde_json::json;

use crate::support::{ADD_GROUPS, Reply, add, http, ping, sandbox, send, vip};

const SAMPLE: &str = "PRODPGrFxpGEtrOZfuWhnoJohUYBXuOE";
const UNREGISTERED: &str = "DEV_0000000000000000000000000000";

fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{reply:?}");
    let error = &reply.json()["error"];
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert!(error["description"].as_str().unwrap().contains(code));
}

#[tokio::test]
async fn a_key_is_checked_for_presence_then_form_then_registration() {
    let sandbox = sandbox(json!({}));
    let padded = format!("%20{}", sandbox.api_key());
    for (key, code) in [
        ("", "PUBLIC_API_KEY_IS_EMPTY"),
        ("%20", "PUBLIC_API_KEY_IS_EMPTY"),
        ("DEV_000000000000000000000000000", "PUBLIC_API_KEY_IS_NOT_IN_VALID_FORMAT"),
        ("DEV_00000000000000+0000000000000", "PUBLIC_API_KEY_IS_NOT_IN_VALID_FORMAT"),
        ("TEST0000000000000000000000000000", "PUBLIC_API_KEY_IS_NOT_IN_VALID_FORMAT"),
        (&padded, "PUBLIC_API_KEY_IS_NOT_IN_VALID_FORMAT"),
        (SAMPLE, "PUBLIC_API_KEY_SAMPLE_VALUE"),
        (UNREGISTERED, "PUBLIC_API_KEY_DOES_NOT_EXIST"),
    ] {
        assert_refused(&ping(&sandbox, key).await, 404, code);
    }
    let without = send(&http(), &sandbox, Method::POST, ADD_GROUPS, &[], &vip().to_string()).await.unwrap();
    assert_refused(&without, 404, "PUBLIC_API_KEY_IS_EMPTY");
    assert_eq!(sandbox.customers(), []);
    assert_eq!(ping(&sandbox, sandbox.api_key()).await.body, r#"{"success":true}"#);
}

#[tokio::test]
async fn each_state_of_a_key_has_its_code_and_may_change_in_mid_run() {
    let sandbox = sandbox(json!({}));
    let key = sandbox.api_key().to_owned();
    for (state, code) in [
        (KeyState::Deleted, "PUBLIC_API_KEY_HAS_BEEN_DELETED"),
        (KeyState::Inactive, "PUBLIC_API_KEY_IS_NOT_ACTIVE"),
        (KeyState::Expired, "PUBLIC_API_KEY_HAS_BEEN_EXPIRED"),
    ] {
        assert_eq!(add(&sandbox, &vip()).await.status, 200);
        sandbox.set_key_state(&key, state).unwrap();
        assert_refused(&add(&sandbox, &vip()).await, 404, code);
        assert_refused(&ping(&sandbox, &key).await, 404, code);
        sandbox.set_key_state(&key, KeyState::Active).unwrap();
    }
}

#[tokio::test]
async fn a_key_without_permission_pings_but_adds_nothing() {
    let sandbox = sandbox(json!({}));
    sandbox.set_key_state(sandbox.api_key(), KeyState::NotPermitted).unwrap();
    assert_eq!(ping(&sandbox, sandbox.api_key()).await.status, 200);
    assert_refused(&add(&sandbox, &vip()).await, 401, "PERMISSION_MEMBER_HAS_NO_PERMISSION");
    assert_eq!(sandbox.customers(), []);
}

#[tokio::test]
async fn the_rate_limit_comes_before_the_permission_and_both_before_the_validation() {
    let sandbox = sandbox(json!({
        "quota": {"model": "fixedBlock", "limit": 1}, "frozenAt": "2026-11-23T12:00:00Z",
    }));
    sandbox.set_key_state(sandbox.api_key(), KeyState::NotPermitted).unwrap();
    let invalid = json!({"groups": []});
    assert_refused(&add(&sandbox, &invalid).await, 401, "PERMISSION_MEMBER_HAS_NO_PERMISSION");
    assert_refused(&add(&sandbox, &invalid).await, 429, "PUBLIC_API_KEY_TOO_MANY_REQUEST");
}

#[tokio::test]
async fn a_key_expires_on_the_sandbox_clock() {
    let key = "DEV_1111111111111111111111111111";
    let sandbox = sandbox(json!({
        "frozenAt": "2026-11-23T12:00:00Z", "keys": [{"key": key, "expiresAfterSeconds": 3600}],
    }));
    sandbox.advance(std::time::Duration::from_millis(3_599_999));
    assert_eq!(ping(&sandbox, key).await.status, 200);
    sandbox.advance(std::time::Duration::from_millis(1));
    assert_refused(&ping(&sandbox, key).await, 404, "PUBLIC_API_KEY_HAS_BEEN_EXPIRED");
}

#[tokio::test]
async fn the_key_may_be_in_the_query_the_bearer_or_the_body() {
    let sandbox = sandbox(json!({}));
    let key = sandbox.api_key();
    let bearer = format!("Bearer {key}");
    let mut with_key = vip();
    with_key["apiKey"] = key.into();
    let (with_key, without_key) = (with_key.to_string(), vip().to_string());
    let in_query = format!("{ADD_GROUPS}?x=1&apiKey={key}");
    for (path, headers, body) in [
        (in_query.as_str(), vec![], &without_key),
        (ADD_GROUPS, vec![("authorization", bearer.as_str())], &without_key),
        (ADD_GROUPS, vec![], &with_key),
    ] {
        let reply = send(&http(), &sandbox, Method::POST, path, &headers, body).await.unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let placements: Vec<_> = sandbox.requests().iter().map(|request| request.key_placement).collect();
    assert_eq!(placements, [Some("query"), Some("bearer"), Some("body")]);

    let wrong_in_query = format!("{ADD_GROUPS}?apiKey={UNREGISTERED}");
    let reply = send(&http(), &sandbox, Method::POST, &wrong_in_query, &[("authorization", &bearer)], &with_key).await;
    assert_refused(&reply.unwrap(), 404, "PUBLIC_API_KEY_DOES_NOT_EXIST");
}

#[tokio::test]
async fn the_key_in_a_body_of_wrong_types_is_checked_before_the_types() {
    let sandbox = sandbox(json!({}));
    let ask = async |key: &str| {
        let body = json!({"apiKey": key, "email": 5, "groups": "vip"}).to_string();
        send(&http(), &sandbox, Method::POST, ADD_GROUPS, &[], &body).await.unwrap()
    };
    assert_refused(&ask(UNREGISTERED).await, 404, "PUBLIC_API_KEY_DOES_NOT_EXIST");
    assert_refused(&ask(sandbox.api_key()).await, 400, "INTERNAL_VALIDATION_FAILED");
}

#[tokio::test]
async fn generated_keys_are_registered_and_follow_the_seed() {
    let kinds = [KeyKind::Production, KeyKind::Development, KeyKind::Root];
    let keys_of = |seed: u64| {
        let sandbox = sandbox(json!({"seed": seed}));
        let keys = kinds.map(|kind| sandbox.generate_key(kind));
        (sandbox, keys)
    };
    let (first, keys) = keys_of(7);
    for (key, kind) in keys.iter().zip(kinds) {
        assert!(key.starts_with(kind.prefix()));
        assert_eq!(ping(&first, key).await.status, 200);
    }
    let (again, same_keys) = keys_of(7);
    assert_eq!((again.api_key(), &same_keys), (first.api_key(), &keys));
    let (other, _) = keys_of(8);
    assert_ne!(other.api_key(), first.api_key());
}

#[tokio::test]
async fn a_key_that_is_none_cannot_be_registered() {
    let sandbox = sandbox(json!({}));
    assert_eq!(sandbox.set_key_state(SAMPLE, KeyState::Active).unwrap_err().code(), Some("api_key_sample"));
    assert_eq!(sandbox.set_key_state("DEV_1", KeyState::Active).unwrap_err().code(), Some("api_key_invalid"));
}
