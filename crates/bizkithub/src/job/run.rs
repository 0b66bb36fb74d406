use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, Fuse, FusedFuture, FutureExt, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tracing::Instrument;

use super::attempt::{Attempt, Retry};
use super::breaker::Breaker;
use super::concurrency::Concurrency;
use super::customer_table::CustomerId;
use super::gate::Gate;
use super::group_table::GroupId;
use super::introductions::Introductions;
use super::keeper::{Decided, Keeper};
use super::ledger::{GroupKey, KnownGroup, LedgerSecret, Verdict};
use super::outage::Outage;
use super::plan::Plan;
use super::progress::ProgressTeller;
use super::quota_timeline::QuotaTimeline;
use super::report::outcome_of;
use super::row_table::PlannedRow;
use super::standing::Standing;
use super::{OnQuota, Outcome, OutcomeCounts, Progress, Report, RunOptions};
use crate::client::{BoxFuture, Client, Decision, LONGEST_BACKOFF, Observation};
use crate::error::{Error, ErrorKind};
use crate::event::{EventData, WaitReason, trace};
use crate::protocol::ErrorCode;

impl Plan {
    /// Sends the plan's requests and accounts for every row.
    ///
    /// What the plan's ledger knows is not sent: running a plan again goes on where the last run stopped. The run
    /// stops by itself when no other request can succeed (a wrong key, a missing permission, an address that is not
    /// the API, a ledger that cannot be written), when its first requests all fail alike, and when a server that worked has failed for
    /// ten minutes; until then, one request a second asks whether it is back. Dropping the future closes the requests under way and
    /// loses the report, not what the ledger knows.
    pub async fn run(&self, client: &Client, options: RunOptions) -> Report {
        // Runs of a process are told apart by their numbers.
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let client = &client.in_run(number);
        self.run_with(client, options).instrument(trace::run_span(number)).await
    }

    async fn run_with(&self, client: &Client, options: RunOptions) -> Report {
        let clock = client.clock();
        let begin = Begin { at: clock.now(), monotonic: clock.monotonic() };
        let looking = Box::pin(self.standing_now(begin.at));
        let looked_up = match select(looking, Box::pin(options.cancel.cancelled())).await {
            Either::Left((looked_up, _)) => looked_up,
            // Nothing is sent then, so that what was known before is enough for the report.
            Either::Right(_) => Ok(self.standing()),
        };
        match looked_up {
            Ok(standing) => Run::new(self, client, &options, standing, begin).execute(&options).await,
            Err(error) => {
                let mut run = Run::new(self, client, &options, Arc::default(), begin);
                run.stop(error);
                run.into_report(options.cancel.is_cancelled())
            }
        }
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
    Ending,
}

/// When a run began, on both clocks.
#[derive(Clone, Copy)]
struct Begin {
    at: Timestamp,
    monotonic: Duration,
}

/// After a cancel, the ledger gets so long for what the server acknowledged.
const LONGEST_FLUSH: Duration = Duration::from_secs(5);

/// How soon it is looked again whether others have got their answers.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// A wait shorter than this is no wait for quota: it only spreads the requests.
const SHORTEST_QUOTA_WAIT: Duration = Duration::from_millis(250);

/// So many different codes of rejected rows are counted, more than are documented for rows; what comes after them is made up.
const CODES_LIMIT: usize = 24;

struct Run<'a> {
    plan: &'a Plan,
    client: &'a Client,
    begin: Begin,
    standing: Arc<Standing>,
    secret: LedgerSecret,
    group_keys: Vec<GroupKey>,
    on_quota: OnQuota,
    deadline: Option<Duration>,
    longest_wait: Option<Duration>,
    burst_end: Option<Duration>,
    course: Course,
    /// The next customer to look at.
    next: CustomerId,
    /// Customers whose request has not left for the first time.
    unsent: u64,
    /// Attempts that may leave before the next customer's.
    ready: VecDeque<Attempt>,
    /// Attempts that an outage has cost: they leave after all others.
    second_chances: Vec<Attempt>,
    /// Attempts that wait for their next try.
    later: BinaryHeap<Retry>,
    introductions: Introductions,
    gate: Gate<'a>,
    concurrency: Concurrency,
    keeper: Keeper<'a>,
    /// On the monotonic clock: nothing leaves before, because a failing server asked for it.
    paused_until: Option<Duration>,
    /// On the monotonic clock: the gate is not asked before.
    gate_opens: Option<Duration>,
    /// By customer.
    outcomes: Vec<Outcome>,
    errors: HashMap<CustomerId, Error>,
    /// Whether each customer has something to send.
    is_wanted: Vec<bool>,
    /// How many rows wait for each customer's request.
    riders: Vec<u32>,
    breaker: Breaker,
    outage: Outage,
    teller: ProgressTeller,
    /// Until when the run waits, as the log was told last.
    told_wait: Option<Timestamp>,
    timeline: QuotaTimeline,
    requests_sent: u64,
    retries: u64,
    throttled: u64,
    resume_at: Option<Timestamp>,
    stopped_by: Option<Error>,
}

