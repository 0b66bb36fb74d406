use std::borrow::Cow;

use bizkithub::protocol::ErrorCode;
use serde_json::json;

/// A "no" of the sandbox: a code, its status and a sentence for people.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Cow<'static, str>,
    pub(crate) status: u16,
    pub(crate) message: Cow<'static, str>,
    /// The methods that the path does take, where the method is what is refused.
    pub(crate) allow: Option<&'static str>,
}

/// How the codes of the sandbox itself begin, which are for what the API's documentation leaves open.
const OWN_CODES: &str = "SANDBOX_";
pub(crate) const PATH_NOT_FOUND: &str = "SANDBOX_PATH_NOT_FOUND";
const METHOD_NOT_ALLOWED: &str = "SANDBOX_METHOD_NOT_ALLOWED";
pub(crate) const BODY_UNREADABLE: &str = "SANDBOX_BODY_UNREADABLE";
pub(crate) const INPUT_INVALID: &str = "SANDBOX_INPUT_INVALID";

impl Refusal {
    /// A documented code with its documented status and meaning.
    pub(crate) fn documented(code: &'static str) -> Self {
        let known = ErrorCode::find(code);
        let status = known.and_then(|known| known.statuses.first().copied()).unwrap_or(500);
        let message = known.map_or("", |known| known.meaning);
        Self { code: code.into(), status, message: message.into(), allow: None }
    }

    /// Any code with a status of the caller's choice; the message is the documented meaning, if the code has one.
    pub(crate) fn with_status(code: impl Into<Cow<'static, str>>, status: u16) -> Self {
        let code = code.into();
        let message = ErrorCode::find(&code).map_or("refused on purpose", |known| known.meaning);
        Self { code, status, message: message.into(), allow: None }
    }

    /// A path that takes other methods only.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let refusal = Self::with_status(METHOD_NOT_ALLOWED, 405).saying(format!("this path takes {allow} only"));
        Self { allow: Some(allow), ..refusal }
    }

    pub(crate) fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// The documented body; `retry_after` in seconds.
    pub(crate) fn body(&self, retry_after: Option<u64>) -> Vec<u8> {
        let description = if self.code.starts_with(OWN_CODES) {
            "The sandbox's own code, for a case that the API does not document".to_owned()
        } else {
            format!("See {}", ErrorCode::doc_url(&self.code))
        };
        let mut body = json!({
            "error": {
                "code": self.code,
                "message": self.message,
                "description": description,
            }
        });
        if let Some(seconds) = retry_after {
            body["retry_after"] = seconds.into();
        }
        body.to_string().into_bytes()
    }
}
