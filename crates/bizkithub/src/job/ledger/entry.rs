use super::{CustomerKey, GroupKey};

/// What the server said of an assignment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Yes.
    Acknowledged,
    /// No, for good, with this code: the server's own, or the kind of the error where the server gave none.
    Refused(Box<str>),
}

/// One assignment that a ledger remembers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The customer.
    pub customer: CustomerKey,
    /// The group.
    pub group: GroupKey,
    /// When the server answered, in milliseconds since the Unix epoch.
    pub at: i64,
    /// What it said.
    pub verdict: Verdict,
}

impl Entry {
    /// Sorts entries by customer and group, and keeps the last of each assignment, which counts.
    pub fn keep_last(entries: &mut Vec<Self>) {
        entries.reverse();
        entries.sort_by_key(|entry| (entry.customer, entry.group));
        entries.dedup_by_key(|entry| (entry.customer, entry.group));
    }
}

/// A group that a ledger knows by name: groups are no secret, and typos can only be found among names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownGroup {
    /// Its key in the entries.
    pub key: GroupKey,
    /// Its predicted slug.
    pub slug: String,
    /// The text with which it was sent first.
    pub text: String,
    /// When it was acknowledged first, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// Answers to remember together.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch {
    /// The assignments. A later one replaces an earlier one of the same customer and group.
    pub entries: Vec<Entry>,
    /// Groups that may be new to the ledger; one that it knows keeps its first text.
    pub groups: Vec<KnownGroup>,
}
