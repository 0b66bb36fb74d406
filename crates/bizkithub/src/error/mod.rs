//! The one error type of the client: what happened, where, whether a retry makes sense, and what to do now.

mod explanation;
mod field;
mod kind;
mod printable;
mod record;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use explanation::Explanation;
pub use field::Field;
pub use kind::ErrorKind;
pub use printable::{is_treacherous, printable};

use crate::protocol::ErrorCode;
use crate::types::without_keys;

/// An error of the client. It never contains the API key, nor a URL with it.
#[derive(Clone, Debug)]
pub struct Error(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    code: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    advice: Option<Cow<'static, str>>,
    status: Option<u16>,
    request_id: Option<String>,
    field: Option<Field>,
    row: Option<u64>,
    line: Option<u64>,
    is_retryable: bool,
    is_ambiguous: bool,
    is_general: bool,
    retry_after: Option<Duration>,
    retry_at: Option<Timestamp>,
    attempts: u32,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, code: Option<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            code: code.map(shown),
            message: shown(message.into()),
            advice: None,
            status: None,
            request_id: None,
            field: None,
            row: None,
            line: None,
            is_retryable: false,
            is_ambiguous: false,
            is_general: false,
            retry_after: None,
            retry_at: None,
            attempts: 0,
            source: None,
        }))
    }

    pub(crate) fn coded(kind: ErrorKind, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(kind, Some(code.into()), message)
    }

    /// An input that this client refuses before anything is sent, for the layers above the core that read inputs of their own.
    ///
    /// `code` is stable and in lower case, so that it cannot be taken for one of the server's.
    #[must_use]
    pub fn invalid_input(
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        advice: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::coded(ErrorKind::InvalidInput, code, message).advise(advice)
    }

    /// A defect of this client, such as a panic that a binding caught.
    #[must_use]
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::coded(ErrorKind::Internal, "internal", message).advise(concat!(
            "this is a defect of the client; please report it with this message: ",
            env!("CARGO_PKG_REPOSITORY"),
            "/issues"
        ))
    }

    /// A panic that a binding caught, with its text.
    #[must_use]
    pub fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::internal(format!("the core panicked: {}", text.unwrap_or("without a message")))
    }

    /// A ledger that failed, for hosts that keep one of their own.
    #[must_use]
    pub fn ledger(message: impl Into<Cow<'static, str>>) -> Self {
        Self::coded(ErrorKind::Ledger, "ledger_failed", message)
            .advise("run again: nothing that a report counts is lost")
    }

    /// Names what to do now.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.inner().advice = Some(shown(advice.into()));
        self
    }

    /// Names the input at fault.
    #[must_use]
    pub fn at_field(mut self, field: Field) -> Self {
        self.inner().field = Some(field);
        self
    }

    /// Names the row at fault; rows count from 1.
    #[must_use]
    pub fn at_row(mut self, row: u64) -> Self {
        self.inner().row = Some(row);
        self
    }

    /// Names the line of the input file at fault; lines count from 1, the header included.
    #[must_use]
    pub fn at_line(mut self, line: u64) -> Self {
        self.inner().line = Some(line);
        self
    }

    /// Keeps what caused this error.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.inner().source = Some(Arc::from(source.into()));
        self
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// Says more about what happened.
    pub(crate) fn explain(mut self, explanation: impl FnOnce(&str) -> String) -> Self {
        self.inner().message = shown(explanation(&self.0.message).into());
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.inner().status = Some(status);
        self
    }

    pub(crate) fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.inner().request_id = request_id;
        self
    }

    pub(crate) fn retryable(mut self, is_retryable: bool) -> Self {
        self.inner().is_retryable = is_retryable;
        self
    }

    pub(crate) fn ambiguous(mut self, is_ambiguous: bool) -> Self {
        self.inner().is_ambiguous = is_ambiguous;
        self
    }

    pub(crate) fn general(mut self, is_general: bool) -> Self {
        self.inner().is_general = is_general;
        self
    }

    pub(crate) fn retry_at_moment(mut self, now: Timestamp, wait: Option<Duration>) -> Self {
        self.inner().retry_after = wait;
        self.inner().retry_at = wait.and_then(|wait| now.checked_add(wait).ok());
        self
    }

    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        self.inner().attempts = attempts;
        self
    }

    /// The family of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code: the server's own in capitals, kept even when this client does not know it, or one of this
    /// client's in lower case. Absent when the server answered a failure without a code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The code, unless a server made it up: its own have a form, and this client's are no texts from outside.
    pub(crate) fn stable_code(&self) -> Option<&str> {
        match &self.0.code {
            Some(Cow::Owned(code)) => Some(code.as_str()).filter(|code| ErrorCode::has_server_form(code)),
            code => code.as_deref(),
        }
    }

    /// What happened, in a sentence. The wording may change between versions.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do now, if there is something to do.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The server's name for the request, if its answer gave one: quote it when you ask about the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The input at fault.
    #[must_use]
    pub fn field(&self) -> Option<Field> {
        self.0.field
    }

    /// The row at fault; rows count from 1.
    #[must_use]
    pub fn row(&self) -> Option<u64> {
        self.0.row
    }

    /// The line of the input file at fault; lines count from 1, the header included.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        self.0.line
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable
    }

    /// Whether the request was sent and its result is not known: a re-send is safe and settles it.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.0.is_ambiguous
    }

    /// Whether every other request would fail alike, so that a run must stop at the first such answer: the key is wrong,
    /// a permission is missing, what answers is not the API, TLS fails, or a proxy wants a login.
    #[must_use]
    pub fn stops_everything(&self) -> bool {
        self.0.is_general || matches!(self.0.kind, ErrorKind::ApiKey | ErrorKind::Permission)
    }

    /// How long to wait before the next try, counted from the arrival of the answer.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The moment from which a next try makes sense.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.0.retry_at
    }

    /// How many requests were sent before this error: 0 when it was found before sending.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the quota was used up: not a failure, only a matter of time.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.0.kind == ErrorKind::Quota
    }

    /// What happened, where, after how many attempts, the code and the server's name for the request, as in
    /// `line 7: the line is not UTF-8 (csv_not_utf8)`: the first half of what `Display` shows. The wording may change between versions.
    #[must_use]
    pub fn summary(&self) -> String {
        let place = match (self.0.row, self.0.line) {
            (Some(row), Some(line)) => format!("row {row} (line {line}): "),
            (Some(row), None) => format!("row {row}: "),
            (None, Some(line)) => format!("line {line}: "),
            (None, None) => String::new(),
        };
        let attempts = match self.0.attempts {
            0 | 1 => String::new(),
            attempts => format!(", after {attempts} attempts"),
        };
        let status = self.0.status.map(|status| format!("HTTP {status}"));
        let request = self.request_id().map(|name| format!("request {name}"));
        let marks: Vec<_> = self.code().map(str::to_owned).into_iter().chain(status).chain(request).collect();
        let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
        format!("{place}{}{attempts}{marks}", self.0.message)
    }

    /// The advice and the moment from which a next try makes sense, if there is either: the second half of what `Display` shows.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let moment = self.0.retry_at.map(|moment| format!("try again at {moment:.0}"));
        match (self.advice(), moment) {
            (Some(advice), Some(moment)) => Some(format!("{advice}; {moment}")),
            (advice, moment) => advice.map(str::to_owned).or(moment),
        }
    }

    /// The vendor's page about the code, for codes of the server.
    #[must_use]
    pub fn doc_url(&self) -> Option<String> {
        self.code().filter(|code| ErrorCode::has_server_form(code)).map(ErrorCode::doc_url)
    }
}

