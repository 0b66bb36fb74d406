use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Client, Clock, QuotaRate, Transport};
use crate::error::Error;
use crate::event::{EventLevel, EventListener, Listeners};
use crate::protocol::{Endpoint, KeyPlacement};
use crate::types::{ApiKey, BaseUrl};

/// The settings of a [`Client`]. Arguments win over the environment (`BIZKITHUB_API_KEY`, `BIZKITHUB_BASE_URL`).
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    api_key: Option<Zeroizing<String>>,
    base_url: Option<String>,
    key_placement: KeyPlacement,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    deadline: Option<Duration>,
    tries: u32,
    quota: Option<QuotaRate>,
    pub(super) proxy: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) user_agent: String,
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Arc<dyn Clock>>,
    listeners: Listeners,
    #[cfg(feature = "otlp")]
    otlp_endpoint: Option<String>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: None,
            key_placement: KeyPlacement::default(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            deadline: Some(Duration::from_secs(60)),
            tries: 3,
            quota: None,
            proxy: None,
            ca_file: None,
            user_agent: concat!("bizkithub/", env!("CARGO_PKG_VERSION")).to_owned(),
            transport: None,
            clock: None,
            listeners: Listeners::default(),
            #[cfg(feature = "otlp")]
            otlp_endpoint: None,
        }
    }
}

impl ClientBuilder {
    /// The API key. Default: the environment variable `BIZKITHUB_API_KEY`.
    pub fn api_key(mut self, api_key: impl Into<String>) -> Self {
        self.api_key = Some(Zeroizing::new(api_key.into()));
        self
    }

    /// The address of the API. Default: the environment variable `BIZKITHUB_BASE_URL`, then [`BaseUrl::DEFAULT`].
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// Where requests carry the key. Default: [`KeyPlacement::Query`]. [`KeyPlacement::Host`] needs a transport of the host's; the key
    /// is still asked for, because its kind tells the quota and no error may repeat it.
    pub fn key_placement(mut self, key_placement: KeyPlacement) -> Self {
        self.key_placement = key_placement;
        self
    }

    /// The longest wait for a connection, TLS included. Default: 5 seconds. Only for the built-in transport.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// The longest time that one try may take, from connecting to the last byte of the answer. Default: 30 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The longest time that one call may take with all its retries and waits; `None` for no limit, zero for a single try
    /// without any wait. Default: 60 seconds.
    ///
    /// A wait that the server asks for and that does not fit comes back at once as a quota error with its moment.
    /// A run of a plan waits by its own rules instead.
    pub fn deadline(mut self, deadline: Option<Duration>) -> Self {
        self.deadline = deadline;
        self
    }

    /// The most tries of one request, the first included; at least 1. Default: 3. Waits for quota are not counted.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    /// The quota to start from, until the server tells it. Default: what the key's prefix suggests (see [`QuotaRate::assumed`]).
    pub fn quota(mut self, quota: QuotaRate) -> Self {
        self.quota = Some(quota);
        self
    }

    /// A proxy for the built-in transport, such as `http://user:password@proxy.example:3128`. Default: the system's variables
    /// (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`). Never used for a plain `http://` base URL, where it would see the key.
    pub fn proxy(mut self, proxy: impl Into<String>) -> Self {
        self.proxy = Some(proxy.into());
        self
    }

    /// A PEM file of certificate authorities to trust beside the system's. Only for the built-in transport.
    pub fn ca_file(mut self, ca_file: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(ca_file.into());
        self
    }

    /// Names the program to the server. Default: `bizkithub/<version>`. Only for the built-in transport.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// What carries the HTTP exchanges. Default: the built-in transport, where the feature `native` is on.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// What tells and spends the time. Default: the machine's clock, where the feature `native` is on.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Tells a listener of what matters at least so much; may be called several times. See [`Client::listening`] for a listener of some calls
    /// only.
    pub fn listener(mut self, least: EventLevel, listener: Arc<dyn EventListener>) -> Self {
        self.listeners.add(least, listener);
        self
    }

    /// The address of an OpenTelemetry collector that receives OTLP over HTTP, such as `http://localhost:4318`: it gets a span for each
    /// request and each run, and metrics. Default: the environment variable `BIZKITHUB_OTLP_ENDPOINT`; nothing is exported without either.
    ///
    /// The standard variables count as well: `OTEL_SERVICE_NAME` (default: `bizkithub`), `OTEL_RESOURCE_ATTRIBUTES`,
    /// `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_SCHEDULE_DELAY` and
    /// `OTEL_METRIC_EXPORT_INTERVAL`; a CA file is trusted for the collector too. Call [`Client::flush`] at the end: dropping the last clone of
    /// the client exports what is left beside the program, as long as that lives.
    #[cfg(feature = "otlp")]
    pub fn otlp_endpoint(mut self, otlp_endpoint: impl Into<String>) -> Self {
        self.otlp_endpoint = Some(otlp_endpoint.into());
        self
    }

