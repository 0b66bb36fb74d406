use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::pacer::{Decision, Observation, Pace, Pacer, QuotaRefusal, Wish, micros};
use super::{Clock, QuotaRate};
use crate::error::{Error, ErrorKind};
use crate::protocol::{ErrorCode, Quota};

/// The pacer of a client, which its single calls and its runs share.
pub(crate) struct Permits {
    pacer: Mutex<Pacer>,
    fresh: Pacer,
    /// Single calls that wait for a permit; runs let them go ahead.
    waiting_calls: AtomicU32,
    origin: Origin,
}

/// The moment when the client was made, on both clocks: from then on the monotonic one counts, so that a corrected wall clock moves no
/// window.
#[derive(Clone, Copy)]
struct Origin {
    wall: u64,
    monotonic: Duration,
}

const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// In this process; other processes have other numbers in a shared pacer.
pub(crate) const HERE: u64 = 0;

impl Permits {
    pub(super) fn new(pacer: Pacer, clock: &dyn Clock) -> Self {
        let origin = Origin { wall: since_epoch(clock.now()), monotonic: clock.monotonic() };
        Self { fresh: pacer.clone(), pacer: Mutex::new(pacer), waiting_calls: AtomicU32::new(0), origin }
    }

    pub(crate) fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pacer as it was before the first request.
    pub(crate) fn fresh(&self) -> Pacer {
        self.fresh.clone()
    }

    /// The pacer's now.
    pub(crate) fn now(&self, clock: &dyn Clock) -> u64 {
        self.origin.wall + micros(clock.monotonic().saturating_sub(self.origin.monotonic))
    }

    /// A moment of the pacer on the wall clock.
    pub(crate) fn timestamp(&self, clock: &dyn Clock, moment: u64) -> Timestamp {
        let ahead = Duration::from_micros(moment.saturating_sub(self.now(clock)));
        clock.now().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// When the next request may leave after a refusal, on the wall clock.
    pub(crate) fn blocked_until(&self, clock: &dyn Clock) -> Timestamp {
        let moment = self.pacer().blocked_until();
        self.timestamp(clock, moment)
    }

    /// Asks for a run, which lets single calls go ahead.
    pub(crate) fn for_run(&self, now: u64, wish: &Wish) -> Decision {
        if self.waiting_calls.load(Ordering::Relaxed) > 0 {
            return Decision::NotBefore { moment: now + 10_000, is_used_up: false };
        }
        self.pacer().ask(now, wish)
    }

    /// Takes permits that somebody else gave, such as a ledger that many processes share.
    pub(crate) fn take(&self, now: u64) {
        self.pacer().take(now, HERE);
    }

    /// Waits for the permit of a single call, if the server has shown its quota and the wait fits. A call that cannot wait is sent
    /// all the same: the server has the last word.
    pub(super) async fn for_call(&self, clock: &dyn Clock, time_left: impl Fn() -> Option<Duration>) {
        let _waiting = Waiting::new(&self.waiting_calls);
        let wish = Wish { holder: HERE, most: 1, backlog: 1, pace: Pace::Fast, reserve: 0.0, ahead: 0 };
        loop {
            let now = self.now(clock);
            let wait = {
                let mut pacer = self.pacer();
                let wait = match pacer.is_sure() {
                    true => match pacer.ask(now, &wish) {
                        Decision::Go(_) => return,
                        Decision::NotBefore { moment, .. } => Duration::from_micros(moment.saturating_sub(now)),
                        Decision::AfterAnswer => Duration::from_millis(1),
                    },
                    false => Duration::MAX,
                };
                if wait == Duration::MAX || time_left().is_some_and(|left| left <= wait) {
                    pacer.take(now, HERE);
                    return;
                }
                wait
            };
            // There may be room earlier than it seems now.
            clock.sleep(wait.min(LONGEST_SLEEP)).await;
        }
    }

    /// Begins the exchange for which a permit was given.
    pub(super) fn use_one<'a>(&'a self, clock: &'a dyn Clock) -> Permit<'a> {
        Permit { permits: self, clock, sent: self.now(clock), is_settled: false }
    }

    pub(crate) fn rate(&self) -> Option<QuotaRate> {
        self.pacer().rate()
    }
}

/// A request on its way. Dropping it says that its answer will never be known.
pub(super) struct Permit<'a> {
    permits: &'a Permits,
    clock: &'a dyn Clock,
    sent: u64,
    is_settled: bool,
}

impl Permit<'_> {
    pub(super) fn unanswered(mut self) -> Observation {
        self.give_up()
    }

    /// Takes in what an answer tells, which arrived at `now` on the wall clock.
    pub(super) fn answered(mut self, now: Timestamp, quota: &Quota, error: Option<&Error>) -> Observation {
        let answered = self.permits.now(self.clock);
        // Moments of the server are on its wall clock: only how far ahead they are carries over.
        let moment =
            |moment: Timestamp| answered + micros(Duration::try_from(moment.duration_since(now)).unwrap_or_default());
        let refusal = error.filter(|error| error.is_throttled()).map(|error| {
            let window = error.code().and_then(ErrorCode::quota_window);
            QuotaRefusal {
                retry_at: error.retry_at().map(moment),
                window: window.map(|(length, _)| micros(length)),
                in_blocks: window.is_some_and(|(_, in_blocks)| in_blocks),
            }
        });
        self.settle(Observation {
            answered,
            limit: quota.limit,
            remaining: quota.remaining,
            resets_at: quota.resets_at.map(moment),
            window: quota.window.map(micros),
            refusal,
            is_genuine: error.is_none_or(|error| !matches!(error.kind(), ErrorKind::Server | ErrorKind::Network)),
            ..Observation::default()
        })
    }

    fn give_up(&mut self) -> Observation {
        self.settle(Observation { answered: self.permits.now(self.clock), ..Observation::default() })
    }

    fn settle(&mut self, observation: Observation) -> Observation {
        self.is_settled = true;
        let observation = Observation { sent: self.sent, ..observation };
        self.permits.pacer().observe(HERE, &observation);
        observation
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.give_up();
        }
    }
}

struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn since_epoch(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_microsecond()).unwrap_or_default()
}
