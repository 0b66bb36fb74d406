use std::fmt;

use super::{CuRefNo, Email};
use crate::error::{Error, Field};

/// A customer, named by e-mail, by `cuRefNo`, or by both.
///
/// When both are given, `cuRefNo` is the identity, because it wins on the server too; both are sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Customer(Name);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Name {
    CuRefNo(CuRefNo, Option<Email>),
    Email(Email),
}

/// What two rows share when they name the same customer.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub enum CustomerIdentity {
    /// The reference number, whenever the customer has one.
    CuRefNo(CuRefNo),
    /// The identity of the e-mail address: see [`Email::identity`].
    Email(Box<str>),
}

impl Customer {
    /// Parses a customer from the texts of its e-mail address and its reference number; blank texts count as absent.
    ///
    /// # Errors
    ///
    /// `customer_missing` when neither is given, otherwise the error of [`CuRefNo::parse`] or [`Email::parse`].
    pub fn parse(email: Option<&str>, cu_ref_no: Option<&str>) -> Result<Self, Error> {
        let is_present = |text: &&str| !text.trim().is_empty();
        let cu_ref_no = cu_ref_no.filter(is_present).map(CuRefNo::parse).transpose()?;
        let email = email.filter(is_present).map(Email::parse).transpose()?;
        match (cu_ref_no, email) {
            (Some(cu_ref_no), email) => Ok(Self(Name::CuRefNo(cu_ref_no, email))),
            (None, Some(email)) => Ok(Self(Name::Email(email))),
            (None, None) => Err(Error::invalid_input(
                "customer_missing",
                "neither an e-mail address nor a cuRefNo is given",
                "name the customer by e-mail or by cuRefNo",
            )
            .at_field(Field::Customer)),
        }
    }

    /// The e-mail address, if one is given.
    #[must_use]
    pub fn email(&self) -> Option<&Email> {
        match &self.0 {
            Name::CuRefNo(_, email) => email.as_ref(),
            Name::Email(email) => Some(email),
        }
    }

    /// The reference number, if one is given.
    #[must_use]
    pub fn cu_ref_no(&self) -> Option<&CuRefNo> {
        match &self.0 {
            Name::CuRefNo(cu_ref_no, _) => Some(cu_ref_no),
            Name::Email(_) => None,
        }
    }

    /// The reference number when there is one, otherwise the identity of the e-mail address.
    #[must_use]
    pub fn identity(&self) -> CustomerIdentity {
        match &self.0 {
            Name::CuRefNo(cu_ref_no, _) => CustomerIdentity::CuRefNo(*cu_ref_no),
            Name::Email(email) => CustomerIdentity::Email(email.identity().into()),
        }
    }
}

impl From<Email> for Customer {
    fn from(email: Email) -> Self {
        Self(Name::Email(email))
    }
}

impl From<CuRefNo> for Customer {
    fn from(cu_ref_no: CuRefNo) -> Self {
        Self(Name::CuRefNo(cu_ref_no, None))
    }
}

impl fmt::Display for Customer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::CuRefNo(cu_ref_no, _) => cu_ref_no.fmt(formatter),
            Name::Email(email) => email.fmt(formatter),
        }
    }
}
