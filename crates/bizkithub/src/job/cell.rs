use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::row::{Row, RowGroups};
use crate::error::{Error, Field};

/// A value of the caller's input that is not yet known to be a text: what frames, JSON and the host languages hold in their rows.
///
/// One rule serves all of them. Texts are taken as they are; whole numbers have a text of their own, also where a gap in their
/// column has made them floating-point; what is not a number counts as absent, because that is how data frames write "nothing".
/// Everything else is refused, because its text would depend on who writes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    #[default]
    Absent,
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i128),
    /// A floating-point number.
    Float(f64),
    /// Several values.
    List(Vec<Cell<'a>>),
    /// Anything else, by a description such as `a boolean`.
    Other(Cow<'a, str>),
}

/// In a file of rejects, what no cell can hold. It is no address, no number and, having no slug, no group.
#[cfg(feature = "native")]
const UNWRITABLE: &str = "\u{fffd}";

/// Below it, every whole number is a floating-point number of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'a> Cell<'a> {
    /// The text, if there is one.
    ///
    /// # Errors
    ///
    /// `value_not_text`.
    pub fn into_text(self, field: Field) -> Result<Option<Cow<'a, str>>, Error> {
        let refused = |what: &str, advice| {
            let message = format!("the value is {what} instead of text");
            Err(Error::invalid_input("value_not_text", message, advice).at_field(field))
        };
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Integer(number) => Ok(Some(number.to_string().into())),
            Self::Float(number) if number.is_nan() => Ok(None),
            Self::Float(number) if number.abs() >= EXACT => refused(
                "a floating-point number that may have lost digits",
                "keep the column as text or integers from where it is read on",
            ),
            Self::Float(number) if number.fract() == 0.0 => Ok(Some(format!("{number:.0}").into())),
            Self::Float(number) => refused(&format!("the number {number}"), "convert the value to text first"),
            Self::List(_) => refused("a list", "give one text"),
            Self::Other(what) => refused(&what, "convert the value to text first"),
        }
    }

    /// A floating-point number from which digits may have been lost.
    #[cfg(feature = "arrow")]
    pub(super) const INEXACT: Self = Self::Float(EXACT);

    /// The value as a cell of a file of rejects, from which the row is read again: what a cell cannot hold becomes [`UNWRITABLE`],
    /// so that it is refused again and not taken for something else.
    #[cfg(feature = "native")]
    pub(super) fn written(&self, field: Field) -> Cow<'_, str> {
        match (self, field) {
            (Self::List(cells), Field::Groups) => {
                let item = |cell: &Self| match cell.text() {
                    Some(text) if !text.trim().is_empty() && !text.contains(RowGroups::SEPARATORS) => text.into_owned(),
                    _ => UNWRITABLE.to_owned(),
                };
                cells.iter().map(item).collect::<Vec<_>>().join(";").into()
            }
            _ if self.is_absent() => "".into(),
            _ => self.text().unwrap_or(UNWRITABLE.into()),
        }
    }

    #[cfg(feature = "native")]
    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(text.as_ref().into()),
            other => other.clone().into_text(Field::Groups).ok().flatten().map(|text| text.into_owned().into()),
        }
    }

    #[cfg(feature = "native")]
    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent) || matches!(self, Self::Float(number) if number.is_nan())
    }

    fn into_groups(self) -> Result<RowGroups<'a>, Error> {
        match self {
            Self::List(cells) => {
                // A gap in a list is refused like a blank group.
                let text = |cell: Cell<'a>| Ok(cell.into_text(Field::Groups)?.unwrap_or_default());
                cells.into_iter().map(text).collect::<Result<_, Error>>().map(RowGroups::List)
            }
            cell => Ok(cell.into_text(Field::Groups)?.map_or(RowGroups::Absent, RowGroups::Text)),
        }
    }
}

/// The values of one row in the columns that a plan reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowCells<'a> {
    /// The e-mail address.
    pub email: Cell<'a>,
    /// The `cuRefNo`.
    pub cu_ref_no: Cell<'a>,
    /// The groups: one value, to be separated, or a list.
    pub groups: Cell<'a>,
}

