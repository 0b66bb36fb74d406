//! Moments in JSON: texts such as `2026-11-23T12:00:00Z` (RFC 3339).

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de};

pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error| format!("{text:?} is not a moment such as 2026-11-23T12:00:00Z: {error}"))
}

pub(crate) fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(moment)
}

pub(crate) fn deserialize_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse(&text)).transpose().map_err(de::Error::custom)
}
