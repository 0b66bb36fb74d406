use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use bizkithub::protocol::KeyPlacement;
use bizkithub::without_keys;
use jiff::Timestamp;
use serde::Serialize;

use crate::answer::Answer;
use crate::clock::timestamp;
use crate::submission::Submission;

/// One request that reached the API's side of the sandbox. It never holds a key: whatever looks like one is replaced.
///
/// JSON: `{"sequence": 1, "time": "2026-11-23T12:00:00Z", "connection": 1, "httpVersion": "HTTP/1.1", "method": "POST",
/// "path": "/api/v1/customer/add-groups", "keyPlacement": "query", "customer": "jan@barasek.com", "groups": ["VIP"],
/// "status": 200, "code": null, "fault": null, "closedByClient": false}`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    /// Its number, from 1 on, in the order of complete arrival.
    pub sequence: u64,
    /// When it had arrived, on the sandbox's clock.
    #[serde(serialize_with = "crate::moment::serialize")]
    pub time: Timestamp,
    /// The number of its connection, from 1 on: equal numbers mean a connection used again.
    pub connection: u64,
    /// `HTTP/1.1`, `HTTP/2.0`, …
    pub http_version: Cow<'static, str>,
    /// The method.
    pub method: Cow<'static, str>,
    /// The path, without the query.
    pub path: String,
    /// Where the key was: `query`, `bearer` or `body`; absent when there was none.
    pub key_placement: Option<&'static str>,
    /// The `cuRefNo` or otherwise the e-mail as sent; absent when the request names no valid customer.
    pub customer: Option<String>,
    /// The groups as sent; empty when the request is not valid.
    pub groups: Vec<String>,
    /// The status it was answered with; absent while it waits, and when it was never answered.
    pub status: Option<u16>,
    /// The code it was refused with.
    pub code: Option<Cow<'static, str>>,
    /// The name of the fault that struck it, as in [`FaultEffect::name`](crate::FaultEffect::name).
    pub fault: Option<&'static str>,
    /// Whether the client closed the request, or its connection, before the answer.
    pub closed_by_client: bool,
}

/// What a request is, before anything is made of it.
pub(crate) struct Arrival<'a> {
    pub(crate) connection: u64,
    pub(crate) http_version: Cow<'static, str>,
    pub(crate) method: Cow<'static, str>,
    pub(crate) path: &'a str,
    pub(crate) key_placement: Option<KeyPlacement>,
    pub(crate) submission: Option<&'a Submission>,
}

/// The last requests, and the number of all.
pub(crate) struct RequestLog {
    records: VecDeque<RequestRecord>,
    capacity: usize,
    count: u64,
}

impl RequestLog {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { records: VecDeque::new(), capacity, count: 0 }
    }

    /// Notes a request and returns its number.
    pub(crate) fn arrive(&mut self, arrival: Arrival<'_>, now: Duration) -> u64 {
        self.count += 1;
        if self.capacity == 0 {
            return self.count;
        }
        if self.records.len() == self.capacity {
            self.records.pop_front();
        }
        let submission = arrival.submission;
        self.records.push_back(RequestRecord {
            sequence: self.count,
            time: timestamp(now),
            connection: arrival.connection,
            http_version: arrival.http_version,
            method: arrival.method,
            path: without_keys(arrival.path).into_owned(),
            key_placement: arrival.key_placement.and_then(name),
            customer: submission.map(|submission| without_keys(&submission.customer.to_string()).into_owned()),
            groups: submission.map_or_else(Vec::new, |submission| {
                submission.groups.iter().map(|group| without_keys(group.text()).into_owned()).collect()
            }),
            status: None,
            code: None,
            fault: None,
            closed_by_client: false,
        });
        self.count
    }

    pub(crate) fn settle(&mut self, sequence: u64, answer: &Answer) {
        if let Some(record) = self.find(sequence) {
            record.status = Some(answer.status);
            record.code.clone_from(&answer.code);
        }
    }

    pub(crate) fn note_fault(&mut self, sequence: u64, fault: Option<&'static str>) {
        if let Some(record) = self.find(sequence) {
            record.fault = fault;
        }
    }

    pub(crate) fn note_closed_by_client(&mut self, sequence: u64) {
        if let Some(record) = self.find(sequence) {
            record.closed_by_client = true;
        }
    }

    pub(crate) fn records(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.records.iter()
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    fn find(&mut self, sequence: u64) -> Option<&mut RequestRecord> {
        let first = self.records.front()?.sequence;
        self.records.get_mut(usize::try_from(sequence.checked_sub(first)?).ok()?)
    }
}

fn name(placement: KeyPlacement) -> Option<&'static str> {
    KeyPlacement::ALL.iter().find(|(_, known)| *known == placement).map(|(name, _)| *name)
}