impl<'a> TryFrom<RowCells<'a>> for Row<'a> {
    type Error = Error;

    fn try_from(cells: RowCells<'a>) -> Result<Self, Error> {
        Ok(Self {
            email: cells.email.into_text(Field::Email)?,
            cu_ref_no: cells.cu_ref_no.into_text(Field::CuRefNo)?,
            groups: cells.groups.into_groups()?,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Cell<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyCell { is_item: false })
    }
}

/// A value in a list. A list in a list has no meaning, however deep it is.
struct Item<'a>(Cell<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyCell { is_item: true }).map(Self)
    }
}

struct AnyCell {
    is_item: bool,
}

impl<'de> Visitor<'de> for AnyCell {
    type Value = Cell<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cell::Integer(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cell::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Cell::Float(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Cell::Other("a boolean".into()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cell::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        if self.is_item {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Cell::Other("a list".into()));
        }
        let mut cells = Vec::new();
        while let Some(Item(cell)) = items.next_element()? {
            cells.push(cell);
        }
        Ok(Cell::List(cells))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other("an object".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cell: Cell<'_>) -> Result<Option<String>, String> {
        let text = cell.into_text(Field::CuRefNo);
        text.map(|text| text.map(Cow::into_owned)).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn whole_numbers_have_a_text_and_others_have_none() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(text(Cell::Integer(1_234_567_890_123_456)), some("1234567890123456"));
        assert_eq!(text(Cell::Float(1_234_567_890_123_456.0)), some("1234567890123456"));
        assert_eq!(text(Cell::Float(-0.0)), some("-0"));
        assert_eq!(text(Cell::Float(f64::NAN)), Ok(None));
        assert_eq!(text(Cell::Absent), Ok(None));
        for (cell, what) in [
            (Cell::Float(1.5), "the number 1.5"),
            (Cell::Float(EXACT), "a floating-point number that may have lost digits"),
            (Cell::Float(f64::INFINITY), "a floating-point number that may have lost digits"),
            (Cell::List(Vec::new()), "a list"),
            (Cell::Other("a boolean".into()), "a boolean"),
        ] {
            assert_eq!(text(cell), Err(format!("the value is {what} instead of text")));
        }
    }

    #[cfg(feature = "native")]
    #[test]
    fn what_was_refused_is_written_so_that_it_is_refused_again() {
        let list = |cells: Vec<Cell<'static>>| Cell::List(cells);
        let text = |text: &'static str| Cell::Text(text.into());
        for (cell, field, written) in [
            (text("vip;sale"), Field::Groups, "vip;sale"),
            (Cell::Integer(7), Field::CuRefNo, "7"),
            (Cell::Float(7.0), Field::CuRefNo, "7"),
            (Cell::Float(0.5), Field::Groups, "\u{fffd}"),
            (Cell::Float(EXACT), Field::CuRefNo, "\u{fffd}"),
            (Cell::Other("a boolean".into()), Field::Groups, "\u{fffd}"),
            (
                list(vec![text("vip"), Cell::Absent, text("a;b"), Cell::Integer(1)]),
                Field::Groups,
                "vip;\u{fffd};\u{fffd};1",
            ),
            (list(vec![text("vip")]), Field::Email, "\u{fffd}"),
            (list(Vec::new()), Field::Groups, ""),
            (Cell::Float(f64::NAN), Field::Email, ""),
        ] {
            assert_eq!(cell.written(field), written, "{cell:?}");
        }
        assert!(crate::Group::parse(UNWRITABLE).is_err() && crate::Email::parse(UNWRITABLE).is_err());
        assert!(crate::CuRefNo::parse(UNWRITABLE).is_err());
    }

    #[test]
    fn a_gap_in_a_list_is_a_blank_group() {
        let groups = Cell::List(vec![Cell::Text("vip".into()), Cell::Absent, Cell::Integer(2026)]);
        let row = Row::try_from(RowCells { groups, ..RowCells::default() }).expect("a row");
        assert!(matches!(&row.groups, RowGroups::List(list) if list == &["vip", "", "2026"]), "{row:?}");
    }
}
