//! The words of the domain, parsed once: a value of these types is valid, so that no other layer checks it again.

mod api_key;
mod base_url;
mod cu_ref_no;
mod customer;
mod email;
mod group;
mod slug;

pub use api_key::{ApiKey, KeyKind, without_keys};
pub use base_url::BaseUrl;
pub use cu_ref_no::CuRefNo;
pub use customer::{Customer, CustomerIdentity};
pub use email::Email;
pub(crate) use email::is_plain_address;
pub use group::{Group, parse_groups};
pub use slug::{SLUG_LIMIT, is_slug, slug};
