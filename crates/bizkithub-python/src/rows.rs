use std::borrow::Cow;

use bizkithub::Error;
use bizkithub::job::{Cell, Columns, PlanBuilder, RowCells};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyMapping, PyString};

use crate::argument::{parts, type_name};
use crate::error::{call, exception};

/// How many rows are read between two looks for signals.
const SIGNAL_INTERVAL: u64 = 4096;

/// Reads an iterable of mappings into a plan.
pub(crate) fn read(rows: &Bound<'_, PyAny>, columns: &Columns, plan: &mut PlanBuilder) -> PyResult<()> {
    let py = rows.py();
    call(py, || columns.check(plan.has_groups_for_all_rows()))?;
    let mut columns =
        [&columns.email, &columns.cu_ref_no, &columns.groups].map(|name| Column::new(py, name.as_deref()));
    let rows = rows.try_iter().map_err(|_| not_rows(rows, None))?;
    let mut first = None;
    for row in rows {
        let row = row?;
        let mapping = row.cast::<PyMapping>().map_err(|_| not_rows(&row, Some(plan.rows() + 1)))?;
        let [email, cu_ref_no, groups] = &mut columns;
        let row_cells = cells(&[email.cell(mapping)?, cu_ref_no.cell(mapping)?, groups.cell(mapping)?])?;
        call(py, || {
            plan.push_cells(row_cells, None);
            Ok(())
        })?;
        first.get_or_insert(row.unbind());
        if plan.rows().is_multiple_of(SIGNAL_INTERVAL) {
            py.check_signals()?;
        }
    }
    match first {
        Some(first) => columns.iter().try_for_each(|column| column.check(first.bind(py))),
        None => Ok(()),
    }
}

/// A column, by its name, and whether any row had it.
struct Column<'a, 'py> {
    name: Option<(&'a str, Bound<'py, PyString>)>,
    is_seen: bool,
}

impl<'a, 'py> Column<'a, 'py> {
    fn new(py: Python<'py>, name: Option<&'a str>) -> Self {
        Self { name: name.map(|name| (name, PyString::new(py, name))), is_seen: false }
    }

    fn cell(&mut self, row: &Bound<'py, PyMapping>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some((_, name)) = &self.name else { return Ok(None) };
        let cell = match row.cast::<PyDict>() {
            Ok(row) => row.get_item(name)?,
            Err(_) => match row.get_item(name) {
                Ok(cell) => Some(cell),
                Err(error) if error.is_instance_of::<PyKeyError>(row.py()) => None,
                Err(error) => return Err(error),
            },
        };
        self.is_seen |= cell.is_some();
        Ok(cell)
    }

    /// A column that no row has is a misspelt one.
    fn check(&self, first: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some((name, _)) = self.name.as_ref().filter(|_| !self.is_seen) else { return Ok(()) };
        let names: Vec<String> =
            first.try_iter()?.map(|name| Ok(name?.str()?.to_string_lossy().into_owned())).collect::<PyResult<_>>()?;
        let message = format!("no row has the column {name:?}");
        let advice = format!("the columns of the first row are: {}", names.join(", "));
        Err(exception(first.py(), &Error::invalid_input("column_missing", message, advice)))
    }
}

fn not_rows(object: &Bound<'_, PyAny>, row: Option<u64>) -> PyErr {
    let message = match row {
        Some(_) => format!("the row is {}, not a mapping of column names to cells", type_name(object)),
        None => format!("the data is {}, neither a path nor rows", type_name(object)),
    };
    let advice = "pass the path of a file, a data frame, or an iterable of dicts";
    let error = Error::invalid_input("rows_expected", message, advice);
    exception(object.py(), &row.into_iter().fold(error, Error::at_row))
}

/// The core's view of a row's values. Python has no texts with half of a character in mind, which no encoding can carry.
fn cells(values: &[Option<Bound<'_, PyAny>>; 3]) -> PyResult<RowCells<'static>> {
    let [email, cu_ref_no, groups] = values;
    // The keys of a mapping are no list that anybody means.
    let list = groups.as_ref().filter(|value| !value.is_none() && value.cast::<PyMapping>().is_err());
    let groups = match list.map(parts).transpose()?.flatten() {
        Some(parts) => Cell::List(parts.iter().map(|part| cell(Some(part))).collect()),
        None => cell(groups.as_ref()),
    };
    Ok(RowCells { email: cell(email.as_ref()), cu_ref_no: cell(cu_ref_no.as_ref()), groups })
}

fn cell(value: Option<&Bound<'_, PyAny>>) -> Cell<'static> {
    let Some(value) = value.filter(|value| !value.is_none()) else { return Cell::Absent };
    if let Ok(text) = value.cast::<PyString>() {
        return match text.to_str() {
            Ok(text) => Cell::Text(Cow::Owned(text.to_owned())),
            Err(_) => Cell::Other("text with half of a character (a lone surrogate)".into()),
        };
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Cell::Float(number.value());
    }
    // Numbers of numpy are whole where Python takes them for an index; True and False are, too, but nobody means them.
    let is_boolean = value.is_instance_of::<PyBool>() || type_name(value).starts_with("bool");
    match value.extract::<i128>() {
        Ok(number) if !is_boolean => Cell::Integer(number),
        _ => Cell::Other(type_name(value).into()),
    }
}
