//! What goes wrong with a file, by SQLite itself where it can be made to, and that what can be read then is read.

use tempfile::TempDir;

use super::*;

fn store(folder: &TempDir) -> SqliteStore {
    let owner =
        LedgerOwner { base_url: "http://127.0.0.1:1/".into(), fingerprint: "01234567".into(), accept_key: false };
    SqliteStore::open(&folder.path().join("groups.ledger"), &owner).expect("a ledger")
}

fn entry_of(number: u64) -> Entry {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    Entry { customer: CustomerKey(key), group: GroupKey(1), at: 0, verdict: Verdict::Acknowledged }
}

fn batch(numbers: std::ops::Range<u64>) -> Batch {
    Batch { entries: numbers.map(entry_of).collect(), groups: Vec::new() }
}

fn code_of<T>(result: Result<T, Error>) -> Option<String> {
    result.err().and_then(|error| error.code().map(str::to_owned))
}

/// A change of the connection, or of the database by another one, and the code of the writing that it makes fail.
#[expect(clippy::type_complexity, reason = "a table of the test")]
const OBSTACLES: [(&str, fn(&SqliteStore) -> Option<Connection>); 3] = [
    ("ledger_read_only", |store| {
        store.connection.pragma_update(None, "query_only", true).expect("a pragma");
        None
    }),
    ("ledger_full", |store| {
        store.connection.pragma_update(None, "max_page_count", 1).expect("a pragma");
        None
    }),
    ("ledger_locked", |store| {
        store.connection.busy_timeout(Duration::ZERO).expect("a timeout");
        let other = Connection::open(&store.path).expect("a database");
        other.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
        Some(other)
    }),
];

#[test]
fn what_cannot_be_put_in_order_is_read_as_it_is() {
    for (code, obstacle) in OBSTACLES {
        let folder = TempDir::new().expect("a folder");
        let mut store = store(&folder);
        store.record(&batch(0..20_000)).expect("a record");
        let _other = obstacle(&store);
        // Enough for pages that the file does not have.
        assert_eq!(code_of(store.record(&batch(20_000..40_000))).as_deref(), Some(code));
        assert_eq!(code_of(store.compact()).as_deref(), Some(code));
        assert_eq!(code_of(store.page(None, 1)).as_deref(), Some(code));
        assert_eq!(code_of(store.forget(Forget::Everything)).as_deref(), Some(code));
        assert_eq!(store.look_up(&[entry_of(7).customer]).expect("entries"), [entry_of(7)], "{code}");
        assert_eq!(store.journal_rows().expect("a number"), 20_000);
    }
}

#[test]
fn damage_is_told_also_where_it_could_still_be_read() {
    let folder = TempDir::new().expect("a folder");
    let mut store = store(&folder);
    store.record(&batch(0..20_000)).expect("a record");
    let failing = "CREATE TRIGGER fails BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'it fails'); END";
    store.connection.execute_batch(failing).expect("a trigger");
    assert_eq!(code_of(store.look_up(&[entry_of(7).customer])).as_deref(), Some("ledger_failed"));
}

#[test]
fn a_short_journal_is_read_and_a_long_one_is_put_in_order() {
    let folder = TempDir::new().expect("a folder");
    let mut store = store(&folder);
    let limit = JOURNAL_LIMIT.unsigned_abs();
    assert_eq!(store.journal_rows().expect("a number"), 0);
    store.record(&batch(0..limit)).expect("a record");
    assert_eq!(store.look_up(&[entry_of(7).customer]).expect("entries"), [entry_of(7)]);
    assert_eq!(store.journal_rows().expect("a number"), JOURNAL_LIMIT);
    store.record(&batch(limit..limit + 1)).expect("a record");
    assert_eq!(store.look_up(&[entry_of(limit).customer]).expect("entries"), [entry_of(limit)]);
    assert_eq!(store.journal_rows().expect("a number"), 0);
    // A page is one of all entries.
    store.record(&batch(limit + 1..limit + 2)).expect("a record");
    assert_eq!(store.page(None, 20_000).expect("a page").len(), usize::try_from(limit).expect("small") + 2);
    assert_eq!(store.journal_rows().expect("a number"), 0);
}

#[test]
fn the_log_is_emptied_by_whoever_puts_the_ledger_in_order() {
    let folder = TempDir::new().expect("a folder");
    let mut store = store(&folder);
    let log = || std::fs::metadata(folder.path().join("groups.ledger-wal")).map_or(0, |log| log.len());
    store.record(&batch(0..10)).expect("a record");
    assert!(log() > 0);
    store.compact().expect("order");
    assert_eq!(log(), 0);
    store.compact().expect("order");
    assert_eq!(log(), 0, "there was nothing to do");
}

