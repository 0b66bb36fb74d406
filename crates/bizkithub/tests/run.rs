//! Rows to a report, against a scripted server and a simulated clock.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bizkithub::job::{
    Batch, Cancel, CustomerKey, EarlierAnswers, Entry, Forget, GroupKey, KnownGroup, Ledger, LedgerSecret,
    LedgerSummary, MemoryLedger, OnQuota, Outcome, Plan, PlanBuilder, PlanOptions, Progress, QuotaChange, Report, Row,
    RowGroups, RunOptions,
};
use bizkithub::{
    BoxFuture, Client, Customer, Error, Pace, Timestamp, TransportError, TransportErrorKind, parse_groups,
};
use futures_util::FutureExt as _;
use support::{World, answer, refusal, throttled, yes};

fn row<'a>(email: &'a str, groups: &'a str) -> Row<'a> {
    Row { email: Some(Cow::Borrowed(email)), cu_ref_no: None, groups: RowGroups::Text(Cow::Borrowed(groups)) }
}

/// A ledger that knows the group "vip", so that no request has to introduce it.
fn with_vip() -> Arc<MemoryLedger> {
    let ledger = MemoryLedger::default();
    let key = ledger.secret().group("vip");
    let groups = vec![KnownGroup { key, slug: "vip".to_owned(), text: "vip".to_owned(), at: 0 }];
    let recorded = ledger.record(Batch { entries: Vec::new(), groups }).now_or_never();
    recorded.expect("memory does not wait").expect("memory takes it");
    Arc::new(ledger)
}

fn finish(builder: PlanBuilder, ledger: Arc<dyn Ledger>) -> Plan {
    let plan = builder.finish_with(ledger, Timestamp::UNIX_EPOCH).now_or_never();
    plan.expect("memory does not wait").expect("a plan")
}

/// A plan of as many customers, one row each, and a refused row at the end.
fn plan_of(customers: usize) -> Plan {
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    for number in 0..customers {
        builder.push(&row(&format!("user{number}@example.com"), "vip"));
    }
    builder.push(&row("nobody", "vip"));
    finish(builder, with_vip())
}

fn outcomes(report: &Report) -> Vec<&'static str> {
    report.outcomes().map(|row| row.outcome.as_str()).collect()
}

fn assert_accounted(report: &Report) {
    let mut counted = [0; Outcome::ALL.len()];
    for (row, number) in report.outcomes().zip(1..) {
        assert_eq!(row.row, number);
        counted[row.outcome as usize] += 1;
    }
    let counts = report.counts();
    assert_eq!(counted, [counts.applied, counts.skipped, counts.rejected, counts.pending, counts.unknown]);
    assert_eq!(counts.total(), report.plan().bill().rows);
}

