use std::time::SystemTime;

use bizkithub::Receipt;

use crate::error::moment;

/// The quota as values: limit, remaining, moment of reset, window and wait in seconds.
type QuotaValues = (Option<u64>, Option<u64>, Option<SystemTime>, Option<f64>, Option<f64>);

/// A receipt as values: attempts, the server's name for the request, and the quota if the answer told anything about it.
pub(crate) type ReceiptValues = (u32, Option<String>, Option<QuotaValues>);

pub(crate) fn values(receipt: Receipt) -> ReceiptValues {
    let Receipt { attempts, request_id, quota, .. } = receipt;
    let seconds = |duration: std::time::Duration| duration.as_secs_f64();
    let values = (
        quota.limit,
        quota.remaining,
        quota.resets_at.and_then(moment),
        quota.window.map(seconds),
        quota.retry_after.map(seconds),
    );
    (attempts, request_id, (quota != bizkithub::protocol::Quota::default()).then_some(values))
}
