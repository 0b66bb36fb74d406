use std::time::Duration;

/// How many requests are under way at once: one more after each round of successes, half as many when the server fails, does not answer or
/// becomes slow. (Additive increase and multiplicative decrease, as in TCP: Chiu and Jain, 1989.)
#[derive(Debug)]
pub(super) struct Concurrency {
    current: f64,
    ceiling: f64,
    /// A failure of a request that left before the last decrease says nothing new.
    decreased_at: Duration,
    fastest: Option<Duration>,
    usual: Option<Duration>,
}

/// How many requests a run begins with.
const FIRST: f64 = 16.0;

/// An answer that takes so much longer than the fastest is not slow because of the server.
const TOLERANCE: Duration = Duration::from_millis(250);

impl Concurrency {
    pub(super) fn new(ceiling: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most 256")]
        let ceiling = ceiling as f64;
        Self { current: ceiling.min(FIRST), ceiling, decreased_at: Duration::ZERO, fastest: None, usual: None }
    }

    pub(super) fn limit(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 256")]
        let limit = self.current as usize;
        limit.max(1)
    }

    /// An answer arrived at `now` that the server took so long for.
    pub(super) fn answered(&mut self, now: Duration, latency: Duration) {
        let fastest = self.fastest.map_or(latency, |fastest| fastest.min(latency));
        let usual = self.usual.map_or(latency, |usual| (usual * 7 + latency) / 8);
        (self.fastest, self.usual) = (Some(fastest), Some(usual));
        if usual > fastest * 3 + TOLERANCE {
            self.decrease(now, latency, 0.75);
            // Should the server have become slower for good, that is the new measure.
            self.fastest = Some(fastest * 2);
        } else {
            self.current = (self.current + 1.0 / self.current).min(self.ceiling);
        }
    }

    /// The server failed at `now`, or gave no answer in so much time.
    pub(super) fn failed(&mut self, now: Duration, latency: Duration) {
        self.decrease(now, latency, 0.5);
    }

    fn decrease(&mut self, now: Duration, latency: Duration, share: f64) {
        if now.saturating_sub(latency) >= self.decreased_at {
            self.current = (self.current * share).max(1.0);
            self.decreased_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(10);

    fn after(concurrency: &mut Concurrency, begin: u64, answers: u64, latency: Duration) {
        for number in 0..answers {
            concurrency.answered(Duration::from_millis(begin + number), latency);
        }
    }

    #[test]
    fn successes_add_one_a_round_up_to_the_ceiling() {
        let mut concurrency = Concurrency::new(32);
        assert_eq!(concurrency.limit(), 16);
        after(&mut concurrency, 100, 17, FAST);
        assert_eq!(concurrency.limit(), 17);
        after(&mut concurrency, 200, 1_000, FAST);
        assert_eq!(concurrency.limit(), 32);
    }

    #[test]
    fn a_failing_server_is_asked_half_as_much_once_a_round() {
        let mut concurrency = Concurrency::new(16);
        for _ in 0..16 {
            concurrency.failed(Duration::from_secs(10), Duration::from_secs(1));
        }
        assert_eq!(concurrency.limit(), 8);
        for second in 11..30 {
            concurrency.failed(Duration::from_secs(second), Duration::from_millis(500));
        }
        assert_eq!(concurrency.limit(), 1);
    }

    #[test]
    fn a_server_that_becomes_slow_is_asked_less() {
        let mut concurrency = Concurrency::new(16);
        after(&mut concurrency, 100, 100, FAST);
        after(&mut concurrency, 1_000, 20, Duration::from_millis(700));
        assert!(concurrency.limit() < 16, "{}", concurrency.limit());
    }
}
