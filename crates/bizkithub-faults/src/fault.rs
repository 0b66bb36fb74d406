use anyhow::Result;

use crate::driver::Driver;

/// One line of the table: a fault, and what must become of a run that it strikes.
pub(crate) struct Fault {
    /// Its number, which never changes.
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    /// What makes the fault.
    pub(crate) tool: &'static str,
    pub(crate) drivers: &'static [Driver],
    /// What must hold beside what must always hold.
    pub(crate) criterion: &'static str,
    /// What the machine must allow.
    pub(crate) needs: Needs,
    pub(crate) attempt: fn(&Trial) -> Result<Finding>,
}

/// What a fault needs beyond an installed tool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    Nothing,
    /// To mount file systems.
    Root,
    /// To be alone in a network of its own.
    Network,
    /// Hours, in the whole form: it begins first, so that the others are tried meanwhile.
    Time,
}

/// How thoroughly a fault is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// Whether to take minutes at most for all faults together.
    pub(crate) is_short: bool,
    /// What everything random follows.
    pub(crate) seed: u64,
}

impl Trial {
    /// How often to do something, in the short form and in the whole one.
    pub(crate) fn times(&self, short: u64, whole: u64) -> u64 {
        if self.is_short { short } else { whole }
    }

    /// Those to try a fault under that takes long: in the short form only the command.
    pub(crate) fn drivers(&self) -> &'static [Driver] {
        if self.is_short { &[Driver::Rust] } else { &Driver::ALL }
    }

    /// Randomness for one purpose.
    pub(crate) fn random(&self, purpose: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_mul(1_000).wrapping_add(purpose))
    }
}

/// What a fault that did no harm showed.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// How often the fault struck.
    pub(crate) executions: u64,
    /// What was measured, in a sentence; may be empty.
    pub(crate) note: String,
}

impl Finding {
    pub(crate) fn of(executions: u64) -> Self {
        Self { executions, note: String::new() }
    }

    pub(crate) fn noting(executions: u64, note: impl Into<String>) -> Self {
        Self { executions, note: note.into() }
    }
}
