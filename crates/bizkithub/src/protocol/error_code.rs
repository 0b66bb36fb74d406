use std::time::Duration;

use crate::error::ErrorKind;

/// What is known about one code of the server: its meaning for the client, and what its reader should do.
///
/// Codes are stable and never reused. The table decides *before* the HTTP status does: a wrong key answers 404 like a missing
/// customer, and a code whose status was not set answers 500 although a retry can never help.
#[derive(Debug)]
pub struct ErrorCode {
    /// The code as the server writes it.
    pub code: &'static str,
    /// The HTTP statuses with which it is documented or expected.
    pub statuses: &'static [u16],
    /// The family, which decides whether to stop, to skip the customer or to wait.
    pub kind: ErrorKind,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// What to do now.
    pub advice: &'static str,
}

const NEW_KEY: &str = "copy the key again from BizKitHub's settings, or make a new one";
const WAIT: &str = "wait for the quota to come back; nothing is lost";

macro_rules! codes {
    ($($code:ident $statuses:expr, $kind:ident, $meaning:literal, $advice:expr;)*) => {
        &[$(ErrorCode { code: stringify!($code), statuses: &$statuses, kind: ErrorKind::$kind, meaning: $meaning, advice: $advice }),*]
    };
}

impl ErrorCode {
    /// Every code this client knows, in the order of the documentation.
    ///
    /// Source: BizKitHub error registry, `https://docs.bizkithub.com/errors/<CODE>`.
    pub const ALL: &'static [Self] = codes! {
        PUBLIC_API_KEY_DOES_NOT_EXIST [404], ApiKey, "the API key is missing or not registered", NEW_KEY;
        PUBLIC_API_KEY_IS_NOT_IN_VALID_FORMAT [404], ApiKey, "the API key does not have the form of a key", NEW_KEY;
        PUBLIC_API_KEY_SAMPLE_VALUE [404], ApiKey, "the API key is the documentation's sample", "use the key of your own organisation";
        PUBLIC_API_KEY_IS_EMPTY [404], ApiKey, "the server received no API key", "check how the key is sent: query, body or bearer";
        PUBLIC_API_KEY_HAS_BEEN_DELETED [404], ApiKey, "the API key was revoked", NEW_KEY;
        PUBLIC_API_KEY_IS_NOT_ACTIVE [404], ApiKey, "the API key is switched off", "switch it on in BizKitHub's settings";
        PUBLIC_API_KEY_HAS_BEEN_EXPIRED [404], ApiKey, "the API key has expired", NEW_KEY;
        PUBLIC_API_KEY_TOO_MANY_REQUEST [429], Quota, "the quota of this ten-minute block is used up", WAIT;
        RATE_LIMIT_EXCEEDED [429], Quota, "the quota is used up", WAIT;
        INTERNAL_TOO_MANY_REQUESTS [429], Quota, "the quota is used up", WAIT;
        INTERNAL_RESOURCE_NOT_FOUND [404, 500], Rejected, "the customer is not in the organisation, was deleted, or may not be seen",
            "check the e-mail or cuRefNo in BizKitHub";
        INTERNAL_VALIDATION_FAILED [400, 422, 500], Rejected, "the server's validation refused a field", "correct the customer or its groups";
        PUBLIC_CUSTOMER_DETAIL_NOT_PERMITTED [404], Rejected, "the cuRefNo is wrong, or this customer may not be seen with the key",
            "check the cuRefNo, and which customers the key may see";
        PERMISSION_MEMBER_HAS_NO_PERMISSION [401], Permission, "the key may not call this module", "ask an administrator to allow it";
        PERMISSION_MEMBER_IS_BLOCKED_IN_ORGANISATION [401], Permission, "the key's owner is blocked in the organisation",
            "ask an administrator to unblock the owner";
        INTERNAL_USER_MUST_BE_AUTHORIZED [401], Permission, "the server took the request as not signed in",
            "check how the key is sent: query, body or bearer";
        INTERNAL_ORGANISATION_IS_REQUIRED [401], Permission, "the key belongs to no organisation", "use a key made inside the organisation";
        INTERNAL_ORGANISATION_NOT_FOUND_OR_USER_NOT_MEMBER [404], Permission, "the key's organisation does not exist, or its owner left it",
            "use a key made inside the organisation";
    };

    /// The only code of the quota model that counts in fixed blocks of ten minutes and sends no headers.
    pub(crate) const FIXED_BLOCK_QUOTA: &'static str = "PUBLIC_API_KEY_TOO_MANY_REQUEST";

    /// The length of those blocks.
    pub(crate) const FIXED_BLOCK: Duration = Duration::from_mins(10);

    /// The window in which the server counts, where the code of its refusal gives that away, and whether windows begin at full multiples of
    /// their length.
    pub(crate) fn quota_window(code: &str) -> Option<(Duration, bool)> {
        match code {
            Self::FIXED_BLOCK_QUOTA => Some((Self::FIXED_BLOCK, true)),
            "INTERNAL_TOO_MANY_REQUESTS" => Some((Duration::from_mins(1), true)),
            "RATE_LIMIT_EXCEEDED" => Some((Duration::from_hours(1), false)),
            _ => None,
        }
    }

    /// Finds what is known about a code.
    #[must_use]
    pub fn find(code: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|known| known.code == code)
    }

    /// The vendor's page about a code.
    #[must_use]
    pub fn doc_url(code: &str) -> String {
        format!("https://docs.bizkithub.com/errors/{code}")
    }

    /// Whether a text has the form of the server's codes, capitals and underscores, known or not.
    #[must_use]
    pub fn has_server_form(code: &str) -> bool {
        code.starts_with(|first: char| first.is_ascii_uppercase())
            && code.len() <= 100
            && code.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_server_are_capitals_digits_and_underscores() {
        for code in ["A", "INTERNAL_VALIDATION_FAILED", "HTTP_2", &"A".repeat(100)] {
            assert!(ErrorCode::has_server_form(code), "{code}");
        }
        for code in ["", "1A", "_A", "Abc", "A-B", "A B", "email_invalid", &"A".repeat(101)] {
            assert!(!ErrorCode::has_server_form(code), "{code}");
        }
    }
}
