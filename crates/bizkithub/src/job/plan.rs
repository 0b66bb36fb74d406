use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::allowed_groups::AllowedGroups;
use super::assignments::Assignments;
use super::bill::{Bill, BillGroup};
use super::cell::RowCells;
use super::customer_table::{CustomerId, CustomerTable};
use super::group_lists::{GroupLists, ListId};
use super::group_table::{Candidate, GroupId, GroupTable};
use super::ledger::{Ledger, MemoryLedger};
use super::outcome::{Outcome, RowOutcome};
#[cfg(feature = "arrow")]
use super::prepared_row::RowPreparation;
use super::prepared_row::{Glimpse, PreparedRow};
use super::refusals::Refusals;
use super::resemblance::{self, Resemblance};
use super::row::{Row, RowGroups};
use super::row_table::{PlannedRow, RowTable};
use super::standing::{RowStanding, Standing, State, Validity};
use crate::error::{Error, Field};
use crate::types::{Customer, Group, parse_groups};

/// What a plan applies to every row.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Groups for all rows, before those of the row itself.
    pub groups: Vec<Group>,
    /// When given, any other group is refused, compared by predicted slug.
    pub allow_groups: Option<Vec<Group>>,
    /// Which answers of earlier runs count.
    pub earlier: EarlierAnswers,
}

/// Which answers of earlier runs count, when a plan has a ledger. What the plan's own runs got acknowledged always counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EarlierAnswers {
    /// Sends everything again. Default: what was acknowledged is not sent again.
    pub resend: bool,
    /// Sends again what was acknowledged longer ago than this, because operators remove groups by hand. Default: never.
    pub resend_after: Option<Duration>,
    /// Sends again what the server refused. Default: it is rejected without asking the server.
    pub retry_rejected: bool,
    /// When the job began of which this plan is a leg: later answers are the job's own, and count in any case. Default: when the plan
    /// is made.
    pub begun_at: Option<Timestamp>,
}

impl PlanOptions {
    /// Parses the options from texts.
    ///
    /// # Errors
    ///
    /// The errors of [`parse_groups`]; an empty list of groups for all rows is fine.
    pub fn parse<T: AsRef<str>>(groups: &[T], allow_groups: Option<&[T]>) -> Result<Self, Error> {
        let groups = if groups.is_empty() { Vec::new() } else { parse_groups(groups)? };
        let allow_groups = allow_groups.map(parse_groups).transpose()?;
        Ok(Self { groups, allow_groups, earlier: EarlierAnswers::default() })
    }
}

/// How many rows are looked at together: enough to wait for memory together, few enough for the processor's cache.
pub(super) const AHEAD: usize = 64;

/// Makes a plan from rows, one by one; the rows themselves are not kept.
#[derive(Debug)]
pub struct PlanBuilder {
    constant_groups: Vec<GroupId>,
    allowed: Option<AllowedGroups>,
    earlier: EarlierAnswers,
    table: GroupTable,
    lists: GroupLists,
    customers: CustomerTable,
    rows: RowTable,
    refusals: Refusals,
    /// An upper bound, because rows of one customer may share some.
    assignments: u64,
    cell: String,
}

impl PlanBuilder {
    /// Begins a plan.
    ///
    /// # Errors
    ///
    /// `group_not_allowed` when a group for all rows is not among the allowed ones.
    pub fn new(options: &PlanOptions) -> Result<Self, Error> {
        let mut table = GroupTable::default();
        let allowed = options.allow_groups.as_deref().map(AllowedGroups::new);
        let mut constant_groups = Vec::new();
        for group in &options.groups {
            allowed.iter().try_for_each(|allowed| allowed.check(group))?;
            constant_groups.push(table.keep(Candidate::New(group.clone()))?);
        }
        Ok(Self {
            constant_groups,
            allowed,
            earlier: options.earlier,
            table,
            lists: GroupLists::default(),
            customers: CustomerTable::default(),
            rows: RowTable::default(),
            refusals: Refusals::default(),
            assignments: 0,
            cell: String::new(),
        })
    }

    /// Takes the next row: merges it into its customer's request, or refuses it with its number and the reason.
    pub fn push(&mut self, row: &Row<'_>) {
        if let Err(error) = self.accept(row, None) {
            self.refuse(error);
        }
    }

    /// Takes the next row as the values that were found in it, and notes its line, where there is one, when it is refused.
    pub fn push_cells(&mut self, cells: RowCells<'_>, line: Option<u64>) {
        if let Err(error) = Row::try_from(cells).and_then(|row| self.accept(&row, None)) {
            self.refuse(line.into_iter().fold(error, Error::at_line));
        }
    }

