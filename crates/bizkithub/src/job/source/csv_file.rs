use std::borrow::Cow;
use std::fs::File;
use std::io::{Chain, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::line_breaks::LineBreaks;
use super::{FileSource, in_file, open, unreadable};
use crate::error::Error;
use crate::job::columns::Columns;
use crate::job::plan::{AHEAD, PlanBuilder};
use crate::job::rejects::{reasons_start, restored};
use crate::job::row::{Row, RowGroups};

/// A file with [`END`] after its last byte.
pub(in crate::job) type CsvReader = Reader<Chain<LineBreaks<File>, &'static [u8]>>;

/// A line of its own behind the file. When it is read back inside a cell, a quote was never closed and has swallowed every line
/// up to here; the parser alone would take that for a long cell. Files cannot contain it, because a NUL is refused; and whatever
/// separates the cells, it is one cell, because a NUL is refused there too.
const END: &[u8] = b"\n\0\0\0\0\n";

/// A CSV file: UTF-8, with or without a byte order mark, the first line being the header.
///
/// When the header ends with the columns that [`write_rejects`](crate::job::write_rejects) adds, the file is one of corrected
/// rejects: the apostrophe with which cells were neutralised there is taken away again.
#[derive(Clone, Copy, Debug)]
pub(in crate::job) struct CsvFile<'a> {
    path: &'a Path,
    delimiter: u8,
}

impl<'a> CsvFile<'a> {
    pub(super) fn new(path: &'a Path, delimiter: u8) -> Self {
        Self { path, delimiter }
    }

    /// Reads every row into a plan.
    pub(super) fn read_into(&self, columns: &Columns, plan: &mut PlanBuilder) -> Result<(), Error> {
        let mut reader = self.reader()?;
        let header = self.header(&mut reader)?;
        let [email, cu_ref_no, groups] = self.places(&header, columns, plan.has_groups_for_all_rows())?;
        let (mut records, mut lines) = (vec![ByteRecord::new(); AHEAD], Vec::with_capacity(AHEAD));
        loop {
            lines.clear();
            while lines.len() < AHEAD && self.read(&mut reader, &mut records[lines.len()])? {
                lines.push(line(&reader, &records[lines.len()]));
            }
            plan.push_all(records.iter().zip(&lines).map(|(record, line)| {
                // `read` lets only UTF-8 pass.
                let cell = |place: Option<usize>| str::from_utf8(record.get(place?)?).ok().map(Cow::Borrowed);
                let groups = cell(groups).map_or(RowGroups::Absent, RowGroups::Text);
                (Ok(Row { email: cell(email), cu_ref_no: cell(cu_ref_no), groups }), Some(*line))
            }));
            if lines.len() < AHEAD {
                return Ok(());
            }
        }
    }

    pub(in crate::job) fn reader(&self) -> Result<CsvReader, Error> {
        FileSource::parse_delimiter(char::from(self.delimiter).encode_utf8(&mut [0; 4]))?;
        let file = open(self.path)?;
        // The lengths of the lines are compared here, because the mark behind the file has one cell only.
        Ok(ReaderBuilder::new().delimiter(self.delimiter).flexible(true).from_reader(LineBreaks::new(file).chain(END)))
    }

    pub(in crate::job) fn header(&self, reader: &mut CsvReader) -> Result<ByteRecord, Error> {
        let header = reader.byte_headers().map_err(|error| self.unreadable(&error))?;
        let header = if reasons_start(header).is_some() { restored(header) } else { header.clone() };
        if is_end(&header) || header.iter().all(<[u8]>::is_empty) {
            let message = format!("the file {} is empty", self.path.display());
            return Err(Error::invalid_input("csv_empty", message, "the first line must name the columns"));
        }
        check(&header, line(reader, &header))?;
        Ok(header)
    }