/// A text for people. Inputs are quoted in errors, and any of them may be a key in the wrong place, or command a terminal.
fn shown(text: Cow<'static, str>) -> Cow<'static, str> {
    let Cow::Owned(text) = text else { return text };
    Cow::Owned(printable(&without_keys(&text)).into_owned())
}

impl fmt::Display for Error {
    /// One line: what happened, where, the code, and what to do now.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.summary())?;
        self.remedy().map_or(Ok(()), |remedy| write!(formatter, "; {remedy}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// What caused a library's error, from the nearest cause to the innermost one, which says what happened.
#[cfg(feature = "native")]
pub(crate) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Endpoint, KeyPlacement, Operation, Response};
    use crate::types::{ApiKey, BaseUrl, CuRefNo, Email, Group};

    fn refusal(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
        let key = ApiKey::parse("DEV_DisplayKey000000000000000001").unwrap();
        let endpoint = Endpoint::new(BaseUrl::parse(BaseUrl::DEFAULT).unwrap(), key, KeyPlacement::Query);
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = Response { status, headers, body: body.into() };
        let now = "2026-11-23T10:07:30Z".parse().unwrap();
        endpoint.interpret(Operation::AddGroups, &response, now).result.unwrap_err()
    }

    #[test]
    fn refused_inputs_read_well() {
        assert_eq!(
            ApiKey::parse("DEV_short").unwrap_err().to_string(),
            "the API key has 9 characters instead of 32 (api_key_invalid); copy the whole key: PROD, DEV_ or ROOT, then 28 \
             letters or digits, 32 characters in all"
        );
        assert_eq!(
            Email::parse("jan").unwrap_err().at_row(17).to_string(),
            "row 17: the e-mail address has no @ (email_invalid); correct the address, or name the customer by cuRefNo"
        );
        assert_eq!(
            CuRefNo::parse("1cGIHvFo-DGLAbcA").unwrap_err().at_row(17).at_line(18).to_string(),
            "row 17 (line 18): the cuRefNo contains '-' (cu_ref_no_invalid); a cuRefNo has exactly 16 letters and digits, \
             and its case matters"
        );
        assert_eq!(
            Group::parse("🎉").unwrap_err().to_string(),
            "the group \"🎉\" has no letter or digit that a slug could keep (group_without_slug); name the group with \
             letters or digits"
        );
        assert_eq!(
            BaseUrl::parse("http://api.bizkithub.com").unwrap_err().to_string(),
            "plain http:// would send the API key over the network unencrypted (base_url_insecure); use https://; http:// \
             is accepted for this machine only (localhost, 127.0.0.1, [::1])"
        );
    }

    #[test]
    fn answers_of_the_server_read_well() {
        assert_eq!(
            refusal(404, &[], r#"{"error":{"code":"PUBLIC_API_KEY_HAS_BEEN_EXPIRED","message":"API key expired."}}"#)
                .to_string(),
            "the API key has expired: API key expired. (PUBLIC_API_KEY_HAS_BEEN_EXPIRED, HTTP 404); copy the key again \
             from BizKitHub's settings, or make a new one"
        );
        assert_eq!(
            refusal(429, &[("retry-after", "3600")], r#"{"error":{"code":"RATE_LIMIT_EXCEEDED"}}"#).to_string(),
            "the quota is used up (RATE_LIMIT_EXCEEDED, HTTP 429); wait for the quota to come back; nothing is lost; try \
             again at 2026-11-23T11:07:30Z"
        );
        assert_eq!(
            refusal(302, &[], "").to_string(),
            "the server redirects elsewhere; the API key is never sent along (redirect_refused, HTTP 302); correct the \
             base URL"
        );
        assert_eq!(
            refusal(200, &[], "<html>").to_string(),
            "the answer is not JSON, so it does not come from the API (response_not_json, HTTP 200); check the base URL, \
             and any proxy or portal between here and BizKitHub"
        );
        assert_eq!(
            refusal(500, &[], "").after_attempts(3).to_string(),
            "the server failed, after 3 attempts (HTTP 500); try again later"
        );
    }

    #[test]
    fn a_key_in_the_wrong_place_is_not_repeated() {
        let key = "DEV_DisplayKey000000000000000001";
        let error = Error::invalid_input("test", format!("there is no file {key}"), format!("do not write {key}"));
        assert_eq!(error.to_string(), "there is no file [API key] (test); do not write [API key]");
    }

    #[test]
    fn only_codes_of_the_server_have_a_page() {
        let page = |code: &str| refusal(400, &[], &format!(r#"{{"error":{{"code":"{code}"}}}}"#)).doc_url();
        assert_eq!(page("NEW_CODE").as_deref(), Some("https://docs.bizkithub.com/errors/NEW_CODE"));
        assert_eq!(page("../../evil?x"), None);
        assert_eq!(page("small_letters"), None);
        assert_eq!(Email::parse("jan").unwrap_err().doc_url(), None);
    }
}
