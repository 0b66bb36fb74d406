use bizkithub::Customer;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADD_GROUPS, Reply, add, groups_of, http, http2, ping, sandbox, send, try_add, vip};

const CU_REF_NO: &str = "1cGIHvFoQDGLAbcA";
const OTHER_CU_REF_NO: &str = "1cGIHvFoQDGLAbca";

fn by_email(email: &str) -> Customer {
    Customer::parse(Some(email), None).unwrap()
}

fn by_cu_ref_no(cu_ref_no: &str) -> Customer {
    Customer::parse(None, Some(cu_ref_no)).unwrap()
}

fn assert_invalid(reply: &Reply) {
    assert_eq!((reply.status, reply.code().as_str()), (400, "INTERNAL_VALIDATION_FAILED"), "{reply:?}");
}

#[tokio::test]
async fn a_yes_has_the_documented_shape_and_groups_go_through_to_slug() {
    let sandbox = sandbox(json!({}));
    let groups = ["Joolz Aer+", "Project Review: Q1 & Q2", "Привет, мир!", "personal-training"];
    let reply = add(&sandbox, &json!({"email": "jan@barasek.com", "groups": groups})).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"success":true}"#));
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(
        groups_of(&sandbox, &by_email("jan@barasek.com")),
        ["joolz-aer-plus", "personal-training", "priviet-mir", "project-review-q1-and-q2"],
    );
}

#[tokio::test]
async fn groups_that_the_customer_has_are_skipped() {
    let sandbox = sandbox(json!({}));
    for _ in 0..3 {
        assert_eq!(
            add(&sandbox, &json!({"email": "a@example.com", "groups": ["VIP", "vip", "Vip"]})).await.status,
            200
        );
    }
    add(&sandbox, &json!({"email": "b@example.com", "groups": ["vip", "new"]})).await;
    assert_eq!(groups_of(&sandbox, &by_email("a@example.com")), ["vip"]);
    let groups = serde_json::to_value(sandbox.groups()).unwrap();
    assert_eq!(
        groups,
        json!([
            {"slug": "vip", "name": "VIP", "customers": 2, "timesCreated": 1},
            {"slug": "new", "name": "new", "customers": 1, "timesCreated": 1},
        ])
    );
}

#[tokio::test]
async fn spellings_of_an_e_mail_are_one_customer() {
    let sandbox = sandbox(json!({}));
    for (email, group) in
        [("Jan@Bücher.example", "a"), ("jan@xn--bcher-kva.example", "b"), (" JAN@BÜCHER.EXAMPLE ", "c")]
    {
        assert_eq!(add(&sandbox, &json!({"email": email, "groups": [group]})).await.status, 200);
    }
    assert_eq!(sandbox.customers().len(), 1);
    assert_eq!(sandbox.customers()[0].email.as_deref(), Some("jan@xn--bcher-kva.example"));
    assert_eq!(groups_of(&sandbox, &by_email("jan@bücher.example")), ["a", "b", "c"]);
}

#[tokio::test]
async fn cu_ref_no_wins_and_its_case_matters() {
    let sandbox = sandbox(json!({}));
    add(&sandbox, &json!({"cuRefNo": CU_REF_NO, "groups": ["one"]})).await;
    add(&sandbox, &json!({"cuRefNo": OTHER_CU_REF_NO, "groups": ["other"]})).await;
    add(&sandbox, &json!({"email": "a@example.com", "groups": ["mail"]})).await;
    add(&sandbox, &json!({"cuRefNo": CU_REF_NO, "email": "a@example.com", "groups": ["both"]})).await;
    assert_eq!(groups_of(&sandbox, &by_cu_ref_no(CU_REF_NO)), ["both", "one"]);
    assert_eq!(groups_of(&sandbox, &by_cu_ref_no(OTHER_CU_REF_NO)), ["other"]);
    assert_eq!(groups_of(&sandbox, &by_email("a@example.com")), ["mail"]);
}

