use bizkithub::Email;
use serde::Deserialize;

use crate::case::{Case, Shared, same};
use crate::expected_error::ExpectedError;
use crate::text::Text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailCase {
    name: String,
    input: Text,
    written: Option<Text>,
    identity: Option<Text>,
    error: Option<ExpectedError>,
}

impl Case for EmailCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Shared) -> Result<(), String> {
        match (Email::parse(&self.input.build()), &self.written, &self.identity, &self.error) {
            (Ok(email), Some(written), Some(identity), None) => {
                same("written", &written.build().as_str(), &email.as_str())?;
                same("identity", &identity.build().as_str(), &email.identity())?;
                let again =
                    Email::parse(email.identity()).map_err(|error| format!("the identity is refused: {error}"))?;
                same("the identity of the identity", &email.identity(), &again.identity())
            }
            (Err(error), None, None, Some(expected)) => expected.check(&error, ""),
            (result, ..) => Err(format!("found {result:?}")),
        }
    }
}
