use std::borrow::Cow;
use std::fmt;

use super::slug::{is_slug, slug};
use super::{ApiKey, Email};
use crate::error::{Error, Field};

/// The longest group text accepted, in characters. A limit of this client: the API documents none for the text.
const TEXT_LIMIT: usize = 1_000;

/// A group (the admin panel's "tag"): the text as written, which is what is sent, and its predicted slug, by which groups are
/// merged and compared.
///
/// ```
/// use bizkithub::Group;
///
/// let group = Group::parse(" Personal training ")?;
/// assert_eq!((group.text(), group.slug()), ("Personal training", "personal-training"));
/// # Ok::<(), bizkithub::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub struct Group {
    text: Box<str>,
    /// `None` when the text already is its slug, which is the common case.
    slug: Option<Box<str>>,
}

impl Group {
    /// Parses a group from its text, without the white space around it.
    ///
    /// # Errors
    ///
    /// Those of [`Group::parse_any`], `group_is_email` and `group_is_api_key`: of a column that was taken for another one, the server
    /// would make a group for each customer, and both it and a ledger would keep what is none of their business.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let group = Self::parse_any(text)?;
        if group.text.contains('@') && Email::parse(&group.text).is_ok() {
            return Err(refused(
                "group_is_email",
                "the group is an e-mail address",
                "check that the right column holds the groups; a group of this name can be given by its slug",
            ));
        }
        if ApiKey::parse(&group.text).is_ok() {
            return Err(refused(
                "group_is_api_key",
                "the group has the form of an API key",
                "check that the right column holds the groups; if the key was real, make a new one",
            ));
        }
        Ok(group)
    }

    /// Parses a group as the server takes one, who knows nothing of columns.
    ///
    /// # Errors
    ///
    /// `group_empty`, `group_invalid` (a line break or another control character within), `group_too_long` (over 1,000
    /// characters) or `group_without_slug` (a text of which nothing survives in a slug, such as emoji only).
    pub fn parse_any(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(refused("group_empty", "the group is empty", "name the group, or leave it out"));
        }
        if is_slug(text) {
            return Ok(Self { text: text.into(), slug: None });
        }
        if text.chars().any(char::is_control) {
            return Err(refused(
                "group_invalid",
                format!("the group {:?} contains a line break or another control character", shortened(text)),
                "look for a quotation mark that is never closed, or remove the character",
            ));
        }
        if text.chars().nth(TEXT_LIMIT).is_some() {
            return Err(refused(
                "group_too_long",
                format!("the group has more than {TEXT_LIMIT} characters"),
                "check that the right column holds the groups, and that its separator is ; or |",
            ));
        }
        let slug = slug(text);
        if slug.is_empty() {
            return Err(refused(
                "group_without_slug",
                format!("the group {:?} has no letter or digit that a slug could keep", shortened(text)),
                "name the group with letters or digits",
            ));
        }
        Ok(Self { text: text.into(), slug: Some(slug.into()) })
    }

    /// The text as written: what is sent, because the server's own `toSlug` has the last word.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The predicted slug: see [`slug`].
    #[must_use]
    pub fn slug(&self) -> &str {
        self.slug.as_deref().unwrap_or(&self.text)
    }
}

fn refused(code: &'static str, message: impl Into<Cow<'static, str>>, advice: &'static str) -> Error {
    Error::invalid_input(code, message, advice).at_field(Field::Groups)
}

/// The beginning of a text, for an error that quotes it.
fn shortened(text: &str) -> String {
    const QUOTED: usize = 60;
    let mut start: String = text.chars().take(QUOTED).collect();
    if text.chars().nth(QUOTED).is_some() {
        start.push('…');
    }
    start
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Parses a list of groups and drops those whose predicted slug came earlier in the list.
///
/// # Errors
///
/// `groups_missing` for an empty list, otherwise the error of the first group that [`Group::parse`] refuses.
pub fn parse_groups<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Vec<Group>, Error> {
    let mut seen = std::collections::HashSet::new();
    let mut groups = Vec::new();
    for text in texts {
        let group = Group::parse(text.as_ref())?;
        if seen.insert(group.slug().to_owned()) {
            groups.push(group);
        }
    }
    if groups.is_empty() {
        return Err(refused("groups_missing", "no groups are given", "give at least one group"));
    }
    Ok(groups)
}
