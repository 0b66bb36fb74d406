use std::fmt;

use serde::Serialize;

/// The families of errors. Stable: decide on them, or on [`Error::code`](super::Error::code), never on the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// Refused by this client before anything was sent.
    InvalidInput,
    /// The server does not accept the API key. No other request with it can succeed.
    ApiKey,
    /// The key is known but may not do this. No other request with it can succeed.
    Permission,
    /// The server refused this customer or its groups; other customers are not concerned.
    Rejected,
    /// The quota is used up: [`Error::retry_at`](super::Error::retry_at) says when it comes back, if the server told.
    Quota,
    /// The server failed, or what answered is not the API.
    Server,
    /// No answer arrived: no connection, a reset, a timeout.
    Network,
    /// The ledger cannot be read or written.
    Ledger,
    /// A defect of this client.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::InvalidInput,
        Self::ApiKey,
        Self::Permission,
        Self::Rejected,
        Self::Quota,
        Self::Server,
        Self::Network,
        Self::Ledger,
        Self::Internal,
    ];

    /// The stable name, the same in every language: `invalid_input`, `api_key`, `permission`, `rejected`, `quota`, `server`,
    /// `network`, `ledger`, `internal`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::ApiKey => "api_key",
            Self::Permission => "permission",
            Self::Rejected => "rejected",
            Self::Quota => "quota",
            Self::Server => "server",
            Self::Network => "network",
            Self::Ledger => "ledger",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
