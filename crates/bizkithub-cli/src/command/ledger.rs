use std::collections::HashMap;
use std::path::PathBuf;

use bizkithub::job::{Forget, Ledger, LedgerSummary, StoreLedger, Verdict, create_private};
use bizkithub::{Customer, Error, Group, printable};
use clap::{Args, Subcommand};
use serde_json::json;

use super::block_on;
use crate::connection::ConnectionArguments;
use crate::exit_code::ExitCode;
use crate::ledger_choice::LedgerChoice;
use crate::output::{Output, stdout_unwritable};
use crate::table::{Align, TextTable};
use crate::wording::{counted, number};

/// Look at the memory of acknowledged assignments, or make it forget some
#[derive(Args, Debug)]
pub(crate) struct LedgerArguments {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    choice: LedgerChoice,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what the ledger holds
    Show,
    /// Forget assignments, so that they are sent again
    Forget(ForgetArguments),
    /// Put the ledger in order, which makes planning faster
    Compact,
    /// Write all assignments as CSV: the customer as a keyed hash, the group, the time and the code of a refusal
    Export {
        /// Where to write [default: standard output]
        #[arg(long, value_name = "PATH")]
        output: Option<PathBuf>,
    },
}

/// What to forget; a customer and a group together name one assignment.
#[derive(Args, Debug)]
struct ForgetArguments {
    /// The customer's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,

    /// The customer's reference number
    #[arg(long, value_name = "NUMBER")]
    cu_ref_no: Option<String>,

    /// A group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,

    /// Everything that the server refused
    #[arg(long, conflicts_with_all = ["email", "cu_ref_no", "group", "everything"])]
    refusals: bool,

    /// The whole ledger
    #[arg(long, conflicts_with_all = ["email", "cu_ref_no", "group"])]
    everything: bool,
}

const PAGE: u32 = 10_000;

