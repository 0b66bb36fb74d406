use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bizkithub::Error;
use bizkithub::job::{self, PlanOptions, Progress};
use bizkithub_javascript::{PlanSettings, RunSettings, json, parse, push_rows, refusals_page};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::calls::Inner;
use crate::client::Client;
use crate::failure::{Failure, answer};
use crate::report::Report;

/// Makes a plan from rows.
#[wasm_bindgen]
pub struct PlanBuilder {
    inner: Rc<RefCell<job::PlanBuilder>>,
    settings: PlanSettings,
    client: Client,
}

#[wasm_bindgen]
impl PlanBuilder {
    /// Begins a plan with settings in JSON. Nothing is sent.
    #[wasm_bindgen(unchecked_return_type = "PlanBuilder | Failure")]
    pub fn create(client: &Client, settings: &str) -> JsValue {
        answer(Self::with_settings(client, settings))
    }

    /// Whether the columns suffice.
    #[wasm_bindgen(js_name = checkColumns)]
    #[must_use]
    pub fn check_columns(&self) -> Option<Failure> {
        let has_groups = self.inner.borrow().has_groups_for_all_rows();
        self.settings.columns().check(has_groups).err().map(Failure::from)
    }

    /// Takes the next rows, a JSON array. Answers with the number of rows so far.
    #[must_use]
    pub fn push(&self, call: u32, rows: String) -> Option<Failure> {
        let inner = self.inner.clone();
        self.client.calls.start(call, async move {
            let count = push_rows(&mut inner.borrow_mut(), &rows)?;
            Ok(u32::try_from(count).unwrap_or(u32::MAX))
        });
        None
    }

    /// Whether rows of the host had all columns, of which these were seen.
    #[wasm_bindgen(js_name = checkSeen)]
    #[must_use]
    pub fn check_seen(&self, seen: Vec<String>, first_row: Vec<String>) -> Option<Failure> {
        self.settings.columns().check_seen(&seen, &first_row).err().map(Failure::from)
    }

    /// Ends the plan, and answers with it.
    #[must_use]
    pub fn finish(&self, call: u32) -> Option<Failure> {
        let (inner, client) = (self.inner.clone(), self.client.clone());
        self.client.calls.start(call, async move {
            // Leaves an empty plan behind, which nobody asks for.
            let builder = inner.replace(job::PlanBuilder::new(&PlanOptions::default())?);
            Ok(Plan { inner: client.finish(builder).await?, client })
        });
        None
    }
}

impl PlanBuilder {
    fn with_settings(client: &Client, settings: &str) -> Result<Self, Error> {
        let settings: PlanSettings = parse(settings)?;
        let inner = job::PlanBuilder::new(&settings.options()?)?;
        Ok(Self { inner: Rc::new(RefCell::new(inner)), settings, client: client.clone() })
    }
}

/// The fewest requests that put the groups of all rows.
#[wasm_bindgen]
pub struct Plan {
    inner: job::Plan,
    client: Client,
}

#[wasm_bindgen]
impl Plan {
    /// What the plan will cost and do: JSON of the core's bill.
    #[must_use]
    pub fn bill(&self) -> String {
        json(&self.inner.bill().under(self.client.inner.quota()))
    }

    /// How many rows are refused.
    #[wasm_bindgen(getter, js_name = refusalCount)]
    #[must_use]
    pub fn refusal_count(&self) -> u32 {
        u32::try_from(self.inner.refusals().len()).unwrap_or(u32::MAX)
    }

    /// Some of the refused rows: a JSON array of errors.
    #[must_use]
    pub fn refusals(&self, begin: u32, count: u32) -> String {
        refusals_page(&self.inner, begin, count)
    }

    /// Runs the plan with settings in JSON, and answers with the report. Progress is told as JSON, when it is wanted. Ending the call
    /// early cancels the run, which then answers all the same; one that is cancelled from the start sends nothing.
    #[must_use]
    pub fn run(&self, call: u32, settings: &str, wants_progress: bool, is_cancelled: bool) -> Option<Failure> {
        let mut options = match parse::<RunSettings>(settings).and_then(|settings| settings.options()) {
            Ok(options) => options,
            Err(error) => return Some(error.into()),
        };
        if is_cancelled {
            options.cancel.cancel();
        }
        if wants_progress {
            options.progress = Some(Arc::new(Listener { calls: self.client.calls.clone(), call }));
        }
        let (plan, client) = (self.inner.clone(), self.client.listening(call));
        self.client.calls.start_cancellable(call, options.cancel.clone(), async move {
            Ok(Report::new(plan.run(&client, options).await))
        });
        None
    }
}

struct Listener {
    calls: Rc<Inner>,
    call: u32,
}

impl job::ProgressListener for Listener {
    fn progress(&self, progress: &Progress) {
        self.calls.tell_progress(self.call, json(progress));
    }
}
