use std::fmt;

use crate::job::customer_table::IdentityText;
use crate::types::{ApiKey, Customer, CustomerIdentity};

/// A customer in a ledger: 16 bytes of a keyed BLAKE3 hash, from which nothing of the customer can be read.
#[derive(Clone, Copy, Eq, PartialEq, Hash, PartialOrd, Ord)]
pub struct CustomerKey(pub [u8; 16]);

/// A group in a ledger: 8 bytes of a keyed BLAKE3 hash of its predicted slug, as the whole number that databases keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, PartialOrd, Ord)]
pub struct GroupKey(pub i64);

/// The random secret of a ledger, which makes its keys useless for whoever has a list of addresses but not the ledger.
#[derive(Clone)]
pub struct LedgerSecret([u8; 32]);

impl LedgerSecret {
    /// A secret from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A secret made of an API key, for a ledger that keeps none of its own: with another key it knows nothing.
    #[must_use]
    pub fn of_api_key(key: &ApiKey) -> Self {
        Self(blake3::derive_key("bizkithub: keys of a ledger without a secret of its own", key.expose().as_bytes()))
    }

    /// The key of a customer.
    #[must_use]
    pub fn customer(&self, customer: &Customer) -> CustomerKey {
        match customer.identity() {
            CustomerIdentity::CuRefNo(cu_ref_no) => self.identity(&IdentityText::CuRefNo(cu_ref_no.as_str())),
            CustomerIdentity::Email(email) => self.identity(&IdentityText::Email(&email)),
        }
    }

    /// The key of a group, from its predicted slug.
    #[must_use]
    pub fn group(&self, slug: &str) -> GroupKey {
        let hash = self.hash("group", slug);
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        GroupKey(i64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    pub(in crate::job) fn identity(&self, identity: &IdentityText<'_>) -> CustomerKey {
        let hash = match identity {
            IdentityText::CuRefNo(text) => self.hash("cuRefNo", text),
            IdentityText::Email(text) => self.hash("email", text),
        };
        let mut key = [0; 16];
        key.copy_from_slice(&hash.as_bytes()[..16]);
        CustomerKey(key)
    }

    fn hash(&self, what: &str, text: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(what.as_bytes()).update(b"\0").update(text.as_bytes());
        hasher.finalize()
    }
}

impl fmt::Debug for LedgerSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LedgerSecret(…)")
    }
}

impl fmt::Display for CustomerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CustomerKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_and_their_secret_is_not() {
        let mut key = [0; 16];
        key[0] = 0xa5;
        assert_eq!(CustomerKey(key).to_string(), "a5000000000000000000000000000000");
        assert_eq!(format!("{:?}", CustomerKey(key)), "CustomerKey(a5000000000000000000000000000000)");
        assert_eq!(format!("{:?}", LedgerSecret::new([7; 32])), "LedgerSecret(…)");
    }

    #[test]
    fn a_secret_an_identity_and_what_it_is_make_a_key() {
        let (one, other) = (LedgerSecret::new([1; 32]), LedgerSecret::new([2; 32]));
        let text = "1cGIHvFoQDGLAbcA";
        let keys = [
            one.identity(&IdentityText::CuRefNo(text)),
            one.identity(&IdentityText::Email(text)),
            other.identity(&IdentityText::CuRefNo(text)),
        ];
        assert!(keys[0] != keys[1] && keys[0] != keys[2]);
        assert_eq!(keys[0], one.identity(&IdentityText::CuRefNo(text)));
        assert_ne!(one.group("vip"), other.group("vip"));
        assert_ne!(one.group("vip"), one.group("yoga"));
    }
}
