mod error;
pub mod protocol;
mod types;
pub use error::{Error, ErrorKind, Field};
pub use types::*;
