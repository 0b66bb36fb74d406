use std::sync::{Arc, Mutex, PoisonError};

use bizkithub::event::{Event, EventLevel};
use bizkithub::job::{PlanBuilder, PlanOptions, Progress, Row, RowGroups, RunOptions};
use bizkithub::protocol::{Request, Response};
use bizkithub::{BoxFuture, Client, Error, QuotaRate, Transport, TransportError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::case::{Case, Shared, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultCase {
    name: String,
    fields: Map<String, Value>,
}

impl Case for ResultCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Shared) -> Result<(), String> {
        let result = result(&self.name)?;
        let result = result.as_object().ok_or("it is no object")?;
        for (name, value) in result {
            let expected = self.fields.get(name).and_then(Value::as_str);
            let expected = expected.ok_or_else(|| format!("the field {name} is not expected"))?;
            let is_of_type = match (expected.trim_end_matches('?'), value) {
                (_, Value::Null) => expected.ends_with('?'),
                ("count", Value::Number(number)) => number.is_u64(),
                ("counts", Value::Object(counts)) => counts.values().all(Value::is_u64),
                ("moment", Value::String(text)) => text.parse::<bizkithub::Timestamp>().is_ok(),
                ("error", Value::Object(error)) => error.contains_key("kind"),
                ("number", Value::Number(_))
                | ("boolean", Value::Bool(_))
                | ("text", Value::String(_))
                | ("list", Value::Array(_))
                | ("object", Value::Object(_)) => true,
                _ => false,
            };
            same(&format!("whether {name} is a {expected}, as in {value}"), &true, &is_of_type)?;
        }
        let missing = self.fields.iter().filter(|(name, kind)| {
            !result.contains_key(*name) && !kind.as_str().is_some_and(|kind| kind.ends_with('?'))
        });
        same("missing fields", &Vec::new(), &missing.map(|(name, _)| name.as_str()).collect::<Vec<_>>())
    }
}

/// Says yes to everybody.
struct Agreeable;

impl Transport for Agreeable {
    fn exchange(&self, _: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        let response = Response { status: 200, headers: Vec::new(), body: br#"{"success": true}"#.to_vec() };
        Box::pin(std::future::ready(Ok(response)))
    }
}

/// A result of the run that the file describes, in JSON.
fn result(name: &str) -> Result<Value, String> {
    let failed = |error: Error| error.to_string();
    let client = Client::builder().api_key("DEV_VectorsKey000000000000000001").base_url("https://api.example");
    let quota = "100/h".parse::<QuotaRate>().map_err(|error| error.to_string())?;
    let client = client.quota(quota).transport(Agreeable).build().map_err(failed)?;
    let mut plan = PlanBuilder::new(&PlanOptions::default()).map_err(failed)?;
    for email in ["nobody", "a@example.com", "b@example.com"] {
        plan.push(&Row { email: Some(email.into()), cu_ref_no: None, groups: RowGroups::Text("vip".into()) });
    }
    let plan = plan.finish();
    let bill = plan.bill().under(client.quota());
    let last = Arc::new(Mutex::new(None));
    let mut options = RunOptions::default();
    let seen = Arc::clone(&last);
    options.progress = Some(Arc::new(move |progress: &Progress| {
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = json(progress).ok();
    }));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let listener = move |event: &Event| told.lock().unwrap_or_else(PoisonError::into_inner).push(json(event));
    let client = client.listening(EventLevel::Debug, Arc::new(listener));
    let report = runtime.block_on(plan.run(&client, options));
    let event = |name: &str| {
        let events = events.lock().unwrap_or_else(PoisonError::into_inner);
        let event = events.iter().flatten().find(|event| event["name"] == name).cloned();
        event.ok_or_else(|| format!("no event {name} was told"))
    };
    let fields = |name: &str| event(name).map(|event| event["fields"].clone());
    match name {
        "bill" => json(&bill),
        "billGroup" => json(bill.groups.first()),
        "billTime" => json(bill.time),
        "progress" => {
            last.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| "nothing was told".to_owned())
        }
        "report" => json(report.summary()),
        "quotaPoint" => json(report.timeline().first()),
        "reason" => json(report.reasons().first()),
        "rowOutcome" => json(report.outcomes().next()),
        "event" => event("request"),
        "requestEventFields" => fields("request"),
        "runStartedEventFields" => fields("run.started"),
        "runEndedEventFields" => fields("run.ended"),
        _ => Err("nobody knows this result".to_owned()),
    }
}

fn json(value: impl Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}
