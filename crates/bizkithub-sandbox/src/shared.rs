use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bizkithub::Error;

use crate::clock::SandboxClock;
use crate::options::SandboxOptions;
use crate::request_log::RequestRecord;
use crate::state::State;

/// What the server's thread and the handle in the host's hands share.
pub(crate) struct Shared {
    pub(crate) options: SandboxOptions,
    pub(crate) clock: SandboxClock,
    pub(crate) is_stopping: AtomicBool,
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    state: State,
    /// Grows with each reset, so that a request from before does not write into the log of after.
    generation: u64,
    waiters: usize,
}

impl Shared {
    pub(crate) fn new(options: SandboxOptions) -> Result<Self, Error> {
        let clock = SandboxClock::new(options.frozen_at);
        let state = State::new(&options, clock.since_epoch())?;
        Ok(Self {
            options,
            clock,
            is_stopping: AtomicBool::new(false),
            inner: Mutex::new(Inner { state, generation: 0, waiters: 0 }),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock().state)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.change_in(|state, _| change(state))
    }

    /// Changes the state; the change also learns the generation.
    pub(crate) fn change_in<T>(&self, change: impl FnOnce(&mut State, u64) -> T) -> T {
        let mut inner = self.lock();
        let generation = inner.generation;
        let result = change(&mut inner.state, generation);
        // Waking costs a system call, which no request should pay for nothing.
        if inner.waiters > 0 {
            self.changed.notify_all();
        }
        result
    }

    /// Everything as it was at the start.
    pub(crate) fn reset(&self) -> Result<(), Error> {
        self.clock.restart(self.options.frozen_at);
        let state = State::new(&self.options, self.clock.since_epoch())?;
        let mut inner = self.lock();
        inner.state = state;
        inner.generation += 1;
        Ok(())
    }

    pub(crate) fn wait_for_request(
        &self,
        timeout: Duration,
        is_wanted: impl Fn(&RequestRecord) -> bool,
    ) -> Option<RequestRecord> {
        let find = |inner: &Inner| inner.state.log.records().find(|record| is_wanted(record)).cloned();
        let mut inner = self.lock();
        inner.waiters += 1;
        let (mut inner, _) = self
            .changed
            .wait_timeout_while(inner, timeout, |inner| find(inner).is_none())
            .unwrap_or_else(PoisonError::into_inner);
        inner.waiters -= 1;
        find(&inner)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
