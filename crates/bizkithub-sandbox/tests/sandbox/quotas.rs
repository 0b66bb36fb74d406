use std::time::Duration;

use bizkithub::KeyKind;
use serde_json::{Value, json};

use crate::support::{Reply, add, ping, sandbox, vip};

/// 1 795 435 200 seconds since the Unix epoch: a full hour.
const NOON: &str = "2026-11-23T12:00:00Z";
const NOON_SECONDS: u64 = 1_795_435_200;

fn told(reply: &Reply) -> [Option<&str>; 4] {
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"].map(|name| reply.header(name))
}

fn assert_throttled(reply: &Reply, code: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (429, code), "{reply:?}");
}

#[tokio::test]
async fn without_a_quota_nothing_is_limited_or_told() {
    let sandbox = sandbox(json!({}));
    for _ in 0..100 {
        let reply = add(&sandbox, &vip()).await;
        assert_eq!((reply.status, told(&reply)), (200, [None; 4]));
    }
}

#[tokio::test]
async fn a_sliding_window_tells_its_state_on_every_answer_and_gives_back_one_by_one() {
    let sandbox = sandbox(json!({
        "frozenAt": NOON, "quota": {"model": "slidingWindow", "limit": 2, "windowSeconds": 3600},
    }));
    let end_of_first = (NOON_SECONDS + 3600).to_string();
    let first = add(&sandbox, &vip()).await;
    assert_eq!(told(&first), [Some("2"), Some("1"), Some(&end_of_first), None]);

    sandbox.advance(Duration::from_millis(60_500));
    let invalid = add(&sandbox, &json!({"groups": []})).await;
    assert_eq!((invalid.status, told(&invalid)), (400, [Some("2"), Some("0"), Some(&end_of_first), None]));

    let refused = add(&sandbox, &vip()).await;
    assert_throttled(&refused, "RATE_LIMIT_EXCEEDED");
    assert_eq!(told(&refused), [Some("2"), Some("0"), Some(&end_of_first), Some("3540")]);
    assert_eq!(refused.json()["retry_after"], 3540);

    sandbox.advance(Duration::from_millis(3_539_499));
    assert_throttled(&add(&sandbox, &vip()).await, "RATE_LIMIT_EXCEEDED");
    sandbox.advance(Duration::from_millis(1));
    assert_eq!(add(&sandbox, &vip()).await.status, 200);
    assert_throttled(&add(&sandbox, &vip()).await, "RATE_LIMIT_EXCEEDED");
    assert_throttled(&ping(&sandbox, sandbox.api_key()).await, "RATE_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_burst_is_limited_although_the_window_has_room() {
    let sandbox = sandbox(json!({
        "frozenAt": NOON, "quota": {"model": "slidingWindow", "limit": 1000, "burst": 2},
    }));
    for _ in 0..2 {
        assert_eq!(add(&sandbox, &vip()).await.status, 200);
    }
    let refused = add(&sandbox, &vip()).await;
    assert_throttled(&refused, "RATE_LIMIT_EXCEEDED");
    let end = (NOON_SECONDS + 3600).to_string();
    assert_eq!(told(&refused), [Some("1000"), Some("998"), Some(&end), Some("1")]);
    sandbox.advance(Duration::from_secs(1));
    assert_eq!(add(&sandbox, &vip()).await.status, 200);
}

#[tokio::test]
async fn fixed_blocks_tell_nothing_and_begin_at_full_multiples() {
    let sandbox = sandbox(json!({
        "frozenAt": "2026-11-23T12:09:59Z", "quota": {"model": "fixedBlock", "limit": 2},
    }));
    for _ in 0..2 {
        let reply = add(&sandbox, &vip()).await;
        assert_eq!((reply.status, told(&reply)), (200, [None; 4]));
    }
    let refused = add(&sandbox, &vip()).await;
    assert_throttled(&refused, "PUBLIC_API_KEY_TOO_MANY_REQUEST");
    assert_eq!((told(&refused), refused.json().get("retry_after")), ([None; 4], None));
    sandbox.advance(Duration::from_secs(1));
    for _ in 0..2 {
        assert_eq!(add(&sandbox, &vip()).await.status, 200);
    }
    sandbox.advance(Duration::from_millis(599_999));
    assert_throttled(&add(&sandbox, &vip()).await, "PUBLIC_API_KEY_TOO_MANY_REQUEST");
}

#[tokio::test]
async fn minutes_count_by_the_kind_of_key_and_root_is_not_limited() {
    let sandbox = sandbox(json!({
        "frozenAt": NOON, "quota": {"model": "perMinute", "production": 3, "development": 1},
    }));
    for (kind, limit) in [(KeyKind::Production, 3), (KeyKind::Development, 1)] {
        let key = sandbox.generate_key(kind);
        for _ in 0..limit {
            assert_eq!(ping(&sandbox, &key).await.status, 200);
        }
        let refused = ping(&sandbox, &key).await;
        assert_throttled(&refused, "INTERNAL_TOO_MANY_REQUESTS");
        assert_eq!((told(&refused), refused.json().get("retry_after")), ([None; 4], None));
    }
    let root = sandbox.generate_key(KeyKind::Root);
    for _ in 0..10 {
        assert_eq!(ping(&sandbox, &root).await.status, 200);
    }
    assert_eq!(ping(&sandbox, sandbox.api_key()).await.status, 200, "each key has a quota of its own");
    assert_throttled(&ping(&sandbox, sandbox.api_key()).await, "INTERNAL_TOO_MANY_REQUESTS");
    sandbox.advance(Duration::from_mins(1));
    assert_eq!(ping(&sandbox, sandbox.api_key()).await.status, 200);
}

#[tokio::test]
async fn windows_are_settable() {
    for (quota, shorter) in [
        (json!({"model": "slidingWindow", "limit": 1, "windowSeconds": 0.25}), 249),
        (json!({"model": "fixedBlock", "limit": 1, "blockSeconds": 0.25}), 249),
        (json!({"model": "perMinute", "development": 1, "minuteSeconds": 0.25}), 249),
    ] {
        let sandbox = sandbox(json!({"frozenAt": NOON, "quota": quota}));
        assert_eq!(add(&sandbox, &vip()).await.status, 200);
        sandbox.advance(Duration::from_millis(shorter));
        assert_eq!(add(&sandbox, &vip()).await.status, 429);
        sandbox.advance(Duration::from_millis(1));
        assert_eq!(add(&sandbox, &vip()).await.status, 200);
    }
}

#[tokio::test]
async fn any_signals_can_be_chosen_for_any_model() {
    let all = json!(["xRateLimit", "retryAfter", "rateLimitFields", "body"]);
    let telling = |signals: Value| {
        sandbox(json!({
            "frozenAt": NOON, "quota": {"model": "fixedBlock", "limit": 1, "blockSeconds": 600}, "quotaSignals": signals,
        }))
    };
    let talkative = telling(all);
    let reset = (NOON_SECONDS + 600).to_string();
    let accepted = add(&talkative, &vip()).await;
    assert_eq!(told(&accepted), [Some("1"), Some("0"), Some(&reset), None]);
    assert_eq!(accepted.header("ratelimit"), Some(r#""default";r=0;t=600"#));
    assert_eq!(accepted.header("ratelimit-policy"), Some(r#""default";q=1;w=600"#));
    talkative.advance(Duration::from_secs(100));
    let refused = add(&talkative, &vip()).await;
    assert_eq!(told(&refused), [Some("1"), Some("0"), Some(&reset), Some("500")]);
    assert_eq!(refused.header("ratelimit"), Some(r#""default";r=0;t=500"#));
    assert_eq!(refused.json()["retry_after"], 500);

    let only_body = telling(json!(["body"]));
    add(&only_body, &vip()).await;
    let refused = add(&only_body, &vip()).await;
    assert_eq!((told(&refused), refused.header("ratelimit")), ([None; 4], None));
    assert_eq!(refused.json()["retry_after"], 600);
}

#[tokio::test]
async fn requests_with_a_refused_key_use_up_nothing() {
    let sandbox = sandbox(json!({"frozenAt": NOON, "quota": {"model": "slidingWindow", "limit": 1}}));
    for _ in 0..3 {
        let reply = ping(&sandbox, "DEV_0000000000000000000000000000").await;
        assert_eq!((reply.status, told(&reply)), (404, [None; 4]));
    }
    assert_eq!(add(&sandbox, &vip()).await.status, 200);
}
