use std::borrow::Cow;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use bizkithub::protocol::KeyPlacement;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, Version, header};

use crate::answer::{Answer, AnswerBody};
use crate::fault::{FaultEffect, Strike};
use crate::key::without_keys;
use crate::refusal::{BODY_UNREADABLE, PATH_NOT_FOUND, Refusal};
use crate::request_log::Arrival;
use crate::shared::Shared;
use crate::socket::Connection;
use crate::state::{Admission, Operation, Verdict};
use crate::submission::Received;
use crate::{control, query};

/// Room for 10,000 long groups on one customer, several times over.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

const ADD_GROUPS: &str = "/api/v1/customer/add-groups";
/// The documented path, and the one that one article writes.
const PINGS: [&str; 2] = ["/ping/v1", "/api/v1/ping/v1"];

/// Answers one request, of the API or of the inspection.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = read(body).await;
    let answer = if parts.uri.path().starts_with(control::PREFIX) {
        body.and_then(|body| control::answer(&shared, &parts, &body)).unwrap_or_else(Answer::from)
    } else {
        answer_api(&shared, &connection, &parts, body).await
    };
    Ok(answer.into_response())
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let unreadable =
        |error| Refusal::with_status(BODY_UNREADABLE, 413).saying(format!("the body cannot be read: {error}"));
    Ok(Limited::new(body, BODY_LIMIT).collect().await.map_err(unreadable)?.to_bytes())
}

async fn answer_api(
    shared: &Arc<Shared>,
    connection: &Connection,
    parts: &Parts,
    body: Result<Bytes, Refusal>,
) -> Answer {
    let route = body.and_then(|body| route(parts, &body));
    let received = route.as_ref().ok().and_then(Option::as_ref);
    let (key, key_placement) = present_key(parts, received);
    let operation = received.map_or(Operation::Ping, |received| Operation::AddGroups(&received.submission));
    let arrival = Arrival {
        connection: connection.number,
        http_version: version(parts.version),
        method: method(&parts.method),
        path: parts.uri.path(),
        key_placement,
        submission: operation.submission(),
    };

    let now = shared.clock.since_epoch();
    let step = shared.change_in(|state, generation| {
        let sequence = state.log.arrive(arrival, now);
        let verdict = match route {
            Ok(_) => state.admit(key.as_deref(), operation, now),
            Err(ref refusal) => Verdict::Refused(refusal.clone().into()),
        };
        let answer = match verdict {
            Verdict::Refused(answer) => answer,
            Verdict::Admitted(admission) if admission.strike.name.is_some() => {
                return Step::Struck(
                    Ticket { shared: Arc::clone(shared), generation, sequence, is_open: true },
                    admission,
                );
            }
            Verdict::Admitted(admission) => {
                let answer = state.perform(operation);
                state.tell(answer, admission.allowance.as_ref())
            }
        };
        state.settle(sequence, &answer, None);
        Step::Answered(answer)
    });
    match step {
        Step::Answered(answer) => answer,
        Step::Struck(ticket, admission) => misbehave(shared, connection, operation, ticket, admission).await,
    }
}

/// How far a request comes at once: to its answer, unless a fault strikes.
enum Step {
    Answered(Answer),
    Struck(Ticket, Admission),
}

/// Finds the operation of a path, and reads the body where it has one.
fn route(parts: &Parts, body: &[u8]) -> Result<Option<Received>, Refusal> {
    let path = parts.uri.path();
    let method = match path {
        ADD_GROUPS => Method::POST,
        _ if PINGS.contains(&path) => Method::GET,
        _ => {
            let message = format!("the API has no path {}", without_keys(path));
            return Err(Refusal::with_status(PATH_NOT_FOUND, 404).saying(message));
        }
    };
    if parts.method != method {
        return Err(Refusal::method_not_allowed(if method == Method::POST { "POST" } else { "GET" }));
    }
    Ok((path == ADD_GROUPS).then(|| Received::parse(body)))
}

