use bizkithub::{CuRefNo, Customer, Email, Error, Group, Receipt, parse_groups, printable};
use clap::Args;
use serde_json::json;

use super::block_on;
use crate::connection::ConnectionArguments;
use crate::exit_code::ExitCode;
use crate::output::Output;

/// Put groups on one customer
#[derive(Args, Debug)]
pub(crate) struct AddArguments {
    /// The customer's e-mail address
    #[arg(long)]
    email: Option<String>,

    /// The customer's reference number; when both are given, it counts
    #[arg(long, value_name = "NUMBER")]
    cu_ref_no: Option<String>,

    /// A group to put; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

pub(crate) fn execute(
    arguments: &AddArguments,
    connection: &ConnectionArguments,
    output: Output,
) -> Result<ExitCode, Error> {
    let customer = Customer::parse(arguments.email.as_deref(), arguments.cu_ref_no.as_deref())?;
    let groups = parse_groups(&arguments.groups)?;
    let client = connection.client(output)?;
    let receipt = block_on(client.add_groups(&customer, &groups))?;
    let shown = receipt.and_then(|receipt| show(&customer, &groups, &receipt, output));
    client.flush();
    shown
}

fn show(customer: &Customer, groups: &[Group], receipt: &Receipt, output: Output) -> Result<ExitCode, Error> {
    let texts: Vec<&str> = groups.iter().map(Group::text).collect();
    output.text(&format!("{}\n", printable(&format!("{customer} has: {}", texts.join(", ")))))?;
    output.json(&json!({
        "customer": {
            "email": customer.email().map(Email::as_str),
            "cuRefNo": customer.cu_ref_no().map(CuRefNo::as_str),
        },
        "groups": groups.iter().map(|group| json!({ "text": group.text(), "slug": group.slug() })).collect::<Vec<_>>(),
        "receipt": receipt,
    }))?;
    Ok(ExitCode::Done)
}
