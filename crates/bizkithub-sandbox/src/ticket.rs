use std::sync::Arc;
use std::time::Duration;

use crate::answer::Answer;
use crate::quota::Allowance;
use crate::shared::Shared;
use crate::state::{Operation, State};

/// A logged request that a fault holds back. Dropped before its answer, it notes that the client has gone.
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    generation: u64,
    sequence: u64,
    arrived: Duration,
    is_open: bool,
}

impl Ticket {
    /// `arrived` is a moment of the sandbox's clock.
    pub(crate) fn new(shared: Arc<Shared>, generation: u64, sequence: u64, arrived: Duration) -> Self {
        Self { shared, generation, sequence, arrived, is_open: true }
    }

    /// Waits until so much time has passed since the arrival, so that nobody who saw the request in the log can advance the
    /// clock too early.
    pub(crate) async fn wait(&self, latency: Duration) {
        self.shared.clock.reaches(self.arrived.saturating_add(latency)).await;
    }

    pub(crate) fn perform(&self, operation: Operation<'_>) -> Answer {
        self.change(|state| state.perform(operation)).unwrap_or_else(|| Answer::html(503))
    }

    pub(crate) fn settle(mut self, answer: Answer, allowance: Option<&Allowance>) -> Answer {
        self.is_open = false;
        let answer = self.shared.read(|state| state.tell(answer, allowance));
        self.change(|state| state.log.settle(self.sequence, &answer));
        answer
    }

    pub(crate) fn leave_unanswered(mut self) {
        self.is_open = false;
    }

    /// Changes the state, unless the sandbox was reset since the request arrived.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.shared.change_in(|state, generation| (generation == self.generation).then(|| change(state)))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_open && !self.shared.is_stopping() {
            self.change(|state| state.log.note_closed_by_client(self.sequence));
        }
    }
}
