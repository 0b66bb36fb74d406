use std::borrow::Cow;

use bizkithub::job::{Plan, PlanBuilder, PlanOptions, Row, RowGroups};
use bizkithub::{Error, Field, Group};
use serde::Deserialize;

use crate::case::{Case, Shared, same};
use crate::expected_error::ExpectedError;
use crate::text::{Text, Texts};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanCase {
    name: String,
    #[serde(default)]
    options: Options,
    rows: Vec<InputRow>,
    bill: Option<ExpectedBill>,
    requests: Option<Vec<ExpectedRequest>>,
    refused: Option<Vec<Refusal>>,
    error: Option<ExpectedError>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    groups: Option<Texts>,
    allow_groups: Option<Texts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InputRow {
    email: Option<Text>,
    cu_ref_no: Option<Text>,
    groups: Option<InputGroups>,
}

/// A row's groups: one text to be split, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum InputGroups {
    Text(String),
    List(Texts),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct ExpectedBill {
    rows: u64,
    customers: u64,
    requests: u64,
    rejected: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExpectedRequest {
    email: Option<String>,
    cu_ref_no: Option<String>,
    groups: Texts,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Refusal {
    row: u64,
    field: String,
    code: String,
}

impl PlanCase {
    fn plan(&self) -> Result<Plan, Error> {
        let list = |texts: &Option<Texts>| texts.as_ref().map(Texts::build);
        let groups = list(&self.options.groups).unwrap_or_default();
        let options = PlanOptions::parse(&groups, list(&self.options.allow_groups).as_deref())?;
        let mut builder = PlanBuilder::new(&options)?;
        self.rows.iter().for_each(|row| builder.push(&row.build()));
        Ok(builder.finish())
    }
}

impl InputRow {
    fn build(&self) -> Row<'static> {
        let text = |text: &Option<Text>| text.as_ref().map(|text| Cow::Owned(text.build()));
        let groups = match &self.groups {
            None => RowGroups::Absent,
            Some(InputGroups::Text(text)) => RowGroups::Text(Cow::Owned(text.clone())),
            Some(InputGroups::List(texts)) => RowGroups::List(texts.build().into_iter().map(Cow::Owned).collect()),
        };
        Row { email: text(&self.email), cu_ref_no: text(&self.cu_ref_no), groups }
    }
}

impl Case for PlanCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Shared) -> Result<(), String> {
        if let Some(expected) = &self.error {
            return expected.check_result(self.plan(), "");
        }
        let (Some(bill), Some(requests), Some(refused)) = (&self.bill, &self.requests, &self.refused) else {
            return Err("a case has either an error, or a bill, requests and refused rows".to_owned());
        };
        let plan = self.plan().map_err(|error| error.to_string())?;
        let found = plan.bill();
        let found = ExpectedBill {
            rows: found.rows,
            customers: found.customers,
            requests: found.requests,
            rejected: found.rejected,
        };
        same("bill", bill, &found)?;
        let expected: Vec<_> = requests
            .iter()
            .map(|request| (request.email.clone(), request.cu_ref_no.clone(), request.groups.build()))
            .collect();
        let found: Vec<_> = plan
            .requests()
            .map(|(customer, groups)| {
                let texts = groups.iter().map(Group::text).map(str::to_owned).collect();
                (
                    customer.email().map(|email| email.as_str().to_owned()),
                    customer.cu_ref_no().map(|cu_ref_no| cu_ref_no.as_str().to_owned()),
                    texts,
                )
            })
            .collect();
        same("requests", &expected, &found)?;
        let found: Vec<_> = plan
            .refusals()
            .map(|error| Refusal {
                row: error.row().unwrap_or_default(),
                field: error.field().map_or("", Field::as_str).to_owned(),
                code: error.code().unwrap_or_default().to_owned(),
            })
            .collect();
        same("refused", refused, &found)
    }
}
