//! What the addon and the WebAssembly module share: the values that cross the border to JavaScript, as JSON.
//!
//! The npm package `bizkithub` writes and reads this JSON. Settings are checked there by type and by name, and here by the core.

mod client_settings;
mod exchange;
mod json;
mod pages;
mod plan_settings;
mod row_batch;
mod run_settings;
mod transport_failure;

use std::time::Duration;

use bizkithub::Error;
pub use client_settings::ClientSettings;
pub use exchange::{RequestParts, response};
pub use json::{json, parse};
pub use pages::{outcomes_page, refusals_page};
pub use plan_settings::PlanSettings;
pub use row_batch::push_rows;
pub use run_settings::RunSettings;
use serde::{Deserialize, Deserializer};
pub use transport_failure::transport_failure;

/// A time in milliseconds; `None` for one without an end.
#[must_use]
pub fn milliseconds(milliseconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}

/// A choice by its name in the settings, which the host has checked before.
fn choice<T: Copy, const N: usize>(choices: [(&str, T); N], name: &str) -> Result<T, Error> {
    let found = choices.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice);
    found.ok_or_else(|| Error::internal(format!("there is no choice {name:?}")))
}

/// Tells `null`, which switches a limit off, from a setting that is not there.
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
