use bizkithub_sandbox::QuotaModel;

use crate::length_of_time::length_of_time;

/// How [`quota_model`] reads a quota, for `--help`.
pub(crate) const QUOTA_FORMS: &str = "sliding:1000/1h:burst=50, block:100/10m or minute:1000";

/// Reads one of the three published quota models: `sliding:1000/1h`, with `:burst=50` for the requests of any one second;
/// `block:100/10m`; `minute`, or `minute:100` for another limit of the sandbox's own `DEV_` key.
pub(crate) fn quota_model(text: &str) -> Result<QuotaModel, String> {
    let mut parts = text.split(':');
    let model = match (parts.next(), parts.next(), parts.next()) {
        (Some("sliding"), Some(rate), burst) => {
            let (limit, window) = requests_in_time(rate)?;
            let burst = burst.map(|burst| whole_number(burst.strip_prefix("burst=").unwrap_or(burst))).transpose()?;
            QuotaModel::SlidingWindow { limit, burst, window }
        }
        (Some("block"), Some(rate), None) => {
            let (limit, block) = requests_in_time(rate)?;
            QuotaModel::FixedBlock { limit, block }
        }
        (Some("minute"), limit, None) => QuotaModel::PerMinute {
            production: QuotaModel::PRODUCTION_PER_MINUTE,
            development: limit.map_or(Ok(QuotaModel::DEVELOPMENT_PER_MINUTE), whole_number)?,
            minute: std::time::Duration::from_mins(1),
        },
        _ => return Err(forms()),
    };
    if parts.next().is_some() { Err(forms()) } else { Ok(model) }
}

fn requests_in_time(text: &str) -> Result<(u64, std::time::Duration), String> {
    let (limit, window) = text.split_once('/').ok_or_else(forms)?;
    Ok((whole_number(limit)?, length_of_time(window)?))
}

fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number of requests"))
}

fn forms() -> String {
    format!("give {QUOTA_FORMS}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn all_three_models_are_read() {
        let hour = Duration::from_hours(1);
        let read = |text| quota_model(text).expect(text);
        assert_eq!(
            read("sliding:1000/1h:burst=50"),
            QuotaModel::SlidingWindow { limit: 1_000, burst: Some(50), window: hour }
        );
        assert_eq!(
            read("sliding:10/500ms"),
            QuotaModel::SlidingWindow { limit: 10, burst: None, window: hour / 7_200 }
        );
        assert_eq!(read("block:100/10m"), QuotaModel::FixedBlock { limit: 100, block: hour / 6 });
        let per_minute = |development| QuotaModel::PerMinute { production: 500_000, development, minute: hour / 60 };
        assert_eq!(read("minute"), per_minute(1_000));
        assert_eq!(read("minute:5"), per_minute(5));
    }

    #[test]
    fn anything_else_says_what_is_understood() {
        for text in
            ["", "sliding", "sliding:1000", "sliding:x/1h", "block:1/0s", "block:1/1m:burst=2", "minute:1:2", "daily:5"]
        {
            assert!(quota_model(text).is_err(), "{text:?}");
        }
        assert!(quota_model("daily:5").is_err_and(|error| error.contains(QUOTA_FORMS)));
    }
}
