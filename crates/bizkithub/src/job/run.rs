use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Fuse, FusedFuture, FutureExt};
use futures_util::select_biased;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::plan::{Plan, RowFate};
use super::progress::{ProgressListener, ProgressTeller};
use super::report::RequestOutcome;
use super::{Assignment, Cancel, Outcome, OutcomeCounts, Progress, Report};
use crate::client::{BoxFuture, Client, OnThrottled, Receipt};
use crate::error::{Error, ErrorKind};
use crate::types::Group;

/// What a run does when the quota is used up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnQuota {
    /// Wait until it comes back, however long that takes.
    #[default]
    Wait,
    /// End the run; the report says when to resume.
    Stop,
}

impl OnQuota {
    /// Every choice with its name in the settings.
    pub const ALL: [(&'static str, Self); 2] = [("wait", Self::Wait), ("stop", Self::Stop)];
}

/// How a plan is run.
#[derive(Clone)]
#[non_exhaustive]
pub struct RunOptions {
    /// The most requests under way at once. Default: 16.
    pub concurrency: NonZeroUsize,
    /// What to do when the quota is used up. Default: wait.
    pub on_quota: OnQuota,
    /// A flag that stops the run.
    pub cancel: Cancel,
    /// How long a stopped run waits for the answers to the requests under way. Default: 250 milliseconds.
    pub grace: Duration,
    /// Who is told about progress.
    pub progress: Option<Arc<dyn ProgressListener>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);
        Self {
            concurrency: CONCURRENCY,
            on_quota: OnQuota::default(),
            cancel: Cancel::new(),
            grace: Duration::from_millis(250),
            progress: None,
        }
    }
}

/// Without a word from the server, a run asks again after this time whether the quota is back.
const QUOTA_PROBE: Duration = Duration::from_secs(10);
/// A server that asks for no wait at all gets this pause all the same.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

impl Plan {
    /// Sends the plan's requests and accounts for every row.
    ///
    /// What the plan's ledger knows is not sent: running a plan again goes on where the last run stopped. The run
    /// stops by itself when no other request can succeed (a wrong key, a missing permission, an address that is not
    /// the API). Dropping the future closes the requests under way and loses the report, not what the ledger knows.
    pub async fn run(&self, client: &Client, options: RunOptions) -> Report {
        Run::new(self, client, &options).execute(options).await
    }
}

/// A request on its way back into the loop: a receipt, or nothing when the ledger knew all of it.
struct Completed {
    place: usize,
    result: Result<Option<Receipt>, Error>,
}

