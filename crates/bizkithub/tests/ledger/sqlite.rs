//! What holds for ledgers in files.

use std::collections::BTreeSet;

use bizkithub::job::{CustomerKey, Forget, Ledger};
use tempfile::TempDir;

use crate::{acknowledged, batch, block_on, code, customer, keeps_its_promises, look_up, open, wait};

#[test]
fn sqlite_keeps_its_promises() {
    let folder = TempDir::new().expect("a folder");
    keeps_its_promises(&folder.path().join("groups.ledger").display().to_string());
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
        block_on(looked_up)
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

#[test]
fn only_a_ledger_or_nothing_is_opened() {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    // What is left of a ledger whose making was interrupted.
    std::fs::write(path("empty"), "").expect("a file");
    wait(open(&path("empty")).expect("an empty file").record(batch(vec![acknowledged(1, 7, 10)])));
    rusqlite::Connection::open(path("foreign"))
        .expect("a database")
        .execute_batch("CREATE TABLE t (x)")
        .expect("a table");
    assert_eq!(code(open(&path("foreign"))).as_deref(), Some("ledger_foreign"));
    std::fs::create_dir(path("folder")).expect("a folder");
    assert_eq!(code(open(&path("folder"))).as_deref(), Some("ledger_unusable"));
    assert_eq!(code(open(&path("missing/groups.ledger"))).as_deref(), Some("ledger_unusable"));
}

#[test]
fn a_ledger_whose_thread_has_ended_says_so() {
    let folder = TempDir::new().expect("a folder");
    let ledger = open(&folder.path().join("groups.ledger").display().to_string()).expect("a new ledger");
    for _ in 0..2 {
        let changed = block_on(ledger.change_quota(Box::new(|_| panic!("a change that does not end well"))));
        assert_eq!(changed.as_ref().expect_err("no thread").message(), "the ledger's thread has ended");
        assert_eq!(code(changed).as_deref(), Some("ledger_failed"));
    }
}
