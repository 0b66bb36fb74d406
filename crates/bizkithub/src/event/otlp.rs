//! Spans and metrics for a collector of OpenTelemetry, over OTLP.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider};
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use reqwest::redirect::Policy;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::data::type_of;
use super::{Event, EventData, EventListener, RequestEvent};
use crate::client::{no_tls, tls_config};
use crate::error::{Error, ErrorKind, causes};
use crate::job::OutcomeCounts;
use crate::types::BaseUrl;

/// Exports a client's events: a span for each request and each run, and metrics. See
/// [`ClientBuilder::otlp_endpoint`](crate::ClientBuilder::otlp_endpoint).
pub struct OtlpExporter {
    spans: SdkTracerProvider,
    tracer: SdkTracer,
    meters: SdkMeterProvider,
    instruments: Instruments,
    /// Where every request goes.
    server: Vec<KeyValue>,
    /// The span of each run under way.
    runs: Mutex<HashMap<u64, Context>>,
    http: Http,
}

/// What is counted and measured.
struct Instruments {
    duration: Histogram<f64>,
    refusals: Counter<u64>,
    remaining: Gauge<u64>,
    rows: Counter<u64>,
}

impl Instruments {
    /// In seconds: those of <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>.
    const BOUNDARIES: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

    fn new(meter: &Meter) -> Self {
        Self {
            duration: meter
                .f64_histogram("http.client.request.duration")
                .with_unit("s")
                .with_description("Duration of HTTP requests to BizKitHub")
                .with_boundaries(Self::BOUNDARIES.to_vec())
                .build(),
            refusals: meter
                .u64_counter("bizkithub.refusals")
                .with_unit("{request}")
                .with_description("Requests that were answered with a refusal, by its code")
                .build(),
            remaining: meter
                .u64_gauge("bizkithub.quota.remaining")
                .with_unit("{request}")
                .with_description("Requests left in the quota's window, as the server told last")
                .build(),
            rows: meter
                .u64_counter("bizkithub.rows")
                .with_unit("{row}")
                .with_description("Rows of runs that have ended, by outcome")
                .build(),
        }
    }
}

/// How long a collector may take with one export.
const LONGEST_EXPORT: Duration = Duration::from_secs(5);

impl OtlpExporter {
    /// An exporter to the collector at an address such as `http://localhost:4318`, for a client of a server. Needs no runtime: it has
    /// threads of its own.
    ///
    /// # Errors
    ///
    /// `otlp_endpoint_invalid`, and those of TLS where the address is `https://`.
    pub fn new(endpoint: &str, server: &BaseUrl, ca_file: Option<&Path>) -> Result<Self, Error> {
        let invalid = || {
            Error::invalid_input(
                "otlp_endpoint_invalid",
                "the address of the OpenTelemetry collector cannot be read, or is neither http:// nor https://",
                "give the address of its OTLP receiver for HTTP, such as http://localhost:4318",
            )
        };
        let url = Url::parse(endpoint.trim()).map_err(|_| invalid())?;
        let has_more = url.query().is_some() || url.fragment().is_some();
        // Whoever needs to authenticate has `OTEL_EXPORTER_OTLP_HEADERS`: a password in an address would get into texts.
        let has_user = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || has_more || has_user {
            return Err(invalid());
        }
        let path = |name: &str| format!("{}/v1/{name}", url.as_str().trim_end_matches('/'));
        let http = Http::new(url.scheme() == "https", ca_file)?;
        let spans = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(path("traces"))
            .with_http_client(http.clone())
            .build()
            .map_err(|_| invalid())?;
        let metrics = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(path("metrics"))
            .with_http_client(http.clone())
            .build()
            .map_err(|_| invalid())?;
        let resource = resource();
        let spans = SdkTracerProvider::builder().with_batch_exporter(spans).with_resource(resource.clone()).build();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics).with_resource(resource).build();
        let scope = || InstrumentationScope::builder("bizkithub").with_version(env!("CARGO_PKG_VERSION")).build();
        Ok(Self {
            tracer: spans.tracer_with_scope(scope()),
            instruments: Instruments::new(&meters.meter_with_scope(scope())),
            spans,
            meters,
            server: std::iter::once(KeyValue::new("server.address", server.host().to_owned()))
                .chain(server.port().map(|port| KeyValue::new("server.port", i64::from(port))))
                .collect(),
            runs: Mutex::default(),
            http,
        })
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<u64, Context>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The span of a run, which begins with the first that is heard of it.
    fn run(&self, run: u64, at: SystemTime) -> Context {
        let begin = || {
            let span = self.tracer.span_builder("bizkithub run").with_start_time(at);
            Context::new().with_span(span.start_with_context(&self.tracer, &Context::new()))
        };
        self.runs().entry(run).or_insert_with(begin).clone()
    }

