use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bizkithub::{BaseUrl, Error};
use bizkithub_sandbox::{CustomerPolicy, Fault, FaultEffect, QuotaModel, Sandbox, SandboxOptions};
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::block_on;
use super::sandbox_show::{self, ShowArguments};
use crate::connection::ConnectionArguments;
use crate::exit_code::ExitCode;
use crate::interruption::Interruption;
use crate::length_of_time::length_of_time;
use crate::output::Output;
use crate::quota_model::{QUOTA_FORMS, quota_model};

/// Run the API on this machine until Ctrl-C, to try things without an account
///
/// It behaves as BizKitHub's documented API does and keeps customers and groups in memory. Its first words are its URL and its key;
/// with --json they are one line: {"url": …, "address": …, "apiKey": …}. A sandbox that listens on every address of the machine
/// (--host 0.0.0.0) gives the URL that clients here can use.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SandboxArguments {
    #[command(subcommand)]
    command: Option<SandboxCommand>,

    #[command(flatten)]
    start: StartArguments,
}

#[derive(Debug, Subcommand)]
enum SandboxCommand {
    Show(ShowArguments),
}

#[derive(Args, Debug)]
struct StartArguments {
    /// The port to listen on [default: any free one]
    #[arg(long)]
    port: Option<u16>,

    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<IpAddr>,

    /// Let other machines connect, unencrypted
    #[arg(long)]
    allow_remote: bool,

    /// The quota [default: none]
    #[arg(long, value_name = "MODEL", value_parser = quota_model, long_help = format!("The quota, as in {QUOTA_FORMS} [default: none]"))]
    quota: Option<QuotaModel>,

    /// Customers that exist from the start: a JSON list such as [{"email": "jan@barasek.com", "groups": ["vip"]}]
    #[arg(long, value_name = "PATH")]
    customers_file: Option<PathBuf>,

    /// Refuse customers that do not exist from the start
    #[arg(long)]
    known_customers_only: bool,

    /// How long every request is held back, such as 20ms
    #[arg(long, value_name = "TIME", value_parser = length_of_time)]
    latency: Option<Duration>,

    /// What everything random follows, the key included [default: 0]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// All options and faults as JSON, as the sandbox's documentation describes them; other options here win over it
    #[arg(long, value_name = "PATH")]
    options_file: Option<PathBuf>,
}

impl StartArguments {
    fn options(self) -> Result<SandboxOptions, Error> {
        let mut options = match &self.options_file {
            Some(path) => json_from(path)?,
            None => SandboxOptions::default(),
        };
        options.host = self.host.unwrap_or(options.host);
        options.port = self.port.unwrap_or(options.port);
        options.seed = self.seed.unwrap_or(options.seed);
        options.quota = self.quota.or(options.quota);
        if let Some(path) = &self.customers_file {
            options.customers = json_from(path)?;
        }
        if self.known_customers_only {
            options.customer_policy = CustomerPolicy::OnlySeeded;
        }
        if let Some(latency) = self.latency {
            options.faults.insert(0, Fault::new(FaultEffect::Latency(latency)));
        }
        if options.host.is_loopback() || self.allow_remote {
            return Ok(options);
        }
        Err(Error::invalid_input(
            "sandbox_remote",
            format!("other machines could connect to {}, unencrypted", options.host),
            "leave --host out, or say --allow-remote",
        ))
    }
}

pub(crate) fn execute(
    arguments: SandboxArguments,
    connection: &ConnectionArguments,
    output: Output,
) -> Result<ExitCode, Error> {
    if let Some(SandboxCommand::Show(arguments)) = &arguments.command {
        return sandbox_show::execute(arguments, connection, output);
    }
    let options = arguments.start.options()?;
    block_on(serve(options, output))??;
    Ok(ExitCode::Done)
}

async fn serve(options: SandboxOptions, output: Output) -> Result<(), Error> {
    let mut interruption = Interruption::listen()?;
    let sandbox = Sandbox::start(options)?;
    let (url, key) = (sandbox.url(), sandbox.api_key());
    // Its key opens nothing but itself.
    let output = output.showing_keys();
    output.json(&json!({ "url": url, "address": sandbox.address(), "apiKey": key }))?;
    output.text(&welcome(sandbox.address(), &url, key))?;
    interruption.next().await;
    sandbox.stop();
    Ok(())
}

/// What to do with a sandbox that has started. Its own client refuses plain `http://` to anything but this machine.
fn welcome(address: SocketAddr, url: &str, key: &str) -> String {
    let listens = if address.ip().is_unspecified() {
        format!("The sandbox listens on {address}, which is every address of this machine, here on {url}")
    } else {
        format!("The sandbox listens on {url}")
    };
    let use_it = if BaseUrl::parse(url).is_ok() {
        format!(
            "In another shell:\n\
             \n\
             \x20 export BIZKITHUB_BASE_URL={url}\n\
             \x20 export BIZKITHUB_API_KEY={key}\n\
             \x20 bizkithub add --email jan@barasek.com --group vip\n\
             \x20 bizkithub sandbox show"
        )
    } else {
        "This client refuses the address, because it sends no key over a network unencrypted; other clients may use it.\n\
         With --host 0.0.0.0 the sandbox listens on 127.0.0.1 too."
            .to_owned()
    };
    format!("{listens} and accepts the key {key}\n\n{use_it}\n\nCtrl-C stops it; what it holds is gone then.\n")
}

fn json_from<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let unreadable = |reason: String| {
        let message = format!("the file {} cannot be read: {reason}", path.display());
        Error::invalid_input("sandbox_file_unreadable", message, "give a JSON file as --help describes it")
    };
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_its_own_client_accepts_is_recommended() {
        let text = |address: &str, url| welcome(address.parse().expect("an address"), url, "DEV_…");
        let here = text("127.0.0.1:4000", "http://127.0.0.1:4000");
        assert!(here.starts_with("The sandbox listens on http://127.0.0.1:4000 and accepts the key DEV_…\n"), "{here}");
        assert!(here.contains("BASE_URL=http://127.0.0.1:4000\n"), "{here}");
        let remote = text("192.0.2.1:4000", "http://192.0.2.1:4000");
        assert!(remote.starts_with("The sandbox listens on http://192.0.2.1:4000 and accepts"), "{remote}");
        assert!(remote.contains("This client refuses the address") && !remote.contains("BASE_URL"), "{remote}");
    }
}
