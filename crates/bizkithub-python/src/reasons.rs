use bizkithub::job::Reason;
use pyo3::prelude::*;

use crate::error::exception;

/// A reason as Python takes it: outcome, code, rows, and the examples with row, outcome and exception.
pub(crate) type ReasonValues = (&'static str, Option<String>, u64, Vec<(u64, &'static str, Option<PyErr>)>);

pub(crate) fn values(py: Python<'_>, reasons: Vec<Reason>) -> Vec<ReasonValues> {
    let one = |reason: Reason| {
        let examples = reason.examples.into_iter();
        let examples =
            examples.map(|row| (row.row, row.outcome.as_str(), row.error.map(|error| exception(py, &error))));
        (reason.outcome.as_str(), reason.code, reason.rows, examples.collect())
    };
    reasons.into_iter().map(one).collect()
}
