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

/// A group of a row that is not yet accepted.
pub(super) enum Candidate {
    Known(GroupId),
    New(Group),
}

impl GroupTable {
    /// Forgets how to find groups; they can be read as before.
    pub(super) fn seal(&mut self) {
        self.by_text = HashMap::new();
        self.by_slug = HashMap::new();
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Finds or parses a group; a new one is not kept yet.
    pub(super) fn find(&self, text: &str) -> Result<Candidate, Error> {
        match self.by_text.get(text.trim()) {
            Some(id) => Ok(Candidate::Known(*id)),
            None => Group::parse(text).map(Candidate::New),
        }
    }

    pub(super) fn keep(&mut self, candidate: Candidate) -> Result<GroupId, Error> {
        let group = match candidate {
            Candidate::Known(id) => return Ok(id),
            Candidate::New(group) => group,
        };
        if let Some(id) = self.by_text.get(group.text()) {
            return Ok(*id);
        }
        let id =
            GroupId::try_from(self.groups.len()).map_err(|_| Error::internal("a plan has over four billion groups"))?;
        let first = *self.by_slug.entry(group.slug().into()).or_insert(id);
        self.by_text.insert(group.text().into(), id);
        self.first_of_slug.push(first);
        self.groups.push(group);
        Ok(id)
    }

    pub(super) fn get(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(id as usize)
    }

    /// Every slug once, with the first group that has it.
    pub(super) fn slugs(&self) -> impl Iterator<Item = (GroupId, &str)> {
        let ids = (0..).zip(&self.first_of_slug).filter(|(id, first)| id == *first).map(|(id, _)| id);
        ids.filter_map(|id: GroupId| Some((id, self.get(id)?.slug())))
    }

    /// What two groups share when their predicted slug is the same.
    pub(super) fn slug_id(&self, id: GroupId) -> GroupId {
        self.first_of_slug.get(id as usize).copied().unwrap_or(id)
    }
}
