//! Arrow record batches as rows. Texts are borrowed from the batch, so that a row costs no allocation.

use std::ops::Range;
use std::sync::mpsc::sync_channel;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, LargeStringArray, RecordBatch, StringArray, StringViewArray};
use arrow_schema::DataType;

use super::cell::{Cell, RowCells};
use super::columns::Columns;
use super::plan::PlanBuilder;
use super::row::Row;
use crate::error::{Error, Field};

/// How many rows are converted at once: a batch may be a whole frame.
const SLICE: usize = 1 << 16;
/// From so many rows on, a second thread prepares rows while this one merges them.
const WORTH_A_THREAD: usize = 1 << 17;
/// How many rows go from one thread to the other at once: they fit a processor's cache.
const CHUNK: usize = 1 << 12;
const CHUNKS_AHEAD: usize = 4;

impl PlanBuilder {
    /// Takes the rows of a record batch.
    ///
    /// The columns are texts (`Utf8`, `LargeUtf8`, `Utf8View`), whole numbers or floating-point numbers, which are taken by the
    /// rules of [`Cell`], or dictionaries of those; that of groups may also hold lists of any of them. A null is an absent value.
    ///
    /// # Errors
    ///
    /// `column_missing`, `column_ambiguous`, `groups_missing` and `column_type_unsupported`; no row of the batch is taken then.
    pub fn push_batch(&mut self, batch: &RecordBatch, columns: &Columns) -> Result<(), Error> {
        columns.check(self.has_groups_for_all_rows())?;
        // The columns are checked before any row is taken.
        BatchRows::new(&batch.slice(0, 0), columns)?;
        if batch.num_rows() < WORTH_A_THREAD {
            return for_each_slice(batch, columns, |rows| {
                self.push_all(rows.range().map(|row| (Row::try_from(rows.cells(row)), None)));
                true
            });
        }
        let slices = &slices(batch, CHUNK);
        let preparation = self.preparation().clone();
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
            scope.spawn(move || {
                for slice in slices {
                    let prepared = BatchRows::new(slice, columns).map(|rows| {
                        let prepare = |row| preparation.prepare(Row::try_from(rows.cells(row)), None);
                        rows.range().map(prepare).collect::<Vec<_>>()
                    });
                    // Who does not listen any more needs no more.
                    if sender.send(prepared).is_err() {
                        break;
                    }
                }
            });
            receiver.into_iter().try_for_each(|prepared| {
                self.push_prepared(&mut prepared?);
                Ok(())
            })
        })
    }
}

fn slices(batch: &RecordBatch, length: usize) -> Vec<RecordBatch> {
    let begins = (0..batch.num_rows()).step_by(length);
    begins.map(|begin| batch.slice(begin, length.min(batch.num_rows() - begin))).collect()
}

/// Calls the visitor with the rows of a batch, many at once, until it says enough.
pub(super) fn for_each_slice(
    batch: &RecordBatch,
    columns: &Columns,
    mut visit: impl FnMut(&BatchRows<'_>) -> bool,
) -> Result<(), Error> {
    for slice in &slices(batch, SLICE) {
        if !visit(&BatchRows::new(slice, columns)?) {
            break;
        }
    }
    Ok(())
}

/// The rows of a record batch, in the columns that a plan reads.
pub(super) struct BatchRows<'a> {
    length: usize,
    email: Column<'a>,
    cu_ref_no: Column<'a>,
    groups: Column<'a>,
}

impl<'a> BatchRows<'a> {
    fn new(batch: &'a RecordBatch, columns: &Columns) -> Result<Self, Error> {
        let names: Vec<&str> = batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        let [email, cu_ref_no, groups] = columns.places(&names)?;
        let column = |place: Option<usize>, field| match place {
            Some(place) => {
                let array = batch.column(place);
                let unsupported = || unsupported(names[place], array.data_type(), field);
                Column::new(array, field == Field::Groups).ok_or_else(unsupported)
            }
            None => Ok(Column::Absent),
        };
        Ok(Self {
            length: batch.num_rows(),
            email: column(email, Field::Email)?,
            cu_ref_no: column(cu_ref_no, Field::CuRefNo)?,
            groups: column(groups, Field::Groups)?,
        })
    }

    pub(super) fn range(&self) -> Range<usize> {
        0..self.length
    }

    pub(super) fn cells(&self, row: usize) -> RowCells<'a> {
        RowCells { email: self.email.cell(row), cu_ref_no: self.cu_ref_no.cell(row), groups: self.groups.cell(row) }
    }
}

fn unsupported(name: &str, data_type: &DataType, field: Field) -> Error {
    let message = format!("the column {name:?} holds values of the type {data_type}, which are not texts");
    Error::invalid_input("column_type_unsupported", message, "convert the column to text first").at_field(field)
}

/// A column whose values have a text.
enum Column<'a> {
    Absent,
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    Number { array: &'a dyn Array, cell: Box<dyn Fn(usize) -> Cell<'static> + 'a> },
    Dictionary { array: &'a dyn Array, key: Box<dyn Fn(usize) -> Option<usize> + 'a>, values: Box<Self> },
    List { array: &'a dyn Array, items: Box<dyn Fn(usize) -> Range<usize> + 'a>, values: Box<Self> },
}

