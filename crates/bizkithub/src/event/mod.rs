//! What the client tells while it works: for logs, traces and metrics.
//!
//! An [`Event`] is told to every [`EventListener`] of a client and to the crate `tracing`, with the target `bizkithub`, where each
//! request and each run has a span too. No event contains the API key or a URL; the message of an error may repeat what the server said, the
//! fields never do.

mod data;
mod level;
mod listeners;
#[cfg(feature = "otlp")]
mod otlp;
mod record;
pub(crate) mod trace;

pub use data::{EventData, RequestEvent, WaitReason};
pub use level::EventLevel;
pub use listeners::EventListener;
pub(crate) use listeners::Listeners;
#[cfg(feature = "otlp")]
pub use otlp::OtlpExporter;

use jiff::Timestamp;

/// Something that happened. As JSON: `name`, `level`, `message`, `at` (RFC 3339), `run` and `fields`, the parts of its [`EventData`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// When, on the client's clock.
    pub at: Timestamp,
    /// The run of a plan that it belongs to; the runs of a process are counted from 1.
    pub run: Option<u64>,
    /// What.
    pub data: EventData,
}
