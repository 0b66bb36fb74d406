use bizkithub::Error;
use bizkithub::job::{Bill, Plan};
use clap::Args;
use serde_json::json;

use crate::customer_file::CustomerFile;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::reasons::Reasons;
use crate::table::{Align, TextTable};
use crate::wording::{counted, number};

/// Show what running a file would cost and do; nothing is sent and no key is needed
#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    file: CustomerFile,
}

/// A bill may list thousands of groups; `--json` has them all.
const GROUPS_SHOWN: usize = 50;

pub(crate) fn execute(arguments: &PlanArguments, output: Output) -> Result<ExitCode, Error> {
    let plan = arguments.file.plan()?;
    let bill = plan.bill();
    if output.is_json() {
        output.json(&json!({ "file": arguments.file.name(), "bill": bill, "refusals": plan.refusals() }))?;
    } else {
        output.text(&text(&plan, &bill, &arguments.file.name()))?;
    }
    Ok(ExitCode::of_bill(&bill))
}

fn text(plan: &Plan, bill: &Bill, file: &str) -> String {
    let mut totals = TextTable::new([(file, Align::Left), ("", Align::Right)]);
    for (name, count) in [
        ("rows", bill.rows),
        ("rejected rows", bill.rejected),
        ("customers", bill.customers),
        ("requests to send", bill.requests),
    ] {
        totals.row([name, &number(count)]);
    }
    let mut sections = vec![totals.text()];
    if !bill.groups.is_empty() {
        sections.push(groups_text(bill));
    }
    sections.extend(Reasons::of_plan(plan).text());
    sections.push("Nothing has been sent. Slugs are predictions: the server's own have the last word.\n".to_owned());
    sections.join("\n")
}

fn groups_text(bill: &Bill) -> String {
    let mut table = TextTable::new([("group", Align::Left), ("slug", Align::Left), ("customers", Align::Right)]);
    for group in bill.groups.iter().take(GROUPS_SHOWN) {
        table.row([&group.text, &group.slug, &number(group.customers)]);
    }
    let mut text = table.text();
    let hidden = bill.groups.len().saturating_sub(GROUPS_SHOWN);
    if hidden > 0 {
        text.push_str(&format!(" and {} more; --json lists all\n", counted(hidden as u64, "group")));
    }
    text
}
