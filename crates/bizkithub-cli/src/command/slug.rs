use bizkithub::{Error, Group};
use clap::Args;
use serde_json::json;

use crate::exit_code::ExitCode;
use crate::output::Output;

/// Print the predicted slug of each text, one a line
///
/// A slug is what the server knows a group by. The prediction follows the documentation; the server's own has the last word.
#[derive(Args, Debug)]
pub(crate) struct SlugArguments {
    /// The texts of groups
    #[arg(required = true, value_name = "TEXT")]
    texts: Vec<String>,
}

pub(crate) fn execute(arguments: &SlugArguments, output: Output) -> Result<ExitCode, Error> {
    let groups: Vec<Group> = arguments.texts.iter().map(|text| Group::parse(text)).collect::<Result<_, _>>()?;
    let lines: String = groups.iter().map(|group| format!("{}\n", group.slug())).collect();
    output.text(&lines)?;
    let slugs: Vec<_> = groups.iter().map(|group| json!({ "text": group.text(), "slug": group.slug() })).collect();
    output.json(&json!({ "slugs": slugs }))?;
    Ok(ExitCode::Done)
}
