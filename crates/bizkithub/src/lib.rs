//! The core of `bizkithub`: puts groups on customers of the BizKitHub CRM, for one customer or for ten million rows.
//!
//! # Layers
//!
//! Each knows only those above it in this list:
//!
//! - **types**: [`ApiKey`], [`Email`], [`CuRefNo`], [`Group`], [`Customer`], parsed once, so that no value of theirs is invalid;
//! - [`protocol`]: requests to bytes and answers to meaning, without sockets or a clock;
//! - **client**: [`Client`] makes one call with its retries; the only layer that waits; what it does is told as [`event`]s;
//! - [`job`]: rows → plan → run → report.
//!
//! # Seams and features
//!
//! Everything that waits goes through three traits: [`Transport`], [`Clock`] and [`job::Ledger`]. The feature `native` (on by
//! default) brings an HTTP transport, the machine's clock, ledgers in SQLite and PostgreSQL, files (CSV and NDJSON, rejects, outcomes)
//! and the environment's settings. Without it the crate knows no runtime, socket or file and compiles to WebAssembly.
//!
//! `arrow` adds rows and outcomes as Arrow data, `parquet` Parquet files, and `otlp` the export of spans and metrics to a collector of
//! OpenTelemetry.
#![cfg_attr(
    target_family = "wasm",
    expect(clippy::arc_with_non_send_sync, reason = "shared natively; in WebAssembly there is one thread")
)]

mod client;
mod error;
pub mod event;
pub mod job;
pub mod protocol;
mod types;

pub use client::{
    BoxFuture, Client, ClientBuilder, Clock, MaybeSend, MaybeSync, Pace, QuotaRate, Receipt, Transport, TransportError,
    TransportErrorKind,
};
#[cfg(feature = "native")]
pub use client::{ReqwestTransport, TokioClock};
pub use error::{Error, ErrorKind, Explanation, Field, is_treacherous, printable};
/// The state machine behind the quota, for whoever wants to drive it by hand.
pub mod pacing {
    pub use crate::client::{Decision, Observation, Pacer, QuotaRefusal, Wish};
}
/// The type of every moment in the public interface.
pub use jiff::Timestamp;
pub use types::{
    ApiKey, BaseUrl, CuRefNo, Customer, CustomerIdentity, Email, Group, KeyKind, SLUG_LIMIT, is_slug, parse_groups,
    slug, without_keys,
};
