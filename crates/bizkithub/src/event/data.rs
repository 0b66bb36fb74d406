use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::EventLevel;
use crate::error::Error;
use crate::job::OutcomeCounts;

/// What happened. The names of events and of their fields are stable; messages are not.
///
/// As JSON, names of fields are in camelCase, times in seconds, moments texts of RFC 3339, and an error is its `errorType`: its code, or
/// its kind where there is no code, or none of a documented form. `Display` is the message, which may repeat what the server said.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum EventData {
    /// `request`, debug: a request was answered, or given up. One whose future is dropped is not told of.
    Request(RequestEvent),
    /// `request.retried`, debug: a request that failed will be sent again after a pause of its own.
    #[serde(rename_all = "camelCase")]
    RequestRetried {
        /// How it failed.
        #[serde(rename = "errorType", serialize_with = "as_type")]
        error: Error,
        /// After how long it is sent again.
        #[serde(rename = "waitSeconds", serialize_with = "as_seconds")]
        wait: Duration,
    },
    /// `run.started`, info: a run knows what it has to send.
    #[serde(rename_all = "camelCase")]
    RunStarted {
        /// Rows of the plan.
        rows: u64,
        /// Customers of the plan.
        customers: u64,
        /// Requests to send.
        requests: u64,
        /// Rows that the ledger knows.
        skipped: u64,
        /// Rows that are rejected without asking.
        rejected: u64,
    },
    /// `run.waiting`: a run sends nothing for a while; info from ten seconds on, else debug.
    #[serde(rename_all = "camelCase")]
    RunWaiting {
        /// For what.
        reason: WaitReason,
        /// Until when.
        #[serde(serialize_with = "as_text")]
        until: Timestamp,
        /// How long that is.
        #[serde(rename = "waitSeconds", serialize_with = "as_seconds")]
        wait: Duration,
    },
    /// `run.suspended`, info: what is left is left for a later run.
    #[serde(rename_all = "camelCase")]
    RunSuspended {
        /// From when on it makes sense to run again.
        #[serde(serialize_with = "as_text")]
        resume_at: Timestamp,
    },
    /// `server.failing`, warning: the server fails at everything, so that one request a second asks whether it is back.
    #[serde(rename_all = "camelCase")]
    ServerFailing {
        /// How the last request failed.
        #[serde(rename = "errorType", serialize_with = "as_type")]
        error: Error,
    },
    /// `server.back`, info: a server that failed answers again.
    ServerBack {},
    /// `run.stopping`, error: no other request can succeed.
    #[serde(rename_all = "camelCase")]
    RunStopping {
        /// Why.
        #[serde(rename = "errorType", serialize_with = "as_type")]
        error: Error,
    },
    /// `telemetry.lost`, warning: a listener could not hand over all that it held.
    #[serde(rename_all = "camelCase")]
    TelemetryLost {
        /// Why.
        #[serde(rename = "errorType", serialize_with = "as_type")]
        error: Error,
    },
    /// `run.ended`: a run has its report; warning where rows are not as they should be and nothing says when to go on, else info.
    #[serde(rename_all = "camelCase")]
    RunEnded {
        /// Rows by outcome.
        #[serde(flatten)]
        counts: OutcomeCounts,
        /// Requests sent, retries included.
        requests: u64,
        /// Requests sent again after a failure.
        retries: u64,
        /// Requests refused because the quota was used up.
        throttled: u64,
        /// How long the run took.
        #[serde(serialize_with = "as_seconds")]
        seconds: Duration,
        /// Whether every row is applied or skipped.
        is_complete: bool,
        /// From when on it makes sense to run again.
        #[serde(serialize_with = "as_optional_text")]
        resume_at: Option<Timestamp>,
        /// What the log says.
        #[serde(skip)]
        message: String,
    },
}

/// One request, answered or given up.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequestEvent {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, which is the same for every customer.
    pub route: &'static str,
    /// Which try of its call it is, from 1 on.
    pub attempt: u32,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong, if something did.
    #[serde(rename = "errorType", serialize_with = "as_optional_type")]
    pub error: Option<Error>,
    /// The server's name for the request, if its answer gave one.
    pub request_id: Option<String>,
    /// Requests left in the window, if the answer told.
    pub remaining: Option<u64>,
    /// From sending to the end of the answer.
    #[serde(serialize_with = "as_seconds")]
    pub seconds: Duration,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WaitReason {
    /// The quota is used up.
    Quota,
    /// The server asked for a time without requests.
    Server,
}

