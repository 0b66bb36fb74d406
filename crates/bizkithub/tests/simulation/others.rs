//! What people would pace a job with otherwise, against the same simulated server: refusals and the time to finish.
//!
//! Written from the published descriptions of their algorithms, for comparison. All send 32 requests at a time, and try a refused
//! request again until it is accepted.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bizkithub::protocol::{Endpoint, KeyPlacement};
use bizkithub::{ApiKey, BaseUrl, Customer, Group, Transport};
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock::SimulatedClock;
use crate::quota::Model;
use crate::server::Server;

const AT_ONCE: usize = 32;

/// What a job by other means came to.
pub(crate) struct Figures {
    pub(crate) seconds: f64,
    pub(crate) refused: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Pacing {
    /// No pace at all: a refused request waits as long as the server asks, or else a minute.
    RetryAfter,
    /// The adaptive retry mode of AWS's SDKs.
    AwsAdaptive,
    /// A reservoir that is filled to the limit once a window, and the least time between two requests, as Bottleneck has them; it was
    /// told the true limits.
    Reservoir,
    /// The same, told what another page of the vendor's says.
    MistakenReservoir,
}

impl Pacing {
    pub(crate) const ALL: [Self; 4] = [Self::RetryAfter, Self::AwsAdaptive, Self::Reservoir, Self::MistakenReservoir];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RetryAfter => "a loop that obeys Retry-After only",
            Self::AwsAdaptive => "AWS's adaptive retry mode",
            Self::Reservoir => "Bottleneck, told the true limits",
            Self::MistakenReservoir => "Bottleneck, told another published limit",
        }
    }

    pub(crate) fn simulate(self, model: Model, customers: usize) -> Figures {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let server = Server::new(1, SimulatedClock::new(), model);
            server.state().latency = Duration::from_millis(40);
            let begin = Instant::now();
            match self {
                Self::RetryAfter => job(&server, customers, async || {}, |_| {}, wait_as_asked).await,
                Self::AwsAdaptive => {
                    let limiter = Adaptive::new();
                    let noted = |is_refused| limiter.note(is_refused);
                    let dice = RefCell::new(fastrand::Rng::with_seed(1));
                    job(&server, customers, async || limiter.acquire().await, noted, |_, tries| backoff(&dice, tries))
                        .await;
                }
                Self::Reservoir | Self::MistakenReservoir => {
                    let (limit, window) = match (self, model) {
                        (Self::Reservoir, _) => model.rate().expect("a limit"),
                        (_, Model::Sliding { .. }) => (1_000, Duration::from_secs(60)),
                        _ => (10_000, Duration::from_secs(3600)),
                    };
                    let between = match (self, model) {
                        (Self::Reservoir, Model::Sliding { burst, .. }) => Duration::from_secs(1).div_f64(burst as f64),
                        _ => Duration::ZERO,
                    };
                    let reservoir = Reservoir::new(limit, window, between);
                    job(&server, customers, async || reservoir.take().await, |_| {}, wait_as_asked).await;
                }
            }
            let refused = server.state().usage.refused;
            Figures { seconds: begin.elapsed().as_secs_f64(), refused }
        })
    }
}

/// Sends every customer, 32 at a time: `admit` before each request, `note` after it, `wait` for a refused one.
async fn job(
    server: &Server,
    customers: usize,
    admit: impl AsyncFn(),
    note: impl Fn(bool),
    wait: impl Fn(Option<Duration>, u32) -> Duration,
) {
    let base_url = BaseUrl::parse("https://api.example").expect("valid");
    let key = ApiKey::parse("DEV_0123456789abcdefghijABCDEFGH").expect("valid");
    let (endpoint, vip) = (Endpoint::new(base_url, key, KeyPlacement::Query), [Group::parse("vip").expect("valid")]);
    let workers = (0..AT_ONCE).map(|first| {
        let (endpoint, vip, admit, note, wait) = (&endpoint, &vip, &admit, &note, &wait);
        async move {
            for number in (first..customers).step_by(AT_ONCE) {
                let customer = Customer::parse(Some(&format!("user{number}@example.com")), None).expect("valid");
                for tries in 0.. {
                    admit().await;
                    let response = server.exchange(endpoint.add_groups(&customer, vip)).await.expect("an answer");
                    note(response.status == 429);
                    if response.status != 429 {
                        break;
                    }
                    let asked = response.headers.iter().find(|(name, _)| name == "retry-after");
                    let asked = asked.map(|(_, seconds)| Duration::from_secs(seconds.parse().expect("seconds")));
                    sleep(wait(asked, tries)).await;
                }
            }
        }
    });
    futures_util::future::join_all(workers).await;
}

