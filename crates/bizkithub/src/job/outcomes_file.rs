use std::io::{BufWriter, Write};
use std::path::Path;

use super::Report;
use super::private_file::create_private;
use super::rejects::{neutralised, reason};
use crate::error::Error;

/// The columns of a CSV file of outcomes.
const COLUMNS: [&str; 5] = ["row", "outcome", "kind", "code", "reason"];

/// Checks, before anything is sent, that the name of a file tells its format to [`write_outcomes`].
///
/// # Errors
///
/// `outcomes_format_unknown`.
pub fn check_outcomes_path(path: &Path) -> Result<(), Error> {
    is_csv(path).map(drop)
}

fn is_csv(path: &Path) -> Result<bool, Error> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("csv") => Ok(true),
        Some("ndjson" | "jsonl") => Ok(false),
        _ => {
            let message = format!("the name of the file {} does not tell its format", path.display());
            let advice = "give it a name that ends with .csv, .ndjson or .jsonl";
            Err(Error::invalid_input("outcomes_format_unknown", message, advice))
        }
    }
}

/// Writes every row's outcome to a file: CSV with the columns `row`, `outcome`, `kind`, `code` and `reason` for a name that ends with
/// `.csv`, NDJSON with an object a row (`row`, `outcome` and, where there is one, `error`) for one that ends with `.ndjson` or
/// `.jsonl`. An existing file is replaced; a new one only its owner may read. Returns the number of rows.
///
/// # Errors
///
/// `outcomes_format_unknown` for another ending, and `file_unwritable`.
pub fn write_outcomes(report: &Report, path: &Path) -> Result<u64, Error> {
    let is_csv = is_csv(path)?;
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(create_private(path)?);
        if is_csv {
            write_csv(report, &mut file)?;
        } else {
            write_ndjson(report, &mut file)?;
        }
        file.flush()
    };
    write().map_err(|error| {
        let message = format!("the file {} cannot be written: {error}", path.display());
        Error::invalid_input("file_unwritable", message, "choose another path for the outcomes").caused_by(error)
    })?;
    Ok(report.counts().total())
}

fn write_csv(report: &Report, file: impl Write) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(COLUMNS)?;
    for row in report.outcomes() {
        let [kind, code, reason] = reason(row.error.as_ref());
        let cells =
            [row.row.to_string().into_bytes(), row.outcome.as_str().into(), kind.into(), neutralised(code.as_bytes())];
        writer.write_record(cells.iter().chain([&neutralised(reason.as_bytes())]))?;
    }
    writer.flush()
}

fn write_ndjson(report: &Report, mut file: impl Write) -> std::io::Result<()> {
    for row in report.outcomes() {
        serde_json::to_writer(&mut file, &row)?;
        file.write_all(b"\n")?;
    }
    Ok(())
}