impl<'a> Column<'a> {
    /// The column, if its type is one that can be read.
    fn new(array: &'a dyn Array, may_be_list: bool) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Null => Self::Absent,
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view()),
            DataType::Int8 => whole::<Int8Type>(array),
            DataType::Int16 => whole::<Int16Type>(array),
            DataType::Int32 => whole::<Int32Type>(array),
            DataType::Int64 => whole::<Int64Type>(array),
            DataType::UInt8 => whole::<UInt8Type>(array),
            DataType::UInt16 => whole::<UInt16Type>(array),
            DataType::UInt32 => whole::<UInt32Type>(array),
            DataType::UInt64 => whole::<UInt64Type>(array),
            DataType::Float16 => floating::<Float16Type>(array, 11),
            DataType::Float32 => floating::<Float32Type>(array, 24),
            DataType::Float64 => floating::<Float64Type>(array, 53),
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                let values = Self::new(dictionary.values(), may_be_list)?;
                Self::Dictionary { array, key: keys(dictionary.keys())?, values: Box::new(values) }
            }
            DataType::List(_) if may_be_list => {
                let list = array.as_list::<i32>();
                let items = |row: usize| list.value_offsets()[row] as usize..list.value_offsets()[row + 1] as usize;
                Self::list(array, items, list.values())?
            }
            DataType::LargeList(_) if may_be_list => {
                let list = array.as_list::<i64>();
                let items = |row: usize| list.value_offsets()[row] as usize..list.value_offsets()[row + 1] as usize;
                Self::list(array, items, list.values())?
            }
            DataType::FixedSizeList(_, _) if may_be_list => {
                let list = array.as_fixed_size_list();
                let items = |row: usize| list.value_offset(row) as usize..list.value_offset(row + 1) as usize;
                Self::list(array, items, list.values())?
            }
            DataType::ListView(_) if may_be_list => {
                let list = array.as_list_view::<i32>();
                let begin = |row: usize| list.value_offset(row) as usize;
                Self::list(array, move |row| begin(row)..begin(row) + list.value_size(row) as usize, list.values())?
            }
            DataType::LargeListView(_) if may_be_list => {
                let list = array.as_list_view::<i64>();
                let begin = |row: usize| list.value_offset(row) as usize;
                Self::list(array, move |row| begin(row)..begin(row) + list.value_size(row) as usize, list.values())?
            }
            _ => return None,
        })
    }

    fn list(array: &'a dyn Array, items: impl Fn(usize) -> Range<usize> + 'a, values: &'a dyn Array) -> Option<Self> {
        Some(Self::List { array, items: Box::new(items), values: Box::new(Self::new(values, false)?) })
    }

    fn cell(&self, row: usize) -> Cell<'a> {
        match self {
            Self::Absent => Cell::Absent,
            Self::Utf8(array) if array.is_valid(row) => Cell::Text(array.value(row).into()),
            Self::LargeUtf8(array) if array.is_valid(row) => Cell::Text(array.value(row).into()),
            Self::Utf8View(array) if array.is_valid(row) => Cell::Text(array.value(row).into()),
            Self::Number { array, cell } if array.is_valid(row) => cell(row),
            Self::Dictionary { array, key, values } if array.is_valid(row) => {
                key(row).map_or(Cell::Absent, |key| values.cell(key))
            }
            Self::List { array, items, values } if array.is_valid(row) => {
                Cell::List(items(row).map(|item| values.cell(item)).collect())
            }
            _ => Cell::Absent,
        }
    }
}

fn whole<T: ArrowPrimitiveType<Native: Into<i128>>>(array: &dyn Array) -> Column<'_> {
    let numbers = array.as_primitive::<T>();
    Column::Number { array, cell: Box::new(|row| Cell::Integer(numbers.value(row).into())) }
}

/// Floating-point numbers whose significand has so many bits: from two to the power of these on, digits may be lost.
fn floating<T: ArrowPrimitiveType<Native: Into<f64>>>(array: &dyn Array, bits: i32) -> Column<'_> {
    let numbers = array.as_primitive::<T>();
    let exact = 2_f64.powi(bits);
    let cell = move |row| {
        let number: f64 = numbers.value(row).into();
        if number.abs() < exact || number.is_nan() { Cell::Float(number) } else { Cell::INEXACT }
    };
    Column::Number { array, cell: Box::new(cell) }
}

/// The keys of a dictionary, each looked up when it is wanted: lists share one long array of them.
fn keys(keys: &dyn Array) -> Option<Box<dyn Fn(usize) -> Option<usize> + '_>> {
    fn typed<T: ArrowPrimitiveType<Native: Into<i128>>>(keys: &dyn Array) -> Box<dyn Fn(usize) -> Option<usize> + '_> {
        let keys = keys.as_primitive::<T>();
        Box::new(|row| usize::try_from(keys.value(row).into()).ok())
    }
    Some(match keys.data_type() {
        DataType::Int8 => typed::<Int8Type>(keys),
        DataType::Int16 => typed::<Int16Type>(keys),
        DataType::Int32 => typed::<Int32Type>(keys),
        DataType::Int64 => typed::<Int64Type>(keys),
        DataType::UInt8 => typed::<UInt8Type>(keys),
        DataType::UInt16 => typed::<UInt16Type>(keys),
        DataType::UInt32 => typed::<UInt32Type>(keys),
        DataType::UInt64 => typed::<UInt64Type>(keys),
        _ => return None,
    })
}
