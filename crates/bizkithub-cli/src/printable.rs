use std::borrow::Cow;
use std::fmt::Write;

/// Makes a text from a file or from the server safe to print: characters that move the cursor, colour the terminal or turn the
/// direction of reading are written as escapes, so that no text can draw something that is not there.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => safe.push(' '),
            _ if is_treacherous(character) => safe.extend(character.escape_default()),
            _ => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

/// The same for JSON, which stays JSON of the same meaning. It escapes by itself only what is below U+0020.
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

fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        let text = "Žluťoučký kůň, Привет, 会員, 🏋️ “quoted”";
        assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn what_commands_a_terminal_is_escaped() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc\u{9b}31m\u{7f}"), "a\\u{1b}[2Jb\\r\\nc\\u{9b}31m\\u{7f}");
        assert_eq!(printable("cod.\u{202e}gpj"), "cod.\\u{202e}gpj");
        assert_eq!(printable("two\twords"), "two words");
    }

    #[test]
    fn json_stays_json() {
        let json = serde_json::to_string("\u{1b}\u{9b}\u{7f}\u{202e}\n").expect("a text serialises");
        let safe = printable_json(&json);
        assert!(safe.is_ascii() && !safe.contains(char::is_control), "{safe:?}");
        assert_eq!(serde_json::from_str::<String>(&safe).expect("still JSON"), "\u{1b}\u{9b}\u{7f}\u{202e}\n");
    }
}
