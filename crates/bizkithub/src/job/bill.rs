use std::collections::BTreeMap;

use serde::Serialize;

use crate::client::QuotaRate;

/// What a plan will cost and do, before anything is sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Bill {
    /// Rows of the input.
    pub rows: u64,
    /// Different customers among the accepted rows.
    pub customers: u64,
    /// Requests to send: one for each customer with an assignment that is neither acknowledged nor refused.
    pub requests: u64,
    /// Assignments to send.
    pub assignments: u64,
    /// Rows of which the ledger knows everything.
    pub skipped: u64,
    /// Assignments that the ledger knows, and that are left out.
    pub skipped_assignments: u64,
    /// Rows refused before anything is sent, by this client now or by the server earlier.
    pub rejected: u64,
    /// How many rows were refused, by code.
    pub rejected_by_code: BTreeMap<String, u64>,
    /// The groups to put, in the order of their first appearance.
    pub groups: Vec<BillGroup>,
    /// How long it takes, when the quota is known or assumed.
    pub time: Option<BillTime>,
}

/// One group of a bill.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BillGroup {
    /// The first text with which the input writes it.
    pub text: String,
    /// The predicted slug. The server's own has the last word.
    pub slug: String,
    /// How many customers get it: those who are in the ledger too.
    pub customers: u64,
    /// Whether the ledger has never seen it acknowledged, so that the server may create it.
    pub is_new: bool,
    /// A known or more frequent group that it looks like a typo of.
    pub resembles: Option<String>,
}

/// How long a plan takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BillTime {
    /// Seconds, when the requests leave evenly.
    pub seconds: f64,
    /// Requests that the quota allows in a window.
    pub limit: u64,
    /// The length of a window in seconds.
    pub window_seconds: f64,
}

impl Bill {
    /// Adds how long the plan takes under a quota; `None` for one without a limit.
    #[must_use]
    pub fn under(mut self, quota: Option<QuotaRate>) -> Self {
        self.time = quota.map(|quota| BillTime {
            seconds: quota.time_for(self.requests).as_secs_f64(),
            limit: quota.limit(),
            window_seconds: quota.window().as_secs_f64(),
        });
        self
    }
}
