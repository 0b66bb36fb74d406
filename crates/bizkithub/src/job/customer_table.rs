use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::error::Error;
use crate::types::{Customer, CustomerIdentity, Email, is_plain_address};

/// Every customer of a plan, once. A customer costs its text and about 30 bytes: the texts lie in a few large blocks, and an index
/// that is needed only while the plan is made finds them by their identity.
#[derive(Debug, Default)]
pub(super) struct CustomerTable {
    blocks: Vec<Vec<u8>>,
    places: Vec<Place>,
    index: HashTable<Indexed>,
    hasher: RandomState,
    lower_case: Vec<u8>,
}

/// A customer's place in a [`CustomerTable`], in the order of the first rows.
pub(super) type CustomerId = u32;

#[derive(Clone, Copy, Debug)]
struct Place {
    block: u32,
    offset: u32,
}

/// A part of the hash beside the place: growing the index then need not read the texts again, nor does a miss.
#[derive(Clone, Copy, Debug)]
struct Indexed {
    customer: CustomerId,
    hash: u32,
}

/// Larger than any record; each block is allocated once.
const BLOCK: usize = 1 << 20;

/// How a record begins.
mod form {
    /// A length and a plain address, whose identity is its lower case.
    pub(super) const PLAIN: u8 = 0;
    /// Two lengths, an address as written and its identity.
    pub(super) const ADDRESS: u8 = 1;
    /// Two lengths, a reference number and, unless the second is 0, an address as written.
    pub(super) const CU_REF_NO: u8 = 2;
}

/// The two texts of a record.
struct Record<'a> {
    form: u8,
    first: &'a str,
    second: &'a str,
}

impl CustomerTable {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Finds a customer by its texts, or takes it in; blank texts count as absent.
    pub(super) fn insert(&mut self, email: Option<&str>, cu_ref_no: Option<&str>) -> Result<CustomerId, Error> {
        let email = email.map(str::trim);
        if let (Some(email), None) = (email, cu_ref_no.filter(|text| !text.trim().is_empty()))
            && is_plain_address(email)
        {
            let mut lower_case = std::mem::take(&mut self.lower_case);
            lower_case.clear();
            lower_case.extend(email.bytes().map(|byte| byte.to_ascii_lowercase()));
            let id = self.find_or_keep(&lower_case, form::PLAIN, email, "");
            self.lower_case = lower_case;
            return id;
        }
        let customer = Customer::parse(email, cu_ref_no)?;
        let written = customer.email().map(Email::as_str);
        match customer.identity() {
            CustomerIdentity::CuRefNo(identity) => {
                let identity = identity.as_str();
                self.find_or_keep(identity.as_bytes(), form::CU_REF_NO, identity, written.unwrap_or_default())
            }
            CustomerIdentity::Email(identity) => {
                self.find_or_keep(identity.as_bytes(), form::ADDRESS, written.unwrap_or_default(), &identity)
            }
        }
    }

    /// The customer itself.
    pub(super) fn get(&self, id: CustomerId) -> Result<Customer, Error> {
        let Record { form, first, second } = self.record(id).ok_or_else(unknown)?;
        match form {
            form::CU_REF_NO => Customer::parse(Some(second), Some(first)),
            _ => Customer::parse(Some(first), None),
        }
    }

    /// Calls a function with a customer's identity, without making anything of it.
    pub(super) fn with_identity<T>(&self, id: CustomerId, visit: impl FnOnce(IdentityText<'_>) -> T) -> Option<T> {
        let Record { form, first, second } = self.record(id)?;
        Some(match form {
            form::CU_REF_NO => visit(IdentityText::CuRefNo(first)),
            form::ADDRESS => visit(IdentityText::Email(second)),
            _ if first.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                visit(IdentityText::Email(&first.to_ascii_lowercase()))
            }
            _ => visit(IdentityText::Email(first)),
        })
    }

    /// Forgets how to find customers, which is half of what a table needs; they can be read as before.
    pub(super) fn seal(&mut self) {
        self.index = HashTable::new();
        self.places.shrink_to_fit();
    }

    fn find_or_keep(&mut self, identity: &[u8], form: u8, first: &str, second: &str) -> Result<CustomerId, Error> {
        #[expect(clippy::cast_possible_truncation, reason = "any 32 bits of the hash will do")]
        let hash = self.hasher.hash_one(identity) as u32;
        let is_same = |known: &Indexed| {
            known.hash == hash && self.record(known.customer).is_some_and(|record| record.has_identity(identity))
        };
        if let Some(known) = self.index.find(spread(hash), is_same) {
            return Ok(known.customer);
        }
        let customer = CustomerId::try_from(self.places.len())
            .ok()
            .filter(|id| *id < CustomerId::MAX)
            .ok_or_else(|| Error::internal("a plan has over four billion customers"))?;
        let place = self.keep(form, first, second)?;
        self.places.push(place);
        self.index.insert_unique(spread(hash), Indexed { customer, hash }, |known| spread(known.hash));
        Ok(customer)
    }

