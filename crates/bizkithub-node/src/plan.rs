use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};

use bizkithub::job::{Cell, Columns, EarlierAnswers, FileSource, OnQuota, PlanOptions, Progress, RowCells, RunOptions};
use bizkithub::{Error, Field, Pace, job};
use napi::Either;
use napi::bindgen_prelude::Either4;
use napi_derive::napi;
use serde::Deserialize;

use crate::calls::{Inner, blocking};
use crate::client::{Client, find, milliseconds};
use crate::error::{Failure, answer, json};
use crate::report::Report;

/// Which columns of the rows hold what.
#[napi(object, object_to_js = false)]
pub struct RowColumns {
    pub email: Option<String>,
    pub cu_ref_no: Option<String>,
    pub groups: Option<String>,
}

/// Which answers of earlier runs count. Times are in milliseconds.
#[napi(object, object_to_js = false)]
pub struct EarlierSettings {
    pub resend: bool,
    pub resend_after: Option<f64>,
    pub retry_rejected: bool,
}

/// A row of the host: its values as JSON has them, or what it is instead of an object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowInput<'a> {
    #[serde(borrow, default)]
    email: Cell<'a>,
    #[serde(borrow, default)]
    cu_ref_no: Cell<'a>,
    #[serde(borrow, default)]
    groups: Cell<'a>,
    unreadable: Option<String>,
    field: Option<String>,
}

/// Makes a plan from rows, or from a file of them.
#[napi]
pub struct PlanBuilder {
    inner: Arc<Mutex<job::PlanBuilder>>,
    columns: Columns,
    client: Client,
}

#[napi]
impl PlanBuilder {
    /// Begins a plan. Nothing is sent.
    #[napi]
    pub fn create(
        client: &Client,
        columns: RowColumns,
        constant_groups: Vec<String>,
        allow_groups: Option<Vec<String>>,
        earlier: EarlierSettings,
    ) -> Either<PlanBuilder, Failure> {
        answer(|| {
            let earlier = EarlierAnswers {
                resend: earlier.resend,
                resend_after: earlier.resend_after.and_then(milliseconds),
                retry_rejected: earlier.retry_rejected,
                begun_at: None,
            };
            let options = PlanOptions { earlier, ..PlanOptions::parse(&constant_groups, allow_groups.as_deref())? };
            let inner = job::PlanBuilder::new(&options)?;
            let columns = Columns { email: columns.email, cu_ref_no: columns.cu_ref_no, groups: columns.groups };
            Ok(Self { inner: Arc::new(Mutex::new(inner)), columns, client: client.clone() })
        })
    }

    /// Whether the columns suffice for rows of the host; a file is asked with its own columns at hand.
    #[napi]
    pub fn check_columns(&self) -> Option<Failure> {
        let has_groups = self.inner.lock().unwrap_or_else(PoisonError::into_inner).has_groups_for_all_rows();
        self.columns.check(has_groups).err().map(Failure::from)
    }

    /// Takes the next rows, a JSON array of objects with the values `email`, `cuRefNo` and `groups`, or with `unreadable`, what the row
    /// is instead of an object, or what the value of its `field` is instead of text. Answers with the number of rows so far.
    #[napi]
    pub fn push(&self, call: u32, rows: String) -> Option<Failure> {
        let inner = self.inner.clone();
        self.client.calls.start_blocking(call, move || {
            let rows: Vec<RowInput<'_>> = serde_json::from_str(&rows)
                .map_err(|error| Error::internal("the rows are not in the form agreed upon").caused_by(error))?;
            let mut plan = inner.lock().unwrap_or_else(PoisonError::into_inner);
            plan.push_all(rows.into_iter().map(|row| {
                let RowInput { email, cu_ref_no, groups, unreadable, field } = row;
                let row = match unreadable {
                    Some(what) => Err(unreadable_row(&what, field.as_deref())),
                    None => RowCells { email, cu_ref_no, groups }.try_into(),
                };
                (row, None)
            }));
            Ok(Either4::D(u32::try_from(plan.rows()).unwrap_or(u32::MAX)))
        })
    }

    /// Takes the rows of a file, and answers with the plan. The delimiter is one ASCII character.
    #[napi]
    pub fn read_file(&self, call: u32, path: String, delimiter: Option<String>) -> Option<Failure> {
        let mut source = FileSource::new(path, self.columns.clone());
        if let Some(delimiter) = delimiter.and_then(|text| text.bytes().next()) {
            source = source.delimited_by(delimiter);
        }
        let (inner, client) = (self.inner.clone(), self.client.clone());
        self.client.calls.start(call, async move {
            let (plan, source) = blocking(move || {
                let mut plan = take(&inner)?;
                source.read_into(&mut plan)?;
                Ok((plan, source))
            })
            .await?;
            Ok(Either4::B(Plan { inner: client.finish(plan).await?, client, source: Some(source) }))
        })
    }

