use std::time::Duration;

use bizkithub::Timestamp;
use bizkithub::protocol::Quota;

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
