use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bizkithub::job::{
    Cancel, Ledger, OnQuota, Outcome, Plan, PlanBuilder, PlanOptions, Report, Row, RowGroups, RunOptions, Verdict,
};
use bizkithub::{Client, Clock, Customer, Pace};

use crate::clock::SimulatedClock;
use crate::disk::Disk;
use crate::quota::Model;
use crate::server::{Assignment, Server};

/// A job from its rows to its end, over as many legs as its crashes and stops need.
pub(crate) struct Scenario {
    random: fastrand::Rng,
    rows: Vec<(String, Vec<String>)>,
    server: Server,
    disk: Arc<Disk>,
    clock: SimulatedClock,
    /// Whether the processes share what they know of the quota.
    is_shared: bool,
    /// What a process learned last dies with it, or with its disk.
    has_crashed: bool,
}

/// A job that needs more legs than this does not get anywhere.
const MOST_LEGS: usize = 12;

/// No leg takes longer, or it has come to a standstill.
const LONGEST_LEG: Duration = Duration::from_secs(60 * 24 * 3600);

impl Scenario {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let clock = SimulatedClock::new();
        let (customers, groups) = (random.usize(1..16), random.usize(1..5));
        let rows = (0..random.usize(1..40)).map(|_| {
            let email = match random.u32(..20) {
                0 => "nobody".to_owned(),
                1 => format!("Customer{}@Example.com", random.usize(..customers)),
                _ => format!("customer{}@example.com", random.usize(..customers)),
            };
            let groups = (0..random.usize(..3)).map(|_| format!("group-{}", random.usize(..groups))).collect();
            (email, groups)
        });
        let rows = rows.collect();
        let limit = random.u64(1..60);
        let model = match random.u32(..5) {
            0 => Model::Unlimited,
            1 => Model::Blocks { limit },
            2 => Model::Minutes { limit },
            _ => Model::Sliding { limit, burst: (limit / 20).max(1), window: Duration::from_secs(3600) },
        };
        let server = Server::new(random.u64(..), clock, model);
        {
            let mut state = server.state();
            state.strangers = (0..customers)
                .filter(|_| random.u32(..8) == 0)
                .map(|number| format!("customer{number}@example.com"))
                .collect();
            state.latency = Duration::from_millis(random.u64(2..2_000));
        }
        let is_shared = random.bool();
        let disk = Disk::new(random.u64(..), is_shared);
        Self { random, rows, server, disk, clock, is_shared, has_crashed: false }
    }

    /// Runs the job to its end. Every leg keeps the rules, whatever fails.
    pub(crate) async fn run(mut self) -> Result<(), String> {
        for _ in 0..MOST_LEGS {
            let faults = if self.random.bool() { 0 } else { self.random.u32(..400) };
            self.server.state().faults = faults;
            self.disk.set_faults(if self.random.u32(..4) == 0 { self.random.u32(..300) } else { 0 });
            if self.leg(false).await?.is_some_and(|report| is_settled(&report)) {
                break;
            }
        }
        // Everything has healed: now it must come to an end, and rejected customers stay rejected.
        self.server.state().faults = 0;
        self.disk.set_faults(0);
        let report = self.leg(true).await?.ok_or("the last leg left no report")?;
        if !is_settled(&report) {
            return Err(format!("the job is not done: {:?}, {:?}", report.counts(), report.stopped_by()));
        }
        let server = self.server.state();
        for (email, groups) in self.rows.iter().filter(|(email, _)| email != "nobody") {
            let customer = email.to_lowercase();
            for group in groups.iter().filter(|_| !server.strangers.contains(&customer)) {
                let assignment = (customer.clone(), group.clone());
                if !server.applied.contains(&assignment) {
                    return Err(format!("{assignment:?} never arrived"));
                }
            }
        }
        match server.violations.first() {
            None => Ok(()),
            Some(violation) => Err(violation.clone()),
        }
    }

    /// One run, which may crash. The report is missing then.
    async fn leg(&mut self, is_last: bool) -> Result<Option<Report>, String> {
        self.server.begin_leg(self.is_shared && !self.has_crashed);
        let known = self.known().await;
        let client = self.client();
        let plan = self.plan().await?;
        let wanted = self.open(&known);
        let expected: BTreeSet<&String> = wanted.keys().collect();
        if plan.bill().requests != expected.len() as u64 {
            return Err(format!("the bill says {} requests, and {} are needed", plan.bill().requests, expected.len()));
        }
        let options = self.options(is_last);
        let verbose = std::env::var_os("BIZKITHUB_SIMULATION_VERBOSE").is_some();
        if verbose {
            eprintln!(
                "leg: {:?}, shared {}, {options:?}, {} open",
                self.server.state().model,
                self.is_shared,
                wanted.len()
            );
        }
        let crash = (!is_last && self.random.u32(..3) == 0).then(|| Duration::from_millis(self.random.u64(..60_000)));
        let running = plan.run(&client, options.clone());
        let report = tokio::select! {
            report = running => Some(report),
            () = tokio::time::sleep(crash.unwrap_or(LONGEST_LEG)) => None,
        };
        self.has_crashed = report.is_none() || self.disk.has_faults();
        if report.is_none() && crash.is_none() {
            return Err("the run came to a standstill".to_owned());
        }
        if verbose {
            eprintln!(
                "at {:?}: {:?}",
                self.clock.since_epoch(),
                report.as_ref().map(|report| (report.counts(), report.requests_sent(), report.throttled()))
            );
        }
        self.check_requests(&wanted)?;
        let known = self.known().await;
        self.check_ledger(&known)?;
        if let Some(report) = &report {
            self.check_report(report, &known)?;
        }
        self.check_quota()?;
        Ok(report)
    }

    fn client(&self) -> Client {
        Client::builder()
            .api_key("DEV_0123456789abcdefghijABCDEFGH")
            .base_url("https://api.example")
            .clock(Arc::new(self.clock))
            .transport(self.server.clone())
            .build()
            .expect("valid settings")
    }

    async fn plan(&self) -> Result<Plan, String> {
        let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
        for (email, groups) in &self.rows {
            let groups = groups.iter().map(|group| group.as_str().into()).collect();
            builder.push(&Row { email: Some(email.as_str().into()), cu_ref_no: None, groups: RowGroups::List(groups) });
        }
        let ledger: Arc<Disk> = Arc::clone(&self.disk);
        builder.finish_with(ledger, self.clock.now()).await.map_err(|error| format!("the plan failed: {error}"))
    }

    fn options(&mut self, is_last: bool) -> RunOptions {
        let mut options = RunOptions::default();
        options.concurrency = NonZeroUsize::new(self.random.usize(1..20)).expect("from 1 on");
        options.pace = if self.random.bool() { Pace::Even } else { Pace::Fast };
        options.breaker = None;
        if is_last {
            return options;
        }
        let mut sometimes = |most| (self.random.u32(..4) == 0).then(|| Duration::from_millis(self.random.u64(1..most)));
        options.deadline = sometimes(4_000_000);
        options.burst = sometimes(20_000);
        if let Some(moment) = sometimes(40_000) {
            options.cancel = Cancel::new();
            let cancel = options.cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(moment).await;
                cancel.cancel();
            });
        }
        options.on_quota = if self.random.u32(..3) == 0 { OnQuota::Stop } else { OnQuota::Wait };
        options
    }

    /// What the ledger knows, as its reader would see it after a crash.
    async fn known(&self) -> BTreeMap<Assignment, Verdict> {
        let secret = self.disk.secret();
        let mut known = BTreeMap::new();
        let all: BTreeSet<Assignment> = self
            .rows
            .iter()
            .filter(|(email, _)| email != "nobody")
            .flat_map(|(email, groups)| groups.iter().map(|group| (email.to_lowercase(), group.clone())))
            .collect();
        let entries = self.disk.page(None, u32::MAX).await.expect("pages do not fail");
        for (email, group) in all {
            let customer = secret.customer(&Customer::parse(Some(&email), None).expect("valid"));
            let key = secret.group(&group);
            if let Some(entry) = entries.iter().find(|entry| entry.customer == customer && entry.group == key) {
                known.insert((email, group), entry.verdict.clone());
            }
        }
        known
    }

    /// The customers with something to send, and what.
    fn open(&self, known: &BTreeMap<Assignment, Verdict>) -> BTreeMap<String, BTreeSet<String>> {
        let mut open: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (email, groups) in self.rows.iter().filter(|(email, _)| email != "nobody") {
            for group in groups {
                if !known.contains_key(&(email.to_lowercase(), group.clone())) {
                    open.entry(email.to_lowercase()).or_default().insert(group.clone());
                }
            }
        }
        open
    }

    fn check_requests(&self, wanted: &BTreeMap<String, BTreeSet<String>>) -> Result<(), String> {
        let state = self.server.state();
        match state.customers.iter().find(|customer| !wanted.contains_key(*customer)) {
            Some(customer) => Err(format!("{customer} was sent, and the ledger knew all of it")),
            None => Ok(()),
        }
    }

    fn check_ledger(&self, known: &BTreeMap<Assignment, Verdict>) -> Result<(), String> {
        let state = self.server.state();
        for (assignment, verdict) in known {
            let is_true = match verdict {
                Verdict::Acknowledged => state.confirmed.contains(assignment),
                Verdict::Refused(_) => state.refused.contains(assignment),
            };
            if !is_true {
                return Err(format!("the ledger says {verdict:?} of {assignment:?}, which the server never said"));
            }
        }
        Ok(())
    }

    fn check_report(&self, report: &Report, known: &BTreeMap<Assignment, Verdict>) -> Result<(), String> {
        let counts = report.counts();
        if counts.total() != self.rows.len() as u64 || report.outcomes().len() != self.rows.len() {
            return Err(format!("{} rows went in, {counts:?} came out", self.rows.len()));
        }
        let mut counted = [0; Outcome::ALL.len()];
        for (row, (email, groups)) in report.outcomes().zip(&self.rows) {
            counted[row.outcome as usize] += 1;
            let says = |wanted: fn(&Verdict) -> bool| {
                groups.iter().all(|group| known.get(&(email.to_lowercase(), group.clone())).is_some_and(wanted))
            };
            let is_right = match row.outcome {
                Outcome::Applied | Outcome::Skipped => says(|verdict| *verdict == Verdict::Acknowledged),
                Outcome::Rejected => {
                    email == "nobody"
                        || groups.is_empty()
                        || self.server.state().strangers.contains(&email.to_lowercase())
                }
                Outcome::Pending | Outcome::Unknown => true,
            };
            if !is_right {
                return Err(format!(
                    "row {} is {:?}, and the ledger does not know it: {email}, {groups:?}",
                    row.row, row.outcome
                ));
            }
        }
        if counted != [counts.applied, counts.skipped, counts.rejected, counts.pending, counts.unknown] {
            return Err(format!("{counts:?} are not the outcomes of the rows: {counted:?}"));
        }
        if counts.unknown > 0 && is_clean(report) && self.server.state().faults == 0 {
            return Err("rows are unknown although nothing failed".to_owned());
        }
        Ok(())
    }

    /// Once the server has told its quota, it refuses nothing.
    fn check_quota(&self) -> Result<(), String> {
        let state = self.server.state();
        if state.model.has_headers() && state.refusals > 0 {
            return Err(format!("{} requests were refused although the quota was known", state.refusals));
        }
        if state.violations.is_empty() { Ok(()) } else { Err(state.violations[0].clone()) }
    }
}

/// Whether nothing is left to do.
fn is_settled(report: &Report) -> bool {
    let counts = report.counts();
    counts.pending + counts.unknown == 0
}

fn is_clean(report: &Report) -> bool {
    report.stopped_by().is_none() && !report.is_cancelled() && report.resume_at().is_none() && report.retries() == 0
}