#[tokio::test]
async fn a_customer_known_by_e_mail_takes_the_first_cu_ref_no_it_is_named_by() {
    let sandbox = sandbox(json!({}));
    add(&sandbox, &json!({"email": "a@example.com", "groups": ["mail"]})).await;
    add(&sandbox, &json!({"cuRefNo": CU_REF_NO, "email": "A@example.com", "groups": ["both"]})).await;
    assert_eq!(groups_of(&sandbox, &by_cu_ref_no(CU_REF_NO)), ["both", "mail"]);
    add(&sandbox, &json!({"cuRefNo": OTHER_CU_REF_NO, "email": "a@example.com", "groups": ["second"]})).await;
    let customers = serde_json::to_value(sandbox.customers()).unwrap();
    assert_eq!(
        customers,
        json!([
            {"email": "a@example.com", "cuRefNo": CU_REF_NO, "groups": ["both", "mail"]},
            {"email": null, "cuRefNo": OTHER_CU_REF_NO, "groups": ["second"]},
        ])
    );
}

#[tokio::test]
async fn what_is_not_valid_is_refused_and_changes_nothing() {
    let sandbox = sandbox(json!({}));
    let bodies = [
        json!({"groups": ["vip"]}),
        json!({"email": "", "groups": ["vip"]}),
        json!({"email": "jan.barasek.com", "groups": ["vip"]}),
        json!({"email": "jan@barasek.com\nx", "groups": ["vip"]}),
        json!({"email": format!("{}@barasek.com", "j".repeat(400)), "groups": ["vip"]}),
        json!({"email": 5, "groups": ["vip"]}),
        json!({"cuRefNo": "1cGIHvFoQDGLAbc", "groups": ["vip"]}),
        json!({"cuRefNo": "1cGIHvFoQDGL-bcA", "groups": ["vip"]}),
        json!({"cuRefNo": "short", "email": "jan@barasek.com", "groups": ["vip"]}),
        json!({"email": "jan@barasek.com"}),
        json!({"email": "jan@barasek.com", "groups": []}),
        json!({"email": "jan@barasek.com", "groups": "vip"}),
        json!({"email": "jan@barasek.com", "groups": ["vip", ""]}),
        json!({"email": "jan@barasek.com", "groups": ["vip", "🦀🦀"]}),
        json!({"email": "jan@barasek.com", "groups": ["vip", null]}),
        json!(["jan@barasek.com"]),
        Value::Null,
    ];
    for body in &bodies {
        assert_invalid(&add(&sandbox, body).await);
    }
    let path = format!("{ADD_GROUPS}?apiKey={}", sandbox.api_key());
    for body in ["", "{", "email=jan@barasek.com"] {
        assert_invalid(&send(&http(), &sandbox, Method::POST, &path, &[], body).await.unwrap());
    }
    assert_eq!((sandbox.customers().len(), sandbox.groups().len()), (0, 0));
    assert_eq!(sandbox.request_count(), 20);
}

#[tokio::test]
async fn a_validator_that_quotes_the_body_does_not_quote_a_key() {
    let sandbox = sandbox(json!({}));
    let reply = add(&sandbox, &json!({"email": "jan@barasek.com", "groups": sandbox.api_key()})).await;
    assert_invalid(&reply);
    assert!(!reply.body.contains(&sandbox.api_key()[4..]), "{reply:?}");
}

#[tokio::test]
async fn ten_thousand_groups_on_one_customer_are_accepted() {
    let sandbox = sandbox(json!({}));
    let groups: Vec<String> =
        (0..10_000).map(|number| format!("a rather long name for group number {number}")).collect();
    assert_eq!(add(&sandbox, &json!({"email": "jan@barasek.com", "groups": groups})).await.status, 200);
    assert_eq!(sandbox.groups_of(&by_email("jan@barasek.com")).len(), 10_000);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let sandbox = sandbox(json!({}));
    let long = "x".repeat(17 * 1024 * 1024);
    // The server answers without reading on, so that the client may see the answer or the closed connection.
    if let Ok(reply) = try_add(&http(), &sandbox, &json!({"email": "jan@barasek.com", "groups": [long]})).await {
        assert_eq!((reply.status, reply.code().as_str()), (413, "SANDBOX_BODY_UNREADABLE"));
    }
    assert_eq!(sandbox.requests()[0].status, Some(413));
    assert_eq!(sandbox.customers(), []);
}

