//! Every store of a ledger keeps the same promises: a file of SQLite, and a real PostgreSQL server that the test starts.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod postgres;
mod postgres_server;
mod sqlite;

use std::collections::BTreeSet;
use std::sync::Arc;

use bizkithub::job::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, Ledger, LedgerLocation, LedgerOwner, MemoryLedger,
    StoreLedger, Verdict,
};
use bizkithub::{Client, Error};

const KEY: &str = "DEV_0123456789abcdefghijABCDEFGH";

fn owner_with(base_url: &str, key: &str) -> LedgerOwner {
    LedgerOwner::of(&Client::builder().api_key(key).base_url(base_url).build().expect("a client"))
}

fn owner() -> LedgerOwner {
    owner_with("http://127.0.0.1:1", KEY)
}

fn open(location: &str) -> Result<StoreLedger, Error> {
    LedgerLocation::parse(location)?.open(&owner())
}

fn code<T>(result: Result<T, Error>) -> Option<String> {
    result.err().and_then(|error| error.code().map(str::to_owned))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn wait<T>(future: impl Future<Output = Result<T, Error>>) -> T {
    block_on(future).expect("the ledger works")
}

fn customer(number: u64) -> CustomerKey {
    // Keys are hashes: in no order.
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    CustomerKey(key)
}

fn entry(number: u64, group: i64, at: i64, verdict: Verdict) -> Entry {
    Entry { customer: customer(number), group: GroupKey(group), at, verdict }
}

fn acknowledged(number: u64, group: i64, at: i64) -> Entry {
    entry(number, group, at, Verdict::Acknowledged)
}

fn batch(entries: Vec<Entry>) -> Batch {
    Batch { entries, groups: Vec::new() }
}

fn look_up(ledger: &dyn Ledger, numbers: impl IntoIterator<Item = u64>) -> Vec<Entry> {
    let keys: BTreeSet<CustomerKey> = numbers.into_iter().map(customer).collect();
    let keys: Vec<_> = keys.into_iter().collect();
    wait(ledger.look_up(&keys))
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by_key(|entry| (entry.customer, entry.group));
    entries
}

/// What holds for every ledger, a new one; `other` is the same one, as another process sees it.
fn remembers_and_forgets(ledger: &dyn Ledger, other: &dyn Ledger) {
    assert!(wait(ledger.known_groups()).is_empty());
    assert!(look_up(ledger, 0..10).is_empty());
    let mut revisions = Vec::new();
    let mut is_changed = || {
        let revision = wait(ledger.revision());
        assert!(revision.is_none() || !revisions.contains(&revision), "{revision:?} was seen before: {revisions:?}");
        revisions.push(revision);
        assert_eq!(wait(ledger.revision()), revision, "nothing was written");
    };
    is_changed();

    // What was recorded is found, in the order of its keys, and the last word counts.
    let refused = entry(2, 7, 40, Verdict::Refused("INTERNAL_RESOURCE_NOT_FOUND".into()));
    wait(ledger.record(batch(vec![acknowledged(1, 7, 10), acknowledged(1, -8, 20), refused.clone()])));
    wait(ledger.record(batch(vec![acknowledged(3, 7, 50), acknowledged(1, 7, 60)])));
    let all = sorted(vec![acknowledged(1, 7, 60), acknowledged(1, -8, 20), refused.clone(), acknowledged(3, 7, 50)]);
    assert_eq!(look_up(ledger, 0..10), all);
    wait(ledger.compact());
    assert_eq!(look_up(ledger, 0..10), all);
    assert_eq!(look_up(ledger, [2]), vec![refused]);
    assert_eq!(wait(ledger.page(None, 2)), all[..2]);
    let after = (all[1].customer, all[1].group);
    assert_eq!(wait(ledger.page(Some(after), 10)), all[2..]);
    assert_eq!(wait(ledger.page(Some(after), 1)), all[2..3]);

    // The first text of a group stays.
    let group = |text: &str, at| KnownGroup { key: GroupKey(7), slug: "vip".to_owned(), text: text.to_owned(), at };
    for (text, at) in [("VIP", 1), ("vip", 2)] {
        wait(ledger.record(Batch { entries: Vec::new(), groups: vec![group(text, at)] }));
    }
    assert_eq!(wait(ledger.known_groups()), vec![group("VIP", 1)]);

    // Two processes see what the other one wrote, and change the quota's picture one after another.
    assert_eq!(look_up(other, 0..10), all);
    assert_eq!(other.secret().group("vip"), ledger.secret().group("vip"));
    is_changed();
    wait(other.record(batch(vec![acknowledged(4, 7, 70)])));
    is_changed();
    assert_eq!(look_up(ledger, [4]), vec![acknowledged(4, 7, 70)]);
    let append = |ledger: &dyn Ledger, letter: char| {
        wait(ledger.change_quota(Box::new(move |kept| kept.unwrap_or_default() + &letter.to_string())));
    };
    [(ledger, 'a'), (other, 'b'), (ledger, 'c')].into_iter().for_each(|(ledger, letter)| append(ledger, letter));
    let seen = Arc::new(std::sync::Mutex::new(None));
    let sink = Arc::clone(&seen);
    wait(other.change_quota(Box::new(move |kept| {
        sink.lock().expect("no panic").clone_from(&kept);
        String::new()
    })));
    assert_eq!(seen.lock().expect("no panic").as_deref(), Some("abc"));

    let summary = wait(ledger.summary());
    assert_eq!((summary.acknowledged, summary.refused, summary.groups[0].customers), (4, 1, 3));
    assert_eq!((&*summary.groups[0].text, &*summary.groups[0].slug), ("VIP", "vip"));

    // It forgets what it is told to, and nothing else.
    assert_eq!(wait(ledger.forget(Forget::Refusals)), 1);
    is_changed();
    assert_eq!(wait(ledger.forget(Forget::Assignment(customer(1), GroupKey(7)))), 1);
    assert_eq!(
        look_up(other, 0..10),
        sorted(vec![acknowledged(1, -8, 20), acknowledged(3, 7, 50), acknowledged(4, 7, 70)])
    );
    assert_eq!(wait(ledger.forget(Forget::Customer(customer(3)))), 1);
    is_changed();
    assert_eq!(wait(ledger.known_groups()), vec![group("VIP", 1)]);
    assert_eq!(wait(ledger.forget(Forget::Group(GroupKey(7)))), 1);
    assert!(wait(ledger.known_groups()).is_empty());
    assert_eq!(look_up(ledger, 0..10), vec![acknowledged(1, -8, 20)]);
}

/// A plan of many is looked up as surely as one of few, and everything can be forgotten. The ledger knows one assignment.
fn holds_many(ledger: &dyn Ledger) {
    let many = |range: std::ops::Range<u64>| range.map(|number| acknowledged(number, 5, 80)).collect();
    for start in (100..30_100).step_by(1_000) {
        wait(ledger.record(batch(many(start..start + 1_000))));
    }
    assert_eq!(look_up(ledger, 0..40_000).len(), 30_001);
    assert_eq!(look_up(ledger, (0..100_000).step_by(1_000)).len(), 30);
    let group = KnownGroup { key: GroupKey(5), slug: "yoga".to_owned(), text: "Yoga".to_owned(), at: 3 };
    wait(ledger.record(Batch { entries: Vec::new(), groups: vec![group] }));
    assert_eq!(wait(ledger.forget(Forget::Everything)), 30_001);
    assert!(look_up(ledger, 0..40_000).is_empty());
    assert!(wait(ledger.known_groups()).is_empty());
}

/// What holds for every store; `location` is opened several times.
fn keeps_its_promises(location: &str) {
    let (ledger, other) = (open(location).expect("a new ledger"), open(location).expect("the same ledger"));
    assert!(ledger.is_shared());
    remembers_and_forgets(&ledger, &other);
    drop((ledger, other));

    let ledger = open(location).expect("the same ledger");
    assert_eq!(look_up(&ledger, 0..10), vec![acknowledged(1, -8, 20)]);
    let summary = wait(ledger.summary());
    assert_eq!(summary.base_url, "http://127.0.0.1:1");
    assert!(summary.bytes.is_some_and(|bytes| bytes > 4_096), "{summary:?}");
    assert!(location.starts_with(summary.location.as_str()), "{summary:?}");
    assert_eq!(summary.key.len(), 8);
    assert!(summary.created_at.is_some());
    holds_many(&ledger);
    drop(ledger);

    // It belongs to one server, and to one key until another is accepted.
    let open_as = |owner: LedgerOwner| LedgerLocation::parse(location).expect("valid").open(&owner);
    assert_eq!(code(open_as(owner_with("http://127.0.0.1:2", KEY))).as_deref(), Some("ledger_of_another_server"));
    let new_key = || owner_with("http://127.0.0.1:1", "DEV_1123456789abcdefghijABCDEFGH");
    assert_eq!(code(open_as(new_key())).as_deref(), Some("ledger_of_another_key"));
    assert!(open_as(new_key().accepting_key(true)).is_ok());
    assert!(open_as(new_key()).is_ok());
    assert_eq!(code(open(location)).as_deref(), Some("ledger_of_another_key"));
}

#[test]
fn memory_keeps_its_promises_as_long_as_it_lasts() {
    let ledger = MemoryLedger::default();
    assert!(!ledger.is_shared());
    remembers_and_forgets(&ledger, &ledger);
    holds_many(&ledger);
}
