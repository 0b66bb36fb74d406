//! The real binary against a real sandbox: what people and scripts see, and what reaches the server.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod add;
mod bad_input;
#[cfg(unix)]
mod crashes;
#[cfg(unix)]
mod demo;
#[cfg(unix)]
mod documentation;
mod exit_codes;
mod explain;
#[cfg(unix)]
mod interruption;
mod json;
#[cfg(unix)]
mod ledger;
mod library;
mod manual;
#[cfg(unix)]
#[path = "../../../bizkithub/tests/ledger/postgres_server.rs"]
mod postgres_server;
mod rejects;
#[cfg(unix)]
mod sandbox;
mod secrecy;
mod support;
mod telemetry;
mod terminal;
mod text;
