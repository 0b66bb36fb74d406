use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;
use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::quota::{Allowance, QuotaSignal, whole_seconds};
use crate::refusal::Refusal;

/// A body that is sent as it is, or one that breaks off on purpose.
pub(crate) type AnswerBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>>;

const YES: &[u8] = br#"{"success":true}"#;
const NO: &[u8] = br#"{"success":false}"#;
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Twice the size up to which a client reads an answer.
const OVERSIZE: usize = 2 * 1024 * 1024;

static OVERSIZED: LazyLock<Bytes> =
    LazyLock::new(|| format!(r#"{{"success":true,"padding":"{}"}}"#, " ".repeat(OVERSIZE)).into());

/// What goes back to the client.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: Option<Cow<'static, str>>,
    content_type: Option<HeaderValue>,
    body: Bytes,
    is_truncated: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    pub(crate) fn yes() -> Self {
        Self::json(200, YES)
    }

    pub(crate) fn no() -> Self {
        Self::json(200, NO)
    }

    pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            code: None,
            content_type: Some(JSON),
            body: body.into(),
            is_truncated: false,
            headers: Vec::new(),
        }
    }

    /// The page of something between the client and the API.
    pub(crate) fn html(status: u16) -> Self {
        let page =
            format!("<!doctype html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Self { content_type: Some(HTML), ..Self::json(status, page) }
    }

    pub(crate) fn redirect(address: &str) -> Self {
        let location = HeaderValue::from_str(address).ok();
        let mut answer = Self::html(307);
        answer.headers.extend(location.map(|location| (header::LOCATION, location)));
        answer
    }

    /// A refusal for the quota.
    pub(crate) fn throttled(refusal: &Refusal, retry_after: u64, signals: &[QuotaSignal]) -> Self {
        let body = refusal.body(signals.contains(&QuotaSignal::Body).then_some(retry_after));
        let mut answer = Self { code: Some(refusal.code.clone()), ..Self::json(refusal.status, body) };
        if signals.contains(&QuotaSignal::RetryAfter) {
            answer = answer.retry_after(retry_after);
        }
        answer
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((header::RETRY_AFTER, seconds.into()));
        self
    }

    /// The same answer without its body.
    pub(crate) fn emptied(self) -> Self {
        Self { body: Bytes::new(), content_type: None, ..self }
    }

    /// The same answer in far too many bytes, if it is a yes.
    pub(crate) fn oversized(self) -> Self {
        if self.code.is_some() { self } else { Self { body: OVERSIZED.clone(), ..self } }
    }

    /// The same answer, of which only half of the promised body arrives.
    pub(crate) fn truncated(self) -> Self {
        Self { is_truncated: true, ..self }
    }

    /// The same answer with what it tells about the quota.
    pub(crate) fn telling(mut self, allowance: Option<&Allowance>, signals: &[QuotaSignal]) -> Self {
        let Some(allowance) = allowance else { return self };
        if signals.contains(&QuotaSignal::XRateLimit) {
            self.headers.extend([
                (HeaderName::from_static("x-ratelimit-limit"), allowance.limit.into()),
                (HeaderName::from_static("x-ratelimit-remaining"), allowance.remaining.into()),
                (HeaderName::from_static("x-ratelimit-reset"), whole_seconds(allowance.resets_at).into()),
            ]);
        }
        if signals.contains(&QuotaSignal::RateLimitFields) {
            let until_reset = whole_seconds(allowance.resets_at.saturating_sub(allowance.now));
            let fields = [
                ("ratelimit", format!(r#""default";r={};t={until_reset}"#, allowance.remaining)),
                (
                    "ratelimit-policy",
                    format!(r#""default";q={};w={}"#, allowance.limit, whole_seconds(allowance.window)),
                ),
            ];
            let fields = fields.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value)));
            self.headers.extend(fields.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))));
        }
        self
    }

    /// The response, dated by the sandbox's clock: a client that corrects the moments it is told needs to know what that shows.
    pub(crate) fn into_response(self, now: Timestamp) -> Response<AnswerBody> {
        let length = self.body.len();
        let body = if self.is_truncated {
            Either::Right(breaking_off(self.body.slice(..length / 2)))
        } else {
            Either::Left(Full::new(self.body))
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, length.into());
        if let Some(content_type) = self.content_type {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok();
        headers.extend(date.and_then(|date| Some((header::DATE, HeaderValue::try_from(date).ok()?))));
        headers.extend(self.headers);
        response
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = refusal.body(None);
        let allow = refusal.allow.map(|methods| (header::ALLOW, HeaderValue::from_static(methods)));
        Self { code: Some(refusal.code), headers: allow.into_iter().collect(), ..Self::json(refusal.status, body) }
    }
}

/// The start of a body, then an error that makes the server close the connection.
fn breaking_off(start: Bytes) -> UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>> {
    let start = stream::once(async { Ok(Frame::data(start)) });
    let end = stream::once(async {
        // The connection sends what it has only while the body lets it wait.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted).into())
    });
    StreamBody::new(start.chain(end)).boxed_unsync()
}
