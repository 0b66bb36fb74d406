use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bizkithub::job::{EarlierAnswers, LedgerLocation, LedgerOwner, Plan, PlanBuilder, StoreLedger};
use bizkithub::{Client, Error, Timestamp, slug};
use clap::Args;
use etcetera::BaseStrategy as _;

use crate::command::block_on;
use crate::length_of_time::length_of_time;

/// Where answers of the server are remembered, and which of them count.
#[derive(Args, Debug)]
#[command(next_help_heading = "Ledger")]
pub(crate) struct LedgerChoice {
    /// Where acknowledged assignments are remembered, so that they are not sent again: a path, or a PostgreSQL URL [default: a file in
    /// the user's state folder, one for each address and key]
    #[arg(long, global = true, value_name = "PATH|URL")]
    ledger: Option<String>,

    /// Remember nothing beyond this run
    #[arg(long, global = true, conflicts_with = "ledger")]
    no_ledger: bool,

    /// Use a ledger that belongs to another key, which was replaced by this one
    #[arg(long, global = true)]
    accept_key: bool,
}

/// Which answers of earlier runs count.
#[derive(Args, Debug)]
#[command(next_help_heading = "Ledger")]
pub(crate) struct EarlierChoice {
    /// Send everything again, whatever the ledger knows
    #[arg(long)]
    resend: bool,

    /// Send again what was acknowledged longer ago than this, such as 720h, because groups are removed by hand
    #[arg(long, value_name = "TIME", value_parser = length_of_time)]
    resend_after: Option<Duration>,

    /// Send again what the server refused
    #[arg(long)]
    retry_rejected: bool,
}

impl EarlierChoice {
    pub(crate) fn earlier(&self) -> EarlierAnswers {
        let Self { resend, resend_after, retry_rejected } = *self;
        EarlierAnswers { resend, resend_after, retry_rejected, begun_at: None }
    }
}

impl LedgerChoice {
    /// Where the ledger of a client is; nothing when none is wanted.
    pub(crate) fn location(&self, client: &Client) -> Result<Option<LedgerLocation>, Error> {
        match &self.ledger {
            _ if self.no_ledger => Ok(None),
            Some(text) => LedgerLocation::parse(text).map(Some),
            None => Ok(Some(LedgerLocation::file(default_path(client)?))),
        }
    }

    /// Whether anything is remembered beyond a run.
    pub(crate) fn is_kept(&self) -> bool {
        !self.no_ledger
    }

    /// Opens the ledger, and makes it where there is none. Tells where it is.
    pub(crate) fn open(&self, client: &Client) -> Result<Option<(Arc<StoreLedger>, String)>, Error> {
        let Some(location) = self.location(client)? else { return Ok(None) };
        if let (None, Some(folder)) = (&self.ledger, default_path(client)?.parent()) {
            make_folder(folder)?;
        }
        let ledger =
            location.open(&LedgerOwner::of(client).accepting_key(self.accept_key)).map_err(with_option_names)?;
        Ok(Some((Arc::new(ledger), location.to_string())))
    }

    /// Opens the ledger unless it is the user's own and was never made: looking at a plan leaves nothing behind.
    pub(crate) fn open_existing(&self, client: &Client) -> Result<Option<(Arc<StoreLedger>, String)>, Error> {
        if self.ledger.is_none() && !default_path(client)?.exists() { Ok(None) } else { self.open(client) }
    }
}

/// Ends a plan with an opened ledger, if there is one. Tells where the ledger is.
pub(crate) fn finish(
    builder: PlanBuilder,
    opened: Option<(Arc<StoreLedger>, String)>,
) -> Result<(Plan, Option<String>), Error> {
    match opened {
        Some((ledger, location)) => Ok((block_on(builder.finish_with(ledger, Timestamp::now()))??, Some(location))),
        None => Ok((builder.finish(), None)),
    }
}

fn default_path(client: &Client) -> Result<PathBuf, Error> {
    let strategy = etcetera::choose_base_strategy().map_err(|error| {
        let message = format!("the user's folder for the ledger cannot be found: {error}");
        Error::invalid_input(
            "ledger_folder_unknown",
            message,
            "set HOME, or choose a place with --ledger, or use --no-ledger",
        )
    })?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    let name = format!("{}-{}.ledger", slug(&client.base_url().to_string()), client.api_key().fingerprint());
    Ok(folder.join("bizkithub").join(name))
}

fn make_folder(folder: &std::path::Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|error| {
        let message = format!("the folder {} for the ledger cannot be made: {error}", folder.display());
        Error::invalid_input("ledger_folder_unusable", message, "choose a place with --ledger, or use --no-ledger")
            .caused_by(error)
    })
}

/// The core speaks of settings; here they have options.
fn with_option_names(error: Error) -> Error {
    let advice = match error.code() {
        Some("ledger_of_another_key") => {
            "if the key was replaced within the same organisation, add --accept-key once; otherwise choose another --ledger"
        }
        Some("ledger_of_another_server") => "choose another --ledger for this server",
        _ => return error,
    };
    error.advise(advice)
}
