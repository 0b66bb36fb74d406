use std::time::Duration;

use bizkithub::{CuRefNo, Customer, Email, Error};
use serde::{Deserialize, Serialize};

/// A misbehaviour on purpose: when, how often, and what.
///
/// Faults strike requests whose key and quota are in order. For each request they are asked in the order of their addition:
/// every latency that strikes adds up, and the first other effect that strikes decides the answer; later ones are not asked.
///
/// JSON: `{"when": "everyRequest", "atMost": 2, "effect": {"status": {"status": 503}}}`; `atMost` may be left out, and `when` too
/// (default: every request).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Which requests it strikes.
    #[serde(default)]
    pub when: Selector,
    /// How many requests it strikes before it is used up. Default: no limit. With "every request": the first so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// What happens to them.
    pub effect: FaultEffect,
}

impl Fault {
    /// A fault that strikes every request.
    #[must_use]
    pub fn new(effect: FaultEffect) -> Self {
        Self { when: Selector::EveryRequest, at_most: None, effect }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        self.effect.validate()?;
        Target::parse(&self.when).map(drop)
    }

    /// The same fault for chosen requests.
    #[must_use]
    pub fn when(mut self, when: Selector) -> Self {
        self.when = when;
        self
    }

    /// The same fault for so many requests, then never again.
    #[must_use]
    pub fn at_most(mut self, strikes: u64) -> Self {
        self.at_most = Some(strikes);
        self
    }
}

/// Which requests a fault strikes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Selector {
    /// All, pings too. JSON: `"everyRequest"`.
    #[default]
    EveryRequest,
    /// Each n-th request that this fault is asked about. JSON: `{"everyNth": 3}`.
    EveryNth(u64),
    /// Each with a probability from 0 to 1, by the sandbox's seed: the n-th request that this fault is asked about gets
    /// the same lot in every sandbox with the same seed and faults. JSON: `{"probability": 0.1}`.
    Probability(f64),
    /// Requests that carry this e-mail address, in any spelling. JSON: `{"email": "jan@barasek.com"}`.
    Email(String),
    /// Requests that carry this reference number. JSON: `{"cuRefNo": "1cGIHvFoQDGLAbcA"}`.
    CuRefNo(String),
}

/// What happens to a request that a fault strikes. Each says whether the groups are put on the customer all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FaultEffect {
    /// Another status instead of applying. With a code the body is the documented error, without one a gateway's HTML page.
    ///
    /// JSON: `{"status": {"status": 503, "code": "SOME_CODE", "retryAfterSeconds": 2}}`; only the status is required.
    #[serde(rename_all = "camelCase")]
    Status {
        /// From 200 to 599.
        status: u16,
        /// The code in the body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// `Retry-After`, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    /// Waits on the sandbox's clock, then goes on as usual. JSON: `{"latencySeconds": 0.2}`.
    #[serde(rename = "latencySeconds", with = "crate::seconds")]
    Latency(Duration),
    /// Resets the connection (TCP RST) instead of applying. JSON: `"resetBeforeApplying"`.
    ResetBeforeApplying,
    /// Applies, then resets the connection (TCP RST) instead of answering. JSON: `"resetAfterApplying"`.
    ResetAfterApplying,
    /// Applies, then sends half of the promised body and closes. JSON: `"truncatedBody"`.
    TruncatedBody,
    /// Answers 200 with an HTML page, as a captive portal does, instead of applying. JSON: `"htmlBody"`.
    HtmlBody,
    /// Applies, then answers without a body. JSON: `"emptyBody"`.
    EmptyBody,
    /// Answers 200 with `{"success": false}` instead of applying. JSON: `"successFalse"`.
    SuccessFalse,
    /// Applies, then answers with a valid JSON body of 2 MiB. JSON: `"oversizedBody"`.
    OversizedBody,
    /// Answers 307 with this address as `Location` instead of applying. JSON: `{"redirectTo": "http://127.0.0.1:1/"}`.
    RedirectTo(String),
    /// Keeps the connection open and never answers, instead of applying. JSON: `"neverAnswer"`.
    NeverAnswer,
}

