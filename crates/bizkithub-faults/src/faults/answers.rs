//! Answers that are lost, cut, slow, foreign or made to do harm.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bizkithub_sandbox::{Fault as Misbehaviour, FaultEffect, KeyState, Selector};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::proxy::{Direction, FaultProxy, Toxic};
use crate::scripted_server::{Reply, ScriptedServer, response, yes};
use crate::stage::Stage;

/// The server applies and resets the connection instead of answering.
pub(crate) fn lost_after_applying(trial: &Trial) -> Result<Finding> {
    let customers = trial.times(300, 3_000);
    let mut strikes = 0;
    for driver in Driver::ALL {
        let stage = Stage::new(customers)?;
        let lost = Misbehaviour::new(FaultEffect::ResetAfterApplying).when(Selector::Probability(0.2));
        stage.sandbox.add_fault(lost)?;
        let finished = stage.run(driver, &Job::default())?;
        let counts = finished.must_report()?;
        ensure!(counts.pending == 0, "nobody knows whether a lost answer was a yes: {finished}");
        ensure!(stage.arrived() == customers, "each was applied, answered or not: {finished}");
        let struck = stage.sandbox.requests().iter().filter(|request| request.fault.is_some()).count() as u64;
        ensure!(struck > 0, "no answer was lost: {finished}");
        strikes += struck;
        stage.completes(driver, &Job::default(), counts.counted())?;
    }
    Ok(Finding::of(strikes))
}

/// The connection is reset after each number of bytes of the first answer.
pub(crate) fn reset_at_every_byte(trial: &Trial) -> Result<Finding> {
    let (mut executions, mut strikes) = (0, 0);
    for driver in Driver::ALL {
        let stage = Stage::new(2)?;
        let proxy = FaultProxy::start(stage.sandbox.address())?;
        let job = Job { base_url: Some(proxy.url()), ..Job::default() };
        for bytes in (0..=250).step_by(usize::try_from(trial.times(41, 1))?) {
            stage.clear(&stage.path("groups.ledger"))?;
            proxy.poison(Direction::Downstream, &[Toxic::ResetAfter(bytes)], 1);
            let finished = stage.run(driver, &job).with_context(|| format!("reset after {bytes} bytes"))?;
            ensure!(finished.must_report()?.applied == 2, "reset after {bytes} bytes: {finished}");
            strikes += u64::from(finished.retries() > 0);
            executions += 1;
        }
        proxy.heal();
        stage.completes(driver, &job, 2)?;
    }
    ensure!(strikes * 2 > executions, "only {strikes} of {executions} resets were within an answer");
    Ok(Finding::noting(executions, format!("{strikes} of them within the answer")))
}

/// Every byte of the way there and back comes late, slowly, in pieces, or not at all.
pub(crate) fn slow_loris(trial: &Trial) -> Result<Finding> {
    const SECOND: Duration = Duration::from_secs(1);
    let mut executions = 0;
    let toxics: [(Direction, Toxic, bool); 8] = [
        (Direction::Downstream, Toxic::Slicer(1, Duration::from_millis(200)), false),
        (Direction::Upstream, Toxic::Slicer(1, Duration::from_millis(200)), false),
        (Direction::Downstream, Toxic::Timeout(SECOND * 30), false),
        (Direction::Upstream, Toxic::Timeout(SECOND / 10), false),
        (Direction::Downstream, Toxic::Limit(120), false),
        (Direction::Downstream, Toxic::Latency(SECOND / 5), true),
        (Direction::Downstream, Toxic::Bandwidth(4_000), true),
        (Direction::Downstream, Toxic::SlowClose(SECOND), true),
    ];
    for &driver in trial.drivers() {
        for (direction, toxic, passes) in toxics {
            // One customer's tries are waited for; those of others would come after them.
            let customers = if passes { 4 } else { 1 };
            let stage = Stage::new(customers)?;
            let proxy = FaultProxy::start(stage.sandbox.address())?;
            proxy.poison(direction, &[toxic], u64::MAX);
            let job = Job {
                base_url: Some(proxy.url()),
                timeout: SECOND,
                deadline: SECOND * 15,
                concurrency: 4,
                ..Job::default()
            };
            let finished = stage.run(driver, &job).with_context(|| format!("{toxic:?} {direction:?}"))?;
            let counts = finished.must_report()?;
            let expected = if passes { customers } else { 0 };
            ensure!(counts.counted() == expected, "{toxic:?} {direction:?}: {finished}");
            // Three tries of a second at most, the pauses between them, and a machine that has other things to do.
            let took = finished.report().and_then(|report| report["seconds"].as_f64()).unwrap_or_default();
            ensure!(took <= 6.0, "{toxic:?} {direction:?}: it took {took} s");
            ensure!(proxy.connections() > 0, "no connection was struck");
            proxy.heal();
            stage.completes(driver, &job, counts.counted())?;
            executions += 1;
        }
    }
    Ok(Finding::of(executions))
}

