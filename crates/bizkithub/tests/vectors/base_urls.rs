use bizkithub::BaseUrl;
use serde::Deserialize;

use crate::case::{Case, Shared, same};
use crate::expected_error::ExpectedError;
use crate::text::Text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BaseUrlCase {
    name: String,
    input: Text,
    written: Option<String>,
    error: Option<ExpectedError>,
}

impl Case for BaseUrlCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Shared) -> Result<(), String> {
        match (BaseUrl::parse(&self.input.build()), &self.written, &self.error) {
            (Ok(url), Some(written), None) => {
                same("written", written, &url.to_string())?;
                same("is_https", &written.starts_with("https:"), &url.is_https())
            }
            (Err(error), None, Some(expected)) => expected.check(&error, "DEV_"),
            (result, ..) => Err(format!("found {result:?}")),
        }
    }
}
