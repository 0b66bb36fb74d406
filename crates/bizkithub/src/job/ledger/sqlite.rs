use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::location::{LedgerOwner, other_owner};
use super::store::Store;
use super::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, LedgerGroup, LedgerSecret, LedgerSummary, QuotaChange,
    Verdict,
};
use crate::error::{Error, ErrorKind};
use crate::job::private_file;

/// A ledger in a SQLite file.
///
/// Answers are appended to a journal, because rows in the order of their keys are written twenty times faster than in random
/// order; the journal is merged into the sorted table when the ledger is looked up and it has grown.
pub(super) struct SqliteStore {
    path: PathBuf,
    connection: Connection,
    lock: File,
    secret: LedgerSecret,
    /// Of this connection, which its own `data_version` does not count.
    writes: u64,
}

/// Each step leads from one version of the schema to the next; a file keeps the number of those it has been through.
const STEPS: [&str; 2] = [
    "CREATE TABLE ledger (
         id INTEGER PRIMARY KEY CHECK (id = 1),
         secret BLOB NOT NULL,
         base_url TEXT NOT NULL,
         api_key TEXT NOT NULL, -- its fingerprint
         created_at INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE groups (
         key INTEGER PRIMARY KEY,
         slug TEXT NOT NULL,
         text TEXT NOT NULL,
         at INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE journal (
         id INTEGER PRIMARY KEY,
         customer BLOB NOT NULL,
         group_key INTEGER NOT NULL,
         at INTEGER NOT NULL,
         code TEXT -- of a refusal
     ) STRICT;
     CREATE TABLE assignments (
         customer BLOB NOT NULL,
         group_key INTEGER NOT NULL,
         at INTEGER NOT NULL,
         code TEXT, -- of a refusal
         PRIMARY KEY (customer, group_key)
     ) STRICT, WITHOUT ROWID;",
    "CREATE TABLE quota (
         id INTEGER PRIMARY KEY CHECK (id = 1),
         picture TEXT NOT NULL
     ) STRICT;",
];

/// `BKit`, by which the file is told from other databases.
const APPLICATION_ID: i32 = 0x424b_6974;

/// A journal of fewer rows is read as it is.
const JOURNAL_LIMIT: i64 = 10_000;

/// After so many rows that nobody asked for, seeking the next customer is faster than reading on.
const LONGEST_STRIDE: u32 = 32;

/// How long a process waits for the others that write.
const PATIENCE: Duration = Duration::from_secs(15);