#[tokio::test(start_paused = true)]
async fn the_rows_of_a_customer_become_one_request() {
    let world = World::new(|_, _| Ok(yes()));
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    for (email, groups) in
        [("jan@barasek.com", "VIP; news"), ("eva@example.com", "news"), (" Jan@Barasek.com ", "vip|Wholesale")]
    {
        builder.push(&row(email, groups));
    }
    let report = builder.finish().run(&world.client(), RunOptions::default()).await;
    assert_eq!(
        world.bodies(),
        [
            serde_json::json!({"email": "jan@barasek.com", "groups": ["VIP", "news", "Wholesale"]}),
            serde_json::json!({"email": "eva@example.com", "groups": ["news"]}),
        ]
    );
    assert_eq!(outcomes(&report), ["applied", "applied", "applied"]);
    assert!(report.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_second_run_sends_only_what_was_not_acknowledged() {
    let world =
        World::new(|number, _| if number == 1 { Ok(refusal(404, "INTERNAL_RESOURCE_NOT_FOUND")) } else { Ok(yes()) });
    let (plan, client) = (plan_of(3), world.client());
    let first = plan.run(&client, RunOptions::default()).await;
    assert_eq!(outcomes(&first), ["applied", "rejected", "applied", "rejected"]);
    let second = plan.run(&client, RunOptions::default()).await;
    assert_eq!(outcomes(&second), ["skipped", "rejected", "skipped", "rejected"]);
    assert_eq!((world.requests(), second.requests_sent()), (3, 0));
    let refused = second.outcome(2).and_then(|row| row.error).expect("the earlier refusal");
    assert_eq!(refused.code(), Some("INTERNAL_RESOURCE_NOT_FOUND"));
    assert!(refused.message().starts_with("refused earlier, at 2026-"), "{refused}");
    assert_accounted(&second);
}

#[tokio::test(start_paused = true)]
async fn a_new_group_is_introduced_by_one_request_and_other_groups_do_not_wait() {
    let world = World::slow(|_, _| (Duration::from_secs(1), Ok(yes())));
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    for number in 0..20 {
        builder.push(&row(&format!("user{number}@example.com"), "new"));
    }
    builder.push(&row("last@example.com", "vip"));
    let (plan, started) = (finish(builder, with_vip()), tokio::time::Instant::now());
    let client = world.client();
    let (report, first) = tokio::join!(plan.run(&client, RunOptions::default()), async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        world.bodies()
    });
    assert_eq!(first.len(), 2, "one that introduces, and one of a known group");
    assert_eq!(first[1]["email"], "last@example.com");
    assert_eq!((report.counts().applied, started.elapsed()), (21, Duration::from_secs(3)));
}

#[tokio::test(start_paused = true)]
async fn when_the_introduction_is_refused_the_next_customer_introduces() {
    let world =
        World::new(|number, _| Ok(if number < 3 { refusal(404, "INTERNAL_RESOURCE_NOT_FOUND") } else { yes() }));
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    for number in 0..40 {
        builder.push(&row(&format!("user{number}@example.com"), "new"));
    }
    let report = builder.finish().run(&world.client(), RunOptions::default()).await;
    assert_eq!((report.counts().applied, report.counts().rejected, world.requests()), (37, 3, 40));
}

#[tokio::test(start_paused = true)]
async fn rows_are_accounted_by_their_own_groups() {
    let world = World::new(|_, request| {
        let is_refused = String::from_utf8_lossy(request.body()).contains("never");
        Ok(if is_refused { refusal(400, "INTERNAL_VALIDATION_FAILED") } else { yes() })
    });
    let (client, ledger) = (world.client(), with_vip());
    let plan = |rows: &[(&str, &str)]| {
        let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
        rows.iter().for_each(|(email, groups)| builder.push(&row(email, groups)));
        finish(builder, ledger.clone())
    };
    plan(&[("a@example.com", "vip")]).run(&client, RunOptions::default()).await;
    plan(&[("a@example.com", "never")]).run(&client, RunOptions::default()).await;
    let rows =
        [("a@example.com", "vip"), ("A@example.com", "vip;yoga"), ("a@example.com", "never"), ("b@example.com", "vip")];
    let next = plan(&rows);
    let bill = next.bill();
    assert_eq!((bill.requests, bill.assignments, bill.skipped, bill.rejected), (2, 2, 1, 1));
    assert_eq!(bill.rejected_by_code.get("INTERNAL_VALIDATION_FAILED"), Some(&1));
    let report = next.run(&client, RunOptions::default()).await;
    assert_eq!(outcomes(&report), ["skipped", "applied", "rejected", "applied"]);
    assert_eq!(world.bodies()[2], serde_json::json!({"email": "a@example.com", "groups": ["yoga"]}));
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn earlier_answers_count_as_long_as_the_caller_says() {
    let begin = tokio::time::Instant::now();
    let world =
        World::new(|number, _| Ok(if number == 1 { refusal(404, "INTERNAL_RESOURCE_NOT_FOUND") } else { yes() }));
    let (client, ledger) = (world.client(), with_vip());
    let plan = async |earlier: EarlierAnswers| {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let mut builder = PlanBuilder::new(&PlanOptions { earlier, ..PlanOptions::default() }).expect("no options");
        builder.push(&row("a@example.com", "vip"));
        builder.push(&row("b@example.com", "vip"));
        let now = Timestamp::from_second(support::PausedClock::START).expect("a moment") + begin.elapsed();
        builder.finish_with(ledger.clone(), now).await.expect("a plan")
    };
    let none = EarlierAnswers::default();
    let report = plan(none).await.run(&client, RunOptions::default()).await;
    assert_eq!(outcomes(&report), ["applied", "rejected"]);
    let requests = async |earlier| plan(earlier).await.bill().requests;
    assert_eq!(requests(none).await, 0);
    assert_eq!(requests(EarlierAnswers { retry_rejected: true, ..none }).await, 1);
    assert_eq!(requests(EarlierAnswers { resend: true, ..none }).await, 1);
    let age = |hours| EarlierAnswers { resend_after: Some(Duration::from_hours(hours)), ..none };
    assert_eq!((requests(age(100)).await, requests(age(2)).await), (0, 1));
    // What a plan sends again, it does not send once more.
    let plan = plan(EarlierAnswers { resend: true, retry_rejected: true, ..none }).await;
    let report = plan.run(&client, RunOptions::default()).await;
    assert_eq!(outcomes(&report), ["applied", "applied"]);
    assert_eq!(plan.run(&client, RunOptions::default()).await.counts().skipped, 2);
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_one_client_and_a_call_do_not_wait_for_ever_for_one_another() {
    let world = World::slow(|_, _| (Duration::from_secs(1), Ok(yes())));
    // Nothing is known of the quota, so that the first answer of any of them is waited for by all.
    let client = world.connect(Client::builder());
    let (one, other) = (plan_of(20), plan_of(20));
    let customer = Customer::parse(Some("single@example.com"), None).expect("valid");
    let groups = parse_groups(["vip"]).expect("valid");
    let all = async {
        tokio::join!(
            one.run(&client, RunOptions::default()),
            other.run(&client, RunOptions::default()),
            client.add_groups(&customer, &groups)
        )
    };
    let (one, other, call) = tokio::time::timeout(Duration::from_secs(60), all).await.expect("they end");
    assert_eq!((one.counts().applied, other.counts().applied, call.is_ok()), (20, 20, true));
}

#[tokio::test(start_paused = true)]
async fn a_refused_group_does_not_keep_the_others_of_its_row_from_being_sent() {
    let world = World::new(|_, request| {
        let is_refused = String::from_utf8_lossy(request.body()).contains("never");
        Ok(if is_refused { refusal(400, "INTERNAL_VALIDATION_FAILED") } else { yes() })
    });
    let (client, ledger) = (world.client(), with_vip());
    let run = async |groups: &str| {
        let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
        builder.push(&row("a@example.com", groups));
        let plan = finish(builder, ledger.clone());
        (plan.bill().requests, plan.run(&client, RunOptions::default()).await)
    };
    run("never").await;
    let (requests, report) = run("never;vip").await;
    assert_eq!((requests, report.requests_sent(), outcomes(&report)), (1, 1, vec!["rejected"]));
    assert_eq!(world.bodies()[1], serde_json::json!({"email": "a@example.com", "groups": ["vip"]}));
    assert_eq!(run("vip").await.1.counts().skipped, 1);
}

#[tokio::test(start_paused = true)]
async fn a_leg_ends_in_time_and_says_so() {
    let world = World::slow(|_, _| (Duration::from_secs(1), Ok(yes())));
    let mut options = RunOptions::default();
    options.burst = Some(Duration::from_millis(2_500));
    let client = world.client();
    let report = plan_of(100).run(&client, options).await;
    assert_eq!((report.counts().applied, report.counts().pending, report.counts().unknown), (48, 52, 0));
    assert!(report.resume_at().is_some() && !report.is_cancelled());
    assert_eq!(report.duration(), Duration::from_secs(3));

    let mut options = RunOptions::default();
    options.deadline = Some(Duration::from_millis(2_500));
    let report = plan_of(100).run(&client, options.clone()).await;
    assert_eq!((report.counts().applied, report.counts().unknown), (32, 16));
    assert!(report.resume_at().is_some() && !report.is_cancelled());
    assert_eq!(report.duration(), Duration::from_millis(2_575));

    // A wait that ends after the deadline is not begun.
    let world = World::new(|number, _| Ok(if number == 10 { throttled(600) } else { yes() }));
    let report = plan_of(100).run(&world.client(), options).await;
    assert_eq!(report.duration(), Duration::ZERO);
    let resume_at = report.resume_at().map(Timestamp::as_second);
    assert_eq!(resume_at, Some(support::PausedClock::START + 600));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_stops_the_run_within_the_requests_under_way() {
    let world =
        World::new(|number, _| Ok(if number < 20 { yes() } else { refusal(404, "PUBLIC_API_KEY_HAS_BEEN_DELETED") }));
    let report = plan_of(1_000).run(&world.client(), RunOptions::default()).await;
    assert_eq!(report.stopped_by().and_then(Error::code), Some("PUBLIC_API_KEY_HAS_BEEN_DELETED"));
    assert_eq!(report.counts().applied, 20);
    assert!(world.requests() <= 20 + 16, "{} requests", world.requests());
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_is_waited_for_without_losing_a_row() {
    let world = World::new(|number, _| Ok(if number % 50 == 49 { throttled(3600) } else { yes() }));
    let mut options = RunOptions::default();
    options.pace = Pace::Fast;
    let report = plan_of(200).run(&world.client(), options).await;
    assert_eq!((report.counts().applied, report.counts().rejected), (200, 1));
    assert_eq!((report.throttled(), report.retries()), (4, 0));
    assert_eq!(report.duration(), Duration::from_secs(4 * 3600));
    assert_eq!(report.resume_at(), None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_no_wait_is_not_asked_without_a_pause() {
    let world = World::new(|number, _| Ok(if number < 100 { throttled(0) } else { yes() }));
    let mut options = RunOptions::default();
    options.concurrency = NonZeroUsize::MIN;
    let report = plan_of(1).run(&world.client(), options).await;
    assert_eq!((report.counts().applied, report.throttled()), (1, 100));
    assert!(report.duration() > Duration::from_secs(100), "{:?}", report.duration());
}

#[tokio::test(start_paused = true)]
async fn a_used_up_quota_can_end_the_run_with_the_moment_to_resume() {
    let world = World::new(|number, _| Ok(if number < 50 { yes() } else { throttled(600) }));
    let (plan, client) = (plan_of(200), world.client());
    let mut options = RunOptions::default();
    options.on_quota = OnQuota::Stop;
    let report = plan.run(&client, options).await;
    assert_eq!((report.counts().applied, report.counts().pending), (50, 150));
    assert_eq!(report.resume_at().map(Timestamp::as_second), Some(support::PausedClock::START + 600));
    assert!(report.stopped_by().is_none(), "waiting for quota is not failing");
    let advice = report.advice().expect("rows are left");
    assert!(advice.starts_with("150 rows are not settled: run the plan again from "), "{advice}");
    assert!(advice.contains("only this plan remembers the 50 rows that were applied"), "{advice}");
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_tells_no_moment_is_resumed_when_its_window_is_over() {
    let world = World::new(|_, _| Ok(refusal(429, "INTERNAL_TOO_MANY_REQUESTS")));
    let mut options = RunOptions::default();
    options.on_quota = OnQuota::Stop;
    let report = plan_of(10).run(&world.connect(Client::builder()), options).await;
    // The clock begins at forty seconds past a minute.
    assert_eq!(report.resume_at().map(Timestamp::as_second), Some(support::PausedClock::START + 20));
    assert_eq!((world.requests(), report.counts().pending), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_ends_while_it_waits_is_resumed_after_the_wait() {
    let world = World::new(|number, _| Ok(if number == 0 { throttled(600) } else { yes() }));
    let mut options = RunOptions::default();
    options.burst = Some(Duration::from_secs(10));
    let report = plan_of(10).run(&world.client(), options).await;
    assert_eq!(report.duration(), Duration::from_secs(10));
    assert_eq!(report.resume_at().map(Timestamp::as_second), Some(support::PausedClock::START + 600));
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_as_long_as_the_host_can_bear() {
    let world = World::new(|number, _| match number {
        50 => Ok(throttled(60)),
        100 => Ok(throttled(61)),
        _ => Ok(yes()),
    });
    let (plan, client) = (plan_of(200), world.client());
    let mut options = RunOptions::default();
    options.pace = Pace::Fast;
    options.longest_wait = Some(Duration::from_secs(60));
    let report = plan.run(&client, options).await;
    assert_eq!((report.duration(), report.throttled()), (Duration::from_secs(60), 2));
    assert_eq!(report.resume_at().map(Timestamp::as_second), Some(support::PausedClock::START + 60 + 61));
    assert!(report.counts().applied >= 99 && report.counts().pending > 0, "{:?}", report.counts());
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_says_what_is_unknown_and_what_is_pending() {
    let world = World::slow(|number, _| (Duration::from_secs(if number < 10 { 1 } else { 3600 }), Ok(yes())));
    let mut options = RunOptions::default();
    options.cancel = Cancel::new();
    let cancel = options.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        cancel.cancel();
    });
    let report = plan_of(100).run(&world.client(), options).await;
    assert!(report.is_cancelled());
    let counts = report.counts();
    assert_eq!((counts.applied, counts.unknown, counts.pending), (10, 16, 74));
    assert_eq!(report.requests_sent(), world.requests() as u64);
    assert_eq!(report.duration(), Duration::from_millis(2_075));
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_before_it_begins_sends_nothing() {
    let world = World::new(|_, _| Ok(yes()));
    let options = RunOptions::default();
    options.cancel.cancel();
    let report = plan_of(100).run(&world.client(), options).await;
    assert!(report.is_cancelled());
    assert_eq!((world.requests(), report.counts().pending), (0, 100));
}

#[tokio::test(start_paused = true)]
async fn lost_answers_are_unknown_and_refused_connections_pending() {
    let world = World::new(|_, request| {
        let is_lost = String::from_utf8_lossy(request.body()).contains("user0@");
        let kind = if is_lost { TransportErrorKind::Interrupted } else { TransportErrorKind::Connect };
        Err(TransportError::new(kind, "as scripted"))
    });
    let report = plan_of(2).run(&world.client(), RunOptions::default()).await;
    assert_eq!(outcomes(&report), ["unknown", "pending", "rejected"]);
    assert_eq!((report.requests_sent(), report.retries()), (6, 4));
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn a_stop_for_quota_waits_for_the_answers_under_way() {
    let world = World::slow(|number, _| {
        let latency = if number == 0 { Duration::ZERO } else { Duration::from_secs(5) };
        (latency, Ok(if number == 0 { throttled(600) } else { yes() }))
    });
    let mut options = RunOptions::default();
    options.on_quota = OnQuota::Stop;
    let report = plan_of(100).run(&world.client(), options).await;
    assert_eq!((report.counts().applied, report.counts().unknown, report.counts().pending), (15, 0, 85));
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn a_later_and_shorter_wait_does_not_shorten_the_pause() {
    let world = World::slow(|number, _| match number {
        0 => (Duration::ZERO, Ok(throttled(600))),
        1 => (Duration::from_secs(1), Ok(throttled(1))),
        _ => (Duration::ZERO, Ok(yes())),
    });
    let report = plan_of(100).run(&world.client(), RunOptions::default()).await;
    assert_eq!((report.counts().applied, report.duration()), (100, Duration::from_secs(600)));
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_server_that_asks_for_an_hour_pauses_the_run_or_ends_it() {
    let overloaded = || {
        let mut response = support::answer(503, "{}");
        response.headers.push(("retry-after".to_owned(), "3600".to_owned()));
        response
    };
    let world = World::new(move |number, _| Ok(if number == 10 { overloaded() } else { yes() }));
    let report = plan_of(100).run(&world.client(), RunOptions::default()).await;
    assert_eq!((report.counts().applied, report.retries()), (100, 1));
    assert_eq!(report.duration(), Duration::from_secs(3600));

    let mut options = RunOptions::default();
    options.on_quota = OnQuota::Stop;
    let world = World::new(move |number, _| Ok(if number == 10 { overloaded() } else { yes() }));
    let report = plan_of(100).run(&world.client(), options).await;
    assert_eq!(report.resume_at().map(Timestamp::as_second), Some(support::PausedClock::START + 3600));
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn a_run_cancelled_between_two_tries_keeps_the_last_error() {
    let world = World::new(|_, _| Err(TransportError::new(TransportErrorKind::Connect, "refused")));
    let mut options = RunOptions::default();
    options.cancel = Cancel::new();
    options.concurrency = NonZeroUsize::MIN;
    let (cancel, sent) = (options.cancel.clone(), world.clone());
    tokio::spawn(async move {
        while sent.requests() == 0 {
            tokio::time::sleep(Duration::from_micros(1)).await;
        }
        cancel.cancel();
    });
    let report = plan_of(1).run(&world.client(), options).await;
    let row = report.outcomes().next().expect("a row");
    assert_eq!((row.outcome, row.error.as_ref().and_then(Error::code)), (Outcome::Pending, Some("connect_failed")));
    assert_eq!((report.requests_sent(), world.requests()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_flag_stops_two_runs() {
    let world = World::slow(|_, _| (Duration::from_secs(3600), Ok(yes())));
    let options = RunOptions::default();
    let (plan, client) = (plan_of(1), world.client());
    let cancel = options.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cancel.cancel();
    });
    let started = tokio::time::Instant::now();
    let (first, second) = tokio::join!(plan.run(&client, options.clone()), plan.run(&client, options));
    assert!(first.is_cancelled() && second.is_cancelled());
    assert_eq!(started.elapsed(), Duration::from_millis(1_075));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_first_requests_all_fail_alike_stops_and_says_so() {
    let world = World::new(|_, _| Ok(refusal(422, "SOMETHING_NEW")));
    let report = plan_of(1_000).run(&world.client(), RunOptions::default()).await;
    let stop = report.stopped_by().expect("the breaker");
    assert_eq!(stop.code(), Some("SOMETHING_NEW"));
    assert!(stop.message().starts_with("the first 50 requests all failed alike: "), "{stop}");
    assert!(world.requests() <= 50 + 16, "{} requests", world.requests());
    assert_accounted(&report);

    let mut options = RunOptions::default();
    options.breaker = None;
    let report = plan_of(1_000).run(&world.client(), options).await;
    assert_eq!((report.counts().rejected, report.stopped_by().is_none()), (1_001, true));
}

#[tokio::test(start_paused = true)]
async fn a_success_or_another_failure_disarms_the_breaker() {
    let with_success = World::new(|number, _| Ok(if number == 49 { yes() } else { refusal(422, "SOMETHING_NEW") }));
    let with_another = World::new(|number, _| Ok(refusal(422, if number == 49 { "ANOTHER" } else { "SOMETHING_NEW" })));
    for world in [with_success, with_another] {
        let report = plan_of(200).run(&world.client(), RunOptions::default()).await;
        assert!(report.stopped_by().is_none());
        assert_eq!(world.requests(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_for_with_a_request_a_second_and_costs_no_row() {
    let fails_for = |time: Duration| {
        let started = tokio::time::Instant::now();
        World::slow(move |number, _| {
            let is_out = number >= 100 && started.elapsed() < time;
            (Duration::from_millis(10), Ok(if is_out { answer(503, "{}") } else { yes() }))
        })
    };
    let world = fails_for(Duration::from_secs(60));
    let report = plan_of(1_000).run(&world.client(), RunOptions::default()).await;
    assert_eq!((report.counts().applied, report.stopped_by().is_none()), (1_000, true));
    assert_accounted(&report);
    assert!(world.requests() <= 1_000 + 36 + 60, "{} requests", world.requests());

    let world = fails_for(Duration::from_secs(3_600));
    let report = plan_of(1_000).run(&world.client(), RunOptions::default()).await;
    let stop = report.stopped_by().expect("ten minutes are enough");
    assert!(stop.message().starts_with("the server has failed for 10 minutes: "), "{stop}");
    assert_eq!(report.counts().applied, 100);
    assert!((590..620).contains(&report.duration().as_secs()), "{:?}", report.duration());
    assert!(world.requests() <= 100 + 36 + 600, "{} requests", world.requests());
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn customers_that_the_server_always_fails_at_do_not_end_the_run() {
    let poisoned: Vec<_> = (300..340).map(|number| format!("user{number}@")).collect();
    let world = World::slow(move |_, request| {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let is_poisoned = poisoned.iter().any(|start| body.contains(start));
        (Duration::from_millis(10), Ok(if is_poisoned { answer(500, "{}") } else { yes() }))
    });
    let report = plan_of(1_000).run(&world.client(), RunOptions::default()).await;
    assert_eq!((report.counts().applied, report.counts().pending), (960, 40));
    assert!(report.stopped_by().is_none() && report.duration() < Duration::from_secs(120), "{:?}", report.duration());
    assert_accounted(&report);
}

/// A ledger on a full disk.
struct FullDisk(MemoryLedger);

impl Ledger for FullDisk {
    fn secret(&self) -> &LedgerSecret {
        self.0.secret()
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn known_groups(&self) -> BoxFuture<'_, Result<Vec<KnownGroup>, Error>> {
        self.0.known_groups()
    }

    fn look_up<'a>(&'a self, customers: &'a [CustomerKey]) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        self.0.look_up(customers)
    }

    fn revision(&self) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        self.0.revision()
    }

    fn record(&self, _: Batch) -> BoxFuture<'_, Result<(), Error>> {
        let error = Error::invalid_input("ledger_full", "the disk of the ledger is full", "free some space");
        Box::pin(std::future::ready(Err(error)))
    }

    fn change_quota(&self, change: QuotaChange) -> BoxFuture<'_, Result<(), Error>> {
        self.0.change_quota(change)
    }

    fn forget(&self, what: Forget) -> BoxFuture<'_, Result<u64, Error>> {
        self.0.forget(what)
    }

    fn page(&self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>, Error>> {
        self.0.page(after, limit)
    }

    fn compact(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.0.compact()
    }

    fn summary(&self) -> BoxFuture<'_, Result<LedgerSummary, Error>> {
        self.0.summary()
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_could_not_keep_is_unknown_and_stops_the_run() {
    let world = World::new(|_, _| Ok(yes()));
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    for number in 0..100 {
        builder.push(&row(&format!("user{number}@example.com"), "vip"));
    }
    let plan = finish(builder, Arc::new(FullDisk(MemoryLedger::default())));
    let report = plan.run(&world.client(), RunOptions::default()).await;
    assert_eq!(report.stopped_by().and_then(Error::code), Some("ledger_full"));
    assert_eq!((report.counts().applied, report.counts().unknown), (0, world.requests() as u64));
    assert!(world.requests() <= 17, "{} requests", world.requests());
    assert_accounted(&report);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refused_keeps_its_reason_when_the_ledger_fails() {
    let world = World::new(|_, _| Ok(refusal(404, "INTERNAL_RESOURCE_NOT_FOUND")));
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    builder.push(&row("nobody@example.com", "vip"));
    let plan = finish(builder, Arc::new(FullDisk(MemoryLedger::default())));
    let report = plan.run(&world.client(), RunOptions::default()).await;
    assert_eq!(report.stopped_by().and_then(Error::code), Some("ledger_full"));
    let outcome = report.outcome(1).expect("the only row");
    assert_eq!(outcomes(&report), ["rejected"]);
    assert_eq!(
        outcome.error.and_then(|error| error.code().map(str::to_owned)).as_deref(),
        Some("INTERNAL_RESOURCE_NOT_FOUND")
    );
}

#[tokio::test(start_paused = true)]
async fn a_portal_that_answers_html_stops_the_run() {
    let world = World::new(|_, _| Ok(support::answer(200, "<html>Sign in to the Wi-Fi</html>")));
    let report = plan_of(1_000).run(&world.client(), RunOptions::default()).await;
    assert_eq!(report.stopped_by().and_then(Error::code), Some("response_not_json"));
    assert_eq!(report.counts().applied, 0);
    assert!(world.requests() <= 16);
}

#[tokio::test(start_paused = true)]
async fn progress_ends_with_done_also_when_the_run_is_dropped() {
    let world = World::slow(|_, _| (Duration::from_secs(10), Ok(yes())));
    let snapshots: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let mut options = RunOptions::default();
    let sink = Arc::clone(&snapshots);
    options.progress = Some(Arc::new(move |progress: &Progress| sink.lock().expect("no panic").push(progress.clone())));
    let (plan, client) = (plan_of(100), world.client());
    let run = tokio::time::timeout(Duration::from_secs(25), plan.run(&client, options)).await;
    assert!(run.is_err(), "the run is dropped half-way");
    let snapshots = snapshots.lock().expect("no panic");
    let last = snapshots.last().expect("at least one snapshot");
    assert!(last.is_done);
    assert_eq!((last.counts.applied, last.counts.total(), last.requests_done), (32, 101, 32));
    assert_eq!(snapshots.iter().filter(|progress| progress.is_done).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn groups_that_are_not_allowed_are_refused_before_anything_is_sent() {
    let options = PlanOptions::parse(&[], Some(&["VIP", "Wholesale"])).expect("valid groups");
    let mut builder = PlanBuilder::new(&options).expect("valid options");
    builder.push(&row("a@example.com", "vip"));
    builder.push(&row("b@example.com", "vpi"));
    let plan = builder.finish();
    assert_eq!(plan.bill().requests, 1);
    let refusals: Vec<_> = plan.refusals().collect();
    let [refused] = refusals.as_slice() else { panic!("one refusal") };
    assert_eq!((refused.code(), refused.row()), (Some("group_not_allowed"), Some(2)));
}

#[test]
fn ten_thousand_groups_on_one_customer_are_one_request() {
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    let groups = (0..10_000).map(|number| Cow::Owned(format!("Group {number}"))).collect();
    builder.push(&Row { email: Some("a@example.com".into()), cu_ref_no: None, groups: RowGroups::List(groups) });
    let plan = builder.finish();
    assert_eq!(plan.requests().next().map(|(_, groups)| groups.len()), Some(10_000));
}
