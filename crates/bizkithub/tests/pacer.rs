//! The pacer alone, against a server that counts: whatever the latencies, nothing is refused once the server has told its quota, and
//! what it allows is used.

use std::collections::VecDeque;

use bizkithub::pacing::{Decision, Observation, Pacer, QuotaRefusal, Wish};
use bizkithub::{Pace, QuotaRate};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000;
const WINDOW: u64 = 3_600 * SECOND;
const BEGIN: u64 = 1_795_000_000 * SECOND;

/// A sliding window and a burst, as the documentation describes them.
struct Server {
    limit: u64,
    burst: u64,
    admitted: VecDeque<u64>,
    total: u64,
}

impl Server {
    fn judge(&mut self, now: u64) -> Observation {
        while self.admitted.front().is_some_and(|moment| moment + WINDOW <= now) {
            self.admitted.pop_front();
        }
        let in_second = self.admitted.iter().filter(|moment| **moment + SECOND > now).count() as u64;
        let used = self.admitted.len() as u64;
        let is_refused = used >= self.limit || in_second >= self.burst;
        if !is_refused {
            self.admitted.push_back(now);
            self.total += 1;
        }
        let resets_at = self.admitted.front().map_or(now, |moment| moment + WINDOW);
        Observation {
            limit: Some(self.limit),
            remaining: Some(self.limit - self.admitted.len() as u64),
            resets_at: Some(resets_at.div_ceil(SECOND) * SECOND),
            refusal: is_refused.then(|| QuotaRefusal { retry_at: Some(resets_at), ..QuotaRefusal::default() }),
            is_genuine: true,
            ..Observation::default()
        }
    }
}

/// A request on its way: when it arrives, when its answer does, and what that says.
struct OnItsWay {
    sent: u64,
    arrives: u64,
    answered: u64,
    told: Option<Observation>,
}

/// Sends as many requests as the pacer lets, and returns how many were admitted and refused, and how long it took.
fn send(limit: u64, requests: u64, pace: Pace, at_once: usize, latencies: &[(u64, u64)]) -> (u64, u64, u64) {
    let mut server = Server { limit, burst: (limit / 20).max(1), admitted: VecDeque::new(), total: 0 };
    let mut pacer = Pacer::new(None, Some(QuotaRate::new(1_000, std::time::Duration::from_secs(60))));
    let (mut now, mut refused, mut given, mut under_way) = (BEGIN, 0, 0, Vec::<OnItsWay>::new());
    let mut latencies = latencies.iter().cycle();
    while server.total < requests {
        let mut until = u64::MAX;
        while under_way.len() < at_once && server.total + (under_way.len() as u64) < requests {
            let backlog = requests - server.total - under_way.len() as u64;
            let wish = Wish { holder: 1, most: 1, backlog, pace, reserve: 0.0, ahead: 0 };
            match pacer.ask(now, &wish) {
                Decision::Go(_) => {
                    given += 1;
                    let (there, back) = latencies.next().copied().unwrap_or((1, 1));
                    under_way.push(OnItsWay {
                        sent: now,
                        arrives: now + there,
                        answered: now + there + back,
                        told: None,
                    });
                }
                Decision::NotBefore { moment, .. } => {
                    until = moment;
                    break;
                }
                Decision::AfterAnswer => break,
            }
        }
        let next = under_way.iter().map(|one| if one.told.is_none() { one.arrives } else { one.answered }).min();
        now = now.max(until.min(next.unwrap_or(u64::MAX)));
        assert!(now < BEGIN + 10_000 * WINDOW, "it came to a standstill after {given} permits");
        for one in under_way.iter_mut().filter(|one| one.told.is_none() && one.arrives <= now) {
            let told = server.judge(one.arrives);
            refused += u64::from(told.refusal.is_some());
            one.told = Some(Observation { sent: one.sent, answered: one.answered, ..told });
        }
        let (over, rest) = under_way.into_iter().partition(|one: &OnItsWay| one.told.is_some() && one.answered <= now);
        under_way = rest;
        let over: Vec<OnItsWay> = over;
        over.iter().filter_map(|one| one.told.as_ref()).for_each(|told| pacer.observe(1, told));
    }
    (server.total, refused, now - BEGIN)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_refused_and_what_is_allowed_is_used(
        limit in 20_u64..400,
        windows in 1_u64..4,
        is_fast in any::<bool>(),
        at_once in 1_usize..24,
        latencies in prop::collection::vec((1_u64..2_000_000, 1_u64..2_000_000), 1..40),
    ) {
        let pace = if is_fast { Pace::Fast } else { Pace::Even };
        let requests = limit * windows;
        let (admitted, refused, time) = send(limit, requests, pace, at_once, &latencies);
        prop_assert_eq!((admitted, refused), (requests, 0));
        // As fast as it may, the last window needs no waiting; evenly, it takes its time. A burst and the slowest answers are granted.
        let allowed = if is_fast { windows - 1 } else { windows } * WINDOW;
        let slowest = latencies.iter().map(|(there, back)| there + back).max().unwrap_or_default();
        let granted = allowed + allowed / 100 + 40 * SECOND + requests * slowest.max(SECOND) / at_once.min(usize::try_from(limit / 20).unwrap_or(1)) as u64;
        prop_assert!(time <= granted, "{} s instead of {} s", time / SECOND, granted / SECOND);
    }
}
