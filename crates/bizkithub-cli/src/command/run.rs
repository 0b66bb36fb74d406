use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bizkithub::job::{
    Bill, FileSource, OnQuota, Plan, Report, RunOptions, check_outcomes_path, check_rejects_path, write_outcomes,
};
use bizkithub::{Client, Error, Pace, Timestamp, printable};
use clap::Args;
use serde_json::json;

use super::block_on;
use crate::connection::ConnectionArguments;
use crate::customer_file::CustomerFile;
use crate::error_text::error_text;
use crate::exit_code::ExitCode;
use crate::interruption::Interruption;
use crate::ledger_choice::{EarlierChoice, LedgerChoice, finish};
use crate::length_of_time::length_of_time;
use crate::named_choice::named_choice;
use crate::output::Output;
use crate::progress_display::ProgressDisplay;
use crate::quota_choice::QuotaChoice;
use crate::reasons::reasons_text;
use crate::rejects_file::RejectsFile;
use crate::table::{Align, TextTable};
use crate::wording::{counted, number, time};

/// Put the groups of a file on its customers
///
/// Sends one request for each customer and accounts for every row. Ctrl-C stops cleanly: the report is printed all the same.
/// Running the same command again goes on where it stopped: the ledger remembers what the server acknowledged.
#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    file: CustomerFile,

    /// The most requests under way at once, at most 256
    #[arg(long, value_name = "NUMBER", default_value = "16", help_heading = "Run")]
    concurrency: NonZeroUsize,

    /// What to do when the quota is used up, or the server asks for a long wait: wait, or stop and say when to go on
    #[arg(long, value_name = "CHOICE", default_value = "wait", value_parser = named_choice(&OnQuota::ALL), help_heading = "Quota")]
    on_quota: OnQuota,

    /// How requests leave within the quota: evenly, which leaves room for others with the same key, or as fast as it allows
    #[arg(long, value_name = "CHOICE", default_value = "even", value_parser = named_choice(&Pace::ALL), help_heading = "Quota")]
    pace: Pace,

    /// The share of the quota that is left to others, from 0 to below 1
    #[arg(long, value_name = "SHARE", default_value = "0", help_heading = "Quota")]
    reserve: f64,

    /// The longest that the run may take, such as 15m; a longer wait, for quota or for the server, ends it at once [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = length_of_time, help_heading = "Run")]
    deadline: Option<Duration>,

    /// The longest wait at a time, for quota or because the server asks for it, such as 1m; a longer one ends the run and tells when to
    /// go on [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = length_of_time, help_heading = "Quota")]
    longest_wait: Option<Duration>,

    /// For how long requests leave, such as 15m; then the answers under way are waited for [default: until all are sent]
    #[arg(long, value_name = "TIME", value_parser = length_of_time, help_heading = "Run")]
    burst: Option<Duration>,

    /// Stop when the first so many requests all fail alike, because the cause is hardly in the customers; 0 for never
    #[arg(long, value_name = "NUMBER", default_value = "50", help_heading = "Run")]
    breaker: u32,

    /// Where rejected rows go, with the reasons; those of an earlier run make way [default: rejects.csv, or rejects-again.csv when
    /// that is the input]
    #[arg(long, value_name = "PATH", help_heading = "Run")]
    rejects: Option<PathBuf>,

    /// Where every row's outcome goes: a file that ends with .csv, .ndjson or .jsonl [default: nowhere]
    #[arg(long, value_name = "PATH", help_heading = "Run")]
    outcomes: Option<PathBuf>,

    #[command(flatten)]
    ledger: LedgerChoice,

    #[command(flatten)]
    earlier: EarlierChoice,

    #[command(flatten)]
    quota: QuotaChoice,
}

