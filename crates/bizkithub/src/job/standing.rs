use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::customer_table::CustomerId;
use super::group_table::GroupId;
use super::ledger::{CustomerKey, Entry, KnownGroup, Ledger, Verdict};
use super::outcome::Outcome;
use super::plan::Content;
use super::row_table::PlannedRow;
use crate::error::{Error, ErrorKind};
use crate::protocol::ErrorCode;

/// How a plan stands with its ledger: which of its assignments are still to be sent.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// By the place of the assignment; empty when the ledger knows none of them.
    states: Vec<State>,
    refusals: HashMap<usize, Box<Refusal>>,
    /// The slugs that the ledger has seen acknowledged.
    pub(super) introduced: HashSet<GroupId>,
    pub(super) known_groups: Vec<KnownGroup>,
}

/// What the ledger knows of an assignment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum State {
    /// Nothing that counts: it is to be sent.
    #[default]
    Open,
    Acknowledged,
    Refused,
}

#[derive(Debug)]
struct Refusal {
    code: Box<str>,
    at: i64,
}

/// What a row waits for.
pub(super) enum RowStanding {
    /// The request of its customer.
    Sent,
    /// Nothing: the ledger knows its groups.
    Skipped,
    /// Nothing: the server refused it earlier.
    Rejected(Error),
}

/// How many customers are looked up at once.
const CHUNK: usize = 100_000;

/// Which entries of a ledger count, by their time in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) acknowledged_from: i64,
    pub(super) refused_from: i64,
}

impl Standing {
    /// Asks the ledger about every assignment of a plan.
    pub(super) async fn look_up(content: &Content, ledger: &dyn Ledger, validity: Validity) -> Result<Self, Error> {
        let known_groups = ledger.known_groups().await?;
        let mut standing = Self { known_groups, ..Self::default() };
        let secret = ledger.secret();
        let group_of: HashMap<_, _> = content.table.slugs().map(|(id, slug)| (secret.group(slug), id)).collect();
        standing.introduced =
            standing.known_groups.iter().filter_map(|known| group_of.get(&known.key)).copied().collect();
        let mut customers: Vec<(CustomerKey, CustomerId)> = (0..content.customer_count())
            .filter_map(|id| content.customers.with_identity(id, |identity| (secret.identity(&identity), id)))
            .collect();
        customers.sort_unstable();
        for chunk in customers.chunks(CHUNK) {
            let keys: Vec<CustomerKey> = chunk.iter().map(|(key, _)| *key).collect();
            let mut wanted = chunk.iter().peekable();
            for entry in ledger.look_up(&keys).await? {
                while wanted.next_if(|(key, _)| *key < entry.customer).is_some() {}
                let Some((_, customer)) = wanted.peek().filter(|(key, _)| *key == entry.customer) else { continue };
                if let Some(place) = group_of
                    .get(&entry.group)
                    .and_then(|group| content.assignments.place(*customer, *group, &content.table))
                {
                    standing.take(place, content.assignments.len(), entry, validity);
                }
            }
        }
        Ok(standing)
    }

    fn take(&mut self, place: usize, assignments: usize, entry: Entry, validity: Validity) {
        let state = match entry.verdict {
            Verdict::Acknowledged if entry.at >= validity.acknowledged_from => State::Acknowledged,
            Verdict::Refused(code) if entry.at >= validity.refused_from => {
                self.refusals.insert(place, Box::new(Refusal { code, at: entry.at }));
                State::Refused
            }
            _ => return,
        };
        if self.states.is_empty() {
            self.states = vec![State::Open; assignments];
        }
        if let Some(known) = self.states.get_mut(place) {
            *known = state;
        }
    }

    /// Whether nothing is known, so that everything is to be sent.
    pub(super) fn is_fresh(&self) -> bool {
        self.states.is_empty()
    }

    pub(super) fn state(&self, place: usize) -> State {
        self.states.get(place).copied().unwrap_or_default()
    }

    /// Whether a customer has something to send.
    pub(super) fn is_wanted(&self, content: &Content, customer: CustomerId) -> bool {
        self.is_fresh() || self.open_groups(content, customer).next().is_some()
    }

    /// The groups of a customer that are to be sent.
    pub(super) fn open_groups<'a>(
        &'a self,
        content: &'a Content,
        customer: CustomerId,
    ) -> impl Iterator<Item = GroupId> + Clone + 'a {
        let places = content.assignments.range(customer);
        let groups = content.assignments.groups(customer).iter().copied();
        groups.zip(places).filter(|(_, place)| self.state(*place) == State::Open).map(|(group, _)| group)
    }

    /// What a row waits for.
    pub(super) fn of_row(&self, content: &Content, row: PlannedRow) -> RowStanding {
        let PlannedRow::Accepted(customer, list) = row else { return RowStanding::Sent };
        if self.is_fresh() {
            return RowStanding::Sent;
        }
        let mut is_open = false;
        for group in content.lists.get(list) {
            let Some(place) = content.assignments.place(customer, *group, &content.table) else { continue };
            match self.state(place) {
                State::Open => is_open = true,
                State::Acknowledged => {}
                State::Refused => return RowStanding::Rejected(self.refusal(place)),
            }
        }
        if is_open { RowStanding::Sent } else { RowStanding::Skipped }
    }

    fn refusal(&self, place: usize) -> Error {
        let Some(refusal) = self.refusals.get(&place) else { return Error::internal("a refusal is missing") };
        let Refusal { code, at } = &**refusal;
        let known = ErrorCode::find(code);
        let meaning = known.map_or("the server refused the request", |known| known.meaning);
        let advice = known.map_or("check the customer and its groups", |known| known.advice);
        let day = Timestamp::from_millisecond(*at).map(|moment| format!("{moment:.0}")).unwrap_or_default();
        let code = (code.as_ref() != ErrorKind::Rejected.as_str()).then(|| code.to_string().into());
        Error::new(ErrorKind::Rejected, code, format!("refused earlier, at {day}: {meaning}"))
            .advise(format!("{advice}, then have rejected customers tried again"))
    }
}

impl RowStanding {
    /// The outcome of a row that does not wait for a request.
    pub(super) fn outcome(self) -> Option<(Outcome, Option<Error>)> {
        match self {
            Self::Sent => None,
            Self::Skipped => Some((Outcome::Skipped, None)),
            Self::Rejected(error) => Some((Outcome::Rejected, Some(error))),
        }
    }
}
