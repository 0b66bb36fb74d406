use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::OutcomeCounts;
use crate::client::{Clock, MaybeSend, MaybeSync};

/// How far a run is. More fields may come.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Progress {
    /// Rows of the plan.
    pub rows: u64,
    /// Rows by outcome so far; those not yet decided count as pending.
    #[serde(flatten)]
    pub counts: OutcomeCounts,
    /// Requests of the plan.
    pub requests: u64,
    /// Requests that are decided.
    pub requests_done: u64,
    /// Customers of the plan.
    pub customers: u64,
    /// Requests that may leave until the quota is used up, as far as it is known.
    pub quota_left: Option<u64>,
    /// When the run goes on, while it waits: for quota, or because the server asked for a pause.
    #[serde(serialize_with = "optional_text")]
    pub waiting_until: Option<Timestamp>,
    /// When the run will be done, if the quota alone decides and is known.
    #[serde(serialize_with = "optional_text")]
    pub finishes_at: Option<Timestamp>,
    /// True once, in the last call: also when the run was dropped half-way.
    pub is_done: bool,
}

pub(super) fn optional_text<S: serde::Serializer>(
    moment: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    moment.map(|moment| moment.to_string()).serialize(serializer)
}

/// Who is told about progress, at most ten times a second and once at the end. It must return quickly.
pub trait ProgressListener: MaybeSend + MaybeSync {
    /// Takes a snapshot.
    fn progress(&self, progress: &Progress);
}

impl<F: Fn(&Progress) + MaybeSend + MaybeSync> ProgressListener for F {
    fn progress(&self, progress: &Progress) {
        self(progress);
    }
}

const INTERVAL: Duration = Duration::from_millis(100);

/// Tells the listener: seldom enough while the run goes on, and surely at the end, because dropping it tells too.
pub(super) struct ProgressTeller {
    listener: Option<Arc<dyn ProgressListener>>,
    pub(super) progress: Progress,
    next: Duration,
}

impl ProgressTeller {
    pub(super) fn new(listener: Option<Arc<dyn ProgressListener>>, progress: Progress) -> Self {
        Self { listener, progress, next: Duration::ZERO }
    }

    /// Whether somebody is to be told now.
    pub(super) fn is_due(&self, clock: &dyn Clock) -> bool {
        self.listener.is_some() && clock.monotonic() >= self.next
    }

    pub(super) fn tell(&mut self, clock: &dyn Clock) {
        let Some(listener) = &self.listener else { return };
        let now = clock.monotonic();
        if now >= self.next {
            self.next = now + INTERVAL;
            listener.progress(&self.progress);
        }
    }

    pub(super) fn tell_now(&mut self, clock: &dyn Clock) {
        self.next = Duration::ZERO;
        self.tell(clock);
    }
}

impl Drop for ProgressTeller {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            self.progress.is_done = true;
            self.progress.waiting_until = None;
            self.progress.finishes_at = None;
            listener.progress(&self.progress);
        }
    }
}
