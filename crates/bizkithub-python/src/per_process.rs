use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

/// A value that each process makes for itself at first use.
///
/// A forked child finds the value of its parent, whose threads it does not have and whose sockets are not its own. It forgets
/// that value, without running any of its code, and makes a new one.
///
/// The lock is held only by threads that are attached to the interpreter, and so is `fork`: no child is born with it locked.
pub(crate) struct PerProcess<T>(Mutex<Option<Stamped<T>>>);

struct Stamped<T> {
    process: u32,
    value: T,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Uses the value of this process, made first when there is none.
    pub(crate) fn with<R>(
        &self,
        attached: Python<'_>,
        make: impl FnOnce() -> PyResult<T>,
        user: impl Fn(&T) -> R,
    ) -> PyResult<R> {
        if let Some(known) = self.with_known(attached, &user) {
            return Ok(known);
        }
        // Not under the lock: making may run Python code, which may let other threads in.
        let made = make()?;
        let mut place = self.lock();
        let value = take(place.take()).unwrap_or(made);
        Ok(user(&place.insert(Stamped { process: std::process::id(), value }).value))
    }

    /// Uses the value of this process, if there is one.
    pub(crate) fn with_known<R>(&self, _attached: Python<'_>, user: impl Fn(&T) -> R) -> Option<R> {
        let process = std::process::id();
        self.lock().as_ref().filter(|known| known.process == process).map(|known| user(&known.value))
    }

    /// Takes the value of this process out.
    pub(crate) fn take(&self, _attached: Python<'_>) -> Option<T> {
        take(self.lock().take())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Stamped<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take<T>(stamped: Option<Stamped<T>>) -> Option<T> {
    match stamped {
        Some(own) if own.process == std::process::id() => Some(own.value),
        foreign => {
            std::mem::forget(foreign);
            None
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        drop(take(self.lock().take()));
    }
}