    /// Takes many rows, or why they cannot be read, each with its line where there are lines. It looks for many customers at once,
    /// which takes half of the time that they take one by one.
    pub fn push_all<'a>(&mut self, rows: impl IntoIterator<Item = (Result<Row<'a>, Error>, Option<u64>)>) {
        let (mut rows, mut chunk) = (rows.into_iter(), Vec::with_capacity(AHEAD));
        loop {
            let preparation = self.customers.preparation();
            chunk.extend(rows.by_ref().take(AHEAD).map(|(row, line)| preparation.prepare(row, line)));
            if chunk.is_empty() {
                break;
            }
            self.push_prepared(&mut chunk);
        }
    }

    /// Takes rows that are prepared, and leaves none.
    pub(super) fn push_prepared(&mut self, rows: &mut Vec<PreparedRow<'_>>) {
        for rows in rows.chunks_mut(AHEAD) {
            self.customers.find_all(rows);
            for PreparedRow { row, line, glimpse } in rows {
                let row = std::mem::replace(row, Ok(Row::default()));
                if let Err(error) = row.and_then(|row| self.accept(&row, *glimpse)) {
                    self.refuse(line.iter().fold(error, |error, line| error.at_line(*line)));
                }
            }
        }
        rows.clear();
    }

    /// What prepares rows for this plan.
    #[cfg(feature = "arrow")]
    pub(super) fn preparation(&self) -> &RowPreparation {
        self.customers.preparation()
    }

    /// Whether the options give groups to every row.
    #[must_use]
    pub fn has_groups_for_all_rows(&self) -> bool {
        !self.constant_groups.is_empty()
    }

    /// Takes the next row as one that could not even be read, for readers of inputs.
    pub fn refuse(&mut self, error: Error) {
        let refusal = self.refusals.push(error, self.rows() + 1);
        self.rows.refuse(refusal);
    }

    /// Rows taken so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Ends the plan. It remembers the assignments that its own runs got acknowledged.
    #[must_use]
    pub fn finish(self) -> Plan {
        self.into_plan(Arc::new(MemoryLedger::default()), i64::MIN)
    }

    /// Ends the plan with a ledger that outlives it, and asks it what need not be sent.
    ///
    /// # Errors
    ///
    /// Those of the ledger.
    pub async fn finish_with(self, ledger: Arc<dyn Ledger>, now: Timestamp) -> Result<Plan, Error> {
        let plan = self.into_plan(ledger, now.as_millisecond());
        plan.standing_now(now).await?;
        Ok(plan)
    }

    fn into_plan(self, ledger: Arc<dyn Ledger>, made_at: i64) -> Plan {
        let Self { mut table, mut lists, mut customers, mut rows, refusals, earlier, .. } = self;
        customers.seal();
        lists.seal();
        table.seal();
        rows.shrink();
        let assignments = Assignments::merge(customers.len(), &rows, &lists, &table);
        let made_at = earlier.begun_at.map_or(made_at, |begin| made_at.min(begin.as_millisecond()));
        let content = Content { table, lists, customers, rows, refusals, assignments };
        Plan { content: Arc::new(content), ledger, earlier, made_at, standing: Arc::default() }
    }

    fn accept(&mut self, row: &Row<'_>, glimpse: Option<Glimpse>) -> Result<(), Error> {
        let (email, cu_ref_no) = (row.email.as_deref(), row.cu_ref_no.as_deref());
        let list = self.list_of(row)?;
        let assignments = self.assignments + self.lists.get(list).len() as u64;
        if u32::try_from(assignments).is_err() {
            return Err(Error::internal("a plan has over four billion assignments"));
        }
        let customer = self.customers.insert(email, cu_ref_no, glimpse)?;
        self.assignments = assignments;
        self.rows.accept(customer, list);
        Ok(())
    }

    /// The list of a row's groups, which most rows share with an earlier one.
    fn list_of(&mut self, row: &Row<'_>) -> Result<ListId, Error> {
        match &row.groups {
            RowGroups::Absent => self.list_in("", row),
            RowGroups::Text(text) => self.list_in(text, row),
            RowGroups::List(list) => {
                let mut cell = std::mem::take(&mut self.cell);
                // No group may contain the mark of a list, so that no text is taken for one.
                cell.clear();
                cell.push('\u{1}');
                for group in list {
                    cell.push_str(group);
                    cell.push('\u{1}');
                }
                let list = self.list_in(&cell, row);
                self.cell = cell;
                list
            }
        }
    }

    fn list_in(&mut self, cell: &str, row: &Row<'_>) -> Result<ListId, Error> {
        match self.lists.find(cell) {
            Some(list) => Ok(list),
            None => {
                // Of two mistakes in a row, the one in the customer is told, and nothing of either stays in the plan.
                Customer::parse(row.email.as_deref(), row.cu_ref_no.as_deref())?;
                let groups = self.groups_of(row)?;
                Ok(self.lists.keep(cell, &groups))
            }
        }
    }

    /// The groups of a row, of which a refused one leaves nothing behind.
    fn groups_of(&mut self, row: &Row<'_>) -> Result<Vec<GroupId>, Error> {
        let mut candidates = Vec::new();
        row.groups.try_each(|text| {
            let candidate = self.table.find(text)?;
            if let (Candidate::New(group), Some(allowed)) = (&candidate, &self.allowed) {
                allowed.check(group)?;
            }
            candidates.push(candidate);
            Ok::<_, Error>(())
        })?;
        let mut groups = self.constant_groups.clone();
        for candidate in candidates {
            groups.push(self.table.keep(candidate)?);
        }
        if groups.is_empty() {
            let is_list = matches!(row.groups, RowGroups::List(_));
            let message = if is_list { "the list of groups is empty" } else { "no groups are given" };
            let advice = "give the row at least one group, or a group for all rows";
            return Err(Error::invalid_input("groups_missing", message, advice).at_field(Field::Groups));
        }
        // Sorting keeps the first of two texts with one slug first.
        groups.sort_by_key(|group| self.table.slug_id(*group));
        groups.dedup_by_key(|group| self.table.slug_id(*group));
        Ok(groups)
    }
}