    fn keep(&mut self, form: u8, first: &str, second: &str) -> Result<Place, Error> {
        let length = |text: &str| {
            u16::try_from(text.len())
                .map(u16::to_le_bytes)
                .map_err(|_| Error::internal("a customer's name is too long"))
        };
        let needed = 5 + first.len() + second.len();
        let has_room = self.blocks.last().is_some_and(|block| block.len() + needed <= BLOCK);
        if !has_room {
            self.blocks.push(Vec::with_capacity(BLOCK.max(needed)));
        }
        let number = u32::try_from(self.blocks.len() - 1).map_err(|_| Error::internal("a plan is too large"))?;
        let (first_length, second_length) = (length(first)?, length(second)?);
        let Some(block) = self.blocks.last_mut() else { return Err(unknown()) };
        let offset = u32::try_from(block.len()).map_err(|_| Error::internal("a plan is too large"))?;
        block.push(form);
        block.extend(first_length);
        if form != form::PLAIN {
            block.extend(second_length);
        }
        block.extend(first.as_bytes());
        block.extend(second.as_bytes());
        Ok(Place { block: number, offset })
    }

    fn record(&self, id: CustomerId) -> Option<Record<'_>> {
        let Place { block, offset } = *self.places.get(id as usize)?;
        let bytes = self.blocks.get(block as usize)?.get(offset as usize..)?;
        let (&form, rest) = bytes.split_first()?;
        let (first_length, rest) = rest.split_first_chunk::<2>()?;
        let (second_length, rest) = if form == form::PLAIN { (&[0, 0], rest) } else { rest.split_first_chunk::<2>()? };
        let (first, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*first_length)))?;
        let second = rest.get(..usize::from(u16::from_le_bytes(*second_length)))?;
        Some(Record { form, first: str::from_utf8(first).ok()?, second: str::from_utf8(second).ok()? })
    }
}

/// By what a customer is recognised.
pub(super) enum IdentityText<'a> {
    /// See [`Email::identity`](crate::Email::identity).
    Email(&'a str),
    CuRefNo(&'a str),
}

impl Record<'_> {
    fn has_identity(&self, identity: &[u8]) -> bool {
        match self.form {
            form::PLAIN => self.first.as_bytes().eq_ignore_ascii_case(identity),
            form::ADDRESS => self.second.as_bytes() == identity,
            _ => self.first.as_bytes() == identity,
        }
    }
}

/// The index looks at both ends of its hash.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn unknown() -> Error {
    Error::internal("a plan was asked for a customer that it does not have")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_are_found_again_in_every_spelling_and_read_back_as_first_written() {
        let mut table = CustomerTable::default();
        let mut insert = |email: &str, cu_ref_no: &str| table.insert(Some(email), Some(cu_ref_no)).expect("valid");
        assert_eq!([insert("Jan@Barasek.com", ""), insert(" jan@barasek.COM ", " ")], [0, 0]);
        assert_eq!([insert("jan@Bücher.example", ""), insert("JAN@xn--bcher-kva.example", "")], [1, 1]);
        assert_eq!([insert("", "1cGIHvFoQDGLAbcA"), insert("jan@barasek.com", "1cGIHvFoQDGLAbcA")], [2, 2]);
        assert_eq!([insert("eva@example.com", "1cGIHvFoQDGLAbcB"), insert("eva@example.com", "")], [3, 4]);
        let shown = |id| {
            let customer = table.get(id).expect("a customer");
            format!("{:?} {:?}", customer.email().map(ToString::to_string), customer.cu_ref_no())
        };
        assert_eq!(shown(0), "Some(\"Jan@Barasek.com\") None");
        assert_eq!(shown(1), "Some(\"jan@Bücher.example\") None");
        assert_eq!(shown(2), "None Some(CuRefNo(1cGIHvFoQDGLAbcA))");
        assert_eq!(shown(3), "Some(\"eva@example.com\") Some(CuRefNo(1cGIHvFoQDGLAbcB))");
        assert!(table.get(5).is_err());
    }

    #[test]
    fn many_customers_stay_apart() {
        let mut table = CustomerTable::default();
        for _ in 0..2 {
            for number in 0..100_000 {
                let id = table.insert(Some(&format!("user{number}@example.com")), None).expect("valid");
                assert_eq!(id, number);
            }
        }
        assert_eq!(table.len(), 100_000);
        table.seal();
        assert_eq!(table.get(99_999).expect("a customer").to_string(), "user99999@example.com");
    }
}
