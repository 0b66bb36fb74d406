use std::time::Duration;

use bizkithub::{BoxFuture, Clock, Timestamp};
use tokio::time::Instant;

/// The wall clock of a day in 2026, moved by tokio's paused time.
#[derive(Clone, Copy)]
pub(crate) struct SimulatedClock(Instant);

const START: i64 = 1_795_000_123;

impl SimulatedClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Since the Unix epoch.
    pub(crate) fn since_epoch(self) -> Duration {
        Duration::from_secs(START.unsigned_abs()) + self.0.elapsed()
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.since_epoch()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
