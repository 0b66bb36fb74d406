use std::time::Duration;

use bizkithub::{Error, KeyKind};

use crate::answer::Answer;
use crate::fault::{FaultBoard, Strike};
use crate::key::KeyRing;
use crate::options::SandboxOptions;
use crate::organisation::Organisation;
use crate::quota::{Allowance, QuotaModel, QuotaSignal, whole_seconds};
use crate::refusal::Refusal;
use crate::request_log::RequestLog;
use crate::submission::Submission;

/// Everything a sandbox remembers.
pub(crate) struct State {
    pub(crate) organisation: Organisation,
    pub(crate) keys: KeyRing,
    pub(crate) faults: FaultBoard,
    pub(crate) log: RequestLog,
    api_key: String,
    quota: Option<QuotaModel>,
    signals: Vec<QuotaSignal>,
    validation_status: u16,
}

/// What the sandbox is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Operation<'a> {
    Ping,
    AddGroups(&'a Result<Submission, String>),
}

impl<'a> Operation<'a> {
    pub(crate) fn submission(self) -> Option<&'a Submission> {
        match self {
            Self::Ping => None,
            Self::AddGroups(submission) => submission.as_ref().ok(),
        }
    }
}

/// What the checks say about a request.
pub(crate) enum Verdict {
    Refused(Answer),
    Admitted(Admission),
}

/// A request whose key and quota are in order.
pub(crate) struct Admission {
    pub(crate) allowance: Option<Allowance>,
    pub(crate) strike: Strike,
}

impl State {
    pub(crate) fn new(options: &SandboxOptions, now: Duration) -> Result<Self, Error> {
        options.validate()?;
        let mut keys = KeyRing::new(options.seed);
        let api_key = keys.generate(KeyKind::Development);
        for key in &options.keys {
            keys.register(key, now)?;
        }
        let mut faults = FaultBoard::new(options.seed);
        for fault in &options.faults {
            faults.add(fault.clone())?;
        }
        Ok(Self {
            organisation: Organisation::new(options)?,
            keys,
            faults,
            log: RequestLog::new(options.request_log_capacity),
            api_key,
            quota: options.quota,
            signals: options.signals(),
            validation_status: options.validation_status,
        })
    }

    pub(crate) fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The documented checks in the documented order, then the faults.
    pub(crate) fn admit(&mut self, key: Option<&str>, operation: Operation<'_>, now: Duration) -> Verdict {
        let entry = match self.keys.check(key, now) {
            Ok(entry) => entry,
            Err(refusal) => return Verdict::Refused(refusal.into()),
        };
        let allowance = self.quota.and_then(|quota| quota.take(&mut entry.usage, entry.kind, now));
        let answer = match (allowance.and_then(|allowance| allowance.refusal), operation) {
            (Some((code, wait)), _) => {
                Answer::throttled(&Refusal::documented(code), whole_seconds(wait), &self.signals)
            }
            (None, Operation::AddGroups(_)) if !entry.may_change_customers() => {
                Refusal::documented("PERMISSION_MEMBER_HAS_NO_PERMISSION").into()
            }
            (None, _) => {
                let strike = self.faults.strike(operation.submission().map(|submission| &submission.customer));
                return Verdict::Admitted(Admission { allowance, strike });
            }
        };
        Verdict::Refused(self.tell(answer, allowance.as_ref()))
    }

    /// Does what is asked.
    pub(crate) fn perform(&mut self, operation: Operation<'_>) -> Answer {
        let result = match operation {
            Operation::Ping => Ok(()),
            Operation::AddGroups(Ok(submission)) => {
                self.organisation.add_groups(&submission.customer, &submission.groups)
            }
            Operation::AddGroups(Err(reason)) => {
                let refusal = Refusal::with_status("INTERNAL_VALIDATION_FAILED", self.validation_status);
                Err(refusal.saying(reason.clone()))
            }
        };
        result.map_or_else(Answer::from, |()| Answer::yes())
    }

    pub(crate) fn tell(&self, answer: Answer, allowance: Option<&Allowance>) -> Answer {
        answer.telling(allowance, &self.signals)
    }
}
