use std::fs::File;
use std::path::Path;

use csv::{ByteRecord, Writer};

use super::{CsvSource, Outcome, Report, RowOutcome};
use crate::error::Error;

/// Cells that begin with one of these are taken for formulas by spreadsheets (OWASP, "CSV Injection").
const FORMULA_STARTS: &[u8] = b"=+-@\t\r";

/// Writes the rejected rows to a CSV file: the columns of the input, then `row`, `kind`, `code` and `reason`.
///
/// Cells that a spreadsheet would take for a formula are neutralised by a leading apostrophe. The input is read a second
/// time, because a plan keeps no rows. Returns how many rows were written; for none, no file is made.
///
/// # Errors
///
/// The errors of [`CsvSource::read_into`], `input_changed` when the input has fewer rows than the report, and
/// `file_unwritable`.
pub fn write_rejects(report: &Report, source: &CsvSource, path: &Path) -> Result<u64, Error> {
    let mut rejected = report.outcomes().filter(|row| row.outcome == Outcome::Rejected).peekable();
    if rejected.peek().is_none() {
        return Ok(0);
    }
    let unwritable = |error: csv::Error| {
        let message = format!("the file {} cannot be written: {error}", path.display());
        Error::invalid_input("file_unwritable", message, "choose another path for the rejects").caused_by(error)
    };
    let mut reader = source.reader()?;
    let mut header = source.header(&mut reader)?;
    ["row", "kind", "code", "reason"].iter().for_each(|name| header.push_field(name.as_bytes()));
    let mut writer = Writer::from_writer(File::create(path).map_err(|error| unwritable(error.into()))?);
    writer.write_byte_record(&header).map_err(unwritable)?;
    let (mut record, mut row, mut written) = (ByteRecord::new(), 0, 0);
    for reject in rejected {
        while row < reject.row {
            if !source.read(&mut reader, &mut record)? {
                let message = format!("the file {} has fewer rows than before", source.path().display());
                return Err(Error::invalid_input("input_changed", message, "plan the file again"));
            }
            row += 1;
        }
        writer.write_byte_record(&with_reason(&record, &reject)).map_err(unwritable)?;
        written += 1;
    }
    writer.flush().map_err(|error| unwritable(error.into()))?;
    Ok(written)
}

fn with_reason(record: &ByteRecord, reject: &RowOutcome<'_>) -> ByteRecord {
    let mut line = ByteRecord::new();
    for cell in record {
        line.push_field(&neutralised(cell));
    }
    line.push_field(reject.row.to_string().as_bytes());
    let (kind, code, reason) = match reject.error {
        Some(error) => (error.kind().as_str(), error.code().unwrap_or_default(), error.message()),
        None => ("", "", ""),
    };
    for cell in [kind, code, reason] {
        line.push_field(&neutralised(cell.as_bytes()));
    }
    line
}

fn neutralised(cell: &[u8]) -> Vec<u8> {
    let is_formula = cell.first().is_some_and(|first| FORMULA_STARTS.contains(first));
    let apostrophe = if is_formula { b"'".as_slice() } else { b"" };
    [apostrophe, cell].concat()
}
