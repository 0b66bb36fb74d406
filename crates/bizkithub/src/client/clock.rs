use std::time::Duration;

use jiff::Timestamp;

use super::{BoxFuture, MaybeSend, MaybeSync};

/// The seam through which the client knows and spends time, so that tests simulate hours and a host may bring its own timer.
pub trait Clock: MaybeSend + MaybeSync {
    /// The moment on the wall clock: servers speak of quotas and dates in these terms.
    fn now(&self) -> Timestamp;

    /// Time since any fixed origin, never running backwards: deadlines are measured by it, so that a corrected wall clock
    /// cannot stretch them.
    fn monotonic(&self) -> Duration;

    /// Completes after a duration.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}
