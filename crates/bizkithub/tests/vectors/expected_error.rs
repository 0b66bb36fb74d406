use std::time::Duration;

use bizkithub::{Error, Explanation, Field};
use serde::Deserialize;

use crate::case::same;
use crate::text::Text;

/// An error as the cases write it: what is absent must be absent in the error too. Messages are not compared.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExpectedError {
    kind: String,
    code: Option<Text>,
    status: Option<u16>,
    field: Option<String>,
    #[serde(default)]
    retryable: bool,
    /// Seconds.
    retry_after: Option<f64>,
    #[serde(default)]
    ambiguous: bool,
}

impl ExpectedError {
    /// Compares all that a program may decide on, and makes sure that no text of the error contains a secret.
    pub(crate) fn check(&self, error: &Error, secret: &str) -> Result<(), String> {
        same("kind", &self.kind.as_str(), &error.kind().as_str())?;
        same("code", &self.code.as_ref().map(Text::build).as_deref(), &error.code())?;
        same("status", &self.status, &error.status())?;
        same("field", &self.field.as_deref(), &error.field().map(Field::as_str))?;
        same("retryable", &self.retryable, &error.is_retryable())?;
        same("retryAfter", &self.retry_after, &error.retry_after().as_ref().map(Duration::as_secs_f64))?;
        same("ambiguous", &self.ambiguous, &error.is_ambiguous())?;
        same("a moment to retry at", &self.retry_after.is_some(), &error.retry_at().is_some())?;
        let is_of_the_server =
            error.code().is_some_and(|code| code.starts_with(|first: char| first.is_ascii_uppercase()));
        if error.doc_url().is_some() && !is_of_the_server {
            return Err(format!("{:?} is a page about a code of this client", error.doc_url()));
        }
        // A server may write anything into a code; each of this client's own can be explained.
        let explained = error.code().and_then(Explanation::of);
        let is_own = error.code().is_some() && error.status().is_none();
        if explained.map_or(is_own, |known| known.kind != error.kind()) {
            return Err(format!("the code of {error} is explained as {explained:?}"));
        }
        if error.message().is_empty() || error.advice().is_none() {
            return Err(format!("an error has to say what happened and what to do: {error}"));
        }
        match texts(error).into_iter().find(|text| !secret.is_empty() && text.contains(secret)) {
            Some(text) => Err(format!("the secret is in {text:?}")),
            None => Ok(()),
        }
    }

    /// Checks a result that has to be this error.
    pub(crate) fn check_result<T: std::fmt::Debug>(
        &self,
        result: Result<T, Error>,
        secret: &str,
    ) -> Result<(), String> {
        match result {
            Ok(value) => {
                Err(format!("expected {} {:?}, found {value:?}", self.kind, self.code.as_ref().map(Text::build)))
            }
            Err(error) => self.check(&error, secret),
        }
    }
}

/// Every text that an error could show.
pub(crate) fn texts(error: &Error) -> Vec<String> {
    let mut texts = vec![error.to_string(), format!("{error:?}")];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        texts.extend([cause.to_string(), format!("{cause:?}")]);
        source = cause.source();
    }
    texts
}