    fn request(&self, event: &Event, request: &RequestEvent) {
        let RequestEvent { method, route, status, .. } = request;
        let mut attributes = vec![KeyValue::new("http.request.method", *method), KeyValue::new("url.template", *route)];
        attributes.extend_from_slice(&self.server);
        attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
        let error_type = request.error_type().map(|name| KeyValue::new("error.type", name.to_owned()));
        attributes.extend(error_type.clone());
        self.instruments.duration.record(request.seconds.as_secs_f64(), &attributes);
        if let Some(error_type) = error_type.filter(|_| status.is_some()) {
            self.instruments.refusals.add(1, &[error_type]);
        }
        if let Some(remaining) = request.remaining {
            self.instruments.remaining.record(remaining, &self.server);
        }
        let resent = Some(request.attempt.saturating_sub(1)).filter(|resent| *resent > 0);
        attributes.extend(resent.map(|resent| KeyValue::new("http.request.resend_count", i64::from(resent))));
        attributes.extend(request.request_id.clone().map(|name| KeyValue::new("bizkithub.request_id", name)));
        let end = system_time(event.at);
        let start = end.checked_sub(request.seconds).unwrap_or(end);
        let parent = event.run.map_or_else(Context::new, |run| self.run(run, start));
        let mut span = self
            .tracer
            .span_builder(format!("{method} {route}"))
            .with_kind(SpanKind::Client)
            .with_start_time(start)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent);
        if request.error.is_some() {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(end);
    }

    fn end_run(&self, run: u64, event: &Event, counts: &OutcomeCounts) {
        let end = system_time(event.at);
        let context = self.run(run, end);
        for (outcome, rows) in counts.by_outcome() {
            self.instruments.rows.add(rows, &[KeyValue::new("bizkithub.outcome", outcome)]);
            let rows = i64::try_from(rows).unwrap_or(i64::MAX);
            context.span().set_attribute(KeyValue::new(format!("bizkithub.rows.{outcome}"), rows));
        }
        context.span().end_with_timestamp(end);
        self.runs().remove(&run);
    }
}

impl EventListener for OtlpExporter {
    fn event(&self, event: &Event) {
        match (&event.data, event.run) {
            (EventData::Request(request), _) => self.request(event, request),
            (EventData::RunEnded { counts, .. }, Some(run)) => self.end_run(run, event, counts),
            (data, Some(run)) => {
                let at = system_time(event.at);
                let error = match data {
                    EventData::RunStopping { error }
                    | EventData::ServerFailing { error }
                    | EventData::RequestRetried { error, .. } => Some(error),
                    _ => None,
                };
                let context = self.run(run, at);
                if matches!(data, EventData::RunStopping { .. }) {
                    context.span().set_status(Status::error(""));
                }
                let error_type = error.map(|error| KeyValue::new("error.type", type_of(error).to_owned()));
                context.span().add_event_with_timestamp(data.name(), at, error_type.into_iter().collect());
            }
            (_, None) => {}
        }
    }

