use std::net::{IpAddr, Ipv4Addr};

use bizkithub::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::customer::SeededCustomer;
use crate::fault::Fault;
use crate::key::RegisteredKey;
use crate::quota::{QuotaModel, QuotaSignal};

/// Which customers a sandbox accepts. JSON: `"acceptEvery"`, `"onlySeeded"`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CustomerPolicy {
    /// Every customer exists as soon as a request names it.
    #[default]
    AcceptEvery,
    /// Only seeded customers exist. An unknown e-mail is refused with `INTERNAL_RESOURCE_NOT_FOUND`, an unknown `cuRefNo` with
    /// `PUBLIC_CUSTOMER_DETAIL_NOT_PERMITTED`.
    OnlySeeded,
}

/// How a sandbox starts. Everything may be left out.
///
/// JSON (all keys optional, unknown ones refused):
///
/// ```
/// let options: bizkithub_sandbox::SandboxOptions = serde_json::from_str(
///     r#"{
///         "host": "127.0.0.1", "port": 0, "seed": 7,
///         "keys": [{"key": "DEV_0000000000000000000000000000", "state": "expired"}],
///         "customerPolicy": "onlySeeded", "missingCustomerStatus": 500, "validationStatus": 422,
///         "customers": [{"email": "jan@barasek.com", "cuRefNo": "1cGIHvFoQDGLAbcA", "groups": ["VIP"]}],
///         "quota": {"model": "slidingWindow", "limit": 1000, "burst": 50, "windowSeconds": 3600},
///         "quotaSignals": ["xRateLimit", "retryAfter"],
///         "faults": [{"when": {"everyNth": 3}, "effect": "resetAfterApplying"}],
///         "frozenAt": "2026-11-23T12:00:00Z",
///         "requestLogCapacity": 1000
///     }"#,
/// )?;
/// assert_eq!(options.seed, 7);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SandboxOptions {
    /// The address to listen on. Default: `127.0.0.1`, so that no other machine can connect.
    pub host: IpAddr,
    /// The port to listen on. Default: 0, any free one.
    pub port: u16,
    /// What everything random follows: the generated keys and the faults with a probability. Default: 0.
    pub seed: u64,
    /// Keys to register besides the one that [`Sandbox::api_key`](crate::Sandbox::api_key) returns.
    pub keys: Vec<RegisteredKey>,
    /// Which customers are accepted. Default: every one.
    pub customer_policy: CustomerPolicy,
    /// Customers that exist from the start.
    pub customers: Vec<SeededCustomer>,
    /// The status of `INTERNAL_RESOURCE_NOT_FOUND`, which the documentation leaves open. Default: 404; 500 is as likely.
    pub missing_customer_status: u16,
    /// The status of `INTERNAL_VALIDATION_FAILED`, which the documentation leaves open. Default: 400; 422 and 500 are as likely.
    pub validation_status: u16,
    /// The quota. Default: none.
    pub quota: Option<QuotaModel>,
    /// How answers tell about the quota. Default: as the model's documentation says.
    pub quota_signals: Option<Vec<QuotaSignal>>,
    /// Faults that are in force from the start.
    pub faults: Vec<Fault>,
    /// A moment at which the clock stands still. Default: the clock shows the machine's time.
    #[serde(deserialize_with = "crate::moment::deserialize_optional")]
    pub frozen_at: Option<Timestamp>,
    /// How many requests the log keeps; the oldest go first, and all are counted. Default: 10,000.
    pub request_log_capacity: usize,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            seed: 0,
            keys: Vec::new(),
            customer_policy: CustomerPolicy::AcceptEvery,
            customers: Vec::new(),
            missing_customer_status: 404,
            validation_status: 400,
            quota: None,
            quota_signals: None,
            faults: Vec::new(),
            frozen_at: None,
            request_log_capacity: 10_000,
        }
    }
}

impl SandboxOptions {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (option, status) in
            [("missingCustomerStatus", self.missing_customer_status), ("validationStatus", self.validation_status)]
        {
            if !(400..=599).contains(&status) {
                return Err(Error::invalid_input(
                    "sandbox_option_invalid",
                    format!("{option} is {status}, which is not the status of a refusal"),
                    "give a status from 400 to 599",
                ));
            }
        }
        self.quota.as_ref().map_or(Ok(()), QuotaModel::validate)
    }

    pub(crate) fn signals(&self) -> Vec<QuotaSignal> {
        let documented = || self.quota.map(|quota| quota.documented_signals().to_vec()).unwrap_or_default();
        self.quota_signals.clone().unwrap_or_else(documented)
    }
}
