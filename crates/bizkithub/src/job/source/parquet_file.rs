use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{FileSource, open};
use crate::error::Error;
use crate::job::cell::RowCells;
use crate::job::columns::Columns;
use crate::job::decoding::decoded;
use crate::job::plan::PlanBuilder;
use crate::job::record_batch::for_each_slice;

/// Few enough that a batch stays in the processor's cache, many enough that reading it costs little.
const BATCH: usize = 1 << 13;

/// Reads every row into a plan.
pub(super) fn read_into(source: &FileSource, plan: &mut PlanBuilder) -> Result<(), Error> {
    source.columns.check(plan.has_groups_for_all_rows())?;
    for batch in batches(source)? {
        plan.push_batch(&batch?, &source.columns)?;
    }
    Ok(())
}

/// Calls the visitor with each row, until it breaks off.
pub(super) fn each_row(
    source: &FileSource,
    mut visit: impl FnMut(RowCells<'_>) -> ControlFlow<()>,
) -> Result<(), Error> {
    for batch in batches(source)? {
        let mut is_over = false;
        for_each_slice(&batch?, &source.columns, |rows| {
            is_over = rows.range().any(|row| visit(rows.cells(row)).is_break());
            !is_over
        })?;
        if is_over {
            break;
        }
    }
    Ok(())
}

/// The batches of the file, or of all files of the folder.
fn batches(source: &FileSource) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<'_>, Error> {
    let of_file = |file: PathBuf| {
        let (batches, error) = match batches_of(&file, &source.columns) {
            Ok(batches) => (Some(batches), None),
            Err(error) => (None, Some(Err(error))),
        };
        error.into_iter().chain(batches.into_iter().flatten())
    };
    Ok(source.files()?.into_iter().flat_map(of_file))
}

