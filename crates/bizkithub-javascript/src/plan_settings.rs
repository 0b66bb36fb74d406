use bizkithub::Error;
use bizkithub::job::{Columns, EarlierAnswers, PlanOptions};
use serde::Deserialize;

use crate::milliseconds;

/// What a plan takes from the rows, and what it applies to all of them. Times are in milliseconds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct PlanSettings {
    email: Option<String>,
    cu_ref_no: Option<String>,
    groups: Option<String>,
    constant_groups: Vec<String>,
    allow_groups: Option<Vec<String>>,
    delimiter: Option<String>,
    resend: bool,
    resend_after: Option<f64>,
    retry_rejected: bool,
}

impl PlanSettings {
    /// Which columns of the rows hold what.
    #[must_use]
    pub fn columns(&self) -> Columns {
        Columns { email: self.email.clone(), cu_ref_no: self.cu_ref_no.clone(), groups: self.groups.clone() }
    }

    /// What separates the cells of a CSV file, where it is told.
    #[must_use]
    pub fn delimiter(&self) -> Option<&str> {
        self.delimiter.as_deref()
    }

    /// What applies to every row.
    ///
    /// # Errors
    ///
    /// Those of the groups.
    pub fn options(&self) -> Result<PlanOptions, Error> {
        let earlier = EarlierAnswers {
            resend: self.resend,
            resend_after: self.resend_after.and_then(milliseconds),
            retry_rejected: self.retry_rejected,
            begun_at: None,
        };
        Ok(PlanOptions { earlier, ..PlanOptions::parse(&self.constant_groups, self.allow_groups.as_deref())? })
    }
}
