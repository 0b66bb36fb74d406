use bizkithub::ApiKey;
use serde::Deserialize;

use crate::case::{Case, Shared, same};
use crate::expected_error::{ExpectedError, texts};
use crate::text::Text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyCase {
    name: String,
    input: Text,
    prefix: Option<String>,
    error: Option<ExpectedError>,
}

impl Case for ApiKeyCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Shared) -> Result<(), String> {
        let input = self.input.build();
        match (ApiKey::parse(&input), &self.prefix, &self.error) {
            (Ok(key), Some(prefix), None) => {
                same("prefix", &prefix.as_str(), &key.kind().prefix())?;
                shows_nothing(&input, &[key.to_string(), format!("{key:?}")])
            }
            (Err(error), None, Some(expected)) => {
                shows_nothing(&input, &texts(&error))?;
                expected.check(&error, "")
            }
            (result, ..) => Err(format!("found {result:?}")),
        }
    }
}

/// Makes sure that no eight characters in a row of a key come back.
fn shows_nothing(input: &str, texts: &[String]) -> Result<(), String> {
    const PART: usize = 8;
    let characters: Vec<char> = input.trim().chars().take(1_000).collect();
    let parts = characters.windows(PART).map(|part| part.iter().collect::<String>());
    match parts.into_iter().find(|part| texts.iter().any(|text| text.contains(part.as_str()))) {
        Some(part) => Err(format!("the part {part:?} of the key is shown")),
        None => Ok(()),
    }
}
