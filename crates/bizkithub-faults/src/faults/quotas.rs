//! What a server may say about its quota, and servers that fail for a while.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bizkithub_sandbox::{Fault as Misbehaviour, FaultEffect, QuotaModel, QuotaSignal, SandboxOptions, Selector};

use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::scripted_server::{Reply, ScriptedServer, response, yes};
use crate::stage::Stage;

const THROTTLED: &str = r#"{"success":false,"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Too many requests."}}"#;

/// What a server writes into `Retry-After`.
#[derive(Clone, Copy, Debug)]
enum RetryAfter {
    Text(&'static str),
    /// A date so many seconds ahead of the server's clock, which is so many seconds ahead of the client's.
    Date {
        ahead: i64,
        skew: i64,
    },
}

impl RetryAfter {
    /// The headers of an answer that is given now.
    fn headers(self) -> String {
        let date = |seconds: i64| {
            let moment = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
            moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        };
        match self {
            Self::Text(text) => format!("retry-after: {text}\r\n"),
            Self::Date { ahead, skew } => format!("date: {}\r\nretry-after: {}\r\n", date(skew), date(skew + ahead)),
        }
    }
}

/// One 429 with each kind of `Retry-After`, then yes; and a server that says nothing else for ever.
pub(crate) fn retry_after(trial: &Trial) -> Result<Finding> {
    use RetryAfter::{Date, Text};
    // What cannot be read as a wait is none, of which the shortest is a second; dates have whole seconds.
    let seconds = [
        (Text("1"), 1),
        (Text("4"), 4),
        (Text(" 4 "), 4),
        (Text("0"), 0),
        (Text("4.5"), 1),
        (Text("-5"), 1),
        (Text("+4"), 1),
        (Text("0x4"), 1),
        (Text("NaN"), 1),
        (Text("1e300"), 1),
        (Text(""), 1),
        (Text("4, 5"), 1),
        (Text("soon"), 1),
        (Text("Wed, 21 Oct 2015 07:28:00 GMT"), 0),
        (Date { ahead: 5, skew: 0 }, 4),
        (Date { ahead: 5, skew: 7_200 }, 4),
        (Date { ahead: 5, skew: -7_200 }, 4),
        (Date { ahead: -7_200, skew: 0 }, 0),
    ];
    let never = [
        Text("86400"),
        Text("99999999999"),
        Text("99999999999999999999999999"),
        Date { ahead: 7_200, skew: 0 },
        Date { ahead: 7_200, skew: -7_200 },
    ];
    let waits = seconds.map(|(what, wait)| (what, Some(wait))).into_iter().chain(never.map(|what| (what, None)));
    let mut executions = 0;
    for (what, wait) in waits {
        for &driver in trial.drivers() {
            let server = ScriptedServer::start(move |number| {
                Reply::Bytes(if number == 1 { response("429 No", &what.headers(), THROTTLED) } else { yes("") })
            })?;
            let stage = Stage::new(3)?;
            let job = Job { base_url: Some(server.url()), deadline: Duration::from_secs(8), ..Job::default() };
            let finished = stage.run_elsewhere(driver, &job).with_context(|| format!("{what:?}"))?;
            let counts = finished.must_report()?;
            let took = finished.report().and_then(|report| report["seconds"].as_f64()).context("no time")?;
            if let Some(wait) = wait {
                ensure!(counts.applied == 3 && server.requests() == 4, "{what:?}: {finished}");
                ensure!(took >= f64::from(wait), "{what:?}: it waited for {took} s");
                // No wait at all is less than the shortest.
                let longest = if wait == 0 { 0.95 } else { f64::from(wait) + 2.5 };
                ensure!(took < longest, "{what:?}: it waited for {took} s");
            } else {
                // What cannot be waited for ends the run at once, with the moment to resume.
                ensure!(counts.pending == 3 && server.requests() == 1, "{what:?}: {finished}");
                ensure!(finished.report().is_some_and(|report| report["resumeAt"].is_string()), "{what:?}: {finished}");
                ensure!(took < 4.0, "{what:?}: it waited for nothing");
            }
            executions += 1;
        }
    }
    for header in ["retry-after: 0\r\n", "retry-after: -1\r\n", ""] {
        let server = ScriptedServer::start(move |_| Reply::Bytes(response("429 No", header, THROTTLED)))?;
        let stage = Stage::new(200)?;
        let job = Job { base_url: Some(server.url()), deadline: Duration::from_secs(3), ..Job::default() };
        stage.run_elsewhere(Driver::Rust, &job)?;
        ensure!(server.requests() <= 12, "a server that is full was asked {} times in 3 s", server.requests());
        executions += 1;
    }
    Ok(Finding::of(executions))
}

/// A quota that is used up for a day: nothing is sent before it is back.
pub(crate) fn used_up_for_a_day(_: &Trial) -> Result<Finding> {
    const DAY: Duration = Duration::from_secs(86_400);
    let mut executions = 0;
    for driver in Driver::ALL {
        let quota = QuotaModel::FixedBlock { limit: 20, block: DAY };
        let quota_signals = Some(vec![QuotaSignal::RetryAfter]);
        let stage = Stage::with(SandboxOptions { quota: Some(quota), quota_signals, ..SandboxOptions::default() }, 30)?;
        let job = Job { stops_for_quota: true, ..Job::default() };
        let first = stage.run(driver, &job)?;
        let counts = first.must_report()?;
        ensure!((counts.applied, counts.pending) == (20, 10), "{first}");
        let before = stage.sandbox.request_count();
        for stops_for_quota in [true, false] {
            let again = Job { stops_for_quota, deadline: Duration::from_secs(4), ..Job::default() };
            let again = stage.run(driver, &again)?;
            ensure!(again.must_report()?.skipped == 20, "{again}");
            ensure!(again.time < Duration::from_secs(3), "it waited for what cannot come in time");
        }
        let sent = stage.sandbox.request_count() - before;
        ensure!(sent == 0, "{sent} requests within the window");
        stage.sandbox.advance(DAY);
        let tomorrow = ["faketime", "-f", "+1d"].map(str::to_owned).to_vec();
        let last =
            stage.run(driver, &Job { wrapper: tomorrow, deadline: Duration::from_secs(60), ..Job::default() })?;
        ensure!(last.must_report()?.applied == 10, "{last}");
        executions += 4;
    }
    Ok(Finding::of(executions))
}

/// Every header that tells of a quota: well-formed, missing, absurd, and against one another.
pub(crate) fn quota_headers(trial: &Trial) -> Result<Finding> {
    let moment = jiff::Timestamp::now().as_second();
    let (soon, late) = (format!("{}", moment + 2), format!("{}", moment + 86_400));
    let limits = ["", "1000", "0", "-1", "many", "18446744073709551616"];
    let left = ["", "999", "0", "-1", "nan"];
    let resets = ["", &soon, &late, "0", "-1", "60", "2026-11-23T12:00:00Z", "99999999999999999999"];
    let drafts = ["", "ratelimit: \"a\";r=0;t=1\r\nratelimit-policy: \"a\";q=10;w=1\r\n", "ratelimit: ;;=\"\r\n"];
    let line = |name: &str, value: &str| match value {
        "" => String::new(),
        value => format!("{name}: {value}\r\n"),
    };
    let (mut executions, mut resumable) = (0, 0);
    let stride = usize::try_from(trial.times(29, 1))?;
    let variants = limits.iter().flat_map(|limit| left.iter().map(move |left| (limit, left)));
    let variants = variants.flat_map(|(limit, left)| resets.iter().map(move |reset| (limit, left, reset)));
    let variants = variants.flat_map(|variant| drafts.iter().map(move |draft| (variant, draft)));
    for ((limit, left, reset), draft) in variants.step_by(stride) {
        let headers = line("x-ratelimit-limit", limit)
            + &line("x-ratelimit-remaining", left)
            + &line("x-ratelimit-reset", reset)
            + draft;
        let told = headers.clone();
        let server = ScriptedServer::start(move |_| Reply::Bytes(yes(&told)))?;
        let stage = Stage::new(6)?;
        let job = Job {
            base_url: Some(server.url()),
            deadline: Duration::from_secs(6),
            stops_for_quota: true,
            ..Job::default()
        };
        let finished = stage.run_elsewhere(Driver::Rust, &job).with_context(|| headers.clone())?;
        let counts = finished.must_report()?;
        ensure!(counts.applied == server.requests(), "{headers}: {finished}");
        let may_resume = finished.report().is_some_and(|report| report["resumeAt"].is_string());
        ensure!(counts.applied == 6 || may_resume, "{headers}: {finished}");
        resumable += u64::from(counts.applied < 6);
        executions += 1;
    }
    Ok(Finding::noting(executions, format!("{resumable} ended with the moment to resume")))
}

/// A server of which 30 % of the answers are 5xx, and one that fails altogether in the middle of a run and heals.
pub(crate) fn failing_server(trial: &Trial) -> Result<Finding> {
    let customers = trial.times(1_000, 5_000);
    let mut notes = Vec::new();
    let mut executions = 0;
    for driver in Driver::ALL {
        let stage = Stage::new(customers)?;
        let failing = Misbehaviour::new(FaultEffect::Status { status: 503, code: None, retry_after_seconds: None });
        stage.sandbox.add_fault(failing.clone().when(Selector::Probability(0.3)))?;
        let job = Job { deadline: Duration::from_secs(120), ..Job::default() };
        let finished = stage.run(driver, &job)?;
        let extra = stage.sandbox.request_count().saturating_sub(customers);
        // Ten retries may be made before any is earned.
        ensure!(extra <= customers / 10 + 10, "{extra} extra requests for {customers}: {finished}");
        stage.completes(driver, &job, finished.must_report()?.counted())?;
        executions += 1;
        notes.push(format!("{} {:.1} %", driver.name(), extra as f64 / customers as f64 * 100.0));
    }
    let outages = outage(trial)?;
    Ok(Finding::noting(
        executions + outages.0,
        format!(
            "extra requests at 30 %: {}; at most {} requests in a second of an outage",
            notes.join(", "),
            outages.1
        ),
    ))
}

/// All requests fail from the middle of a run on, and after some seconds none does. Returns how often, and the most requests that
/// left in a second once the outage had shown itself.
fn outage(trial: &Trial) -> Result<(u64, u64)> {
    const CUSTOMERS: u64 = 3_000;
    let mut most = 0;
    for driver in Driver::ALL {
        let stage = Stage::new(CUSTOMERS)?;
        let job = Job { deadline: Duration::from_secs(60), ..Job::default() };
        let mut run = stage.spawn(driver, &job)?;
        run.must_reach(CUSTOMERS / 3)?;
        let failing = FaultEffect::Status { status: 502, code: None, retry_after_seconds: None };
        stage.sandbox.add_fault(Misbehaviour::new(failing))?;
        let before = stage.sandbox.request_count();
        std::thread::sleep(Duration::from_secs(1));
        let until_noticed = stage.sandbox.request_count() - before;
        ensure!(until_noticed <= 60, "{until_noticed} requests before the outage was noticed");
        for _ in 0..trial.times(3, 20) {
            let before = stage.sandbox.request_count();
            std::thread::sleep(Duration::from_secs(1));
            most = most.max(stage.sandbox.request_count() - before);
        }
        stage.sandbox.clear_faults();
        let finished = run.finish()?;
        ensure!(finished.must_report()?.counted() == CUSTOMERS, "the run did not outlast the outage: {finished}");
        stage.completes(driver, &job, CUSTOMERS)?;
        // The seconds that are counted are not those of the run: two of its requests may fall into one of ours.
        ensure!(most <= 2, "{most} requests in a second of an outage");
    }
    Ok((3, most))
}
