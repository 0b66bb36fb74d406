//! The Python face of `bizkithub`, below its public classes: converts arguments, calls the core, converts results.
//!
//! Structures cross as tuples or JSON, errors as values: classes live in Python, where they can be typed and pickled.

mod argument;
mod arrow_rows;
mod call_events;
mod client;
mod completions;
mod error;
mod json;
mod per_process;
mod plan;
mod reasons;
mod receipt;
mod report;
mod rows;
mod run;
mod runtime;
mod sandbox;
mod wait;

use pyo3::prelude::*;

/// The native half of `bizkithub`. Not public: use the classes of `bizkithub`.
#[pymodule]
mod _native {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use bizkithub::Error;
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{
        arrow_rows::ArrowRows,
        client::Client,
        completions::Completions,
        plan::{Plan, PlanSettings, RowsInParts},
        report::Report,
        run::{Cancel, RunSettings},
        runtime::Task,
        sandbox::Sandbox,
    };
    use crate::argument::Text;
    use crate::error::{call, refused};
    use crate::wait::wait;

    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// The predicted slug of a text.
    #[pyfunction]
    fn slug(py: Python<'_>, text: Text) -> PyResult<String> {
        call(py, || Ok(bizkithub::slug(&text.0)))
    }

    /// Runs the command `bizkithub` and returns its exit code; the first argument is the program's name.
    #[pyfunction]
    fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
        py.detach(|| bizkithub_cli::main_with(arguments))
    }

    /// Makes sure that outcomes can be written to a path.
    #[pyfunction]
    fn check_outcomes_path(py: Python<'_>, path: PathBuf) -> PyResult<()> {
        call(py, || bizkithub::job::check_outcomes_path(&path))
    }

    /// Refuses a table that has the column already which is to be added to it.
    #[pyfunction]
    fn check_new_column(py: Python<'_>, name: &str, columns: Vec<String>) -> PyResult<()> {
        if columns.iter().any(|column| column.eq_ignore_ascii_case(name)) {
            let message = format!("there is a column `{name}` already");
            return Err(refused(py, "column_taken", message, "rename it, or drop what an earlier check has added"));
        }
        Ok(())
    }

    /// The groups in one text, as a cell of a table has them.
    #[pyfunction]
    fn separate_groups(text: Text) -> Vec<String> {
        bizkithub::job::RowGroups::separate(&text.0).map(str::to_owned).collect()
    }

    /// Panics, on the caller's thread or on the runtime's. **For tests only**: they prove that a panic becomes an exception.
    #[pyfunction]
    #[expect(clippy::panic, reason = "it is what this function is for")]
    fn panic_for_tests(py: Python<'_>, on_runtime: bool) -> PyResult<()> {
        let panic = || -> Result<(), Error> { panic!("a panic for tests") };
        if on_runtime { wait(py, async move { panic() }) } else { call(py, panic) }
    }
}
