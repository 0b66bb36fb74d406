use bizkithub::{Client, Error, Receipt, Timestamp};
use serde_json::json;

use super::block_on;
use crate::connection::ConnectionArguments;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::quota_text::quota_text;

pub(crate) fn execute(connection: &ConnectionArguments, output: Output) -> Result<ExitCode, Error> {
    let client = connection.client(output)?;
    let receipt = block_on(client.ping())?;
    let shown = receipt.and_then(|receipt| show(&client, &receipt, output));
    client.flush();
    shown
}

fn show(client: &Client, receipt: &Receipt, output: Output) -> Result<ExitCode, Error> {
    let (base_url, key) = (client.base_url().to_string(), client.api_key().to_string());
    output.text(&format!("{base_url} accepts the key {key}\n"))?;
    if let Some(quota) = quota_text(&receipt.quota, Timestamp::now()) {
        output.text(&format!("{quota}\n"))?;
    }
    output.json(&json!({ "baseUrl": base_url, "apiKey": key, "receipt": receipt }))?;
    Ok(ExitCode::Done)
}
