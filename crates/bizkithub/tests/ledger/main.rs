//! Every store of a ledger keeps the same promises: a file of SQLite, and a real PostgreSQL server that the test starts.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod postgres;

use std::collections::BTreeSet;
use std::sync::Arc;

use bizkithub::job::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, Ledger, LedgerLocation, LedgerOwner, StoreLedger, Verdict,
};
use bizkithub::{Client, Error};
use tempfile::TempDir;

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

fn wait<T>(future: impl Future<Output = Result<T, Error>>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
        .expect("the ledger works")
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

/// What holds for every store; `location` is opened several times.
fn keeps_its_promises(location: &str) {
    let ledger = open(location).expect("a new ledger");
    assert!(wait(ledger.known_groups()).is_empty());
    assert!(look_up(&ledger, 0..10).is_empty());

    // What was recorded is found, in the order of its keys, and the last word counts.
    let refused = entry(2, 7, 40, Verdict::Refused("INTERNAL_RESOURCE_NOT_FOUND".into()));
    wait(ledger.record(batch(vec![acknowledged(1, 7, 10), acknowledged(1, -8, 20), refused.clone()])));
    wait(ledger.record(batch(vec![acknowledged(3, 7, 50), acknowledged(1, 7, 60)])));
    let all = sorted(vec![acknowledged(1, 7, 60), acknowledged(1, -8, 20), refused.clone(), acknowledged(3, 7, 50)]);
    assert_eq!(look_up(&ledger, 0..10), all);
    wait(ledger.compact());
    assert_eq!(look_up(&ledger, 0..10), all);
    assert_eq!(look_up(&ledger, [2]), vec![refused]);
    assert_eq!(wait(ledger.page(None, 2)), all[..2]);
    let after = (all[1].customer, all[1].group);
    assert_eq!(wait(ledger.page(Some(after), 10)), all[2..]);

    // The first text of a group stays.
    let group = |text: &str, at| KnownGroup { key: GroupKey(7), slug: "vip".to_owned(), text: text.to_owned(), at };
    for (text, at) in [("VIP", 1), ("vip", 2)] {
        wait(ledger.record(Batch { entries: Vec::new(), groups: vec![group(text, at)] }));
    }
    assert_eq!(wait(ledger.known_groups()), vec![group("VIP", 1)]);

    // Two processes see what the other one wrote, and change the quota's picture one after another.
    let other = open(location).expect("the same ledger");
    assert_eq!(look_up(&other, 0..10), all);
    assert_eq!(other.secret().group("vip"), ledger.secret().group("vip"));
    wait(other.record(batch(vec![acknowledged(4, 7, 70)])));
    assert_eq!(look_up(&ledger, [4]), vec![acknowledged(4, 7, 70)]);
    let append = |ledger: &StoreLedger, letter: char| {
        wait(ledger.change_quota(Box::new(move |kept| kept.unwrap_or_default() + &letter.to_string())));
    };
    [(&ledger, 'a'), (&other, 'b'), (&ledger, 'c')].into_iter().for_each(|(ledger, letter)| append(ledger, letter));
    let seen = Arc::new(std::sync::Mutex::new(None));
    let sink = Arc::clone(&seen);
    wait(other.change_quota(Box::new(move |kept| {
        sink.lock().expect("no panic").clone_from(&kept);
        String::new()
    })));
    assert_eq!(seen.lock().expect("no panic").as_deref(), Some("abc"));

    let summary = wait(ledger.summary());
    assert_eq!((summary.acknowledged, summary.refused, summary.groups[0].customers), (4, 1, 3));
    assert_eq!(summary.base_url, "http://127.0.0.1:1");

    // It forgets what it is told to, and nothing else.
    assert_eq!(wait(ledger.forget(Forget::Refusals)), 1);
    assert_eq!(wait(ledger.forget(Forget::Assignment(customer(1), GroupKey(7)))), 1);
    assert_eq!(
        look_up(&other, 0..10),
        sorted(vec![acknowledged(1, -8, 20), acknowledged(3, 7, 50), acknowledged(4, 7, 70)])
    );
    assert_eq!(wait(ledger.forget(Forget::Customer(customer(3)))), 1);
    assert_eq!(wait(ledger.forget(Forget::Group(GroupKey(7)))), 1);
    assert!(wait(ledger.known_groups()).is_empty());
    assert_eq!(look_up(&ledger, 0..10), vec![acknowledged(1, -8, 20)]);

    // Closed and opened again, it is the same. A plan of many is looked up as surely as one of few.
    drop((ledger, other));
    let ledger = open(location).expect("the same ledger");
    let many = |range: std::ops::Range<u64>| range.map(|number| acknowledged(number, 5, 80)).collect();
    for start in (100..30_100).step_by(1_000) {
        wait(ledger.record(batch(many(start..start + 1_000))));
    }
    assert_eq!(look_up(&ledger, 0..40_000).len(), 30_001);
    assert_eq!(look_up(&ledger, (0..100_000).step_by(1_000)).len(), 30);
    assert_eq!(wait(ledger.forget(Forget::Everything)), 30_001);
    assert!(look_up(&ledger, 0..40_000).is_empty());
    drop(ledger);

    // It belongs to one server, and to one key until another is accepted.
    let open_as = |owner: LedgerOwner| LedgerLocation::parse(location).expect("valid").open(&owner);
    let code = |result: Result<StoreLedger, Error>| result.err().and_then(|error| error.code().map(str::to_owned));
    assert_eq!(code(open_as(owner_with("http://127.0.0.1:2", KEY))).as_deref(), Some("ledger_of_another_server"));
    let new_key = || owner_with("http://127.0.0.1:1", "DEV_1123456789abcdefghijABCDEFGH");
    assert_eq!(code(open_as(new_key())).as_deref(), Some("ledger_of_another_key"));
    assert!(open_as(new_key().accepting_key(true)).is_ok());
    assert!(open_as(new_key()).is_ok());
    assert_eq!(code(open(location)).as_deref(), Some("ledger_of_another_key"));
}

#[test]
fn sqlite_keeps_its_promises() {
    let folder = TempDir::new().expect("a folder");
    keeps_its_promises(&folder.path().join("groups.ledger").display().to_string());
}

#[test]
fn postgres_keeps_its_promises() {
    let server = postgres::Server::start();
    keeps_its_promises(&server.ledger("bizkithub"));
    // Another schema is another ledger.
    keeps_its_promises(&server.ledger("another_one"));
    let code = |location: &str| open(location).err().and_then(|error| error.code().map(str::to_owned));
    assert_eq!(code(&server.ledger("No-Schema")).as_deref(), Some("ledger_location_invalid"));

    // A newer ledger is left alone.
    open(&server.ledger("newer")).expect("a new ledger");
    let mut client = ::postgres::Client::connect(&server.url(), ::postgres::NoTls).expect("a connection");
    client.batch_execute("UPDATE newer.version SET steps = 99").expect("an update");
    assert_eq!(code(&server.ledger("newer")).as_deref(), Some("ledger_newer"));

    // A connection that the server closes is made anew.
    let ledger = open(&server.ledger("bizkithub_2")).expect("a new ledger");
    wait(ledger.record(batch(vec![acknowledged(1, 7, 10)])));
    client
        .batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bizkithub'")
        .expect("ends");
    wait(ledger.record(batch(vec![acknowledged(2, 7, 10)])));
    assert_eq!(look_up(&ledger, 0..3).len(), 2);
}

#[test]
fn an_older_file_is_brought_up_and_a_newer_one_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("groups.ledger");
    let location = path.display().to_string();
    let ledger = open(&location).expect("a new ledger");
    wait(ledger.record(batch(vec![acknowledged(1, 7, 10)])));
    drop(ledger);
    let edit = |sql: &str| rusqlite::Connection::open(&path).expect("a database").execute_batch(sql).expect("an edit");
    // As the first version of the schema was.
    edit("DROP TABLE quota; PRAGMA user_version = 1");
    let ledger = open(&location).expect("an older ledger");
    wait(ledger.change_quota(Box::new(|_| "{}".to_owned())));
    assert_eq!(look_up(&ledger, [1]), vec![acknowledged(1, 7, 10)]);
    drop(ledger);
    edit("PRAGMA user_version = 99");
    assert_eq!(open(&location).expect_err("newer").code(), Some("ledger_newer"));
}

