//! Arrow data that the host has as bytes.

use std::io::Cursor;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use bizkithub::Error;
use bizkithub::job::{Columns, PlanBuilder};

/// What an IPC file begins with; a stream begins otherwise.
const FILE: &[u8] = b"ARROW1";

/// Gives a plan the rows of an Arrow IPC stream or file.
pub(crate) fn push_arrow(plan: &mut PlanBuilder, bytes: &[u8], columns: &Columns) -> Result<(), Error> {
    if bytes.starts_with(FILE) {
        let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(invalid)?;
        push_all(plan, reader.schema(), reader, columns)
    } else {
        let reader = StreamReader::try_new(bytes, None).map_err(invalid)?;
        push_all(plan, reader.schema(), reader, columns)
    }
}

fn push_all(
    plan: &mut PlanBuilder,
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    columns: &Columns,
) -> Result<(), Error> {
    // Without any row, the columns are looked at all the same.
    plan.push_batch(&RecordBatch::new_empty(schema), columns)?;
    batches.into_iter().try_for_each(|batch| plan.push_batch(&batch.map_err(invalid)?, columns))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` takes")]
fn invalid(error: ArrowError) -> Error {
    let message = format!("the bytes cannot be read as Arrow data: {error}");
    Error::invalid_input("arrow_invalid", message, "pass an uncompressed Arrow IPC stream or file")
}
