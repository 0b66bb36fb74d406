use std::time::Duration;

use bizkithub::job::{Bill, BillGroup, Plan};
use bizkithub::{Client, Error, QuotaRate, printable};
use clap::Args;
use serde_json::json;

use crate::connection::ConnectionArguments;
use crate::customer_file::CustomerFile;
use crate::exit_code::ExitCode;
use crate::ledger_choice::{EarlierChoice, LedgerChoice, finish};
use crate::output::Output;
use crate::quota_choice::QuotaChoice;
use crate::reasons::reasons_text;
use crate::table::{Align, TextTable};
use crate::wording::{counted, number, time};

/// Show what running a file would cost and do; nothing is sent
///
/// No key is needed. With one, the plan leaves out what the ledger knows, and tells how long the rest takes under the quota.
#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    file: CustomerFile,

    #[command(flatten)]
    ledger: LedgerChoice,

    #[command(flatten)]
    earlier: EarlierChoice,

    #[command(flatten)]
    quota: QuotaChoice,
}

/// A bill may list thousands of groups; `--json` has them all.
const GROUPS_SHOWN: usize = 50;

pub(crate) fn execute(
    arguments: &PlanArguments,
    connection: &ConnectionArguments,
    output: Output,
) -> Result<ExitCode, Error> {
    let client = match connection.client_with(output, |builder| arguments.quota.apply(builder)) {
        Err(error) if error.code() == Some("api_key_missing") => None,
        client => Some(client?),
    };
    let builder = arguments.file.plan(arguments.earlier.earlier())?;
    let opened = match &client {
        Some(client) => arguments.ledger.open_existing(client)?,
        None => None,
    };
    let (plan, ledger) = finish(builder, opened)?;
    let quota = arguments.quota.quota.or_else(|| client.as_ref().and_then(Client::quota));
    let bill = plan.bill().under(quota);
    if output.is_json() {
        let refusals: Vec<_> = plan.refusals().collect();
        output.json(&json!({ "file": arguments.file.name(), "ledger": ledger, "bill": bill, "refusals": refusals }))?;
    } else {
        output.text(&text(&plan, &bill, &arguments.file.name(), ledger.as_deref()))?;
    }
    Ok(ExitCode::of_bill(&bill))
}

fn text(plan: &Plan, bill: &Bill, file: &str, ledger: Option<&str>) -> String {
    let mut totals = TextTable::new([(file, Align::Left), ("", Align::Right)]);
    for (name, count) in [
        ("rows", bill.rows),
        ("rejected rows", bill.rejected),
        ("customers", bill.customers),
        ("requests to send", bill.requests),
    ] {
        totals.row([name, &number(count)]);
    }
    if bill.skipped_assignments > 0 {
        totals.row(["rows the ledger knows", &number(bill.skipped)]);
        totals.row(["assignments left out", &number(bill.skipped_assignments)]);
    }
    if let Some(estimate) = bill.time.filter(|_| bill.requests > 0) {
        let duration = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let rate = QuotaRate::new(estimate.limit, duration(estimate.window_seconds));
        totals.row([&format!("time at {rate}"), &time(duration(estimate.seconds))]);
    }
    let mut sections = vec![totals.text()];
    if !bill.groups.is_empty() {
        sections.push(groups_text(bill, ledger.is_some()));
    }
    sections.extend(reasons_text(&plan.reasons()));
    let ledger = ledger.map(|location| format!(" The ledger is {}.", printable(location))).unwrap_or_default();
    sections
        .push(format!("Nothing has been sent. Slugs are predictions: the server's own have the last word.{ledger}\n"));
    sections.join("\n")
}

fn groups_text(bill: &Bill, has_ledger: bool) -> String {
    let remark = |group: &BillGroup| match &group.resembles {
        Some(other) => format!("looks like {other}"),
        None if group.is_new && has_ledger => "new".to_owned(),
        None => String::new(),
    };
    // Typos and new groups are what a reader must see, wherever they stand in the input.
    let mut shown: Vec<_> = bill.groups.iter().collect();
    shown.sort_by_key(|group| (group.resembles.is_none(), !group.is_new));
    shown.truncate(GROUPS_SHOWN);
    let columns = [("group", Align::Left), ("slug", Align::Left), ("customers", Align::Right)];
    let mut text = if shown.iter().all(|group| remark(group).is_empty()) {
        let mut table = TextTable::new(columns);
        shown.iter().for_each(|group| table.row([&group.text, &group.slug, &number(group.customers)]));
        table.text()
    } else {
        let [group, slug, customers] = columns;
        let mut table = TextTable::new([group, slug, customers, ("remark", Align::Left)]);
        shown.iter().for_each(|group| {
            table.row([&group.text, &group.slug, &number(group.customers), &remark(group)]);
        });
        table.text()
    };
    let hidden = bill.groups.len().saturating_sub(GROUPS_SHOWN);
    if hidden > 0 {
        text.push_str(&format!(" and {} more; --json lists all\n", counted(hidden as u64, "group")));
    }
    text
}
