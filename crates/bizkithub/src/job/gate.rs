use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Fuse, FusedFuture, FutureExt};

use super::RunOptions;
use super::ledger::Ledger;
use crate::client::{BoxFuture, Client, Decision, Observation, Pacer, Wish};
use crate::error::Error;

/// Where a run gets its permits: from its client, or in small loans from the pacer that processes share through their ledger.
pub(super) struct Gate<'a> {
    client: &'a Client,
    share: Option<Share<'a>>,
    wish: Wish,
    decision: Option<Decision>,
}

struct Share<'a> {
    ledger: &'a dyn Ledger,
    /// Permits of the loan that are left.
    loan: u64,
    /// Whether what is left of the loan is to be given back as soon as the ledger can be asked.
    is_recalled: bool,
    /// How many to ask for.
    size: u64,
    observations: Vec<Observation>,
    exchange: Fuse<BoxFuture<'a, Result<(), Error>>>,
    answer: Arc<Mutex<Option<(Decision, Pacer)>>>,
    /// When the last exchange began and ended.
    began_at: u64,
    exchanged_at: u64,
    /// The shared pacer as it was last.
    picture: Option<Pacer>,
}

/// How long a loan should last.
const LOAN: u64 = 250_000;
/// A loan that is not used is given back after this long.
const LONGEST_LOAN: u64 = 1_000_000;
const LARGEST_LOAN: u64 = 4_096;
/// How soon the ledger is asked again.
const SHORTEST_PAUSE: u64 = 20_000;

impl<'a> Gate<'a> {
    pub(super) fn new(client: &'a Client, ledger: &'a dyn Ledger, options: &RunOptions, concurrency: usize) -> Self {
        let size = concurrency as u64;
        let share = ledger.is_shared().then(|| Share {
            ledger,
            loan: 0,
            is_recalled: false,
            size,
            observations: Vec::new(),
            exchange: Fuse::terminated(),
            answer: Arc::default(),
            began_at: 0,
            exchanged_at: 0,
            picture: None,
        });
        let wish = Wish {
            holder: holder(client),
            most: size,
            backlog: 0,
            pace: options.pace,
            reserve: options.reserve,
            ahead: 0,
        };
        Self { client, share, wish, decision: None }
    }

    /// Whether a request may leave now.
    pub(super) fn open(&mut self, backlog: u64) -> Decision {
        let now = self.now();
        self.wish.backlog = backlog;
        let permits = self.client.permits();
        let Some(share) = &mut self.share else {
            return permits.for_run(now, &Wish { holder: crate::client::HERE, most: 1, ..self.wish });
        };
        if share.loan > 0 && !share.is_recalled {
            share.loan -= 1;
            permits.take(now);
            return Decision::Go(1);
        }
        match self.decision {
            Some(decision @ Decision::NotBefore { moment, .. }) if now < moment => decision,
            _ => {
                self.begin_exchange(now, true);
                Decision::AfterAnswer
            }
        }
    }

    /// Notes what became of a request.
    pub(super) fn observe(&mut self, observation: Observation) {
        if let Some(share) = &mut self.share {
            // A refusal ends the loan, because what is left of it would be refused as well; and so does the first word about the
            // quota, which was not known when the loan was made.
            let is_news = observation.limit.is_some() && !share.picture.as_ref().is_some_and(Pacer::is_told);
            let ends_loan = observation.refusal.is_some() || is_news;
            share.observations.push(observation);
            if ends_loan {
                share.is_recalled = true;
                let now = self.now();
                self.begin_exchange(now, false);
            }
        }
    }

    /// Whether an exchange with the ledger is under way, which will wake the run.
    pub(super) fn is_exchanging(&self) -> bool {
        self.share.as_ref().is_some_and(|share| !share.exchange.is_terminated())
    }

    /// Completes when an exchange with the ledger has ended.
    pub(super) fn poll_exchanged(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(share) = &mut self.share else { return Poll::Pending };
        let Poll::Ready(result) = share.exchange.poll_unpin(context) else { return Poll::Pending };
        let now = self.client.permits().now(self.client.clock());
        share.exchanged_at = now;
        let answer = share.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((decision, picture)) = answer {
            share.picture = Some(picture);
            if let Decision::Go(count) = decision {
                share.loan += count;
            }
            self.decision = Some(decision);
        }
        if share.is_recalled && result.is_ok() {
            self.begin_exchange(now, false);
        }
        Poll::Ready(result)
    }

