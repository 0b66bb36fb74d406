//! The wire protocol, without sockets and without a clock: requests to bytes, answers to meaning.
//!
//! Sources: BizKitHub documentation, endpoint `postApiV1CustomerAdd-groups`, the error registry and the articles on
//! authentication and rate limits, read in November 2026.

mod error_code;
mod quota;
mod request;
mod response;

pub use error_code::ErrorCode;
pub use quota::Quota;
pub use request::{Endpoint, KeyPlacement, Method, Operation, Request};
pub use response::{Answer, BODY_LIMIT, Response};