impl FaultEffect {
    /// The name in JSON, which is also what the request log calls it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Latency(_) => "latencySeconds",
            Self::ResetBeforeApplying => "resetBeforeApplying",
            Self::ResetAfterApplying => "resetAfterApplying",
            Self::TruncatedBody => "truncatedBody",
            Self::HtmlBody => "htmlBody",
            Self::EmptyBody => "emptyBody",
            Self::SuccessFalse => "successFalse",
            Self::OversizedBody => "oversizedBody",
            Self::RedirectTo(_) => "redirectTo",
            Self::NeverAnswer => "neverAnswer",
        }
    }

    fn validate(&self) -> Result<(), Error> {
        match self {
            Self::Status { status, .. } if !(200..=599).contains(status) => {
                Err(invalid(format!("the status {status} is not from 200 to 599")))
            }
            Self::RedirectTo(address) if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(invalid(format!("{address:?} cannot be the address of a redirect")))
            }
            _ => Ok(()),
        }
    }
}

/// The faults in force, with what they need to remember.
pub(crate) struct FaultBoard {
    seed: u64,
    faults: Vec<ArmedFault>,
}

struct ArmedFault {
    fault: Fault,
    target: Target,
    /// Its own place in the sandbox's stream of random numbers.
    seed: u64,
    asked: u64,
    strikes: u64,
}

/// A selector, parsed once.
enum Target {
    Every,
    Nth(u64),
    Probability(f64),
    Email(Email),
    CuRefNo(CuRefNo),
}

/// What the faults decided for one request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Strike {
    pub(crate) latency: Duration,
    pub(crate) effect: Option<FaultEffect>,
    /// The name of the effect, or of the latency when nothing else struck.
    pub(crate) name: Option<&'static str>,
}

impl FaultBoard {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, faults: Vec::new() }
    }

    pub(crate) fn add(&mut self, fault: Fault) -> Result<(), Error> {
        fault.effect.validate()?;
        let target = Target::parse(&fault.when)?;
        let seed = mix(self.seed, count(self.faults.len()));
        self.faults.push(ArmedFault { fault, target, seed, asked: 0, strikes: 0 });
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.faults.iter().map(|armed| armed.fault.clone()).collect()
    }

    pub(crate) fn strike(&mut self, customer: Option<&Customer>) -> Strike {
        let mut strike = Strike::default();
        for armed in &mut self.faults {
            if !armed.strikes(customer) {
                continue;
            }
            strike.name = Some(armed.fault.effect.name());
            match &armed.fault.effect {
                FaultEffect::Latency(latency) => strike.latency = strike.latency.saturating_add(*latency),
                effect => {
                    strike.effect = Some(effect.clone());
                    break;
                }
            }
        }
        strike
    }
}

impl ArmedFault {
    fn strikes(&mut self, customer: Option<&Customer>) -> bool {
        if self.fault.at_most.is_some_and(|limit| self.strikes >= limit) {
            return false;
        }
        self.asked += 1;
        let strikes = match &self.target {
            Target::Every => true,
            Target::Nth(n) => self.asked.is_multiple_of(*n),
            Target::Probability(probability) => {
                fastrand::Rng::with_seed(mix(self.seed, self.asked)).f64() < *probability
            }
            Target::Email(email) => {
                customer.and_then(Customer::email).is_some_and(|candidate| candidate.identity() == email.identity())
            }
            Target::CuRefNo(cu_ref_no) => customer.and_then(Customer::cu_ref_no) == Some(cu_ref_no),
        };
        self.strikes += u64::from(strikes);
        strikes
    }
}

impl Target {
    fn parse(selector: &Selector) -> Result<Self, Error> {
        match selector {
            Selector::EveryRequest => Ok(Self::Every),
            Selector::EveryNth(0) => Err(invalid("every 0th request is none: leave the fault out".to_owned())),
            Selector::EveryNth(n) => Ok(Self::Nth(*n)),
            Selector::Probability(probability) if (0.0..=1.0).contains(probability) => {
                Ok(Self::Probability(*probability))
            }
            Selector::Probability(probability) => {
                Err(invalid(format!("the probability {probability} is not from 0 to 1")))
            }
            Selector::Email(email) => Email::parse(email).map(Self::Email),
            Selector::CuRefNo(cu_ref_no) => CuRefNo::parse(cu_ref_no).map(Self::CuRefNo),
        }
    }
}

fn invalid(reason: String) -> Error {
    Error::invalid_input("fault_invalid", reason, "correct the fault")
}

fn mix(seed: u64, number: u64) -> u64 {
    fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).u64(..)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
