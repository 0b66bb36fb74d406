use std::borrow::Cow;

/// Makes a text from a file, a host or the server safe to show: characters that move the cursor, colour the terminal, begin another line
/// or turn the direction of reading are written as escapes, so that no text can draw something that is not there.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
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

/// Whether a character shows as something else than itself: controls, and those that turn the direction of reading (Unicode Technical
/// Report 36, on the spoofing of bidirectional text).
#[must_use]
pub fn is_treacherous(character: char) -> bool {
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
}
