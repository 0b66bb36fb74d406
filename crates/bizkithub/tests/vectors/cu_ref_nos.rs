use bizkithub::CuRefNo;
use serde::Deserialize;

use crate::case::{Case, Shared, same};
use crate::expected_error::ExpectedError;
use crate::text::Text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CuRefNoCase {
    name: String,
    input: Text,
    written: Option<String>,
    error: Option<ExpectedError>,
}

impl Case for CuRefNoCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Shared) -> Result<(), String> {
        match (CuRefNo::parse(&self.input.build()), &self.written, &self.error) {
            (Ok(cu_ref_no), Some(written), None) => same("written", &written.as_str(), &cu_ref_no.as_str()),
            (Err(error), None, Some(expected)) => expected.check(&error, ""),
            (result, ..) => Err(format!("found {result:?}")),
        }
    }
}
