use bizkithub::job::{Cell, PlanBuilder, RowCells};
use bizkithub::{Error, Field};
use serde::Deserialize;

use crate::parse;

/// A row of the host: its values as JSON has them, or what it is instead of an object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowInput<'a> {
    #[serde(borrow, default)]
    email: Cell<'a>,
    #[serde(borrow, default)]
    cu_ref_no: Cell<'a>,
    #[serde(borrow, default)]
    groups: Cell<'a>,
    unreadable: Option<String>,
    field: Option<String>,
}

/// Gives a plan the next rows, a JSON array of objects with the values `email`, `cuRefNo` and `groups`, or with `unreadable`, what the
/// row is instead of an object, or what the value of its `field` is instead of text. Returns the number of rows so far.
///
/// # Errors
///
/// An internal error for JSON of another form.
pub fn push_rows(plan: &mut PlanBuilder, rows: &str) -> Result<u64, Error> {
    let rows: Vec<RowInput<'_>> = parse(rows)?;
    plan.push_all(rows.into_iter().map(|row| {
        let RowInput { email, cu_ref_no, groups, unreadable, field } = row;
        let row = match unreadable {
            Some(what) => Err(unreadable_row(&what, field.as_deref())),
            None => RowCells { email, cu_ref_no, groups }.try_into(),
        };
        (row, None)
    }));
    Ok(plan.rows())
}

fn unreadable_row(what: &str, field: Option<&str>) -> Error {
    let fields = [Field::Email, Field::CuRefNo, Field::Groups];
    match fields.into_iter().find(|known| Some(known.as_str()) == field) {
        Some(field) => {
            let message = format!("the value is {what} instead of text");
            Error::invalid_input("value_not_text", message, "convert the value to text first").at_field(field)
        }
        None => {
            let message = format!("the row is {what} instead of an object");
            Error::invalid_input("value_not_text", message, "pass an object a row").at_field(Field::Customer)
        }
    }
}
