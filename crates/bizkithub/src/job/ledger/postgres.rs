use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use postgres::config::SslMode;
use postgres::{Client, Config, Row, Transaction};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::location::{LedgerOwner, other_owner, shown};
use super::sqlite::{code, keep_latest, refused};
use super::store::Store;
use super::{
    Batch, CustomerKey, Entry, Forget, GroupKey, KnownGroup, LedgerGroup, LedgerSecret, LedgerSummary, QuotaChange,
    Verdict,
};
use crate::client::tls_config;
use crate::error::{Error, causes};

/// A ledger in a schema of a PostgreSQL database, for processes on several hosts.
pub(super) struct PostgresStore {
    server: Server,
    client: Client,
    secret: LedgerSecret,
}

/// The server of a URL.
struct Server {
    config: Config,
    schema: String,
    /// Authorities to trust beside the system's.
    ca_file: Option<PathBuf>,
    /// The URL, without what may be secret.
    shown: String,
}

/// Each step leads from one version of the schema to the next; the table `version` keeps the number of those it has been through.
const STEPS: [&str; 1] = ["CREATE TABLE ledger (
         id int PRIMARY KEY CHECK (id = 1),
         secret bytea NOT NULL,
         base_url text NOT NULL,
         api_key text NOT NULL, -- its fingerprint
         created_at bigint NOT NULL,
         quota text
     );
     CREATE TABLE groups (key bigint PRIMARY KEY, slug text NOT NULL, text text NOT NULL, at bigint NOT NULL);
     CREATE TABLE assignments (
         customer bytea NOT NULL,
         group_key bigint NOT NULL,
         at bigint NOT NULL,
         code text, -- of a refusal
         PRIMARY KEY (customer, group_key)
     );"];

/// Two processes that make the same ledger at once take this advisory lock one after the other.
const MAKING: i64 = 0x424b_6974;

/// How many customers one query asks for.
const QUERY_LIMIT: usize = 20_000;

impl PostgresStore {
    /// Connects, and makes the tables where there are none.
    pub(super) fn open(url: &Url, owner: &LedgerOwner) -> Result<Self, Error> {
        let server = Server::of(url)?;
        let mut client = server.connect()?;
        let mut transaction = client.transaction().map_err(|error| of_postgres(&server.shown, error))?;
        let secret = prepare(&mut transaction, &server, owner)?;
        transaction.commit().map_err(|error| of_postgres(&server.shown, error))?;
        Ok(Self { server, client, secret })
    }

    /// Works in one transaction. A connection that was lost is made anew once: everything here may be done twice.
    fn work<T>(&mut self, work: impl Fn(&mut Transaction<'_>) -> Result<T, postgres::Error>) -> Result<T, Error> {
        if self.client.is_closed() {
            self.client = self.server.connect()?;
        }
        match in_transaction(&mut self.client, &work) {
            Err(error) if self.client.is_closed() || is_lost(&error) => {
                self.client = self.server.connect()?;
                in_transaction(&mut self.client, &work)
            }
            result => result,
        }
        .map_err(|error| of_postgres(&self.server.shown, error))
    }
}

impl Store for PostgresStore {
    fn secret(&self) -> LedgerSecret {
        self.secret.clone()
    }

    fn known_groups(&mut self) -> Result<Vec<KnownGroup>, Error> {
        self.work(|transaction| {
            let rows = transaction.query("SELECT key, slug, text, at FROM groups ORDER BY at, slug", &[])?;
            rows.iter()
                .map(|row| {
                    Ok(KnownGroup {
                        key: GroupKey(row.try_get(0)?),
                        slug: row.try_get(1)?,
                        text: row.try_get(2)?,
                        at: row.try_get(3)?,
                    })
                })
                .collect()
        })
    }

    fn look_up(&mut self, customers: &[CustomerKey]) -> Result<Vec<Entry>, Error> {
        let mut found = Vec::new();
        for customers in customers.chunks(QUERY_LIMIT) {
            let keys: Vec<&[u8]> = customers.iter().map(|customer| customer.0.as_slice()).collect();
            let query = "SELECT customer, group_key, at, code FROM assignments WHERE customer = ANY($1)
                             ORDER BY customer, group_key";
            found.extend(self.work(|transaction| entries(&transaction.query(query, &[&keys])?))?);
        }
        Ok(found)
    }