impl SqliteStore {
    /// Opens a ledger, and makes it where there is none.
    pub(super) fn open(path: &Path, owner: &LedgerOwner) -> Result<Self, Error> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::StorageFull => full(path).caused_by(error),
            _ => unusable(path, &error.to_string()).caused_by(error),
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        refuse_network(folder, path)?;
        let lock = private(&lock_path(path), false).map_err(failed)?;
        let guard = Guard::take(&lock, path)?;
        match private(path, true) {
            Ok(made) => drop(made),
            // An existing database is never opened and closed beside SQLite: closing it would drop the locks that another connection
            // of this process holds (POSIX; SQLite, "How To Corrupt An SQLite Database File").
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(|error| of_sqlite(path, error))?;
        let secret = Self::prepare(path, &connection, owner)?;
        // What no folder is known to hold is lost with the power. SQLite makes sure of it only for a log that it has made itself, and not
        // for one that is left of a process that was killed.
        #[cfg(unix)]
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // A folder that may not be read, or a file system that knows no such thing: no more can be done.
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::PermissionDenied
                        | std::io::ErrorKind::InvalidInput
                        | std::io::ErrorKind::Unsupported
                ) => {}
            synced => synced.map_err(failed)?,
        }
        drop(guard);
        Ok(Self { path: path.to_owned(), connection, lock, secret, writes: 0 })
    }

    fn prepare(path: &Path, connection: &Connection, owner: &LedgerOwner) -> Result<LedgerSecret, Error> {
        let failed = |error| of_sqlite(path, error);
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        // Should somebody's other copy of SQLite drop our locks, the last to close must not take the log away from those who go on.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
        let (application, version) = (number("application_id")?, number("user_version")?);
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
        // A file without tables is one whose making was interrupted.
        if application != i64::from(APPLICATION_ID) && (application != 0 || tables > 0) {
            let message = format!("the file {} is no ledger", path.display());
            return Err(refused("ledger_foreign", message, "choose another path for the ledger"));
        }
        let known = usize::try_from(version).unwrap_or(usize::MAX);
        let Some(steps) = STEPS.get(known..) else {
            let message = format!("the ledger {} was written by a newer version of this client", path.display());
            return Err(refused("ledger_newer", message, "update the client, or choose another ledger"));
        };
        connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
        connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
        if !steps.is_empty() {
            let version = STEPS.len();
            connection
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}; COMMIT;",
                    steps.concat()
                ))
                .map_err(failed)?;
        }
        let kept = connection
            .query_row("SELECT secret, base_url, api_key FROM ledger", [], |row| {
                Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })
            .optional()
            .map_err(failed)?;
        let LedgerOwner { base_url, fingerprint, accept_key } = owner;
        let Some((secret, kept_url, kept_key)) = kept else {
            let secret: [u8; 32] =
                connection.query_row("SELECT randomblob(32)", [], |row| row.get(0)).map_err(failed)?;
            connection
                .execute(
                    "INSERT INTO ledger VALUES (1, ?1, ?2, ?3, ?4)",
                    params![secret, base_url, fingerprint, Timestamp::now().as_second()],
                )
                .map_err(failed)?;
            return Ok(LedgerSecret::new(secret));
        };
        if let Some(error) = other_owner(&path.display().to_string(), owner, &kept_url, &kept_key) {
            return Err(error);
        }
        if *accept_key && kept_key != *fingerprint {
            connection.execute("UPDATE ledger SET api_key = ?1", [fingerprint]).map_err(failed)?;
        }
        Ok(LedgerSecret::new(secret))
    }

    /// A transaction that is durable once it returns. No two processes write at once: the lock file says so even where another copy
    /// of SQLite in this process has dropped the database's own locks.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, Error> {
        let Self { path, connection, lock, writes, .. } = self;
        *writes += 1;
        let _guard = Guard::take(lock, path)?;
        let write = || {
            let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        write().map_err(|error| of_sqlite(path, error))
    }

    /// Everything that is read at once is of one moment, whatever others write meanwhile.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let read = || {
            let transaction = self.connection.unchecked_transaction()?;
            work(&transaction)
        };
        read().map_err(|error| of_sqlite(&self.path, error))
    }

    /// Takes what was deleted out of the file and its log, where SQLite leaves it until something else needs the room.
    fn rewrite(&self) -> Result<(), Error> {
        let _guard = Guard::take(&self.lock, &self.path)?;
        let rewritten = self.connection.execute_batch("VACUUM");
        rewritten.map_err(|error| of_sqlite(&self.path, error))?;
        self.shrink_log()
    }

    /// Empties the log into the file. Whoever reads at this moment keeps it from shrinking, which then happens another time.
    fn shrink_log(&self) -> Result<(), Error> {
        let shrunk = self.connection.query_row("PRAGMA wal_checkpoint(truncate)", [], |_| Ok(()));
        shrunk.map_err(|error| of_sqlite(&self.path, error))
    }

    fn journal_rows(&self) -> Result<i64, Error> {
        let rows = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM journal";
        self.read(|connection| connection.query_row(rows, [], |row| row.get(0)))
    }
}

impl Store for SqliteStore {
    fn secret(&self) -> LedgerSecret {
        self.secret.clone()
    }

