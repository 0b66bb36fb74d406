use bizkithub::{ClientBuilder, Error, QuotaRate};
use clap::Args;

/// The quota, where the caller knows better than the key's prefix.
#[derive(Args, Debug)]
pub(crate) struct QuotaChoice {
    /// The quota to start from, such as 10000/h, or a plan: free, starter, professional [default: what the key suggests, then what the
    /// server tells]
    #[arg(long, value_name = "RATE", value_parser = rate, help_heading = "Quota")]
    pub(crate) quota: Option<QuotaRate>,
}

impl QuotaChoice {
    /// Adds it to a client's settings.
    pub(crate) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        match self.quota {
            Some(quota) => builder.quota(quota),
            None => builder,
        }
    }
}

fn rate(text: &str) -> Result<QuotaRate, String> {
    text.parse().map_err(|error: Error| format!("{}; {}", error.message(), error.advice().unwrap_or_default()))
}
