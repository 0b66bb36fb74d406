use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, Row, Socket, Transaction};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::location::{LedgerOwner, other_owner, shown};
use super::sqlite::{code, refused};
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
    /// Of this thread: the connection works while something is asked of it.
    runtime: Runtime,
    /// Nothing when the connection was given up.
    client: Option<Client>,
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

/// How long a connection may take to come about, unless the URL says `connect_timeout`.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// The server itself ends a statement after five minutes. One that does not even do that no longer answers.
const PATIENCE: Duration = Duration::from_secs(6 * 60);

impl PostgresStore {
    /// Connects, and makes the tables where there are none.
    pub(super) fn open(url: &Url, owner: &LedgerOwner) -> Result<Self, Error> {
        let server = Server::of(url)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::ledger("the ledger cannot start its runtime").caused_by(error))?;
        let (client, secret) = runtime.block_on(server.answered(PATIENCE, async {
            let mut client = server.connect().await?;
            let failed = |error| of_postgres(&server.shown, error);
            let transaction = client.transaction().await.map_err(failed)?;
            let secret = prepare(&transaction, &server, owner).await?;
            transaction.commit().await.map_err(failed)?;
            Ok((client, secret))
        }))?;
        Ok(Self { server, runtime, client: Some(client), secret })
    }

    /// Works in one transaction. A connection that was lost is made anew once: everything here may be done twice.
    fn work<T>(
        &mut self,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        self.ask(async |server, client| {
            match in_transaction(client, &work).await {
                Err(error) if client.is_closed() || is_lost(&error) => {
                    *client = server.connect().await?;
                    in_transaction(client, work).await
                }
                result => result,
            }
            .map_err(|error| of_postgres(&server.shown, error))
        })
    }

    /// Asks something of the server, which is connected to unless it is already.
    fn ask<T>(&mut self, question: impl AsyncFnOnce(&Server, &mut Client) -> Result<T, Error>) -> Result<T, Error> {
        let Self { server, runtime, client: kept, .. } = self;
        runtime.block_on(server.answered(PATIENCE, async {
            // What is given up in the midst of it is not kept: nobody knows what its connection is worth.
            let mut client = match kept.take() {
                Some(client) if !client.is_closed() => client,
                _ => server.connect().await?,
            };
            let answer = question(server, &mut client).await;
            *kept = Some(client);
            answer
        }))
    }
}

impl Store for PostgresStore {
    fn secret(&self) -> LedgerSecret {
        self.secret.clone()
    }