/// The fewest requests that put the groups of all rows, and the rows that were refused. Making it sends nothing.
///
/// Cheap to clone: clones share the content and the ledger.
#[derive(Clone)]
pub struct Plan {
    pub(super) content: Arc<Content>,
    pub(super) ledger: Arc<dyn Ledger>,
    earlier: EarlierAnswers,
    made_at: i64,
    standing: Arc<Mutex<Known>>,
}

/// What the ledger said last.
#[derive(Default)]
struct Known {
    standing: Arc<Standing>,
    /// Of the ledger, before it was asked.
    revision: Option<u64>,
    /// When it was asked: answers that were too young then may be old now.
    at: i64,
}

/// For so many milliseconds nothing becomes older that matters.
const YOUNG: i64 = 60_000;

/// The rows of a plan, merged.
pub(super) struct Content {
    pub(super) table: GroupTable,
    pub(super) lists: GroupLists,
    pub(super) customers: CustomerTable,
    pub(super) rows: RowTable,
    pub(super) refusals: Refusals,
    pub(super) assignments: Assignments,
}

impl Content {
    pub(super) fn customer_count(&self) -> CustomerId {
        // A customer's number is one below.
        CustomerId::try_from(self.customers.len()).unwrap_or(CustomerId::MAX)
    }
}

impl Plan {
    /// What the plan will cost and do, as the ledger stood when it was asked last.
    #[must_use]
    pub fn bill(&self) -> Bill {
        let standing = self.standing();
        let Content { rows, refusals, assignments, .. } = &*self.content;
        let customers = self.content.customer_count();
        let mut rejected_by_code = BTreeMap::new();
        let mut count = |error: &Error, rows| {
            *rejected_by_code.entry(error.code().unwrap_or(error.kind().as_str()).to_owned()).or_default() += rows;
        };
        refusals.counts().for_each(|(reason, rows)| count(reason, rows));
        let (mut skipped, mut refused_earlier) = (0, 0);
        if !standing.is_fresh() {
            for row in rows.iter() {
                match standing.of_row(&self.content, row) {
                    RowStanding::Sent => {}
                    RowStanding::Skipped => skipped += 1,
                    RowStanding::Rejected(error) => {
                        refused_earlier += 1;
                        count(&error, 1);
                    }
                }
            }
        }
        let in_state = |state| (0..assignments.len()).filter(|place| standing.state(*place) == state).count() as u64;
        Bill {
            rows: rows.len() as u64,
            customers: u64::from(customers),
            requests: (0..customers).filter(|customer| standing.is_wanted(&self.content, *customer)).count() as u64,
            assignments: in_state(State::Open),
            skipped,
            skipped_assignments: in_state(State::Acknowledged),
            rejected: refusals.len() as u64 + refused_earlier,
            rejected_by_code,
            groups: self.bill_groups(&standing),
            time: None,
        }
    }