    fn known_groups(&mut self) -> Result<Vec<KnownGroup>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT key, slug, text, at FROM groups ORDER BY at, slug")?;
            let group = |row: &Row<'_>| {
                Ok(KnownGroup { key: GroupKey(row.get(0)?), slug: row.get(1)?, text: row.get(2)?, at: row.get(3)? })
            };
            statement.query_map([], group)?.collect()
        })
    }

    fn look_up(&mut self, customers: &[CustomerKey]) -> Result<Vec<Entry>, Error> {
        if self.journal_rows()? > JOURNAL_LIMIT {
            match self.compact() {
                // What cannot be put in order can still be read.
                Err(error) if matches!(error.code(), Some("ledger_read_only" | "ledger_full" | "ledger_locked")) => {}
                result => result?,
            }
        }
        self.read(|connection| {
            let mut entries = sorted_entries(connection, customers)?;
            let mut journal =
                connection.prepare_cached("SELECT customer, group_key, at, code FROM journal ORDER BY id")?;
            let mut rows = journal.query([])?;
            let before = entries.len();
            while let Some(row) = rows.next()? {
                if customers.binary_search(&customer(row)?).is_ok() {
                    entries.push(entry(row)?);
                }
            }
            if entries.len() > before {
                Entry::keep_last(&mut entries);
            }
            Ok(entries)
        })
    }

    fn revision(&mut self) -> Result<Option<u64>, Error> {
        let version: i64 =
            self.read(|connection| connection.pragma_query_value(None, "data_version", |row| row.get(0)))?;
        Ok(Some((version.unsigned_abs() << 32).wrapping_add(self.writes)))
    }

    fn record(&mut self, batch: &Batch) -> Result<(), Error> {
        self.write(|transaction| {
            let mut insert = transaction
                .prepare_cached("INSERT INTO journal (customer, group_key, at, code) VALUES (?1, ?2, ?3, ?4)")?;
            for Entry { customer, group, at, verdict } in &batch.entries {
                insert.execute(params![customer.0, group.0, at, code(verdict)])?;
            }
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO groups VALUES (?1, ?2, ?3, ?4)")?;
            for KnownGroup { key, slug, text, at } in &batch.groups {
                insert.execute(params![key.0, slug, text, at])?;
            }
            Ok(())
        })
    }

    fn change_quota(&mut self, change: QuotaChange) -> Result<(), Error> {
        self.write(|transaction| {
            let kept = transaction.query_row("SELECT picture FROM quota", [], |row| row.get(0)).optional()?;
            transaction.prepare_cached("INSERT OR REPLACE INTO quota VALUES (1, ?1)")?.execute([change(kept)])?;
            Ok(())
        })
    }

    fn forget(&mut self, what: Forget) -> Result<u64, Error> {
        let forgotten = self.write(|transaction| {
            // Of an assignment that stands in both tables, one row counts.
            merge_journal(transaction)?;
            let forgotten = match &what {
                Forget::Customer(customer) => {
                    transaction.execute("DELETE FROM assignments WHERE customer = ?1", [customer.0])?
                }
                Forget::Group(group) => {
                    transaction.execute("DELETE FROM groups WHERE key = ?1", [group.0])?;
                    transaction.execute("DELETE FROM assignments WHERE group_key = ?1", [group.0])?
                }
                Forget::Assignment(customer, group) => transaction.execute(
                    "DELETE FROM assignments WHERE customer = ?1 AND group_key = ?2",
                    params![customer.0, group.0],
                )?,
                Forget::Refusals => transaction.execute("DELETE FROM assignments WHERE code IS NOT NULL", [])?,
                Forget::Everything => {
                    transaction.execute("DELETE FROM groups", [])?;
                    transaction.execute("DELETE FROM assignments", [])?
                }
            };
            Ok(forgotten as u64)
        })?;
        // Also for none: an earlier try may have got only so far.
        self.rewrite()?;
        Ok(forgotten)
    }

    fn page(&mut self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> Result<Vec<Entry>, Error> {
        if self.journal_rows()? > 0 {
            self.compact()?;
        }
        self.read(|connection| match after {
            None => entries(connection, "ORDER BY customer, group_key LIMIT ?1", params![limit]),
            Some((customer, group)) => entries(
                connection,
                "WHERE (customer, group_key) > (?1, ?2) ORDER BY customer, group_key LIMIT ?3",
                params![customer.0, group.0, limit],
            ),
        })
    }

    fn compact(&mut self) -> Result<(), Error> {
        if self.journal_rows()? == 0 {
            return Ok(());
        }
        self.write(merge_journal)?;
        self.shrink_log()
    }

    fn summary(&mut self) -> Result<LedgerSummary, Error> {
        self.compact()?;
        let location = self.path.display().to_string();
        self.read(|connection| {
            let count = |query| connection.query_row(query, [], |row| row.get(0)).map(i64::unsigned_abs);
            let (base_url, key, created_at) =
                connection.query_row("SELECT base_url, api_key, created_at FROM ledger", [], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            let mut groups = connection.prepare(
                "SELECT text, slug, (SELECT count(*) FROM assignments WHERE group_key = key AND code IS NULL)
                     FROM groups ORDER BY at, slug",
            )?;
            let group = |row: &Row<'_>| {
                Ok(LedgerGroup { text: row.get(0)?, slug: row.get(1)?, customers: row.get(2).map(i64::unsigned_abs)? })
            };
            Ok(LedgerSummary {
                location,
                base_url,
                key,
                created_at: Timestamp::from_second(created_at).ok(),
                acknowledged: count("SELECT count(*) FROM assignments WHERE code IS NULL")?,
                refused: count("SELECT count(*) FROM assignments WHERE code IS NOT NULL")?,
                bytes: Some(count("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?),
                groups: groups.query_map([], group)?.collect::<rusqlite::Result<_>>()?,
            })
        })
    }
}

fn merge_journal(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "INSERT INTO assignments SELECT customer, group_key, at, code FROM journal WHERE true
             ORDER BY customer, group_key, id
             ON CONFLICT DO UPDATE SET at = excluded.at, code = excluded.code;
         DELETE FROM journal;",
    )
}

/// The entries of customers among the sorted ones. Reads on while the next customer is near, and seeks it when it is far: a plan of
/// everybody reads the table once, a plan of ten customers touches ten places.
fn sorted_entries(connection: &Connection, customers: &[CustomerKey]) -> rusqlite::Result<Vec<Entry>> {
    let mut found = Vec::new();
    let mut seek = connection.prepare_cached(
        "SELECT customer, group_key, at, code FROM assignments WHERE customer >= ?1 ORDER BY customer, group_key",
    )?;
    let mut wanted = customers.iter().peekable();
    while let Some(next) = wanted.peek() {
        let mut rows = seek.query([next.0])?;
        let mut stride = 0;
        loop {
            let Some(row) = rows.next()? else { return Ok(found) };
            let here = customer(row)?;
            while wanted.next_if(|wanted| **wanted < here).is_some() {}
            match wanted.peek() {
                None => return Ok(found),
                Some(wanted) if **wanted == here => {
                    found.push(entry(row)?);
                    stride = 0;
                }
                Some(_) if stride == LONGEST_STRIDE => break,
                Some(_) => stride += 1,
            }
        }
    }
    Ok(found)
}

fn entries(connection: &Connection, condition: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<Entry>> {
    let query = format!("SELECT customer, group_key, at, code FROM assignments {condition}");
    connection.prepare_cached(&query)?.query_map(values, entry)?.collect()
}

fn customer(row: &Row<'_>) -> rusqlite::Result<CustomerKey> {
    row.get(0).map(CustomerKey)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let verdict = match row.get_ref(3)? {
        ValueRef::Text(code) => Verdict::Refused(String::from_utf8_lossy(code).into()),
        _ => Verdict::Acknowledged,
    };
    Ok(Entry { customer: customer(row)?, group: GroupKey(row.get(1)?), at: row.get(2)?, verdict })
}

/// What a column of codes holds.
pub(super) fn code(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Acknowledged => None,
        Verdict::Refused(code) => Some(code),
    }
}

/// Whoever holds it is the only process that writes.
struct Guard<'a>(&'a File);

