use std::borrow::Cow;
use std::fs::File;
use std::io::{Chain, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::plan::PlanBuilder;
use super::row::{Row, RowGroups};
use crate::error::{Error, Field};

/// A file with [`END`] after its last byte.
pub(super) type CsvReader = Reader<Chain<File, &'static [u8]>>;

/// A line of its own behind the file. When it is read back inside a cell, a quote was never closed and has swallowed every line
/// up to here; the parser alone would take that for a long cell. Files cannot contain it, because a NUL is refused.
const END: &[u8] = b"\n\0the end of the file\0\n";

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
    /// `file_unreadable` (missing, a directory, not permitted), `delimiter_invalid`, `csv_empty`, `column_missing` (the error lists
    /// the columns that exist), `column_ambiguous`, `groups_missing` (neither a column nor groups for all rows), then
    /// `csv_not_utf8`, `csv_nul`, `csv_quote_open` and `csv_ragged`, each with its line. The plan is of no use after an error:
    /// a broken file is broken as a whole.
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
        if groups.is_none() && !plan.has_groups_for_all_rows() {
            return Err(Error::invalid_input(
                "groups_missing",
                "no groups are given",
                format!("name the column of groups, or give groups for all rows; {}", existing(&header)),
            )
            .at_field(Field::Groups));
        }
        let mut record = ByteRecord::new();
        while self.read(&mut reader, &mut record)? {
            // `read` lets only UTF-8 pass.
            let cell = |place: Option<usize>| str::from_utf8(record.get(place?)?).ok().map(Cow::Borrowed);
            let row = Row {
                email: cell(email),
                cu_ref_no: cell(cu_ref_no),
                groups: cell(groups).map_or(RowGroups::Absent, RowGroups::Text),
            };
            plan.push_line(&row, line(&record));
        }
        Ok(())
    }

    pub(super) fn reader(&self) -> Result<CsvReader, Error> {
        if !self.delimiter.is_ascii() || matches!(self.delimiter, b'"' | b'\r' | b'\n' | b'\0') {
            let message = format!("cells cannot be separated by {:?}", char::from(self.delimiter));
            let advice = "give one ASCII character that is no quote and no line break, such as ; or a tabulator";
            return Err(Error::invalid_input("delimiter_invalid", message, advice));
        }
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
        // The lengths of the lines are compared here, because the mark behind the file has one cell only.
        Ok(ReaderBuilder::new().delimiter(self.delimiter).flexible(true).from_reader(file.chain(END)))
    }

    pub(super) fn header(&self, reader: &mut CsvReader) -> Result<ByteRecord, Error> {
        let header = reader.byte_headers().map_err(|error| self.unreadable(&error))?.clone();
        if is_end(&header) || header.iter().all(<[u8]>::is_empty) {
            let message = format!("the file {} is empty", self.path.display());
            return Err(Error::invalid_input("csv_empty", message, "the first line must name the columns"));
        }
        check(&header)?;
        Ok(header)
    }

    /// Reads the next line, and tells whether there was one.
    pub(super) fn read(&self, reader: &mut CsvReader, record: &mut ByteRecord) -> Result<bool, Error> {
        let unreadable = |error| self.unreadable(&error);
        let is_record = reader.read_byte_record(record).map_err(unreadable)?;
        // A mark with something behind it is a part of the file.
        if is_end(record) && !reader.read_byte_record(&mut ByteRecord::new()).map_err(unreadable)? {
            return Ok(false);
        }
        check(record)?;
        let columns = reader.byte_headers().map_err(unreadable)?.len();
        if is_record && record.len() != columns {
            let name = self.path.display();
            let message = format!("the line has {} cells, the header of {name} has {columns}", record.len());
            let advice = "put quotes around cells that contain the separator, and correct the line";
            return Err(Error::invalid_input("csv_ragged", message, advice).at_line(line(record)));
        }
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

    fn unreadable(&self, error: &csv::Error) -> Error {
        let message = format!("the file {} cannot be read: {error}", self.path.display());
        Error::invalid_input("file_unreadable", message, "check the file")
    }
}

fn existing(header: &ByteRecord) -> String {
    let names: Vec<_> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let hint = match names.as_slice() {
        [only] => [(';', ";"), ('\t', "a tabulator"), ('|', "|"), (',', ",")]
            .iter()
            .find(|(delimiter, _)| only.contains(*delimiter))
            .map(|(_, name)| format!("; the cells seem to be separated by {name}: give it as the delimiter")),
        _ => None,
    };
    format!("the columns are: {}{}", names.join(", "), hint.unwrap_or_default())
}

fn line(record: &ByteRecord) -> u64 {
    record.position().map_or(1, csv::Position::line)
}

fn is_end(record: &ByteRecord) -> bool {
    record.len() == 1 && record.as_slice() == END.trim_ascii()
}

fn check(record: &ByteRecord) -> Result<(), Error> {
    let bytes = record.as_slice();
    // The cells are checked one by one only when that can make a difference.
    let is_utf8 = bytes.is_ascii() || record.iter().all(|cell| str::from_utf8(cell).is_ok());
    let (code, message, advice) = if bytes.ends_with(END) {
        (
            "csv_quote_open",
            "a quote that opens here is never closed",
            "close it, or double a quote that is a part of the text",
        )
    } else if bytes.contains(&0) {
        let advice = "save the file as UTF-8 text; UTF-16 and binary files contain such characters";
        ("csv_nul", "the line contains a NUL character", advice)
    } else if !is_utf8 {
        ("csv_not_utf8", "the line is not UTF-8", "save the file as UTF-8")
    } else {
        return Ok(());
    };
    Err(Error::invalid_input(code, message, advice).at_line(line(record)))
}
