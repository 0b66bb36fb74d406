use std::time::Duration;

use jiff::Timestamp;
use sfv::{BareItem, Dictionary, Item, List, ListEntry, Parser};

use super::Response;

/// What an answer told about the quota. Every part is absent when the server did not mention it.
///
/// Read from `X-RateLimit-Limit`, `-Remaining` and `-Reset` (BizKitHub documentation), `Retry-After` (RFC 9110, section
/// 10.2.3), `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) and `retry_after` in the body.
/// The vendor's own headers win over the draft's.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Quota {
    /// Requests allowed in a window.
    pub limit: Option<u64>,
    /// Requests left in the current window.
    pub remaining: Option<u64>,
    /// When the window ends and the quota comes back.
    pub resets_at: Option<Timestamp>,
    /// The length of a window.
    pub window: Option<Duration>,
    /// How long the server asks to wait before the next request.
    pub retry_after: Option<Duration>,
}

/// An answer may ask for any wait; more than this is taken for a mistake and cut to it.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);

impl Quota {
    /// The headers that carry something about the quota, in lower case: a transport may drop all others.
    pub const HEADERS: [&'static str; 9] = [
        "retry-after",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "ratelimit",
        "ratelimit-policy",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
    ];

    /// Reads the quota from an answer that arrived at `now`; `retry_after` is the body's, in seconds.
    pub(super) fn read(response: &Response, retry_after: Option<f64>, now: Timestamp) -> Self {
        if response.headers.is_empty() && retry_after.is_none() {
            return Self::default();
        }
        let count = |name: &str| response.header(name).and_then(|value| value.trim().parse::<u64>().ok());
        let (rate_limit, policy) = (response.header("ratelimit"), response.header("ratelimit-policy"));
        let draft_remaining = count("ratelimit-remaining").or_else(|| parameter(rate_limit, &["r", "remaining"]));
        let draft_reset = count("ratelimit-reset").or_else(|| parameter(rate_limit, &["t", "reset"]));
        let draft_limit = parameter(policy, &["q"])
            .or_else(|| count("ratelimit-limit"))
            .or_else(|| parameter(rate_limit, &["limit"]));
        Self {
            limit: count("x-ratelimit-limit").or(draft_limit),
            remaining: count("x-ratelimit-remaining").or(draft_remaining),
            resets_at: count("x-ratelimit-reset")
                .and_then(|seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok())
                .or_else(|| now.checked_add(wait_of(draft_reset?)).ok()),
            window: parameter(policy, &["w"]).map(wait_of),
            retry_after: response
                .header("retry-after")
                .and_then(|value| wait(value, now))
                .or_else(|| retry_after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
                .map(|wait| wait.min(LONGEST_WAIT)),
        }
    }
}

fn wait_of(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(LONGEST_WAIT)
}

/// `Retry-After` is a number of seconds or an HTTP-date; a date in the past asks for no wait.
fn wait(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(wait_of(seconds));
    }
    let moment = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).ok()?;
    Some(Duration::try_from(moment.duration_since(now)).unwrap_or_default())
}

/// Finds a number in either form of the draft: `"default";r=50;t=30` (items with parameters, from revision 8 on) or
/// `limit=100, remaining=50, reset=30` (a dictionary, before).
fn parameter(value: Option<&str>, names: &[&str]) -> Option<u64> {
    let value = value?;
    let number = |item: &BareItem| u64::try_from(i64::from(item.as_integer()?)).ok();
    let items = Parser::new(value).parse::<List>().unwrap_or_default();
    let in_parameters = items.iter().filter_map(item).find_map(|item| {
        let (_, bare) = item.params.iter().find(|(key, _)| names.contains(&key.as_str()))?;
        number(bare)
    });
    in_parameters.or_else(|| {
        let dictionary = Parser::new(value).parse::<Dictionary>().ok()?;
        let (_, entry) = dictionary.iter().find(|(key, _)| names.contains(&key.as_str()))?;
        number(&item(entry)?.bare_item)
    })
}

fn item(entry: &ListEntry) -> Option<&Item> {
    match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => None,
    }
}
