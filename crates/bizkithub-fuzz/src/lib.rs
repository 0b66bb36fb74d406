//! Fuzz targets: every parser that meets the outside, with what must hold for any bytes.
//!
//! `make fuzz` runs each under libFuzzer with its address sanitizer; the tests of this crate run each on the vectors and on seeded mutations of
//! them, without a fuzzer.

mod mutator;
mod seeds;
mod target;

pub use mutator::Mutator;
pub use seeds::seeds;
pub use target::{TARGETS, Target};
