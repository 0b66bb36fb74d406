use std::collections::BTreeMap;

use bizkithub::protocol::{Endpoint, KeyPlacement, Operation, Response};
use bizkithub::{ApiKey, BaseUrl, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::case::{Case, Shared, same};
use crate::expected_error::ExpectedError;
use crate::expected_quota::ExpectedQuota;
use crate::requests;
use crate::text::Text;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResponseCase {
    name: String,
    /// For the languages whose clock cannot be set: the waits of this case depend on `now`.
    #[serde(default, rename = "needsClock")]
    _needs_clock: bool,
    #[serde(default)]
    operation: requests::Operation,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    body: Option<Text>,
    body_hex: Option<String>,
    error: Option<ExpectedError>,
    #[serde(default)]
    quota: ExpectedQuota,
    request_id: Option<String>,
}

impl ResponseCase {
    fn body(&self) -> Result<Vec<u8>, String> {
        match (&self.json, &self.body, &self.body_hex) {
            (Some(json), None, None) => Ok(json.to_string().into_bytes()),
            (None, Some(text), None) => Ok(text.build().into_bytes()),
            (None, None, Some(hex)) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(hex.get(at..at + 2).unwrap_or_default(), 16))
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string()),
            _ => Err("a case has exactly one of json, body and bodyHex".to_owned()),
        }
    }
}

impl Case for ResponseCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, shared: &Shared) -> Result<(), String> {
        let text = |error: bizkithub::Error| error.to_string();
        let key = ApiKey::parse(&shared.api_key).map_err(text)?;
        let endpoint = Endpoint::new(BaseUrl::parse(BaseUrl::DEFAULT).map_err(text)?, key, KeyPlacement::default());
        let now: Timestamp = shared.now.parse().map_err(|error| format!("{error}"))?;
        let operation = match self.operation {
            requests::Operation::AddGroups => Operation::AddGroups,
            requests::Operation::Ping => Operation::Ping,
        };
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let response = Response { status: self.status, headers, body: self.body()? };
        let answer = endpoint.interpret(operation, &response, now);
        self.quota.check(&answer.quota)?;
        same("requestId", &self.request_id, &answer.request_id)?;
        match (answer.result, &self.error) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(_)) => Err("found a yes".to_owned()),
            (Err(error), None) => Err(format!("found {error}")),
            (Err(error), Some(expected)) => {
                same("requestId of the error", &self.request_id.as_deref(), &error.request_id())?;
                let moment = error.retry_after().and_then(|wait| now.checked_add(wait).ok());
                if error.retry_at() != moment {
                    return Err(format!("the moment to retry at is {:?} instead of {moment:?}", error.retry_at()));
                }
                expected.check(&error, &shared.api_key)
            }
        }
    }
}