impl<'a> Guard<'a> {
    fn take(lock: &'a File, path: &Path) -> Result<Self, Error> {
        Self::take_within(PATIENCE, lock, path)
    }

    fn take_within(patience: Duration, lock: &'a File, path: &Path) -> Result<Self, Error> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self(lock)),
                Err(TryLockError::WouldBlock) if begin.elapsed() < patience => {
                    sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another process holds the ledger {}", path.display());
                    return Err(coded("ledger_locked", message).advise("wait for the other process, or end it"));
                }
                Err(TryLockError::Error(error)) => return Err(unusable(path, &error.to_string()).caused_by(error)),
            }
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // Closing the file unlocks it as well, should this fail.
        let _ = self.0.unlock();
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn private(path: &Path, is_new: bool) -> std::io::Result<File> {
    private_file::options().read(true).create(!is_new).create_new(is_new).truncate(false).open(path)
}

/// Locks of network file systems do not hold, and a lost lock is a lost ledger.
#[cfg(target_os = "linux")]
fn refuse_network(folder: &Path, path: &Path) -> Result<(), Error> {
    // Where nothing can be told, opening the file tells what is wrong.
    let Ok(status) = rustix::fs::statfs(folder) else { return Ok(()) };
    match network_name(status.f_type) {
        None => Ok(()),
        Some(name) => {
            let message = format!("the ledger {} is on a network file system ({name})", path.display());
            Err(refused(
                "ledger_on_network",
                message,
                "choose a local path, or a PostgreSQL URL to share a ledger between hosts",
            ))
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_network(_: &Path, _: &Path) -> Result<(), Error> {
    Ok(())
}

/// Source: `statfs(2)`.
#[cfg(target_os = "linux")]
fn network_name(magic: i64) -> Option<&'static str> {
    match magic & 0xffff_ffff {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9P"),
        0x00c3_6400 => Some("Ceph"),
        0x5346_414f => Some("AFS"),
        0x0bd0_0bd0 => Some("Lustre"),
        _ => None,
    }
}

pub(super) fn refused(code: &'static str, message: impl Into<String>, advice: &'static str) -> Error {
    coded(code, message.into()).advise(advice)
}

fn coded(code: &'static str, message: String) -> Error {
    // Others let go of a ledger, and a server comes back.
    let may_pass = matches!(code, "ledger_locked" | "ledger_failed");
    Error::coded(ErrorKind::Ledger, code, message).retryable(may_pass)
}

fn unusable(path: &Path, reason: &str) -> Error {
    let message = format!("the ledger {} cannot be opened: {reason}", path.display());
    refused("ledger_unusable", message, "check the path and its permissions, or choose another one")
}

fn full(path: &Path) -> Error {
    let message = format!("there is no space left for the ledger {}", path.display());
    refused("ledger_full", message, "free some space and run again")
}

fn of_sqlite(path: &Path, error: rusqlite::Error) -> Error {
    let shown = path.display();
    let (code, message, advice) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => return full(path).caused_by(error),
        Some(ErrorCode::ReadOnly) => (
            "ledger_read_only",
            format!("the ledger {shown} is read-only"),
            "check its permissions and those of its folder",
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            "ledger_corrupt",
            format!("the ledger {shown} is damaged"),
            "restore it, or begin a new one: customers who have their groups already are sent again, which changes nothing",
        ),
        Some(ErrorCode::NotADatabase) => {
            ("ledger_foreign", format!("the file {shown} is no ledger"), "choose another path for the ledger")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            "ledger_locked",
            format!("another process holds the ledger {shown}"),
            "wait for the other process, or end it",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            return unusable(path, &error.to_string()).caused_by(error);
        }
        _ => (
            "ledger_failed",
            format!("the ledger {shown} cannot be read or written: {error}"),
            "check its disk, then run again: nothing that a report counts is lost",
        ),
    };
    refused(code, message, advice).caused_by(error)
}

#[cfg(test)]
mod tests;
