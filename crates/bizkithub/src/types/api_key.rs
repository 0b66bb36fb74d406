use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, Field};

const LENGTH: usize = 32;

/// Shorter parts of a key give nothing away, and are often just its prefix.
const SHORTEST_PART: usize = 8;

/// The key printed on the documentation's pages. The server refuses it with `PUBLIC_API_KEY_SAMPLE_VALUE`.
const DOCUMENTED_SAMPLE: &str = "PRODPGrFxpGEtrOZfuWhnoJohUYBXuOE";

/// An API key: `PROD`, `DEV_` or `ROOT`, then 28 letters or digits.
///
/// `Debug` and `Display` show the prefix and a fingerprint, never the key; its memory is zeroed when it is dropped.
///
/// Source: BizKitHub documentation, `^(PROD|DEV_|ROOT)[A-Za-z0-9]{28}$`.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

/// What a key's prefix says about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyKind {
    /// `PROD`: production, with the plan's full quota.
    Production,
    /// `DEV_`: one developer, with a low quota.
    Development,
    /// `ROOT`: platform-internal, without a quota.
    Root,
}

impl KeyKind {
    const PREFIXES: [(&'static str, Self); 3] =
        [("PROD", Self::Production), ("DEV_", Self::Development), ("ROOT", Self::Root)];

    fn of(text: &str) -> Option<Self> {
        Self::PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, kind)| *kind)
    }

    /// The four characters with which such a key begins.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        Self::PREFIXES.iter().find(|(_, kind)| *kind == self).map_or("", |(prefix, _)| prefix)
    }
}

impl ApiKey {
    /// Parses a key, without the white space around it.
    ///
    /// # Errors
    ///
    /// `api_key_missing` for a blank text, `api_key_sample` for the documentation's sample key, `api_key_invalid` otherwise.
    /// No error contains any part of the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Self::missing());
        }
        if text == DOCUMENTED_SAMPLE {
            return Err(refused(
                "api_key_sample",
                "the API key is the sample from BizKitHub's documentation, which the server refuses",
                "use the key of your own organisation",
            ));
        }
        let invalid = |reason: String| {
            refused(
                "api_key_invalid",
                reason,
                "copy the whole key: PROD, DEV_ or ROOT, then 28 letters or digits, 32 characters in all",
            )
        };
        if text.chars().any(char::is_whitespace) {
            return Err(invalid("the API key contains white space".to_owned()));
        }
        let length = text.chars().count();
        if length != LENGTH {
            return Err(invalid(format!("the API key has {length} characters instead of {LENGTH}")));
        }
        let Some(kind) = KeyKind::of(text) else {
            return Err(invalid("the API key does not begin with PROD, DEV_ or ROOT".to_owned()));
        };
        if !text.bytes().skip(kind.prefix().len()).all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(invalid(format!(
                "the API key has a character after {} that is no letter or digit",
                kind.prefix()
            )));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn missing() -> Error {
        refused(
            "api_key_missing",
            "no API key is given",
            "pass the key, or set the environment variable BIZKITHUB_API_KEY",
        )
    }

    /// What the prefix says: production, development or platform-internal.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        KeyKind::of(&self.0).unwrap_or(KeyKind::Development)
    }

    /// Eight hexadecimal digits that tell keys apart without giving anything of the key away.
    ///
    /// They are the start of a BLAKE3 hash; a key carries over 160 bits of randomness, which no search can recover from them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        blake3::hash(self.0.as_bytes()).to_hex().chars().take(8).collect()
    }

    /// The key itself. Only the building of a request, or of a secret from it, may ask for it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Replaces the key, and any part of it that could help somebody to guess it, in a text from outside.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let part = self.part_at_start(rest);
            if part < SHORTEST_PART {
                clean.push(character);
                rest = &rest[character.len_utf8()..];
            } else {
                clean.push_str("[API key]");
                rest = &rest[part..];
            }
        }
        clean
    }

    /// The length of the longest part of the key with which a text begins.
    fn part_at_start(&self, text: &str) -> usize {
        let common = |key: &[u8]| key.iter().zip(text.as_bytes()).take_while(|(one, other)| one == other).count();
        (0..LENGTH).map(|start| common(&self.0.as_bytes()[start..])).max().unwrap_or_default()
    }
}

