use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Endpoint, ErrorCode, Operation, Quota, quota};
use crate::error::{Error, ErrorKind};

/// The largest body that is read, in bytes: 1 MiB. The documented answers have less than one kilobyte.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// The longest text of the server that an error repeats, in characters.
const QUOTED_LIMIT: usize = 300;

/// Where servers and the gateways before them name a request, the most usual first. BizKitHub documents none of them, so that any is
/// taken that arrives.
const REQUEST_ID_HEADERS: [&str; 4] = ["x-request-id", "request-id", "x-correlation-id", "cf-ray"];

/// The longest name of a request that is kept, in characters.
const REQUEST_ID_LIMIT: usize = 128;

/// One HTTP response, as a [`Transport`](crate::Transport) hands it over.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case. Only those [of use](Response::is_header_of_use) are looked at.
    pub headers: Vec<(String, String)>,
    /// The body. A transport stops reading once it holds more than [`BODY_LIMIT`] bytes.
    pub body: Vec<u8>,
}

impl Response {
    /// Whether a header, by its name in lower case, means something here. A transport may drop all others.
    #[must_use]
    pub fn is_header_of_use(name: &str) -> bool {
        quota::HEADERS.contains(&name) || REQUEST_ID_HEADERS.contains(&name)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What an answer means: whether the server said yes, and what it told about the quota either way.
#[derive(Debug)]
pub struct Answer {
    /// What the answer told about the quota.
    pub quota: Quota,
    /// The server's name for the request, if it gave one: to quote when somebody asks about the request.
    pub request_id: Option<String>,
    /// Yes, or why not.
    pub result: Result<(), Error>,
}

#[derive(Default, Deserialize)]
struct Envelope {
    success: Option<Value>,
    error: Option<Value>,
    retry_after: Option<Value>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Unreadable {
    Empty,
    TooLarge,
    Truncated,
    NotJson,
}

impl Endpoint {
    /// Interprets an answer that arrived at `now`: the code decides, the status only where the code is unknown or missing.
    ///
    /// Texts of the server are quoted with the API key removed, should it ever repeat it.
    #[must_use]
    pub fn interpret(&self, operation: Operation, response: &Response, now: Timestamp) -> Answer {
        let envelope = Envelope::read(&response.body);
        let retry_after = envelope.as_ref().ok().and_then(Envelope::retry_after);
        let quota = Quota::read(response, retry_after, now);
        let result = match self.refusal(operation, response.status, &envelope) {
            None => Ok(()),
            Some(error) => Err(with_retry_moment(error, &quota, now)),
        };
        let request_id = self.request_id(response);
        let result = result.map_err(|error| error.with_request_id(request_id.clone()));
        Answer { quota, request_id, result }
    }

    fn request_id(&self, response: &Response) -> Option<String> {
        let mut named =
            REQUEST_ID_HEADERS.iter().filter_map(|name| response.header(name)).map(|name| self.quote(name.trim()));
        named.find(|name| {
            !name.is_empty() && name.len() <= REQUEST_ID_LIMIT && name.bytes().all(|byte| byte.is_ascii_graphic())
        })
    }

    fn refusal(&self, operation: Operation, status: u16, envelope: &Result<Envelope, Unreadable>) -> Option<Error> {
        let is_success_status = (200..300).contains(&status);
        let error = match envelope {
            Ok(envelope) => {
                let code = envelope.text("code").map(|code| self.quote(code));
                let message = envelope
                    .text("message")
                    .or_else(|| envelope.text("description"))
                    .or_else(|| envelope.error.as_ref()?.as_str())
                    .map(|message| self.quote(message));
                match code {
                    Some(code) => coded(status, code, message),
                    None if !is_success_status => by_status(status, None, message, envelope.is_of_the_api()),
                    None if envelope.is_yes(operation) => return None,
                    None => unsuccessful(envelope, message),
                }
            }
            Err(unreadable) if is_success_status => unreadable.error(),
            Err(_) => by_status(status, None, None, false),
        };
        Some(error.with_status(status))
    }

    /// Whether a text contains the key or a part of it.
    pub(crate) fn repeats_key(&self, text: &str) -> bool {
        self.key().redact(text) != text
    }

    /// A text from outside, safe to show: without the key, without control characters, cut to a sentence or two.
    pub(crate) fn quote(&self, text: &str) -> String {
        let visible: String = text.chars().filter(|character| !character.is_control()).collect();
        self.key().redact(&visible).chars().take(QUOTED_LIMIT).collect()
    }
}

impl Envelope {
    fn read(body: &[u8]) -> Result<Self, Unreadable> {
        if body.len() > BODY_LIMIT {
            return Err(Unreadable::TooLarge);
        }
        // Some gateways write a byte order mark before the JSON.
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(Unreadable::Empty);
        }
        // Derived code would also take `[true, null, null]` for an envelope; JSON that is no object says nothing.
        if body.trim_ascii_start().starts_with(b"{") {
            serde_json::from_slice(body)
                .map_err(|error| if error.is_eof() { Unreadable::Truncated } else { Unreadable::NotJson })
        } else {
            serde_json::from_slice::<IgnoredAny>(body).map(|_| Self::default()).map_err(|_| Unreadable::NotJson)
        }
    }

    /// Whether the answer has the form of the API's, so that its status speaks of the request and not of a wrong address.
    fn is_of_the_api(&self) -> bool {
        self.success.is_some() || self.error.is_some()
    }

    /// A ping documents no body, so that for it any JSON without a refusal is a yes.
    fn is_yes(&self, operation: Operation) -> bool {
        match (&self.success, &self.error) {
            (Some(Value::Bool(success)), None) => *success,
            (None, None) => operation == Operation::Ping,
            _ => false,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.error.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn retry_after(&self) -> Option<f64> {
        let of_error = || self.error.as_ref()?.get("retry_after");
        self.retry_after.as_ref().or_else(of_error)?.as_f64()
    }
}

impl Unreadable {
    fn error(self) -> Error {
        let (code, message, is_retryable) = match self {
            Self::Empty => ("response_empty", "the answer has no body, so nothing confirms the request", true),
            Self::TooLarge => {
                ("response_too_large", "the answer is larger than 1 MiB, which the API never sends", false)
            }
            Self::Truncated => ("response_truncated", "the answer ends in the middle of its JSON", true),
            Self::NotJson => ("response_not_json", "the answer is not JSON, so it does not come from the API", false),
        };
        Error::coded(ErrorKind::Server, code, message)
            .advise("check the base URL, and any proxy or portal between here and BizKitHub")
            .retryable(is_retryable)
            .ambiguous(true)
            .general(self == Self::NotJson)
    }
}

fn unsuccessful(envelope: &Envelope, message: Option<String>) -> Error {
    let said_no = envelope.success == Some(Value::Bool(false));
    let (code, fallback) = if said_no {
        ("success_false", "the server answered success: false without a code")
    } else {
        ("response_unexpected", "the server answered without success: true")
    };
    Error::coded(
        ErrorKind::Server,
        code,
        message.map_or(Cow::Borrowed(fallback), |message| format!("{fallback}: {message}").into()),
    )
    .advise("check the base URL; if it is right, ask BizKitHub's support what the answer means")
    .ambiguous(!said_no)
}

fn coded(status: u16, code: String, message: Option<String>) -> Error {
    let Some(known) = ErrorCode::find(&code) else {
        return by_status(status, Some(code), message, true);
    };
    let text = match message.filter(|message| message != known.meaning) {
        Some(message) => Cow::Owned(format!("{}: {message}", known.meaning)),
        None => Cow::Borrowed(known.meaning),
    };
    Error::coded(known.kind, known.code, text).advise(known.advice).retryable(known.kind == ErrorKind::Quota)
}

/// The fallback for answers without a known code. Where the status is a success, a code still means a refusal.
fn by_status(status: u16, code: Option<String>, message: Option<String>, is_of_the_api: bool) -> Error {
    let not_the_api = (
        ErrorKind::Server,
        Some("not_the_api"),
        "what answers at this address is not the API",
        "correct the base URL",
        false,
    );
    let (kind, local_code, text, advice, is_retryable) = match status {
        300..=399 => (
            ErrorKind::Server,
            Some("redirect_refused"),
            "the server redirects elsewhere; the API key is never sent along",
            "correct the base URL",
            false,
        ),
        401..=403 => (
            ErrorKind::Permission,
            None,
            "the request is not permitted",
            "check the key's permissions in BizKitHub",
            false,
        ),
        407 => (
            ErrorKind::Network,
            Some("proxy_authentication_required"),
            "the proxy asks for a user name and password",
            "put them into the proxy's address",
            false,
        ),
        408 | 425 => (ErrorKind::Server, None, "the server asks to send the request again", "try again", true),
        429 => {
            (ErrorKind::Quota, None, "the quota is used up", "wait for the quota to come back; nothing is lost", true)
        }
        404 | 410 if !is_of_the_api => not_the_api,
        405 => not_the_api,
        200..=299 | 400..=499 => {
            (ErrorKind::Rejected, None, "the server refused the request", "check the customer and its groups", false)
        }
        500..=599 => (ErrorKind::Server, None, "the server failed", "try again later", true),
        _ => (
            ErrorKind::Server,
            Some("status_unexpected"),
            "the answer has an unexpected HTTP status",
            "check the base URL",
            false,
        ),
    };
    let code = code.map(Cow::Owned).or(local_code.map(Cow::Borrowed));
    let text = message.map_or(Cow::Borrowed(text), |message| format!("{text}: {message}").into());
    // Redirects, strangers and proxies answer every request alike.
    let is_general = local_code.is_some();
    Error::new(kind, code, text).advise(advice).retryable(is_retryable).general(is_general)
}

fn with_retry_moment(error: Error, quota: &Quota, now: Timestamp) -> Error {
    if !error.is_retryable() {
        return error;
    }
    let until_reset = || {
        let resets_at = quota
            .resets_at
            .filter(|_| error.kind() == ErrorKind::Quota && quota.remaining.is_none_or(|left| left == 0))?;
        Duration::try_from(resets_at.duration_since(now)).ok()
    };
    let until_next_block = || (error.code() == Some(ErrorCode::FIXED_BLOCK_QUOTA)).then(|| until_next_ten_minutes(now));
    let wait = quota.retry_after.or_else(until_reset).or_else(until_next_block);
    error.retry_at_moment(now, wait)
}

/// The blocks of the header-less model are taken to begin at full ten minutes: documented is only their length.
fn until_next_ten_minutes(now: Timestamp) -> Duration {
    let block = ErrorCode::FIXED_BLOCK.as_secs();
    let since = u64::try_from(now.as_second()).unwrap_or_default() % block;
    Duration::from_secs(block - since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::KeyPlacement;
    use crate::types::{ApiKey, BaseUrl};

    const KEY: &str = "DEV_MessageKey000000000000000001";

    fn message(body: &str) -> String {
        let (url, key) = (BaseUrl::parse(BaseUrl::DEFAULT).unwrap(), ApiKey::parse(KEY).unwrap());
        let response = Response { status: 400, headers: Vec::new(), body: body.into() };
        let answer = Endpoint::new(url, key, KeyPlacement::Query).interpret(
            Operation::AddGroups,
            &response,
            Timestamp::UNIX_EPOCH,
        );
        answer.result.unwrap_err().message().to_owned()
    }

    #[test]
    fn the_servers_words_are_told() {
        let told = "the server refused the request: No such thing.";
        assert_eq!(message(r#"{"error":{"code":"NEW","message":"No such thing.","description":"More."}}"#), told);
        assert_eq!(message(r#"{"error":{"code":"NEW","message":"","description":"No such thing."}}"#), told);
        assert_eq!(message(r#"{"error":"No such thing."}"#), told);
        assert_eq!(message(r#"{"error":{"code":"NEW"}}"#), "the server refused the request");
    }

    #[test]
    fn the_key_is_taken_out_of_the_servers_words_and_the_rest_is_kept() {
        let told = "the server refused the request: key [API key] and [API key]?";
        assert_eq!(message(&format!(r#"{{"error":{{"message":"key {KEY} and {KEY}?"}}}}"#)), told);
        let broken = KEY.replace("Key", r"K\u0000ey\n");
        assert_eq!(message(&format!(r#"{{"error":{{"message":"key {broken} and {KEY}?"}}}}"#)), told);
    }

    #[test]
    fn long_words_are_cut_without_baring_a_part_of_the_key() {
        let start = "x".repeat(QUOTED_LIMIT - 4);
        let told = format!("the server refused the request: {start}[API");
        assert_eq!(message(&format!(r#"{{"error":{{"message":"{start}{KEY}"}}}}"#)), told);
    }
}