    /// When a loan that nobody uses is to be given back.
    pub(super) fn next_exchange(&self) -> Option<u64> {
        let share = self.share.as_ref()?;
        let is_needed = share.exchange.is_terminated() && (share.loan > 0 || !share.observations.is_empty());
        is_needed.then_some(share.exchanged_at + LONGEST_LOAN)
    }

    /// Gives back a loan that nobody uses.
    pub(super) fn wake(&mut self) {
        let now = self.now();
        if self.next_exchange().is_some_and(|moment| moment <= now) {
            self.begin_exchange(now, false);
        }
    }

    /// Tells the others what happened since, and gives the rest of the loan back.
    pub(super) async fn close(&mut self) -> Result<(), Error> {
        while self.is_exchanging() {
            poll_fn(|context| self.poll_exchanged(context)).await?;
        }
        let (holder, initial) = (self.wish.holder, self.client.permits().fresh());
        let Some(share) = &mut self.share else { return Ok(()) };
        let (loan, observations) = (std::mem::take(&mut share.loan), std::mem::take(&mut share.observations));
        if loan == 0 && observations.is_empty() {
            return Ok(());
        }
        let change = move |kept: Option<String>| {
            let mut pacer = read(kept, &initial);
            observations.iter().for_each(|observation| pacer.observe(holder, observation));
            pacer.give_back(holder, loan);
            written(&pacer)
        };
        share.ledger.change_quota(Box::new(change)).await
    }

    /// What is left of the quota, as far as it is known.
    pub(super) fn left(&mut self) -> Option<u64> {
        let now = self.now();
        match &mut self.share {
            Some(share) => share.picture.as_mut().and_then(|picture| picture.left(now)),
            None => self.client.permits().pacer().left(now),
        }
    }

    /// How long so many requests will take.
    pub(super) fn time_for(&self, requests: u64) -> Option<Duration> {
        let rate = match &self.share {
            Some(share) => share.picture.as_ref().and_then(Pacer::rate),
            None => self.client.permits().rate(),
        };
        rate.map(|rate| rate.time_for(requests))
    }

    fn now(&self) -> u64 {
        self.client.permits().now(self.client.clock())
    }

    /// Tells the others what happened, gives back what is left of the loan and, if more is to be sent, asks for another.
    fn begin_exchange(&mut self, now: u64, is_asking: bool) {
        let Some(share) = &mut self.share else { return };
        if !share.exchange.is_terminated() {
            return;
        }
        // A loan that was used up fast was too small, and one that was not is given back.
        let smallest = self.wish.most;
        share.size = match share.loan {
            0 if now.saturating_sub(share.began_at) < LOAN => (share.size * 2).min(LARGEST_LOAN),
            0 => share.size,
            _ => (share.size / 2).max(smallest),
        };
        share.began_at = now;
        share.is_recalled = false;
        let (returned, observations) = (std::mem::take(&mut share.loan), std::mem::take(&mut share.observations));
        // Others can use what this one could not.
        let wish = Wish { most: share.size.min(self.wish.backlog.max(1)), ahead: LOAN, ..self.wish };
        let answer = Arc::clone(&share.answer);
        let initial = self.client.permits().fresh();
        let change = move |kept: Option<String>| {
            let mut pacer = read(kept, &initial);
            observations.iter().for_each(|observation| pacer.observe(wish.holder, observation));
            pacer.give_back(wish.holder, returned);
            let decision = match is_asking.then(|| pacer.ask(now, &wish)) {
                None => Decision::NotBefore { moment: now, is_used_up: false },
                // Answers that other processes wait for are heard of by asking again.
                Some(Decision::AfterAnswer) => Decision::NotBefore { moment: now + SHORTEST_PAUSE, is_used_up: false },
                Some(decision) => decision,
            };
            let text = written(&pacer);
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some((decision, pacer));
            text
        };
        share.exchange = share.ledger.change_quota(Box::new(change)).fuse();
    }
}

/// A picture that cannot be read is that of another version: the quota is learned anew.
fn read(kept: Option<String>, initial: &Pacer) -> Pacer {
    let kept: Option<Pacer> = kept.and_then(|text| serde_json::from_str(&text).ok());
    kept.map_or_else(|| initial.clone(), |kept| kept.starting_from(initial))
}

fn written(pacer: &Pacer) -> String {
    // A structure of numbers always serialises; without a picture, the quota is learned anew.
    serde_json::to_string(pacer).unwrap_or_default()
}

/// Tells processes apart.
fn holder(client: &Client) -> u64 {
    RandomState::new().hash_one(client.clock().now().as_nanosecond()).max(crate::client::HERE + 1)
}
