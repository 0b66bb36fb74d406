use std::borrow::Cow;
use std::fmt::Write;

use bizkithub::is_treacherous;

/// Makes JSON safe to print, as [`printable`](bizkithub::printable) does texts; it stays JSON of the same meaning. JSON itself escapes only
/// what is below U+0020.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_treacherous) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if is_treacherous(character) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json() {
        let json = serde_json::to_string("\u{1b}\u{9b}\u{7f}\u{202e}\n").expect("a text serialises");
        let safe = printable_json(&json);
        assert!(safe.is_ascii() && !safe.contains(char::is_control), "{safe:?}");
        assert_eq!(serde_json::from_str::<String>(&safe).expect("still JSON"), "\u{1b}\u{9b}\u{7f}\u{202e}\n");
    }
}