/// Replaces everything of the form of a key, sample or not, by `[API key]`, so that a text of unknown origin may be shown or logged.
///
/// A text without one is borrowed as it is. Whoever knows the key itself must not rely on this: a key that somebody shortened or
/// encoded has no longer its form.
#[must_use]
pub fn without_keys(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((before, behind)) = split_at_key(rest) {
        clean.push_str(before);
        clean.push_str("[API key]");
        rest = behind;
    }
    if clean.is_empty() {
        return Cow::Borrowed(text);
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// What stands before and behind the first key.
fn split_at_key(text: &str) -> Option<(&str, &str)> {
    let is_key = |place: usize| {
        let candidate = text.get(place..place + LENGTH).unwrap_or_default();
        let kind = KeyKind::of(candidate);
        kind.is_some_and(|kind| candidate.bytes().skip(kind.prefix().len()).all(|byte| byte.is_ascii_alphanumeric()))
    };
    let place = text.char_indices().map(|(place, _)| place).find(|place| is_key(*place))?;
    Some((&text[..place], &text[place + LENGTH..]))
}

fn refused(code: &'static str, reason: impl Into<Cow<'static, str>>, advice: &'static str) -> Error {
    Error::invalid_input(code, reason, advice).at_field(Field::ApiKey)
}

impl fmt::Display for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}…{}", self.kind().prefix(), self.fingerprint())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiKey({self})")
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    const KEY: &str = "DEV_SecretKey0000000000000000001";

    #[test]
    fn eight_characters_of_a_key_in_a_row_are_a_part_of_it() {
        let key = ApiKey::parse(KEY).unwrap();
        assert_eq!(key.redact(&format!("<{}>", &KEY[4..12])), "<[API key]>");
        assert_eq!(key.redact(&format!("<{}>", &KEY[4..11])), format!("<{}>", &KEY[4..11]));
    }

    #[test]
    fn nothing_but_the_prefix_of_a_key_is_shown() {
        let key = ApiKey::parse(KEY).unwrap();
        assert_eq!(key.to_string(), format!("DEV_…{}", key.fingerprint()));
        assert_eq!(format!("{key:?}"), format!("ApiKey({key})"));
        assert_eq!(format!("{key:#?}"), format!("ApiKey({key})"));
        assert_eq!(key.expose(), KEY);
    }

    #[test]
    fn fingerprints_tell_keys_apart_and_stay_the_same() {
        let fingerprint = |key: &str| ApiKey::parse(key).unwrap().fingerprint();
        assert_eq!(fingerprint(KEY), fingerprint(&format!(" {KEY}\n")));
        assert_ne!(fingerprint(KEY), fingerprint(&KEY.replace("01", "02")));
        assert!(fingerprint(KEY).len() == 8 && !KEY.contains(&fingerprint(KEY)));
    }

    #[test]
    fn whatever_has_the_form_of_a_key_is_replaced_in_texts() {
        for (text, clean) in [
            (KEY.to_owned(), "[API key]"),
            (format!("/ů/{KEY}/{KEY}é"), "/ů/[API key]/[API key]é"),
            (format!("{KEY}{KEY}"), "[API key][API key]"),
            (format!("D{KEY}1"), "D[API key]1"),
            (format!("https://example.com/?apiKey={DOCUMENTED_SAMPLE}&x"), "https://example.com/?apiKey=[API key]&x"),
            (format!("ROOT{}", &KEY[4..]), "[API key]"),
        ] {
            assert_eq!(without_keys(&text), clean);
        }
    }

    #[test]
    fn a_known_key_is_taken_out_whole_cut_or_encoded() {
        let key = ApiKey::parse(KEY).unwrap();
        let (start, end) = KEY.split_at(20);
        for (text, clean) in [
            (format!("GET /?apiKey={KEY}&x=ů"), "GET /?apiKey=[API key]&x=ů".to_owned()),
            (format!("{start}… and …{end}"), "[API key]… and …[API key]".to_owned()),
            (KEY.replace('_', "%5F"), "DEV%5F[API key]".to_owned()),
            (format!("{} is short", &KEY[..7]), format!("{} is short", &KEY[..7])),
        ] {
            assert_eq!(key.redact(&text), clean);
        }
    }

    #[test]
    fn a_text_without_a_key_is_left_alone() {
        for text in ["", "PROD, DEV_ or ROOT", &KEY.replace("DEV_", "DEV-"), &KEY[..31], &KEY.replace('1', "é")] {
            assert!(matches!(without_keys(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
