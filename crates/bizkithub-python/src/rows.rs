use std::borrow::Cow;

use bizkithub::Error;
use bizkithub::job::{Cell, Columns, PlanBuilder, RowCells};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyList, PyMapping, PySequence, PyString, PyTuple};

use crate::argument::{parts, type_name};
use crate::error::{call, exception};

/// How many rows are read between two looks for signals.
const SIGNAL_INTERVAL: u64 = 4096;

/// Reads rows into a plan: mappings, named tuples, and tuples or lists whose columns are named by their positions.
pub(crate) struct RowReader {
    names: Columns,
    columns: [Option<Column>; 3],
    /// The first row, to tell its columns when one is misspelt.
    first: Option<Py<PyAny>>,
}

impl RowReader {
    pub(crate) fn new(py: Python<'_>, columns: &Columns, plan: &PlanBuilder) -> PyResult<Self> {
        call(py, || columns.check(plan.has_groups_for_all_rows()))?;
        let named = [&columns.email, &columns.cu_ref_no, &columns.groups];
        let named = named.map(|name| name.as_deref().map(|name| Column::new(py, name)));
        Ok(Self { names: columns.clone(), columns: named, first: None })
    }

    /// Reads some rows.
    pub(crate) fn read(&mut self, rows: &Bound<'_, PyAny>, plan: &mut PlanBuilder) -> PyResult<()> {
        let py = rows.py();
        for row in rows.try_iter().map_err(|_| not_rows(rows, None))? {
            let row = row?;
            let shape = Shape::of(&row).ok_or_else(|| not_rows(&row, Some(plan.rows() + 1)))?;
            let mut values = [const { None }; 3];
            for (column, value) in self.columns.iter_mut().zip(&mut values) {
                *value = column.as_mut().map(|column| column.value(&shape)).transpose()?.flatten();
            }
            let cells = cells(&values)?;
            call(py, || {
                plan.push_cells(cells, None);
                Ok(())
            })?;
            self.first.get_or_insert(row.unbind());
            if plan.rows().is_multiple_of(SIGNAL_INTERVAL) {
                py.check_signals()?;
            }
        }
        Ok(())
    }

    /// Ends the reading.
    pub(crate) fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let Some(first) = &self.first else { return Ok(()) };
        let seen = self.columns.iter().flatten().filter(|column| column.is_seen);
        let seen: Vec<&str> = seen.map(|column| column.name.as_str()).collect();
        let first = first.bind(py);
        // A row that does not tell its names is no reason to fail.
        let names = names(first).unwrap_or_default();
        let with_places = |error: Error| match Shape::of(first) {
            Some(Shape::Sequence(_)) => {
                let last = names.len().max(1) - 1;
                error.advise(format!("the columns of a tuple are named by their positions, here from 0 to {last}"))
            }
            _ => error,
        };
        self.names.check_seen(&seen, &names).map_err(|error| exception(py, &with_places(error)))
    }
}

/// How a row holds its values.
enum Shape<'a, 'py> {
    Mapping(&'a Bound<'py, PyMapping>),
    Named(&'a Bound<'py, PyAny>),
    Sequence(&'a Bound<'py, PySequence>),
}

impl<'a, 'py> Shape<'a, 'py> {
    fn of(row: &'a Bound<'py, PyAny>) -> Option<Self> {
        if let Ok(mapping) = row.cast() {
            return Some(Self::Mapping(mapping));
        }
        let is_sequence = row.is_instance_of::<PyTuple>() || row.is_instance_of::<PyList>();
        if is_sequence && row.hasattr("_fields").unwrap_or_default() {
            return Some(Self::Named(row));
        }
        row.cast().ok().filter(|_| is_sequence).map(Self::Sequence)
    }
}

/// A column, by its name, and whether any row had it.
struct Column {
    name: String,
    key: Py<PyString>,
    place: Option<usize>,
    is_seen: bool,
}

impl Column {
    fn new(py: Python<'_>, name: &str) -> Self {
        Self { name: name.to_owned(), key: PyString::new(py, name).unbind(), place: name.parse().ok(), is_seen: false }
    }

    fn value<'py>(&mut self, row: &Shape<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let value = match row {
            Shape::Mapping(row) => {
                let key = self.key.bind(row.py());
                match row.cast::<PyDict>() {
                    Ok(row) => row.get_item(key)?,
                    Err(_) => match row.get_item(key) {
                        Ok(value) => Some(value),
                        Err(error) if error.is_instance_of::<PyKeyError>(row.py()) => None,
                        Err(error) => return Err(error),
                    },
                }
            }
            Shape::Named(row) => row.getattr_opt(self.key.bind(row.py()))?,
            Shape::Sequence(row) => match self.place {
                Some(place) if place < row.len()? => Some(row.get_item(place)?),
                _ => None,
            },
        };
        self.is_seen |= value.is_some();
        Ok(value)
    }
}

/// The names of a row's columns; those of a tuple without names are their positions.
fn names(row: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let names = match Shape::of(row) {
        Some(Shape::Sequence(row)) => return Ok((0..row.len()?).map(|place| place.to_string()).collect()),
        Some(Shape::Named(row)) => row.getattr("_fields")?.try_iter()?,
        _ => row.try_iter()?,
    };
    names.map(|name| Ok(name?.str()?.to_string_lossy().into_owned())).collect()
}

fn not_rows(object: &Bound<'_, PyAny>, row: Option<u64>) -> PyErr {
    let message = match row {
        Some(_) => format!("the row is {}, neither a mapping of column names to values nor a tuple", type_name(object)),
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
