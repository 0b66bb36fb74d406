use std::fmt;
use std::sync::Arc;

use crate::client::{MaybeSend, MaybeSync};

/// How much a log record matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum LogLevel {
    /// What helps to find a cause, such as each request that is tried again.
    Debug,
    /// The course of a run: its begin, its waits, its end.
    Info,
    /// What somebody should look at, such as rows that are not settled.
    Warning,
    /// Why a run stopped before its end.
    Error,
}

/// Something that happened in a run, for a log. It holds no API key; at [`LogLevel::Debug`] it may hold what the server said of a
/// customer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// A sentence. Its wording may change.
    pub message: String,
}

/// Who takes the log records of a run. It must return quickly.
pub trait LogListener: MaybeSend + MaybeSync {
    /// Takes a record.
    fn log(&self, record: LogRecord);
}

impl<F: Fn(LogRecord) + MaybeSend + MaybeSync> LogListener for F {
    fn log(&self, record: LogRecord) {
        self(record);
    }
}

/// Where the log records of a run go, from a level on.
#[derive(Clone)]
pub struct RunLog {
    least: LogLevel,
    listener: Arc<dyn LogListener>,
}

impl RunLog {
    /// A log of what matters at least so much.
    #[must_use]
    pub fn new(least: LogLevel, listener: Arc<dyn LogListener>) -> Self {
        Self { least, listener }
    }

    /// Tells the listener, if somebody wants to know; only then the message is made.
    pub(super) fn say(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if level >= self.least {
            self.listener.log(LogRecord { level, message: message() });
        }
    }
}

impl fmt::Debug for RunLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RunLog").field("least", &self.least).finish_non_exhaustive()
    }
}
