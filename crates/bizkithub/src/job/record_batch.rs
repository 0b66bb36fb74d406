//! Arrow record batches as rows. Texts are borrowed from the batch, so that a row costs no allocation.

use std::ops::Range;
use std::sync::mpsc::sync_channel;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrowPrimitiveType, LargeStringArray, OffsetSizeTrait, RecordBatch, StringArray, StringViewArray,
};
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
    Dictionary { array: &'a dyn Array, key: Box<dyn Fn(usize) -> i128 + 'a>, values: Box<Self> },
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
            DataType::Float16 => floating::<Float16Type>(array, 11),
            DataType::Float32 => floating::<Float32Type>(array, 24),
            DataType::Float64 => floating::<Float64Type>(array, 53),
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                let values = Self::new(dictionary.values(), may_be_list)?;
                Self::Dictionary { array, key: integers(dictionary.keys())?, values: Box::new(values) }
            }
            DataType::List(_) if may_be_list => Self::list::<i32>(array)?,
            DataType::LargeList(_) if may_be_list => Self::list::<i64>(array)?,
            DataType::ListView(_) if may_be_list => Self::list_view::<i32>(array)?,
            DataType::LargeListView(_) if may_be_list => Self::list_view::<i64>(array)?,
            DataType::FixedSizeList(_, _) if may_be_list => {
                let list = array.as_fixed_size_list();
                let begin = |row: usize| list.value_offset(row) as usize;
                Self::items(array, move |row| begin(row)..begin(row + 1), list.values())?
            }
            _ => {
                let integer = integers(array)?;
                Self::Number { array, cell: Box::new(move |row| Cell::Integer(integer(row))) }
            }
        })
    }

    fn list<O: OffsetSizeTrait>(array: &'a dyn Array) -> Option<Self> {
        let list = array.as_list::<O>();
        let end = |row: usize| list.value_offsets()[row].as_usize();
        Self::items(array, move |row| end(row)..end(row + 1), list.values())
    }

    fn list_view<O: OffsetSizeTrait>(array: &'a dyn Array) -> Option<Self> {
        let list = array.as_list_view::<O>();
        let begin = |row: usize| list.value_offset(row).as_usize();
        Self::items(array, move |row| begin(row)..begin(row) + list.value_size(row).as_usize(), list.values())
    }

    fn items(array: &'a dyn Array, items: impl Fn(usize) -> Range<usize> + 'a, values: &'a dyn Array) -> Option<Self> {
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
                // Arrow has checked that every key is one of a value.
                usize::try_from(key(row)).map_or(Cell::Absent, |key| values.cell(key))
            }
            Self::List { array, items, values } if array.is_valid(row) => {
                Cell::List(items(row).map(|item| values.cell(item)).collect())
            }
            _ => Cell::Absent,
        }
    }
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

