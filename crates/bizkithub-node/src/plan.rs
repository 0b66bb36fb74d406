use std::sync::{Arc, Mutex, PoisonError};

use bizkithub::Error;
use bizkithub::job::{self, FileSource, PlanOptions, Progress};
use bizkithub_javascript::{PlanSettings, RunSettings, json, parse, push_rows, refusals_page};
use napi::Either;
use napi::bindgen_prelude::Either4;
use napi_derive::napi;

use crate::calls::{Inner, blocking};
use crate::client::Client;
use crate::error::{Failure, answer, refusal};
use crate::report::Report;

/// Makes a plan from rows, or from a file of them.
#[napi]
pub struct PlanBuilder {
    inner: Arc<Mutex<job::PlanBuilder>>,
    settings: PlanSettings,
    client: Client,
}

#[napi]
impl PlanBuilder {
    /// Begins a plan with settings in JSON. Nothing is sent.
    #[napi]
    pub fn create(client: &Client, settings: String) -> Either<PlanBuilder, Failure> {
        answer(|| {
            let settings: PlanSettings = parse(&settings)?;
            let inner = job::PlanBuilder::new(&settings.options()?)?;
            Ok(Self { inner: Arc::new(Mutex::new(inner)), settings, client: client.clone() })
        })
    }

    /// Whether the columns suffice for rows of the host; a file is asked with its own columns at hand.
    #[napi]
    pub fn check_columns(&self) -> Option<Failure> {
        refusal(|| {
            let has_groups = self.inner.lock().unwrap_or_else(PoisonError::into_inner).has_groups_for_all_rows();
            self.settings.columns().check(has_groups)
        })
    }

    /// Takes the next rows, a JSON array. Answers with the number of rows so far.
    #[napi]
    pub fn push(&self, call: u32, rows: String) -> Option<Failure> {
        let inner = self.inner.clone();
        self.client.calls.start_blocking(call, move || {
            let mut plan = inner.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Either4::D(u32::try_from(push_rows(&mut plan, &rows)?).unwrap_or(u32::MAX)))
        })
    }

    /// Whether rows of the host had all columns, of which these were seen.
    #[napi]
    pub fn check_seen(&self, seen: Vec<String>, first_row: Vec<String>) -> Option<Failure> {
        refusal(|| self.settings.columns().check_seen(&seen, &first_row))
    }

    /// Takes the rows of an Arrow IPC stream or file. Answers with the number of rows so far.
    #[napi]
    pub fn push_arrow(&self, call: u32, bytes: &[u8]) -> Option<Failure> {
        // A copy, because JavaScript may change its own while another thread reads.
        let (inner, columns, bytes) = (self.inner.clone(), self.settings.columns(), bytes.to_vec());
        self.client.calls.start_blocking(call, move || {
            let mut plan = inner.lock().unwrap_or_else(PoisonError::into_inner);
            plan.push_ipc(bytes, &columns)?;
            Ok(Either4::D(u32::try_from(plan.rows()).unwrap_or(u32::MAX)))
        })
    }

    /// Takes the rows of a file, and answers with the plan.
    #[napi]
    pub fn read_file(&self, call: u32, path: String) -> Option<Failure> {
        let mut source = FileSource::new(path, self.settings.columns());
        match answer(|| self.settings.delimiter().map(FileSource::parse_delimiter).transpose()) {
            Either::A(delimiter) => source = delimiter.into_iter().fold(source, FileSource::delimited_by),
            Either::B(failure) => return Some(failure),
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
        answer(|| Ok(refusals_page(&self.inner, begin, count)))
    }

    /// Runs the plan with settings in JSON, and answers with the report. Progress is told as JSON, when it is wanted. Ending the call early cancels the
    /// run, which then answers all the same; one that is cancelled from the start sends nothing.
    #[napi]
    pub fn run(&self, call: u32, settings: String, wants_progress: bool, is_cancelled: bool) -> Option<Failure> {
        let mut options = match answer(|| parse::<RunSettings>(&settings)?.options()) {
            Either::A(options) => options,
            Either::B(failure) => return Some(failure),
        };
        if is_cancelled {
            options.cancel.cancel();
        }
        if wants_progress {
            options.progress = Some(Arc::new(Listener { calls: self.client.calls.clone(), call }));
        }
        let (plan, calls, source) = (self.inner.clone(), self.client.calls.clone(), self.source.clone());
        let client = self.client.listening(call);
        self.client.calls.start_cancellable(call, options.cancel.clone(), async move {
            let report = plan.run(&client, options).await;
            Ok(Either4::C(Report::new(report, calls, source)))
        })
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
