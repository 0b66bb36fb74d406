use std::time::Duration;

use bizkithub::event::EventLevel;
use bizkithub::protocol::KeyPlacement;
use bizkithub::{ClientBuilder, Error, QuotaRate};
use serde::Deserialize;

use crate::{choice, milliseconds, nullable};

/// The settings of a client. Times are in milliseconds; a deadline of `null` is none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSettings {
    api_key: Option<String>,
    base_url: Option<String>,
    key_placement: Option<String>,
    connect_timeout: Option<f64>,
    timeout: Option<f64>,
    #[serde(default, deserialize_with = "nullable")]
    deadline: Option<Option<f64>>,
    tries: Option<u32>,
    quota: Option<String>,
    proxy: Option<String>,
    ca_file: Option<String>,
    /// Where OpenTelemetry's collector is, for hosts that can export.
    pub otlp_endpoint: Option<String>,
    /// From which level on events are told; absent for none.
    event_level: Option<String>,
    /// Where the ledger is.
    pub ledger: Option<String>,
    /// Whether a ledger of another key is used all the same.
    #[serde(default)]
    pub accept_key: bool,
}

impl ClientSettings {
    /// From which level on events are told, if at all.
    ///
    /// # Errors
    ///
    /// An internal error for a level that does not exist.
    pub fn event_level(&self) -> Result<Option<EventLevel>, Error> {
        self.event_level.as_deref().map(|name| choice(EventLevel::ALL, name)).transpose()
    }

    /// Puts the settings into a builder.
    ///
    /// # Errors
    ///
    /// Those of a quota that cannot be read; an internal error for a placement of the key that does not exist.
    pub fn apply(self, mut builder: ClientBuilder) -> Result<ClientBuilder, Error> {
        if let Some(api_key) = self.api_key {
            builder = builder.api_key(api_key);
        }
        if let Some(base_url) = self.base_url {
            builder = builder.base_url(base_url);
        }
        if let Some(name) = self.key_placement {
            builder = builder.key_placement(placement(&name)?);
        }
        if let Some(connect_timeout) = self.connect_timeout {
            builder = builder.connect_timeout(milliseconds(connect_timeout).unwrap_or(Duration::MAX));
        }
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(milliseconds(timeout).unwrap_or(Duration::MAX));
        }
        if let Some(deadline) = self.deadline {
            builder = builder.deadline(deadline.and_then(milliseconds));
        }
        if let Some(tries) = self.tries {
            builder = builder.tries(tries);
        }
        if let Some(quota) = self.quota {
            builder = builder.quota(quota.parse::<QuotaRate>()?);
        }
        if let Some(proxy) = self.proxy {
            builder = builder.proxy(proxy);
        }
        if let Some(ca_file) = self.ca_file {
            builder = builder.ca_file(ca_file);
        }
        Ok(builder)
    }
}

/// Never another placement than the one that is meant: the key would go where it must not.
fn placement(name: &str) -> Result<KeyPlacement, Error> {
    if name == "host" { Ok(KeyPlacement::Host) } else { choice(KeyPlacement::ALL, name) }
}
