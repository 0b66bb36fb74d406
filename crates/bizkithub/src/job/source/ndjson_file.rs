use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{FileSource, in_file};
use crate::error::Error;
use crate::job::cell::{Cell, RowCells};
use crate::job::columns::Columns;

/// Calls the visitor with each row and its line, until it breaks off.
pub(super) fn each_row(
    source: &FileSource,
    mut visit: impl FnMut(RowCells<'_>, u64) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut file = BufReader::with_capacity(1 << 18, source.open()?);
    let (mut bytes, mut line, mut seen, mut first) = (Vec::new(), 0, Seen::default(), None);
    loop {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes).map_err(|error| source.unreadable(error))? == 0 {
            break;
        }
        line += 1;
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).filter(|_| line == 1).unwrap_or(&bytes).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let invalid = |error: serde_json::Error| invalid(source, &error).at_line(line);
        let mut parser = serde_json::Deserializer::from_slice(text);
        let row = Members { columns: &source.columns, seen: &mut seen }.deserialize(&mut parser).map_err(invalid)?;
        parser.end().map_err(invalid)?;
        if first.is_none() {
            first = Some(text.to_vec());
        }
        if visit(row, line).is_break() {
            return Ok(());
        }
    }
    first.map_or(Ok(()), |first| seen.check(source, &first))
}

fn invalid(source: &FileSource, error: &serde_json::Error) -> Error {
    // What the parser says of data would show them.
    let reason = if error.is_data() { "it is something else".to_owned() } else { error.to_string() };
    // The parser sees one line only, and says so.
    let (reason, place) = reason.split_once(" at line 1 column ").unwrap_or((&reason, ""));
    let place = if place.is_empty() { String::new() } else { format!(", at its byte {place}") };
    let message = format!("a line of {} is not a JSON object: {reason}{place}", source.path().display());
    Error::invalid_input("ndjson_invalid", message, "write one complete JSON object a line, in UTF-8")
}

/// Which of the columns any row had.
#[derive(Default)]
struct Seen {
    email: bool,
    cu_ref_no: bool,
    groups: bool,
}

impl Seen {
    fn check(&self, source: &FileSource, first: &[u8]) -> Result<(), Error> {
        let Columns { email, cu_ref_no, groups } = &source.columns;
        let named = [(email, self.email), (cu_ref_no, self.cu_ref_no), (groups, self.groups)];
        let seen: Vec<&str> =
            named.into_iter().filter_map(|(name, is_seen)| name.as_deref().filter(|_| is_seen)).collect();
        let first: serde_json::Map<_, _> = serde_json::from_slice(first).unwrap_or_default();
        let names: Vec<&String> = first.keys().collect();
        source.columns.check_seen(&seen, &names).map_err(|error| in_file(error, source.path()))
    }
}

/// Reads the members that a plan needs, and passes over the others.
struct Members<'c> {
    columns: &'c Columns,
    seen: &'c mut Seen,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = RowCells<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = RowCells<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut row = RowCells::default();
        let is = |column: &Option<String>, name: &str| column.as_deref().is_some_and(|column| column.trim() == name);
        while let Some(Name(name)) = members.next_key()? {
            let name = name.trim();
            let Columns { email, cu_ref_no, groups } = self.columns;
            let [is_email, is_cu_ref_no, is_groups] = [email, cu_ref_no, groups].map(|column| is(column, name));
            if !(is_email || is_cu_ref_no || is_groups) {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: Cell<'_> = members.next_value()?;
            if is_email {
                row.email = value.clone();
            }
            if is_cu_ref_no {
                row.cu_ref_no = value.clone();
            }
            if is_groups {
                row.groups = value;
            }
            self.seen.email |= is_email;
            self.seen.cu_ref_no |= is_cu_ref_no;
            self.seen.groups |= is_groups;
        }
        Ok(row)
    }
}

