use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;

use bizkithub::protocol::KeyPlacement;
use bizkithub::without_keys;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, Version, header};

use crate::answer::{Answer, AnswerBody};
use crate::misbehaviour::misbehave;
use crate::refusal::{BODY_UNREADABLE, PATH_NOT_FOUND, Refusal};
use crate::request_log::Arrival;
use crate::shared::Shared;
use crate::socket::Connection;
use crate::state::{Admission, Operation, Verdict};
use crate::submission::Received;
use crate::ticket::Ticket;
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
    Ok(answer.into_response(shared.clock.now()))
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let unreadable = |error: Box<dyn StdError + Send + Sync>| {
        let status = if error.is::<LengthLimitError>() { 413 } else { 400 };
        Refusal::with_status(BODY_UNREADABLE, status).saying(format!("the body cannot be read: {error}"))
    };
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
                let ticket = Ticket::new(Arc::clone(shared), generation, sequence, now);
                state.log.note_fault(sequence, admission.strike.name);
                return Step::Struck(ticket, admission);
            }
            Verdict::Admitted(admission) => {
                let answer = state.perform(operation);
                state.tell(answer, admission.allowance.as_ref())
            }
        };
        state.log.settle(sequence, &answer);
        Step::Answered(answer)
    });
    match step {
        Step::Answered(answer) => answer,
        Step::Struck(ticket, admission) => misbehave(connection, operation, ticket, admission).await,
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
