//! The fault campaign: every fault of one table is injected for real under the command, the wheel and the addon, and one oracle judges
//! what became of the rows.

mod background;
mod canary;
mod disk;
mod driver;
mod fault;
mod faults;
mod proxy;
mod running;
mod scripted_server;
mod stage;
mod table;
mod tls_front;
mod tools;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::fault::{Fault, Finding, Needs, Trial};
use crate::faults::FAULTS;
use crate::table::{Row, Verdict};

/// Injects every fault of the table and judges what becomes of the rows.
#[derive(Parser)]
struct Arguments {
    /// Try each fault only so often that all together take minutes.
    #[arg(long)]
    short: bool,
    /// Try only the faults with these numbers.
    #[arg(long, value_delimiter = ',')]
    only: Vec<u32>,
    /// How many faults are tried at once.
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// What everything random follows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the table with the results to a Markdown file.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Said by this program to itself: it is alone in a network.
    #[arg(long, hide = true)]
    alone: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match campaign(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Tries the faults that are asked for. Tells whether none did harm.
fn campaign(arguments: &Arguments) -> Result<bool> {
    let trial = Trial { is_short: arguments.short, seed: arguments.seed };
    let is_wanted = |fault: &&Fault| arguments.only.is_empty() || arguments.only.contains(&fault.number);
    let mut wanted: Vec<_> = FAULTS.iter().filter(is_wanted).collect();
    wanted.sort_by_key(|fault| fault.needs != Needs::Time);
    if let ([fault], true) = (wanted.as_slice(), arguments.alone) {
        // The process that is not alone tells.
        return Ok(Row::of(fault, || attempt(fault, &trial, arguments)).hand_over());
    }
    ensure!(!wanted.is_empty(), "no fault has such a number");
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        // Most faults are waited for, not worked for.
        for _ in 0..arguments.at_once {
            scope.spawn(|| {
                while let Some(fault) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = Row::of(fault, || attempt(fault, &trial, arguments));
                    println!("{row}");
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|row| row.fault.number);
    let executions: u64 = rows.iter().map(Row::executions).sum();
    println!("{executions} executions of {} faults", rows.len());
    if let Some(path) = &arguments.write {
        // A page that is not there yet has no results to keep.
        let earlier = std::fs::read_to_string(path).unwrap_or_default();
        std::fs::write(path, table::markdown(&rows, &trial, &earlier)).with_context(|| path.display().to_string())?;
    }
    Ok(rows.iter().all(|row| !matches!(row.verdict, Verdict::Harmed(_))))
}

fn attempt(fault: &Fault, trial: &Trial, arguments: &Arguments) -> Verdict {
    let is_alone = arguments.alone;
    match fault.needs {
        Needs::Root | Needs::Network if !tools::is_root() => Verdict::NotTried("needs root".to_owned()),
        Needs::Network if !is_alone => {
            in_a_network_of_its_own(fault, trial).unwrap_or_else(|error| Verdict::Harmed(format!("{error:#}")))
        }
        _ => match (fault.attempt)(trial) {
            Ok(Finding { executions, note }) => Verdict::Harmless { executions, note },
            Err(error) => Verdict::Harmed(format!("{error:#}")),
        },
    }
}

/// Tries a fault in another process with a network and mounts of its own.
fn in_a_network_of_its_own(fault: &Fault, trial: &Trial) -> Result<Verdict> {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount"]).arg(std::env::current_exe()?).arg("--alone");
    command.args(["--only", &fault.number.to_string(), "--seed", &trial.seed.to_string()]);
    command.args(trial.is_short.then_some("--short"));
    let output = command.stderr(Stdio::inherit()).output().context("unshare is not installed")?;
    Verdict::taken_over(&String::from_utf8(output.stdout)?)
}
