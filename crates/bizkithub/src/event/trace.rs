//! Events and spans for the crate `tracing`. Without a subscriber, a span costs a comparison.

use tracing::{Level, Span, field};

use super::data::type_of;
use super::{Event, EventData, EventLevel};
use crate::error::Error;
use crate::protocol::Operation;
use crate::types::BaseUrl;

pub(super) fn wants(level: EventLevel) -> bool {
    match level {
        EventLevel::Debug => tracing::enabled!(target: "bizkithub", Level::DEBUG),
        EventLevel::Info => tracing::enabled!(target: "bizkithub", Level::INFO),
        EventLevel::Warning => tracing::enabled!(target: "bizkithub", Level::WARN),
        EventLevel::Error => tracing::enabled!(target: "bizkithub", Level::ERROR),
    }
}

pub(super) fn emit(event: &Event) {
    let Event { run, data, .. } = event;
    let name = data.name();
    macro_rules! tell {
        ($level:ident $($fields:tt)*) => {
            tracing::event!(target: "bizkithub", Level::$level, { name, run, $($fields)* }, "{data}")
        };
    }
    match (data, data.level()) {
        (EventData::Request(request), _) => tell!(DEBUG
            status = request.status,
            seconds = request.seconds.as_secs_f64(),
            "error.type" = request.error_type(),
            request_id = request.request_id.as_deref(),
            remaining = request.remaining,
        ),
        (EventData::RequestRetried { error, wait }, _) => {
            tell!(DEBUG "error.type" = type_of(error), wait_seconds = wait.as_secs_f64(),);
        }
        (EventData::RunStarted { rows, customers, requests, .. }, _) => tell!(INFO rows, customers, requests,),
        (EventData::RunWaiting { wait, .. }, EventLevel::Debug) => tell!(DEBUG wait_seconds = wait.as_secs_f64(),),
        (EventData::RunWaiting { wait, .. }, _) => tell!(INFO wait_seconds = wait.as_secs_f64(),),
        (EventData::RunSuspended { .. } | EventData::ServerBack {}, _) => tell!(INFO),
        (EventData::ServerFailing { error } | EventData::TelemetryLost { error }, _) => {
            tell!(WARN "error.type" = type_of(error),);
        }
        (EventData::RunStopping { error }, _) => tell!(ERROR "error.type" = type_of(error),),
        (EventData::RunEnded { counts, requests, .. }, EventLevel::Warning) => tell!(WARN
            applied = counts.applied,
            skipped = counts.skipped,
            rejected = counts.rejected,
            pending = counts.pending,
            unknown = counts.unknown,
            requests,
        ),
        (EventData::RunEnded { counts, requests, .. }, _) => tell!(INFO
            applied = counts.applied,
            skipped = counts.skipped,
            rejected = counts.rejected,
            pending = counts.pending,
            unknown = counts.unknown,
            requests,
        ),
    }
}

/// The span of a request, with the names of OpenTelemetry's conventions for HTTP clients.
/// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>
pub(crate) fn request_span(base_url: &BaseUrl, operation: Operation, attempt: u32) -> Span {
    tracing::info_span!(
        target: "bizkithub",
        "request",
        otel.name = %format_args!("{} {}", operation.method().as_str(), operation.path()),
        otel.kind = "client",
        otel.status_code = field::Empty,
        http.request.method = operation.method().as_str(),
        url.template = operation.path(),
        server.address = base_url.host(),
        server.port = base_url.port(),
        http.request.resend_count = Some(attempt.saturating_sub(1)).filter(|resent| *resent > 0),
        http.response.status_code = field::Empty,
        "error.type" = field::Empty,
    )
}

/// Adds what the answer told.
pub(crate) fn end_request(span: &Span, status: Option<u16>, error: Option<&Error>) {
    if let Some(status) = status {
        span.record("http.response.status_code", status);
    }
    if let Some(error) = error {
        span.record("error.type", type_of(error));
        span.record("otel.status_code", "ERROR");
    }
}

/// The span of a run.
pub(crate) fn run_span(run: u64) -> Span {
    tracing::info_span!(target: "bizkithub", "run", run)
}
