use bizkithub_sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};

fn refusal(options: Value) -> String {
    serde_json::from_value::<SandboxOptions>(options).unwrap_err().to_string()
}

#[test]
fn unknown_and_misshapen_options_say_what_is_wrong() {
    for (options, reason) in [
        (json!({"prot": 80}), "unknown field `prot`, expected one of `host`, `port`"),
        (json!({"port": 70_000}), "70000"),
        (json!({"host": "localhost"}), "invalid IP address syntax"),
        (json!({"customerPolicy": "some"}), "unknown variant `some`, expected `acceptEvery` or `onlySeeded`"),
        (json!({"customers": [{"mail": "a@b.cz"}]}), "unknown field `mail`"),
        (json!({"keys": [{"key": "x", "state": "lost"}]}), "unknown variant `lost`"),
        (json!({"keys": [{"key": "x", "expiresAfterSeconds": -1}]}), "-1 is not a number of seconds"),
        (json!({"quota": {"model": "monthly"}}), "unknown variant `monthly`"),
        (json!({"quota": {"model": "fixedBlock"}}), "missing field `limit`"),
        (json!({"quota": {"model": "fixedBlock", "limit": 1, "windowSeconds": 1}}), "unknown field `windowSeconds`"),
        (json!({"quotaSignals": ["smoke"]}), "unknown variant `smoke`"),
        (json!({"faults": [{"effect": "explode"}]}), "unknown variant `explode`"),
        (json!({"faults": [{"when": "never", "effect": "htmlBody"}]}), "unknown variant `never`"),
        (json!({"faults": [{"effect": "htmlBody", "often": 1}]}), "unknown field `often`"),
        (json!({"frozenAt": "noon"}), "noon"),
    ] {
        let refused = refusal(options.clone());
        assert!(refused.contains(reason), "{options}: {refused}");
    }
}

#[test]
fn options_with_values_that_make_no_sense_do_not_start() {
    for (options, code) in [
        (json!({"keys": [{"key": "DEV_1"}]}), "api_key_invalid"),
        (json!({"customers": [{}]}), "customer_missing"),
        (json!({"customers": [{"email": "nobody"}]}), "email_invalid"),
        (json!({"customers": [{"email": "a@example.com", "groups": ["🦀"]}]}), "group_without_slug"),
        (json!({"missingCustomerStatus": 200}), "sandbox_option_invalid"),
        (json!({"validationStatus": 700}), "sandbox_option_invalid"),
        (json!({"quota": {"model": "slidingWindow", "limit": 1, "windowSeconds": 0}}), "quota_window_empty"),
        (json!({"quota": {"model": "fixedBlock", "limit": 1, "blockSeconds": 0}}), "quota_window_empty"),
        (json!({"quota": {"model": "perMinute", "minuteSeconds": 0}}), "quota_window_empty"),
    ] {
        let refused = Sandbox::start(serde_json::from_value(options.clone()).unwrap()).unwrap_err();
        assert_eq!(refused.code(), Some(code), "{options}");
    }
}

#[test]
fn the_debug_form_of_options_hides_their_keys() {
    let key = "DEV_3333333333333333333333333333";
    let options: SandboxOptions = serde_json::from_value(json!({"keys": [{"key": key}]})).unwrap();
    assert!(!format!("{options:?}").contains(&key[4..]));
}

#[test]
fn a_sandbox_listens_on_loopback_unless_told_otherwise() {
    let sandbox = Sandbox::start(SandboxOptions::default()).unwrap();
    assert!(sandbox.address().ip().is_loopback());
    assert_eq!(sandbox.url(), format!("http://{}", sandbox.address()));
}
