use std::cell::Cell;
use std::collections::HashMap;

use strsim::osa_distance;

/// Finds, for a group, the one that it looks like a typo of.
///
/// Two groups resemble each other when their slugs are the same without hyphens ("VIP customers", "vipcustomers"; case and accents
/// are gone already), or when one or two letters are missing, added, changed or swapped. Groups that differ in their digits only are
/// taken for a series ("2025", "2026"). Among tens of thousands of groups only hyphens are looked at, once comparing would take longer
/// than planning.
pub(super) struct Resemblance<'a> {
    by_shape: HashMap<String, &'a Candidate>,
    by_digits: HashMap<String, Vec<&'a Candidate>>,
    comparisons_left: Cell<usize>,
}

const MOST_COMPARISONS: usize = 50_000_000;

/// A group that others may be typos of.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) slug: String,
    pub(super) text: String,
    /// More of it, and it is more likely the right spelling.
    pub(super) weight: u64,
    letters: u32,
}

impl Candidate {
    pub(super) fn new(slug: String, text: String, weight: u64) -> Self {
        let letters = letters(&slug);
        Self { slug, text, weight, letters }
    }
}

impl<'a> Resemblance<'a> {
    pub(super) fn new(candidates: &'a [Candidate]) -> Self {
        let mut by_shape: HashMap<String, &Candidate> = HashMap::new();
        for candidate in candidates {
            let best = by_shape.entry(shape(&candidate.slug)).or_insert(candidate);
            if candidate.weight > best.weight {
                *best = candidate;
            }
        }
        let mut by_digits: HashMap<String, Vec<&Candidate>> = HashMap::new();
        for candidate in candidates {
            by_digits.entry(digits(&candidate.slug).collect()).or_default().push(candidate);
        }
        Self { by_shape, by_digits, comparisons_left: Cell::new(MOST_COMPARISONS) }
    }

    /// The group of which this one, with its weight, looks like a typo.
    pub(super) fn of(&self, slug: &str, weight: u64) -> Option<&'a str> {
        let shape = shape(slug);
        let is_other = |candidate: &Candidate| candidate.slug != slug && candidate.weight > weight;
        if let Some(twin) = self.by_shape.get(&shape).filter(|candidate| is_other(candidate)) {
            return Some(&twin.text);
        }
        let most = match slug.len() {
            0..4 => return None,
            4..8 => 1,
            _ => 2,
        };
        let letters = letters(slug);
        let alike = self.by_digits.get(&digits(slug).collect::<String>())?;
        self.comparisons_left.set(self.comparisons_left.get().checked_sub(alike.len())?);
        alike
            .iter()
            .filter(|candidate| candidate.slug.len().abs_diff(slug.len()) <= most)
            // Each letter that is missing, added or changed sets or clears at most two bits.
            .filter(|candidate| (candidate.letters ^ letters).count_ones() as usize <= 2 * most)
            .filter(|candidate| is_other(candidate))
            .map(|candidate| (osa_distance(&candidate.slug, slug), candidate))
            .filter(|(distance, _)| *distance <= most)
            .min_by_key(|(distance, candidate)| (*distance, std::cmp::Reverse(candidate.weight)))
            .map(|(_, candidate)| candidate.text.as_str())
    }
}

fn shape(slug: &str) -> String {
    slug.chars().filter(|character| *character != '-').collect()
}

fn digits(slug: &str) -> impl Iterator<Item = char> + '_ {
    slug.chars().filter(char::is_ascii_digit)
}

fn letters(slug: &str) -> u32 {
    slug.bytes().filter(u8::is_ascii_lowercase).fold(0, |letters, byte| letters | 1 << (byte - b'a'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resembled(slug: &str) -> Option<String> {
        let candidates =
            [("vip", "VIP", 100), ("wholesale", "Wholesale", 50), ("personal-training", "Personal training", 9)]
                .map(|(slug, text, weight)| Candidate::new(slug.to_owned(), text.to_owned(), weight));
        let series = ["year-2025", "year-2026"].map(|slug| Candidate::new(slug.to_owned(), slug.to_owned(), 10));
        let all: Vec<_> = candidates.into_iter().chain(series).collect();
        Resemblance::new(&all).of(slug, 1).map(str::to_owned)
    }

    #[test]
    fn typos_are_recognised_and_other_words_are_not() {
        for typo in ["wholsale", "wholesael", "whole-sale", "wholesalle"] {
            assert_eq!(resembled(typo).as_deref(), Some("Wholesale"), "{typo}");
        }
        assert_eq!(resembled("personaltraining").as_deref(), Some("Personal training"));
        assert_eq!(resembled("v-i-p").as_deref(), Some("VIP"));
        for other in ["vip", "vap", "retail", "year-2027", "whole", "wholesale-eu"] {
            assert_eq!(resembled(other), None, "{other}");
        }
    }

    #[test]
    fn the_more_frequent_of_two_is_the_right_one() {
        let candidates = [("newsletter", 100), ("newsleter", 3)]
            .map(|(slug, weight)| Candidate::new(slug.into(), slug.into(), weight));
        let resemblance = Resemblance::new(&candidates);
        assert_eq!((resemblance.of("newsleter", 3), resemblance.of("newsletter", 100)), (Some("newsletter"), None));
    }
}
