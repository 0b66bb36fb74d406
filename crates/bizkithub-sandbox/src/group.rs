use std::collections::HashMap;

use bizkithub::Group;
use serde::Serialize;

/// A group as the sandbox holds it.
///
/// JSON: `{"slug": "vip", "name": "VIP", "customers": 2, "timesCreated": 1}`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRecord {
    /// What `toSlug` made of the name: the group's identity.
    pub slug: String,
    /// The text of the first request that used it.
    pub name: String,
    /// How many customers have it now.
    pub customers: u64,
    /// How often it was created: more than once only when it was deleted in between.
    pub times_created: u64,
}

/// All groups of the organisation by number; a deleted one keeps its number and counts no customers.
#[derive(Default)]
pub(crate) struct GroupTable {
    entries: Vec<GroupEntry>,
    by_slug: HashMap<Box<str>, u32>,
}

struct GroupEntry {
    record: GroupRecord,
    exists: bool,
}

impl GroupTable {
    /// The number of a group, which is created when it does not exist.
    pub(crate) fn find_or_create(&mut self, group: &Group) -> Option<u32> {
        let Some(&number) = self.by_slug.get(group.slug()) else {
            let number = u32::try_from(self.entries.len()).ok()?;
            let (slug, name) = (group.slug().to_owned(), group.text().to_owned());
            self.by_slug.insert(slug.as_str().into(), number);
            let record = GroupRecord { slug, name, customers: 0, times_created: 1 };
            self.entries.push(GroupEntry { record, exists: true });
            return Some(number);
        };
        let entry = self.entries.get_mut(number as usize)?;
        if !entry.exists {
            entry.exists = true;
            entry.record.name = group.text().to_owned();
            entry.record.times_created += 1;
        }
        Some(number)
    }

    pub(crate) fn number(&self, slug: &str) -> Option<u32> {
        let number = *self.by_slug.get(slug)?;
        self.entries.get(number as usize)?.exists.then_some(number)
    }

    pub(crate) fn slug(&self, number: u32) -> Option<&str> {
        self.entries.get(number as usize).map(|entry| entry.record.slug.as_str())
    }

    pub(crate) fn gain_customer(&mut self, number: u32) {
        if let Some(entry) = self.entries.get_mut(number as usize) {
            entry.record.customers += 1;
        }
    }

    pub(crate) fn lose_customer(&mut self, number: u32) {
        if let Some(entry) = self.entries.get_mut(number as usize) {
            entry.record.customers = entry.record.customers.saturating_sub(1);
        }
    }

    pub(crate) fn delete(&mut self, number: u32) {
        if let Some(entry) = self.entries.get_mut(number as usize) {
            entry.exists = false;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.exists).count()
    }

    /// All existing groups, in the order of their first creation.
    pub(crate) fn records(&self) -> Vec<GroupRecord> {
        self.entries.iter().filter(|entry| entry.exists).map(|entry| entry.record.clone()).collect()
    }
}
