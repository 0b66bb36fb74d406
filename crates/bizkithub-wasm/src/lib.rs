//! The core of `bizkithub` for JavaScript hosts that bring HTTP and timers of their own, as WebAssembly.
//!
//! The exports are those of the addon in `bizkithub-node`, so that one npm package makes its classes of either. What differs is who
//! waits: there are no threads here, so the host's timers and answers drive all calls, see `executor.rs`.
#![cfg(target_family = "wasm")]
#![expect(clippy::arc_with_non_send_sync, reason = "the core shares by `Arc`, and here there is one thread")]

mod calls;
mod client;
pub mod clock;
mod executor;
pub mod failure;
mod host;
pub mod ledger;
mod plan;
mod questions;
mod report;
pub mod transport;

use bizkithub::job::RowGroups;
use wasm_bindgen::prelude::wasm_bindgen;

/// The predicted slug of a text, as the server's `toSlug` would make it.
#[wasm_bindgen]
#[must_use]
pub fn slug(text: &str) -> String {
    bizkithub::slug(text)
}

/// The groups in one text, without the blanks around them.
#[wasm_bindgen(js_name = separateGroups)]
#[must_use]
pub fn separate_groups(text: &str) -> Vec<String> {
    RowGroups::separate(text).map(str::to_owned).collect()
}