    /// Takes from the environment what is not set yet, as [`ClientBuilder::build`] does: for hosts that build the same client again
    /// later, when the environment may be another.
    pub fn with_environment(mut self) -> Self {
        self.api_key = self.api_key.or_else(|| environment("BIZKITHUB_API_KEY").map(Zeroizing::new));
        self.base_url = self.base_url.or_else(|| environment("BIZKITHUB_BASE_URL"));
        #[cfg(feature = "otlp")]
        {
            self.otlp_endpoint = self.otlp_endpoint.or_else(|| environment("BIZKITHUB_OTLP_ENDPOINT"));
        }
        self
    }

    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// The errors of [`ApiKey::parse`] and [`BaseUrl::parse`]; `timeout_invalid` for zero; `key_placement_invalid` for a host
    /// that authenticates without a transport; `user_agent_invalid`, `ca_file_unreadable`, `ca_file_invalid`, `proxy_invalid`,
    /// `proxy_insecure`, `tls_unavailable` of the built-in transport; `transport_missing` and `clock_missing` without `native`.
    pub fn build(self) -> Result<Client, Error> {
        let mut settings = self.with_environment();
        let key = match settings.api_key.take() {
            Some(text) => ApiKey::parse(&text)?,
            None => return Err(ApiKey::missing()),
        };
        if settings.timeout.is_zero() || settings.connect_timeout.is_zero() {
            let advice = "leave it out for the default, or give a longer one";
            return Err(Error::invalid_input(
                "timeout_invalid",
                "a timeout of zero leaves no time for an answer",
                advice,
            ));
        }
        let base_url = BaseUrl::parse(settings.base_url.as_deref().unwrap_or(BaseUrl::DEFAULT))?;
        let transport = match settings.transport.take() {
            Some(transport) => transport,
            None if settings.key_placement == KeyPlacement::Host => {
                return Err(Error::invalid_input(
                    "key_placement_invalid",
                    "the host is to authenticate the requests, but performs none",
                    "pass a transport, or let the requests carry the key",
                ));
            }
            None => settings.default_transport(&base_url)?,
        };
        let clock = match settings.clock.take() {
            Some(clock) => clock,
            None => default_clock()?,
        };
        #[cfg(feature = "otlp")]
        if let Some(collector) = &settings.otlp_endpoint {
            let exporter = crate::event::OtlpExporter::new(collector, &base_url, settings.ca_file.as_deref())?;
            settings.listeners.add(EventLevel::Debug, Arc::new(exporter));
        }
        let endpoint = Endpoint::new(base_url, key, settings.key_placement);
        let client = Client::new(
            endpoint,
            transport,
            clock,
            settings.timeout,
            settings.deadline,
            settings.tries,
            settings.quota,
        );
        Ok(Client { listeners: settings.listeners, ..client })
    }

    #[cfg(feature = "native")]
    fn default_transport(&self, base_url: &BaseUrl) -> Result<Arc<dyn Transport>, Error> {
        Ok(Arc::new(super::ReqwestTransport::new(self, base_url)?))
    }

    #[cfg(not(feature = "native"))]
    fn default_transport(&self, _: &BaseUrl) -> Result<Arc<dyn Transport>, Error> {
        Err(Error::invalid_input(
            "transport_missing",
            "this build of the client has no HTTP of its own",
            "pass a transport",
        ))
    }
}

#[cfg(feature = "native")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is no clock to fall back to")]
fn default_clock() -> Result<Arc<dyn Clock>, Error> {
    Ok(Arc::new(super::TokioClock::new()))
}

#[cfg(not(feature = "native"))]
fn default_clock() -> Result<Arc<dyn Clock>, Error> {
    Err(Error::invalid_input("clock_missing", "this build of the client has no clock of its own", "pass a clock"))
}

/// An empty variable counts as unset, as in every shell script that clears one.
#[cfg(feature = "native")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

#[cfg(not(feature = "native"))]
fn environment(_: &str) -> Option<String> {
    None
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever was given may be a key in the wrong place.
        formatter.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
