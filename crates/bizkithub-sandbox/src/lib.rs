//! BizKitHub's documented API on your own machine: a real HTTP server that keeps customers and groups in memory, and misbehaves
//! on purpose when asked to. No account is needed, and nothing leaves the machine.
//!
//! ```
//! use bizkithub::Customer;
//! use bizkithub_sandbox::{Fault, FaultEffect, Sandbox, SandboxOptions};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start(SandboxOptions::default())?;
//! sandbox.add_fault(Fault::new(FaultEffect::Status { status: 503, code: None, retry_after_seconds: Some(1) }).at_most(1))?;
//!
//! let body = r#"{"email": "jan@barasek.com", "groups": ["Personal training"]}"#;
//! let request = format!(
//!     "POST /api/v1/customer/add-groups?apiKey={} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
//!     sandbox.api_key(),
//!     body.len(),
//! );
//! for expected in ["HTTP/1.1 503", "HTTP/1.1 200"] {
//!     let mut stream = TcpStream::connect(sandbox.address())?;
//!     stream.write_all(request.as_bytes())?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer)?;
//!     assert!(answer.starts_with(expected));
//! }
//!
//! let customer = Customer::parse(Some("Jan@Barasek.com"), None)?;
//! assert!(sandbox.groups_of(&customer).contains("personal-training"));
//! assert_eq!(sandbox.request_count(), 2);
//! sandbox.stop();
//! # Ok(())
//! # }
//! ```
//!
//! # What it answers
//!
//! `POST /api/v1/customer/add-groups`, `GET /ping/v1` and `GET /api/v1/ping/v1`, with the key in the query, as a bearer or in the
//! JSON body. The checks come in the documented order: the key is present, well-formed, registered and active, not expired, within the
//! rate limit, permitted; then the body is validated; then the customer must exist (see [`CustomerPolicy`]). Refusals carry the documented
//! codes and statuses. Where the documentation is silent, the sandbox answers with codes of its own, all of which begin with `SANDBOX_`:
//! an unknown path (404), another method (405), a body over 16 MiB (413).
//!
//! # Inspection over HTTP
//!
//! What [`Sandbox`] offers in Rust is there as JSON too, without a key, under a path that no API path begins with. The shapes are
//! those of the types; an input that is not valid is refused with 400 and `SANDBOX_INPUT_INVALID`.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /__sandbox/state` | counts, the clock, the faults in force |
//! | `GET /__sandbox/requests` | the logged requests: [`RequestRecord`] |
//! | `GET /__sandbox/customers` | all customers: [`CustomerRecord`] |
//! | `GET /__sandbox/groups` | all groups: [`GroupRecord`] |
//! | `GET /__sandbox/groups-of?email=…` or `?cuRefNo=…` | the slugs of a customer's groups |
//! | `GET`, `POST`, `DELETE /__sandbox/faults` | the faults in force; adds one [`Fault`] or a list; ends all |
//! | `POST /__sandbox/keys` | registers a key or changes its state: [`RegisteredKey`] |
//! | `POST /__sandbox/clock/advance` | `{"seconds": 600}`: lets time pass |
//! | `POST /__sandbox/clock/freeze` | stops the clock now, or with `{"at": "2026-11-23T12:00:00Z"}` at a moment |
//! | `POST /__sandbox/clock/resume` | lets it run on |
//! | `POST /__sandbox/reset` | everything as at the start |

mod answer;
mod clock;
mod control;
mod customer;
mod fault;
mod group;
mod key;
mod misbehaviour;
mod moment;
mod options;
mod organisation;
mod query;
mod quota;
mod refusal;
mod request_log;
mod sandbox;
mod seconds;
mod server;
mod service;
mod shared;
mod socket;
mod state;
mod submission;
mod ticket;

pub use clock::SandboxClock;
pub use customer::{CustomerRecord, SeededCustomer};
pub use fault::{Fault, FaultEffect, Selector};
pub use group::GroupRecord;
pub use key::{KeyState, RegisteredKey};
pub use options::{CustomerPolicy, SandboxOptions};
pub use quota::{QuotaModel, QuotaSignal};
pub use request_log::RequestRecord;
pub use sandbox::Sandbox;
