use std::path::PathBuf;

use bizkithub::Error;
use bizkithub::job::{Columns, EarlierAnswers, FileFormat, FileSource, PlanBuilder, PlanOptions};
use clap::Args;

use crate::named_choice::named_choice;

/// A file of customers, and which of its columns mean what.
#[derive(Args, Debug)]
#[command(next_help_heading = "File")]
pub(crate) struct CustomerFile {
    /// A CSV file in UTF-8 whose first line names the columns, an NDJSON file (.ndjson, .jsonl), a Parquet file (.parquet, .pq) or
    /// a folder of Parquet files
    #[arg(help_heading = None)]
    file: PathBuf,

    /// The column of e-mail addresses
    #[arg(long, value_name = "COLUMN")]
    email: Option<String>,

    /// The column of customer reference numbers; where a row has both, it counts
    #[arg(long, value_name = "COLUMN")]
    cu_ref_no: Option<String>,

    /// The column of groups: texts separated by ; or |, or lists
    #[arg(long, value_name = "COLUMN")]
    groups: Option<String>,

    /// A group for all rows; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    constant_groups: Vec<String>,

    /// Refuse every group that is not among these; may be given several times
    #[arg(long = "allow-group", value_name = "GROUP")]
    allow_groups: Vec<String>,

    /// How the file is written [default: as its name says, else csv]
    #[arg(long, value_name = "FORMAT", value_parser = named_choice(&FileFormat::ALL))]
    format: Option<FileFormat>,

    /// The character between the cells of a CSV file; "\t" or "tab" for a tabulator
    #[arg(long, value_name = "CHARACTER", default_value = ",")]
    delimiter: String,
}

impl CustomerFile {
    /// The file as a source of rows.
    pub(crate) fn source(&self) -> Result<FileSource, Error> {
        let columns =
            Columns { email: self.email.clone(), cu_ref_no: self.cu_ref_no.clone(), groups: self.groups.clone() };
        let delimiter = match self.delimiter.as_str() {
            "tab" | "\\t" => b'\t',
            text => FileSource::parse_delimiter(text)?,
        };
        let source = FileSource::new(&self.file, columns).delimited_by(delimiter);
        Ok(self.format.into_iter().fold(source, FileSource::in_format))
    }

    /// Reads the whole file into a plan; nothing is sent.
    pub(crate) fn plan(&self, earlier: EarlierAnswers) -> Result<PlanBuilder, Error> {
        let allow_groups = (!self.allow_groups.is_empty()).then_some(self.allow_groups.as_slice());
        let options = PlanOptions { earlier, ..PlanOptions::parse(&self.constant_groups, allow_groups)? };
        let mut plan = PlanBuilder::new(&options)?;
        self.source()?.read_into(&mut plan).map_err(with_option_names)?;
        Ok(plan)
    }

    /// The file's name as the user wrote it.
    pub(crate) fn name(&self) -> String {
        self.file.display().to_string()
    }
}

/// The core speaks of columns and delimiters; here they have options.
fn with_option_names(error: Error) -> Error {
    let options = match error.code() {
        Some("column_missing") => "--email, --cu-ref-no and --groups name the columns, --delimiter the separator",
        Some("groups_missing") => "--groups names the column, --group gives a group to all rows",
        _ => return error,
    };
    let advice = error.advice().map_or_else(|| options.to_owned(), |advice| format!("{advice} ({options})"));
    error.advise(advice)
}
