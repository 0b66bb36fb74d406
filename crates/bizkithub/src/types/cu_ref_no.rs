use std::fmt;

use crate::error::{Error, Field};

const LENGTH: usize = 16;

/// A customer reference number: exactly 16 of `A-Z a-z 0-9`, case kept, opaque and stable within one organisation.
///
/// Source: BizKitHub documentation, endpoint `postApiV1CustomerAdd-groups`.
#[derive(Clone, Copy, Eq, PartialEq, Hash, PartialOrd, Ord)]
pub struct CuRefNo([u8; LENGTH]);

impl CuRefNo {
    /// Parses a reference number, without the white space around it.
    ///
    /// # Errors
    ///
    /// `cu_ref_no_invalid`, which says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let invalid = |reason: String| {
            Error::invalid_input(
                "cu_ref_no_invalid",
                reason,
                "a cuRefNo has exactly 16 letters and digits, and its case matters",
            )
            .at_field(Field::CuRefNo)
        };
        if let Some(stray) = text.chars().find(|character| !character.is_ascii_alphanumeric()) {
            return Err(invalid(format!("the cuRefNo contains {stray:?}")));
        }
        <[u8; LENGTH]>::try_from(text.as_bytes())
            .map(Self)
            .map_err(|_| invalid(format!("the cuRefNo has {} characters instead of {LENGTH}", text.len())))
    }

    /// The reference number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII letters and digits pass `parse`.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for CuRefNo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for CuRefNo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CuRefNo({self})")
    }
}
