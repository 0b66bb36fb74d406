use std::borrow::Cow;
use std::fmt;
use std::future::Future;

use super::{BoxFuture, MaybeSend, MaybeSync};
use crate::error::{Error, ErrorKind};
use crate::protocol::{Endpoint, Request, Response};

/// The seam that carries one HTTP exchange: the built-in one, a closure in a test, or a host's own HTTP helper.
///
/// A transport sends the request once and hands over whatever answer arrives, whatever its status. It does not follow
/// redirects, retry, or decide on a total timeout: the client does. Dropping the future closes the exchange.
pub trait Transport: MaybeSend + MaybeSync {
    /// Sends a request and reads the answer's status, headers and body (up to a byte more than
    /// [`BODY_LIMIT`](crate::protocol::BODY_LIMIT)).
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>>;
}

impl<F, Fut> Transport for F
where
    F: Fn(Request) -> Fut + MaybeSend + MaybeSync,
    Fut: Future<Output = Result<Response, TransportError>> + MaybeSend + 'static,
{
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self(request))
    }
}

/// How an exchange failed without an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection came about, so that nothing was sent. May be retried.
    Connect,
    /// The proxy asks for a user name and password, so that nothing was sent. Never retried.
    ProxyAuthentication,
    /// The peer's certificate or its TLS is not acceptable, so that nothing was sent. Never retried.
    Tls,
    /// The connection broke after the request may have left. May be retried, because the operation is idempotent.
    Interrupted,
    /// No answer arrived in time. May be retried.
    Timeout,
    /// The transport itself failed, for example a host's function threw. Never retried.
    Failed,
}

/// An exchange that brought no answer.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// An error of a kind. The message should not contain the request's URL, which carries the API key;
    /// the client takes the key out of what it is told.
    #[must_use]
    pub fn new(kind: TransportErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Keeps what caused this error, unless its text contains the API key.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl TransportError {
    /// The error with the API key taken out, should a host's transport have repeated it.
    pub(super) fn without(self, endpoint: &Endpoint) -> Self {
        let has_key =
            |source: &(dyn std::error::Error + Send + Sync)| endpoint.repeats_key(&format!("{source} {source:?}"));
        Self {
            kind: self.kind,
            message: endpoint.quote(&self.message).into(),
            source: self.source.filter(|source| !has_key(&**source)),
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let (code, advice, is_retryable, is_ambiguous) = match error.kind {
            TransportErrorKind::Connect => {
                ("connect_failed", "check the network, the base URL and the proxy settings", true, false)
            }
            TransportErrorKind::ProxyAuthentication => (
                "proxy_authentication_required",
                "put a user name and a password into the proxy's address",
                false,
                false,
            ),
            TransportErrorKind::Tls => (
                "tls_failed",
                "check the base URL; behind a company proxy, pass its certificate authority as the CA file",
                false,
                false,
            ),
            TransportErrorKind::Interrupted => ("connection_lost", "try again; a re-send is safe", true, true),
            TransportErrorKind::Timeout => {
                ("timeout", "try again, or allow a longer timeout; a re-send is safe", true, true)
            }
            TransportErrorKind::Failed => {
                ("transport_failed", "correct what the message names; a re-send is safe", false, true)
            }
        };
        let converted = Self::coded(ErrorKind::Network, code, error.message)
            .advise(advice)
            .retryable(is_retryable)
            .ambiguous(is_ambiguous)
            .general(matches!(error.kind, TransportErrorKind::Tls | TransportErrorKind::ProxyAuthentication));
        match error.source {
            Some(source) => converted.caused_by(source),
            None => converted,
        }
    }
}
