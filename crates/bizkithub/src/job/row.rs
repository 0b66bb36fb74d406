use std::borrow::Cow;

/// One line of the caller's input, not yet validated. Blank texts count as absent.
#[derive(Clone, Debug, Default)]
pub struct Row<'a> {
    /// The e-mail address.
    pub email: Option<Cow<'a, str>>,
    /// The `cuRefNo`.
    pub cu_ref_no: Option<Cow<'a, str>>,
    /// The groups of this row.
    pub groups: RowGroups<'a>,
}

/// How a row writes its groups.
#[derive(Clone, Debug, Default)]
pub enum RowGroups<'a> {
    /// The row has none of its own: the plan's constant groups apply.
    #[default]
    Absent,
    /// One text, separated by `;` or `|`; blank parts are left out.
    Text(Cow<'a, str>),
    /// A list, one group each; a blank one is refused.
    List(Vec<Cow<'a, str>>),
}

impl RowGroups<'_> {
    pub(super) const SEPARATORS: [char; 2] = [';', '|'];

    /// The groups in one text, as [`RowGroups::Text`] has them: separated by `;` or `|`, without blank ones and the blanks around them.
    /// For hosts whose users may write a list or a text.
    pub fn separate(text: &str) -> impl Iterator<Item = &str> {
        text.split(Self::SEPARATORS).map(str::trim).filter(|part| !part.is_empty())
    }

    /// Calls a function with each group's text, until it refuses one.
    pub(super) fn try_each<E>(&self, mut visit: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::Absent => Ok(()),
            Self::Text(text) => Self::separate(text).try_for_each(visit),
            Self::List(list) => list.iter().try_for_each(|text| visit(text)),
        }
    }
}
