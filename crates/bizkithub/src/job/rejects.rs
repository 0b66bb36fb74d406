use std::fmt::Display;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Writer};

use super::cell::RowCells;
use super::private_file::create_private;
use super::source::{CsvFile, FileSource};
use super::{Outcome, Plan, Report, RowOutcome};
use crate::error::{Error, Field};

/// Cells that begin with one of these are taken for formulas by spreadsheets (OWASP, "CSV Injection").
const FORMULA_STARTS: &[u8] = b"=+-@\t\r\n";

/// The columns that follow those of the input.
const REASON_COLUMNS: [&str; 4] = ["row", "kind", "code", "reason"];

/// Checks, before anything is sent, that [`write_rejects`] will be able to read the input again and to write to the path.
///
/// # Errors
///
/// `input_not_rereadable` when the input is a pipe, `rejects_replace_input` when the path is the input itself or in its folder, and
/// `file_unwritable` when it is a directory or its directory does not exist.
pub fn check_rejects_path(source: &FileSource, path: &Path) -> Result<(), Error> {
    let input = source.path();
    if input.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let message =
            format!("{} is not an ordinary file, so that it cannot be read again for the rejects", input.display());
        return Err(Error::invalid_input("input_not_rereadable", message, "save it to a file first"));
    }
    let is_input = match (input.canonicalize(), path.canonicalize()) {
        (Ok(input), Ok(path)) => input == path,
        _ => false,
    };
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_in_input = input.is_dir()
        && matches!((input.canonicalize(), folder.canonicalize()), (Ok(input), Ok(folder)) if input == folder);
    if is_in_input {
        let message = format!("the rejects would be one of the files of the input {}", input.display());
        return Err(Error::invalid_input("rejects_replace_input", message, "choose another folder for the rejects"));
    }
    if is_input {
        let message = format!("the rejects would replace the input {}", input.display());
        return Err(Error::invalid_input("rejects_replace_input", message, "choose another path for the rejects"));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(unwritable(path, "it is a directory"));
    }
    if !directory.is_dir() {
        return Err(unwritable(path, format!("there is no directory {}", directory.display())));
    }
    Ok(())
}

/// Whether a path is an ordinary file that [`write_rejects`] wrote: its header ends with the columns of the reasons. What cannot
/// be read is none, and neither is a symbolic link.
#[must_use]
pub fn holds_rejects(path: &Path) -> bool {
    // Nothing else is opened: a pipe would wait for its writer.
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && ReaderBuilder::new()
            .from_path(path)
            .is_ok_and(|mut reader| reader.byte_headers().is_ok_and(|header| reasons_start(header).is_some()))
}

/// The file that [`write_rejects`] reads again, of a plan that may have been made from something else.
///
/// # Errors
///
/// `rejects_without_file`.
pub fn source_of_rejects(source: Option<&FileSource>) -> Result<&FileSource, Error> {
    source.ok_or_else(|| {
        let advice = "find the rejected rows by their numbers, in the report's outcomes or the plan's refusals";
        Error::invalid_input("rejects_without_file", "the plan was not made from a file", advice)
    })
}

/// Writes the rejected rows to a CSV file: the columns of the input, then `row`, `kind`, `code` and `reason`. Of an input that is
/// not CSV, these are only the columns that the plan reads; a list of groups becomes one cell, separated by `;`, and what no cell can
/// hold becomes the character U+FFFD, which is refused again.
///
/// Cells that a spreadsheet would take for a formula are neutralised by a leading apostrophe, which [`FileSource`] takes away again
/// when it reads such a file, corrected and sent again; its own last four columns are left out then. The input is read a second
/// time, because a plan keeps no rows. Returns how many rows were written; for none, no file is made. Only
/// its owner may read a new file.
///
/// # Errors
///
/// The errors of [`FileSource::read_into`] and of [`check_rejects_path`], and `input_changed` when the input has fewer rows than
/// before.
pub fn write_rejects(report: &Report, source: &FileSource, path: &Path) -> Result<u64, Error> {
    write_rows(report.outcomes().filter(|row| row.outcome == Outcome::Rejected), source, path)
}

/// Does what [`write_rejects`] does with the rows that a plan rejects before anything is sent.
///
/// # Errors
///
/// Those of [`write_rejects`].
pub fn write_rejects_of_plan(plan: &Plan, source: &FileSource, path: &Path) -> Result<u64, Error> {
    write_rows(plan.rejected_rows(), source, path)
}

