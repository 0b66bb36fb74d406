use std::collections::BTreeMap;

use bizkithub::protocol::{Endpoint, KeyPlacement, Request};
use bizkithub::{ApiKey, BaseUrl, Customer, Error, parse_groups};
use serde::Deserialize;

use crate::case::{Case, Shared, same};
use crate::expected_error::ExpectedError;
use crate::text::{Text, Texts};

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Operation {
    #[default]
    AddGroups,
    Ping,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RequestCase {
    name: String,
    #[serde(default)]
    operation: Operation,
    base_url: Option<String>,
    #[serde(default = "query")]
    key_placement: String,
    email: Option<String>,
    cu_ref_no: Option<String>,
    groups: Option<Texts>,
    request: Option<ExpectedRequest>,
    error: Option<ExpectedError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedRequest {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: Text,
}

fn query() -> String {
    "query".to_owned()
}

impl RequestCase {
    fn build(&self, shared: &Shared, placement: KeyPlacement) -> Result<Request, Error> {
        let base_url = BaseUrl::parse(self.base_url.as_ref().unwrap_or(&shared.base_url))?;
        let endpoint = Endpoint::new(base_url, ApiKey::parse(&shared.api_key)?, placement);
        match self.operation {
            Operation::Ping => Ok(endpoint.ping()),
            Operation::AddGroups => {
                let customer = Customer::parse(self.email.as_deref(), self.cu_ref_no.as_deref())?;
                let groups = parse_groups(self.groups.as_ref().map(Texts::build).unwrap_or_default())?;
                Ok(endpoint.add_groups(&customer, &groups))
            }
        }
    }
}

impl Case for RequestCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, shared: &Shared) -> Result<(), String> {
        let (_, placement) = KeyPlacement::ALL
            .into_iter()
            .find(|(name, _)| *name == self.key_placement)
            .ok_or_else(|| format!("no key placement is named {}", self.key_placement))?;
        let result = self.build(shared, placement);
        match (&self.request, &self.error) {
            (Some(expected), None) => expected.check(&result.map_err(|error| error.to_string())?, &shared.api_key),
            (None, Some(expected)) => expected.check_result(result, &shared.api_key),
            _ => Err("a case has either a request or an error".to_owned()),
        }
    }
}

impl ExpectedRequest {
    fn check(&self, request: &Request, key: &str) -> Result<(), String> {
        same("method", &self.method.as_str(), &request.method().as_str())?;
        same("url", &self.url.as_str(), &request.url())?;
        let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        same("headers", &self.headers, &headers)?;
        same("body", &self.body.build(), &String::from_utf8_lossy(request.body()).into_owned())?;
        let shown = format!("{request:?}");
        if shown.contains(key) { Err(format!("the key is in {shown}")) } else { Ok(()) }
    }
}