struct Run<'a> {
    plan: &'a Plan,
    client: &'a Client,
    /// Requests not yet sent, by their place in the plan.
    waiting: VecDeque<usize>,
    requests: Vec<RequestOutcome>,
    /// How many rows each request stands for.
    rows_of: Vec<u64>,
    teller: ProgressTeller,
    requests_sent: u64,
    retries: u64,
    throttled: u64,
    resume_at: Option<Timestamp>,
    stopped_at: Option<usize>,
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
            waiting: (0..requests).collect(),
            requests: (0..requests).map(|_| RequestOutcome { outcome: Outcome::Pending, error: None }).collect(),
            rows_of,
            teller: ProgressTeller::new(options.progress.clone(), progress),
            requests_sent: 0,
            retries: 0,
            throttled: 0,
            resume_at: None,
            stopped_at: None,
        }
    }

    async fn execute(mut self, options: RunOptions) -> Report {
        let clock = self.client.clock();
        let (started_at, started) = (clock.now(), clock.monotonic());
        let mut in_flight = FuturesUnordered::new();
        let mut cancelled = Box::pin(options.cancel.cancelled().fuse());
        let mut pause: Fuse<BoxFuture<'_, ()>> = Fuse::terminated();
        let mut grace: Fuse<BoxFuture<'_, ()>> = Fuse::terminated();
        let mut is_stopping = options.cancel.is_cancelled();
        self.teller.tell_now(clock);
        loop {
            if is_stopping && grace.is_terminated() {
                pause = Fuse::terminated();
                grace = clock.sleep(options.grace).fuse();
            }
            while !is_stopping && pause.is_terminated() && in_flight.len() < options.concurrency.get() {
                let Some(place) = self.waiting.pop_front() else { break };
                // Until its answer is here, nobody knows what became of it.
                self.requests[place].outcome = Outcome::Unknown;
                in_flight.push(send(self.plan, self.client, place));
            }
            if in_flight.is_empty() && pause.is_terminated() {
                break;
            }
            select_biased! {
                () = cancelled => is_stopping = true,
                () = grace => break,
                () = pause => self.teller.progress.waiting_until = None,
                completed = in_flight.select_next_some() => {
                    let throttled_until = self.account(completed, clock.now());
                    match (throttled_until, options.on_quota) {
                        (Some(_), OnQuota::Stop) => is_stopping = true,
                        (Some(moment), OnQuota::Wait) if !is_stopping => {
                            pause = clock.sleep(until(moment, clock.now()).max(SHORTEST_PAUSE)).fuse();
                            self.teller.progress.waiting_until = Some(moment);
                            self.teller.tell_now(clock);
                        }
                        _ => {}
                    }
                    is_stopping |= self.stopped_at.is_some();
                    self.teller.tell(clock);
                }
            }
        }
        self.requests_sent += in_flight.len() as u64;
        drop(in_flight);
        let duration = clock.monotonic().saturating_sub(started);
        self.into_report(started_at, duration, options.cancel.is_cancelled())
    }

    /// Takes an answer into account. Returns the moment until which the quota is used up, if that was the answer.
    fn account(&mut self, Completed { place, result }: Completed, now: Timestamp) -> Option<Timestamp> {
        let attempts = match &result {
            Ok(receipt) => receipt.as_ref().map_or(0, |receipt| receipt.attempts),
            Err(error) => error.attempts(),
        };
        self.requests_sent += u64::from(attempts);
        self.retries += u64::from(attempts.saturating_sub(1));
        let error = match result {
            Ok(receipt) => {
                self.decide(place, if receipt.is_some() { Outcome::Applied } else { Outcome::Skipped }, None);
                return None;
            }
            Err(error) => error,
        };
        if error.is_throttled() {
            self.throttled += 1;
            let moment = error.retry_at().or_else(|| now.checked_add(QUOTA_PROBE).ok());
            self.resume_at = self.resume_at.max(moment);
            self.requests[place] = RequestOutcome { outcome: Outcome::Pending, error: Some(error) };
            self.waiting.push_front(place);
            return moment;
        }
        if error.stops_everything() && self.stopped_at.is_none() {
            self.stopped_at = Some(place);
        }
        let outcome = match error.kind() {
            ErrorKind::Rejected | ErrorKind::InvalidInput => Outcome::Rejected,
            _ if error.is_ambiguous() => Outcome::Unknown,
            _ => Outcome::Pending,
        };
        self.decide(place, outcome, Some(error));
        None
    }

    fn decide(&mut self, place: usize, outcome: Outcome, error: Option<Error>) {
        let rows = self.rows_of[place];
        let progress = &mut self.teller.progress;
        progress.counts.pending -= rows;
        *progress.counts.of(outcome) += rows;
        progress.requests_done += 1;
        self.requests[place] = RequestOutcome { outcome, error };
    }

    fn into_report(self, started_at: Timestamp, duration: Duration, is_cancelled: bool) -> Report {
        let mut counts = OutcomeCounts { rejected: self.plan.refusals().len() as u64, ..OutcomeCounts::default() };
        for (request, rows) in self.requests.iter().zip(&self.rows_of) {
            *counts.of(request.outcome) += rows;
        }
        let is_throttled = |request: &RequestOutcome| request.error.as_ref().is_some_and(Error::is_throttled);
        Report {
            plan: self.plan.clone(),
            resume_at: self.resume_at.filter(|_| self.requests.iter().any(is_throttled)),
            requests: self.requests,
            counts,
            requests_sent: self.requests_sent,
            retries: self.retries,
            throttled: self.throttled,
            started_at,
            duration,
            stopped_at: self.stopped_at,
            is_cancelled,
        }
    }
}

fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or_default()
}

async fn send(plan: &Plan, client: &Client, place: usize) -> Completed {
    Completed { place, result: send_unknown_groups(plan, client, place).await }
}

/// Sends what the ledger does not know, and tells the ledger once the server has said yes.
async fn send_unknown_groups(plan: &Plan, client: &Client, place: usize) -> Result<Option<Receipt>, Error> {
    let Some((customer, groups)) = plan.request(place) else {
        return Err(Error::internal("a run asked its plan for a request that it does not have"));
    };
    let identity = customer.identity();
    let assignments: Vec<_> =
        groups.iter().map(|group| Assignment { customer: &identity, slug: group.slug() }).collect();
    let known = plan.ledger.acknowledged(&assignments).await?;
    let mut is_known = known.iter();
    let groups: Vec<Group> = groups.iter().filter(|_| is_known.next() != Some(&true)).cloned().collect();
    if groups.is_empty() {
        return Ok(None);
    }
    let receipt = client.call_add_groups(customer, &groups, OnThrottled::Return).await?;
    let acknowledged: Vec<_> =
        groups.iter().map(|group| Assignment { customer: &identity, slug: group.slug() }).collect();
    plan.ledger.acknowledge(&acknowledged).await.map_err(|error| error.after_attempts(receipt.attempts))?;
    Ok(Some(receipt))
}
