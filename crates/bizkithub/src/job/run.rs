use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use futures_util::future::{Fuse, FusedFuture, FutureExt};
use futures_util::select_biased;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::attempt::{Attempt, Ended, Retry, send};
use super::breaker::Breaker;
use super::plan::{Plan, RowFate};
use super::progress::ProgressTeller;
use super::report::RequestOutcome;
use super::{OnQuota, Outcome, OutcomeCounts, Progress, Report, RunOptions};
use crate::client::{BoxFuture, Client, LONGEST_BACKOFF};
use crate::error::{Error, ErrorKind};

impl Plan {
    /// Sends the plan's requests and accounts for every row.
    ///
    /// What the plan's ledger knows is not sent: running a plan again goes on where the last run stopped. The run
    /// stops by itself when no other request can succeed (a wrong key, a missing permission, an address that is not
    /// the API) and when its first requests all fail alike. Dropping the future closes the requests under way and loses
    /// the report, not what the ledger knows.
    pub async fn run(&self, client: &Client, options: RunOptions) -> Report {
        Run::new(self, client, &options).execute(&options).await
    }
}

/// Whether new requests leave.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Course {
    /// They do.
    Sending,
    /// No more; the answers to those under way are waited for.
    Draining,
    /// No more; those under way get a moment.
    Cancelled,
}

