use bizkithub::job::{Plan, Report};

use crate::json;

/// Some of a plan's refused rows: a JSON array of errors.
#[must_use]
pub fn refusals_page(plan: &Plan, begin: u32, count: u32) -> String {
    let places = begin as usize..begin.saturating_add(count) as usize;
    json(&places.map_while(|place| plan.refusal(place)).collect::<Vec<_>>())
}

/// The outcomes of some rows of a report: a JSON array.
#[must_use]
pub fn outcomes_page(report: &Report, begin: u32, count: u32) -> String {
    let rows = (u64::from(begin) + 1..).take(count as usize);
    json(&rows.map_while(|row| report.outcome(row)).collect::<Vec<_>>())
}