/// Answers that are no yes: cut, empty, HTML, too large, `success: false`.
pub(crate) fn no_yes(_: &Trial) -> Result<Finding> {
    let mut executions = 0;
    for driver in Driver::ALL {
        for effect in [
            FaultEffect::TruncatedBody,
            FaultEffect::HtmlBody,
            FaultEffect::EmptyBody,
            FaultEffect::SuccessFalse,
            FaultEffect::OversizedBody,
        ] {
            let stage = Stage::new(5)?;
            stage.sandbox.add_fault(Misbehaviour::new(effect.clone()))?;
            let finished = stage.run(driver, &Job::default())?;
            ensure!(finished.must_report()?.counted() == 0, "{} counts as a yes: {finished}", effect.name());
            stage.completes(driver, &Job::default(), 0)?;
            executions += 1;
        }
    }
    Ok(Finding::of(executions))
}

/// Bodies and headers that are made to fill the memory or the stack.
pub(crate) fn hostile_bodies(trial: &Trial) -> Result<Finding> {
    const ALLOWANCE: u64 = 16 << 20;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    let chunk = [b"10000\r\n", vec![b' '; 65_536].as_slice(), b"\r\n"].concat();
    let nested = "[".repeat(900_000);
    let keys: String = (0..60_000).map(|number| format!("\"k{number}\":0,")).collect();
    type Script = Box<dyn Fn(u64) -> Reply + Send + Sync>;
    let fixed = |bytes: Vec<u8>| -> Script { Box::new(move |_| Reply::Bytes(bytes.clone())) };
    let endless =
        |first: Vec<u8>, more: Vec<u8>| -> Script { Box::new(move |_| Reply::Endless(first.clone(), more.clone())) };
    let scripts: Vec<(&str, Script)> = vec![
        ("a body without end", endless(chunked, chunk)),
        (
            "a body that claims 2^63 bytes",
            endless(format!("{head}content-length: 9223372036854775807\r\n\r\n").into(), vec![b'{'; 65_536]),
        ),
        ("a compressed answer, which nobody asked for", fixed(gzipped(b"{\"success\":true}")?)),
        ("a hundred megabytes of spaces, compressed", fixed(gzipped(&vec![b' '; 100 << 20])?)),
        ("JSON nested 900,000 deep", fixed(response("200 OK", "", &nested))),
        ("an error nested 900,000 deep", fixed(response("400 No", "", format!("{{\"error\":{nested}")))),
        ("a yes with 60,000 keys", fixed(response("200 OK", "", format!("{{{keys}\"success\":true}}")))),
        ("headers without end", endless(head.into(), b"x-more: and more\r\n".repeat(1_000))),
        ("a status line without end", endless(b"HTTP/1.1 200 ".to_vec(), vec![b'O'; 65_536])),
        ("interim answers without end", endless(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000))),
        ("no HTTP at all", endless(Vec::new(), vec![0xFF; 65_536])),
        (
            "two lengths",
            fixed(format!("{head}content-length: 16\r\ncontent-length: 2\r\n\r\n{{\"success\":true}}").into()),
        ),
        (
            "a yes in Latin-1",
            fixed(response(
                "200 OK",
                "content-type: text/plain; charset=latin1\r\n",
                b"{\"success\":true,\"x\":\"\xE9\"}",
            )),
        ),
    ];
    let (mut executions, mut largest) = (0, 0);
    let plain = ScriptedServer::start(|_| Reply::Bytes(yes("")))?;
    let bases = trial.drivers().iter().map(|&driver| -> Result<(Driver, u64)> {
        let stage = Stage::new(4)?;
        let job = Job { base_url: Some(plain.url()), ..Job::default() };
        let memory = stage.run_elsewhere(driver, &job)?.memory.context("the memory was not measured")?;
        Ok((driver, memory))
    });
    let bases = bases.collect::<Result<Vec<_>>>()?;
    for (what, script) in scripts {
        let server = ScriptedServer::start(script)?;
        for &(driver, base) in &bases {
            let stage = Stage::new(4)?;
            let job = Job {
                base_url: Some(server.url()),
                timeout: Duration::from_secs(1),
                deadline: Duration::from_secs(5),
                concurrency: 4,
                ..Job::default()
            };
            let finished = stage.run_elsewhere(driver, &job).context(what)?;
            let counts = finished.must_report().context(what)?;
            ensure!(what.contains("yes") || counts.counted() == 0, "{what} is a yes: {finished}");
            let memory = finished.memory.context("the memory was not measured")?.saturating_sub(base);
            ensure!(memory <= ALLOWANCE, "{what} took {} MB more than a run without a fault", memory >> 20);
            largest = largest.max(memory);
            executions += 1;
        }
    }
    Ok(Finding::noting(executions, format!("at most {:.1} MB above a run without a fault", largest as f64 / 1e6)))
}