/// A file's batches, with no other columns than those that are named. An empty file has one without rows, for its columns.
fn batches_of(
    file: &Path,
    columns: &Columns,
) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<>, Error> {
    let path = file.to_owned();
    let invalid = move |reason: String| {
        let message = format!("the file {} cannot be read as Parquet: {reason}", path.display());
        Error::invalid_input("parquet_invalid", message, "check that it is a complete Parquet file")
    };
    let opened = open(file)?;
    let builder = decoded(|| ParquetRecordBatchReaderBuilder::try_new(opened)).map_err(&invalid)?;
    let named = [&columns.email, &columns.cu_ref_no, &columns.groups];
    let named: HashSet<&str> = named.into_iter().flatten().map(|name| name.trim()).collect();
    let fields = builder.schema().fields().iter().enumerate();
    let wanted: Vec<usize> =
        fields.filter(|(_, field)| named.contains(field.name().trim())).map(|(place, _)| place).collect();
    // Without all that are wanted, every column is read: the error is to list them.
    let mask = if wanted.len() < named.len() {
        ProjectionMask::all()
    } else {
        ProjectionMask::roots(builder.parquet_schema(), wanted)
    };
    let schema = builder.schema().clone();
    let builder = builder.with_projection(mask).with_batch_size(BATCH);
    let mut reader = decoded(|| builder.build()).map_err(&invalid)?;
    let nothing = std::iter::once(Ok(RecordBatch::new_empty(schema)));
    let next = move || decoded(|| reader.next().transpose()).map_err(&invalid).transpose();
    Ok(nothing.chain(std::iter::from_fn(next)))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use arrow_array::builder::{ListBuilder, StringBuilder};
    use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampSecondArray};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::job::{Plan, PlanOptions, write_rejects_of_plan};

    fn read(columns: Vec<(&str, ArrayRef)>, cu_ref_no: Option<&str>) -> Result<Plan, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("customers.parquet");
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let mut writer = ArrowWriter::try_new(File::create(&path).expect("a file"), batch.schema(), None).expect("one");
        writer.write(&batch).expect("rows");
        writer.close().expect("a footer");
        let columns = Columns {
            email: Some("email".into()),
            cu_ref_no: cu_ref_no.map(str::to_owned),
            groups: Some("groups".into()),
        };
        let mut plan = PlanBuilder::new(&PlanOptions::default())?;
        FileSource::new(path, columns).read_into(&mut plan)?;
        Ok(plan.finish())
    }

    fn texts<const N: usize>(texts: [Option<&str>; N]) -> ArrayRef {
        Arc::new(StringArray::from(texts.to_vec()))
    }

    #[test]
    fn only_the_named_columns_are_read() {
        let mut groups = ListBuilder::new(StringBuilder::new());
        groups.append_value([Some("vip"), Some("yoga")]);
        groups.append_null();
        groups.append_value([Some("vip")]);
        let plan = read(
            vec![
                ("when", Arc::new(TimestampSecondArray::from(vec![1, 2, 3]))),
                ("groups", Arc::new(groups.finish())),
                ("email", texts([Some("a@example.com"), Some("b@example.com"), None])),
                ("id", Arc::new(Float64Array::from(vec![None, None, Some(1_234_567_890_123_456.0)]))),
            ],
            Some("id"),
        )
        .expect("a plan");
        let requests: Vec<_> = plan.requests().map(|(customer, groups)| (customer.to_string(), groups.len())).collect();
        assert_eq!(requests, [("a@example.com".to_owned(), 2), ("1234567890123456".to_owned(), 1)]);
        let refusals: Vec<_> = plan.refusals().map(|error| (error.row(), error.code().map(str::to_owned))).collect();
        assert_eq!(refusals, [(Some(2), Some("groups_missing".to_owned()))]);
    }

    #[test]
    fn the_files_of_a_folder_are_read_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let columns = || Columns { email: Some("email".into()), cu_ref_no: None, groups: Some("groups".into()) };
        let read = || {
            let mut plan = PlanBuilder::new(&PlanOptions::default())?;
            let source = FileSource::new(folder.path(), columns());
            source.read_into(&mut plan).map(|()| (source, plan.finish()))
        };
        assert_eq!(read().expect_err("nothing to read").code(), Some("file_unreadable"));
        for (name, email) in [("part-2.parquet", "nobody"), ("part-1.snappy.parquet", "a@example.com")] {
            let columns = [("email", texts([Some(email)])), ("groups", texts([Some("vip")]))];
            let batch = RecordBatch::try_from_iter(columns).expect("a batch");
            let file = File::create(folder.path().join(name)).expect("a file");
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
            writer.write(&batch).expect("rows");
            writer.close().expect("a footer");
        }
        for name in ["_SUCCESS", ".part-1.snappy.parquet.crc", "_metadata.parquet"] {
            std::fs::write(folder.path().join(name), "no Parquet").expect("a file");
        }
        let (source, plan) = read().expect("two rows");
        let refusals: Vec<_> = plan.refusals().map(|error| error.row()).collect();
        assert_eq!((plan.row_count(), refusals), (2, vec![Some(2)]));
        let inside = write_rejects_of_plan(&plan, &source, &folder.path().join("part-2.parquet"));
        assert_eq!(inside.expect_err("an input").code(), Some("rejects_replace_input"));
        let elsewhere = tempfile::tempdir().expect("a folder");
        let rejects = elsewhere.path().join("rejects.csv");
        assert_eq!(write_rejects_of_plan(&plan, &source, &rejects).expect("a file"), 1);
        assert!(std::fs::read_to_string(rejects).expect("text").contains("nobody,vip,2,"));
        for name in ["notes.txt", "year=2026", "_delta_log"] {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).expect("a folder");
            let error = read().expect_err("more than Parquet files");
            assert!(error.code() == Some("file_unreadable") && error.message().contains(name), "{error}");
            std::fs::remove_dir(path).expect("a folder");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let email = || ("email", texts([Some("a@example.com")]));
        let code = |columns, id| read(columns, id).expect_err("no plan").code().map(str::to_owned);
        let numbers: ArrayRef = Arc::new(TimestampSecondArray::from(vec![1]));
        assert_eq!(code(vec![email(), ("groups", numbers)], None).as_deref(), Some("column_type_unsupported"));
        let error = read(vec![email(), ("group", Arc::new(Int64Array::from(vec![1])))], None).expect_err("a column");
        assert_eq!((error.code(), error.advice()), (Some("column_missing"), Some("the columns are: email, group")));
        let empty: Vec<(&str, ArrayRef)> = vec![("email", texts([])), ("group", texts([]))];
        assert_eq!(code(empty, None).as_deref(), Some("column_missing"));

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("customers.parquet");
        std::fs::write(&path, "email,groups\n").expect("a file");
        let mut plan = PlanBuilder::new(&PlanOptions::default()).expect("a plan");
        let columns = Columns { email: Some("email".into()), cu_ref_no: None, groups: Some("groups".into()) };
        let error = FileSource::new(path, columns).read_into(&mut plan).expect_err("no Parquet");
        assert_eq!(error.code(), Some("parquet_invalid"));
    }
}
