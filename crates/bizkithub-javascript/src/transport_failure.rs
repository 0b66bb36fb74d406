use bizkithub::{TransportError, TransportErrorKind};

/// An exchange that a host's transport could not perform. The kind is one of `connect`, `tls`, `interrupted` and `timeout`, where the
/// host knows; the reason must not contain the request's URL.
#[must_use]
pub fn transport_failure(reason: String, kind: Option<&str>) -> TransportError {
    let kind = match kind {
        Some("connect") => TransportErrorKind::Connect,
        Some("tls") => TransportErrorKind::Tls,
        Some("interrupted") => TransportErrorKind::Interrupted,
        Some("timeout") => TransportErrorKind::Timeout,
        _ => TransportErrorKind::Failed,
    };
    TransportError::new(kind, reason)
}
