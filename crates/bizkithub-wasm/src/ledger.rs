//! A ledger that the host keeps, in a table of its own.

use std::future::ready;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bizkithub::job::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, LedgerSecret, LedgerSummary, MemoryLedger, QuotaChange,
    Verdict,
};
use bizkithub::{BoxFuture, Clock, Error};
use bizkithub_javascript::json;
use futures_util::future::{Either, select};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::clock::HostClock;
use crate::executor;
use crate::host::Callback;
use crate::questions::Questions;

/// How many customers are looked up, or answers recorded, by one call of the host.
const AT_ONCE: usize = 1_000;

/// How long a host may take for an answer, so that a ledger that hangs does not hold a run for ever.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);

thread_local! {
    static OPEN: Questions<Result<String, String>> = Questions::default();
}

/// The host's ledger: a JavaScript function that is asked by numbers, and answers later with `answerLedger` or `failLedger`.
#[wasm_bindgen]
pub struct Ledger(Rc<Callback>);

#[wasm_bindgen]
impl Ledger {
    /// `ask` is called with a question's number, the name of a method, and its argument in JSON.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(ask: Callback) -> Self {
        Self(Rc::new(ask))
    }

    pub(crate) fn of(&self, client: &bizkithub::Client) -> HostLedger {
        let secret = LedgerSecret::of_api_key(client.api_key());
        HostLedger { ask: self.0.clone(), secret, quota: MemoryLedger::default() }
    }
}

/// The answer to a question, in JSON.
#[wasm_bindgen(js_name = answerLedger)]
pub fn answer_ledger(question: u32, answer: String) {
    OPEN.with(|open| open.answer(question, Ok(answer)));
    executor::run();
}

/// Why a question has no answer.
#[wasm_bindgen(js_name = failLedger)]
pub fn fail_ledger(question: u32, reason: String) {
    OPEN.with(|open| open.answer(question, Err(reason)));
    executor::run();
}

/// What the core holds of a [`Ledger`].
pub(crate) struct HostLedger {
    ask: Rc<Callback>,
    secret: LedgerSecret,
    /// The picture of the quota is this process's own.
    quota: MemoryLedger,
}

/// An entry as the host sees it: keys are texts, because JavaScript's numbers are too short for them.
#[derive(Deserialize, Serialize)]
struct HostEntry {
    customer: String,
    group: String,
    at: i64,
    /// Absent where the server said yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// A group as the host sees it.
#[derive(Deserialize, Serialize)]
struct HostGroup {
    group: String,
    slug: String,
    text: String,
    at: i64,
}

#[derive(Serialize)]
struct HostBatch {
    entries: Vec<HostEntry>,
    groups: Vec<HostGroup>,
}

impl From<Entry> for HostEntry {
    fn from(Entry { customer, group, at, verdict }: Entry) -> Self {
        let refused = match verdict {
            Verdict::Acknowledged => None,
            Verdict::Refused(code) => Some(code.into()),
        };
        Self { customer: customer.to_string(), group: group_text(group), at, refused }
    }
}

impl TryFrom<HostEntry> for Entry {
    type Error = Error;

    fn try_from(HostEntry { customer, group, at, refused }: HostEntry) -> Result<Self, Error> {
        let verdict = refused.map_or(Verdict::Acknowledged, |code| Verdict::Refused(code.into()));
        Ok(Self { customer: customer_of(&customer)?, group: group_of(&group)?, at, verdict })
    }
}

impl HostLedger {
    async fn question(&self, what: &str, argument: &str) -> Result<String, Error> {
        let asked = OPEN.with(Questions::ask);
        let number = asked.number();
        self.ask.ask(&JsValue::NULL, number, what, argument);
        match select(pin!(asked.answer()), HostClock.sleep(LONGEST_ANSWER)).await {
            Either::Left((Some(Ok(answer)), _)) => Ok(answer),
            Either::Left((Some(Err(reason)), _)) => {
                Err(Error::ledger(format!("the ledger failed at {what}: {reason}")))
            }
            Either::Left((None, _)) => Err(Error::internal("a question to the ledger was forgotten")),
            Either::Right(_) => {
                OPEN.with(|open| open.forget(number));
                let seconds = LONGEST_ANSWER.as_secs();
                Err(Error::ledger(format!("the ledger did not answer {what} within {seconds} seconds")))
            }
        }
    }

