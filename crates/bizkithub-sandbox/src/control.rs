use std::time::Duration;

use bizkithub::{Customer, Error};
use hyper::Method;
use hyper::http::request::Parts;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::Answer;
use crate::fault::Fault;
use crate::key::RegisteredKey;
use crate::query;
use crate::refusal::{INPUT_INVALID, PATH_NOT_FOUND, Refusal};
use crate::shared::Shared;

/// No path of the API begins with an underscore.
pub(crate) const PREFIX: &str = "/__sandbox/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(with = "crate::seconds")]
    seconds: Duration,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Freeze {
    #[serde(default, deserialize_with = "crate::moment::deserialize_optional")]
    at: Option<Timestamp>,
}

/// Answers a request of the inspection. See the crate's documentation for the paths.
pub(crate) fn answer(shared: &Shared, parts: &Parts, body: &[u8]) -> Result<Answer, Refusal> {
    let name = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let get = parts.method == Method::GET;
    let post = parts.method == Method::POST;
    match name {
        "state" if get => content(&state(shared)),
        "requests" if get => shared.read(|state| content(&state.log.records().collect::<Vec<_>>())),
        "customers" if get => content(&shared.read(|state| state.organisation.customers())),
        "groups" if get => content(&shared.read(|state| state.organisation.groups())),
        "groups-of" if get => {
            let (email, cu_ref_no) = (query::value(&parts.uri, "email"), query::value(&parts.uri, "cuRefNo"));
            let customer = Customer::parse(email.as_deref(), cu_ref_no.as_deref()).map_err(|error| refuse(&error))?;
            content(&shared.read(|state| state.organisation.groups_of(&customer)))
        }
        "faults" if get => content(&shared.read(|state| state.faults.faults())),
        "faults" if post => {
            // Looked at by hand, because serde's own "one or more" says nothing about what is wrong.
            let is_list = body.trim_ascii_start().starts_with(b"[");
            let faults = if is_list { input(body)? } else { vec![input(body)?] };
            add_faults(shared, faults)?;
            Ok(Answer::yes())
        }
        "faults" if parts.method == Method::DELETE => {
            shared.change(|state| state.faults.clear());
            Ok(Answer::yes())
        }
        "keys" if post => {
            let key: RegisteredKey = input(body)?;
            let now = shared.clock.since_epoch();
            shared.change(|state| state.keys.register(&key, now)).map_err(|error| refuse(&error))?;
            Ok(Answer::yes())
        }
        "clock/advance" if post => {
            shared.clock.advance(input::<Advance>(body)?.seconds);
            Ok(Answer::yes())
        }
        "clock/freeze" if post => freeze(shared, body),
        "clock/resume" if post => {
            shared.clock.resume();
            Ok(Answer::yes())
        }
        "reset" if post => {
            shared.reset().map_err(|error| refuse(&error))?;
            Ok(Answer::yes())
        }
        "state" | "requests" | "customers" | "groups" | "groups-of" => Err(Refusal::method_not_allowed("GET")),
        "keys" | "clock/advance" | "clock/freeze" | "clock/resume" | "reset" => {
            Err(Refusal::method_not_allowed("POST"))
        }
        "faults" => Err(Refusal::method_not_allowed("GET, POST, DELETE")),
        _ => Err(Refusal::with_status(PATH_NOT_FOUND, 404).saying("the sandbox has no such path")),
    }
}

fn state(shared: &Shared) -> serde_json::Value {
    let clock = json!({"now": shared.clock.now().to_string(), "isFrozen": shared.clock.is_frozen()});
    shared.read(|state| {
        json!({
            "clock": clock,
            "customers": state.organisation.customer_count(),
            "groups": state.organisation.group_count(),
            "requests": state.log.count(),
            "faults": state.faults.faults(),
        })
    })
}

/// All of them or none.
fn add_faults(shared: &Shared, faults: Vec<Fault>) -> Result<(), Refusal> {
    for fault in &faults {
        fault.validate().map_err(|error| refuse(&error))?;
    }
    shared
        .change(|state| faults.into_iter().try_for_each(|fault| state.faults.add(fault)))
        .map_err(|error| refuse(&error))
}

fn freeze(shared: &Shared, body: &[u8]) -> Result<Answer, Refusal> {
    let freeze = if body.is_empty() { Freeze::default() } else { input(body)? };
    match freeze.at {
        None => shared.clock.freeze(),
        Some(moment) => shared.clock.freeze_at(moment),
    }
    Ok(Answer::yes())
}

fn content(value: &impl Serialize) -> Result<Answer, Refusal> {
    let body = serde_json::to_vec(value).map_err(|error| invalid(error.to_string()))?;
    Ok(Answer::json(200, body))
}

fn input<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))
}

fn refuse(error: &Error) -> Refusal {
    invalid(error.message().to_owned())
}

fn invalid(reason: String) -> Refusal {
    Refusal::with_status(INPUT_INVALID, 400).saying(reason)
}
