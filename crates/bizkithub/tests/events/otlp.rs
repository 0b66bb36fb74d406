//! Spans and metrics as a collector of OpenTelemetry receives them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, mpsc};

use bizkithub::event::Event;
use bizkithub::job::{PlanBuilder, PlanOptions, Row, RowGroups, RunOptions};
use bizkithub::{Client, Pace};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use prost::Message as _;

use crate::support::{KEY, World, refusal, yes};

/// What has arrived: path and body.
type Arrived = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A receiver of OTLP over HTTP that keeps what arrives.
#[derive(Clone)]
struct Collector {
    endpoint: String,
    arrived: Arrived,
}

impl Collector {
    /// Starts one on a thread of its own, which ends with the process.
    fn start(status: u16) -> Self {
        let arrived = Arrived::default();
        let (sender, receiver) = mpsc::channel();
        let keep = Arc::clone(&arrived);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                sender.send(listener.local_addr().expect("an address")).expect("somebody waits");
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    let keep = Arc::clone(&keep);
                    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                        let keep = Arc::clone(&keep);
                        async move {
                            let path = request.uri().path().to_owned();
                            let body = request.into_body().collect().await.expect("a whole body").to_bytes();
                            keep.lock().expect("no panic").push((path, body.to_vec()));
                            let answer = hyper::Response::builder().status(status).body(String::new());
                            Ok::<_, Infallible>(answer.expect("a valid answer"))
                        }
                    });
                    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    tokio::spawn(async move {
                        // The exporter closes as it likes.
                        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            });
        });
        let address = receiver.recv().expect("the collector starts");
        Self { endpoint: format!("http://{address}"), arrived }
    }

    fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let arrived = self.arrived.lock().expect("no panic");
        arrived.iter().filter(|(known, _)| known == path).map(|(_, body)| body.clone()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.bodies("/v1/traces").into_iter();
        let requests = requests.map(|body| ExportTraceServiceRequest::decode(&*body).expect("spans"));
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// The metrics of the last export, by name.
    fn metrics(&self) -> BTreeMap<String, Metric> {
        let last = self.bodies("/v1/metrics").pop().expect("an export");
        let request = ExportMetricsServiceRequest::decode(&*last).expect("metrics");
        let resources = request.resource_metrics.into_iter();
        let metrics = resources.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics);
        metrics.map(|metric| (metric.name.clone(), metric)).collect()
    }
}

fn attributes(values: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |value: &KeyValue| match value.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    values.iter().map(|value| (value.key.as_str(), text(value))).collect()
}

/// The points of a counter or a gauge, by their only attribute.
fn points(metric: &Metric) -> BTreeMap<String, i64> {
    let points = match metric.data.as_ref() {
        Some(Data::Sum(sum)) => Some(&sum.data_points),
        Some(Data::Gauge(gauge)) => Some(&gauge.data_points),
        _ => None,
    }
    .expect("a counter or a gauge");
    let value = |value: &Option<number_data_point::Value>| match value {
        Some(number_data_point::Value::AsInt(number)) => *number,
        _ => -1,
    };
    let label = |point| attributes(point).into_values().next().unwrap_or_default();
    points.iter().map(|point| (label(&point.attributes), value(&point.value))).collect()
}

/// A run of two customers and a refused row: the second customer is refused by the server.
async fn run(collector: &Collector) -> (Client, Vec<Event>) {
    let world = World::new(|number, _| {
        let mut answer = if number == 0 { yes() } else { refusal(400, "NOT_WANTED") };
        answer.headers.push(("x-request-id".to_owned(), format!("request-{number}")));
        answer.headers.push(("x-ratelimit-limit".to_owned(), "100".to_owned()));
        answer.headers.push(("x-ratelimit-remaining".to_owned(), (99 - number).to_string()));
        Ok(answer)
    });
    let client = world.build(Client::builder().otlp_endpoint(&collector.endpoint));
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    for email in ["jan@barasek.com", "eva@barasek.com", "nobody"] {
        let groups = RowGroups::Text(Cow::Borrowed("vip"));
        builder.push(&Row { email: Some(Cow::Borrowed(email)), cu_ref_no: None, groups });
    }
    let mut options = RunOptions::default();
    options.pace = Pace::Fast;
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&told);
    let listener = move |event: &Event| keep.lock().expect("no panic").push(event.clone());
    let client = client.listening(bizkithub::event::EventLevel::Warning, Arc::new(listener));
    builder.finish().run(&client, options).await;
    client.flush();
    let events = std::mem::take(&mut *told.lock().expect("no panic"));
    (client, events)
}

