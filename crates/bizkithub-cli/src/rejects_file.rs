use std::fs;
use std::path::Path;

use bizkithub::job::{FileSource, Report, holds_rejects, write_rejects};
use bizkithub::{Error, printable};
use serde_json::{Value, json};

use crate::wording::counted;

/// What became of the file of rejected rows after a run, so that it never reads as something that it is not.
pub(crate) enum RejectsFile {
    /// No row is rejected, and there is no such file, or one that is somebody else's.
    None,
    /// It has this many rejected rows.
    Written(u64),
    /// It was an earlier run's, and now every row is applied.
    Removed,
    /// It is an earlier run's. Rows that are not settled yet may be among its own.
    Earlier,
}

impl RejectsFile {
    /// Writes the rejected rows. Where there are none, the file of an earlier run is removed, if nothing in it can matter any more.
    pub(crate) fn settle(path: &Path, report: &Report, source: &FileSource) -> Result<Self, Error> {
        let counts = report.counts();
        if counts.rejected > 0 {
            return write_rejects(report, source, path).map(Self::Written);
        }
        if !holds_rejects(path) {
            return Ok(Self::None);
        }
        if counts.pending + counts.unknown > 0 {
            return Ok(Self::Earlier);
        }
        fs::remove_file(path).map(|()| Self::Removed).map_err(|error| {
            let message = format!(
                "the file {} holds the rejects of an earlier run and cannot be removed: {error}",
                path.display()
            );
            Error::invalid_input("file_unwritable", message, "remove it yourself; this run has no rejects")
                .caused_by(error)
        })
    }

    /// A line for people; nothing when there is no such file.
    pub(crate) fn text(&self, path: &Path) -> String {
        let name = path.display().to_string();
        let name = printable(&name);
        match self {
            Self::None => String::new(),
            Self::Written(1) => format!("1 rejected row with the reason is in {name}\n"),
            Self::Written(rows) => format!("{} with the reason are in {name}\n", counted(*rows, "rejected row")),
            Self::Removed => {
                format!("{name} is removed: it held the rejects of an earlier run, and this one has none\n")
            }
            Self::Earlier => format!("{name} holds the rejects of an earlier run; this one has none so far\n"),
        }
    }

    /// The same for machines: null when there is no such file.
    pub(crate) fn json(&self, file: &str) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Written(rows) => json!({ "file": file, "rows": rows }),
            Self::Removed => json!({ "file": file, "rows": 0, "earlier": "removed" }),
            Self::Earlier => json!({ "file": file, "rows": 0, "earlier": "kept" }),
        }
    }
}
