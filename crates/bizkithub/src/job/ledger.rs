use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::client::{BoxFuture, MaybeSend, MaybeSync};
use crate::error::Error;
use crate::types::CustomerIdentity;

/// A customer and a group: the unit that is sent once and remembered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Assignment<'a> {
    /// The customer.
    pub customer: &'a CustomerIdentity,
    /// The group's predicted slug.
    pub slug: &'a str,
}

/// The seam of the memory of acknowledged assignments: what it knows is not sent again.
pub trait Ledger: MaybeSend + MaybeSync {
    /// Tells for each assignment whether the server has acknowledged it.
    fn acknowledged<'a>(&'a self, assignments: &'a [Assignment<'a>]) -> BoxFuture<'a, Result<Vec<bool>, Error>>;

    /// Remembers assignments that the server has just acknowledged, all of them or none.
    ///
    /// Returns once they are as durable as this ledger makes them; only then does a report count them.
    fn acknowledge<'a>(&'a self, assignments: &'a [Assignment<'a>]) -> BoxFuture<'a, Result<(), Error>>;
}

/// The ledger of a plan that was given none: it lasts as long as the plan, so that running the plan again goes on.
///
/// It keeps a 16-byte hash of each assignment and no text.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<HashSet<[u8; 16]>>);

fn key(assignment: &Assignment<'_>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    match assignment.customer {
        CustomerIdentity::CuRefNo(cu_ref_no) => hasher.update(b"cuRefNo\0").update(cu_ref_no.as_str().as_bytes()),
        CustomerIdentity::Email(email) => hasher.update(b"email\0").update(email.as_bytes()),
    };
    hasher.update(b"\0").update(assignment.slug.as_bytes());
    let mut key = [0; 16];
    hasher.finalize_xof().fill(&mut key);
    key
}

impl Ledger for MemoryLedger {
    fn acknowledged<'a>(&'a self, assignments: &'a [Assignment<'a>]) -> BoxFuture<'a, Result<Vec<bool>, Error>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = assignments.iter().map(|assignment| known.contains(&key(assignment))).collect();
        Box::pin(std::future::ready(Ok(answers)))
    }

    fn acknowledge<'a>(&'a self, assignments: &'a [Assignment<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(assignments.iter().map(key));
        Box::pin(std::future::ready(Ok(())))
    }
}
