use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::customer_table::CustomerId;
use super::plan::{Content, Plan};
use super::quota_timeline::QuotaPoint;
use super::row_table::PlannedRow;
use super::standing::Standing;
use super::{Outcome, OutcomeCounts, RowOutcome};
use crate::error::Error;

/// What a run did: every row's outcome, the counts, the time and the requests.
#[derive(Debug)]
pub struct Report {
    pub(super) plan: Plan,
    pub(super) standing: Arc<Standing>,
    /// By customer.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) errors: HashMap<CustomerId, Error>,
    pub(super) counts: OutcomeCounts,
    pub(super) rejected_by_code: BTreeMap<String, u64>,
    pub(super) requests_sent: u64,
    pub(super) retries: u64,
    pub(super) throttled: u64,
    pub(super) started_at: Timestamp,
    pub(super) duration: Duration,
    pub(super) resume_at: Option<Timestamp>,
    pub(super) stopped_by: Option<Error>,
    pub(super) timeline: Vec<QuotaPoint>,
    pub(super) is_cancelled: bool,
}

/// A [`Report`] without its rows. Moments are texts of RFC 3339.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReportSummary<'a> {
    /// Rows of the input.
    pub rows: u64,
    /// Rows by outcome.
    #[serde(flatten)]
    pub counts: OutcomeCounts,
    /// See [`Report::rejected_by_code`].
    pub rejected_by_code: &'a BTreeMap<String, u64>,
    /// See [`Report::requests_sent`].
    pub requests_sent: u64,
    /// See [`Report::retries`].
    pub retries: u64,
    /// See [`Report::throttled`].
    pub throttled: u64,
    /// When the run began.
    pub started_at: String,
    /// How long the run took, in seconds.
    pub seconds: f64,
    /// When running again makes sense, after a stop for quota.
    pub resume_at: Option<String>,
    /// What stopped the run before its end.
    pub stopped_by: Option<&'a Error>,
    /// Whether the caller stopped the run.
    pub is_cancelled: bool,
    /// Whether every row is applied or skipped.
    pub is_complete: bool,
    /// See [`Report::advice`].
    pub advice: Option<String>,
    /// See [`Report::timeline`].
    pub timeline: &'a [QuotaPoint],
}

impl Report {
    /// How many rows have each outcome; they add up to the rows of the input.
    #[must_use]
    pub fn counts(&self) -> OutcomeCounts {
        self.counts
    }

    /// Every row's outcome, in the order of the rows.
    pub fn outcomes(&self) -> impl ExactSizeIterator<Item = RowOutcome> + '_ {
        self.plan.rows().enumerate().map(|(index, row)| self.outcome_of(index as u64 + 1, row))
    }

    /// The outcome of one row; rows count from 1. For hosts that show a long report page by page.
    #[must_use]
    pub fn outcome(&self, row: u64) -> Option<RowOutcome> {
        let index = usize::try_from(row.checked_sub(1)?).ok()?;
        self.plan.row(index).map(|planned| self.outcome_of(row, planned))
    }

    fn outcome_of(&self, row: u64, planned: PlannedRow) -> RowOutcome {
        let (outcome, error) = outcome_of(&self.plan.content, &self.standing, &self.outcomes, &self.errors, planned);
        RowOutcome { row, outcome, error }
    }

    /// How many rows were rejected, by code, or by kind where there is no code, none of a known form, or one too many: 24 different ones
    /// are counted.
    #[must_use]
    pub fn rejected_by_code(&self) -> &BTreeMap<String, u64> {
        &self.rejected_by_code
    }

    /// How the run went along with its quota, in at most a few hundred points.
    #[must_use]
    pub fn timeline(&self) -> &[QuotaPoint] {
        &self.timeline
    }

    /// The report without its rows, in the shape that every face shows.
    #[must_use]
    pub fn summary(&self) -> ReportSummary<'_> {
        ReportSummary {
            rows: self.counts.total(),
            counts: self.counts,
            rejected_by_code: self.rejected_by_code(),
            requests_sent: self.requests_sent,
            retries: self.retries,
            throttled: self.throttled,
            started_at: self.started_at.to_string(),
            seconds: self.duration.as_secs_f64(),
            resume_at: self.resume_at.map(|moment| moment.to_string()),
            stopped_by: self.stopped_by(),
            is_cancelled: self.is_cancelled,
            is_complete: self.is_complete(),
            advice: self.advice(),
            timeline: self.timeline(),
        }
    }

    /// Requests sent, retries included.
    #[must_use]
    pub fn requests_sent(&self) -> u64 {
        self.requests_sent
    }

    /// Requests sent again after a failure; waits for quota are not failures.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// Requests answered "quota used up": each was sent again later, or its rows are pending.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.throttled
    }

    /// When the run began.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// How long the run took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// When running again makes sense, for a run that stopped because the quota was used up or its time was over.
    #[must_use]
    pub fn resume_at(&self) -> Option<Timestamp> {
        self.resume_at
    }

    /// The error that stopped the run before its end, if one did.
    #[must_use]
    pub fn stopped_by(&self) -> Option<&Error> {
        self.stopped_by.as_ref()
    }

    /// Whether the caller stopped the run.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// Whether every row is applied or skipped.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.counts.applied + self.counts.skipped == self.counts.total()
    }

    /// How to go on, when rows are not settled, and what remembers the others.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let OutcomeCounts { applied, pending, unknown, .. } = self.counts;
        let unsettled = pending + unknown;
        if unsettled == 0 {
            return None;
        }
        let rows = |count: u64| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        let first = if self.stopped_by.is_some() { "deal with the error, then " } else { "" };
        let moment = self.resume_at.map(|moment| format!(" from {moment:.0} on")).unwrap_or_default();
        let memory = match (self.plan.ledger.is_shared(), applied) {
            (true, _) => "; what was acknowledged is in the ledger, and nothing of it is sent again".to_owned(),
            (false, 0) => String::new(),
            (false, _) => format!(
                "; only this plan remembers the {} that were applied: with a ledger, any later plan would not send them again",
                rows(applied)
            ),
        };
        Some(format!(
            "{} not settled: {first}run the plan again{moment}{memory}",
            if unsettled == 1 { "1 row is".to_owned() } else { format!("{} are", rows(unsettled)) },
        ))
    }

    /// What a log tells at the end of a run.
    pub(super) fn in_one_line(&self) -> String {
        let OutcomeCounts { applied, skipped, rejected, pending, unknown } = self.counts;
        let codes: Vec<_> = self.rejected_by_code.iter().map(|(code, rows)| format!("{rows} {code}")).collect();
        let codes = if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
        let advice = self.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
        format!(
            "{} requests in {:.1} s: {applied} rows applied, {skipped} skipped, {rejected} rejected{codes}, {pending} pending, \
             {unknown} unknown{advice}",
            self.requests_sent,
            self.duration.as_secs_f64(),
        )
    }

    /// The plan that was run.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// What became of a row: of its own groups, some may be in the ledger while others went with its customer's request.
pub(super) fn outcome_of(
    content: &Content,
    standing: &Standing,
    outcomes: &[Outcome],
    errors: &HashMap<CustomerId, Error>,
    row: PlannedRow,
) -> (Outcome, Option<Error>) {
    match row {
        PlannedRow::Refused(refusal) => (Outcome::Rejected, content.refusals.get(refusal as usize)),
        PlannedRow::Accepted(customer, _) => standing.of_row(content, row).outcome().unwrap_or_else(|| {
            let outcome = outcomes.get(customer as usize).copied().unwrap_or(Outcome::Pending);
            (outcome, errors.get(&customer).cloned())
        }),
    }
}
