mod csv_file;
mod line_breaks;
mod ndjson_file;
#[cfg(feature = "parquet")]
mod parquet_file;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub(super) use csv_file::CsvFile;

use super::cell::RowCells;
use super::columns::Columns;
use super::plan::PlanBuilder;
use crate::error::Error;

/// How a file of customers is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FileFormat {
    /// Text in UTF-8, with or without a byte order mark; the first line names the columns (RFC 4180).
    Csv,
    /// A JSON object a line, in UTF-8. Of members with the same name the last one counts. Blank lines are left out.
    Ndjson,
    /// Apache Parquet, with the feature `parquet`.
    Parquet,
}

impl FileFormat {
    /// Every format with its name in the settings.
    pub const ALL: [(&'static str, Self); 3] =
        [("csv", Self::Csv), ("ndjson", Self::Ndjson), ("parquet", Self::Parquet)];

    /// The format that the name of a file tells: `.ndjson` and `.jsonl`, `.parquet` and `.pq`; everything else is taken for CSV.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("ndjson" | "jsonl") => Self::Ndjson,
            Some("parquet" | "pq") => Self::Parquet,
            _ => Self::Csv,
        }
    }
}

/// A file of customers as the source of a plan, and which of its columns mean what.
#[derive(Clone, Debug)]
pub struct FileSource {
    path: PathBuf,
    columns: Columns,
    format: FileFormat,
    delimiter: u8,
}

impl FileSource {
    /// A file whose format its name tells ([`FileFormat::of_path`]), or a folder of Parquet files, which are read in the order of their
    /// names; those whose names begin with `_` or `.` are left out, and nothing else may be in it. The cells of a CSV file are separated
    /// by commas.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, columns: Columns) -> Self {
        let path = path.into();
        let format = if path.is_dir() { FileFormat::Parquet } else { FileFormat::of_path(&path) };
        Self { path, columns, format, delimiter: b',' }
    }

    /// Reads the file as one of this format, whatever its name.
    #[must_use]
    pub fn in_format(mut self, format: FileFormat) -> Self {
        self.format = format;
        self
    }

    /// Reads what separates the cells of a CSV file, as users write it.
    ///
    /// # Errors
    ///
    /// `delimiter_invalid` for anything but one ASCII character that is no quotation mark, no line break and no NUL.
    pub fn parse_delimiter(text: &str) -> Result<u8, Error> {
        if let [delimiter] = *text.as_bytes()
            && delimiter.is_ascii()
            && !b"\"\r\n\0".contains(&delimiter)
        {
            return Ok(delimiter);
        }
        let message = format!("cells cannot be separated by {text:?}");
        let advice = "give one ASCII character that is no quote and no line break, such as ; or a tabulator";
        Err(Error::invalid_input("delimiter_invalid", message, advice))
    }

    /// Separates the cells of a CSV file by another character than a comma: see [`FileSource::parse_delimiter`].
    #[must_use]
    pub fn delimited_by(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// The file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The file, where it is CSV: it can be written again as it was.
    pub(super) fn as_csv(&self) -> Option<CsvFile<'_>> {
        (self.format == FileFormat::Csv).then(|| CsvFile::new(&self.path, self.delimiter))
    }

    /// Reads every row into a plan.
    ///
    /// # Errors
    ///
    /// `file_unreadable` (missing, not permitted, a folder with something else than Parquet files), `column_missing` (the error lists the columns that exist),
    /// `column_ambiguous`, `groups_missing` (neither a column nor groups for all rows); of CSV `delimiter_invalid`, `csv_empty`,
    /// `csv_not_utf8`, `csv_nul`, `csv_quote_open` and `csv_ragged`; of NDJSON `ndjson_invalid`, each with its line; of Parquet
    /// `parquet_invalid`, `column_type_unsupported`, and `format_unsupported` when this build cannot read it. The plan is of no use
    /// after an error: a broken file is broken as a whole.
    pub fn read_into(&self, plan: &mut PlanBuilder) -> Result<(), Error> {
        match self.format {
            FileFormat::Csv => CsvFile::new(&self.path, self.delimiter).read_into(&self.columns, plan),
            FileFormat::Ndjson => {
                self.columns.check(plan.has_groups_for_all_rows())?;
                ndjson_file::each_row(self, |row, line| {
                    plan.push_cells(row, Some(line));
                    ControlFlow::Continue(())
                })
            }
            #[cfg(feature = "parquet")]
            FileFormat::Parquet => parquet_file::read_into(self, plan),
            #[cfg(not(feature = "parquet"))]
            FileFormat::Parquet => Err(without_parquet()),
        }
    }

    /// Reads the rows of a file that is not CSV once more, until the visitor breaks off.
    pub(super) fn each_row(&self, mut visit: impl FnMut(RowCells<'_>) -> ControlFlow<()>) -> Result<(), Error> {
        match self.format {
            FileFormat::Csv => Err(Error::internal("the rows of a CSV file are read in another way")),
            FileFormat::Ndjson => ndjson_file::each_row(self, |row, _| visit(row)),
            #[cfg(feature = "parquet")]
            FileFormat::Parquet => parquet_file::each_row(self, visit),
            #[cfg(not(feature = "parquet"))]
            FileFormat::Parquet => Err(without_parquet()),
        }
    }

    fn open(&self) -> Result<File, Error> {
        open(&self.path)
    }

    /// The files of a folder in the order of their names, or the file itself.
    #[cfg(feature = "parquet")]
    fn files(&self) -> Result<Vec<PathBuf>, Error> {
        if !self.path.is_dir() {
            return Ok(vec![self.path.clone()]);
        }
        let mut files = Vec::new();
        for entry in self.path.read_dir().map_err(|error| self.unreadable(error))? {
            let file = entry.map_err(|error| self.unreadable(error))?.path();
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if ["_delta_log", ".hoodie", "_temporary"].contains(&name.as_str()) {
                let message = format!(
                    "the folder {} holds {name}, so that its files are not simply the rows that it stands for",
                    self.path.display()
                );
                let advice = "read it with what wrote it, or write it as plain Parquet first";
                return Err(Error::invalid_input("file_unreadable", message, advice));
            }
            if name.starts_with(['_', '.']) {
                continue;
            }
            // What is left out without a word would be rows that nobody misses.
            let metadata = file.metadata().map_err(|error| unreadable(&file, error))?;
            if !metadata.is_file() {
                return Err(unreadable(&file, "it is no ordinary file, and only the files of a folder are read"));
            }
            if FileFormat::of_path(&file) != FileFormat::Parquet {
                return Err(unreadable(
                    &file,
                    "it is in a folder of Parquet files, but its name does not end with .parquet",
                ));
            }
            files.push(file);
        }
        files.sort_unstable();
        if files.is_empty() {
            return Err(self.unreadable("it is a folder without Parquet files"));
        }
        Ok(files)
    }

    fn unreadable(&self, error: impl std::fmt::Display) -> Error {
        unreadable(&self.path, error)
    }
}

#[cfg(not(feature = "parquet"))]
fn without_parquet() -> Error {
    let message = "this build of bizkithub cannot read Parquet files";
    Error::invalid_input("format_unsupported", message, "build it with the feature `parquet`, or save the file as CSV")
}

fn open(path: &Path) -> Result<File, Error> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(unreadable(path, "it is a directory")),
        Ok(_) => Ok(file),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn in_file(error: Error, path: &Path) -> Error {
    error.explain(|message| format!("{message} in {}", path.display()))
}

fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Error {
    let message = format!("the file {} cannot be read: {reason}", path.display());
    Error::invalid_input("file_unreadable", message, "check the path and its permissions")
}