    fn revision(&mut self) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    fn record(&mut self, batch: &Batch) -> Result<(), Error> {
        // One statement must not meet an assignment twice; in the order of the keys, two processes cannot block each other.
        let mut latest = batch.entries.clone();
        keep_latest(&mut latest);
        let mut groups: Vec<_> = batch.groups.iter().collect();
        groups.sort_by_key(|group| group.key);
        groups.dedup_by_key(|group| group.key);
        let customers: Vec<&[u8]> = latest.iter().map(|entry| entry.customer.0.as_slice()).collect();
        let group_keys: Vec<i64> = latest.iter().map(|entry| entry.group.0).collect();
        let moments: Vec<i64> = latest.iter().map(|entry| entry.at).collect();
        let codes: Vec<Option<&str>> = latest.iter().map(|entry| code(&entry.verdict)).collect();
        self.work(|transaction| {
            transaction.execute(
                "INSERT INTO assignments SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[])
                     ON CONFLICT (customer, group_key) DO UPDATE SET at = excluded.at, code = excluded.code",
                &[&customers, &group_keys, &moments, &codes],
            )?;
            for KnownGroup { key, slug, text, at } in &groups {
                let insert = "INSERT INTO groups VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
                transaction.execute(insert, &[&key.0, slug, text, at])?;
            }
            Ok(())
        })
    }

    fn change_quota(&mut self, change: QuotaChange) -> Result<(), Error> {
        // The change cannot be made twice, so that a connection lost in its midst is an error.
        self.work(|transaction| transaction.execute("SELECT 1", &[]))?;
        let change = |transaction: &mut Transaction<'_>| {
            let kept = transaction.query_one("SELECT quota FROM ledger FOR UPDATE", &[])?.try_get(0)?;
            transaction.execute("UPDATE ledger SET quota = $1", &[&change(kept)])
        };
        let mut transaction = self.client.transaction().map_err(|error| of_postgres(&self.server.shown, error))?;
        change(&mut transaction)
            .and_then(|_| transaction.commit())
            .map_err(|error| of_postgres(&self.server.shown, error))
    }

    fn forget(&mut self, what: Forget) -> Result<u64, Error> {
        self.work(|transaction| match what {
            Forget::Customer(customer) => {
                transaction.execute("DELETE FROM assignments WHERE customer = $1", &[&customer.0.as_slice()])
            }
            Forget::Group(group) => {
                transaction.execute("DELETE FROM groups WHERE key = $1", &[&group.0])?;
                transaction.execute("DELETE FROM assignments WHERE group_key = $1", &[&group.0])
            }
            Forget::Assignment(customer, group) => transaction.execute(
                "DELETE FROM assignments WHERE customer = $1 AND group_key = $2",
                &[&customer.0.as_slice(), &group.0],
            ),
            Forget::Refusals => transaction.execute("DELETE FROM assignments WHERE code IS NOT NULL", &[]),
            Forget::Everything => {
                transaction.execute("DELETE FROM groups", &[])?;
                transaction.execute("DELETE FROM assignments", &[])
            }
        })
    }

