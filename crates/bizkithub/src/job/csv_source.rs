use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::plan::PlanBuilder;
use super::row::{Row, RowGroups};
use crate::error::Error;

/// Which columns of a CSV file name the customer and its groups, by the names in its header. Names are compared without the
/// white space around them; case matters.
#[derive(Clone, Debug, Default)]
pub struct CsvColumns {
    /// The column of e-mail addresses.
    pub email: Option<String>,
    /// The column of `cuRefNo`s.
    pub cu_ref_no: Option<String>,
    /// The column of groups, separated by `;` or `|`.
    pub groups: Option<String>,
}

/// A CSV file as the source of a plan: UTF-8, with or without a byte order mark, the first line being the header.
#[derive(Clone, Debug)]
pub struct CsvSource {
    path: PathBuf,
    delimiter: u8,
}

impl CsvSource {
    /// A file whose cells are separated by commas.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), delimiter: b',' }
    }

    /// Separates the cells by another ASCII character, such as `;` or a tabulator.
    #[must_use]
    pub fn delimited_by(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads every row into a plan.
    ///
    /// # Errors
    ///
    /// `file_unreadable` (missing, a directory, not permitted), `csv_empty`, `column_missing` (the error lists the columns that
    /// exist), `column_ambiguous`, `csv_not_utf8`, `csv_nul` and `csv_ragged`, the last three with their line. The plan is of
    /// no use after an error: a broken file is broken as a whole.
    pub fn read_into(&self, columns: &CsvColumns, plan: &mut PlanBuilder) -> Result<(), Error> {
        let mut reader = self.reader()?;
        let header = self.header(&mut reader)?;
        let place = |name: &Option<String>| name.as_deref().map(|name| self.find(&header, name)).transpose();
        let (email, cu_ref_no, groups) = (place(&columns.email)?, place(&columns.cu_ref_no)?, place(&columns.groups)?);
        if email.is_none() && cu_ref_no.is_none() {
            return Err(Error::invalid_input(
                "column_missing",
                "no column is named that could tell the customers",
                format!("name the column of e-mails or of cuRefNos; {}", existing(&header)),
            ));
        }
        let mut record = ByteRecord::new();
        while self.read(&mut reader, &mut record)? {
            let cell = |place: Option<usize>| place.map(|place| text(&record, place)).transpose();
            plan.push(&Row {
                email: cell(email)?.map(Cow::Borrowed),
                cu_ref_no: cell(cu_ref_no)?.map(Cow::Borrowed),
                groups: cell(groups)?.map_or(RowGroups::Absent, |groups| RowGroups::Text(Cow::Borrowed(groups))),
            });
        }
        Ok(())
    }

    pub(super) fn reader(&self) -> Result<Reader<File>, Error> {
        let unreadable = |reason: String| {
            let message = format!("the file {} cannot be read: {reason}", self.path.display());
            Error::invalid_input("file_unreadable", message, "check the path and its permissions")
        };
        let file = File::open(&self.path).map_err(|error| unreadable(error.to_string()))?;
        match file.metadata() {
            Ok(metadata) if metadata.is_dir() => return Err(unreadable("it is a directory".to_owned())),
            Ok(_) => {}
            Err(error) => return Err(unreadable(error.to_string())),
        }
        Ok(ReaderBuilder::new().delimiter(self.delimiter).from_reader(file))
    }

    pub(super) fn header(&self, reader: &mut Reader<File>) -> Result<ByteRecord, Error> {
        let header = reader.byte_headers().map_err(|error| self.broken(&error))?.clone();
        if header.iter().all(<[u8]>::is_empty) {
            let message = format!("the file {} is empty", self.path.display());
            return Err(Error::invalid_input("csv_empty", message, "the first line must name the columns"));
        }
        check(&header)?;
        Ok(header)
    }

    pub(super) fn read(&self, reader: &mut Reader<File>, record: &mut ByteRecord) -> Result<bool, Error> {
        let is_record = reader.read_byte_record(record).map_err(|error| self.broken(&error))?;
        check(record)?;
        Ok(is_record)
    }

    fn find(&self, header: &ByteRecord, name: &str) -> Result<usize, Error> {
        let wanted = name.trim().as_bytes();
        let mut places =
            header.iter().enumerate().filter(|(_, column)| column.trim_ascii() == wanted).map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => {
                let message = format!("the column {name:?} appears more than once in {}", self.path.display());
                Err(Error::invalid_input("column_ambiguous", message, "rename all but one of them"))
            }
            (None, _) => {
                let message = format!("the file {} has no column {name:?}", self.path.display());
                Err(Error::invalid_input("column_missing", message, existing(header)))
            }
        }
    }

    fn broken(&self, error: &csv::Error) -> Error {
        let name = self.path.display();
        let line = error.position().map_or(1, csv::Position::line);
        match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Error::invalid_input(
                "csv_ragged",
                format!("the line has {len} cells, the header of {name} has {expected_len}"),
                "put quotes around cells that contain the separator, and correct the line",
            )
            .at_line(line),
            _ => Error::invalid_input(
                "file_unreadable",
                format!("the file {name} cannot be read: {error}"),
                "check the file",
            ),
        }
    }
}

fn existing(header: &ByteRecord) -> String {
    let names: Vec<_> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let hint = match names.as_slice() {
        [only] if only.contains([';', '\t', '|']) => "; the cells seem to be separated by another character",
        _ => "",
    };
    format!("the columns are: {}{hint}", names.join(", "))
}

fn check(record: &ByteRecord) -> Result<(), Error> {
    if record.as_slice().contains(&0) {
        let line = record.position().map_or(1, csv::Position::line);
        let advice = "save the file as UTF-8 text; UTF-16 and binary files contain such characters";
        return Err(Error::invalid_input("csv_nul", "the line contains a NUL character", advice).at_line(line));
    }
    Ok(())
}

fn text(record: &ByteRecord, place: usize) -> Result<&str, Error> {
    str::from_utf8(record.get(place).unwrap_or_default()).map_err(|error| {
        let line = record.position().map_or(1, csv::Position::line);
        Error::invalid_input("csv_not_utf8", "the line is not UTF-8", "save the file as UTF-8")
            .at_line(line)
            .caused_by(error)
    })
}