fn write_rows(rejected: impl Iterator<Item = RowOutcome>, source: &FileSource, path: &Path) -> Result<u64, Error> {
    let mut rejected = rejected.peekable();
    if rejected.peek().is_none() {
        return Ok(0);
    }
    check_rejects_path(source, path)?;
    let written = match source.as_csv() {
        Some(file) => write_lines(rejected, file, path)?,
        None => write_cells(rejected, source, path)?,
    };
    written.ok_or_else(|| {
        let message = format!("the file {} has fewer rows than before", source.path().display());
        Error::invalid_input("input_changed", message, "plan the file again")
    })
}

/// Writes lines as they were. Nothing comes back when the input has become shorter.
fn write_lines(
    rejected: impl Iterator<Item = RowOutcome>,
    file: CsvFile<'_>,
    path: &Path,
) -> Result<Option<u64>, Error> {
    let mut reader = file.reader()?;
    let header = file.header(&mut reader)?;
    let columns = reasons_start(&header).unwrap_or(header.len());
    let mut writer = RejectsWriter::create(path, &header, columns)?;
    let (mut record, mut row) = (ByteRecord::new(), 0);
    for reject in rejected {
        while row < reject.row {
            if !file.read(&mut reader, &mut record)? {
                return Ok(None);
            }
            row += 1;
        }
        writer.write(&record, &reject)?;
    }
    writer.finish().map(Some)
}

/// Writes the cells of the columns that the plan reads. Nothing comes back when the input has become shorter.
fn write_cells(
    mut rejected: impl Iterator<Item = RowOutcome>,
    source: &FileSource,
    path: &Path,
) -> Result<Option<u64>, Error> {
    let columns = source.columns();
    let names = [&columns.email, &columns.cu_ref_no, &columns.groups];
    let header: ByteRecord = names.into_iter().flatten().map(|name| name.trim()).collect();
    let mut writer = RejectsWriter::create(path, &header, header.len())?;
    let (mut next, mut row, mut failure) = (rejected.next(), 0, None);
    source.each_row(|cells: RowCells<'_>| {
        row += 1;
        let Some(reject) = next.as_ref() else { return ControlFlow::Break(()) };
        if reject.row == row {
            let cells = [
                cells.email.written(Field::Email),
                cells.cu_ref_no.written(Field::CuRefNo),
                cells.groups.written(Field::Groups),
            ];
            let named = names.iter().zip(&cells).filter(|(name, _)| name.is_some());
            let record = named.map(|(_, cell)| cell.as_ref()).collect::<Vec<_>>().into();
            failure = writer.write(&record, reject).err();
            next = rejected.next();
        }
        if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failure.map_or(Ok(()), Err)?;
    if next.is_some() { Ok(None) } else { writer.finish().map(Some) }
}

/// A file of rejects while it is written.
struct RejectsWriter<'a> {
    path: &'a Path,
    inner: Writer<File>,
    columns: usize,
    written: u64,
}

impl<'a> RejectsWriter<'a> {
    fn create(path: &'a Path, header: &ByteRecord, columns: usize) -> Result<Self, Error> {
        let failed = |error: csv::Error| unwritable(path, &error).caused_by(error);
        let mut inner = Writer::from_writer(create_private(path).map_err(|error| failed(error.into()))?);
        inner.write_byte_record(&extended(header, columns, REASON_COLUMNS)).map_err(failed)?;
        Ok(Self { path, inner, columns, written: 0 })
    }

    fn write(&mut self, record: &ByteRecord, reject: &RowOutcome) -> Result<(), Error> {
        let number = reject.row.to_string();
        let [kind, code, reason] = reason(reject.error.as_ref());
        let record = extended(record, self.columns, [&number, kind, code, reason]);
        self.written += 1;
        self.inner.write_byte_record(&record).map_err(|error| unwritable(self.path, &error).caused_by(error))
    }

    fn finish(mut self) -> Result<u64, Error> {
        self.inner.flush().map_err(|error| unwritable(self.path, &error).caused_by(error))?;
        Ok(self.written)
    }
}

fn unwritable(path: &Path, reason: impl Display) -> Error {
    let message = format!("the file {} cannot be written: {reason}", path.display());
    Error::invalid_input("file_unwritable", message, "choose another path for the rejects")
}

