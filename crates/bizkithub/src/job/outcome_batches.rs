use std::sync::{Arc, LazyLock};

use arrow_array::builder::{StringBuilder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::Report;
use super::rejects::reason;

/// How many rows a batch has at most.
const ROWS: u64 = 1 << 16;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name, is_nullable| Field::new(name, DataType::Utf8, is_nullable);
    let row = Field::new("row", DataType::UInt64, false);
    let fields = [row, text("outcome", false), text("kind", true), text("code", true), text("reason", true)];
    Arc::new(Schema::new(fields.to_vec()))
});

/// Every row's outcome as Arrow record batches of at most 65,536 rows, made when they are asked for. The columns are those of
/// [`write_outcomes`](super::write_outcomes): `row`, `outcome`, `kind`, `code` and `reason`; the last three are null where no error
/// is behind the outcome.
#[derive(Clone, Debug)]
pub struct OutcomeBatches {
    report: Arc<Report>,
    next: u64,
}

impl OutcomeBatches {
    /// The outcomes of all rows of a report.
    #[must_use]
    pub fn new(report: Arc<Report>) -> Self {
        Self { report, next: 1 }
    }
}

impl Iterator for OutcomeBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut rows, mut texts) = (UInt64Builder::new(), [(); 4].map(|()| StringBuilder::new()));
        for outcome in (self.next..).take(ROWS as usize).map_while(|row| self.report.outcome(row)) {
            let [name, columns @ ..] = &mut texts;
            rows.append_value(outcome.row);
            name.append_value(outcome.outcome.as_str());
            let cells = reason(outcome.error.as_ref());
            columns
                .iter_mut()
                .zip(cells)
                .for_each(|(column, cell)| column.append_option((!cell.is_empty()).then_some(cell)));
            self.next += 1;
        }
        let rows = rows.finish();
        if rows.is_empty() {
            return None;
        }
        let columns = std::iter::once(Arc::new(rows) as ArrayRef);
        let columns = columns.chain(texts.map(|mut column| Arc::new(column.finish()) as ArrayRef)).collect();
        Some(RecordBatch::try_new(SCHEMA.clone(), columns))
    }
}

impl RecordBatchReader for OutcomeBatches {
    fn schema(&self) -> SchemaRef {
        SCHEMA.clone()
    }
}