/// A response whose body is compressed.
fn gzipped(body: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    Ok(response("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", encoder.finish()?))
}

/// Redirects of every status to another host.
pub(crate) fn redirects(_: &Trial) -> Result<Finding> {
    let mut executions = 0;
    for driver in Driver::ALL {
        let elsewhere = ScriptedServer::start(|_| Reply::Bytes(yes("")))?;
        let spy = FaultProxy::start(elsewhere.url().trim_start_matches("http://").parse()?)?;
        for status in [301, 302, 303, 307, 308] {
            for target in [format!("{}/api/v1/customer/add-groups", spy.url()), spy.url().replace("http:", "")] {
                let line = format!("location: {target}\r\n");
                let server =
                    ScriptedServer::start(move |_| Reply::Bytes(response(&format!("{status} Elsewhere"), &line, "")))?;
                let stage = Stage::new(3)?;
                let job = Job { base_url: Some(server.url()), ..Job::default() };
                let finished = stage.run_elsewhere(driver, &job)?;
                ensure!(finished.must_report()?.counted() == 0, "a redirect counts as a yes: {finished}");
                ensure!(finished.error_code().as_deref() == Some("redirect_refused"), "{finished}");
                executions += 1;
            }
        }
        ensure!(spy.connections() == 0, "{} connections were made to where a redirect led", spy.connections());
    }
    Ok(Finding::of(executions))
}

/// The key is revoked in the middle of a run.
pub(crate) fn revoked_key(trial: &Trial) -> Result<Finding> {
    const CUSTOMERS: u64 = 2_000;
    let (mut executions, mut most) = (0, 0);
    let mut random = trial.random(27);
    for driver in Driver::ALL {
        for state in [KeyState::Deleted, KeyState::Inactive, KeyState::Expired, KeyState::NotPermitted] {
            let stage = Stage::new(CUSTOMERS)?;
            let job = Job::default();
            let mut run = stage.spawn(driver, &job)?;
            let target = random.u64(1..CUSTOMERS / 2);
            run.must_reach(target)?;
            stage.sandbox.set_key_state(&stage.key, state)?;
            let arrived = stage.sandbox.request_count();
            let finished = run.finish()?;
            let after = stage.sandbox.request_count() - arrived;
            // What was on its way to the socket when the key changed arrives beside the answers that tell of it.
            ensure!(after <= u64::from(job.concurrency) * 2, "{after} requests after the key was revoked: {finished}");
            most = most.max(after);
            stage.sandbox.set_key_state(&stage.key, KeyState::Active)?;
            stage.completes(driver, &job, finished.must_report()?.counted())?;
            executions += 1;
        }
    }
    Ok(Finding::noting(executions, format!("at most {most} requests with 8 at once")))
}
