use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::fault::{Fault, Trial};
use crate::faults::FAULTS;

/// What a fault did.
#[derive(Debug)]
pub(crate) enum Verdict {
    Harmless { executions: u64, note: String },
    Harmed(String),
    NotTried(String),
}

impl Verdict {
    /// Reads what [`Row::hand_over`] has written.
    pub(crate) fn taken_over(text: &str) -> Result<Self> {
        let told: Value = serde_json::from_str(text.trim()).with_context(|| format!("it ended with {text:?}"))?;
        let note = told["note"].as_str().unwrap_or_default().to_owned();
        Ok(match told["executions"].as_u64() {
            Some(executions) => Self::Harmless { executions, note },
            None => Self::Harmed(note),
        })
    }
}

/// A line of the table with its result.
pub(crate) struct Row {
    pub(crate) fault: &'static Fault,
    pub(crate) verdict: Verdict,
    pub(crate) time: Duration,
}

impl Row {
    /// Tries a fault.
    pub(crate) fn of(fault: &'static Fault, attempt: impl FnOnce() -> Verdict) -> Self {
        let begin = Instant::now();
        let verdict = attempt();
        Self { fault, verdict, time: begin.elapsed() }
    }

    /// How often the fault struck.
    pub(crate) fn executions(&self) -> u64 {
        match self.verdict {
            Verdict::Harmless { executions, .. } => executions,
            _ => 0,
        }
    }

    /// Tells the process that started this one. Returns whether no harm was done.
    pub(crate) fn hand_over(&self) -> bool {
        let (executions, note) = match &self.verdict {
            Verdict::Harmless { executions, note } => (Some(executions), note),
            Verdict::Harmed(note) | Verdict::NotTried(note) => (None, note),
        };
        println!("{}", json!({ "executions": executions, "note": note }));
        executions.is_some()
    }

    fn result(&self) -> String {
        match &self.verdict {
            Verdict::Harmless { executions, note } if note.is_empty() => format!("passed, {executions} times"),
            Verdict::Harmless { executions, note } => format!("passed, {executions} times: {note}"),
            Verdict::Harmed(why) => format!("FAILED: {why}"),
            Verdict::NotTried(why) => format!("not tried: {why}"),
        }
    }

    fn markdown(&self) -> String {
        let Fault { number, name, tool, criterion, .. } = self.fault;
        format!("| {number} | {name} | {tool} | {} | {criterion} | {} |\n", drivers(self.fault.drivers), self.result())
    }
}

fn drivers(drivers: &[Driver]) -> String {
    drivers.iter().map(|driver| driver.name()).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { number, name, .. } = self.fault;
        write!(formatter, "{number:>2}  {name}: {} ({:.1} s)", self.result(), self.time.as_secs_f64())
    }
}

/// The table as a page of the documentation. Faults that were not tried now keep the results that the page had.
pub(crate) fn markdown(rows: &[Row], trial: &Trial, earlier: &str) -> String {
    let line = |fault: &Fault| {
        let row = rows.iter().find(|row| row.fault.number == fault.number).map(Row::markdown);
        let start = format!("| {} | ", fault.number);
        row.or_else(|| earlier.lines().find(|line| line.starts_with(&start)).map(|line| format!("{line}\n")))
    };
    let lines: Vec<String> = FAULTS.iter().filter_map(line).collect();
    let form = match trial.is_short {
        true => "short form (what takes long is tried under the command alone)",
        false => "whole form",
    };
    format!(
        include_str!("table.md"),
        lines = lines.concat(),
        form = form,
        date = jiff::Timestamp::now().strftime("%Y-%m-%d"),
        seed = trial.seed,
        executions = lines.iter().map(|line| executions(line)).sum::<u64>(),
        faults = lines.len()
    )
}

/// How often the fault of a line struck.
fn executions(line: &str) -> u64 {
    let number = line.rsplit_once("| passed, ").and_then(|(_, result)| result.split_once(" times"));
    number.and_then(|(number, _)| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_tried_again_keeps_its_result() {
        let trial = Trial { is_short: false, seed: 7 };
        let row = |fault, executions| Row {
            fault,
            verdict: Verdict::Harmless { executions, note: String::new() },
            time: Duration::ZERO,
        };
        let all: Vec<Row> = FAULTS.iter().map(|fault| row(fault, 100)).collect();
        let page = markdown(&all, &trial, "");
        assert!(page.contains(&format!("{} executions of {} faults", 100 * FAULTS.len(), FAULTS.len())), "{page}");
        let again = markdown(&[row(&FAULTS[2], 5)], &trial, &page);
        assert!(
            again.contains(&format!("{} executions of {} faults", 100 * FAULTS.len() - 95, FAULTS.len())),
            "{again}"
        );
        assert_eq!(again.matches("passed, 5 times").count(), 1);
    }

    #[test]
    fn the_page_lists_every_fault_as_the_table_has_it() {
        let page = std::fs::read_to_string(crate::tools::root().join("docs/faults.md")).unwrap();
        for fault in FAULTS {
            let row = Row { fault, verdict: Verdict::NotTried(String::new()), time: Duration::ZERO };
            let line = row.markdown();
            let line = line.strip_suffix("not tried:  |\n").unwrap();
            assert!(page.contains(line), "docs/faults.md has another line than {line}");
        }
    }
}
