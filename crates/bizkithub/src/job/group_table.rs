use std::collections::HashMap;

use crate::error::Error;
use crate::types::Group;

/// A group's place in a [`GroupTable`]. Two texts with one predicted slug have two places.
pub(super) type GroupId = u32;

/// Every group of a plan, parsed once: a million rows with twenty groups keep twenty texts.
#[derive(Debug, Default)]
pub(super) struct GroupTable {
    groups: Vec<Group>,
    /// The first place with the same slug, by place.
    first_of_slug: Vec<GroupId>,
    by_text: HashMap<Box<str>, GroupId>,
    by_slug: HashMap<Box<str>, GroupId>,
}

impl GroupTable {
    /// Finds or parses a group.
    pub(super) fn intern(&mut self, text: &str) -> Result<GroupId, Error> {
        if let Some(id) = self.by_text.get(text) {
            return Ok(*id);
        }
        let group = Group::parse(text)?;
        let id =
            GroupId::try_from(self.groups.len()).map_err(|_| Error::internal("a plan has over four billion groups"))?;
        let first = *self.by_slug.entry(group.slug().into()).or_insert(id);
        self.by_text.insert(text.into(), id);
        self.first_of_slug.push(first);
        self.groups.push(group);
        Ok(id)
    }

    pub(super) fn get(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(id as usize)
    }

    /// What two groups share when their predicted slug is the same.
    pub(super) fn slug_id(&self, id: GroupId) -> GroupId {
        self.first_of_slug.get(id as usize).copied().unwrap_or(id)
    }
}
