use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bizkithub::event::{Event, EventData, EventLevel};
use bizkithub::protocol::KeyPlacement;
use bizkithub::{ApiKey, Client, ClientBuilder, Error, Field};
use clap::Args;
use zeroize::Zeroizing;

use crate::error_text::warning_text;
use crate::length_of_time::length_of_time;
use crate::named_choice::named_choice;
use crate::output::Output;

/// A key has 32 characters; whoever names a file of another kind by mistake gets an answer at once.
const KEY_FILE_LIMIT: u64 = 4096;

/// How to reach the server, and with which key.
#[expect(clippy::doc_markdown, reason = "these are help texts, which would show the backticks")]
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArguments {
    /// Read the API key from a file, or from standard input with "-" [default: the variable BIZKITHUB_API_KEY]
    #[arg(long, global = true, value_name = "PATH")]
    api_key_file: Option<PathBuf>,

    /// Taken only to be refused with a reason: other users of the machine see the arguments of every process.
    #[arg(long, global = true, hide = true, num_args = 0..=1)]
    api_key: Option<Option<OsString>>,

    /// The address of the API [default: the variable BIZKITHUB_BASE_URL, then https://api.bizkithub.com]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// Where requests carry the key [default: query]
    #[arg(long, global = true, hide_short_help = true, value_name = "PLACE", value_parser = named_choice(&KeyPlacement::ALL))]
    key_placement: Option<KeyPlacement>,

    /// The longest wait for an answer to one request, such as 30s [default: 30s]
    #[arg(long, global = true, hide_short_help = true, value_name = "TIME", value_parser = length_of_time)]
    timeout: Option<Duration>,

    /// The longest wait for a connection, such as 5s [default: 5s]
    #[arg(long, global = true, hide_short_help = true, value_name = "TIME", value_parser = length_of_time)]
    connect_timeout: Option<Duration>,

    /// A proxy such as http://proxy.example:3128 [default: the variables HTTPS_PROXY, ALL_PROXY and NO_PROXY]
    #[arg(long, global = true, hide_short_help = true, value_name = "URL")]
    proxy: Option<String>,

    /// A PEM file of certificate authorities to trust beside the system's
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH")]
    ca_file: Option<PathBuf>,

    /// Export spans and metrics to an OpenTelemetry collector that receives OTLP over HTTP, such as http://localhost:4318 [default: the
    /// variable BIZKITHUB_OTLP_ENDPOINT; else nothing is exported]
    #[arg(long, global = true, hide_short_help = true, value_name = "URL")]
    otlp_endpoint: Option<String>,
}

impl ConnectionArguments {
    /// Builds the client; nothing is sent. What is left out comes from the environment or is the core's default.
    pub(crate) fn client(&self, output: Output) -> Result<Client, Error> {
        self.client_with(output, |builder| builder)
    }

    /// Builds the client with settings that only some commands have.
    pub(crate) fn client_with(
        &self,
        output: Output,
        more: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, Error> {
        if self.api_key.is_some() {
            return Err(on_command_line("an API key among the arguments is visible to every user of this machine"));
        }
        let mut builder = Client::builder().user_agent(concat!("bizkithub-cli/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &self.api_key_file {
            builder = builder.api_key(std::mem::take(&mut *key_from(path)?));
        }
        if let Some(base_url) = &self.base_url {
            builder = builder.base_url(base_url);
        }
        if let Some(key_placement) = self.key_placement {
            builder = builder.key_placement(key_placement);
        }
        if let Some(timeout) = self.timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(connect_timeout) = self.connect_timeout {
            builder = builder.connect_timeout(connect_timeout);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy);
        }
        if let Some(ca_file) = &self.ca_file {
            builder = builder.ca_file(ca_file);
        }
        if let Some(otlp_endpoint) = &self.otlp_endpoint {
            builder = builder.otlp_endpoint(otlp_endpoint);
        }
        // Everything else that is told of is in the results.
        let notice = move |event: &Event| {
            if let EventData::TelemetryLost { error } = &event.data {
                output.notice(&warning_text(error));
            }
        };
        more(builder.listener(EventLevel::Warning, Arc::new(notice))).build().map_err(|error| match error.code() {
            Some("api_key_missing") => {
                error.advise("set the environment variable BIZKITHUB_API_KEY, or give a file with --api-key-file")
            }
            _ => error,
        })
    }
}

fn on_command_line(reason: &'static str) -> Error {
    let advice =
        "set the environment variable BIZKITHUB_API_KEY, or use --api-key-file; if others work here, make a new key";
    Error::invalid_input("api_key_on_command_line", reason, advice).at_field(Field::ApiKey)
}

/// Reads a key. No error tells anything of what was read, nor of the path, which may be most of a key that was given instead.
fn key_from(path: &Path) -> Result<Zeroizing<String>, Error> {
    if ApiKey::parse(&path.to_string_lossy()).is_ok() {
        return Err(on_command_line(
            "--api-key-file got an API key instead of the path of a file; among the arguments it is visible to every user \
             of this machine",
        ));
    }
    let is_stdin = path.as_os_str() == "-";
    let name = if is_stdin { "standard input" } else { "the file given with --api-key-file" };
    let refused = |reason: String| {
        Error::invalid_input("api_key_file_unreadable", reason, "give a text file that holds nothing but the key")
            .at_field(Field::ApiKey)
    };
    let mut text = Zeroizing::new(String::new());
    let read = if is_stdin {
        io::stdin().lock().take(KEY_FILE_LIMIT).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(KEY_FILE_LIMIT).read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned())),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(refused(format!("{name} is not UTF-8 text"))),
        Err(error) => Err(refused(format!("{name} cannot be read: {error}")).caused_by(error)),
    }
}