    fn page(&mut self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> Result<Vec<Entry>, Error> {
        let limit = i64::from(limit);
        self.work(|transaction| {
            let rows = match after {
                None => transaction.query(
                    "SELECT customer, group_key, at, code FROM assignments ORDER BY customer, group_key LIMIT $1",
                    &[&limit],
                ),
                Some((customer, group)) => transaction.query(
                    "SELECT customer, group_key, at, code FROM assignments WHERE (customer, group_key) > ($1, $2)
                         ORDER BY customer, group_key LIMIT $3",
                    &[&customer.0.as_slice(), &group.0, &limit],
                ),
            }?;
            entries(&rows)
        })
    }

    /// The server does it by itself.
    fn compact(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn summary(&mut self) -> Result<LedgerSummary, Error> {
        let location = self.server.shown.clone();
        self.work(|transaction| {
            let owner = transaction.query_one("SELECT base_url, api_key, created_at FROM ledger", &[])?;
            let counts = transaction.query_one(
                "SELECT count(*) FILTER (WHERE code IS NULL), count(*) FILTER (WHERE code IS NOT NULL),
                        pg_total_relation_size('assignments') FROM assignments",
                &[],
            )?;
            let groups = transaction.query(
                "SELECT text, slug, count(customer) FROM groups
                     LEFT JOIN assignments ON group_key = key AND code IS NULL
                     GROUP BY key, text, slug, groups.at ORDER BY groups.at, slug",
                &[],
            )?;
            let number = |row: &Row, column| row.try_get(column).map(|number: i64| number.unsigned_abs());
            Ok(LedgerSummary {
                location: location.clone(),
                base_url: owner.try_get(0)?,
                key: owner.try_get(1)?,
                created_at: Timestamp::from_second(owner.try_get(2)?).ok(),
                acknowledged: number(&counts, 0)?,
                refused: number(&counts, 1)?,
                bytes: Some(number(&counts, 2)?),
                groups: groups
                    .iter()
                    .map(|row| {
                        Ok(LedgerGroup { text: row.try_get(0)?, slug: row.try_get(1)?, customers: number(row, 2)? })
                    })
                    .collect::<Result<_, postgres::Error>>()?,
            })
        })
    }
}

impl Server {
    /// Takes the parameters that are ours out of the URL; the rest is PostgreSQL's.
    fn of(url: &Url) -> Result<Self, Error> {
        let shown = shown(url);
        let invalid = |message: String| {
            let advice = "give a URL such as postgresql://user:password@host/database?schema=bizkithub";
            Error::invalid_input("ledger_location_invalid", message, advice)
        };
        let (mut schema, mut ca_file) = ("bizkithub".to_owned(), None);
        let mut rest = url.clone();
        rest.query_pairs_mut().clear();
        for (name, value) in url.query_pairs() {
            let value = match (&*name, &*value) {
                ("schema", _) => {
                    schema = value.into_owned();
                    continue;
                }
                ("sslrootcert", "system") => continue,
                ("sslrootcert", _) => {
                    ca_file = Some(value.into_owned().into());
                    continue;
                }
                // A certificate is verified in any case, and with its name.
                ("sslmode", "verify-ca" | "verify-full") => "require",
                ("sslmode", "allow") => "prefer",
                (_, value) => value,
            };
            rest.query_pairs_mut().append_pair(&name, value);
        }
        if !is_schema(&schema) {
            let message = "a schema's name is written in small letters, digits and underscores, 63 at most";
            return Err(invalid(message.to_owned()));
        }
        // Errors of the parser may quote what it read, so that they are not repeated.
        let mut config: Config =
            rest.as_str().parse().map_err(|_| invalid(format!("the URL of the ledger {shown} cannot be read")))?;
        config
            .application_name("bizkithub")
            .connect_timeout(Duration::from_secs(10))
            .options(&format!(
                "-c search_path={schema} -c synchronous_commit=on -c lock_timeout=15s -c statement_timeout=5min \
                 -c idle_in_transaction_session_timeout=1min"
            ))
            .keepalives_idle(Duration::from_secs(30))
            .tcp_user_timeout(Duration::from_secs(60));
        Ok(Self { config, schema, ca_file, shown })
    }

    fn connect(&self) -> Result<Client, Error> {
        let connected = match self.config.get_ssl_mode() {
            SslMode::Disable => self.config.connect(postgres::NoTls),
            _ => self.config.connect(MakeRustlsConnect::new(tls_config(self.ca_file.as_deref())?)),
        };
        connected.map_err(|error| {
            let message = format!("the ledger {} cannot be reached: {}", self.shown, reason(&error));
            refused("ledger_unusable", message, "check the URL, the user's rights and whether the server runs")
                .caused_by(error)
        })
    }
}

/// Whether a text is a name that needs no quotes in SQL.
fn is_schema(text: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'_');
    text.len() <= 63
        && text.bytes().next().is_some_and(is_letter)
        && text.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

fn prepare(transaction: &mut Transaction<'_>, server: &Server, owner: &LedgerOwner) -> Result<LedgerSecret, Error> {
    let Server { schema, shown, .. } = server;
    let failed = |error| of_postgres(shown, error);
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MAKING]).map_err(failed)?;
    let exists = transaction
        .query_one("SELECT to_regclass($1) IS NOT NULL", &[&format!("{schema}.version")])
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    let version: i64 = if exists {
        transaction.query_one("SELECT steps FROM version", &[]).and_then(|row| row.try_get(0)).map_err(failed)?
    } else {
        transaction
            .batch_execute(&format!(
                "CREATE SCHEMA IF NOT EXISTS {schema};
                 CREATE TABLE version (steps bigint NOT NULL);
                 INSERT INTO version VALUES (0);"
            ))
            .map_err(failed)?;
        0
    };
    let Some(steps) = STEPS.get(usize::try_from(version).unwrap_or(usize::MAX)..) else {
        let message = format!("the ledger {shown} was written by a newer version of this client");
        return Err(refused("ledger_newer", message, "update the client, or choose another ledger"));
    };
    if !steps.is_empty() {
        let update = format!("{} UPDATE version SET steps = {};", steps.concat(), STEPS.len());
        transaction.batch_execute(&update).map_err(failed)?;
    }
    let LedgerOwner { base_url, fingerprint, accept_key } = owner;
    // Two of the server's own random values: 244 random bits.
    let insert = "INSERT INTO ledger
                      SELECT 1, decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'), $1, $2, $3
                      ON CONFLICT DO NOTHING";
    transaction.execute(insert, &[base_url, fingerprint, &Timestamp::now().as_second()]).map_err(failed)?;
    let row = transaction.query_one("SELECT secret, base_url, api_key FROM ledger", &[]).map_err(failed)?;
    let (secret, kept_url, kept_key): (Vec<u8>, String, String) =
        (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?, row.try_get(2).map_err(failed)?);
    if let Some(error) = other_owner(shown, owner, &kept_url, &kept_key) {
        return Err(error);
    }
    if *accept_key && kept_key != *fingerprint {
        transaction.execute("UPDATE ledger SET api_key = $1", &[fingerprint]).map_err(failed)?;
    }
    let secret = secret.try_into().map_err(|_| {
        refused("ledger_corrupt", format!("the ledger {shown} is damaged"), "restore it, or choose another schema")
    })?;
    Ok(LedgerSecret::new(secret))
}