impl RunArguments {
    fn options(&self) -> RunOptions {
        let mut options = RunOptions::default();
        options.concurrency = self.concurrency;
        options.on_quota = self.on_quota;
        options.pace = self.pace;
        options.reserve = self.reserve;
        options.deadline = self.deadline;
        options.longest_wait = self.longest_wait;
        options.burst = self.burst;
        options.breaker = NonZeroU32::new(self.breaker);
        options
    }

    /// Where the rejects go. Those of a file of rejects must not replace it.
    fn rejects_path(&self, input: &Path) -> PathBuf {
        let usual = Path::new("rejects.csv");
        let is_input = usual.canonicalize().is_ok_and(|usual| input.canonicalize().is_ok_and(|input| input == usual));
        let default = if is_input { Path::new("rejects-again.csv") } else { usual };
        self.rejects.clone().unwrap_or_else(|| default.to_owned())
    }
}

/// What a run leaves behind.
struct Ending {
    report: Report,
    rejects: Result<RejectsFile, Error>,
    /// The rows written to the file of outcomes, where one was asked for.
    outcomes: Option<Result<u64, Error>>,
}

pub(crate) fn execute(
    arguments: &RunArguments,
    connection: &ConnectionArguments,
    output: Output,
) -> Result<ExitCode, Error> {
    arguments.options().check()?;
    let client = connection.client_with(output, |builder| arguments.quota.apply(builder))?;
    let source = arguments.file.source()?;
    let builder = arguments.file.plan(arguments.earlier.earlier())?;
    let rejects_path = arguments.rejects_path(source.path());
    check_rejects_path(&source, &rejects_path)?;
    arguments.outcomes.as_deref().map_or(Ok(()), check_outcomes_path)?;
    let (plan, ledger) = finish(builder, arguments.ledger.open(&client)?)?;
    let bill = plan.bill();
    output.text(&headline(&bill, &arguments.file.name()))?;
    if let Some(location) = &ledger {
        output.text(&format!("ledger: {}\n", printable(location)))?;
    }
    let ending = block_on(run(arguments, &plan, bill.requests, &client, source, &rejects_path, output))?;
    let Some(Ending { report, rejects, outcomes }) = ending? else {
        return Ok(ExitCode::Interrupted);
    };
    let unwritten: Vec<_> =
        rejects.as_ref().err().into_iter().chain(outcomes.as_ref().and_then(|rows| rows.as_ref().err())).collect();
    let code = match (ExitCode::of_report(&report), unwritten.first()) {
        (ExitCode::Done | ExitCode::Rejected, Some(error)) => ExitCode::of_error(error),
        (code, _) => code,
    };
    let rejects_file = rejects_path.display().to_string();
    let outcomes_file = arguments.outcomes.as_ref().map(|path| path.display().to_string());
    output.json(&json!({
        "file": arguments.file.name(),
        "ledger": ledger,
        "bill": bill,
        "report": report.summary(),
        "reasons": report.reasons(),
        "rejects": match &rejects {
            Ok(rejects) => rejects.json(&rejects_file),
            Err(error) => json!({ "file": rejects_file, "error": error }),
        },
        "outcomes": outcomes.as_ref().map(|rows| match rows {
            Ok(rows) => json!({ "file": outcomes_file, "rows": rows }),
            Err(error) => json!({ "file": outcomes_file, "error": error }),
        }),
        "exitCode": code.number(),
    }))?;
    for error in unwritten.into_iter().chain(report.stopped_by()) {
        output.notice(&error_text(error));
    }
    client.flush();
    Ok(code)
}

