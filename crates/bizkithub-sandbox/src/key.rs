use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use bizkithub::{ApiKey, Error, KeyKind};
use serde::{Deserialize, Serialize};

use crate::quota::QuotaUsage;
use crate::refusal::Refusal;

const RANDOM_LENGTH: usize = 28;

/// What the sandbox makes of a registered key. JSON: `"active"`, `"deleted"`, `"inactive"`, `"expired"`, `"notPermitted"`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum KeyState {
    /// Accepted.
    #[default]
    Active,
    /// Refused with `PUBLIC_API_KEY_HAS_BEEN_DELETED`.
    Deleted,
    /// Refused with `PUBLIC_API_KEY_IS_NOT_ACTIVE`.
    Inactive,
    /// Refused with `PUBLIC_API_KEY_HAS_BEEN_EXPIRED`.
    Expired,
    /// May ping, but add-groups refuses it with `PERMISSION_MEMBER_HAS_NO_PERMISSION`.
    NotPermitted,
}

/// A key that the sandbox knows. `Debug` shows the prefix and a fingerprint, never the key.
///
/// JSON: `{"key": "DEV_…", "state": "active", "expiresAfterSeconds": 3600}`; only `key` is required.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisteredKey {
    /// The key, in the documented form.
    pub key: String,
    /// What the sandbox makes of it. Default: active.
    #[serde(default)]
    pub state: KeyState,
    /// How long it stays valid on the sandbox's clock, from its registration on. Default: for ever.
    #[serde(default, deserialize_with = "crate::seconds::deserialize_optional", rename = "expiresAfterSeconds")]
    pub expires_after: Option<Duration>,
}

impl RegisteredKey {
    /// An active key without expiry.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), state: KeyState::Active, expires_after: None }
    }

    /// The same key in another state.
    #[must_use]
    pub fn in_state(mut self, state: KeyState) -> Self {
        self.state = state;
        self
    }
}

impl fmt::Debug for RegisteredKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = ApiKey::parse(&self.key).map_or_else(|_| "not a key".to_owned(), |key| key.to_string());
        formatter
            .debug_struct("RegisteredKey")
            .field("key", &key)
            .field("state", &self.state)
            .field("expires_after", &self.expires_after)
            .finish()
    }
}

/// Every registered key with its state and what it has used of the quota.
pub(crate) struct KeyRing {
    entries: HashMap<Box<str>, KeyEntry>,
    random: fastrand::Rng,
}

pub(crate) struct KeyEntry {
    pub(crate) kind: KeyKind,
    pub(crate) usage: QuotaUsage,
    state: KeyState,
    expires_at: Option<Duration>,
}

impl KeyRing {
    pub(crate) fn new(seed: u64) -> Self {
        Self { entries: HashMap::new(), random: fastrand::Rng::with_seed(seed) }
    }

    /// Makes a key of a kind from the seed and registers it.
    pub(crate) fn generate(&mut self, kind: KeyKind) -> String {
        let random = std::iter::repeat_with(|| self.random.alphanumeric()).take(RANDOM_LENGTH);
        let key: String = kind.prefix().chars().chain(random).collect();
        let entry = KeyEntry { kind, usage: QuotaUsage::default(), state: KeyState::Active, expires_at: None };
        self.entries.insert(key.as_str().into(), entry);
        key
    }

    /// Registers a key, or gives a registered one another state and expiry; what it used of the quota stays used.
    pub(crate) fn register(&mut self, key: &RegisteredKey, now: Duration) -> Result<(), Error> {
        let kind = ApiKey::parse(&key.key)?.kind();
        let entry = self.entries.entry(key.key.trim().into()).or_insert_with(|| KeyEntry {
            kind,
            usage: QuotaUsage::default(),
            state: key.state,
            expires_at: None,
        });
        entry.state = key.state;
        entry.expires_at = key.expires_after.map(|lifetime| now.saturating_add(lifetime));
        Ok(())
    }

    /// The documented checks up to the rate limit: present, format, registered and active, not expired.
    pub(crate) fn check(&mut self, presented: Option<&str>, now: Duration) -> Result<&mut KeyEntry, Refusal> {
        let presented = presented.unwrap_or_default();
        let Some(entry) = self.entries.get_mut(presented) else { return Err(refuse_unregistered(presented)) };
        let is_expired = entry.expires_at.is_some_and(|moment| moment <= now);
        let code = match entry.state {
            KeyState::Deleted => "PUBLIC_API_KEY_HAS_BEEN_DELETED",
            KeyState::Inactive => "PUBLIC_API_KEY_IS_NOT_ACTIVE",
            KeyState::Expired => "PUBLIC_API_KEY_HAS_BEEN_EXPIRED",
            KeyState::Active | KeyState::NotPermitted if is_expired => "PUBLIC_API_KEY_HAS_BEEN_EXPIRED",
            KeyState::Active | KeyState::NotPermitted => return Ok(entry),
        };
        Err(Refusal::documented(code))
    }
}

impl KeyEntry {
    pub(crate) fn may_change_customers(&self) -> bool {
        self.state != KeyState::NotPermitted
    }
}

fn refuse_unregistered(presented: &str) -> Refusal {
    let is_padded = presented.trim() != presented;
    Refusal::documented(match ApiKey::parse(presented) {
        Ok(_) if !is_padded => "PUBLIC_API_KEY_DOES_NOT_EXIST",
        Err(error) if error.code() == Some("api_key_missing") => "PUBLIC_API_KEY_IS_EMPTY",
        Err(error) if error.code() == Some("api_key_sample") && !is_padded => "PUBLIC_API_KEY_SAMPLE_VALUE",
        _ => "PUBLIC_API_KEY_IS_NOT_IN_VALID_FORMAT",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_key_does_not_show_itself() {
        let key = KeyRing::new(1).generate(KeyKind::Development);
        let shown = format!("{:?}", RegisteredKey::new(key.clone()));
        assert!(!shown.contains(&key[4..]), "{shown}");
        assert!(shown.contains("DEV_…"), "{shown}");
    }
}
