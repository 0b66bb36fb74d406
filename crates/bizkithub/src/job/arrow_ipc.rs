//! Arrow data that a host has as bytes of an IPC stream or file.
//!
//! The decoders get nothing but bytes that are there, and so allocate nothing that the data only claims. Where they panic, the data
//! contradict themselves.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::reader::{FileDecoder, StreamDecoder};
use arrow_ipc::{Block, Footer, root_as_footer};
use arrow_schema::{ArrowError, SchemaRef};

use super::columns::Columns;
use super::decoding::decoded;
use super::plan::PlanBuilder;
use crate::error::Error;

/// What an IPC file begins and ends with; a stream does not.
const MARK: &[u8] = b"ARROW1";
/// The footer's length and the mark, at the end of a file.
const FILE_END: usize = 4 + MARK.len();

impl PlanBuilder {
    /// Takes the rows of an Arrow IPC stream or file, uncompressed. Nothing that the bytes claim is believed before it is found there.
    ///
    /// # Errors
    ///
    /// `arrow_invalid` for bytes that are none, and those of [`PlanBuilder::push_batch`]; rows of the batches before the one at fault are
    /// taken.
    pub fn push_ipc(&mut self, bytes: Vec<u8>, columns: &Columns) -> Result<(), Error> {
        let bytes = Buffer::from(bytes);
        if bytes.starts_with(MARK) { push_file(self, &bytes, columns) } else { push_stream(self, bytes, columns) }
    }
}

fn push_stream(plan: &mut PlanBuilder, mut bytes: Buffer, columns: &Columns) -> Result<(), Error> {
    let length = bytes.len();
    let mut decoder = StreamDecoder::new();
    while !bytes.is_empty() {
        match decode(|| decoder.decode(&mut bytes)) {
            Ok(Some(batch)) => push_batch(plan, &batch, columns, length)?,
            Ok(None) => {}
            // What may follow the end is the rest of a buffer that was made too large.
            Err(_) if bytes.iter().all(|byte| *byte == 0) && decoder.finish().is_ok() => break,
            Err(error) => return Err(error),
        }
    }
    decode(|| decoder.finish())?;
    check_columns(plan, decoder.schema().ok_or_else(|| invalid("there is no schema"))?, columns)
}

fn push_file(plan: &mut PlanBuilder, bytes: &Buffer, columns: &Columns) -> Result<(), Error> {
    let footer = footer_in(bytes).ok_or_else(|| invalid("the file is cut off"))?;
    let schema = footer.schema().ok_or_else(|| invalid("there is no schema"))?;
    if !schema.endianness().equals_to_target_endianness() {
        return Err(invalid("it is of a machine with the other order of bytes"));
    }
    let schema = Arc::new(decode(|| Ok(fb_to_schema(schema)))?);
    check_columns(plan, schema.clone(), columns)?;
    let mut decoder = FileDecoder::new(schema, footer.version());
    for block in footer.dictionaries().iter().flatten() {
        let part = part_of(bytes, block)?;
        decode(|| decoder.read_dictionary(block, &part))?;
    }
    for block in footer.recordBatches().ok_or_else(|| invalid("there are no batches"))? {
        let part = part_of(bytes, block)?;
        if let Some(batch) = decode(|| decoder.read_record_batch(block, &part))? {
            push_batch(plan, &batch, columns, bytes.len())?;
        }
    }
    Ok(())
}

/// Gives a plan the rows of a batch: not more of them than bits of data, which only columns of nothing could claim.
fn push_batch(plan: &mut PlanBuilder, batch: &RecordBatch, columns: &Columns, length: usize) -> Result<(), Error> {
    if batch.num_rows() > length.saturating_mul(8) {
        return Err(invalid("it claims more rows than it has data"));
    }
    plan.push_batch(batch, columns)
}

/// Without any row, the columns are looked at all the same.
fn check_columns(plan: &mut PlanBuilder, schema: SchemaRef, columns: &Columns) -> Result<(), Error> {
    plan.push_batch(&RecordBatch::new_empty(schema), columns)
}

fn footer_in(bytes: &Buffer) -> Option<Footer<'_>> {
    let end = bytes.len().checked_sub(FILE_END)?;
    let length = u32::from_le_bytes(bytes.get(end..end + 4)?.try_into().ok()?);
    root_as_footer(bytes.get(end.checked_sub(length as usize)?..end)?).ok()
}

/// The bytes of a block, as far as there are any.
fn part_of(bytes: &Buffer, block: &Block) -> Result<Buffer, Error> {
    let place = || {
        let begin = usize::try_from(block.offset()).ok()?;
        let metadata = usize::try_from(block.metaDataLength()).ok()?;
        let length = usize::try_from(block.bodyLength()).ok()?.checked_add(metadata)?;
        (begin.checked_add(length)? <= bytes.len()).then(|| bytes.slice_with_length(begin, length))
    };
    place().ok_or_else(|| invalid("a part of the file is not there"))
}

fn decode<T>(work: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, Error> {
    decoded(work).map_err(|reason| invalid(&reason))
}

fn invalid(reason: &str) -> Error {
    let message = format!("the bytes cannot be read as Arrow data: {reason}");
    Error::invalid_input("arrow_invalid", message, "pass an uncompressed Arrow IPC stream or file")
}
