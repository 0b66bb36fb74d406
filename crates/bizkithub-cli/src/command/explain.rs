use bizkithub::protocol::ErrorCode;
use bizkithub::{Error, Explanation};
use clap::Args;
use serde_json::json;

use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::table::{Align, TextTable};

/// Tell what the code of an error means, why it comes about and what to do; without a code, list all of them
#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    /// A code, as errors show it
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn execute(arguments: &ExplainArguments, output: Output) -> Result<ExitCode, Error> {
    let Some(code) = &arguments.code else {
        let mut table = TextTable::new([("code", Align::Left), ("meaning", Align::Left)]);
        let explanations: Vec<_> = Explanation::all().collect();
        explanations.iter().for_each(|explanation| table.row([explanation.code, explanation.meaning]));
        output.text(&table.text())?;
        output.json(&json!({ "explanations": explanations }))?;
        return Ok(ExitCode::Done);
    };
    let explanation = Explanation::of(code).ok_or_else(|| unknown(code))?;
    output.text(&text(&explanation))?;
    output.json(&json!({ "explanations": [explanation] }))?;
    Ok(ExitCode::Done)
}

fn text(explanation: &Explanation) -> String {
    let Explanation { code, kind, meaning, cause, remedy, .. } = explanation;
    let more = match cause {
        Some(cause) => format!("why:  {cause}\n"),
        None => format!("see:  {}\n", ErrorCode::doc_url(code)),
    };
    format!("{code} ({kind})\n\nwhat: {meaning}\n{more}help: {remedy}\n")
}

fn unknown(code: &str) -> Error {
    let advice = match ErrorCode::has_server_form(code) {
        true => format!("see {}", ErrorCode::doc_url(code)),
        false => "bizkithub explain lists all codes".to_owned(),
    };
    Error::invalid_input("code_unknown", format!("nothing is known of a code {code:?}"), advice)
}