#[test]
fn a_damaged_file_is_told() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("groups.ledger");
    let ledger = open(&path.display().to_string()).expect("a new ledger");
    for start in 0..20 {
        wait(
            ledger.record(batch((start * 500..start * 500 + 500).map(|number| acknowledged(number, 7, 10)).collect())),
        );
    }
    wait(ledger.compact());
    drop(ledger);
    let mut bytes = std::fs::read(&path).expect("the file");
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x55;
    }
    std::fs::write(&path, bytes).expect("the file");
    let found = open(&path.display().to_string()).and_then(|ledger| {
        let keys: Vec<_> = (0..10_000).map(customer).collect::<BTreeSet<_>>().into_iter().collect();
        let looked_up = ledger.look_up(&keys);
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(looked_up)
    });
    assert_eq!(found.expect_err("damage").code(), Some("ledger_corrupt"));
}

#[test]
fn what_is_forgotten_is_not_left_in_the_files() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("groups.ledger");
    let ledger = open(&path.display().to_string()).expect("a new ledger");
    let holds = |number| {
        let CustomerKey(key) = customer(number);
        let files = std::fs::read_dir(folder.path()).expect("the folder").flatten();
        let mut contents = files.map(|file| std::fs::read(file.path()).expect("a file"));
        contents.any(|content| content.windows(8).any(|window| *window == key[..8]))
    };
    wait(ledger.record(batch((1..2_000).map(|number| acknowledged(number, 7, 10)).collect())));
    wait(ledger.record(batch(vec![acknowledged(5, 8, 11)])));
    assert!(holds(5) && holds(6));
    assert_eq!(wait(ledger.forget(Forget::Customer(customer(5)))), 2);
    assert!(!holds(5) && holds(6));
    assert_eq!(look_up(&ledger, [5, 6]), vec![acknowledged(6, 7, 10)]);
}