/// A text that is borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Plan, PlanBuilder, PlanOptions};

    fn read(content: impl AsRef<[u8]>) -> Result<Plan, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("customers.ndjson");
        std::fs::write(&path, content).expect("a file");
        let columns = Columns { email: Some("email".into()), cu_ref_no: None, groups: Some("groups".into()) };
        let mut plan = PlanBuilder::new(&PlanOptions::default())?;
        FileSource::new(path, columns).read_into(&mut plan)?;
        Ok(plan.finish())
    }

    #[test]
    fn every_usual_way_to_write_a_file_is_read_alike() {
        for content in [
            "{\"email\": \"a@example.com\", \"groups\": \"vip;yoga\"}\n{\"groups\": [\"2026\"], \"email\": \"b@example.com\"}\n",
            "\u{feff}{\"email\":\"a@example.com\",\"groups\":[\"vip\",\"yoga\"],\"more\":{\"x\":[1]}}\r\n\r\n{\"email\":\"b@example.com\",\"groups\":2026}",
            "  {\"e\\u006dail\": \"x\", \"email\": \"\\u0061@example.com\", \"groups\": \"vip|yoga\"}\n{\"email\":\"b@example.com\",\"groups\":2026.0}",
        ] {
            let plan = read(content).expect(content);
            let requests: Vec<String> = plan
                .requests()
                .map(|(customer, groups)| {
                    format!("{customer}: {}", groups.iter().map(crate::Group::text).collect::<Vec<_>>().join(", "))
                })
                .collect();
            assert_eq!(requests, ["a@example.com: vip, yoga", "b@example.com: 2026"], "{content}");
        }
    }

    #[test]
    fn rows_that_are_not_valid_are_refused_with_their_line() {
        let content = "{\"email\": true, \"groups\": \"vip\"}\n\n{\"email\": null, \"groups\": \"vip\"}\n{\"email\": \"a@example.com\", \"groups\": [{}]}\n";
        let refusals: Vec<_> = read(content)
            .expect("a plan")
            .refusals()
            .map(|error| (error.row(), error.line(), error.code().map(str::to_owned)))
            .collect();
        let expected = |row, line, code: &str| (Some(row), Some(line), Some(code.to_owned()));
        assert_eq!(
            refusals,
            [expected(1, 1, "value_not_text"), expected(2, 3, "customer_missing"), expected(3, 4, "value_not_text")]
        );
    }

    #[test]
    fn a_broken_file_is_broken_as_a_whole_and_says_where() {
        for (content, line) in [
            ("{\"email\": \"a@example.com\", \"groups\": \"vip\"}\n{\"email\": ", 2),
            ("[1]\n", 1),
            ("{} {}\n", 1),
            ("{\"email\": \"\u{0}\"}", 1),
        ] {
            let error = read(content).expect_err(content);
            assert_eq!((error.code(), error.line()), (Some("ndjson_invalid"), Some(line)), "{content}: {error}");
        }
        let error = read(b"{\"email\": \"\xff\"}\n").expect_err("no UTF-8");
        assert_eq!(error.code(), Some("ndjson_invalid"));
    }

    #[test]
    fn a_column_may_mean_two_things() {
        let (folder, both) = (tempfile::tempdir().expect("a folder"), Some("x".to_owned()));
        let path = folder.path().join("customers.ndjson");
        std::fs::write(&path, "{\"x\": \"a@example.com\"}\n").expect("a file");
        let columns = Columns { email: both.clone(), cu_ref_no: None, groups: both };
        let mut plan = PlanBuilder::new(&PlanOptions::default()).expect("a plan");
        FileSource::new(path, columns).read_into(&mut plan).expect("a file that can be read");
        // An address as a group is refused: the group was seen.
        let plan = plan.finish();
        let codes: Vec<_> = plan.refusals().map(|error| error.code().map(str::to_owned)).collect();
        assert_eq!(codes, [Some("group_is_email".to_owned())]);
    }

    #[test]
    fn a_column_that_no_row_has_is_missing() {
        let error = read("{\"mail\": \"a@example.com\", \"groups\": \"vip\"}\n").expect_err("misspelt");
        assert_eq!(error.code(), Some("column_missing"));
        assert_eq!(error.advice(), Some("the columns of the first row are: groups, mail"));
        assert_eq!(read("").expect("no rows").bill().rows, 0);
    }
}
