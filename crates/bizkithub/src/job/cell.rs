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

    /// The text of any value, for a file of rejects: as close to what was there as a text can be.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Absent => "".into(),
            Self::Text(text) | Self::Other(text) => text.as_ref().into(),
            Self::Integer(number) => number.to_string().into(),
            Self::Float(number) => number.to_string().into(),
            Self::List(cells) => cells.iter().map(Self::shown).collect::<Vec<_>>().join(";").into(),
        }
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
        deserializer.deserialize_any(AnyCell)
    }
}

struct AnyCell;

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
        let mut cells = Vec::new();
        while let Some(cell) = items.next_element()? {
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

    #[test]
    fn a_gap_in_a_list_is_a_blank_group() {
        let groups = Cell::List(vec![Cell::Text("vip".into()), Cell::Absent, Cell::Integer(2026)]);
        let row = Row::try_from(RowCells { groups, ..RowCells::default() }).expect("a row");
        assert!(matches!(&row.groups, RowGroups::List(list) if list == &["vip", "", "2026"]), "{row:?}");
    }
}
