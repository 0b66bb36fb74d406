use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use super::customer_table::{CustomerId, Place};
use super::row::Row;
use crate::error::Error;
use crate::types::{Email, is_plain_address};

/// A row on its way into a plan, with what can be told of its customer before its turn comes.
pub(super) struct PreparedRow<'a> {
    /// The row, or why it cannot be read.
    pub(super) row: Result<Row<'a>, Error>,
    pub(super) line: Option<u64>,
    pub(super) glimpse: Option<Glimpse>,
}

/// What is known ahead about a customer who is named by a plain address alone, as nearly all are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glimpse {
    pub(super) hash: u32,
    pub(super) place: Option<Place>,
    /// The customer, if it is in the table; when it is not, it may still come in before this row's turn.
    pub(super) customer: Option<CustomerId>,
}

/// Prepares rows without the table of customers, and so on another thread too.
#[derive(Clone, Debug, Default)]
pub(super) struct RowPreparation {
    hasher: RandomState,
}

impl RowPreparation {
    pub(super) fn prepare<'a>(&self, row: Result<Row<'a>, Error>, line: Option<u64>) -> PreparedRow<'a> {
        let names = row.as_ref().ok().map(|row| (row.email.as_deref(), row.cu_ref_no.as_deref()));
        let glimpse = names.and_then(|(email, cu_ref_no)| self.glimpse(email, cu_ref_no));
        PreparedRow { row, line, glimpse }
    }

    pub(super) fn glimpse(&self, email: Option<&str>, cu_ref_no: Option<&str>) -> Option<Glimpse> {
        let email = email?.trim();
        if cu_ref_no.is_some_and(|text| !text.trim().is_empty()) || !is_plain_address(email) {
            return None;
        }
        let mut lower_case = [0; Email::LENGTH_LIMIT];
        let identity = lower_case.get_mut(..email.len())?;
        identity.copy_from_slice(email.as_bytes());
        identity.make_ascii_lowercase();
        Some(Glimpse { hash: self.hash(identity), place: None, customer: None })
    }

    /// The hash of a customer's identity.
    #[expect(clippy::cast_possible_truncation, reason = "any 32 bits of the hash will do")]
    pub(super) fn hash(&self, identity: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(identity);
        hasher.finish() as u32
    }
}
