use std::time::Duration;

use indicatif::HumanCount;

/// A number with the noun in the right form, as in `1 row` and `1,024 rows`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", HumanCount(number))
}

/// A number with its thousands apart.
pub(crate) fn number(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A length of time as people say it: `0.4 s`, `59.9 s`, `2 min 5 s`, `26 h 3 min`.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, _) => format!("{:.1} s", duration.as_secs_f64().min(59.9)),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_nouns_agree() {
        assert_eq!([0, 1, 2, 1_024].map(|rows| counted(rows, "row")), ["0 rows", "1 row", "2 rows", "1,024 rows"]);
    }

    #[test]
    fn time_is_as_exact_as_it_matters() {
        let said = [0.04, 59.99, 60.0, 125.9, 93_780.0].map(|seconds| time(Duration::from_secs_f64(seconds)));
        assert_eq!(said, ["0.0 s", "59.9 s", "1 min 0 s", "2 min 5 s", "26 h 3 min"]);
    }
}
