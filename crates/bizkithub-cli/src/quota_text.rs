use std::time::Duration;

use bizkithub::protocol::Quota;
use bizkithub::{Receipt, Timestamp};
use serde_json::{Value, json};

use crate::wording::{number, time};

/// What an answer told about the quota, as a sentence for people, if it told anything.
pub(crate) fn quota_text(quota: &Quota, now: Timestamp) -> Option<String> {
    let left = quota.remaining.map(|remaining| match quota.limit {
        Some(limit) => format!("{} of {} requests are left", number(remaining), number(limit)),
        None => format!("{} requests are left", number(remaining)),
    });
    let left = left.or_else(|| Some(format!("{} requests in a window", number(quota.limit?))))?;
    let renewal = quota.resets_at.map(|moment| {
        let wait = Duration::try_from(moment.duration_since(now)).unwrap_or_default();
        format!("; more come in {} ({moment:.0})", time(wait))
    });
    Some(format!("quota: {left}{}", renewal.unwrap_or_default()))
}

/// A receipt as JSON: `attempts` and `quota`, whose parts are null where the server told nothing.
pub(crate) fn receipt_json(receipt: &Receipt) -> Value {
    let Quota { limit, remaining, resets_at, window, retry_after } = &receipt.quota;
    json!({
        "attempts": receipt.attempts,
        "quota": {
            "limit": limit,
            "remaining": remaining,
            "resetsAt": resets_at.map(|moment| moment.to_string()),
            "windowSeconds": window.map(|window| window.as_secs_f64()),
            "retryAfterSeconds": retry_after.map(|wait| wait.as_secs_f64()),
        },
    })
}