    /// Reads the next line, and tells whether there was one.
    pub(in crate::job) fn read(&self, reader: &mut CsvReader, record: &mut ByteRecord) -> Result<bool, Error> {
        let unreadable = |error| self.unreadable(&error);
        let is_record = reader.read_byte_record(record).map_err(unreadable)?;
        let line = line(reader, record);
        // A mark with something behind it is a part of the file.
        if is_end(record) && !reader.read_byte_record(&mut ByteRecord::new()).map_err(unreadable)? {
            return Ok(false);
        }
        check(record, line)?;
        let header = reader.byte_headers().map_err(unreadable)?;
        if reasons_start(header).is_some() {
            *record = restored(record);
        }
        if is_record && record.len() != header.len() {
            let (name, columns) = (self.path.display(), header.len());
            let message = format!("the line has {} cells, the header of {name} has {columns}", record.len());
            let advice = "put quotes around cells that contain the separator, and correct the line";
            return Err(Error::invalid_input("csv_ragged", message, advice).at_line(line));
        }
        Ok(is_record)
    }

    fn places(&self, header: &ByteRecord, columns: &Columns, has_groups: bool) -> Result<[Option<usize>; 3], Error> {
        // The columns of the reasons are none of the input.
        let own = reasons_start(header).unwrap_or(header.len());
        let names: Vec<_> =
            header.iter().take(own).map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let places = columns.places(&names).map_err(|error| in_file(error, self.path));
        let places = places.and_then(|places| {
            let with_names = |error: Error| {
                let advice = format!("{}; the columns are: {}", error.advice().unwrap_or_default(), names.join(", "));
                error.advise(advice)
            };
            columns.check(has_groups).map_err(with_names).map(|()| places)
        });
        places.map_err(|error| match (names.as_slice(), error.advice()) {
            ([only], Some(advice)) => {
                let advice = format!("{advice}{}", delimiter_hint(only));
                error.advise(advice)
            }
            _ => error,
        })
    }

    fn unreadable(&self, error: &csv::Error) -> Error {
        unreadable(self.path, error)
    }
}

/// Where a header has one name only, its cells may be separated by something else.
fn delimiter_hint(only: &str) -> String {
    [(';', ";"), ('\t', "a tabulator"), ('|', "|"), (',', ",")]
        .iter()
        .find(|(delimiter, _)| only.contains(*delimiter))
        .map(|(_, name)| format!("; the cells seem to be separated by {name}: give it as the delimiter"))
        .unwrap_or_default()
}

/// The line where the record that was read last begins. The parser's own number is that of the blank lines before it.
fn line(reader: &CsvReader, record: &ByteRecord) -> u64 {
    let within = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
    // Every record ends with a line break, but for one that swallowed the mark.
    let after = if record.as_slice().ends_with(END) { within } else { within + 1 };
    reader.position().line().saturating_sub(after)
}

fn is_end(record: &ByteRecord) -> bool {
    record.len() == 1 && record.as_slice() == END.trim_ascii()
}

