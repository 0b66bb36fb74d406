use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::sync::watch;

/// The sandbox's own clock: quotas, key expiry, latency faults and the request log follow it.
///
/// It shows the machine's time until it is frozen or advanced. While it is frozen, time passes only by
/// [`advance`](Self::advance), so that a test of an hour's quota takes no hour and no luck.
#[derive(Debug)]
pub struct SandboxClock {
    face: Mutex<Face>,
    changes: watch::Sender<()>,
}

/// What the clock showed at `base`, and since when it has been running on; frozen while `running_since` is absent.
#[derive(Clone, Copy, Debug)]
struct Face {
    base: Duration,
    running_since: Option<SystemTime>,
}

impl Face {
    /// Time since the Unix epoch. A machine whose clock is set back makes this one stand still, never run backwards.
    fn now(self) -> Duration {
        let passed = self.running_since.map(|start| start.elapsed().unwrap_or_default());
        self.base.saturating_add(passed.unwrap_or_default())
    }
}

impl SandboxClock {
    /// A clock that shows the machine's time, or one frozen at a moment.
    pub(crate) fn new(frozen_at: Option<Timestamp>) -> Self {
        Self { face: Mutex::new(first_face(frozen_at)), changes: watch::Sender::new(()) }
    }

    /// The moment that the sandbox takes for now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        timestamp(self.since_epoch())
    }

    /// Lets time pass at once. A frozen clock stays frozen, later.
    pub fn advance(&self, duration: Duration) {
        self.change(|face| face.base = face.base.saturating_add(duration));
    }

    /// Stops the clock at the moment it shows.
    pub fn freeze(&self) {
        self.change(|face| *face = Face { base: face.now(), running_since: None });
    }

    /// Stops the clock at a chosen moment, earlier or later than the one it shows.
    pub fn freeze_at(&self, moment: Timestamp) {
        self.change(|face| *face = first_face(Some(moment)));
    }

    /// Lets a frozen clock run on from the moment it shows.
    pub fn resume(&self) {
        self.change(|face| *face = Face { base: face.now(), running_since: Some(SystemTime::now()) });
    }

    /// Whether time passes by [`advance`](Self::advance) only.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.face().running_since.is_none()
    }

    pub(crate) fn restart(&self, frozen_at: Option<Timestamp>) {
        self.change(|face| *face = first_face(frozen_at));
    }

    pub(crate) fn since_epoch(&self) -> Duration {
        self.face().now()
    }

    /// Waits until this clock shows the moment, however it gets there.
    pub(crate) async fn reaches(&self, moment: Duration) {
        let mut changes = self.changes.subscribe();
        loop {
            let face = *self.face();
            let left = moment.saturating_sub(face.now());
            if left.is_zero() {
                return;
            }
            // The sender lives as long as `self`, so waiting for a change cannot fail.
            if face.running_since.is_none() {
                let _ = changes.changed().await;
            } else {
                tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    _ = changes.changed() => {}
                }
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Face)) {
        change(&mut self.face());
        self.changes.send_replace(());
    }

    fn face(&self) -> MutexGuard<'_, Face> {
        self.face.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn first_face(frozen_at: Option<Timestamp>) -> Face {
    match frozen_at {
        Some(moment) => Face { base: since_epoch(moment), running_since: None },
        None => {
            let now = SystemTime::now();
            let base = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Face { base, running_since: Some(now) }
        }
    }
}

fn since_epoch(moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
}

pub(crate) fn timestamp(since_epoch: Duration) -> Timestamp {
    Timestamp::UNIX_EPOCH.checked_add(since_epoch).unwrap_or(Timestamp::MAX)
}
