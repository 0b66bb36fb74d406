use bizkithub::{Customer, Error, Group, without_keys};
use serde::Deserialize;

/// What a valid body of add-groups asks for.
pub(crate) struct Submission {
    pub(crate) customer: Customer,
    pub(crate) groups: Vec<Group>,
}

/// A body of add-groups as it arrived: perhaps with a key, perhaps valid.
pub(crate) struct Received {
    pub(crate) api_key: Option<String>,
    /// The submission, or what a validator says against it.
    pub(crate) submission: Result<Submission, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_key: Option<String>,
    email: Option<String>,
    cu_ref_no: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
}

impl Received {
    pub(crate) fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice::<Body>(body) {
            Ok(body) => Self {
                submission: body.submission().map_err(|error| error.message().to_owned()),
                api_key: body.api_key,
            },
            Err(error) => Self {
                api_key: key_of_strange_body(body),
                submission: Err(without_keys(&error.to_string()).into_owned()),
            },
        }
    }
}

impl Body {
    fn submission(&self) -> Result<Submission, Error> {
        let customer = Customer::parse(self.email.as_deref(), self.cu_ref_no.as_deref())?;
        let groups = self.groups.iter().map(|text| Group::parse_any(text)).collect::<Result<Vec<_>, _>>()?;
        if groups.is_empty() {
            return Err(Error::invalid_input("groups_missing", "no groups are given", "give at least one group"));
        }
        Ok(Submission { customer, groups })
    }
}

/// The key is checked before the rest, so it counts even where the rest has the wrong types.
fn key_of_strange_body(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body.get("apiKey")?.as_str().map(str::to_owned)
}
