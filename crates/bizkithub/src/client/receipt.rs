use serde::Serialize;

use crate::protocol::Quota;

/// The server's yes to one call.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Receipt {
    /// How many requests it took, retries included: 1 when all went well.
    pub attempts: u32,
    /// The server's name for the last request, if its answer gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What the answer told about the quota.
    pub quota: Quota,
}