fn wait_as_asked(asked: Option<Duration>, _: u32) -> Duration {
    asked.unwrap_or(Duration::from_secs(60))
}

/// A random part of what doubles from a second to twenty, as in AWS's standard mode.
fn backoff(dice: &RefCell<fastrand::Rng>, tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(5)).min(Duration::from_secs(20)).mul_f64(dice.borrow_mut().f64())
}

/// A client-side rate that a refusal cuts to seven tenths, and time grows along a cube, as CUBIC's window does: the AWS SDKs and Tools
/// Reference Guide, "Retry behavior", and RFC 9438. It begins at the first refusal.
struct Adaptive {
    rate: Cell<Option<f64>>,
    last_max: Cell<f64>,
    time_window: Cell<f64>,
    last_refusal: Cell<Instant>,
    measured: RefCell<Measured>,
    tokens: Cell<f64>,
    filled: Cell<Instant>,
}

struct Measured {
    rate: f64,
    bucket: u64,
    count: u64,
    begin: Instant,
}

impl Adaptive {
    const BETA: f64 = 0.7;
    const SCALE: f64 = 0.4;
    const SMOOTH: f64 = 0.8;
    const LEAST: f64 = 0.5;

    fn new() -> Self {
        let now = Instant::now();
        Self {
            rate: Cell::new(None),
            last_max: Cell::new(0.0),
            time_window: Cell::new(0.0),
            last_refusal: Cell::new(now),
            measured: RefCell::new(Measured { rate: 0.0, bucket: 0, count: 0, begin: now }),
            tokens: Cell::new(0.0),
            filled: Cell::new(now),
        }
    }

    /// Takes a token from a bucket that holds those of a second, one at least.
    async fn acquire(&self) {
        let Some(rate) = self.rate.get() else { return };
        let now = Instant::now();
        let filled = self.tokens.get() + (now - self.filled.get()).as_secs_f64() * rate;
        self.filled.set(now);
        // What is taken in advance is waited for.
        self.tokens.set(filled.min(rate.max(1.0)) - 1.0);
        if self.tokens.get() < 0.0 {
            sleep(Duration::from_secs_f64(-self.tokens.get() / rate)).await;
        }
    }

    fn note(&self, is_refused: bool) {
        let (now, measured) = (Instant::now(), self.measure());
        let calculated = if is_refused {
            let rate = self.rate.get().map_or(measured, |rate| rate.min(measured));
            self.last_max.set(rate);
            self.time_window.set((rate * (1.0 - Self::BETA) / Self::SCALE).cbrt());
            self.last_refusal.set(now);
            rate * Self::BETA
        } else if self.rate.get().is_some() {
            let since = (now - self.last_refusal.get()).as_secs_f64();
            Self::SCALE * (since - self.time_window.get()).powi(3) + self.last_max.get()
        } else {
            return;
        };
        self.rate.set(Some(calculated.min(2.0 * measured).max(Self::LEAST)));
    }

    /// Answers a second, smoothed over half seconds.
    fn measure(&self) -> f64 {
        let mut measured = self.measured.borrow_mut();
        measured.count += 1;
        let bucket = ((Instant::now() - measured.begin).as_secs_f64() * 2.0) as u64;
        if bucket > measured.bucket {
            let current = measured.count as f64 * 2.0 / (bucket - measured.bucket) as f64;
            measured.rate = current * Self::SMOOTH + measured.rate * (1.0 - Self::SMOOTH);
            (measured.count, measured.bucket) = (0, bucket);
        }
        measured.rate
    }
}

struct Reservoir {
    limit: u64,
    window: Duration,
    between: Duration,
    next: Cell<Instant>,
    left: Cell<u64>,
    refill: Cell<Instant>,
}

impl Reservoir {
    fn new(limit: u64, window: Duration, between: Duration) -> Self {
        let now = Instant::now();
        Self { limit, window, between, next: Cell::new(now), left: Cell::new(limit), refill: Cell::new(now + window) }
    }

    async fn take(&self) {
        loop {
            if Instant::now() >= self.refill.get() {
                self.left.set(self.limit);
                self.refill.set(self.refill.get() + self.window);
            }
            if let Some(left) = self.left.get().checked_sub(1) {
                self.left.set(left);
                let slot = self.next.get().max(Instant::now());
                self.next.set(slot + self.between);
                sleep_until(slot).await;
                return;
            }
            sleep_until(self.refill.get()).await;
        }
    }
}