struct Run<'a> {
    plan: &'a Plan,
    client: &'a Client,
    on_quota: OnQuota,
    course: Course,
    /// Attempts that may leave now.
    ready: VecDeque<Attempt>,
    /// Attempts that wait for their next try.
    later: BinaryHeap<Retry>,
    /// On the monotonic clock: nothing leaves before.
    paused_until: Option<Duration>,
    requests: Vec<RequestOutcome>,
    /// How many rows each request stands for.
    rows_of: Vec<u64>,
    breaker: Breaker,
    teller: ProgressTeller,
    requests_sent: u64,
    retries: u64,
    throttled: u64,
    resume_at: Option<Timestamp>,
    stopped_by: Option<Error>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, client: &'a Client, options: &RunOptions) -> Self {
        let requests = plan.requests().len();
        let mut rows_of = vec![0; requests];
        let mut counts = OutcomeCounts::default();
        for fate in plan.fates() {
            match fate {
                RowFate::Refused(_) => counts.rejected += 1,
                RowFate::Request(place) => {
                    counts.pending += 1;
                    rows_of[*place as usize] += 1;
                }
            }
        }
        let progress =
            Progress { rows: plan.fates().len() as u64, counts, requests: requests as u64, ..Progress::default() };
        Self {
            plan,
            client,
            on_quota: options.on_quota,
            course: Course::Sending,
            ready: (0..requests).map(|place| Attempt { place, ..Attempt::default() }).collect(),
            later: BinaryHeap::new(),
            paused_until: None,
            requests: (0..requests).map(|_| RequestOutcome { outcome: Outcome::Pending, error: None }).collect(),
            rows_of,
            breaker: Breaker::new(options.breaker),
            teller: ProgressTeller::new(options.progress.clone(), progress),
            requests_sent: 0,
            retries: 0,
            throttled: 0,
            resume_at: None,
            stopped_by: None,
        }
    }

    async fn execute(mut self, options: &RunOptions) -> Report {
        let clock = self.client.clock();
        let (started_at, started) = (clock.now(), clock.monotonic());
        let concurrency = options.concurrency.get().min(RunOptions::CONCURRENCY_LIMIT);
        let mut in_flight = FuturesUnordered::new();
        let mut cancelled = Box::pin(options.cancel.cancelled().fuse());
        let mut grace: Fuse<BoxFuture<'_, ()>> = Fuse::terminated();
        let mut alarm = Alarm::default();
        if options.cancel.is_cancelled() {
            self.course = Course::Cancelled;
        }
        self.teller.tell_now(clock);
        loop {
            self.wake(clock.monotonic());
            while in_flight.len() < concurrency {
                let Some(attempt) = self.next() else { break };
                in_flight.push(send(self.plan, self.client, attempt));
            }
            if in_flight.is_empty() && self.is_at_its_end() {
                break;
            }
            alarm.set(self.sleeps_until(), self.client);
            select_biased! {
                () = cancelled => {
                    self.course = Course::Cancelled;
                    grace = clock.sleep(options.grace).fuse();
                }
                () = grace => break,
                () = &mut alarm.ring => {}
                (attempt, ended) = in_flight.select_next_some() => {
                    self.account(attempt, ended);
                    self.teller.tell(clock);
                }
            }
        }
        drop(in_flight);
        let duration = clock.monotonic().saturating_sub(started);
        self.into_report(started_at, duration, options.cancel.is_cancelled())
    }

    /// Readies what is due.
    fn wake(&mut self, now: Duration) {
        if self.paused_until.is_some_and(|moment| moment <= now) {
            self.paused_until = None;
            self.teller.progress.waiting_until = None;
        }
        while self.later.peek().is_some_and(|retry| retry.due <= now) {
            self.ready.extend(self.later.pop().map(|retry| retry.attempt));
        }
    }

    /// The next attempt that may leave.
    fn next(&mut self) -> Option<Attempt> {
        if self.course != Course::Sending || self.paused_until.is_some() {
            return None;
        }
        let mut attempt = self.ready.pop_front()?;
        if attempt.sent == 0 {
            self.client.retry().earn();
        }
        attempt.sent += 1;
        self.requests_sent += 1;
        self.retries += u64::from(std::mem::take(&mut attempt.has_failed));
        // Until its answer is here, nobody knows what became of it.
        self.requests[attempt.place].outcome = Outcome::Unknown;
        Some(attempt)
    }

    fn is_at_its_end(&self) -> bool {
        self.course != Course::Sending || (self.ready.is_empty() && self.later.is_empty())
    }

    fn sleeps_until(&self) -> Option<Duration> {
        let next_retry = || self.later.peek().map(|retry| retry.due);
        if self.course == Course::Sending { self.paused_until.or_else(next_retry) } else { None }
    }

    fn account(&mut self, attempt: Attempt, ended: Ended) {
        match ended {
            Ended::Applied => {
                self.breaker.succeeded();
                self.decide(attempt.place, Outcome::Applied, None);
            }
            Ended::Skipped => {
                self.requests_sent -= 1;
                self.decide(attempt.place, Outcome::Skipped, None);
            }
            Ended::LedgerFailed { error, is_sent } => {
                // What the server acknowledged and the ledger could not keep is not counted: a re-run settles it.
                let outcome = if is_sent { Outcome::Unknown } else { Outcome::Pending };
                self.requests_sent -= u64::from(!is_sent);
                self.stop(error.clone());
                self.decide(attempt.place, outcome, Some(error));
            }
            Ended::Failed(error) => {
                let error = error.after_attempts(attempt.sent);
                self.account_failure(attempt, error);
            }
        }
    }

    fn account_failure(&mut self, mut attempt: Attempt, error: Error) {
        attempt.is_ambiguous |= error.is_ambiguous();
        let unsettled = if attempt.is_ambiguous { Outcome::Unknown } else { Outcome::Pending };
        let Some(wait) = self.client.retry().wait(&error, &mut attempt.tries) else {
            if error.stops_everything() {
                self.stop(error.clone());
            } else if let Some(stop) = self.breaker.failed(&error) {
                self.stop(stop);
            }
            let is_refused = matches!(error.kind(), ErrorKind::Rejected | ErrorKind::InvalidInput);
            self.decide(attempt.place, if is_refused { Outcome::Rejected } else { unsettled }, Some(error));
            return;
        };
        let now = self.client.clock().monotonic();
        let is_throttled = error.is_throttled();
        self.throttled += u64::from(is_throttled);
        attempt.has_failed = !is_throttled;
        // Who asks for a longer wait than a failure would cost speaks of every request, not of this one.
        let concerns_all = is_throttled || wait > LONGEST_BACKOFF;
        let moment = error.retry_at().or_else(|| self.client.clock().now().checked_add(wait).ok());
        self.requests[attempt.place] = RequestOutcome { outcome: unsettled, error: Some(error) };
        if !concerns_all {
            self.later.push(Retry { due: now + wait, attempt });
            return;
        }
        self.ready.push_front(attempt);
        self.resume_at = self.resume_at.max(moment);
        if self.on_quota == OnQuota::Stop {
            self.drain();
        } else {
            self.paused_until = self.paused_until.max(Some(now + wait));
            self.teller.progress.waiting_until = self.resume_at;
            self.teller.tell_now(self.client.clock());
        }
    }

    fn stop(&mut self, error: Error) {
        self.stopped_by.get_or_insert(error);
        self.drain();
    }

    fn drain(&mut self) {
        if self.course == Course::Sending {
            self.course = Course::Draining;
        }
    }

    fn decide(&mut self, place: usize, outcome: Outcome, error: Option<Error>) {
        let rows = self.rows_of[place];
        let progress = &mut self.teller.progress;
        progress.counts.pending -= rows;
        *progress.counts.of(outcome) += rows;
        progress.requests_done += 1;
        self.requests[place] = RequestOutcome { outcome, error };
    }

    fn into_report(mut self, started_at: Timestamp, duration: Duration, is_cancelled: bool) -> Report {
        let mut counts = OutcomeCounts { rejected: self.plan.refusals().len() as u64, ..OutcomeCounts::default() };
        for (request, rows) in self.requests.iter().zip(&self.rows_of) {
            *counts.of(request.outcome) += rows;
        }
        self.teller.progress.counts = counts;
        let is_unsettled = counts.pending + counts.unknown > 0;
        Report {
            plan: self.plan.clone(),
            requests: self.requests,
            counts,
            requests_sent: self.requests_sent,
            retries: self.retries,
            throttled: self.throttled,
            started_at,
            duration,
            resume_at: self.resume_at.filter(|_| is_unsettled && self.stopped_by.is_none()),
            stopped_by: self.stopped_by,
            is_cancelled,
        }
    }
}

/// A sleep until a moment that may change.
struct Alarm<'a> {
    at: Option<Duration>,
    ring: Fuse<BoxFuture<'a, ()>>,
}

impl Default for Alarm<'_> {
    fn default() -> Self {
        Self { at: None, ring: Fuse::terminated() }
    }
}

impl<'a> Alarm<'a> {
    fn set(&mut self, at: Option<Duration>, client: &'a Client) {
        if self.at == at && !self.ring.is_terminated() {
            return;
        }
        let clock = client.clock();
        self.at = at;
        self.ring = at.map_or(Fuse::terminated(), |at| clock.sleep(at.saturating_sub(clock.monotonic())).fuse());
    }
}