pub(crate) fn execute(
    arguments: &LedgerArguments,
    connection: &ConnectionArguments,
    output: Output,
) -> Result<ExitCode, Error> {
    let client = connection.client(output)?;
    let Some((ledger, location)) = arguments.choice.open_existing(&client)? else {
        let message = "there is no ledger yet for this address and key";
        return Err(Error::invalid_input(
            "ledger_missing",
            message,
            "bizkithub run makes one; or name one with --ledger",
        ));
    };
    match &arguments.action {
        Action::Show => {
            let summary = block_on(ledger.summary())??;
            output.json(&json!({ "ledger": summary }))?;
            output.text(&summary_text(&summary))?;
        }
        Action::Forget(what) => {
            let what = what.resolve(&*ledger)?;
            let forgotten = block_on(ledger.forget(what))??;
            output.json(&json!({ "ledger": location, "forgotten": forgotten }))?;
            output.text(&format!("{} forgotten\n", counted(forgotten, "assignment")))?;
        }
        Action::Compact => {
            block_on(ledger.compact())??;
            output.json(&json!({ "ledger": location }))?;
            output.text(&format!("{} is in order\n", printable(&location)))?;
        }
        Action::Export { output: path } => {
            let written = match path {
                Some(path) => {
                    let file = create_private(path).map_err(|error| unwritable(path, &error))?;
                    export(&ledger, std::io::BufWriter::new(file)).map_err(|error| match error {
                        Failed::Writing(error) => unwritable(path, &error),
                        Failed::Ledger(error) => error,
                    })?
                }
                None if output.is_json() => {
                    let message = "--json prints one object, and the assignments are lines of CSV";
                    return Err(Error::invalid_input(
                        "output_missing",
                        message,
                        "say where to write them: --output PATH",
                    ));
                }
                None => match export(&ledger, std::io::stdout().lock()) {
                    Ok(written) => written,
                    // Whoever reads has seen enough.
                    Err(Failed::Writing(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                        return Ok(ExitCode::Done);
                    }
                    Err(Failed::Writing(error)) => return Err(stdout_unwritable(error)),
                    Err(Failed::Ledger(error)) => return Err(error),
                },
            };
            if let Some(path) = path {
                output.json(&json!({ "ledger": location, "file": path, "assignments": written }))?;
                output.text(&format!(
                    "{} written to {}\n",
                    counted(written, "assignment"),
                    printable(&path.to_string_lossy())
                ))?;
            }
        }
    }
    Ok(ExitCode::Done)
}

impl ForgetArguments {
    fn resolve(&self, ledger: &dyn Ledger) -> Result<Forget, Error> {
        let secret = ledger.secret();
        let group = self.group.as_deref().map(Group::parse).transpose()?.map(|group| secret.group(group.slug()));
        let names_customer = self.email.is_some() || self.cu_ref_no.is_some();
        let customer = names_customer
            .then(|| Customer::parse(self.email.as_deref(), self.cu_ref_no.as_deref()))
            .transpose()?
            .map(|customer| secret.customer(&customer));
        match (customer, group) {
            (Some(customer), Some(group)) => Ok(Forget::Assignment(customer, group)),
            (Some(customer), None) => Ok(Forget::Customer(customer)),
            (None, Some(group)) => Ok(Forget::Group(group)),
            (None, None) if self.refusals => Ok(Forget::Refusals),
            (None, None) if self.everything => Ok(Forget::Everything),
            (None, None) => Err(Error::invalid_input(
                "forget_nothing",
                "nothing is named that could be forgotten",
                "name a customer (--email, --cu-ref-no), a --group, both, --refusals or --everything",
            )),
        }
    }
}

enum Failed {
    Writing(std::io::Error),
    Ledger(Error),
}

fn export(ledger: &StoreLedger, mut to: impl std::io::Write) -> Result<u64, Failed> {
    let read = |result: Result<Result<_, Error>, Error>| result.and_then(|result| result).map_err(Failed::Ledger);
    let groups = block_on(ledger.known_groups()).and_then(|result| result).map_err(Failed::Ledger)?;
    let slugs: HashMap<_, _> = groups.iter().map(|group| (group.key, group.slug.as_str())).collect();
    writeln!(to, "customer,group,at,code").map_err(Failed::Writing)?;
    let (mut after, mut written) = (None, 0);
    loop {
        let entries = read(block_on(ledger.page(after, PAGE)))?;
        for entry in &entries {
            let at = bizkithub::Timestamp::from_millisecond(entry.at).unwrap_or_default();
            let code = match &entry.verdict {
                Verdict::Acknowledged => "",
                Verdict::Refused(code) => code,
            };
            // Slugs, hashes, times and codes contain nothing that would need quotes.
            writeln!(to, "{},{},{at},{code}", entry.customer, slugs.get(&entry.group).copied().unwrap_or_default())
                .map_err(Failed::Writing)?;
        }
        written += entries.len() as u64;
        match entries.last() {
            Some(last) => after = Some((last.customer, last.group)),
            None => break,
        }
    }
    to.flush().map_err(Failed::Writing)?;
    Ok(written)
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Error {
    let message = format!("the file {} cannot be written: {error}", path.display());
    Error::invalid_input("file_unwritable", message, "choose another path")
}

fn summary_text(summary: &LedgerSummary) -> String {
    let mut totals = TextTable::new([(summary.location.as_str(), Align::Left), ("", Align::Right)]);
    totals.row(["belongs to", &summary.base_url]);
    totals.row(["API key", &format!("…{}", summary.key)]);
    if let Some(created_at) = summary.created_at {
        totals.row(["made at", &format!("{created_at:.0}")]);
    }
    totals.row(["acknowledged assignments", &number(summary.acknowledged)]);
    totals.row(["refused assignments", &number(summary.refused)]);
    if let Some(bytes) = summary.bytes {
        totals.row(["bytes", &number(bytes)]);
    }
    let mut text = totals.text();
    if !summary.groups.is_empty() {
        let mut table = TextTable::new([("group", Align::Left), ("slug", Align::Left), ("customers", Align::Right)]);
        for group in &summary.groups {
            table.row([&group.text, &group.slug, &number(group.customers)]);
        }
        text.push('\n');
        text.push_str(&table.text());
    }
    text
}
