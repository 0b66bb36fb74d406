use bizkithub::job::{Bill, Report};
use bizkithub::{Error, ErrorKind, Field};

/// The stable exit codes: see the crate's documentation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ExitCode {
    Done,
    Rejected,
    Input,
    Key,
    Quota,
    Unavailable,
    Ledger,
    Interrupted,
}

impl ExitCode {
    /// The list for `--help`.
    pub(crate) const HELP: &str = "\
Exit codes:
  0    all applied (or skipped)
  1    some rows are rejected
  2    the usage or an input is wrong (nothing was sent, or --breaker stopped the run), or an output cannot be written
  3    the API key is missing, malformed or refused, or may not do this
  4    the quota is used up, or the server asks to wait
  5    the network or the server failed
  6    the ledger cannot be read or written
  130  interrupted (Ctrl-C, SIGTERM)";

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Rejected => 1,
            Self::Input => 2,
            Self::Key => 3,
            Self::Quota => 4,
            Self::Unavailable => 5,
            Self::Ledger => 6,
            Self::Interrupted => 130,
        }
    }

    pub(crate) fn of_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidInput if error.field() == Some(Field::ApiKey) => Self::Key,
            ErrorKind::InvalidInput => Self::Input,
            ErrorKind::ApiKey | ErrorKind::Permission => Self::Key,
            ErrorKind::Rejected => Self::Rejected,
            ErrorKind::Quota => Self::Quota,
            ErrorKind::Ledger => Self::Ledger,
            _ => Self::Unavailable,
        }
    }

    pub(crate) fn of_bill(bill: &Bill) -> Self {
        if bill.rejected == 0 { Self::Done } else { Self::Rejected }
    }

    /// What stands in the way of going on counts before what is rejected for good.
    pub(crate) fn of_report(report: &Report) -> Self {
        let counts = report.counts();
        let is_unsettled = counts.pending + counts.unknown > 0;
        match report.stopped_by() {
            _ if is_unsettled && report.is_cancelled() => Self::Interrupted,
            // Customers who are all refused alike are hardly the cause: what stands in the way is the input.
            Some(error) if error.kind() == ErrorKind::Rejected => Self::Input,
            Some(error) => Self::of_error(error),
            None if is_unsettled && report.resume_at().is_some() => Self::Quota,
            None if is_unsettled => Self::Unavailable,
            None if counts.rejected > 0 => Self::Rejected,
            None => Self::Done,
        }
    }
}
