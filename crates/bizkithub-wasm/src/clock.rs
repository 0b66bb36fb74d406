//! Time by the host.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::task::{Poll, Waker};
use std::time::Duration;

use bizkithub::{BoxFuture, Clock, Timestamp};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::executor;
use crate::host::{Callback, epoch_milliseconds, monotonic_milliseconds};

thread_local! {
    static TIMER: RefCell<Option<Callback>> = const { RefCell::new(None) };
    /// Whoever sleeps, by the moment to wake up, and a number because several may have the same.
    static SLEEPERS: RefCell<BTreeMap<(Duration, u64), Waker>> = const { RefCell::new(BTreeMap::new()) };
    /// For which moment the host's timer is set.
    static SET_FOR: Cell<Option<Duration>> = const { Cell::new(None) };
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// Takes the host's timer, `(milliseconds: number | undefined) => void`. One timer serves all sleepers, because a host may have no
/// means of taking a timer back.
#[wasm_bindgen(js_name = useTimer)]
pub fn use_timer(timer: Callback) {
    TIMER.set(Some(timer));
}

/// The time of the timer is up.
#[wasm_bindgen(js_name = timeIsUp)]
pub fn time_is_up() {
    SET_FOR.set(None);
    let now = monotonic();
    let late = SLEEPERS.with_borrow_mut(|sleepers| {
        let early = sleepers.split_off(&(now, u64::MAX));
        std::mem::replace(sleepers, early)
    });
    late.into_values().for_each(Waker::wake);
    executor::run();
    set_timer();
}

/// The host's clock, and sleep by its timer.
pub(crate) struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since the epoch are far below the limit")]
        let milliseconds = epoch_milliseconds() as i64;
        Timestamp::from_millisecond(milliseconds).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let end = monotonic().saturating_add(duration);
        Box::pin(async move {
            let number = NUMBER.replace(NUMBER.get() + 1);
            let _awake = Awake((end, number));
            sleep_until(end, number).await;
        })
    }
}

fn sleep_until(end: Duration, number: u64) -> impl Future<Output = ()> {
    poll_fn(move |context| {
        if monotonic() >= end {
            return Poll::Ready(());
        }
        SLEEPERS.with_borrow_mut(|sleepers| sleepers.insert((end, number), context.waker().clone()));
        set_timer();
        Poll::Pending
    })
}

/// Forgets a sleeper that woke up, or whose sleep nobody waits for any more.
struct Awake((Duration, u64));

impl Drop for Awake {
    fn drop(&mut self) {
        SLEEPERS.with_borrow_mut(|sleepers| sleepers.remove(&self.0));
        set_timer();
    }
}

/// Sets the host's timer for the first who wakes up. One that is set too early stays: what is asked of it in vain costs less than
/// setting it anew for every exchange.
fn set_timer() {
    let first = SLEEPERS.with_borrow(|sleepers| sleepers.keys().next().map(|(end, _)| *end));
    let milliseconds = match (first, SET_FOR.get()) {
        (None, None) => return,
        (Some(first), Some(set_for)) if set_for <= first => return,
        (None, Some(_)) => None,
        // A timer counts whole milliseconds, and no more than 31 bits of them.
        (Some(first), _) => {
            let wait = first.saturating_sub(monotonic()).as_secs_f64() * 1000.0;
            Some(wait.ceil().clamp(1.0, f64::from(i32::MAX)))
        }
    };
    SET_FOR.set(first);
    TIMER.with_borrow(|timer| {
        if let Some(timer) = timer {
            timer.set_timer(&JsValue::UNDEFINED, milliseconds);
        }
    });
}

fn monotonic() -> Duration {
    Duration::try_from_secs_f64(monotonic_milliseconds() / 1000.0).unwrap_or_default()
}
