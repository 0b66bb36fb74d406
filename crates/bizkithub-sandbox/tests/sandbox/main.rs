//! The sandbox over real sockets, as its clients meet it.

#![expect(clippy::unwrap_used, reason = "in a helper of a test, too, failing is the point")]

mod add_groups;
mod faults;
mod inspection;
mod keys;
mod lifecycle;
mod options;
mod quotas;
mod support;