/// The longest code that labels an event, in bytes: longer than any that is documented.
const LONGEST_TYPE: usize = 64;

/// A shorter wait is nothing that whoever reads a log wants to know.
const LONG_WAIT: Duration = Duration::from_secs(10);

impl EventData {
    /// The stable name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::RequestRetried { .. } => "request.retried",
            Self::RunStarted { .. } => "run.started",
            Self::RunWaiting { .. } => "run.waiting",
            Self::RunSuspended { .. } => "run.suspended",
            Self::ServerFailing { .. } => "server.failing",
            Self::ServerBack {} => "server.back",
            Self::RunStopping { .. } => "run.stopping",
            Self::TelemetryLost { .. } => "telemetry.lost",
            Self::RunEnded { .. } => "run.ended",
        }
    }

    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> EventLevel {
        match self {
            Self::Request(_) | Self::RequestRetried { .. } => EventLevel::Debug,
            Self::RunWaiting { wait, .. } if *wait < LONG_WAIT => EventLevel::Debug,
            // Rows that are left for later are as they should be.
            Self::RunEnded { is_complete: false, resume_at: None, .. }
            | Self::ServerFailing { .. }
            | Self::TelemetryLost { .. } => EventLevel::Warning,
            Self::RunStopping { .. } => EventLevel::Error,
            _ => EventLevel::Info,
        }
    }
}

impl fmt::Display for EventData {
    /// A sentence for people. Its wording may change.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(request) => request.fmt(formatter),
            Self::RequestRetried { error, wait } => {
                write!(formatter, "a request is sent again in {:.1} s: {error}", wait.as_secs_f64())
            }
            Self::RunStarted { rows, customers, requests, skipped, rejected } => write!(
                formatter,
                "sending {requests} requests for {rows} rows of {customers} customers; the ledger knows {skipped} rows, \
                 {rejected} are rejected"
            ),
            Self::RunWaiting { reason: WaitReason::Quota, until, .. } => {
                write!(formatter, "the quota is used up: waiting until {until:.0}")
            }
            Self::RunWaiting { reason: WaitReason::Server, wait, .. } => {
                write!(formatter, "the server asks for {:.0} s without requests", wait.as_secs_f64())
            }
            Self::RunSuspended { resume_at } => {
                write!(formatter, "leaving the rest for a run from {resume_at:.0} on")
            }
            Self::ServerFailing { error } => {
                write!(formatter, "the server fails: one request a second asks whether it is back: {error}")
            }
            Self::ServerBack {} => formatter.write_str("the server is back"),
            Self::RunStopping { error } => write!(formatter, "stopping: {error}"),
            Self::TelemetryLost { error } => error.fmt(formatter),
            Self::RunEnded { message, .. } => formatter.write_str(message),
        }
    }
}

impl RequestEvent {
    /// The code of what went wrong, or its kind where there is no code.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        self.error.as_ref().map(type_of)
    }
}

impl fmt::Display for RequestEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.seconds.as_secs_f64() * 1e3;
        write!(formatter, "{} {}: {:.1} ms, ", self.method, self.route, milliseconds)?;
        match (&self.error, self.status) {
            (Some(error), _) => formatter.write_str(&error.summary()),
            (None, Some(status)) => write!(formatter, "HTTP {status}"),
            (None, None) => formatter.write_str("no answer"),
        }
    }
}

/// One of a few: a server, or a gateway, may put anything into a code.
pub(super) fn type_of(error: &Error) -> &str {
    error.stable_code().filter(|code| code.len() <= LONGEST_TYPE).unwrap_or(error.kind().as_str())
}

fn as_type<S: Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
    type_of(error).serialize(serializer)
}

fn as_optional_type<S: Serializer>(error: &Option<Error>, serializer: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(type_of).serialize(serializer)
}

fn as_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    duration.as_secs_f64().serialize(serializer)
}

fn as_text<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    moment.to_string().serialize(serializer)
}

fn as_optional_text<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    moment.map(|moment| moment.to_string()).serialize(serializer)
}