fn in_transaction<T>(
    client: &mut Client,
    work: impl Fn(&mut Transaction<'_>) -> Result<T, postgres::Error>,
) -> Result<T, postgres::Error> {
    let mut transaction = client.transaction()?;
    let result = work(&mut transaction)?;
    transaction.commit()?;
    Ok(result)
}

fn entries(rows: &[Row]) -> Result<Vec<Entry>, postgres::Error> {
    rows.iter()
        .map(|row| {
            let customer: &[u8] = row.try_get(0)?;
            let code: Option<&str> = row.try_get(3)?;
            Ok(Entry {
                // A key of another length matches no customer.
                customer: CustomerKey(customer.try_into().unwrap_or_default()),
                group: GroupKey(row.try_get(1)?),
                at: row.try_get(2)?,
                verdict: code.map_or(Verdict::Acknowledged, |code| Verdict::Refused(code.into())),
            })
        })
        .collect()
}

/// Whether the server has closed the connection, which is noticed a moment later.
fn is_lost(error: &postgres::Error) -> bool {
    use postgres::error::SqlState;
    let ending = [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN, &SqlState::CANNOT_CONNECT_NOW];
    error.is_closed() || error.code().is_some_and(|state| ending.contains(&state))
}

fn reason(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        // What it is about says the first error, why says the last.
        None => match causes(error).last() {
            Some(cause) if !error.to_string().contains(&cause.to_string()) => format!("{error}: {cause}"),
            _ => error.to_string(),
        },
    }
}

fn of_postgres(shown: &str, error: postgres::Error) -> Error {
    use postgres::error::SqlState;
    let state = error.code();
    let reason = reason(&error);
    let (code, message, advice) = if state == Some(&SqlState::DISK_FULL) {
        ("ledger_full", format!("there is no space left for the ledger {shown}"), "free some space and run again")
    } else if state == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) || state == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        (
            "ledger_read_only",
            format!("the ledger {shown} may not be written: {reason}"),
            "give its user the right to write",
        )
    } else if state == Some(&SqlState::LOCK_NOT_AVAILABLE) || state == Some(&SqlState::QUERY_CANCELED) {
        (
            "ledger_locked",
            format!("another process holds the ledger {shown}: {reason}"),
            "wait for the other process, or end it",
        )
    } else {
        (
            "ledger_failed",
            format!("the ledger {shown} cannot be read or written: {reason}"),
            "check the server, then run again: nothing that a report counts is lost",
        )
    };
    refused(code, message, advice).caused_by(error)
}