pub(super) fn reason(error: Option<&Error>) -> [&str; 3] {
    error.map_or(["", "", ""], |error| [error.kind().as_str(), error.code().unwrap_or_default(), error.message()])
}

/// The first columns of a line with more cells behind them, all of them safe to open in a spreadsheet.
fn extended(line: &ByteRecord, columns: usize, more: [&str; 4]) -> ByteRecord {
    let cells = line.iter().take(columns).chain(more.iter().map(|cell| cell.as_bytes()));
    cells.map(neutralised).collect()
}

/// Where the columns of the reasons begin, when a header ends with them: it is that of a file of rejects.
pub(super) fn reasons_start(header: &ByteRecord) -> Option<usize> {
    let start = header.len().checked_sub(REASON_COLUMNS.len())?;
    header.iter().skip(start).eq(REASON_COLUMNS.iter().map(|name| name.as_bytes())).then_some(start)
}

/// The cells of a file of rejects as they were before they were neutralised.
pub(super) fn restored(line: &ByteRecord) -> ByteRecord {
    let without = |part| <[u8]>::strip_prefix(part, b"'").filter(|rest| is_formula(rest)).unwrap_or(part);
    line.iter().map(|cell| parts(cell).flat_map(without).copied().collect::<Vec<_>>()).collect()
}

/// A cell that no spreadsheet takes for a formula. What has apostrophes before its formula already gets one more, so that taking one
/// away gives every cell back.
pub(super) fn neutralised(cell: &[u8]) -> Vec<u8> {
    let apostrophe = |part: &[u8]| if is_formula(part) { b"'".as_slice() } else { b"" };
    parts(cell).flat_map(|part| [apostrophe(part), part]).flatten().copied().collect()
}

/// What may become a cell of its own, with the separator behind it: the spreadsheets of half of Europe separate by semicolons, whatever
/// the file does.
fn parts(cell: &[u8]) -> impl Iterator<Item = &[u8]> {
    cell.split_inclusive(|byte| b";|\t\r\n".contains(byte))
}

