use std::collections::HashSet;

use crate::error::{Error, Field};
use crate::types::Group;

/// How many allowed groups an error names.
const NAMED: usize = 10;

/// The groups that a plan may put, compared by predicted slug, so that a typo creates no new group.
#[derive(Debug)]
pub(super) struct AllowedGroups {
    slugs: HashSet<Box<str>>,
    named: String,
}

impl AllowedGroups {
    pub(super) fn new(groups: &[Group]) -> Self {
        let names: Vec<&str> = groups.iter().map(Group::text).take(NAMED).collect();
        let more = groups.len().saturating_sub(NAMED);
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        Self { slugs: groups.iter().map(|group| group.slug().into()).collect(), named: names.join(", ") + &rest }
    }

    pub(super) fn check(&self, group: &Group) -> Result<(), Error> {
        if self.slugs.contains(group.slug()) {
            return Ok(());
        }
        Err(Error::invalid_input(
            "group_not_allowed",
            format!("the group {:?} is not among the allowed groups", group.text()),
            format!("correct its name, or allow it; allowed are: {}", self.named),
        )
        .at_field(Field::Groups))
    }
}