    fn bill_groups(&self, standing: &Standing) -> Vec<BillGroup> {
        let Content { table, assignments, .. } = &*self.content;
        let mut customers_of = vec![0_u64; table.len()];
        for group in assignments.all() {
            customers_of[table.slug_id(*group) as usize] += 1;
        }
        let customers_of = |id: GroupId| customers_of.get(id as usize).copied().unwrap_or_default();
        let of_plan = table.slugs().filter(|(id, _)| customers_of(*id) > 0).collect::<Vec<_>>();
        // A group that the ledger knows is right, however rare it is here.
        let known = standing.known_groups.iter().map(|group| (group.slug.clone(), group.text.clone(), u64::MAX));
        let here = of_plan
            .iter()
            .filter(|(id, _)| !standing.introduced.contains(id))
            .filter_map(|(id, slug)| Some(((*slug).to_owned(), table.get(*id)?.text().to_owned(), customers_of(*id))));
        let candidates: Vec<_> =
            known.chain(here).map(|(slug, text, weight)| resemblance::Candidate::new(slug, text, weight)).collect();
        let resemblance = Resemblance::new(&candidates);
        of_plan
            .iter()
            .filter_map(|(id, slug)| {
                let is_new = !standing.introduced.contains(id);
                let resembles = is_new.then(|| resemblance.of(slug, customers_of(*id))).flatten();
                Some(BillGroup {
                    text: table.get(*id)?.text().to_owned(),
                    slug: (*slug).to_owned(),
                    customers: customers_of(*id),
                    is_new,
                    resembles: resembles.map(str::to_owned),
                })
            })
            .collect()
    }

    /// The requests to send, in the order of their customers' first rows, each with the union of its groups.
    pub fn requests(&self) -> impl Iterator<Item = (Customer, Vec<Group>)> + '_ {
        let standing = self.standing();
        (0..self.content.customer_count()).filter_map(move |customer| self.request(&standing, customer))
    }

    /// The refused rows, in their order: each error tells its row, field and reason.
    pub fn refusals(&self) -> impl ExactSizeIterator<Item = Error> + '_ {
        self.content.refusals.iter()
    }

    /// One refused row, by its place among them. For hosts that show a long list page by page.
    #[must_use]
    pub fn refusal(&self, place: usize) -> Option<Error> {
        self.content.refusals.get(place)
    }

    /// The rows that are rejected before anything is sent: by this client, or by the server earlier.
    pub(super) fn rejected_rows(&self) -> impl Iterator<Item = RowOutcome> + '_ {
        let (content, standing) = (&*self.content, self.standing());
        self.rows().zip(1..).filter_map(move |(planned, row)| {
            let error = match planned {
                PlannedRow::Refused(refusal) => content.refusals.get(refusal as usize),
                PlannedRow::Accepted(..) => match standing.of_row(content, planned) {
                    RowStanding::Rejected(error) => Some(error),
                    RowStanding::Sent | RowStanding::Skipped => None,
                },
            };
            error.map(|error| RowOutcome { row, outcome: Outcome::Rejected, error: Some(error) })
        })
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &dyn Ledger {
        &*self.ledger
    }

    pub(super) fn request(&self, standing: &Standing, customer: CustomerId) -> Option<(Customer, Vec<Group>)> {
        let groups: Vec<Group> = standing
            .open_groups(&self.content, customer)
            .filter_map(|group| self.content.table.get(group))
            .cloned()
            .collect();
        // What the table took in, it gives back.
        (!groups.is_empty())
            .then(|| self.content.customers.get(customer).ok().map(|customer| (customer, groups)))
            .flatten()
    }

    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = PlannedRow> + '_ {
        self.content.rows.iter()
    }

    pub(super) fn row(&self, index: usize) -> Option<PlannedRow> {
        self.content.rows.get(index)
    }

    pub(super) fn row_count(&self) -> u64 {
        self.content.rows.len() as u64
    }

    /// How the plan stands with its ledger now. It is not asked again as long as nobody has written to it.
    pub(super) async fn standing_now(&self, now: Timestamp) -> Result<Arc<Standing>, Error> {
        let revision = self.ledger.revision().await?;
        let at = now.as_millisecond();
        {
            let known = self.known();
            if revision.is_some() && known.revision == revision && at.abs_diff(known.at) < YOUNG.unsigned_abs() {
                return Ok(Arc::clone(&known.standing));
            }
        }
        let standing = Arc::new(Standing::look_up(&self.content, &*self.ledger, self.validity(now)).await?);
        *self.known() = Known { standing: Arc::clone(&standing), revision, at };
        Ok(standing)
    }

    /// How the plan stood when its ledger was asked last.
    pub(super) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.known().standing)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn validity(&self, now: Timestamp) -> Validity {
        let EarlierAnswers { resend, resend_after, retry_rejected, .. } = self.earlier;
        let from = |is_ignored: bool| if is_ignored { self.made_at } else { i64::MIN };
        let oldest = resend_after.map_or(i64::MIN, |age| {
            let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            now.as_millisecond().saturating_sub(age)
        });
        // What this job got acknowledged by itself counts, however long it takes.
        Validity { acknowledged_from: from(resend).max(oldest.min(self.made_at)), refused_from: from(retry_rejected) }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Plan")
            .field("rows", &self.content.rows.len())
            .field("customers", &self.content.customers.len())
            .field("refusals", &self.content.refusals.len())
            .finish_non_exhaustive()
    }
}
