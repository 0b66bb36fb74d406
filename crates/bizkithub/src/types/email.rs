use std::fmt;
use std::str::FromStr;

use email_address::EmailAddress;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::error::{Error, Field};

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
    /// RFC 5321, section 4.5.3.1.3: a path has at most 256 octets, two of which are its angle brackets.
    pub(crate) const LENGTH_LIMIT: usize = 254;

    /// Parses an address, without the white space around it.
    ///
    /// # Errors
    ///
    /// `email_too_long` (over 254 octets, RFC 5321) or `email_invalid`, which says what is wrong with the address.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let written = text.trim();
        if is_plain_address(written) {
            let identity = written.bytes().any(|byte| byte.is_ascii_uppercase()).then(|| written.to_ascii_lowercase());
            return Ok(Self { written: written.into(), identity: identity.map(Into::into) });
        }
        if written.len() > Self::LENGTH_LIMIT {
            return Err(Error::invalid_input(
                "email_too_long",
                format!("the e-mail address has {} octets; RFC 5321 allows {}", written.len(), Self::LENGTH_LIMIT),
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

/// Whether an address is of the plain kind that nearly all are: ASCII, a dot-atom before the @ (RFC 5322, section 3.2.3) and a host
/// name of letters, digits and hyphens behind it (RFC 1123). It then is valid, and its identity is its lower case.
///
/// `false` says nothing: the full check decides. This one takes 20 nanoseconds, which a plan of ten million rows feels.
pub(crate) fn is_plain_address(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(at) = bytes.iter().position(|byte| *byte == b'@') else { return false };
    let (local_part, domain) = (&bytes[..at], &bytes[at + 1..]);
    bytes.len() <= Email::LENGTH_LIMIT && is_plain_local_part(local_part) && is_plain_domain(domain)
}

const ATOM: u8 = 1;
const HOST: u8 = 2;

/// What each byte may be a part of.
const PLACES: [u8; 256] = {
    let mut places = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            places[byte as usize] = ATOM | HOST;
        } else if matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'/' | b'=' | b'?' | b'^' | b'_' | b'`' | b'{'..=b'~')
        {
            places[byte as usize] = ATOM;
        }
        byte += 1;
    }
    places
};

fn is_plain_local_part(bytes: &[u8]) -> bool {
    /// RFC 5321, section 4.5.3.1.1.
    const LIMIT: usize = 64;
    let mut before = b'.';
    for &byte in bytes {
        if PLACES[usize::from(byte)] & ATOM == 0 && (byte != b'.' || before == b'.') {
            return false;
        }
        before = byte;
    }
    before != b'.' && bytes.len() <= LIMIT
}

fn is_plain_domain(bytes: &[u8]) -> bool {
    /// RFC 1035, section 2.3.4.
    const LABEL_LIMIT: usize = 63;
    let (mut start, mut dots, mut before) = (0, 0, b'.');
    for (place, &byte) in bytes.iter().enumerate() {
        if byte == b'.' {
            if before == b'.' || before == b'-' || place - start > LABEL_LIMIT {
                return false;
            }
            (start, dots) = (place + 1, dots + 1);
        } else if PLACES[usize::from(byte)] & HOST == 0 || (byte == b'-' && (before == b'.' || place - start == 3)) {
            // A hyphen in the fourth place may mark a label in the ASCII form of another script.
            return false;
        }
        before = byte;
    }
    dots > 0 && before != b'.' && before != b'-' && bytes.len() - start <= LABEL_LIMIT
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The full check alone.
    fn fully_checked(text: &str) -> Option<String> {
        // White space around an address keeps it from being plain, and the full check does not mind it.
        let domain = text.rsplit_once('@')?.1;
        let ascii = Uts46::new()
            .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .ok()?;
        let local_part = text.rsplit_once('@')?.0;
        let is_valid =
            ascii.contains('.') && EmailAddress::is_valid_local_part(local_part) && text.len() <= Email::LENGTH_LIMIT;
        is_valid.then(|| format!("{}@{ascii}", local_part.to_lowercase()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_plain_is_valid_and_means_the_same(
            text in "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,8}@[xXnN0-9a.-]{1,9}[.-][a-zA-Z0-9-]{1,4}",
        ) {
            if is_plain_address(&text) {
                prop_assert_eq!(fully_checked(&text), Some(text.to_ascii_lowercase()));
            }
        }
    }

    #[test]
    fn an_address_shows_itself() {
        assert_eq!(format!("{:?}", Email::parse(" jan@barasek.com ").unwrap()), r#"Email("jan@barasek.com")"#);
    }

    #[test]
    fn usual_addresses_are_plain() {
        for text in ["jan@barasek.com", "Jan.O'Neill+tag@mail-1.example.co.uk", "user7300000@example.com"] {
            assert!(is_plain_address(text), "{text}");
        }
    }

    #[test]
    fn lengths_are_limited_alike() {
        let domain = |label: usize| format!("a@{}.com", "b".repeat(label));
        assert!(is_plain_address(&domain(63)) && !is_plain_address(&domain(64)));
        let local_part = |length: usize| format!("{}@b.com", "a".repeat(length));
        assert!(is_plain_address(&local_part(64)) && !is_plain_address(&local_part(65)));
        let whole = |length: usize| format!("a@{}c.de", "b.".repeat((length - 6) / 2));
        assert!(is_plain_address(&whole(254)) && !is_plain_address(&whole(256)));
        let later = |label: &str| format!("a@b.{label}");
        assert!(is_plain_address(&later(&format!("{}.com", "c".repeat(63)))));
        assert!(!is_plain_address(&later(&"c".repeat(64))));
        let longest = format!("ža@{}c.de", "b.".repeat(123));
        assert_eq!(longest.len(), Email::LENGTH_LIMIT);
        assert_eq!(Email::parse(&longest).ok().map(|email| email.to_string()), Some(longest));
    }
}