    /// Ends the plan, and answers with it.
    #[napi]
    pub fn finish(&self, call: u32) -> Option<Failure> {
        let (inner, client) = (self.inner.clone(), self.client.clone());
        self.client.calls.start(call, async move {
            let plan = blocking(move || take(&inner)).await?;
            Ok(Either4::B(Plan { inner: client.finish(plan).await?, client, source: None }))
        })
    }
}

/// Leaves an empty plan behind, which nobody asks for.
fn take(inner: &Mutex<job::PlanBuilder>) -> Result<job::PlanBuilder, Error> {
    let empty = job::PlanBuilder::new(&PlanOptions::default())?;
    Ok(std::mem::replace(&mut inner.lock().unwrap_or_else(PoisonError::into_inner), empty))
}

fn unreadable_row(what: &str, field: Option<&str>) -> Error {
    let fields = [Field::Email, Field::CuRefNo, Field::Groups];
    match fields.into_iter().find(|known| Some(known.as_str()) == field) {
        Some(field) => {
            let message = format!("the value is {what} instead of text");
            Error::invalid_input("value_not_text", message, "convert the value to text first").at_field(field)
        }
        None => {
            let message = format!("the row is {what} instead of an object");
            Error::invalid_input("value_not_text", message, "pass an object a row").at_field(Field::Customer)
        }
    }
}

/// The fewest requests that put the groups of all rows.
#[napi]
pub struct Plan {
    inner: job::Plan,
    client: Client,
    source: Option<FileSource>,
}

#[napi]
impl Plan {
    /// What the plan will cost and do: JSON of the core's bill.
    #[napi]
    pub fn bill(&self) -> Either<String, Failure> {
        answer(|| Ok(json(&self.inner.bill().under(self.client.inner.quota()))))
    }

    /// How many rows are refused.
    #[napi(getter)]
    pub fn refusal_count(&self) -> u32 {
        u32::try_from(self.inner.refusals().len()).unwrap_or(u32::MAX)
    }

    /// Some of the refused rows: a JSON array of errors.
    #[napi]
    pub fn refusals(&self, begin: u32, count: u32) -> Either<String, Failure> {
        answer(|| {
            let places = begin as usize..begin.saturating_add(count) as usize;
            Ok(json(&places.map_while(|place| self.inner.refusal(place)).collect::<Vec<_>>()))
        })
    }

    /// Runs the plan, and answers with the report. Progress is told as JSON, when it is wanted. Ending the call early cancels the
    /// run, which then answers all the same; one that is cancelled from the start sends nothing.
    #[napi]
    pub fn run(&self, call: u32, settings: RunSettings, wants_progress: bool, is_cancelled: bool) -> Option<Failure> {
        let mut options = RunOptions::default();
        if is_cancelled {
            options.cancel.cancel();
        }
        settings.apply(&mut options);
        if let Err(error) = options.check() {
            return Some(error.into());
        }
        if wants_progress {
            options.progress = Some(Arc::new(Listener { calls: self.client.calls.clone(), call }));
        }
        let (plan, client, source) = (self.inner.clone(), self.client.clone(), self.source.clone());
        self.client.calls.start_cancellable(call, options.cancel.clone(), async move {
            let report = plan.run(&client.inner, options).await;
            Ok(Either4::C(Report::new(report, client.calls, source)))
        })
    }
}

/// How a plan is run. Times are in milliseconds; a breaker of 0 is none.
#[napi(object, object_to_js = false)]
pub struct RunSettings {
    pub concurrency: Option<u32>,
    pub on_quota: Option<String>,
    pub pace: Option<String>,
    pub reserve: Option<f64>,
    pub deadline: Option<f64>,
    pub longest_wait: Option<f64>,
    pub burst: Option<f64>,
    pub breaker: Option<u32>,
}

impl RunSettings {
    fn apply(&self, options: &mut RunOptions) {
        if let Some(concurrency) = self.concurrency.and_then(|count| NonZeroUsize::new(count as usize)) {
            options.concurrency = concurrency;
        }
        if let Some(on_quota) = self.on_quota.as_deref().and_then(|name| find(OnQuota::ALL, name)) {
            options.on_quota = on_quota;
        }
        if let Some(pace) = self.pace.as_deref().and_then(|name| find(Pace::ALL, name)) {
            options.pace = pace;
        }
        options.reserve = self.reserve.unwrap_or_default();
        options.deadline = self.deadline.and_then(milliseconds);
        options.longest_wait = self.longest_wait.and_then(milliseconds);
        options.burst = self.burst.and_then(milliseconds);
        if let Some(breaker) = self.breaker {
            options.breaker = NonZeroU32::new(breaker);
        }
    }
}

struct Listener {
    calls: Arc<Inner>,
    call: u32,
}

impl job::ProgressListener for Listener {
    fn progress(&self, progress: &Progress) {
        self.calls.tell_progress(self.call, json(progress));
    }
}
