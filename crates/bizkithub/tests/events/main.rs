//! What a client tells while it works: to listeners, and to a collector of OpenTelemetry.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[cfg(feature = "otlp")]
mod otlp;
#[path = "../support/mod.rs"]
mod support;

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bizkithub::event::{Event, EventLevel};
use bizkithub::job::{Plan, PlanBuilder, PlanOptions, Row, RowGroups, RunOptions};
use bizkithub::{Client, Customer, Pace, TransportError, TransportErrorKind, parse_groups};
use support::{World, refusal, throttled, yes};

/// A plan of as many customers, and a refused row at the end.
fn plan_of(customers: usize) -> Plan {
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    let emails = (0..customers).map(|number| format!("user{number}@example.com"));
    for email in emails.chain(["nobody".to_owned()]) {
        builder.push(&Row {
            email: Some(Cow::Owned(email)),
            cu_ref_no: None,
            groups: RowGroups::Text(Cow::Borrowed("vip")),
        });
    }
    builder.finish()
}

fn fast() -> RunOptions {
    let mut options = RunOptions::default();
    options.pace = Pace::Fast;
    options
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Event>>>);

impl Told {
    fn listen(&self, client: &Client, least: EventLevel) -> Client {
        let told = Arc::clone(&self.0);
        client.listening(least, Arc::new(move |event: &Event| told.lock().expect("no panic").push(event.clone())))
    }

    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.data.name()).collect()
}

#[tokio::test(start_paused = true)]
async fn listeners_are_told_the_course_of_a_run() {
    let told = Told::default();
    let world = World::new(|number, _| match number {
        10 => Ok(throttled(600)),
        20 => Err(TransportError::new(TransportErrorKind::Connect, "refused")),
        _ => Ok(yes()),
    });
    plan_of(30).run(&told.listen(&world.client(), EventLevel::Debug), fast()).await;
    let events = told.take();
    let requests = events.iter().filter(|event| event.data.name() == "request").count();
    assert_eq!((requests, world.requests()), (32, 32));
    let course: Vec<_> = events.iter().filter(|event| event.data.name() != "request").collect();
    let expected = [
        (EventLevel::Info, "sending 30 requests for 31 rows of 30 customers; the ledger knows 0 rows, 1 are rejected"),
        (EventLevel::Info, "the quota is used up: waiting until "),
        (EventLevel::Debug, "a request is sent again in "),
        (EventLevel::Warning, "32 requests in 60"),
    ];
    assert_eq!(course.len(), expected.len(), "{course:#?}");
    for (event, (level, begin)) in course.iter().zip(expected) {
        assert_eq!(event.data.level(), level);
        assert!(event.data.to_string().starts_with(begin), "{}", event.data);
        assert!(event.run.is_some() && event.run == course[0].run);
    }
    let end = course[3].data.to_string();
    assert!(end.contains("30 rows applied, 0 skipped, 1 rejected (1 email_invalid)"), "{end}");
}

#[tokio::test(start_paused = true)]
async fn listeners_are_told_from_their_level_on() {
    let told = Told::default();
    let world = World::new(|_, _| Ok(refusal(404, "PUBLIC_API_KEY_HAS_BEEN_DELETED")));
    plan_of(30).run(&told.listen(&world.client(), EventLevel::Warning), fast()).await;
    let events = told.take();
    assert_eq!(names(&events), ["run.stopping", "run.ended"]);
    assert_eq!(events[0].data.level(), EventLevel::Error);
}

#[tokio::test(start_paused = true)]
async fn runs_are_told_apart() {
    let told = Told::default();
    let client = told.listen(&World::new(|_, _| Ok(yes())).client(), EventLevel::Info);
    plan_of(1).run(&client, fast()).await;
    plan_of(1).run(&client, fast()).await;
    let runs: Vec<_> = told.take().into_iter().filter_map(|event| event.run).collect();
    assert!(runs[0] == runs[1] && runs[1] < runs[2] && runs[2] == runs[3], "{runs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_tells_each_of_its_requests() {
    let told = Told::default();
    let world = World::slow(|number, _| {
        let mut answer = if number == 0 { refusal(503, "OUT_OF_ORDER") } else { yes() };
        answer.headers.push(("x-request-id".to_owned(), format!("request-{number}")));
        answer.headers.push(("x-ratelimit-limit".to_owned(), "100".to_owned()));
        answer.headers.push(("x-ratelimit-remaining".to_owned(), "99".to_owned()));
        (Duration::from_millis(250), Ok(answer))
    });
    let client = told.listen(&world.client(), EventLevel::Debug);
    let jan = Customer::parse(Some("jan@barasek.com"), None).expect("a customer");
    let receipt = client.add_groups(&jan, &parse_groups(["vip"]).expect("groups")).await.expect("a yes");
    assert_eq!((receipt.attempts, receipt.request_id.as_deref()), (2, Some("request-1")));
    let events = told.take();
    assert_eq!(names(&events), ["request", "request.retried", "request"]);
    let shapes: Vec<_> = events.iter().map(|event| serde_json::to_value(event).expect("JSON")).collect();
    assert_eq!(
        shapes[0]["fields"],
        serde_json::json!({
            "method": "POST", "route": "/api/v1/customer/add-groups", "attempt": 1, "status": 503,
            "errorType": "OUT_OF_ORDER", "requestId": "request-0", "remaining": 99, "seconds": 0.25,
        })
    );
    assert_eq!(shapes[2]["fields"]["attempt"], 2);
    assert_eq!(shapes[2]["fields"]["errorType"], serde_json::Value::Null);
    assert_eq!(shapes[1]["level"], "debug");
    assert_eq!(shapes[2]["message"], "POST /api/v1/customer/add-groups: 250.0 ms, HTTP 200");
    assert_eq!(shapes[2]["run"], serde_json::Value::Null);
}
