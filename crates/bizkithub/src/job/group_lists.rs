use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::group_table::GroupId;

/// A list's place in [`GroupLists`].
pub(super) type ListId = u32;

/// The lists of groups that rows carry, each once: a million rows whose cells say one of twenty things keep twenty lists.
///
/// The groups of a list stand in the order in which their slugs first appear in the input, each slug once.
#[derive(Debug, Default)]
pub(super) struct GroupLists {
    ends: Vec<usize>,
    groups: Vec<GroupId>,
    by_cell: HashMap<Box<str>, ListId, RandomState>,
}

impl GroupLists {
    pub(super) fn find(&self, cell: &str) -> Option<ListId> {
        self.by_cell.get(cell).copied()
    }

    /// Keeps the list that a cell stands for.
    pub(super) fn keep(&mut self, cell: &str, groups: &[GroupId]) -> ListId {
        // More lists than fit 32 bits exhaust memory long before.
        let id = ListId::try_from(self.ends.len()).unwrap_or(ListId::MAX);
        self.groups.extend(groups);
        self.ends.push(self.groups.len());
        self.by_cell.insert(cell.into(), id);
        id
    }

    pub(super) fn get(&self, id: ListId) -> &[GroupId] {
        let end_of = |index: usize| self.ends.get(index).copied().unwrap_or_default();
        let index = id as usize;
        let start = index.checked_sub(1).map_or(0, end_of);
        self.groups.get(start..end_of(index)).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Forgets which cells they stand for.
    pub(super) fn seal(&mut self) {
        self.by_cell = HashMap::default();
    }
}