fn is_formula(part: &[u8]) -> bool {
    part.iter().find(|byte| **byte != b'\'').is_some_and(|first| FORMULA_STARTS.contains(first))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::{BoxFuture, Client, Transport, TransportError};
    use crate::job::{Columns, PlanBuilder, PlanOptions, RunOptions};
    use crate::protocol::{Request, Response};

    /// Says yes to everybody.
    struct Agreeable;

    impl Transport for Agreeable {
        fn exchange(&self, _: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
            let response = Response { status: 200, headers: Vec::new(), body: br#"{"success": true}"#.to_vec() };
            Box::pin(std::future::ready(Ok(response)))
        }
    }

    struct Bench {
        folder: tempfile::TempDir,
        source: FileSource,
        report: Report,
    }

    /// Runs a file whose columns are `email` and `groups`.
    async fn run(content: &str) -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("customers.csv");
        std::fs::write(&path, content).expect("a file");
        let columns = Columns { email: Some("email".into()), cu_ref_no: None, groups: Some("groups".into()) };
        let source = FileSource::new(path, columns);
        let mut plan = PlanBuilder::new(&PlanOptions::default()).expect("a plan");
        source.read_into(&mut plan).expect("rows");
        let builder = Client::builder().api_key("DEV_0123456789abcdefghijABCDEFGH").base_url("https://api.example");
        let client = builder.transport(Agreeable).clock(Arc::new(crate::client::TokioClock::new())).build();
        let report = plan.finish().run(&client.expect("a client"), RunOptions::default()).await;
        Bench { folder, source, report }
    }

    impl Bench {
        fn write(&self) -> Result<(u64, String), Error> {
            let path = self.folder.path().join("rejects.csv");
            let written = write_rejects(&self.report, &self.source, &path)?;
            Ok((written, std::fs::read_to_string(path).unwrap_or_default()))
        }
    }

    const NO_AT: &str = "invalid_input,email_invalid,the e-mail address has no @";

    #[tokio::test]
    async fn rejected_rows_are_written_as_they_were_with_the_reason() {
        let bench = run(
            "\u{feff}email,note,groups\r\na@example.com,fine,vip\r\nb,\"1, \"\"2\"\"\nand 3\",vip\r\n\r\nc,,vip\r\n",
        )
        .await;
        let (written, text) = bench.write().expect("rejects");
        assert_eq!(written, 2);
        assert_eq!(
            text,
            format!(
                "email,note,groups,row,kind,code,reason\nb,\"1, \"\"2\"\"\nand 3\",vip,2,{NO_AT}\nc,,vip,3,{NO_AT}\n"
            )
        );
    }

    #[tokio::test]
    async fn nothing_in_them_is_a_formula() {
        for start in ["=", "+", "-", "@", "\t", "\n"] {
            let bench = run(&format!("email,\"{start}note\",groups\nnobody,\"{start}1+1\",vip\n")).await;
            let (_, text) = bench.write().expect("rejects");
            let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            for row in rows.records() {
                let row = row.expect("a row");
                assert!(row[1].starts_with(&format!("'{start}")), "{row:?}");
            }
        }
    }

    #[test]
    fn every_cell_comes_back_as_it_was() {
        let mut cells: Vec<Vec<u8>> = Vec::new();
        for apostrophes in 0..4 {
            let before = b"'".repeat(apostrophes);
            let plain = [&b""[..], b"quoted'", b"a'=1", b"jan@barasek.com", b"vip;'yoga", b"';'", b"a\t\t'|'"];
            cells.extend(plain.map(|cell| [&before, cell].concat()));
            for start in FORMULA_STARTS {
                let formula = [&before, [*start].as_slice(), b"1"].concat();
                cells.extend(b";|\t\r\n".map(|separator| [b"vip", [separator].as_slice(), &formula].concat()));
                cells.push(formula);
            }
        }
        let written: Vec<Vec<u8>> = cells.iter().map(|cell| neutralised(cell)).collect();
        let starts = |cells: &[u8]| cells.first().is_some_and(|first| b"=+-@".contains(first));
        let is_separator = |byte: &u8| b";|\t\r\n".contains(byte);
        assert!(written.iter().all(|cell| cell.split(is_separator).all(|part| !starts(part))), "{written:?}");
        assert!(written.iter().all(|cell| !cell.first().is_some_and(|first| FORMULA_STARTS.contains(first))));
        assert_eq!(restored(&ByteRecord::from(written)), ByteRecord::from(cells));
    }

    #[tokio::test]
    async fn rejects_that_are_rejected_again_do_not_change() {
        let bench = run("email,=note,groups\n+b,'=1,vip\n'-c,\"\t''\",vip\n").await;
        let (_, first) = bench.write().expect("rejects");
        assert!(first.starts_with("email,'=note,groups,"), "{first}");
        let (_, second) = run(&first).await.write().expect("rejects of rejects");
        assert_eq!(second, first);
    }

    #[tokio::test]
    async fn their_file_is_told_from_others() {
        let bench = run("email,groups\nnobody,vip\n").await;
        bench.write().expect("rejects");
        assert!(holds_rejects(&bench.folder.path().join("rejects.csv")));
        assert!(!holds_rejects(bench.source.path()));
        assert!(!holds_rejects(bench.folder.path()));
        assert!(!holds_rejects(&bench.folder.path().join("none.csv")));
    }

    #[tokio::test]
    async fn the_reasons_of_an_earlier_run_are_replaced() {
        let bench = run("email,groups,row,kind,code,reason\nnobody,vip,7,invalid_input,old,older\n").await;
        let (_, text) = bench.write().expect("rejects");
        assert_eq!(text, format!("email,groups,row,kind,code,reason\nnobody,vip,1,{NO_AT}\n"));
    }

    #[tokio::test]
    async fn without_any_no_file_is_made() {
        let bench = run("email,groups\na@example.com,vip\n").await;
        assert_eq!(bench.write().expect("nothing to write"), (0, String::new()));
        assert!(!bench.folder.path().join("rejects.csv").exists());
    }

    #[tokio::test]
    async fn the_input_is_never_overwritten() {
        let content = "email,groups\nnobody,vip\n";
        let bench = run(content).await;
        let input = bench.source.path();
        let error = write_rejects(&bench.report, &bench.source, input).expect_err("the input");
        assert_eq!(error.code(), Some("rejects_replace_input"));
        assert_eq!(std::fs::read_to_string(input).expect("the input"), content);
    }

    #[tokio::test]
    async fn an_input_that_became_shorter_is_noticed() {
        let bench = run("email,groups\na@example.com,vip\nnobody,vip\n").await;
        std::fs::write(bench.source.path(), "email,groups\na@example.com,vip\n").expect("a shorter file");
        assert_eq!(bench.write().expect_err("a row is gone").code(), Some("input_changed"));
    }
}
