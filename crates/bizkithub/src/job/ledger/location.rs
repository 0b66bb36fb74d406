use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::postgres::PostgresStore;
use super::sqlite::{SqliteStore, refused};
use super::store::StoreLedger;
use crate::client::Client;
use crate::error::Error;

/// Where a ledger is: the path of a file, or the URL of a PostgreSQL database. `Debug` and `Display` hide the URL's password.
#[derive(Clone, Eq, PartialEq)]
pub struct LedgerLocation(Place);

#[derive(Clone, Eq, PartialEq)]
enum Place {
    File(PathBuf),
    Postgres(Url),
}

/// Whom a ledger belongs to: answers of one organisation say nothing about another.
#[derive(Clone, Debug)]
pub struct LedgerOwner {
    pub(super) base_url: String,
    pub(super) fingerprint: String,
    pub(super) accept_key: bool,
}

impl LedgerOwner {
    /// The address and the key of a client.
    #[must_use]
    pub fn of(client: &Client) -> Self {
        Self { base_url: client.base_url().to_string(), fingerprint: client.api_key().fingerprint(), accept_key: false }
    }

    /// Accepts a ledger of another key, which from then on belongs to this one: keys are replaced from time to time.
    #[must_use]
    pub fn accepting_key(mut self, accept_key: bool) -> Self {
        self.accept_key = accept_key;
        self
    }
}

impl LedgerLocation {
    /// Takes texts that begin with `postgres://` or `postgresql://` for URLs, and all others for paths. Nothing is opened.
    ///
    /// The tables of a URL are in the schema `bizkithub`, or in the one that its parameter `schema` names, so that several
    /// organisations can share a database. `sslmode` may be `disable`, `prefer` (or `allow`), the default for a server on this machine,
    /// or `require` (or `verify-ca`, `verify-full`), the default for any other, and wherever `sslrootcert` names a PEM file of
    /// authorities to trust beside the system's (`system` for those alone). A certificate is always verified, with its name.
    /// `connect_timeout` is in seconds; default: 10.
    ///
    /// # Errors
    ///
    /// `ledger_location_invalid` for a blank text, another scheme or a URL that cannot be read.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |message: &str| {
            let advice = "give a path such as groups.ledger, or a URL such as postgresql://user@host/database";
            Error::invalid_input("ledger_location_invalid", message.to_owned(), advice)
        };
        if text.trim().is_empty() {
            return Err(invalid("the location of the ledger is empty"));
        }
        match text.trim().split_once("://") {
            Some(("postgres" | "postgresql", _)) => Url::parse(text.trim())
                .map(|url| Self(Place::Postgres(url)))
                .map_err(|error| invalid(&format!("the URL of the ledger cannot be read: {error}"))),
            // Only the beginning is repeated: the rest may hold a password.
            Some((scheme, _)) => {
                Err(invalid(&format!("a ledger cannot be at an address that begins with {scheme}://")))
            }
            None => Ok(Self::file(text)),
        }
    }

    /// The file at a path.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// Opens the ledger, and makes it where there is none. Blocks; waits at most 15 seconds for other processes. A database that does
    /// not answer is given up, while it connects after `connect_timeout`, later after six minutes.
    ///
    /// A file is made with the mode 0600, beside a lock file of the same name with `.lock` behind it. It must be on a local disk.
    ///
    /// # Errors
    ///
    /// `ledger_location_invalid` for a parameter of the URL, and of the kind `ledger`: `ledger_unusable`, `ledger_read_only`, `ledger_on_network`, `ledger_locked`, `ledger_foreign` (not a
    /// ledger), `ledger_newer`, `ledger_corrupt`, `ledger_full`, `ledger_failed`, `ledger_of_another_server` and
    /// `ledger_of_another_key`.
    pub fn open(&self, owner: &LedgerOwner) -> Result<StoreLedger, Error> {
        match &self.0 {
            Place::File(path) => StoreLedger::new(SqliteStore::open(path, owner)?),
            Place::Postgres(url) => StoreLedger::new(PostgresStore::open(url, owner)?),
        }
    }
}

impl fmt::Display for LedgerLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => write!(formatter, "{}", path.display()),
            Place::Postgres(url) => formatter.write_str(&shown(url)),
        }
    }
}

impl fmt::Debug for LedgerLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LedgerLocation({self})")
    }
}

/// A URL without its password and its parameters, any of which may be secret.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // A URL without a host has no password that could be left.
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Why a ledger is not to be used, when it belongs to somebody else.
pub(super) fn other_owner(location: &str, owner: &LedgerOwner, base_url: &str, fingerprint: &str) -> Option<Error> {
    if owner.base_url != base_url {
        let message = format!("the ledger {location} belongs to {base_url}, not to {}", owner.base_url);
        return Some(refused("ledger_of_another_server", message, "choose another ledger for this server"));
    }
    if owner.fingerprint != fingerprint && !owner.accept_key {
        let message =
            format!("the ledger {location} belongs to the API key …{fingerprint}, not to …{}", owner.fingerprint);
        let advice = "if the key was replaced within the same organisation, accept the new key for the ledger; otherwise choose \
                      another ledger";
        return Some(refused("ledger_of_another_key", message, advice));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_shown_without_what_may_be_secret() {
        let location = |text: &str| LedgerLocation::parse(text).expect(text);
        let url = location(" postgresql://me:secret@host:5432/db?password=secret&schema=x#secret ");
        assert_eq!(url.to_string(), "postgresql://me@host:5432/db");
        assert_eq!(format!("{url:?}"), "LedgerLocation(postgresql://me@host:5432/db)");
        assert_eq!(location("postgres://host/db").to_string(), "postgres://host/db");
        assert_eq!(location("./groups.ledger").to_string(), "./groups.ledger");
    }

    #[test]
    fn what_is_no_location_is_told_without_repeating_it() {
        for text in ["", " \t", "mysql://me:secret@host/db", "postgresql://me:secret@host:port/db"] {
            let error = LedgerLocation::parse(text).expect_err(text);
            assert_eq!(error.code(), Some("ledger_location_invalid"), "{text}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