#[test]
fn whoever_waits_for_the_lock_gets_it_or_gives_up() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("groups.ledger");
    let open = || private(&lock_path(&path), false).expect("a lock file");
    let (ours, theirs) = (open(), open());
    let guard = Guard::take(&theirs, &path).expect("nobody holds it");
    let (patience, begin) = (Duration::from_millis(30), Instant::now());
    assert_eq!(code_of(Guard::take_within(patience, &ours, &path)).as_deref(), Some("ledger_locked"));
    assert!(begin.elapsed() >= patience, "it gave up too soon");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Guard::take(&ours, &path).is_ok());
        drop(guard);
        assert!(waiting.join().expect("no panic"));
    });
    // Whoever had it gave it back.
    assert!(Guard::take_within(Duration::ZERO, &theirs, &path).is_ok());
}

#[test]
fn each_failure_of_sqlite_has_its_code() {
    use rusqlite::ffi;
    let codes = [
        (ffi::SQLITE_FULL, "ledger_full"),
        (ffi::SQLITE_READONLY, "ledger_read_only"),
        (ffi::SQLITE_CORRUPT, "ledger_corrupt"),
        (ffi::SQLITE_NOTADB, "ledger_foreign"),
        (ffi::SQLITE_BUSY, "ledger_locked"),
        (ffi::SQLITE_LOCKED, "ledger_locked"),
        (ffi::SQLITE_CANTOPEN, "ledger_unusable"),
        (ffi::SQLITE_PERM, "ledger_unusable"),
        (ffi::SQLITE_IOERR_WRITE, "ledger_failed"),
        (ffi::SQLITE_ERROR, "ledger_failed"),
    ];
    for (number, code) in codes {
        let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(number), None);
        let error = of_sqlite(Path::new("groups.ledger"), failure);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Ledger, Some(code)), "{number}");
        assert!(error.message().contains("groups.ledger") && error.advice().is_some(), "{error}");
        assert_eq!(error.is_retryable(), ["ledger_locked", "ledger_failed"].contains(&code), "{error}");
    }
}

#[test]
fn the_last_of_each_assignment_counts() {
    let at = |number, at| Entry { at, ..entry_of(number) };
    let mut entries = vec![at(2, 9), at(1, 5), at(2, 3), at(1, 6)];
    Entry::keep_last(&mut entries);
    assert_eq!(entries, [at(1, 6), at(2, 3)]);
}

#[test]
fn far_customers_are_sought_and_near_ones_are_read() {
    let folder = TempDir::new().expect("a folder");
    let mut store = store(&folder);
    store.record(&batch(0..1_000)).expect("a record");
    store.compact().expect("order");
    let stride = u64::from(LONGEST_STRIDE);
    for step in [1, 2, stride - 1, stride, stride + 1, stride + 2, 400] {
        let numbers: Vec<_> = (0..1_000).step_by(usize::try_from(step).expect("small")).collect();
        let keys: Vec<_> = numbers.iter().map(|&number| entry_of(number).customer).collect();
        let expected: Vec<_> = numbers.into_iter().map(entry_of).collect();
        assert_eq!(store.look_up(&keys).expect("entries"), expected, "every {step}");
    }
    assert!(store.look_up(&[entry_of(1_000).customer]).expect("entries").is_empty());
    assert!(store.look_up(&[]).expect("entries").is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn network_file_systems_are_known_by_their_numbers() {
    let names = [
        (0x6969, Some("NFS")),
        (0x517b, Some("SMB")),
        (0xff53_4d42, Some("SMB")),
        (0xfe53_4d42, Some("SMB")),
        // As a platform of 32 bits writes it.
        (i64::from(0xfe53_4d42_u32.cast_signed()), Some("SMB")),
        (0x0102_1997, Some("9P")),
        (0x00c3_6400, Some("Ceph")),
        (0x5346_414f, Some("AFS")),
        (0x0bd0_0bd0, Some("Lustre")),
        // ext4, xfs, tmpfs and overlayfs.
        (0xef53, None),
        (0x5846_5342, None),
        (0x0102_1994, None),
        (0x794c_7630, None),
    ];
    for (number, name) in names {
        assert_eq!(network_name(number), name, "{number:x}");
    }
}