/// Runs the plan and settles the file of rejects. Nothing is left, when Ctrl-C came again while the file could not be written.
async fn run(
    arguments: &RunArguments,
    plan: &Plan,
    requests: u64,
    client: &Client,
    source: FileSource,
    rejects_path: &Path,
    output: Output,
) -> Result<Option<Ending>, Error> {
    let mut interruption = Interruption::listen()?;
    let display = Arc::new(ProgressDisplay::new(requests, output));
    let mut options = arguments.options();
    options.progress = Some(Arc::clone(&display) as _);
    let cancel = options.cancel.clone();
    let mut running = std::pin::pin!(plan.run(client, options));
    let report = tokio::select! {
        report = &mut running => report,
        () = interruption.next() => {
            cancel.cancel();
            display.say(output, "stopping: the requests under way get a moment to end");
            running.await
        }
    };
    output.text(&report_text(&report, arguments.ledger.is_kept()))?;
    let (path, outcomes) = (rejects_path.to_owned(), arguments.outcomes.clone());
    let writing = tokio::task::spawn_blocking(move || {
        let rejects = RejectsFile::settle(&path, &report, &source);
        let outcomes = outcomes.map(|path| write_outcomes(&report, &path));
        Ending { report, rejects, outcomes }
    });
    let ending = tokio::select! {
        settled = writing => settled.map_err(|error| Error::internal("the rejects could not be written").caused_by(error))?,
        () = interruption.next() => return Ok(None),
    };
    if let Ok(rejects) = &ending.rejects {
        output.text(&rejects.text(rejects_path))?;
    }
    Ok(Some(ending))
}

/// The bill in one line, as in `customers.csv: 400 rows, 251 requests to send, 11 rows rejected`.
fn headline(bill: &Bill, file: &str) -> String {
    let known = match bill.skipped {
        0 => String::new(),
        rows => format!(", {} known to the ledger", counted(rows, "row")),
    };
    format!(
        "{}: {}, {} to send, {} rejected{known}\n",
        printable(file),
        counted(bill.rows, "row"),
        counted(bill.requests, "request"),
        counted(bill.rejected, "row"),
    )
}

fn report_text(report: &Report, has_ledger: bool) -> String {
    let counts = report.counts();
    let mut table = TextTable::new([("outcome", Align::Left), ("rows", Align::Right)]);
    for (outcome, rows) in [
        ("applied", counts.applied),
        ("skipped", counts.skipped),
        ("rejected", counts.rejected),
        ("pending", counts.pending),
        ("unknown", counts.unknown),
    ] {
        table.row([outcome, &number(rows)]);
    }
    let mut sections = vec![String::new(), table.text()];
    sections.extend(reasons_text(&report.reasons()));
    sections.push(requests_text(report));
    let unsettled = counts.pending + counts.unknown;
    if unsettled > 0 {
        sections.push(going_on_text(report, unsettled, has_ledger));
    }
    sections.join("\n")
}

/// As in `251 requests sent in 2.3 s, 2 of them again after a failure, 5 of them in vain because the quota was used up`.
fn requests_text(report: &Report) -> String {
    let mut text = format!("{} sent in {}", counted(report.requests_sent(), "request"), time(report.duration()));
    if report.retries() > 0 {
        text.push_str(&format!(", {} of them again after a failure", number(report.retries())));
    }
    if report.throttled() > 0 {
        text.push_str(&format!(", {} of them in vain because the quota was used up", number(report.throttled())));
    }
    text + "\n"
}

fn going_on_text(report: &Report, unsettled: u64, has_ledger: bool) -> String {
    let moment = report.resume_at().map(|moment| {
        let wait = Duration::try_from(moment.duration_since(Timestamp::now())).unwrap_or_default();
        format!(" from {moment:.0} on (in {})", time(wait))
    });
    let rows = if unsettled == 1 { "1 row is".to_owned() } else { format!("{} are", counted(unsettled, "row")) };
    let first = if report.stopped_by().is_some() { "deal with the error and " } else { "" };
    let memory = if has_ledger {
        "the ledger knows what was acknowledged, and nothing of it is sent again"
    } else {
        "without a ledger all customers are sent again, which changes nothing but uses the quota"
    };
    format!(
        "{rows} not settled. To go on, {first}run the same command again{}: {memory}.\n",
        moment.unwrap_or_default()
    )
}
