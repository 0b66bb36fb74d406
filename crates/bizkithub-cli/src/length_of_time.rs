use std::time::Duration;

use jiff::SignedDuration;

/// Reads a length of time: a number with a unit such as `200ms`, `30s`, `10m` or `1h 30m`; without a unit, seconds.
pub(crate) fn length_of_time(text: &str) -> Result<Duration, String> {
    let seconds = text.trim().parse::<f64>().ok().map(Duration::try_from_secs_f64);
    let duration = match seconds {
        Some(duration) => duration.ok(),
        None => text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok()),
    };
    let duration = duration.ok_or("give a length of time such as 200ms, 30s or 10m")?;
    if duration.is_zero() { Err("give more than zero".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_optional() {
        let read = ["200ms", "30s", "2.5", "10m", "1h 30m", "1h30m"]
            .map(|text| length_of_time(text).map(|time| time.as_secs_f64()));
        assert_eq!(read, [0.2, 30.0, 2.5, 600.0, 5400.0, 5400.0].map(Ok));
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in ["", "soon", "-1", "-5s", "0", "0s", "inf", "NaN", "1e300", "1 year"] {
            assert!(length_of_time(text).is_err(), "{text:?}");
        }
    }
}