    async fn list<T: DeserializeOwned>(&self, what: &str, argument: &str) -> Result<Vec<T>, Error> {
        let answer = self.question(what, argument).await?;
        serde_json::from_str(&answer).map_err(|error| unlike(&format!("{what} answered something else: {error}")))
    }
}

impl bizkithub::job::Ledger for HostLedger {
    fn secret(&self) -> &LedgerSecret {
        &self.secret
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn known_groups(&self) -> BoxFuture<'_, Result<Vec<KnownGroup>, Error>> {
        Box::pin(async {
            let groups: Vec<HostGroup> = self.list("knownGroups", "null").await?;
            let known = |HostGroup { group, slug, text, at }| Ok(KnownGroup { key: group_of(&group)?, slug, text, at });
            groups.into_iter().map(known).collect()
        })
    }

    fn look_up<'a>(&'a self, customers: &'a [CustomerKey]) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        Box::pin(async move {
            let mut entries = Vec::new();
            for customers in customers.chunks(AT_ONCE) {
                let texts: Vec<_> = customers.iter().map(ToString::to_string).collect();
                let found: Vec<HostEntry> = self.list("lookUp", &json(&texts)).await?;
                for entry in found {
                    let entry = Entry::try_from(entry)?;
                    // A host may answer more than it was asked.
                    if customers.binary_search(&entry.customer).is_ok() {
                        entries.push(entry);
                    }
                }
            }
            // The latest counts, where a host keeps them all.
            entries.sort_by_key(|entry| entry.at);
            Entry::keep_last(&mut entries);
            Ok(entries)
        })
    }

    fn revision(&self) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        Box::pin(ready(Ok(None)))
    }

    fn record(&self, batch: Batch) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let group = |KnownGroup { key, slug, text, at }| HostGroup { group: group_text(key), slug, text, at };
            let mut entries = batch.entries.into_iter().map(HostEntry::from);
            let mut groups: Vec<_> = batch.groups.into_iter().map(group).collect();
            loop {
                let entries: Vec<_> = entries.by_ref().take(AT_ONCE).collect();
                if entries.is_empty() && groups.is_empty() {
                    return Ok(());
                }
                // What was recorded when a later part fails is true all the same.
                let part = HostBatch { entries, groups: std::mem::take(&mut groups) };
                self.question("record", &json(&part)).await?;
            }
        })
    }

    fn change_quota(&self, change: QuotaChange) -> BoxFuture<'_, Result<(), Error>> {
        self.quota.change_quota(change)
    }

    fn forget(&self, _: Forget) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(ready(Err(by_the_host())))
    }

    fn page(&self, _: Option<(CustomerKey, GroupKey)>, _: u32) -> BoxFuture<'_, Result<Vec<Entry>, Error>> {
        Box::pin(ready(Err(by_the_host())))
    }

    fn compact(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(ready(Err(by_the_host())))
    }

    fn summary(&self) -> BoxFuture<'_, Result<LedgerSummary, Error>> {
        Box::pin(ready(Err(by_the_host())))
    }
}

fn by_the_host() -> Error {
    Error::ledger("the host looks after its ledger by itself")
}

fn unlike(message: &str) -> Error {
    Error::ledger(format!("the ledger's {message}"))
}

fn group_text(GroupKey(key): GroupKey) -> String {
    key.to_string()
}

fn group_of(text: &str) -> Result<GroupKey, Error> {
    text.parse().map(GroupKey).map_err(|_| unlike("key of a group is none that it was given"))
}

fn customer_of(text: &str) -> Result<CustomerKey, Error> {
    let key = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
    key.map(|key| CustomerKey(key.to_be_bytes())).ok_or_else(|| unlike("key of a customer is none that it was given"))
}
