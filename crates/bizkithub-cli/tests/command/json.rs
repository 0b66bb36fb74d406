use bizkithub_sandbox::{Fault, FaultEffect, Selector};
use serde_json::{Value, json};

use crate::support::{Stage, with_columns};

fn with_json(mut arguments: Vec<&str>) -> Vec<&str> {
    arguments.push("--json");
    arguments
}

#[test]
fn a_plan_is_its_bill_and_its_refusals() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\na@example.com,VIP\nA@example.com,vip;Plavání\nnobody,vip\n");
    let finished = stage.run(with_json(with_columns("plan", "customers.csv")));
    assert_eq!(finished.code, Some(1));
    assert_eq!(
        finished.json(),
        json!({
            "file": "customers.csv",
            "ledger": null,
            "bill": {
                "rows": 3,
                "customers": 1,
                "requests": 1,
                "assignments": 2,
                "skipped": 0,
                "skippedAssignments": 0,
                "rejected": 1,
                "rejectedByCode": { "email_invalid": 1 },
                "groups": [
                    { "text": "VIP", "slug": "vip", "customers": 1, "isNew": true, "resembles": null },
                    { "text": "Plavání", "slug": "plavani", "customers": 1, "isNew": true, "resembles": null },
                ],
                "time": { "seconds": 0.06, "limit": 1000, "windowSeconds": 60.0 },
            },
            "refusals": [{
                "kind": "invalid_input",
                "code": "email_invalid",
                "message": "the e-mail address has no @",
                "field": "email",
                "row": 3,
                "line": 4,
                "advice": "correct the address, or name the customer by cuRefNo",
                "isRetryable": false,
                "attempts": 0,
            }],
        })
    );
    assert_eq!(stage.sandbox.request_count(), 0);
}

#[test]
fn a_run_is_its_bill_its_report_its_reasons_and_its_rejects() {
    let stage = Stage::new();
    let unknown = FaultEffect::Status {
        status: 404,
        code: Some("INTERNAL_RESOURCE_NOT_FOUND".into()),
        retry_after_seconds: None,
    };
    stage.sandbox.add_fault(Fault::new(unknown).when(Selector::Email("b@example.com".into()))).expect("a fault");
    stage.file("customers.csv", "email,groups\na@example.com,vip\nb@example.com,vip\n");
    let finished = stage.run(with_json(with_columns("run", "customers.csv")));
    assert_eq!(finished.code, Some(1));
    let mut result = finished.json();
    let report = result["report"].as_object_mut().expect("a report");
    for changing in ["seconds", "startedAt", "timeline"] {
        assert!(report.remove(changing).is_some(), "{changing} is missing");
    }
    assert_eq!(
        result["report"],
        json!({
            "rows": 2,
            "applied": 1,
            "skipped": 0,
            "rejected": 1,
            "pending": 0,
            "unknown": 0,
            "rejectedByCode": { "INTERNAL_RESOURCE_NOT_FOUND": 1 },
            "requestsSent": 2,
            "retries": 0,
            "throttled": 0,
            "resumeAt": null,
            "stoppedBy": null,
            "advice": null, "isCancelled": false,
            "isComplete": false,
        })
    );
    assert_eq!(result["bill"]["requests"], 2);
    assert_eq!(result["rejects"], json!({ "file": "rejects.csv", "rows": 1 }));
    assert_eq!(result["exitCode"], 1);
    let reason = &result["reasons"][0];
    assert_eq!(
        (&reason["outcome"], &reason["code"], &reason["rows"]),
        (&json!("rejected"), &json!("INTERNAL_RESOURCE_NOT_FOUND"), &json!(1))
    );
    assert_eq!(reason["examples"][0]["row"], 2);
    assert_eq!(
        reason["examples"][0]["error"]["docUrl"],
        "https://docs.bizkithub.com/errors/INTERNAL_RESOURCE_NOT_FOUND"
    );
}

#[test]
fn a_run_without_rejects_says_null() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\na@example.com,vip\n");
    let result = stage.run(with_json(with_columns("run", "customers.csv"))).json();
    assert_eq!((&result["rejects"], &result["reasons"], &result["exitCode"]), (&Value::Null, &json!([]), &json!(0)));
    assert_eq!(result["report"]["isComplete"], true);
}

#[test]
fn single_calls() {
    let stage = Stage::new();
    let nothing_told =
        json!({ "limit": null, "remaining": null, "resetsAt": null, "window": null, "retryAfter": null });
    let receipt = json!({ "attempts": 1, "quota": nothing_told });
    assert_eq!(
        stage.run(["add", "--email", "a@example.com", "--group", "VIP", "--json"]).json(),
        json!({
            "customer": { "email": "a@example.com", "cuRefNo": null },
            "groups": [{ "text": "VIP", "slug": "vip" }],
            "receipt": receipt,
        })
    );
    let key = bizkithub::ApiKey::parse(stage.sandbox.api_key()).expect("a key").to_string();
    assert_eq!(
        stage.run(["--json", "ping"]).json(),
        json!({ "baseUrl": stage.sandbox.url(), "apiKey": key, "receipt": receipt })
    );
    assert_eq!(
        stage.run(["slug", "Joolz Aer+", "--json"]).json(),
        json!({ "slugs": [{ "text": "Joolz Aer+", "slug": "joolz-aer-plus" }] })
    );
}

#[test]
fn an_error_is_an_object_on_standard_output() {
    let stage = Stage::new();
    let finished = stage.run(["add", "--email", "nobody", "--group", "vip", "--json"]);
    assert_eq!(finished.code, Some(2));
    assert_eq!(
        finished.json(),
        json!({ "error": {
            "kind": "invalid_input",
            "code": "email_invalid",
            "message": "the e-mail address has no @",
            "field": "email",
            "advice": "correct the address, or name the customer by cuRefNo",
            "isRetryable": false,
            "attempts": 0,
        } })
    );
    stage.sandbox.stop();
    let error = stage.run(["ping", "--json"]).json();
    assert_eq!((&error["error"]["kind"], &error["error"]["attempts"]), (&json!("network"), &json!(3)));
}
