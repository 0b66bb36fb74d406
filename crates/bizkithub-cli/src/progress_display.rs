use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bizkithub::Timestamp;
use bizkithub::job::{Progress, ProgressListener};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;
use crate::wording::{counted, number, time};

/// How far a run is, for people, on standard error: a bar in a terminal, otherwise a line now and then, so that a log of a run
/// of many hours stays short. Nothing with `--json`.
pub(crate) enum ProgressDisplay {
    Bar(ProgressBar),
    /// See [`Lines`].
    Lines(Output, Mutex<Lines>),
}

pub(crate) struct Lines {
    next: Instant,
    interval: Duration,
    is_waiting: bool,
}

/// The first line comes after two seconds; each interval is twice the one before, up to a minute.
const FIRST_INTERVAL: Duration = Duration::from_secs(2);
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);

impl ProgressDisplay {
    /// Chooses the display for a run of so many requests.
    pub(crate) fn new(requests: u64, output: Output) -> Self {
        if output.is_json() || !std::io::stderr().is_terminal() {
            let lines = Lines { next: Instant::now() + FIRST_INTERVAL, interval: FIRST_INTERVAL, is_waiting: false };
            return Self::Lines(output, Mutex::new(lines));
        }
        let bar = ProgressBar::with_draw_target(Some(requests), ProgressDrawTarget::stderr());
        let template = "{bar:24} {human_pos}/{human_len}  {wide_msg}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self::Bar(bar)
    }

    /// Tells people something while the run goes on.
    pub(crate) fn say(&self, output: Output, text: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| output.notice(text)),
            Self::Lines(..) => output.notice(text),
        }
    }
}

impl ProgressListener for ProgressDisplay {
    fn progress(&self, progress: &Progress) {
        match self {
            Self::Bar(bar) if progress.is_done => bar.finish_and_clear(),
            Self::Bar(bar) => {
                let rest = match progress.waiting_until {
                    Some(moment) => format!("; {}", waiting(moment)),
                    None if progress.requests_done == 0 => String::new(),
                    None => format!(", {} left", time(left(progress).unwrap_or_default().max(bar.eta()))),
                };
                bar.set_message(format!("{}{rest}", counts(progress)));
                bar.set_position(progress.requests_done);
            }
            Self::Lines(output, lines) => {
                if let Some(line) = lines.lock().unwrap_or_else(PoisonError::into_inner).line(progress) {
                    output.notice(&line);
                }
            }
        }
    }
}

impl Lines {
    fn line(&mut self, progress: &Progress) -> Option<String> {
        let begins_to_wait = progress.waiting_until.is_some() && !self.is_waiting;
        self.is_waiting = progress.waiting_until.is_some();
        let now = Instant::now();
        if progress.is_done || (now < self.next && !begins_to_wait) {
            return None;
        }
        self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
        self.next = now + self.interval;
        let done = format!("{} of {}", number(progress.requests_done), counted(progress.requests, "request"));
        let wait = progress.waiting_until.map(|moment| format!("; {}", waiting(moment))).unwrap_or_default();
        Some(format!("{done}, {}{wait}", counts(progress)))
    }
}

fn counts(progress: &Progress) -> String {
    format!("{} applied, {} rejected", number(progress.counts.applied), number(progress.counts.rejected))
}

/// How long the quota makes the rest take.
fn left(progress: &Progress) -> Option<Duration> {
    Duration::try_from(progress.finishes_at?.duration_since(Timestamp::now())).ok()
}

fn waiting(moment: Timestamp) -> String {
    format!("waiting until {moment:.0}")
}