/// Whole numbers of any type, each looked up when it is wanted: lists share one long array of them.
fn integers(array: &dyn Array) -> Option<Box<dyn Fn(usize) -> i128 + '_>> {
    fn typed<T: ArrowPrimitiveType<Native: Into<i128>>>(array: &dyn Array) -> Box<dyn Fn(usize) -> i128 + '_> {
        let numbers = array.as_primitive::<T>();
        Box::new(|row| numbers.value(row).into())
    }
    Some(match array.data_type() {
        DataType::Int8 => typed::<Int8Type>(array),
        DataType::Int16 => typed::<Int16Type>(array),
        DataType::Int32 => typed::<Int32Type>(array),
        DataType::Int64 => typed::<Int64Type>(array),
        DataType::UInt8 => typed::<UInt8Type>(array),
        DataType::UInt16 => typed::<UInt16Type>(array),
        DataType::UInt32 => typed::<UInt32Type>(array),
        DataType::UInt64 => typed::<UInt64Type>(array),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::{
        FixedSizeListBuilder, LargeListBuilder, LargeListViewBuilder, ListBuilder, ListViewBuilder, StringBuilder,
        StringDictionaryBuilder,
    };
    use arrow_array::{ArrayRef, BooleanArray, Int16Array, LargeStringArray, StringArray, StringViewArray};

    use super::*;
    use crate::job::{Plan, PlanOptions};

    fn plan(groups: ArrayRef) -> Result<Plan, Error> {
        let emails = (0..groups.len()).map(|row| format!("user{row}@example.com")).collect::<Vec<_>>();
        let emails: ArrayRef = Arc::new(StringArray::from(emails));
        let batch = RecordBatch::try_from_iter([("email", emails), ("groups", groups)]).expect("a batch");
        let columns = Columns { email: Some("email".into()), cu_ref_no: None, groups: Some("groups".into()) };
        let mut plan = PlanBuilder::new(&PlanOptions::default())?;
        // The first row is cut off, so that nothing begins where its array does.
        plan.push_batch(&batch.slice(1, batch.num_rows() - 1), &columns)?;
        Ok(plan.finish())
    }

    /// What becomes of the groups `-`, `vip`, nothing, and `a` with `b` (in one text where there are no lists).
    fn assert_read(groups: ArrayRef) {
        let shown = groups.data_type().to_string();
        let plan = plan(groups).expect("a plan");
        let requests: Vec<_> = plan
            .requests()
            .map(|(customer, groups)| {
                (customer.to_string(), groups.iter().map(|group| group.text().to_owned()).collect::<Vec<_>>().join(" "))
            })
            .collect();
        let expected = [("user1@example.com", "vip"), ("user3@example.com", "a b")];
        assert_eq!(requests, expected.map(|(email, groups)| (email.to_owned(), groups.to_owned())), "{shown}");
        let refusals: Vec<_> = plan.refusals().map(|error| (error.row(), error.code().map(str::to_owned))).collect();
        assert_eq!(refusals, [(Some(2), Some("groups_missing".to_owned()))], "{shown}");
    }

    #[test]
    fn every_way_to_hold_texts_and_lists_is_read_alike() {
        let texts = [Some("-"), Some("vip"), None, Some("a;b")];
        assert_read(Arc::new(StringArray::from(texts.to_vec())));
        assert_read(Arc::new(LargeStringArray::from(texts.to_vec())));
        assert_read(Arc::new(StringViewArray::from(texts.to_vec())));
        let mut dictionary = StringDictionaryBuilder::<Int16Type>::new();
        texts.iter().for_each(|text| dictionary.append_option(*text));
        assert_read(Arc::new(dictionary.finish()));

        let lists = [Some(vec!["-"]), Some(vec!["vip"]), None, Some(vec!["a", "b"])];
        macro_rules! built {
            ($builder:expr) => {{
                let mut builder = $builder;
                for list in &lists {
                    for text in list.iter().flatten() {
                        builder.values().append_value(text);
                    }
                    builder.append(list.is_some());
                }
                assert_read(Arc::new(builder.finish()));
            }};
        }
        built!(ListBuilder::new(StringBuilder::new()));
        built!(LargeListBuilder::new(StringBuilder::new()));
        built!(ListViewBuilder::new(StringBuilder::new()));
        built!(LargeListViewBuilder::new(StringBuilder::new()));
        built!(ListBuilder::new(StringDictionaryBuilder::<Int16Type>::new()));
    }

    #[test]
    fn lists_of_one_length_and_numbers_are_read() {
        let mut pairs = FixedSizeListBuilder::new(StringBuilder::new(), 2);
        for pair in [["-", "-"], ["vip", "a"], ["a", "b"]] {
            pair.iter().for_each(|text| pairs.values().append_value(text));
            pairs.append(true);
        }
        let requests: Vec<usize> =
            plan(Arc::new(pairs.finish())).expect("a plan").requests().map(|(_, groups)| groups.len()).collect();
        assert_eq!(requests, [2, 2]);
        let years = plan(Arc::new(Int16Array::from(vec![2024, 2025, 2026]))).expect("a plan");
        let years: Vec<_> = years.bill().groups.into_iter().map(|group| group.text).collect();
        assert_eq!(years, ["2025", "2026"]);
        let error = plan(Arc::new(BooleanArray::from(vec![true, false]))).expect_err("no texts");
        assert_eq!((error.code(), error.field()), (Some("column_type_unsupported"), Some(Field::Groups)));
    }
}