    fn known_groups(&mut self) -> Result<Vec<KnownGroup>, Error> {
        self.work(async |transaction| {
            let rows = transaction.query("SELECT key, slug, text, at FROM groups ORDER BY at, slug", &[]).await?;
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
            found.extend(self.work(async |transaction| entries(&transaction.query(query, &[&keys]).await?))?);
        }
        Ok(found)
    }

    fn revision(&mut self) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    fn record(&mut self, batch: &Batch) -> Result<(), Error> {
        // One statement must not meet an assignment twice; in the order of the keys, two processes cannot block each other.
        let mut latest = batch.entries.clone();
        Entry::keep_last(&mut latest);
        let mut groups: Vec<_> = batch.groups.iter().collect();
        groups.sort_by_key(|group| group.key);
        groups.dedup_by_key(|group| group.key);
        let customers: Vec<&[u8]> = latest.iter().map(|entry| entry.customer.0.as_slice()).collect();
        let group_keys: Vec<i64> = latest.iter().map(|entry| entry.group.0).collect();
        let moments: Vec<i64> = latest.iter().map(|entry| entry.at).collect();
        let codes: Vec<Option<&str>> = latest.iter().map(|entry| code(&entry.verdict)).collect();
        self.work(async |transaction| {
            transaction
                .execute(
                    "INSERT INTO assignments SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[])
                     ON CONFLICT (customer, group_key) DO UPDATE SET at = excluded.at, code = excluded.code",
                    &[&customers, &group_keys, &moments, &codes],
                )
                .await?;
            for KnownGroup { key, slug, text, at } in &groups {
                let insert = "INSERT INTO groups VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
                transaction.execute(insert, &[&key.0, slug, text, at]).await?;
            }
            Ok(())
        })
    }

    fn change_quota(&mut self, change: QuotaChange) -> Result<(), Error> {
        // The change cannot be made twice, so that a connection lost in its midst is an error.
        self.work(async |transaction| transaction.execute("SELECT 1", &[]).await)?;
        self.ask(async |server, client| {
            let changed = async {
                let transaction = client.transaction().await?;
                let kept = transaction.query_one("SELECT quota FROM ledger FOR UPDATE", &[]).await?.try_get(0)?;
                transaction.execute("UPDATE ledger SET quota = $1", &[&change(kept)]).await?;
                transaction.commit().await
            };
            changed.await.map_err(|error| of_postgres(&server.shown, error))
        })
    }

    fn forget(&mut self, what: Forget) -> Result<u64, Error> {
        self.work(async |transaction| match what {
            Forget::Customer(customer) => {
                transaction.execute("DELETE FROM assignments WHERE customer = $1", &[&customer.0.as_slice()]).await
            }
            Forget::Group(group) => {
                transaction.execute("DELETE FROM groups WHERE key = $1", &[&group.0]).await?;
                transaction.execute("DELETE FROM assignments WHERE group_key = $1", &[&group.0]).await
            }
            Forget::Assignment(customer, group) => {
                transaction
                    .execute(
                        "DELETE FROM assignments WHERE customer = $1 AND group_key = $2",
                        &[&customer.0.as_slice(), &group.0],
                    )
                    .await
            }
            Forget::Refusals => transaction.execute("DELETE FROM assignments WHERE code IS NOT NULL", &[]).await,
            Forget::Everything => {
                transaction.execute("DELETE FROM groups", &[]).await?;
                transaction.execute("DELETE FROM assignments", &[]).await
            }
        })
    }

    fn page(&mut self, after: Option<(CustomerKey, GroupKey)>, limit: u32) -> Result<Vec<Entry>, Error> {
        let limit = i64::from(limit);
        self.work(async |transaction| {
            let rows = match after {
                None => transaction
                    .query(
                        "SELECT customer, group_key, at, code FROM assignments ORDER BY customer, group_key LIMIT $1",
                        &[&limit],
                    )
                    .await,
                Some((customer, group)) => transaction
                    .query(
                        "SELECT customer, group_key, at, code FROM assignments WHERE (customer, group_key) > ($1, $2)
                         ORDER BY customer, group_key LIMIT $3",
                        &[&customer.0.as_slice(), &group.0, &limit],
                    )
                    .await,
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
        self.work(async |transaction| {
            let owner = transaction.query_one("SELECT base_url, api_key, created_at FROM ledger", &[]).await?;
            let counts = transaction
                .query_one(
                    "SELECT count(*) FILTER (WHERE code IS NULL), count(*) FILTER (WHERE code IS NOT NULL),
                        pg_total_relation_size('assignments') FROM assignments",
                    &[],
                )
                .await?;
            let groups = transaction
                .query(
                    "SELECT text, slug, count(customer) FROM groups
                     LEFT JOIN assignments ON group_key = key AND code IS NULL
                     GROUP BY key, text, slug, groups.at ORDER BY groups.at, slug",
                    &[],
                )
                .await?;
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
                    .collect::<Result<_, tokio_postgres::Error>>()?,
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
        let is_given = |wanted: &str| url.query_pairs().any(|(name, _)| name == wanted);
        let (names_mode, names_authority) = (is_given("sslmode"), is_given("sslrootcert"));
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
        // Whoever names an authority, or a server elsewhere, does not mean to be talked out of TLS by somebody on the way.
        let is_here =
            config.get_hosts().iter().all(is_this_machine) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        if (names_authority && config.get_ssl_mode() != SslMode::Disable) || (!is_here && !names_mode) {
            config.ssl_mode(SslMode::Require);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_PATIENCE);
        }
        config
            .application_name("bizkithub")
            .options(format!(
                "-c search_path={schema} -c synchronous_commit=on -c lock_timeout=15s -c statement_timeout=5min \
                 -c idle_in_transaction_session_timeout=1min"
            ))
            .keepalives_idle(Duration::from_secs(30))
            .tcp_user_timeout(Duration::from_secs(60));
        Ok(Self { config, schema, ca_file, shown })
    }

    async fn connect(&self) -> Result<Client, Error> {
        let patience = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_PATIENCE);
        let connected = self.answered(patience, async {
            let connected = match self.config.get_ssl_mode() {
                SslMode::Disable => self.connect_by(NoTls).await,
                _ => {
                    let trusted = tls_config(self.ca_file.as_deref());
                    let trusted = trusted.map_err(|error| self.unreachable(error.message()).caused_by(error))?;
                    self.connect_by(MakeRustlsConnect::new(trusted)).await
                }
            };
            connected.map_err(|error| self.unreachable(&reason(&error)).caused_by(error))
        });
        connected.await
    }

    async fn connect_by<T>(&self, tls: T) -> Result<Client, tokio_postgres::Error>
    where
        T: MakeTlsConnect<Socket, Stream: Send + 'static>,
    {
        let (client, connection) = self.config.connect(tls).await?;
        // How it ends shows in whatever is asked next.
        tokio::spawn(async { drop(connection.await) });
        Ok(client)
    }

    fn unreachable(&self, reason: &str) -> Error {
        let message = format!("the ledger {} cannot be reached: {reason}", self.shown);
        let advice = match self.config.get_ssl_mode() {
            SslMode::Disable => "check the URL, the user's rights and whether the server runs",
            _ => {
                "check the URL, the user's rights and whether the server runs; sslrootcert=PATH names the authority of its certificate, \
                 sslmode=disable a server without TLS"
            }
        };
        refused("ledger_unusable", message, advice).retryable(true)
    }

    /// Waits no longer than that for the server: a connection to one that is stopped, or to something else that listens, stays open.
    async fn answered<T>(
        &self,
        patience: Duration,
        question: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::time::timeout(patience, question)
            .await
            .unwrap_or_else(|_| Err(self.unreachable(&format!("it has not answered for {} s", patience.as_secs()))))
    }
}

/// Whether a connection to a host stays on this machine, where nobody is on the way.
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        Host::Unix(_) => true,
    }
}

/// Whether a text is a name that needs no quotes in SQL.
fn is_schema(text: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'_');
    text.len() <= 63
        && text.bytes().next().is_some_and(is_letter)
        && text.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

async fn prepare(transaction: &Transaction<'_>, server: &Server, owner: &LedgerOwner) -> Result<LedgerSecret, Error> {
    let Server { schema, shown, .. } = server;
    let failed = |error| of_postgres(shown, error);
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MAKING]).await.map_err(failed)?;
    let exists = transaction
        .query_one("SELECT to_regclass($1) IS NOT NULL", &[&format!("{schema}.version")])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    let version: i64 = if exists {
        transaction.query_one("SELECT steps FROM version", &[]).await.and_then(|row| row.try_get(0)).map_err(failed)?
    } else {
        transaction
            .batch_execute(&format!(
                "CREATE SCHEMA IF NOT EXISTS {schema};
                 CREATE TABLE version (steps bigint NOT NULL);
                 INSERT INTO version VALUES (0);"
            ))
            .await
            .map_err(failed)?;
        0
    };
    let Some(steps) = STEPS.get(usize::try_from(version).unwrap_or(usize::MAX)..) else {
        let message = format!("the ledger {shown} was written by a newer version of this client");
        return Err(refused("ledger_newer", message, "update the client, or choose another ledger"));
    };
    if !steps.is_empty() {
        let update = format!("{} UPDATE version SET steps = {};", steps.concat(), STEPS.len());
        transaction.batch_execute(&update).await.map_err(failed)?;
    }
    let LedgerOwner { base_url, fingerprint, accept_key } = owner;
    // Two of the server's own random values: 244 random bits.
    let insert = "INSERT INTO ledger
                      SELECT 1, decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'), $1, $2, $3
                      ON CONFLICT DO NOTHING";
    transaction.execute(insert, &[base_url, fingerprint, &Timestamp::now().as_second()]).await.map_err(failed)?;
    let row = transaction.query_one("SELECT secret, base_url, api_key FROM ledger", &[]).await.map_err(failed)?;
    let (secret, kept_url, kept_key): (Vec<u8>, String, String) =
        (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?, row.try_get(2).map_err(failed)?);
    if let Some(error) = other_owner(shown, owner, &kept_url, &kept_key) {
        return Err(error);
    }
    if *accept_key && kept_key != *fingerprint {
        transaction.execute("UPDATE ledger SET api_key = $1", &[fingerprint]).await.map_err(failed)?;
    }
    let secret = secret.try_into().map_err(|_| {
        refused("ledger_corrupt", format!("the ledger {shown} is damaged"), "restore it, or choose another schema")
    })?;
    Ok(LedgerSecret::new(secret))
}

async fn in_transaction<T>(
    client: &mut Client,
    work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, tokio_postgres::Error>,
) -> Result<T, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    let result = work(&transaction).await?;
    transaction.commit().await?;
    Ok(result)
}

fn entries(rows: &[Row]) -> Result<Vec<Entry>, tokio_postgres::Error> {
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
fn is_lost(error: &tokio_postgres::Error) -> bool {
    let ending = [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN, &SqlState::CANNOT_CONNECT_NOW];
    error.is_closed() || error.code().is_some_and(|state| ending.contains(&state))
}

fn reason(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        // What it is about says the first error, why says the last.
        None => causes(error).last().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    }
}

fn of_postgres(shown: &str, error: tokio_postgres::Error) -> Error {
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
