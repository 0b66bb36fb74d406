use std::collections::BTreeMap;

use serde::Serialize;

/// What a plan will cost and do, before anything is sent.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Bill {
    /// Rows of the input.
    pub rows: u64,
    /// Different customers among the accepted rows.
    pub customers: u64,
    /// Requests to send: one for each customer.
    pub requests: u64,
    /// Rows refused before anything is sent.
    pub rejected: u64,
    /// How many rows were refused, by code.
    pub rejected_by_code: BTreeMap<String, u64>,
    /// The groups to put, in the order of their first appearance.
    pub groups: Vec<BillGroup>,
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
    /// How many customers get it.
    pub customers: u64,
}
