use std::collections::HashMap;

use crate::error::{Error, Field};

/// The refused rows of a plan. Rows are refused for a few reasons, so each keeps only where it stands and which reason it is.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    reasons: Vec<Error>,
    by_text: HashMap<Reason, u32>,
    rows: Vec<Refusal>,
}

type Reason = (Option<String>, String, Option<Field>);

#[derive(Clone, Copy, Debug)]
struct Refusal {
    reason: u32,
    row: u64,
    /// 0 where the input has no lines.
    line: u64,
}

impl Refusals {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Keeps a refusal and returns its place.
    pub(super) fn push(&mut self, error: Error, row: u64) -> u32 {
        let line = error.line().unwrap_or_default();
        let key = (error.code().map(str::to_owned), error.message().to_owned(), error.field());
        let reasons = &mut self.reasons;
        let reason = *self.by_text.entry(key).or_insert_with(|| {
            reasons.push(error);
            place(reasons.len() - 1)
        });
        self.rows.push(Refusal { reason, row, line });
        place(self.rows.len() - 1)
    }

    /// The refusal at a place: the reason with its row and line.
    pub(super) fn get(&self, place: usize) -> Option<Error> {
        let Refusal { reason, row, line } = *self.rows.get(place)?;
        let error = self.reasons.get(reason as usize)?.clone().at_row(row);
        Some(if line == 0 { error } else { error.at_line(line) })
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Error> + '_ {
        // Every place below the length is taken.
        (0..self.len()).map(|place| self.get(place).unwrap_or_else(|| Error::internal("a refusal is missing")))
    }

    /// How many rows each reason refuses.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&Error, u64)> {
        let mut counts = vec![0; self.reasons.len()];
        for refusal in &self.rows {
            counts[refusal.reason as usize] += 1;
        }
        self.reasons.iter().zip(counts)
    }
}

/// More rows than fit 32 bits exhaust memory long before.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
