use hashbrown::HashTable;

use super::prepared_row::{Glimpse, PreparedRow, RowPreparation};
use super::row::Row;
use crate::error::Error;
use crate::types::{Customer, CustomerIdentity, Email};

/// Every customer of a plan, once. A customer costs its text and about 30 bytes: the texts lie in a few large blocks, and an index
/// that is needed only while the plan is made finds them by their identity.
#[derive(Debug, Default)]
pub(super) struct CustomerTable {
    blocks: Vec<Vec<u8>>,
    places: Vec<Place>,
    index: HashTable<Indexed>,
    preparation: RowPreparation,
}

/// A customer's place in a [`CustomerTable`], in the order of the first rows.
pub(super) type CustomerId = u32;

/// Where a record begins: records begin at multiples of [`ALIGNMENT`], so that 32 bits reach far.
pub(super) type Place = u32;

/// A part of the hash beside the place: growing the index then need not read the texts again, nor does a miss.
#[derive(Clone, Copy, Debug)]
struct Indexed {
    hash: u32,
    place: Place,
}

/// Larger than any record; each block is allocated once.
const BLOCK: usize = 1 << 20;
const ALIGNMENT: usize = 4;
const PLACES: usize = BLOCK / ALIGNMENT;

/// What follows a record's first four bytes, which are the customer's number.
mod form {
    /// A length and a plain address, whose identity is its lower case.
    pub(super) const PLAIN: u8 = 0;
    /// Two lengths, an address as written and its identity.
    pub(super) const ADDRESS: u8 = 1;
    /// Two lengths, a reference number and, unless the second is 0, an address as written.
    pub(super) const CU_REF_NO: u8 = 2;
}

/// A customer's number and two texts.
struct Record<'a> {
    customer: CustomerId,
    form: u8,
    first: &'a [u8],
    second: &'a [u8],
}

impl CustomerTable {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Finds a customer by its texts, or takes it in; blank texts count as absent. A glimpse of it saves the search.
    pub(super) fn insert(
        &mut self,
        email: Option<&str>,
        cu_ref_no: Option<&str>,
        glimpse: Option<Glimpse>,
    ) -> Result<CustomerId, Error> {
        let glimpse = glimpse.or_else(|| self.preparation.glimpse(email, cu_ref_no));
        if let (Some(glimpse), Some(email)) = (glimpse, email) {
            if let Some(customer) = glimpse.customer {
                return Ok(customer);
            }
            let email = email.trim();
            return self.find_or_keep(glimpse.hash, email.as_bytes(), form::PLAIN, email, "");
        }
        let customer = Customer::parse(email, cu_ref_no)?;
        let written = customer.email().map(Email::as_str);
        match customer.identity() {
            CustomerIdentity::CuRefNo(identity) => {
                let (identity, hash) = (identity.as_str(), self.preparation.hash(identity.as_str().as_bytes()));
                self.find_or_keep(hash, identity.as_bytes(), form::CU_REF_NO, identity, written.unwrap_or_default())
            }
            CustomerIdentity::Email(identity) => {
                let (written, hash) = (written.unwrap_or_default(), self.preparation.hash(identity.as_bytes()));
                self.find_or_keep(hash, identity.as_bytes(), form::ADDRESS, written, &identity)
            }
        }
    }

