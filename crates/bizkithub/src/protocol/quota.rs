use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};
use sfv::{BareItem, Dictionary, Item, List, ListEntry, Parser};

use super::Response;

/// What an answer told about the quota. Every part is absent when the server did not mention it.
///
/// Read from `X-RateLimit-Limit`, `-Remaining` and `-Reset` (BizKitHub documentation), `Retry-After` (RFC 9110, section
/// 10.2.3), `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) and `retry_after` in the body.
/// The vendor's own headers win over the draft's. Moments are corrected by `Date`, should the server's clock show another time.
///
/// As JSON: `limit`, `remaining`, `resetsAt` (RFC 3339), `window` and `retryAfter` (seconds), null where nothing was said.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// Requests allowed in a window.
    pub limit: Option<u64>,
    /// Requests left in the current window.
    pub remaining: Option<u64>,
    /// When the window ends and the quota comes back.
    #[serde(serialize_with = "as_text")]
    pub resets_at: Option<Timestamp>,
    /// The length of a window.
    #[serde(serialize_with = "as_seconds")]
    pub window: Option<Duration>,
    /// How long the server asks to wait before the next request.
    #[serde(serialize_with = "as_seconds")]
    pub retry_after: Option<Duration>,
}

/// An answer may ask for any wait; more than this is taken for a mistake and cut to it.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);

fn as_text<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    moment.map(|moment| moment.to_string()).serialize(serializer)
}

fn as_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

/// The headers that carry something about the quota, and `date`, by which its moments are corrected; in lower case.
pub(super) const HEADERS: [&str; 10] = [
    "date",
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

impl Quota {
    /// Reads the quota from an answer that arrived at `now`; `retry_after` is the body's, in seconds.
    pub(super) fn read(response: &Response, retry_after: Option<f64>, now: Timestamp) -> Self {
        if retry_after.is_none() && response.headers.iter().all(|(name, _)| name.eq_ignore_ascii_case("date")) {
            return Self::default();
        }
        let count = |name: &str| response.header(name).and_then(first_count);
        // Moments are the server's: where its clock and ours differ, so do they.
        let here = |moment: Timestamp| match server_time(response, now) {
            Some(server_now) => now.checked_add(moment.duration_since(server_now)).unwrap_or(moment),
            None => moment,
        };
        let draft = Draft::read(response);
        let resets_at = count("x-ratelimit-reset")
            .and_then(|seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok())
            .map(here)
            .or_else(|| now.checked_add(wait_of(draft.reset?)).ok());
        let latest = now.checked_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX);
        Self {
            limit: count("x-ratelimit-limit").or(draft.limit),
            remaining: count("x-ratelimit-remaining").or(draft.remaining),
            resets_at: resets_at.map(|moment| moment.min(latest)),
            window: draft.window.map(wait_of),
            retry_after: response
                .header("retry-after")
                .and_then(|value| wait(value, now, here))
                .or_else(|| Duration::try_from_secs_f64(retry_after?.min(LONGEST_WAIT.as_secs_f64())).ok())
                .map(|wait| wait.min(LONGEST_WAIT)),
        }
    }
}

/// The fields of the draft, in seconds and requests. Of several policies, the one with the fewest requests left counts.
#[derive(Default)]
struct Draft {
    limit: Option<u64>,
    remaining: Option<u64>,
    reset: Option<u64>,
    window: Option<u64>,
}

impl Draft {
    /// Reads either form: `RateLimit: "default";r=50;t=30` beside `RateLimit-Policy: "default";q=100;w=60` (from revision 8
    /// on), or `limit=100, remaining=50, reset=30` beside `100;w=60`, or one header for each (before).
    fn read(response: &Response) -> Self {
        let (rate_limit, policies) = (response.header("ratelimit"), items(response.header("ratelimit-policy")));
        let states = items(rate_limit);
        let tightest = states.iter().min_by_key(|state| parameter(state, "r").unwrap_or(u64::MAX));
        let members = rate_limit.and_then(|value| Parser::new(value).parse::<Dictionary>().ok()).unwrap_or_default();
        let modern = |name: &str| tightest.and_then(|state| parameter(state, name));
        let older = |name: &str, header: &str| {
            let member = members.get(name).and_then(item).and_then(|item| number(&item.bare_item));
            member.or_else(|| first_count(response.header(header)?))
        };
        let older_limit = older("limit", "ratelimit-limit");
        let policy = policies
            .iter()
            .find(|policy| match tightest {
                Some(state) => policy.bare_item == state.bare_item,
                None => number(&policy.bare_item) == older_limit,
            })
            .or(policies.first());
        let limit = policy.and_then(|policy| parameter(policy, "q").or_else(|| number(&policy.bare_item)));
        Self {
            limit: older_limit.or(limit),
            remaining: modern("r").or_else(|| older("remaining", "ratelimit-remaining")),
            reset: modern("t").or_else(|| older("reset", "ratelimit-reset")),
            window: policy.and_then(|policy| parameter(policy, "w")),
        }
    }
}

fn wait_of(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(LONGEST_WAIT)
}

/// Clocks that differ by less are taken for the same: `Date` has whole seconds, and an answer is some time under way.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(5);

/// What the server's clock showed when it answered, where that is another time than ours.
fn server_time(response: &Response, now: Timestamp) -> Option<Timestamp> {
    let date = Timestamp::try_from(httpdate::parse_http_date(response.header("date")?.trim()).ok()?).ok()?;
    (date.duration_since(now).abs() > SAME_TIME).then_some(date)
}

/// `Retry-After` is a number of seconds or an HTTP-date; a date in the past asks for no wait.
fn wait(value: &str, now: Timestamp, here: impl Fn(Timestamp) -> Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(wait_of(value.parse().unwrap_or(u64::MAX)));
    }
    // The last day of the year 9999 is a date that such headers hold and a `Timestamp` does not.
    let moment = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).unwrap_or(Timestamp::MAX);
    Some(Duration::try_from(here(moment).duration_since(now)).unwrap_or_default())
}

/// The first number of a header that some servers write with its windows behind it, as in `100, 100;w=60`.
fn first_count(value: &str) -> Option<u64> {
    value.split([',', ';']).next()?.trim().parse().ok()
}

fn items(value: Option<&str>) -> Vec<Item> {
    let list = value.and_then(|value| Parser::new(value).parse::<List>().ok()).unwrap_or_default();
    list.iter().filter_map(item).cloned().collect()
}

fn item(entry: &ListEntry) -> Option<&Item> {
    match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => None,
    }
}

fn parameter(item: &Item, name: &str) -> Option<u64> {
    item.params.get(name).and_then(number)
}

fn number(item: &BareItem) -> Option<u64> {
    u64::try_from(i64::from(item.as_integer()?)).ok()
}