/// The key and where it was: the query wins over the bearer, and that over the body.
fn present_key<'a>(parts: &'a Parts, received: Option<&'a Received>) -> (Option<Cow<'a, str>>, Option<KeyPlacement>) {
    let in_query = || Some((query::value(&parts.uri, "apiKey")?, KeyPlacement::Query));
    let in_bearer = || {
        let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some((Cow::Borrowed(key), KeyPlacement::Bearer))
    };
    let in_body = || Some((Cow::Borrowed(received?.api_key.as_deref()?), KeyPlacement::Body));
    in_query().or_else(in_bearer).or_else(in_body).map_or((None, None), |(key, placement)| (Some(key), Some(placement)))
}

async fn misbehave(
    shared: &Shared,
    connection: &Connection,
    operation: Operation<'_>,
    mut ticket: Ticket,
    admission: Admission,
) -> Answer {
    let Admission { allowance, strike: Strike { latency, effect, name } } = admission;
    if !latency.is_zero() {
        shared.clock.reaches(shared.clock.since_epoch().saturating_add(latency)).await;
    }
    let perform = || shared.change(|state| state.perform(operation));
    let answer = match effect {
        None | Some(FaultEffect::Latency(_)) => perform(),
        Some(FaultEffect::Status { status, code, retry_after_seconds }) => {
            let answer = match code {
                Some(code) => Answer::from(Refusal::with_status(code, status)),
                None => Answer::html(status),
            };
            retry_after_seconds.into_iter().fold(answer, Answer::retry_after)
        }
        Some(FaultEffect::HtmlBody) => Answer::html(200),
        Some(FaultEffect::SuccessFalse) => Answer::no(),
        Some(FaultEffect::RedirectTo(address)) => Answer::redirect(&address),
        Some(FaultEffect::TruncatedBody) => perform().truncated(),
        Some(FaultEffect::EmptyBody) => perform().emptied(),
        Some(FaultEffect::OversizedBody) => {
            let answer = perform();
            if answer.code.is_some() { answer } else { Answer::oversized() }
        }
        Some(FaultEffect::NeverAnswer) => {
            ticket.note_fault(name);
            pending().await
        }
        Some(effect @ (FaultEffect::ResetBeforeApplying | FaultEffect::ResetAfterApplying)) => {
            if effect == FaultEffect::ResetAfterApplying {
                perform();
            }
            ticket.note_fault(name);
            ticket.is_open = false;
            connection.reset();
            pending().await
        }
    };
    let answer = shared.read(|state| state.tell(answer, allowance.as_ref()));
    ticket.settle(&answer, name);
    answer
}

/// A request that waits for its answer. Dropped before, it notes that the client has gone.
struct Ticket {
    shared: Arc<Shared>,
    generation: u64,
    sequence: u64,
    is_open: bool,
}

impl Ticket {
    fn settle(mut self, answer: &Answer, fault: Option<&'static str>) {
        self.is_open = false;
        self.shared.change_in(|state, generation| {
            if generation == self.generation {
                state.settle(self.sequence, answer, fault);
            }
        });
    }

    fn note_fault(&self, fault: Option<&'static str>) {
        self.shared.change_in(|state, generation| {
            if let Some(record) = state.log.find(self.sequence).filter(|_| generation == self.generation) {
                record.fault = fault;
            }
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_open || self.shared.is_stopping() {
            return;
        }
        self.shared.change_in(|state, generation| {
            if let Some(record) = state.log.find(self.sequence).filter(|_| generation == self.generation) {
                record.closed_by_client = true;
            }
        });
    }
}

fn version(version: Version) -> Cow<'static, str> {
    match version {
        Version::HTTP_11 => "HTTP/1.1".into(),
        Version::HTTP_2 => "HTTP/2.0".into(),
        other => format!("{other:?}").into(),
    }
}

fn method(method: &Method) -> Cow<'static, str> {
    match *method {
        Method::POST => "POST".into(),
        Method::GET => "GET".into(),
        ref other => other.to_string().into(),
    }
}