#[tokio::test(start_paused = true)]
async fn a_run_and_its_requests_are_spans_of_one_trace() {
    let collector = Collector::start(200);
    run(&collector).await;
    let spans = collector.spans();
    let [run] = &*spans.iter().filter(|span| span.name == "bizkithub run").collect::<Vec<_>>() else {
        panic!("{spans:#?}");
    };
    let requests: Vec<_> = spans.iter().filter(|span| span.kind() == SpanKind::Client).collect();
    assert_eq!((spans.len(), requests.len()), (3, 2));
    for (request, status) in requests.iter().zip(["200", "400"]) {
        assert_eq!(request.name, "POST /api/v1/customer/add-groups");
        assert_eq!((&request.trace_id, &request.parent_span_id), (&run.trace_id, &run.span_id));
        let attributes = attributes(&request.attributes);
        assert_eq!(attributes["url.template"], "/api/v1/customer/add-groups");
        assert_eq!(attributes["http.request.method"], "POST");
        assert_eq!(attributes["server.address"], "localhost");
        assert_eq!(attributes["http.response.status_code"], status);
        assert_eq!(attributes.get("error.type").map(String::as_str), (status == "400").then_some("NOT_WANTED"));
        let is_error = request.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
        assert_eq!(is_error, status == "400");
    }
    assert_eq!(attributes(&requests[1].attributes)["bizkithub.request_id"], "request-1");
    let run = attributes(&run.attributes);
    assert_eq!((&*run["bizkithub.rows.applied"], &*run["bizkithub.rows.rejected"]), ("1", "2"));
}

#[tokio::test(start_paused = true)]
async fn requests_refusals_quota_and_rows_are_metrics() {
    let collector = Collector::start(200);
    run(&collector).await;
    let metrics = collector.metrics();
    let Some(Data::Histogram(durations)) = &metrics["http.client.request.duration"].data else { panic!() };
    let mut counts: Vec<_> = durations
        .data_points
        .iter()
        .map(|point| (attributes(&point.attributes)["http.response.status_code"].clone(), point.count))
        .collect();
    counts.sort();
    assert_eq!(counts, [("200".to_owned(), 1), ("400".to_owned(), 1)]);
    assert_eq!(metrics["http.client.request.duration"].unit, "s");
    assert_eq!(points(&metrics["bizkithub.refusals"]), BTreeMap::from([("NOT_WANTED".to_owned(), 1)]));
    assert_eq!(points(&metrics["bizkithub.quota.remaining"]), BTreeMap::from([("localhost".to_owned(), 98)]));
    let rows = points(&metrics["bizkithub.rows"]);
    assert_eq!((rows["applied"], rows["rejected"], rows["pending"]), (1, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_exported_names_a_customer_or_holds_the_key() {
    let collector = Collector::start(200);
    run(&collector).await;
    let arrived = collector.arrived.lock().expect("no panic");
    assert!(arrived.len() >= 2);
    for (path, body) in &*arrived {
        let text = String::from_utf8_lossy(body);
        for secret in [KEY, "apiKey", "barasek", "add-groups?"] {
            assert!(!text.contains(secret), "{secret} went to {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_exports_what_is_left() {
    let collector = Collector::start(200);
    let world = World::new(|_, _| Ok(yes()));
    let client = world.build(Client::builder().otlp_endpoint(format!("{}/", collector.endpoint)));
    client.ping().await.expect("a yes");
    client.flush();
    let spans = collector.spans();
    assert_eq!(spans.iter().map(|span| &*span.name).collect::<Vec<_>>(), ["GET /ping/v1"]);
    assert!(spans[0].parent_span_id.is_empty());
    assert!(!attributes(&spans[0].attributes).contains_key("http.request.resend_count"));
}

#[tokio::test(start_paused = true)]
async fn codes_of_no_documented_form_are_no_labels() {
    let collector = Collector::start(200);
    let world = World::new(|_, _| Ok(refusal(400, "jan@barasek.com is not welcome")));
    let client = world.build(Client::builder().otlp_endpoint(&collector.endpoint));
    client.ping().await.expect_err("a refusal");
    client.flush();
    assert_eq!(attributes(&collector.spans()[0].attributes)["error.type"], "rejected");
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_refuses_is_told_of_and_fails_no_run() {
    let collector = Collector::start(400);
    let (_client, events) = run(&collector).await;
    let lost: Vec<_> = events.iter().filter(|event| event.data.name() == "telemetry.lost").collect();
    let [lost] = &*lost else { panic!("{events:#?}") };
    assert!(lost.data.to_string().contains("it answers HTTP 400 (otlp_failed)"), "{}", lost.data);
}

#[test]
fn an_address_that_is_none_is_refused() {
    for address in [
        "localhost:4318",
        "grpc://localhost:4317",
        "",
        "http://",
        "http://localhost:4318/?token=1",
        "http://me:secret@localhost:4318",
    ] {
        let settings = Client::builder().api_key(KEY).base_url("http://localhost").otlp_endpoint(address);
        let error = settings.build().expect_err(address);
        assert_eq!(error.code(), Some("otlp_endpoint_invalid"), "{address}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
