use std::ops::Range;

use super::customer_table::CustomerId;
use super::group_lists::{GroupLists, ListId};
use super::group_table::{GroupId, GroupTable};
use super::row_table::RowTable;

/// Which groups each customer gets: the union of those of its rows. The assignments of all customers stand in one row, customer by
/// customer; within a customer in the order in which their slugs first appear in the input.
#[derive(Debug, Default)]
pub(super) struct Assignments {
    /// Where each customer's assignments end.
    ends: Vec<u32>,
    groups: Vec<GroupId>,
}

impl Assignments {
    /// Merges the rows of each customer.
    pub(super) fn merge(customers: usize, rows: &RowTable, lists: &GroupLists, table: &GroupTable) -> Self {
        let mut assignments = Self { ends: Vec::with_capacity(customers), groups: Vec::new() };
        if lists.len() == 1 {
            for _ in 0..customers {
                assignments.push(lists.get(0));
            }
            return assignments;
        }
        let (starts, sorted) = rows.lists_by_customer(customers);
        let mut union = Vec::new();
        for bounds in starts.windows(2) {
            let of_customer = sorted.get(bounds[0] as usize..bounds[1] as usize).unwrap_or_default();
            match of_customer {
                [] => assignments.push(&[]),
                [first, rest @ ..] if rest.iter().all(|list| list == first) => assignments.push(lists.get(*first)),
                several => {
                    unite(&mut union, several, lists, table);
                    assignments.push(&union);
                }
            }
        }
        assignments.groups.shrink_to_fit();
        assignments
    }

    fn push(&mut self, groups: &[GroupId]) {
        self.groups.extend(groups);
        // The builder refuses the row that would be too many.
        self.ends.push(u32::try_from(self.groups.len()).unwrap_or(u32::MAX));
    }

    /// The places of a customer's assignments.
    pub(super) fn range(&self, customer: CustomerId) -> Range<usize> {
        let end_of = |index: usize| self.ends.get(index).copied().unwrap_or_default() as usize;
        let index = customer as usize;
        index.checked_sub(1).map_or(0, end_of)..end_of(index)
    }

    /// The groups of a customer.
    pub(super) fn groups(&self, customer: CustomerId) -> &[GroupId] {
        self.groups.get(self.range(customer)).unwrap_or_default()
    }

    /// The place of a customer's group, or of the other text with the same slug under which the customer has it.
    pub(super) fn place(&self, customer: CustomerId, group: GroupId, table: &GroupTable) -> Option<usize> {
        let slug = table.slug_id(group);
        let place = self.groups(customer).binary_search_by_key(&slug, |known| table.slug_id(*known)).ok()?;
        Some(self.range(customer).start + place)
    }

    /// The number of all assignments.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The groups of all assignments, customer by customer.
    pub(super) fn all(&self) -> &[GroupId] {
        &self.groups
    }
}

/// Of two texts with one slug, the one that comes first is kept.
fn unite(union: &mut Vec<GroupId>, several: &[ListId], lists: &GroupLists, table: &GroupTable) {
    union.clear();
    for list in several {
        for group in lists.get(*list) {
            let slug = table.slug_id(*group);
            if let Err(place) = union.binary_search_by_key(&slug, |known| table.slug_id(*known)) {
                union.insert(place, *group);
            }
        }
    }
}
