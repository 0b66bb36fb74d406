/// The longest slug that the server's `toSlug` makes by default, in characters.
///
/// Source: BizKitHub documentation, article on `toSlug`.
pub const SLUG_LIMIT: usize = 64;

/// Predicts the slug that the server's `toSlug` will make of a text.
///
/// The result holds only `a-z`, `0-9` and single hyphens between them, at most [`SLUG_LIMIT`] characters. It is empty when
/// nothing of the text survives (emoji only, for example). Applying it twice changes nothing.
///
/// The server's exact tables are not published, so this is a *prediction*: it agrees with every documented example
/// and is used to merge and compare groups, never as the truth about what the server stores.
///
/// ```
/// use bizkithub::slug;
///
/// assert_eq!(slug("Joolz Aer+"), "joolz-aer-plus");
/// assert_eq!(slug("Project Review: Q1 & Q2"), "project-review-q1-and-q2");
/// assert_eq!(slug("Привет, мир!"), "priviet-mir");
/// ```
#[must_use]
pub fn slug(text: &str) -> String {
    let mut slug = SlugWriter::default();
    for character in text.chars() {
        match character {
            'a'..='z' | '0'..='9' => slug.push(character),
            'A'..='Z' => slug.push(character.to_ascii_lowercase()),
            '+' => slug.push_word("plus"),
            '&' => slug.push_word("and"),
            _ if character.is_ascii() || separates(character) => slug.separate(),
            _ if character.is_alphanumeric() && !is_emoji(character) => {
                slug.push_transliterated(transliterate(character));
            }
            _ => {}
        }
    }
    slug.finish()
}

/// Tells whether the server would keep a text as it is because it already has the form of a slug.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= SLUG_LIMIT
        && text
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9')))
}

#[derive(Default)]
struct SlugWriter {
    text: String,
    separated: bool,
}

impl SlugWriter {
    fn push(&mut self, character: char) {
        if self.separated && !self.text.is_empty() {
            self.text.push('-');
        }
        self.separated = false;
        self.text.push(character);
    }

    fn separate(&mut self) {
        self.separated = true;
    }

    fn push_word(&mut self, word: &str) {
        self.separate();
        word.chars().for_each(|character| self.push(character));
        self.separate();
    }

    /// Hard and soft signs become quotation marks in the tables: those vanish, all else separates words (`½` is `1/2`).
    fn push_transliterated(&mut self, ascii: &str) {
        for character in ascii.chars() {
            if character.is_ascii_alphanumeric() {
                self.push(character.to_ascii_lowercase());
            } else if !matches!(character, '\'' | '"' | '`') {
                self.separate();
            }
        }
    }

    fn finish(mut self) -> String {
        self.text.truncate(SLUG_LIMIT);
        self.text.truncate(self.text.trim_end_matches('-').len());
        self.text
    }
}

/// White space and the punctuation of other scripts, so that `O’Brien` and `O'Brien` are one group.
fn separates(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '¡' | '«' | '·' | '»' | '¿' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' | '\u{2212}')
        || matches!(character, '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{30FB}')
        || matches!(character, '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' | '\u{FF5C}')
}

fn is_emoji(character: char) -> bool {
    matches!(character, '\u{1F000}'..='\u{1FAFF}')
}

fn transliterate(character: char) -> &'static str {
    cyrillic(character).or_else(|| deunicode::deunicode_char(character)).unwrap_or("")
}

/// The documented example `Привет` → `priviet` follows the first `Text::Unidecode` table (row U+04xx, 2001), which newer
/// ports changed; the modern letters of that row are kept here in their first form.
fn cyrillic(character: char) -> Option<&'static str> {
    const UPPER_AND_LOWER: [&str; 32] = [
        "a", "b", "v", "g", "d", "ie", "zh", "z", "i", "i", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f",
        "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "iu", "ia",
    ];
    const EXTENSIONS: [&str; 16] =
        ["ie", "io", "dj", "gj", "ie", "dz", "i", "yi", "j", "lj", "nj", "tsh", "kj", "i", "u", "dzh"];
    let code = character as usize;
    match code {
        0x400..=0x40F => EXTENSIONS.get(code - 0x400),
        0x410..=0x42F => UPPER_AND_LOWER.get(code - 0x410),
        0x430..=0x44F => UPPER_AND_LOWER.get(code - 0x430),
        0x450..=0x45F => EXTENSIONS.get(code - 0x450),
        _ => None,
    }
    .copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slug_is_its_own_slug(text in any::<String>()) {
            let once = slug(&text);
            prop_assert_eq!(slug(&once), once.clone());
            prop_assert!(once.is_empty() || is_slug(&once), "{} is not a slug", once);
        }

        #[test]
        fn what_has_the_form_of_a_slug_is_kept(text in "[a-z0-9]{1,8}(-[a-z0-9]{1,6}){0,8}") {
            prop_assert!(is_slug(&text));
            prop_assert_eq!(slug(&text), text);
        }
    }
}