fn check(record: &ByteRecord, line: u64) -> Result<(), Error> {
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
    Err(Error::invalid_input(code, message, advice).at_line(line))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::job::{FileSource, Plan, PlanOptions};

    fn read_with(content: &[u8], columns: [Option<&str>; 3], delimiter: u8) -> Result<Plan, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("customers.csv");
        fs::write(&path, content).expect("a file");
        let [email, cu_ref_no, groups] = columns.map(|column| column.map(str::to_owned));
        let mut plan = PlanBuilder::new(&PlanOptions::default())?;
        FileSource::new(path, Columns { email, cu_ref_no, groups }).delimited_by(delimiter).read_into(&mut plan)?;
        Ok(plan.finish())
    }

    fn read(content: impl AsRef<[u8]>) -> Result<Plan, Error> {
        read_with(content.as_ref(), [Some("email"), None, Some("groups")], b',')
    }

    /// Each request as `customer: group, group`.
    fn requests(plan: &Plan) -> Vec<String> {
        let text = |groups: Vec<crate::types::Group>| {
            groups.iter().map(crate::types::Group::text).collect::<Vec<_>>().join(", ")
        };
        plan.requests().map(|(customer, groups)| format!("{customer}: {}", text(groups))).collect()
    }

    #[track_caller]
    fn assert_refused(content: impl AsRef<[u8]>, code: &str, line: Option<u64>) -> Error {
        let error = read(content).expect_err(code);
        assert_eq!((error.code(), error.line()), (Some(code), line), "{error}");
        error
    }

    const TWO_ROWS: [&str; 2] = ["a@example.com: vip", "b@example.com: vip, yoga"];

    #[test]
    fn every_usual_way_to_write_a_file_is_read_alike() {
        for content in [
            "email,groups\na@example.com,vip\nb@example.com,vip;yoga\n",
            "email,groups\na@example.com,vip\nb@example.com,vip|yoga",
            "email,groups\r\na@example.com,vip\r\nb@example.com,vip;yoga\r\n",
            "email,groups\ra@example.com,vip\rb@example.com,vip;yoga",
            "\u{feff}email,groups\na@example.com,vip\nb@example.com,vip; ;yoga;\n",
            "\n\nemail,groups\n\na@example.com,vip\n\r\nb@example.com,vip;yoga\n\n\n",
            "\" email \",\"groups\"\n\"a@example.com\",\"vip\"\n\"b@example.com\",\"vip;yoga\"",
            "note,groups,email\n\"a \"\"quoted\"\"\nnote, of two lines\",vip,a@example.com\n5\" pipe,vip;yoga,b@example.com\n",
        ] {
            let plan = read(content).expect(content);
            assert_eq!(
                (requests(&plan), plan.refusals().len()),
                (TWO_ROWS.map(str::to_owned).to_vec(), 0),
                "{content:?}"
            );
        }
    }

    #[test]
    fn other_delimiters_are_told_and_a_wrong_one_is_recognised() {
        for (delimiter, name) in [(b';', ";"), (b'\t', "a tabulator"), (b'|', "|")] {
            let content = "email,note\na@example.com,\"x\"\n".replace(',', &char::from(delimiter).to_string());
            let columns = [Some("email"), None, Some("note")];
            assert!(read_with(content.as_bytes(), columns, delimiter).is_ok(), "{content:?}");
            let error = read_with(content.as_bytes(), columns, b',').expect_err("one column");
            let hint = format!("; the cells seem to be separated by {name}: give it as the delimiter");
            assert_eq!(error.code(), Some("column_missing"));
            assert!(error.advice().is_some_and(|advice| advice.ends_with(&hint)), "{error}");
        }
    }

    #[test]
    fn any_other_ascii_character_may_separate_the_cells() {
        for delimiter in (1..128).filter(|byte| !b"\"\r\nemailgroupsvz.@".contains(byte)) {
            let content = "email|groups\na@z.eu|vip\n".replace('|', &char::from(delimiter).to_string());
            let plan = read_with(content.as_bytes(), [Some("email"), None, Some("groups")], delimiter);
            let plan = plan.unwrap_or_else(|error| panic!("{:?}: {error}", char::from(delimiter)));
            assert_eq!(requests(&plan), ["a@z.eu: vip"], "{:?}", char::from(delimiter));
            let open = format!("{content}\"b@z.eu");
            let error =
                read_with(open.as_bytes(), [Some("email"), None, Some("groups")], delimiter).expect_err("a quote");
            assert_eq!((error.code(), error.line()), (Some("csv_quote_open"), Some(3)), "{:?}", char::from(delimiter));
        }
    }

    #[test]
    fn what_cannot_separate_the_cells_is_refused() {
        for delimiter in [b'"', b'\n', b'\r', 0, 0xe9] {
            let error = read_with(b"email\n", [Some("email"), None, None], delimiter).expect_err("no delimiter");
            assert_eq!(error.code(), Some("delimiter_invalid"));
        }
    }

    #[test]
    fn columns_are_found_by_name_or_the_error_says_why_not() {
        let error = assert_refused("mail,segment\n", "column_missing", None);
        assert_eq!(error.advice(), Some("the columns are: mail, segment"));
        let error = assert_refused("Email,groups\n", "column_missing", None);
        assert!(error.message().starts_with("there is no column \"email\" in "), "case matters: {error}");
        assert_refused("email,groups, email\n", "column_ambiguous", None);
        let columns = |columns| read_with(b"a,b\n", columns, b',').expect_err("no columns");
        assert_eq!(columns([None, None, Some("b")]).code(), Some("column_missing"));
        assert_eq!(columns([Some("a"), None, None]).code(), Some("groups_missing"));
    }

    #[test]
    fn an_empty_file_is_refused_and_one_without_rows_is_not() {
        for content in ["", "\n\n", "\u{feff}", ",,\n", "\"\"\n"] {
            assert_refused(content, "csv_empty", None);
        }
        assert_eq!(read("email,groups\n").expect("no rows").bill().rows, 0);
    }

    #[test]
    fn a_ragged_line_is_told_by_its_number() {
        let error = assert_refused("email,groups\n\na@example.com,vip\na@example.com\n", "csv_ragged", Some(4));
        assert!(error.message().starts_with("the line has 1 cells, the header of "), "{error}");
        // A cell of two lines moves all that follow.
        assert_refused("email,groups\n\"a@exam\nple.com\",vip\na,b,c\n", "csv_ragged", Some(4));
        for line_break in ["\n", "\r\n", "\r"] {
            let content = "email,groups\na@example.com,\"vip\n;yoga\"\n\n\na,b,c\n".replace('\n', line_break);
            assert_refused(content, "csv_ragged", Some(6));
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_swallows_nothing_in_silence() {
        let content = "email,groups\na@example.com,vip\nb@example.com,\"vip\nc@example.com,vip\nd@example.com,vip\n";
        assert_refused(content, "csv_quote_open", Some(3));
        assert_refused(content.trim_end(), "csv_quote_open", Some(3));
        assert_refused("email,\"groups\na@example.com,vip\n", "csv_quote_open", Some(1));
        assert_refused("email,groups\n\"", "csv_quote_open", Some(2));
    }

    #[test]
    fn the_mark_behind_the_file_cannot_be_imitated() {
        let mark = str::from_utf8(END).expect("text");
        let content = format!("email,groups\na@example.com,vip{mark}b@example.com,vip\n");
        assert_refused(content, "csv_nul", Some(3));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_in_any_column() {
        assert_refused(b"email,groups,name\na@example.com,vip,Barto\xf2\n", "csv_not_utf8", Some(2));
        // Two halves of a character in two cells are no character.
        assert_refused(b"email,groups,name\na@example.com,vip\xc3,\xa9\n", "csv_not_utf8", Some(2));
        assert_refused(b"email,groups,jm\xe9no\na@example.com,vip,Eva\n", "csv_not_utf8", Some(1));
        assert_refused("email,groups\na@example.com,v\0ip\n", "csv_nul", Some(2));
        let utf_16: Vec<u8> = "\u{feff}email,groups\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_refused(utf_16, "csv_nul", Some(1));
    }

    #[test]
    fn refused_rows_tell_their_row_and_their_line() {
        let plan = read("email,groups\n\"a@example.com\",\"vip\n;yoga\"\n\nnobody,vip\n").expect("a plan");
        let places: Vec<_> = plan.refusals().map(|error| (error.row(), error.line())).collect();
        assert_eq!(places, [(Some(2), Some(5))]);
    }

    #[test]
    fn a_huge_cell_is_one_cell() {
        let groups: Vec<String> = (0..200_000).map(|number| format!("group-{number}")).collect();
        let plan = read(format!("email,groups\na@example.com,{}\nnobody,vip\n", groups.join(";"))).expect("a plan");
        assert_eq!(plan.bill().groups.len(), 200_000);
        assert_eq!(plan.refusals().next().and_then(|error| error.line()), Some(3));
    }
}