#[tokio::test]
async fn only_seeded_customers_exist_where_the_policy_says_so() {
    for (status, expected) in [(json!({}), 404), (json!({"missingCustomerStatus": 500}), 500)] {
        let mut options = json!({
            "customerPolicy": "onlySeeded",
            "customers": [{"email": "Jan@Barasek.com", "cuRefNo": CU_REF_NO, "groups": ["From Start"]}],
        });
        options.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        let sandbox = sandbox(options);
        assert_eq!(add(&sandbox, &vip()).await.status, 200);
        assert_eq!(add(&sandbox, &json!({"cuRefNo": CU_REF_NO, "groups": ["more"]})).await.status, 200);
        assert_eq!(groups_of(&sandbox, &by_cu_ref_no(CU_REF_NO)), ["from-start", "more", "vip"]);

        let unknown = add(&sandbox, &json!({"email": "eva@barasek.com", "groups": ["never"]})).await;
        assert_eq!((unknown.status, unknown.code().as_str()), (expected, "INTERNAL_RESOURCE_NOT_FOUND"));
        let wrong = json!({"cuRefNo": OTHER_CU_REF_NO, "email": "jan@barasek.com", "groups": ["never"]});
        let wrong = add(&sandbox, &wrong).await;
        assert_eq!((wrong.status, wrong.code().as_str()), (404, "PUBLIC_CUSTOMER_DETAIL_NOT_PERMITTED"));
        assert_eq!((sandbox.customers().len(), sandbox.groups().len()), (1, 3));
    }
}

#[tokio::test]
async fn the_status_of_a_failed_validation_is_an_option() {
    let sandbox = sandbox(json!({"validationStatus": 422}));
    let reply = add(&sandbox, &json!({"groups": ["vip"]})).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "INTERNAL_VALIDATION_FAILED"));
}

#[tokio::test]
async fn pings_answer_on_both_paths_and_change_nothing() {
    let sandbox = sandbox(json!({}));
    for path in ["/ping/v1", "/api/v1/ping/v1"] {
        let path = format!("{path}?apiKey={}", sandbox.api_key());
        let reply = send(&http(), &sandbox, Method::GET, &path, &[], "").await.unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"success":true}"#));
    }
    assert_eq!(sandbox.customers(), []);
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_json() {
    let sandbox = sandbox(json!({}));
    let key = sandbox.api_key();
    let unknown =
        send(&http(), &sandbox, Method::POST, &format!("/api/v2/{key}?apiKey={key}"), &[], "{}").await.unwrap();
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "SANDBOX_PATH_NOT_FOUND"));
    assert!(!unknown.body.contains(&key[4..]));
    assert_eq!(sandbox.requests()[0].path, "/api/v2/[API key]");

    for (method, path, allowed) in [(Method::GET, ADD_GROUPS, "POST"), (Method::POST, "/ping/v1", "GET")] {
        let reply = send(&http(), &sandbox, method, &format!("{path}?apiKey={key}"), &[], "").await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (405, "SANDBOX_METHOD_NOT_ALLOWED"));
        assert_eq!(reply.header("allow"), Some(allowed));
    }
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_and_connections_are_kept() {
    let sandbox = sandbox(json!({}));
    for client in [http(), http2()] {
        for _ in 0..2 {
            assert_eq!(try_add(&client, &sandbox, &vip()).await.unwrap().status, 200);
        }
    }
    let seen: Vec<_> =
        sandbox.requests().into_iter().map(|request| (request.connection, request.http_version.into_owned())).collect();
    let expected = [(1, "HTTP/1.1"), (1, "HTTP/1.1"), (2, "HTTP/2.0"), (2, "HTTP/2.0")];
    assert_eq!(seen, expected.map(|(connection, version)| (connection, version.to_owned())));
}

#[tokio::test]
async fn an_operator_takes_groups_away_by_hand() {
    let sandbox = sandbox(json!({}));
    let both = json!({"email": "a@example.com", "groups": ["VIP", "New"]});
    add(&sandbox, &both).await;
    assert!(sandbox.take_group(&by_email("a@example.com"), "vip"));
    assert!(!sandbox.take_group(&by_email("a@example.com"), "vip"));
    assert!(!sandbox.take_group(&by_email("b@example.com"), "new"));
    assert_eq!(groups_of(&sandbox, &by_email("a@example.com")), ["new"]);

    assert!(sandbox.delete_group("vip"));
    assert!(!sandbox.delete_group("vip"));
    assert_eq!(sandbox.groups().len(), 1);
    add(&sandbox, &json!({"email": "a@example.com", "groups": ["vip"]})).await;
    let vip = serde_json::to_value(&sandbox.groups()[0]).unwrap();
    assert_eq!(vip, json!({"slug": "vip", "name": "vip", "customers": 1, "timesCreated": 2}));
    assert_eq!(ping(&sandbox, sandbox.api_key()).await.status, 200);
}
