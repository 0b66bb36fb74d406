use std::collections::BTreeMap;

use bizkithub::Error;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::block_on;
use crate::connection::ConnectionArguments;
use crate::exit_code::ExitCode;
use crate::inspection::Inspection;
use crate::output::Output;
use crate::table::{Align, TextTable};
use crate::wording::{counted, number};

/// Show what a running sandbox holds: its customers, its groups, and what it answered
#[expect(clippy::doc_markdown, reason = "these are help texts, which would show the backticks")]
#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    /// The sandbox's URL [default: --base-url, then the variable BIZKITHUB_BASE_URL]
    url: Option<String>,
}

#[derive(Deserialize)]
struct State {
    customers: u64,
    requests: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    slug: String,
    name: String,
    customers: u64,
    times_created: u64,
}

#[derive(Deserialize)]
struct LoggedRequest {
    status: Option<u16>,
    code: Option<String>,
}

/// How many requests were answered alike.
#[derive(Serialize)]
struct Answers {
    status: Option<u16>,
    code: Option<String>,
    requests: u64,
}

pub(crate) fn execute(
    arguments: &ShowArguments,
    connection: &ConnectionArguments,
    output: Output,
) -> Result<ExitCode, Error> {
    let url = arguments.url.clone().or_else(|| connection.base_url.clone());
    let url = url.or_else(|| std::env::var("BIZKITHUB_BASE_URL").ok()).filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| {
        let advice = "give the URL that it printed, or set the environment variable BIZKITHUB_BASE_URL";
        Error::invalid_input("sandbox_url_missing", "no URL of a sandbox is given", advice)
    })?;
    let inspection = Inspection::new(&url)?;
    let (state, groups, log) = block_on(async {
        let state: State = inspection.get("state").await?;
        let groups: Vec<Group> = inspection.get("groups").await?;
        let log: Vec<LoggedRequest> = inspection.get("requests").await?;
        Ok::<_, Error>((state, groups, log))
    })??;
    let logged = log.len() as u64;
    let answers = answers(log);
    output.text(&text(&state, &groups, &answers, logged))?;
    output.json(&json!({
        "url": url,
        "customers": state.customers,
        "groups": groups,
        "requests": state.requests,
        "answers": answers,
    }))?;
    Ok(ExitCode::Done)
}

fn answers(log: Vec<LoggedRequest>) -> Vec<Answers> {
    let mut counts = BTreeMap::new();
    for request in log {
        *counts.entry((request.status, request.code)).or_default() += 1;
    }
    counts.into_iter().map(|((status, code), requests)| Answers { status, code, requests }).collect()
}

fn text(state: &State, groups: &[Group], answers: &[Answers], logged: u64) -> String {
    let mut sections = vec![format!(
        "The sandbox holds {} and {}\n",
        counted(state.customers, "customer"),
        counted(groups.len() as u64, "group"),
    )];
    if !groups.is_empty() {
        let mut table = TextTable::new([("group", Align::Left), ("slug", Align::Left), ("customers", Align::Right)]);
        for group in groups {
            table.row([&group.name, &group.slug, &number(group.customers)]);
        }
        sections.push(table.text());
    }
    if !answers.is_empty() {
        let mut table = TextTable::new([("answer", Align::Left), ("requests", Align::Right)]);
        for Answers { status, code, requests } in answers {
            let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            let code = code.as_deref().unwrap_or_default();
            table.row([format!("{status} {code}").trim_end(), &number(*requests)]);
        }
        sections.push(table.text());
    }
    if logged < state.requests {
        sections.push(format!("The answers are those of the last {}\n", counted(logged, "request")));
    }
    sections.join("\n")
}
