//! Spans and metrics for a collector of OpenTelemetry, over OTLP.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use opentelemetry::metrics::{Counter, Gauge, Histogram, MeterProvider};
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::data::type_of;
use super::{Event, EventData, EventListener, RequestEvent};
use crate::client::{no_tls, tls_config};
use crate::error::Error;
use crate::job::OutcomeCounts;
use crate::types::BaseUrl;

/// Exports a client's events: a span for each request and each run, and metrics. See
/// [`ClientBuilder::otlp_endpoint`](crate::ClientBuilder::otlp_endpoint).
pub struct OtlpExporter {
    spans: SdkTracerProvider,
    tracer: SdkTracer,
    meters: SdkMeterProvider,
    duration: Histogram<f64>,
    refusals: Counter<u64>,
    remaining: Gauge<u64>,
    rows: Counter<u64>,
    /// Where every request goes.
    server: Vec<KeyValue>,
    /// The span of each run under way.
    runs: Mutex<BTreeMap<u64, Context>>,
}

/// So many runs of one client are hardly under way at once; a run that is dropped never says that it has ended.
const RUNS_LIMIT: usize = 64;

/// How long a flush waits for the collector.
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
        let endpoint = endpoint.trim().trim_end_matches('/');
        let url = Url::parse(endpoint).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() {
            return Err(invalid());
        }
        let failed = |error: &dyn fmt::Display| Error::internal(format!("no OTLP exporter could be built: {error}"));
        let http = Http::new(url.scheme() == "https", ca_file)?;
        let spans = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(LONGEST_EXPORT)
            .with_http_client(http.clone())
            .build()
            .map_err(|error| failed(&error))?;
        let metrics = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/metrics"))
            .with_timeout(LONGEST_EXPORT)
            .with_http_client(http)
            .build()
            .map_err(|error| failed(&error))?;
        let spans = SdkTracerProvider::builder().with_batch_exporter(spans).with_resource(resource()).build();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics).with_resource(resource()).build();
        let scope = || InstrumentationScope::builder("bizkithub").with_version(env!("CARGO_PKG_VERSION")).build();
        let meter = meters.meter_with_scope(scope());
        Ok(Self {
            tracer: spans.tracer_with_scope(scope()),
            duration: meter
                .f64_histogram("http.client.request.duration")
                .with_unit("s")
                .with_description("Duration of HTTP requests to BizKitHub")
                // Those of the convention: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>
                .with_boundaries(vec![0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0])
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
            spans,
            meters,
            server: std::iter::once(KeyValue::new("server.address", server.host().to_owned()))
                .chain(server.port().map(|port| KeyValue::new("server.port", i64::from(port))))
                .collect(),
            runs: Mutex::default(),
        })
    }

    /// The span of a run, which begins with the first that is heard of it.
    fn run(&self, run: u64, at: SystemTime) -> Context {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let context = runs
            .entry(run)
            .or_insert_with(|| {
                let span = self.tracer.span_builder("bizkithub run").with_start_time(at);
                Context::new().with_span(span.start_with_context(&self.tracer, &Context::new()))
            })
            .clone();
        if runs.len() > RUNS_LIMIT {
            runs.pop_first();
        }
        context
    }

    fn request(&self, event: &Event, request: &RequestEvent) {
        let RequestEvent { method, route, status, .. } = request;
        let mut attributes = vec![KeyValue::new("http.request.method", *method), KeyValue::new("url.template", *route)];
        attributes.extend_from_slice(&self.server);
        attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
        let error_type = request.error_type().map(|name| KeyValue::new("error.type", name.to_owned()));
        attributes.extend(error_type.clone());
        self.duration.record(request.seconds.as_secs_f64(), &attributes);
        if let Some(error_type) = error_type.filter(|_| status.is_some()) {
            self.refusals.add(1, &[error_type]);
        }
        if let Some(remaining) = request.remaining {
            self.remaining.record(remaining, &[]);
        }
        attributes.push(KeyValue::new("http.request.resend_count", i64::from(request.attempt.saturating_sub(1))));
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
            self.rows.add(rows, &[KeyValue::new("outcome", outcome)]);
            let rows = i64::try_from(rows).unwrap_or(i64::MAX);
            context.span().set_attribute(KeyValue::new(format!("bizkithub.rows.{outcome}"), rows));
        }
        context.span().end_with_timestamp(end);
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
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
        let (spans, metrics) = (self.spans.force_flush(), self.meters.force_flush());
        spans.and(metrics).map_err(|error| {
            Error::coded(
                crate::error::ErrorKind::Network,
                "otlp_failed",
                format!("the OpenTelemetry collector did not take all spans and metrics: {error}"),
            )
            .advise("check its address, and that it receives OTLP over HTTP")
        })
    }
}

impl Drop for OtlpExporter {
    fn drop(&mut self) {
        // Nobody is left to be told that something was lost.
        drop(self.spans.shutdown_with_timeout(LONGEST_EXPORT));
        drop(self.meters.shutdown_with_timeout(LONGEST_EXPORT));
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OtlpExporter").finish_non_exhaustive()
    }
}

/// What the standard variables tell (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`), and a name where they tell none.
fn resource() -> Resource {
    let known = Resource::builder().build();
    let name = known.get(&"service.name".into()).map(|name| name.to_string());
    match name.filter(|name| !name.starts_with("unknown_service")) {
        Some(_) => known,
        None => Resource::builder().with_service_name("bizkithub").build(),
    }
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::try_from(at).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// HTTP for the exporter's threads, which have no runtime.
#[derive(Clone, Debug)]
struct Http {
    client: reqwest::Client,
    runtime: Arc<OwnRuntime>,
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
        let tls = if is_https { tls_config(ca_file)? } else { no_tls()? };
        let client =
            reqwest::Client::builder().tls_backend_preconfigured(tls).build().map_err(|error| failed(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
        Ok(Self { client, runtime: Arc::new(OwnRuntime(Some(runtime))) })
    }
}

#[async_trait::async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let exchange = async {
            let answer = self.client.execute(request).await.map_err(reqwest::Error::without_url)?;
            Ok(Response::builder().status(answer.status()).body(answer.bytes().await?)?)
        };
        match &self.runtime.0 {
            // The exporter's threads wait for this future and do nothing else.
            Some(runtime) => runtime.block_on(exchange),
            None => Err("the exporter has ended".into()),
        }
    }
}