    fn flush(&self) -> Result<(), Error> {
        let flushed = [self.spans.force_flush(), self.meters.force_flush()];
        let lost = self.http.take_failure().or_else(|| Some(flushed.into_iter().find_map(Result::err)?.to_string()));
        lost.map_or(Ok(()), |reason| {
            let message = format!("the OpenTelemetry collector did not take all spans and metrics: {reason}");
            Err(Error::coded(ErrorKind::Network, "otlp_failed", message)
                .advise("check its address, and that it receives OTLP over HTTP"))
        })
    }
}

impl Drop for OtlpExporter {
    fn drop(&mut self) {
        // Runs that were dropped never said that they had ended.
        for (_, context) in self.runs().drain() {
            context.span().end();
        }
        let (spans, meters) = (self.spans.clone(), self.meters.clone());
        // Whoever drops the last clone of a client may be a thread that must not wait: of an interpreter, an event loop or a runtime.
        let shutdown = move || {
            // Nobody is left to be told that something was lost.
            drop(spans.shutdown_with_timeout(LONGEST_EXPORT));
            drop(meters.shutdown_with_timeout(LONGEST_EXPORT));
        };
        // Without another thread, nothing more is exported.
        drop(std::thread::Builder::new().name("bizkithub-otlp".to_owned()).spawn(shutdown));
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OtlpExporter").finish_non_exhaustive()
    }
}

/// What the standard variables tell (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`), a name where they tell none, and a number by which the
/// metrics of several clients and processes are told apart.
fn resource() -> Resource {
    let known = Resource::builder().build();
    let name = known.get(&"service.name".into()).map(|name| name.to_string());
    let mut builder = Resource::builder();
    if name.is_none_or(|name| name.starts_with("unknown_service")) {
        builder = builder.with_service_name("bizkithub");
    }
    if known.get(&"service.instance.id".into()).is_none() {
        let instance = format!("{:032x}", fastrand::u128(..));
        builder = builder.with_attribute(KeyValue::new("service.instance.id", instance));
    }
    builder.build()
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::try_from(at).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// HTTP for the exporter's threads, which have no runtime. Like the client's own, it goes where it is told to and nowhere else.
#[derive(Clone, Debug)]
struct Http {
    client: reqwest::Client,
    runtime: Arc<OwnRuntime>,
    /// Why the last export failed, until a flush tells.
    failure: Arc<Mutex<Option<String>>>,
}

#[derive(Debug)]
struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // A runtime must not be dropped, and so waited for, within another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Http {
    fn new(is_https: bool, ca_file: Option<&Path>) -> Result<Self, Error> {
        let failed = |error: &dyn fmt::Display| Error::internal(format!("no HTTP client for OTLP: {error}"));
        let builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(LONGEST_EXPORT)
            .timeout(LONGEST_EXPORT);
        let builder = match is_https {
            true => builder.tls_backend_preconfigured(tls_config(ca_file)?),
            false => builder.no_proxy().tls_backend_preconfigured(no_tls()?),
        };
        let client = builder.build().map_err(|error| failed(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
        Ok(Self { client, runtime: Arc::new(OwnRuntime(Some(runtime))), failure: Arc::default() })
    }

    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_failure(&self) -> Option<String> {
        self.failure().take()
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Response<Bytes>, HttpError> {
        let answer = self.client.execute(request).await.map_err(|error| {
            // Without the address, whose path is of no use here.
            let error = error.without_url();
            *self.failure() = Some(causes(&error).last().map_or_else(|| error.to_string(), ToString::to_string));
            error
        })?;
        let status = answer.status();
        if !status.is_success() {
            *self.failure() = Some(format!("it answers HTTP {}", status.as_u16()));
        }
        // What else it says, such as how many it refused, nobody would read.
        Ok(Response::builder().status(status).body(Bytes::new())?)
    }
}

#[async_trait::async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        match &self.runtime.0 {
            // The exporter's threads wait for this future and do nothing else.
            Some(runtime) => runtime.block_on(self.exchange(request)),
            None => Err("the exporter has ended".into()),
        }
    }
}
