use std::time::Duration;

use bizkithub::{Error, TransportError, TransportErrorKind};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Far above what a full request log takes.
const BODY_LIMIT: usize = 64 << 20;

/// The inspection of a running sandbox over HTTP. It needs no key, and none is sent.
pub(crate) struct Inspection {
    host: String,
    port: u16,
}

impl Inspection {
    /// Reads the URL of a sandbox.
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        let uri: Option<Uri> = url.trim().parse().ok();
        let address = uri.filter(|uri| uri.scheme_str() == Some("http")).and_then(|uri| {
            let host = uri.host()?.trim_matches(['[', ']']).to_owned();
            Some(Self { host, port: uri.port_u16().unwrap_or(80) })
        });
        address.ok_or_else(|| {
            Error::invalid_input(
                "sandbox_url_invalid",
                format!("{url:?} is not the URL of a sandbox"),
                "give the URL that the sandbox printed, such as http://127.0.0.1:40123",
            )
        })
    }

    /// Asks for one of the sandbox's lists, such as `groups`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        let (status, body) = tokio::time::timeout(TIMEOUT, self.exchange(name))
            .await
            .map_err(|_| TransportError::new(TransportErrorKind::Timeout, "the sandbox did not answer in time"))??;
        let content = if status == StatusCode::OK { serde_json::from_slice(&body).ok() } else { None };
        content.ok_or_else(|| {
            Error::invalid_input(
                "not_a_sandbox",
                format!("what answers at {}:{} is not a sandbox", self.host, self.port),
                "give the URL that `bizkithub sandbox` printed",
            )
        })
    }

    async fn exchange(&self, name: &str) -> Result<(StatusCode, Bytes), Error> {
        let lost = |kind, error: Box<dyn std::error::Error + Send + Sync>| {
            let message = format!("no answer from a sandbox at {}:{}: {error}", self.host, self.port);
            Error::from(TransportError::new(kind, message))
        };
        let interrupted = |error: hyper::Error| lost(TransportErrorKind::Interrupted, error.into());
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| lost(TransportErrorKind::Connect, error.into()))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(interrupted)?;
        // It ends with the exchange, whose own errors tell what went wrong.
        drop(tokio::spawn(connection));
        let request = Request::get(format!("/__sandbox/{name}"))
            .header(HOST, "sandbox")
            .body(Empty::<Bytes>::new())
            .map_err(|error| Error::internal("the request to the sandbox cannot be built").caused_by(error))?;
        let response = sender.send_request(request).await.map_err(interrupted)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), BODY_LIMIT)
            .collect()
            .await
            .map_err(|error| lost(TransportErrorKind::Interrupted, error))?;
        Ok((status, body.to_bytes()))
    }
}
