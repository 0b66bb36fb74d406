use std::collections::{HashMap, VecDeque};

use super::attempt::Attempt;
use super::customer_table::CustomerId;
use super::group_table::GroupId;
use super::standing::Standing;

/// Lets one request introduce each group that the server has never acknowledged, while the others that carry it wait: the server makes
/// a group when it first hears of it, and two requests at once could make it twice. Groups are told apart by slug.
#[derive(Debug)]
pub(super) struct Introductions {
    states: Vec<State>,
    waiting: HashMap<GroupId, VecDeque<Attempt>>,
    waiting_count: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    New,
    UnderWay(CustomerId),
    Introduced,
}

impl Introductions {
    /// So many requests are looked past for one whose groups are free; more would keep too many in mind.
    const LOOKAHEAD: usize = 65_536;

    pub(super) fn new(groups: usize, standing: &Standing) -> Self {
        let mut states = vec![State::New; groups];
        for group in &standing.introduced {
            if let Some(state) = states.get_mut(*group as usize) {
                *state = State::Introduced;
            }
        }
        Self { states, waiting: HashMap::new(), waiting_count: 0 }
    }

    /// Whether another request may be looked at, although many wait already.
    pub(super) fn has_room(&self) -> bool {
        self.waiting_count < Self::LOOKAHEAD
    }

    pub(super) fn is_anybody_waiting(&self) -> bool {
        self.waiting_count > 0
    }

    /// Lets an attempt leave, or keeps it until the group that it must wait for is settled.
    pub(super) fn admit(&mut self, attempt: Attempt, slugs: impl Iterator<Item = GroupId> + Clone) -> Option<Attempt> {
        let customer = attempt.customer;
        let blocking = slugs
            .clone()
            .find(|slug| matches!(self.states.get(*slug as usize), Some(State::UnderWay(other)) if *other != customer));
        if let Some(slug) = blocking {
            self.waiting.entry(slug).or_default().push_back(attempt);
            self.waiting_count += 1;
            return None;
        }
        for slug in slugs {
            if let Some(state @ State::New) = self.states.get_mut(slug as usize) {
                *state = State::UnderWay(customer);
            }
        }
        Some(attempt)
    }

    /// Notes how the request of a customer ended. Returns the attempts that need not wait any more, and whether each group was
    /// introduced by it.
    pub(super) fn settle(
        &mut self,
        customer: CustomerId,
        slugs: impl Iterator<Item = GroupId>,
        is_applied: bool,
        mut introduced: impl FnMut(GroupId),
    ) -> Vec<Attempt> {
        let mut freed = Vec::new();
        for slug in slugs {
            let Some(state) = self.states.get_mut(slug as usize) else { continue };
            if *state != State::UnderWay(customer) {
                continue;
            }
            *state = if is_applied { State::Introduced } else { State::New };
            if is_applied {
                introduced(slug);
                freed.extend(self.waiting.remove(&slug).into_iter().flatten());
            } else if let Some(next) = self.waiting.get_mut(&slug).and_then(VecDeque::pop_front) {
                // The next one tries; the others go on waiting.
                freed.push(next);
            }
        }
        self.waiting_count -= freed.len();
        freed
    }
}
