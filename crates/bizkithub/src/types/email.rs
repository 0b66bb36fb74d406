use std::fmt;
use std::str::FromStr;

use email_address::EmailAddress;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::error::{Error, Field};

/// RFC 5321, section 4.5.3.1.3: a path has at most 256 octets, two of which are its angle brackets.
const LENGTH_LIMIT: usize = 254;

/// An e-mail address: the form as written, which is what is sent, and the identity by which customers are merged.
///
/// The identity is the whole address in lower case with the domain in its ASCII form, because mail systems and the server
/// treat `Jan@Bücher.example` and `jan@xn--bcher-kva.example` as one mailbox. Domains without a dot and address literals
/// (`jan@[192.0.2.1]`) are refused: no customer is reachable there.
#[derive(Clone, Eq, PartialEq, Hash)]
pub struct Email {
    written: Box<str>,
    /// `None` when the written form already is the identity, which is the common case.
    identity: Option<Box<str>>,
}

impl Email {
    /// Parses an address, without the white space around it.
    ///
    /// # Errors
    ///
    /// `email_too_long` (over 254 octets, RFC 5321) or `email_invalid`, which says what is wrong with the address.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let written = text.trim();
        if written.len() > LENGTH_LIMIT {
            return Err(Error::invalid_input(
                "email_too_long",
                format!("the e-mail address has {} octets; RFC 5321 allows {LENGTH_LIMIT}", written.len()),
                "check that the right column holds the e-mail addresses",
            )
            .at_field(Field::Email));
        }
        if written.chars().any(is_invisible) {
            return Err(invalid("the e-mail address contains a line break or another invisible character"));
        }
        let (local_part, domain) = written.rsplit_once('@').ok_or_else(|| invalid("the e-mail address has no @"))?;
        if domain.ends_with('>') {
            return Err(invalid("the e-mail address is in angle brackets"));
        }
        // The host name is checked in its ASCII form, because the syntax checker knows no marks of other scripts.
        let domain = Uts46::new()
            .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .map_err(|_| invalid("the domain of the e-mail address is not a valid host name"))?;
        if !domain.contains('.') {
            return Err(invalid("the domain of the e-mail address has no dot"));
        }
        if !EmailAddress::is_valid_local_part(local_part) {
            return Err(invalid("the part of the e-mail address before the @ is not valid"));
        }
        let identity = format!("{}@{domain}", local_part.to_lowercase());
        Ok(Self { identity: (identity != written).then(|| identity.into()), written: written.into() })
    }

    /// The address as written, without the white space around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The form by which two spellings of one mailbox are recognised: lower case, domain in ASCII.
    #[must_use]
    pub fn identity(&self) -> &str {
        self.identity.as_deref().unwrap_or(&self.written)
    }
}

fn invalid(reason: &str) -> Error {
    Error::invalid_input("email_invalid", reason.to_owned(), "correct the address, or name the customer by cuRefNo")
        .at_field(Field::Email)
}

/// Line breaks would end a header, and zero-width characters, which come along when text is copied from a web page, would
/// make a second customer that looks like the first.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

impl FromStr for Email {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Email({:?})", self.written)
    }
}
