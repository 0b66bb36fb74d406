use std::sync::Arc;

use bizkithub::{Customer, Error};
use bizkithub_javascript::{json, milliseconds};
use bizkithub_sandbox::{Fault, SandboxOptions};
use napi::Either;
use napi::bindgen_prelude::Either4;
use napi_derive::napi;
use serde::de::DeserializeOwned;

use crate::calls::Calls;
use crate::error::{Failure, answer, refusal};

/// BizKitHub's documented API as a local server.
#[napi]
pub struct Sandbox(Arc<bizkithub_sandbox::Sandbox>);

#[napi]
impl Sandbox {
    /// Starts a sandbox with options in JSON. It serves on a thread of its own, which keeps no process alive.
    #[napi]
    pub fn start(options: String) -> Either<Sandbox, Failure> {
        answer(|| {
            let options: SandboxOptions = parse(&options, "sandbox_option_invalid")?;
            Ok(Self(Arc::new(bizkithub_sandbox::Sandbox::start(options)?)))
        })
    }

    /// The base URL to give to a client.
    #[napi(getter)]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// A registered key.
    #[napi(getter)]
    pub fn api_key(&self) -> String {
        self.0.api_key().to_owned()
    }

    /// The slugs of a customer's groups.
    #[napi]
    pub fn groups_of(&self, email: Option<String>, cu_ref_no: Option<String>) -> Either<Vec<String>, Failure> {
        answer(|| {
            let customer = Customer::parse(email.as_deref(), cu_ref_no.as_deref())?;
            Ok(self.0.groups_of(&customer).into_iter().collect())
        })
    }

    /// The logged requests, oldest first: a JSON array.
    #[napi]
    pub fn requests(&self) -> Either<String, Failure> {
        answer(|| Ok(json(&self.0.requests())))
    }

    /// Every customer: a JSON array.
    #[napi]
    pub fn customers(&self) -> Either<String, Failure> {
        answer(|| Ok(json(&self.0.customers())))
    }

    /// Puts a fault in force, in JSON. Returns a failure when it is refused.
    #[napi]
    pub fn add_fault(&self, fault: String) -> Option<Failure> {
        refusal(|| self.0.add_fault(parse::<Fault>(&fault, "fault_invalid")?))
    }

    /// Ends all faults.
    #[napi]
    pub fn clear_faults(&self) -> Option<Failure> {
        refusal(|| {
            self.0.clear_faults();
            Ok(())
        })
    }

    /// Lets time pass on the sandbox's clock, in milliseconds.
    #[napi]
    pub fn advance(&self, duration: f64) -> Option<Failure> {
        refusal(|| {
            self.0.advance(milliseconds(duration).unwrap_or_default());
            Ok(())
        })
    }

    /// Puts everything back as it was at the start.
    #[napi]
    pub fn reset(&self) -> Option<Failure> {
        refusal(|| self.0.reset())
    }

    /// Stops the server, and answers once its thread has ended.
    #[napi]
    pub fn stop(&self, calls: &Calls, call: u32) -> Option<Failure> {
        let sandbox = self.0.clone();
        calls.inner().start_blocking(call, move || {
            sandbox.stop();
            Ok(Either4::D(0))
        })
    }
}

fn parse<T: DeserializeOwned>(text: &str, code: &'static str) -> Result<T, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid_input(code, error.to_string(), "see the documented options"))
}
