//! The core of `bizkithub` for Node.
//!
//! One file per concept of the core. Each converts, calls the core and converts back; the classes that users see are made of
//! these values by the npm package `bizkithub`, errors included.

mod arrow_rows;
mod calls;
pub mod cli;
mod client;
mod error;
mod plan;
mod report;
mod sandbox;
pub mod transport;

use napi::Either;
use napi_derive::napi;

use crate::error::{Failure, answer};

/// The predicted slug of a text, as the server's `toSlug` would make it.
#[napi]
pub fn slug(text: String) -> Either<String, Failure> {
    answer(|| Ok(bizkithub::slug(&text)))
}
