//! The core of `bizkithub` for Node.
//!
//! One file per concept of the core. Each converts, calls the core and converts back; the classes that users see are made of
//! these values by the npm package `bizkithub`, errors included.

mod calls;
mod client;
pub mod command;
mod error;
mod plan;
mod report;
mod sandbox;
pub mod transport;

use bizkithub::Error;
use napi::Either;
use napi_derive::napi;

use crate::calls::Calls;
use crate::error::{Failure, answer};

/// The predicted slug of a text, as the server's `toSlug` would make it.
#[napi]
pub fn slug(text: String) -> Either<String, Failure> {
    answer(|| Ok(bizkithub::slug(&text)))
}

/// Panics, for tests of what becomes of a defect: on the calling thread, or as a call on the runtime's.
#[napi]
pub fn panic_for_tests(calls: &Calls, call: u32, on_runtime: bool) -> Either<u32, Failure> {
    if !on_runtime {
        return answer(panic_now);
    }
    match calls.inner().start(call, async { panic_now() }) {
        Some(failure) => Either::B(failure),
        None => Either::A(call),
    }
}

#[expect(clippy::panic, reason = "that is what it is for")]
fn panic_now<T>() -> Result<T, Error> {
    panic!("a panic for tests")
}
