use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use super::allowed_groups::AllowedGroups;
use super::bill::{Bill, BillGroup};
use super::group_table::{Candidate, GroupId, GroupTable};
use super::ledger::{Ledger, MemoryLedger};
use super::row::{Row, RowGroups};
use crate::error::{Error, Field};
use crate::types::{Customer, CustomerIdentity, Group, parse_groups};

/// What a plan applies to every row.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Groups for all rows, before those of the row itself.
    pub groups: Vec<Group>,
    /// When given, any other group is refused, compared by predicted slug.
    pub allow_groups: Option<Vec<Group>>,
}

impl PlanOptions {
    /// Parses the options from texts.
    ///
    /// # Errors
    ///
    /// The errors of [`parse_groups`]; an empty list of groups for all rows is fine.
    pub fn parse<T: AsRef<str>>(groups: &[T], allow_groups: Option<&[T]>) -> Result<Self, Error> {
        let groups = if groups.is_empty() { Vec::new() } else { parse_groups(groups)? };
        Ok(Self { groups, allow_groups: allow_groups.map(parse_groups).transpose()? })
    }
}

/// What became of a row when it was planned.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowFate {
    Request(u32),
    Refused(u32),
}

/// One request of a plan: a customer with the union of the groups of all its rows.
#[derive(Debug)]
struct PlannedRequest {
    customer: Customer,
    groups: Vec<GroupId>,
}

/// Makes a plan from rows, one by one; the rows themselves are not kept.
#[derive(Debug)]
pub struct PlanBuilder {
    constant_groups: Vec<GroupId>,
    allowed: Option<AllowedGroups>,
    table: GroupTable,
    requests: Vec<PlannedRequest>,
    by_identity: HashMap<CustomerIdentity, u32>,
    fates: Vec<RowFate>,
    refusals: Vec<Error>,
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
            table,
            requests: Vec::new(),
            by_identity: HashMap::new(),
            fates: Vec::new(),
            refusals: Vec::new(),
        })
    }

    /// Takes the next row: merges it into its customer's request, or refuses it with its number and the reason.
    pub fn push(&mut self, row: &Row<'_>) {
        match self.accept(row) {
            Ok(request) => self.fates.push(RowFate::Request(request)),
            Err(error) => self.refuse(error),
        }
    }

    /// Takes the next row, and notes the line where it begins when it is refused.
    #[cfg(feature = "native")]
    pub(super) fn push_line(&mut self, row: &Row<'_>, line: u64) {
        match self.accept(row) {
            Ok(request) => self.fates.push(RowFate::Request(request)),
            Err(error) => self.refuse(error.at_line(line)),
        }
    }

    /// Whether the options give groups to every row.
    #[must_use]
    pub fn has_groups_for_all_rows(&self) -> bool {
        !self.constant_groups.is_empty()
    }

    /// Takes the next row as one that could not even be read, for readers of inputs.
    pub fn refuse(&mut self, error: Error) {
        let row = self.rows() + 1;
        // More rows than fit 32 bits exhaust memory long before.
        let place = u32::try_from(self.refusals.len()).unwrap_or(u32::MAX);
        self.refusals.push(error.at_row(row));
        self.fates.push(RowFate::Refused(place));
    }

    /// Rows taken so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.fates.len() as u64
    }

    /// Ends the plan. It remembers the assignments that its own runs got acknowledged.
    #[must_use]
    pub fn finish(self) -> Plan {
        self.finish_with(Arc::new(MemoryLedger::default()))
    }

    /// Ends the plan, with a ledger that outlives it.
    #[must_use]
    pub fn finish_with(self, ledger: Arc<dyn Ledger>) -> Plan {
        let Self { table, requests, fates, refusals, .. } = self;
        Plan { content: Arc::new(Content { table, requests, fates, refusals }), ledger }
    }

    fn accept(&mut self, row: &Row<'_>) -> Result<u32, Error> {
        let customer = Customer::parse(row.email.as_deref(), row.cu_ref_no.as_deref())?;
        let groups = self.groups_of(row)?;
        let next =
            u32::try_from(self.requests.len()).map_err(|_| Error::internal("a plan has over four billion requests"))?;
        let place = match self.by_identity.entry(customer.identity()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                self.requests.push(PlannedRequest { customer, groups: Vec::new() });
                *free.insert(next)
            }
        };
        if let Some(request) = self.requests.get_mut(place as usize) {
            for id in groups {
                merge(&mut request.groups, id, &self.table);
            }
        }
        Ok(place)
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
        Ok(groups)
    }
}

/// Adds a group unless its slug is there. The groups of a request stay in the order in which their slugs first appear in the
/// input, so that finding one costs a binary search also for a customer with ten thousand of them.
fn merge(groups: &mut Vec<GroupId>, id: GroupId, table: &GroupTable) {
    if let Err(place) = groups.binary_search_by_key(&table.slug_id(id), |known| table.slug_id(*known)) {
        groups.insert(place, id);
    }
}

/// The fewest requests that put the groups of all rows, and the rows that were refused. Making it sends nothing.
///
/// Cheap to clone: clones share the content and the ledger.
#[derive(Clone)]
pub struct Plan {
    content: Arc<Content>,
    pub(super) ledger: Arc<dyn Ledger>,
}

struct Content {
    table: GroupTable,
    requests: Vec<PlannedRequest>,
    fates: Vec<RowFate>,
    refusals: Vec<Error>,
}

impl Plan {
    /// What the plan will cost and do.
    #[must_use]
    pub fn bill(&self) -> Bill {
        let Content { table, requests, fates, refusals } = &*self.content;
        let mut customers_of: BTreeMap<GroupId, u64> = BTreeMap::new();
        for id in requests.iter().flat_map(|request| &request.groups) {
            *customers_of.entry(table.slug_id(*id)).or_default() += 1;
        }
        let groups = customers_of.into_iter().filter_map(|(id, customers)| {
            let group = table.get(id)?;
            Some(BillGroup { text: group.text().to_owned(), slug: group.slug().to_owned(), customers })
        });
        let mut rejected_by_code = BTreeMap::new();
        for code in refusals.iter().filter_map(Error::code) {
            *rejected_by_code.entry(code.to_owned()).or_default() += 1;
        }
        Bill {
            rows: fates.len() as u64,
            customers: requests.len() as u64,
            requests: requests.len() as u64,
            rejected: refusals.len() as u64,
            rejected_by_code,
            groups: groups.collect(),
        }
    }

    /// The requests, in the order of their customers' first rows, each with the union of its groups.
    pub fn requests(&self) -> impl ExactSizeIterator<Item = (&Customer, Vec<&Group>)> {
        let Content { table, requests, .. } = &*self.content;
        requests.iter().map(|request| {
            let groups = request.groups.iter().filter_map(|id| table.get(*id));
            (&request.customer, groups.collect())
        })
    }

    /// The refused rows, in their order: each error tells its row, field and reason.
    #[must_use]
    pub fn refusals(&self) -> &[Error] {
        &self.content.refusals
    }

    pub(super) fn request(&self, place: usize) -> Option<(&Customer, Vec<Group>)> {
        let Content { table, requests, .. } = &*self.content;
        let request = requests.get(place)?;
        Some((&request.customer, request.groups.iter().filter_map(|id| table.get(*id)).cloned().collect()))
    }

    pub(super) fn fates(&self) -> &[RowFate] {
        &self.content.fates
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bill { rows, requests, rejected, .. } = self.bill();
        formatter
            .debug_struct("Plan")
            .field("rows", &rows)
            .field("requests", &requests)
            .field("rejected", &rejected)
            .finish_non_exhaustive()
    }
}
