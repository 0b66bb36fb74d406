use bizkithub::job::{Cell, PlanBuilder, PlanOptions, RowCells};
use serde::Deserialize;
use serde_json::Value;

use crate::case::{Case, Shared, same};
use crate::expected_error::ExpectedError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CellCase {
    name: String,
    column: String,
    value: Value,
    sent: Option<Value>,
    error: Option<ExpectedError>,
}

impl Case for CellCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Shared) -> Result<(), String> {
        let value = self.value.to_string();
        let cell: Cell<'_> = serde_json::from_str(&value).map_err(|error| error.to_string())?;
        let (jan, vip) = (Cell::Text("jan@barasek.com".into()), Cell::Text("vip".into()));
        let row = match self.column.as_str() {
            "email" => RowCells { email: cell, groups: vip, ..RowCells::default() },
            "cuRefNo" => RowCells { cu_ref_no: cell, groups: vip, ..RowCells::default() },
            "groups" => RowCells { email: jan, groups: cell, ..RowCells::default() },
            other => return Err(format!("there is no column {other}")),
        };
        let mut plan = PlanBuilder::new(&PlanOptions::default()).map_err(|error| error.to_string())?;
        plan.push_cells(row, None);
        let plan = plan.finish();
        match (plan.requests().next(), plan.refusals().next(), &self.sent, &self.error) {
            (Some((customer, groups)), None, Some(sent), None) => {
                let found = match self.column.as_str() {
                    "email" => customer.email().map(|email| email.as_str().into()),
                    "cuRefNo" => customer.cu_ref_no().map(|cu_ref_no| cu_ref_no.as_str().into()),
                    _ => Some(groups.iter().map(|group| Value::from(group.text())).collect()),
                };
                same("sent", &Some(sent.clone()), &found)
            }
            (None, Some(error), None, Some(expected)) => expected.check(&error, ""),
            (request, refusal, ..) => Err(format!("found {request:?}, {refusal:?}")),
        }
    }
}