/// What a run waits for.
enum Event {
    Cancelled,
    GraceIsOver,
    Written(Result<(), Error>),
    Exchanged(Result<(), Error>),
    Answered(Box<Answered>),
    Alarm,
}

/// A request that has ended.
struct Answered {
    attempt: Attempt,
    result: Result<(), Error>,
    observation: Observation,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, client: &'a Client, options: &RunOptions, standing: Arc<Standing>, begin: Begin) -> Self {
        let content = &*plan.content;
        let customers = content.customers.len();
        let mut counts = OutcomeCounts::default();
        let mut riders = vec![0_u32; customers];
        for row in plan.rows() {
            match (row, standing.of_row(content, row).outcome()) {
                (PlannedRow::Refused(_), _) => counts.rejected += 1,
                (PlannedRow::Accepted(..), Some((outcome, _))) => *counts.of(outcome) += 1,
                (PlannedRow::Accepted(customer, _), None) => {
                    counts.pending += 1;
                    riders[customer as usize] += 1;
                }
            }
        }
        // A customer may have something to send although each of its rows is rejected for another group.
        let is_wanted: Vec<_> =
            (0..content.customer_count()).map(|customer| standing.is_wanted(content, customer)).collect();
        let outcome = |is_wanted: &bool| if *is_wanted { Outcome::Pending } else { Outcome::Skipped };
        let outcomes: Vec<_> = is_wanted.iter().map(outcome).collect();
        let requests = is_wanted.iter().filter(|is_wanted| **is_wanted).count() as u64;
        let progress =
            Progress { rows: plan.row_count(), counts, requests, customers: customers as u64, ..Progress::default() };
        let secret = plan.ledger.secret().clone();
        let group_key =
            |group: GroupId| content.table.get(group).map_or(GroupKey(0), |group| secret.group(group.slug()));
        let group_keys =
            (0..content.table.len()).map(|index| group_key(GroupId::try_from(index).unwrap_or(GroupId::MAX))).collect();
        let concurrency = options.concurrency.get().min(RunOptions::CONCURRENCY_LIMIT);
        Self {
            plan,
            client,
            begin,
            secret,
            group_keys,
            on_quota: options.on_quota,
            deadline: options.deadline.map(|deadline| begin.monotonic.saturating_add(deadline)),
            longest_wait: options.longest_wait,
            burst_end: options.burst.map(|burst| begin.monotonic.saturating_add(burst)),
            course: Course::Sending,
            next: 0,
            unsent: requests,
            ready: VecDeque::new(),
            second_chances: Vec::new(),
            later: BinaryHeap::new(),
            introductions: Introductions::new(content.table.len(), &standing),
            standing,
            gate: Gate::new(client, &*plan.ledger, options, concurrency),
            concurrency: Concurrency::new(concurrency),
            keeper: Keeper::new(&*plan.ledger),
            paused_until: None,
            gate_opens: None,
            outcomes,
            errors: HashMap::new(),
            is_wanted,
            riders,
            breaker: Breaker::new(options.breaker),
            outage: Outage::default(),
            teller: ProgressTeller::new(options.progress.clone(), progress),
            told_wait: None,
            timeline: QuotaTimeline::default(),
            requests_sent: 0,
            retries: 0,
            throttled: 0,
            resume_at: None,
            stopped_by: None,
        }
    }

    async fn execute(mut self, options: &RunOptions) -> Report {
        let clock = self.client.clock();
        let mut in_flight = FuturesUnordered::new();
        let mut cancelled = Box::pin(options.cancel.cancelled().fuse());
        let mut grace: Fuse<BoxFuture<'_, ()>> = Fuse::terminated();
        let mut alarm = Alarm::default();
        if options.cancel.is_cancelled() {
            self.course = Course::Ending;
        }
        self.tell(true);
        let Progress { rows, counts, requests, customers, .. } = self.teller.progress;
        let OutcomeCounts { skipped, rejected, .. } = counts;
        self.client.tell(EventData::RunStarted { rows, customers, requests, skipped, rejected });
        loop {
            self.wake(clock.monotonic());
            if self.course == Course::Ending && grace.is_terminated() {
                grace = clock.sleep(options.grace).fuse();
            }
            while in_flight.len() < self.most_at_once()
                && let Some(attempt) = self.next_attempt()
            {
                in_flight.push(self.send(attempt));
            }
            if in_flight.is_empty() && self.can_send_now() && !self.gate.is_exchanging() {
                // The answer that is waited for is that of somebody else with the same client, who wakes nobody here.
                self.gate_opens = Some(clock.monotonic() + SHORTEST_PAUSE);
            }
            let is_idle = in_flight.is_empty() && (self.is_at_its_end() || !self.can_send_now());
            self.keeper.write(clock.monotonic(), is_idle);
            if in_flight.is_empty() && self.is_at_its_end() && self.keeper.is_empty() {
                break;
            }
            alarm.set(self.sleeps_until(), self.client);
            let event = poll_fn(|context| {
                if cancelled.poll_unpin(context).is_ready() {
                    return Poll::Ready(Event::Cancelled);
                }
                if grace.poll_unpin(context).is_ready() {
                    return Poll::Ready(Event::GraceIsOver);
                }
                if let Poll::Ready(result) = self.keeper.writing.poll_unpin(context) {
                    return Poll::Ready(Event::Written(result));
                }
                if let Poll::Ready(result) = self.gate.poll_exchanged(context) {
                    return Poll::Ready(Event::Exchanged(result));
                }
                if let Poll::Ready(Some(answered)) = in_flight.poll_next_unpin(context) {
                    return Poll::Ready(Event::Answered(Box::new(answered)));
                }
                alarm.ring.poll_unpin(context).map(|()| Event::Alarm)
            });
            match event.await {
                Event::Cancelled => {
                    self.course = Course::Ending;
                    self.resume_at = None;
                }
                Event::GraceIsOver => break,
                Event::Written(result) => self.written(result),
                Event::Exchanged(result) => {
                    self.gate_opens = None;
                    if self.paused_until.is_none() {
                        self.teller.progress.waiting_until = None;
                    }
                    result.unwrap_or_else(|error| self.stop(error));
                }
                Event::Answered(answered) => {
                    self.account(*answered);
                    self.tell(false);
                }
                Event::Alarm => {}
            }
        }
        drop(in_flight);
        self.flush().await;
        self.close_gate().await;
        self.into_report(options.cancel.is_cancelled())
    }

    /// Readies what is due.
    fn wake(&mut self, now: Duration) {
        for wait in [&mut self.paused_until, &mut self.gate_opens] {
            wait.take_if(|moment| *moment <= now);
        }
        if self.paused_until.or(self.gate_opens).is_none() {
            self.teller.progress.waiting_until = None;
        }
        while self.later.peek().is_some_and(|retry| retry.due <= now) {
            self.ready.extend(self.later.pop().map(|retry| retry.attempt));
        }
        self.gate.wake();
        if self.course == Course::Sending && self.burst_end.is_some_and(|end| end <= now) {
            self.leave_the_rest(self.soonest());
        }
        if self.course != Course::Ending && self.deadline.is_some_and(|deadline| deadline <= now) {
            self.leave_the_rest(self.resume_at.unwrap_or_else(|| self.soonest()));
            self.course = Course::Ending;
        }
    }

    fn most_at_once(&self) -> usize {
        if self.outage.is_on() { 1 } else { self.concurrency.limit() }
    }

    /// Whether an attempt could leave at this moment, if there were room for it.
    fn can_send_now(&self) -> bool {
        self.course == Course::Sending
            && self.paused_until.is_none()
            && self.gate_opens.is_none()
            && (!self.ready.is_empty() || (self.next as usize) < self.riders.len() || !self.second_chances.is_empty())
    }

    /// The next attempt that may leave.
    fn next_attempt(&mut self) -> Option<Attempt> {
        if !self.can_send_now() {
            return None;
        }
        let attempt = self.next_admitted()?;
        let backlog = self.unsent.max(1) + (self.ready.len() + self.later.len() + self.second_chances.len()) as u64;
        match self.gate.open(backlog) {
            Decision::Go(_) => {}
            Decision::NotBefore { moment, is_used_up } => {
                self.ready.push_front(attempt);
                self.wait_for_quota(moment, is_used_up);
                return None;
            }
            Decision::AfterAnswer => {
                self.ready.push_front(attempt);
                return None;
            }
        }
        let mut attempt = attempt;
        if attempt.sent == 0 {
            self.client.retry().earn();
            self.unsent -= 1;
        }
        attempt.sent += 1;
        self.requests_sent += 1;
        self.retries += u64::from(std::mem::take(&mut attempt.has_failed));
        // Until its answer is here, nobody knows what became of it.
        self.outcomes[attempt.customer as usize] = Outcome::Unknown;
        Some(attempt)
    }

    /// The next attempt whose groups need not be introduced by another.
    fn next_admitted(&mut self) -> Option<Attempt> {
        while let Some(attempt) =
            self.ready.pop_front().or_else(|| self.next_customer()).or_else(|| self.second_chance())
        {
            let slugs = slugs(self.plan, &self.standing, attempt.customer);
            if let Some(attempt) = self.introductions.admit(attempt, slugs) {
                return Some(attempt);
            }
        }
        None
    }

    fn next_customer(&mut self) -> Option<Attempt> {
        while self.introductions.has_room() {
            let customer = self.next;
            let is_wanted = *self.is_wanted.get(customer as usize)?;
            self.next += 1;
            if is_wanted {
                return Some(Attempt { customer, ..Attempt::default() });
            }
        }
        None
    }

    /// An attempt that an outage has cost. It was decided then, and is not any more.
    fn second_chance(&mut self) -> Option<Attempt> {
        // Others wait for answers, or for their next try: with them the server may show that it is really back.
        let attempt = self.second_chances.pop_if(|_| self.unsent == 0)?;
        let customer = attempt.customer as usize;
        let rows = u64::from(self.riders[customer]);
        let progress = &mut self.teller.progress;
        *progress.counts.of(self.outcomes[customer]) -= rows;
        progress.counts.pending += rows;
        progress.requests_done -= 1;
        Some(attempt)
    }

    fn send(&self, attempt: Attempt) -> impl Future<Output = Answered> + use<'a> {
        let (plan, client) = (self.plan, self.client);
        let request = plan.request(&self.standing, attempt.customer);
        async move {
            let Some((customer, groups)) = request else {
                let error = Error::internal("a run asked its plan for a request that it does not have");
                return Answered { attempt, result: Err(error), observation: Observation::default() };
            };
            let (result, observation) = client.try_add_groups(&customer, &groups, attempt.sent).await;
            Answered { attempt, result, observation }
        }
    }

    fn is_at_its_end(&self) -> bool {
        let has_more = self.unsent > 0
            || !self.ready.is_empty()
            || !self.later.is_empty()
            || !self.second_chances.is_empty()
            || self.introductions.is_anybody_waiting();
        self.course != Course::Sending || !has_more
    }

    fn sleeps_until(&self) -> Option<Duration> {
        let sending = (self.course == Course::Sending).then(|| {
            let next_retry = self.later.peek().map(|retry| retry.due);
            let quota = self.paused_until.into_iter().chain(self.gate_opens).max();
            quota.into_iter().chain(next_retry.filter(|_| quota.is_none())).chain(self.burst_end).min()
        });
        let give_back = self.gate.next_exchange().map(|moment| self.monotonic(moment));
        let deadline = self.deadline.filter(|_| self.course != Course::Ending);
        sending.flatten().into_iter().chain(self.keeper.due()).chain(give_back).chain(deadline).min()
    }

    /// A moment of the pacer on the monotonic clock.
    fn monotonic(&self, moment: u64) -> Duration {
        let clock = self.client.clock();
        let ahead = moment.saturating_sub(self.client.permits().now(clock));
        clock.monotonic() + Duration::from_micros(ahead)
    }

    fn wait_for_quota(&mut self, moment: u64, is_used_up: bool) {
        let clock = self.client.clock();
        let opens = self.monotonic(moment);
        let wait = opens.saturating_sub(clock.monotonic());
        let is_long = is_used_up && wait >= SHORTEST_QUOTA_WAIT;
        let resume_at = self.client.permits().timestamp(clock, moment);
        if self.is_too_long(wait, is_long) || (is_long && self.on_quota == OnQuota::Stop) {
            self.leave_the_rest(resume_at);
            return;
        }
        self.gate_opens = Some(opens);
        if is_long {
            // Others may move the moment a little, and asking again is no news.
            let is_known = self
                .told_wait
                .is_some_and(|told| told.duration_until(resume_at).abs() < jiff::SignedDuration::from_secs(5));
            if !is_known {
                self.client.tell(EventData::RunWaiting { reason: WaitReason::Quota, until: resume_at, wait });
                self.told_wait = Some(resume_at);
            }
            self.teller.progress.waiting_until = Some(resume_at);
            self.tell(true);
        }
    }

    /// Whether whoever runs the plan has a better use for the time of a wait.
    fn is_too_long(&self, wait: Duration, is_for_quota: bool) -> bool {
        let is_too_late = self.deadline.is_some_and(|deadline| self.client.clock().monotonic() + wait >= deadline);
        is_too_late || (is_for_quota && self.longest_wait.is_some_and(|longest| wait > longest))
    }

    /// When another request may leave, as far as is known.
    fn soonest(&self) -> Timestamp {
        let clock = self.client.clock();
        let opens = self.paused_until.max(self.gate_opens).unwrap_or_default();
        clock.now().checked_add(opens.saturating_sub(clock.monotonic())).unwrap_or(Timestamp::MAX)
    }

    /// Sends no more; what is left can be sent from a moment on.
    fn leave_the_rest(&mut self, resume_at: Timestamp) {
        // Whoever cancels a run decides when it goes on.
        if self.course == Course::Ending && self.resume_at.is_none() {
            return;
        }
        if self.course == Course::Sending {
            self.client.tell(EventData::RunSuspended { resume_at });
        }
        self.resume_at = self.resume_at.max(Some(resume_at));
        self.drain();
    }

    fn account(&mut self, answered: Answered) {
        let Answered { attempt, result, observation } = answered;
        let now = self.client.clock().monotonic();
        let latency = Duration::from_micros(observation.answered.saturating_sub(observation.sent));
        self.gate.observe(observation);
        match result {
            Ok(()) => {
                self.concurrency.answered(now, latency);
                self.breaker.succeeded();
                self.server_works();
                self.settle(attempt.customer, true);
                self.keep(attempt.customer, &Verdict::Acknowledged, Outcome::Applied, None);
            }
            Err(error) => {
                match error.kind() {
                    ErrorKind::Server | ErrorKind::Network if error.is_retryable() => {
                        self.concurrency.failed(now, latency);
                        let may_begin = !self.breaker.is_armed() && self.course == Course::Sending;
                        if self.outage.failed(latency, may_begin) {
                            self.client.tell(EventData::ServerFailing { error: error.clone() });
                        }
                    }
                    // Neither a failure of the server nor its work.
                    ErrorKind::Server | ErrorKind::Network | ErrorKind::Internal => {
                        self.concurrency.answered(now, latency);
                    }
                    _ => {
                        self.concurrency.answered(now, latency);
                        self.server_works();
                    }
                }
                let error = error.after_attempts(attempt.sent);
                self.account_failure(attempt, error);
            }
        }
    }

    fn server_works(&mut self) {
        if let Some(attempts) = self.outage.ended() {
            self.second_chances.extend(attempts);
            self.client.tell(EventData::ServerBack {});
        }
    }

    fn account_failure(&mut self, mut attempt: Attempt, error: Error) {
        attempt.is_ambiguous |= error.is_ambiguous();
        let unsettled = if attempt.is_ambiguous { Outcome::Unknown } else { Outcome::Pending };
        let customer = attempt.customer;
        if error.is_throttled() {
            self.throttled += 1;
            let moment = error.retry_at().unwrap_or_else(|| self.client.permits().blocked_until(self.client.clock()));
            self.note(customer, unsettled, error);
            self.ready.push_front(attempt);
            if self.on_quota == OnQuota::Stop {
                self.leave_the_rest(moment);
            }
            return;
        }
        if self.outage.is_on() && error.is_retryable() && error.retry_after().is_none_or(|wait| wait <= LONGEST_BACKOFF)
        {
            self.wait_for_the_server(attempt, unsettled, error);
            return;
        }
        let Some(wait) = self.client.retry().wait(&error, &mut attempt.tries) else {
            self.settle(customer, false);
            if error.stops_everything() {
                self.stop(error.clone());
            } else if let Some(stop) = self.breaker.failed(&error) {
                self.stop(stop);
            }
            if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::InvalidInput) {
                let code =
                    error.code().filter(|code| ErrorCode::has_server_form(code)).unwrap_or(error.kind().as_str());
                self.keep(customer, &Verdict::Refused(code.into()), Outcome::Rejected, Some(error));
            } else {
                self.decide(Decided { customer, outcome: unsettled, error: Some(error) });
                self.outage.give_up(attempt);
            }
            return;
        };
        let clock = self.client.clock();
        let now = clock.monotonic();
        attempt.has_failed = true;
        let moment = error.retry_at().or_else(|| clock.now().checked_add(wait).ok());
        if wait <= LONGEST_BACKOFF {
            if self.course == Course::Sending {
                self.client.tell(EventData::RequestRetried { error: error.clone(), wait });
            }
            self.note(customer, unsettled, error);
            self.later.push(Retry { due: now + wait, attempt });
            return;
        }
        self.note(customer, unsettled, error);
        // Who asks for a longer wait than a failure would cost speaks of every request, not of this one.
        self.ready.push_front(attempt);
        if let Some(moment) = moment.filter(|_| self.is_too_long(wait, true) || self.on_quota == OnQuota::Stop) {
            self.leave_the_rest(moment);
        } else {
            let until = moment.unwrap_or_else(|| clock.now());
            self.client.tell(EventData::RunWaiting { reason: WaitReason::Server, until, wait });
            self.paused_until = self.paused_until.max(Some(now + wait));
            self.teller.progress.waiting_until = self.teller.progress.waiting_until.max(moment);
            self.tell(true);
        }
    }

    /// Holds everything back for a moment. The next to ask whether the server is back is another customer, should it be this one that
    /// the server fails at.
    fn wait_for_the_server(&mut self, attempt: Attempt, unsettled: Outcome, error: Error) {
        let customer = attempt.customer;
        self.settle(customer, false);
        self.paused_until = self.paused_until.max(Some(self.client.clock().monotonic() + Outage::PAUSE));
        if self.outage.is_too_long() {
            let minutes = Outage::LONGEST.as_secs() / 60;
            self.stop(
                error.clone().explain(|message| format!("the server has failed for {minutes} minutes: {message}")),
            );
        }
        self.decide(Decided { customer, outcome: unsettled, error: Some(error) });
        self.outage.give_up(attempt);
    }

    /// Lets those go on that waited for a customer's groups to be introduced.
    fn settle(&mut self, customer: CustomerId, is_applied: bool) {
        let slugs = slugs(self.plan, &self.standing, customer);
        let clock = self.client.clock();
        let (keeper, table, keys) = (&mut self.keeper, &self.plan.content.table, &self.group_keys);
        let freed = self.introductions.settle(customer, slugs, is_applied, |slug| {
            if let (Some(group), Some(key)) = (table.get(slug), keys.get(slug as usize)) {
                let (slug, text) = (group.slug().to_owned(), group.text().to_owned());
                keeper.introduce(KnownGroup { key: *key, slug, text, at: clock.now().as_millisecond() });
            }
        });
        self.ready.extend(freed);
    }

    /// Gives the ledger the server's answer, which is not counted before the ledger has it.
    fn keep(&mut self, customer: CustomerId, verdict: &Verdict, outcome: Outcome, error: Option<Error>) {
        let clock = self.client.clock();
        let content = &*self.plan.content;
        let key = content.customers.with_identity(customer, |identity| self.secret.identity(&identity));
        let Some(key) = key else {
            let error = Some(Error::internal("a plan has lost a customer"));
            return self.decide(Decided { customer, outcome: Outcome::Unknown, error });
        };
        let slugs = slugs(self.plan, &self.standing, customer);
        let groups = slugs.filter_map(|slug| self.group_keys.get(slug as usize).copied());
        let decided = Decided { customer, outcome, error };
        self.keeper.take(clock.monotonic(), clock.now().as_millisecond(), key, groups, verdict, decided);
    }

    fn written(&mut self, written: Result<(), Error>) {
        match written {
            Ok(()) => {
                for decided in self.keeper.settled() {
                    self.decide(decided);
                }
                self.tell(false);
            }
            Err(error) => {
                for decided in self.keeper.unwritten() {
                    // What the server acknowledged and the ledger could not keep is not counted: a re-run settles it. A refusal
                    // stays one.
                    self.decide(match decided.outcome {
                        Outcome::Rejected => decided,
                        _ => Decided { outcome: Outcome::Unknown, error: Some(error.clone()), ..decided },
                    });
                }
                self.stop(error);
            }
        }
    }

    /// Writes what the server has answered, at the end of a run.
    async fn flush(&mut self) {
        let clock = self.client.clock();
        while !self.keeper.is_empty() {
            self.keeper.write(clock.monotonic(), true);
            let written = match select(&mut self.keeper.writing, clock.sleep(LONGEST_FLUSH)).await {
                Either::Left((written, _)) => written,
                Either::Right(_) => {
                    let message = "the ledger did not take the last answers in time";
                    Err(Error::coded(ErrorKind::Ledger, "ledger_locked", message)
                        .advise("run again: they are sent again")
                        .retryable(true))
                }
            };
            let has_failed = written.is_err();
            self.written(written);
            if has_failed {
                self.keeper.writing = Fuse::terminated();
            }
        }
    }

    /// Gives unused permits back. Should that fail, they come back by themselves when the others take this process for gone.
    async fn close_gate(&mut self) {
        let patience = self.client.clock().sleep(LONGEST_FLUSH);
        let closed = match select(Box::pin(self.gate.close()), patience).await {
            Either::Left((closed, _)) => closed,
            Either::Right(_) => Ok(()),
        };
        closed.unwrap_or_else(|error| self.stop(error));
    }

    fn stop(&mut self, error: Error) {
        if self.stopped_by.is_none() {
            self.client.tell(EventData::RunStopping { error: error.clone() });
            self.stopped_by = Some(error);
        }
        self.drain();
    }

    fn drain(&mut self) {
        if self.course == Course::Sending {
            self.course = Course::Draining;
        }
    }

    /// Remembers how an attempt failed that is not decided yet.
    fn note(&mut self, customer: CustomerId, outcome: Outcome, error: Error) {
        self.outcomes[customer as usize] = outcome;
        self.errors.insert(customer, error);
    }

    fn decide(&mut self, decided: Decided) {
        let Decided { customer, outcome, error } = decided;
        let rows = u64::from(self.riders[customer as usize]);
        let progress = &mut self.teller.progress;
        progress.counts.pending -= rows;
        *progress.counts.of(outcome) += rows;
        progress.requests_done += 1;
        self.outcomes[customer as usize] = outcome;
        match error {
            Some(error) => drop(self.errors.insert(customer, error)),
            None => drop(self.errors.remove(&customer)),
        }
    }

    /// Tells how far the run is, at most ten times a second, or at once.
    fn tell(&mut self, is_urgent: bool) {
        let clock = self.client.clock();
        let elapsed = clock.monotonic().saturating_sub(self.begin.monotonic);
        let is_waiting = self.teller.progress.waiting_until.is_some();
        let end_of_wait = self.paused_until.into_iter().chain(self.gate_opens).max().filter(|_| is_waiting);
        let begins_wait =
            end_of_wait.is_some_and(|end| self.timeline.is_due_before(end.saturating_sub(self.begin.monotonic)));
        let is_point_due = begins_wait || self.timeline.is_due(elapsed);
        if !is_urgent && !is_point_due && !self.teller.is_due(clock) {
            return;
        }
        let left = self.gate.left();
        if is_point_due {
            self.timeline.push(elapsed, self.requests_sent, left, is_waiting);
        }
        let progress = &mut self.teller.progress;
        progress.quota_left = left;
        let rest = progress.requests - progress.requests_done;
        progress.finishes_at = self.gate.time_for(rest).and_then(|time| {
            let begin = progress.waiting_until.unwrap_or_else(|| clock.now());
            begin.checked_add(time).ok()
        });
        if is_urgent {
            self.teller.tell_now(clock);
        } else {
            self.teller.tell(clock);
        }
    }

    fn into_report(mut self, is_cancelled: bool) -> Report {
        let clock = self.client.clock();
        let duration = clock.monotonic().saturating_sub(self.begin.monotonic);
        self.timeline.push(duration, self.requests_sent, self.gate.left(), false);
        let mut counts = OutcomeCounts::default();
        let mut rejected_by_code: BTreeMap<String, u64> = BTreeMap::new();
        let content = &*self.plan.content;
        for row in self.plan.rows() {
            let (outcome, error) = outcome_of(content, &self.standing, &self.outcomes, &self.errors, row);
            *counts.of(outcome) += 1;
            if outcome == Outcome::Rejected {
                // A server may write anything into a code, and another one into each answer.
                let code = error.as_ref().map_or("", |error| error.stable_code().unwrap_or(error.kind().as_str()));
                let is_counted = rejected_by_code.len() < CODES_LIMIT || rejected_by_code.contains_key(code);
                let code = if is_counted { code } else { ErrorKind::Rejected.as_str() };
                *rejected_by_code.entry(code.to_owned()).or_default() += 1;
            }
        }
        self.teller.progress.counts = counts;
        let is_unsettled = counts.pending + counts.unknown > 0;
        let report = Report {
            plan: self.plan.clone(),
            standing: self.standing,
            outcomes: self.outcomes,
            errors: self.errors,
            counts,
            rejected_by_code,
            requests_sent: self.requests_sent,
            retries: self.retries,
            throttled: self.throttled,
            started_at: self.begin.at,
            duration,
            resume_at: self.resume_at.filter(|_| is_unsettled && self.stopped_by.is_none()),
            stopped_by: self.stopped_by,
            timeline: self.timeline.into_points(),
            is_cancelled,
        };
        self.client.tell(EventData::RunEnded {
            counts,
            requests: report.requests_sent,
            retries: report.retries,
            throttled: report.throttled,
            seconds: duration,
            is_complete: report.is_complete(),
            resume_at: report.resume_at,
            message: report.in_one_line(),
        });
        report
    }
}

/// The slugs of the groups that a customer's request carries.
fn slugs<'s>(
    plan: &'s Plan,
    standing: &'s Standing,
    customer: CustomerId,
) -> impl Iterator<Item = GroupId> + Clone + 's {
    standing.open_groups(&plan.content, customer).map(|group| plan.content.table.slug_id(group))
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
