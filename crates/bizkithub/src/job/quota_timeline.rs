use std::time::Duration;

use serde::Serialize;

/// How a run went along with its quota: a few hundred points at most, however long it was.
#[derive(Debug, Default)]
pub(super) struct QuotaTimeline {
    points: Vec<QuotaPoint>,
    interval: Duration,
}

/// One point of a run's time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct QuotaPoint {
    /// Seconds since the run began.
    pub seconds: f64,
    /// Requests sent until then.
    pub requests_sent: u64,
    /// Requests that the quota had left, as far as it was known.
    pub quota_left: Option<u64>,
    /// Whether the run waited: for quota, or because the server asked for a pause.
    pub is_waiting: bool,
}

const MOST: usize = 240;
const FIRST_INTERVAL: Duration = Duration::from_millis(100);

impl QuotaTimeline {
    /// Whether it is time for another point.
    pub(super) fn is_due(&self, elapsed: Duration) -> bool {
        self.points.last().is_none_or(|last| elapsed.as_secs_f64() - last.seconds >= self.interval.as_secs_f64())
    }

    /// Whether a wait begins that is long enough to be seen: without a point at its begin, the picture would show requests that leave
    /// all along.
    pub(super) fn is_due_before(&self, end_of_wait: Duration) -> bool {
        self.points.last().is_none_or(|last| !last.is_waiting) && self.is_due(end_of_wait)
    }

    pub(super) fn push(&mut self, elapsed: Duration, requests_sent: u64, quota_left: Option<u64>, is_waiting: bool) {
        self.interval = self.interval.max(FIRST_INTERVAL);
        if self.points.len() == MOST {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.interval *= 2;
        }
        self.points.push(QuotaPoint { seconds: elapsed.as_secs_f64(), requests_sent, quota_left, is_waiting });
    }

    pub(super) fn into_points(self) -> Vec<QuotaPoint> {
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_can_be_seen_gets_a_point_at_its_begin() {
        let mut timeline = QuotaTimeline::default();
        let at = Duration::from_millis;
        timeline.push(at(0), 0, None, false);
        assert!(!timeline.is_due(at(30)) && !timeline.is_due_before(at(80)) && timeline.is_due_before(at(3_000)));
        timeline.push(at(30), 100, Some(0), true);
        assert!(!timeline.is_due_before(at(3_000)), "once is enough");
    }

    #[test]
    fn a_run_of_days_keeps_a_few_hundred_points_over_its_whole_time() {
        let mut timeline = QuotaTimeline::default();
        for second in 0..200_000 {
            let elapsed = Duration::from_secs(second);
            if timeline.is_due(elapsed) {
                timeline.push(elapsed, second, None, false);
            }
        }
        let points = timeline.into_points();
        assert!((MOST / 2..=MOST).contains(&points.len()), "{}", points.len());
        assert_eq!(points.first().map(|point| point.requests_sent), Some(0));
        assert!(points.last().is_some_and(|point| point.requests_sent > 190_000));
        assert!(points.is_sorted_by(|one, other| one.seconds < other.seconds));
    }
}