    /// Looks for the customers of many rows at once. Every step of a search waits for memory; a step of all of them together waits
    /// little longer than one, because the waits do not depend on one another.
    pub(super) fn find_all(&self, rows: &mut [PreparedRow<'_>]) {
        for glimpse in rows.iter_mut().filter_map(|row| row.glimpse.as_mut()) {
            glimpse.place = self.candidate(glimpse.hash);
        }
        for glimpse in rows.iter_mut().filter_map(|row| row.glimpse.as_mut()) {
            glimpse.customer = glimpse.place.and_then(|place| self.bytes_at(place)).map(|(customer, _)| customer);
        }
        for PreparedRow { row, glimpse, .. } in rows {
            let (Ok(Row { email: Some(email), .. }), Some(glimpse)) = (row, glimpse) else { continue };
            let record = glimpse.place.and_then(|place| self.record_at(place));
            if !record.is_some_and(|record| record.has_identity(email.trim().as_bytes())) {
                glimpse.customer = None;
            }
        }
    }

    /// What prepares rows for this table.
    pub(super) fn preparation(&self) -> &RowPreparation {
        &self.preparation
    }

    /// The place of a customer with this hash, who need not be the one looked for.
    fn candidate(&self, hash: u32) -> Option<Place> {
        self.index.find(spread(hash), |known| known.hash == hash).map(|known| known.place)
    }

    /// The customer itself.
    pub(super) fn get(&self, id: CustomerId) -> Result<Customer, Error> {
        let record = self.record(id).ok_or_else(unknown)?;
        let (form, (first, second)) = (record.form, record.texts().ok_or_else(unknown)?);
        match form {
            form::CU_REF_NO => Customer::parse(Some(second), Some(first)),
            _ => Customer::parse(Some(first), None),
        }
    }

    /// Calls a function with a customer's identity, without making anything of it.
    pub(super) fn with_identity<T>(&self, id: CustomerId, visit: impl FnOnce(IdentityText<'_>) -> T) -> Option<T> {
        let record = self.record(id)?;
        let (form, (first, second)) = (record.form, record.texts()?);
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

    /// Addresses are compared without regard to case, so that a plain one need not be in lower case.
    fn find_or_keep(
        &mut self,
        hash: u32,
        identity: &[u8],
        form: u8,
        first: &str,
        second: &str,
    ) -> Result<CustomerId, Error> {
        let mut customer = None;
        let is_same = |known: &Indexed| {
            if known.hash == hash {
                let record = self.record_at(known.place).filter(|record| record.has_identity(identity));
                customer = record.map(|record| record.customer);
            }
            customer.is_some()
        };
        if self.index.find(spread(hash), is_same).is_some()
            && let Some(customer) = customer
        {
            return Ok(customer);
        }
        let customer = CustomerId::try_from(self.places.len())
            .ok()
            .filter(|id| *id < CustomerId::MAX)
            .ok_or_else(|| Error::internal("a plan has over four billion customers"))?;
        let place = self.keep(customer, form, first, second)?;
        self.places.push(place);
        self.index.insert_unique(spread(hash), Indexed { hash, place }, |known| spread(known.hash));
        Ok(customer)
    }

    fn keep(&mut self, customer: CustomerId, form: u8, first: &str, second: &str) -> Result<Place, Error> {
        let length = |text: &str| {
            u16::try_from(text.len())
                .map(u16::to_le_bytes)
                .map_err(|_| Error::internal("a customer's name is too long"))
        };
        let (first_length, second_length) = (length(first)?, length(second)?);
        let needed = 9 + first.len() + second.len();
        if needed > BLOCK {
            return Err(Error::internal("a customer's name is too long"));
        }
        if self.blocks.last().is_none_or(|block| block.len().next_multiple_of(ALIGNMENT) + needed > BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let number = self.blocks.len() - 1;
        let Some(block) = self.blocks.last_mut() else { return Err(unknown()) };
        block.resize(block.len().next_multiple_of(ALIGNMENT), 0);
        let place = number.checked_mul(PLACES).and_then(|begin| Place::try_from(begin + block.len() / ALIGNMENT).ok());
        block.extend(customer.to_le_bytes());
        block.push(form);
        block.extend(first_length);
        if form != form::PLAIN {
            block.extend(second_length);
        }
        block.extend(first.as_bytes());
        block.extend(second.as_bytes());
        place.ok_or_else(|| Error::internal("a plan has over 16 GB of customers"))
    }

    fn record(&self, id: CustomerId) -> Option<Record<'_>> {
        self.record_at(*self.places.get(id as usize)?)
    }

    fn bytes_at(&self, place: Place) -> Option<(CustomerId, &[u8])> {
        let (block, begin) = (place as usize / PLACES, place as usize % PLACES * ALIGNMENT);
        let (customer, rest) = self.blocks.get(block)?.get(begin..)?.split_first_chunk()?;
        Some((CustomerId::from_le_bytes(*customer), rest))
    }

    fn record_at(&self, place: Place) -> Option<Record<'_>> {
        let (customer, rest) = self.bytes_at(place)?;
        let (&form, rest) = rest.split_first()?;
        let (first_length, rest) = rest.split_first_chunk::<2>()?;
        let (second_length, rest) = if form == form::PLAIN { (&[0, 0], rest) } else { rest.split_first_chunk::<2>()? };
        let (first, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*first_length)))?;
        let second = rest.get(..usize::from(u16::from_le_bytes(*second_length)))?;
        Some(Record { customer, form, first, second })
    }
}

/// By what a customer is recognised.
pub(super) enum IdentityText<'a> {
    /// See [`Email::identity`](crate::Email::identity).
    Email(&'a str),
    CuRefNo(&'a str),
}

impl<'a> Record<'a> {
    /// The table takes in texts only; still, only the compiler's word is taken for it.
    fn texts(&self) -> Option<(&'a str, &'a str)> {
        Some((str::from_utf8(self.first).ok()?, str::from_utf8(self.second).ok()?))
    }

    fn has_identity(&self, identity: &[u8]) -> bool {
        match self.form {
            form::PLAIN => self.first.eq_ignore_ascii_case(identity),
            form::ADDRESS => self.second.eq_ignore_ascii_case(identity),
            _ => self.first == identity,
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
        let mut insert =
            |email: &str, cu_ref_no: &str| table.insert(Some(email), Some(cu_ref_no), None).expect("valid");
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
                let id = table.insert(Some(&format!("user{number}@example.com")), None, None).expect("valid");
                assert_eq!(id, number);
            }
        }
        assert_eq!(table.len(), 100_000);
        table.seal();
        assert_eq!(table.get(99_999).expect("a customer").to_string(), "user99999@example.com");
    }
}
