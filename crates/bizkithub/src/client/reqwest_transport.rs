use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use url::Url;

use super::tls::tls_config;
use super::{BoxFuture, ClientBuilder, Transport, TransportError, TransportErrorKind};
use crate::error::{Error, Field, causes};
use crate::protocol::{BODY_LIMIT, Method, Request, Response};
use crate::types::BaseUrl;

/// Idle connections are dropped before servers and balancers drop them, most of which wait 15 seconds or more.
const IDLE_LIMIT: Duration = Duration::from_secs(14);

/// The built-in transport: HTTP/1.1 and HTTP/2 over TLS 1.2 or newer, with pooled connections. Needs a tokio runtime.
///
/// Redirects are not followed, no `Referer` is sent and no compressed answer is accepted: the first two would carry the key
/// elsewhere, the third lets a small answer grow without limit. The system's certificate authorities are trusted.
#[derive(Debug)]
pub struct ReqwestTransport {
    http: reqwest::Client,
    addresses: AddressBook,
}

impl ReqwestTransport {
    pub(super) fn new(settings: &ClientBuilder, base_url: &BaseUrl) -> Result<Self, Error> {
        let user_agent = HeaderValue::from_str(&settings.user_agent).map_err(|_| {
            let message = "the user agent contains a character that no header may hold";
            Error::invalid_input("user_agent_invalid", message, "name the program in visible ASCII characters")
        })?;
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(settings.connect_timeout.min(settings.timeout))
            .pool_idle_timeout(IDLE_LIMIT)
            .user_agent(user_agent);
        if base_url.is_https() {
            builder = builder.tls_backend_preconfigured(tls(settings.ca_file.as_deref())?);
            if let Some(proxy) = &settings.proxy {
                builder = builder.proxy(parse_proxy(proxy)?);
            }
        } else if settings.proxy.is_some() {
            return Err(Error::invalid_input(
                "proxy_insecure",
                "the base URL is plain http://, so that the proxy would see the API key",
                "leave the proxy out, or use an https:// base URL",
            )
            .at_field(Field::Proxy));
        } else {
            // Loading the system's certificates takes 10 ms and fails in containers without any: plain HTTP needs none.
            builder = builder.no_proxy().tls_backend_preconfigured(no_tls()?);
        }
        let http = builder
            .build()
            .map_err(|error| Error::internal("the HTTP client could not be built").caused_by(error.without_url()))?;
        Ok(Self { http, addresses: AddressBook::default() })
    }
}

impl Transport for ReqwestTransport {
    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let Some(url) = self.addresses.parse(request.url()) else {
                return Err(TransportError::new(
                    TransportErrorKind::Failed,
                    "the address of the request cannot be read",
                ));
            };
            let mut builder = match request.method() {
                Method::Get => self.http.get(url),
                Method::Post => self.http.post(url).body(request.body().to_vec()),
            };
            for (name, value) in request.headers() {
                builder = builder.header(name, value);
            }
            let mut response = builder.send().await.map_err(|error| lost(error, false))?;
            let of_use = response.headers().iter().filter(|(name, _)| Response::is_header_of_use(name.as_str()));
            let headers = of_use
                .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
                .collect();
            let mut body = Vec::new();
            while body.len() <= BODY_LIMIT {
                match response.chunk().await.map_err(|error| lost(error, true))? {
                    Some(chunk) => body.extend_from_slice(&chunk),
                    None => break,
                }
            }
            Ok(Response { status: response.status().as_u16(), headers, body })
        })
    }
}

/// The addresses of a client's operations, parsed once and without their query, which carries the key. Parsing them for each
/// request took a twentieth of a call's CPU time.
#[derive(Debug, Default)]
struct AddressBook(Mutex<Vec<Url>>);

impl AddressBook {
    /// One for each operation of the one client that a transport belongs to, and some to spare.
    const LIMIT: usize = 8;

    fn parse(&self, address: &str) -> Option<Url> {
        let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut url = match known.iter().find(|url| url.as_str() == path) {
            Some(url) => url.clone(),
            None => {
                let url = Url::parse(path).ok()?;
                if known.len() < Self::LIMIT {
                    known.push(url.clone());
                }
                url
            }
        };
        url.set_query(query);
        Some(url)
    }
}

fn lost(error: reqwest::Error, is_answered: bool) -> TransportError {
    // The errors of reqwest print the URL, which carries the key.
    let error = error.without_url();
    let is_tls = causes(&error).any(is_tls_error);
    let cause = causes(&error).last().map(ToString::to_string).unwrap_or_default();
    // The type of a refused tunnel is private to the HTTP stack; a test holds it to this text.
    let is_proxy_refusal = causes(&error).any(|cause| cause.to_string().contains("proxy authorization required"));
    let (kind, text) = match (error.is_connect(), is_tls) {
        (true, _) if is_proxy_refusal => (TransportErrorKind::ProxyAuthentication, "no tunnel through the proxy"),
        (true, true) => (TransportErrorKind::Tls, "no secure connection to the server"),
        (true, false) => (TransportErrorKind::Connect, "no connection to the server"),
        (false, _) if error.is_timeout() => (TransportErrorKind::Timeout, "no answer in time"),
        (false, _) if error.is_builder() => (TransportErrorKind::Failed, "the request could not be built"),
        (false, _) if is_answered => (TransportErrorKind::Interrupted, "the connection was lost within the answer"),
        (false, _) => (TransportErrorKind::Interrupted, "the connection was lost before the answer"),
    };
    TransportError::new(kind, format!("{text}: {cause}")).caused_by(error)
}

fn is_tls_error(mut cause: &(dyn std::error::Error + 'static)) -> bool {
    // Errors of I/O hide what they wrap from the chain of causes.
    while let Some(wrapped) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        cause = wrapped;
    }
    cause.is::<rustls::Error>()
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, Error> {
    let mut config = tls_config(ca_file)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

pub(crate) fn no_tls() -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS could not be set up").caused_by(error))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}

/// Other schemes would be ignored, so that the request would go past the proxy, or fail at every call.
fn parse_proxy(address: &str) -> Result<reqwest::Proxy, Error> {
    let invalid = || {
        Error::invalid_input(
            "proxy_invalid",
            "the proxy address cannot be read, or is neither http:// nor https://",
            "give an address such as http://proxy.example:3128",
        )
        .at_field(Field::Proxy)
    };
    let scheme = address.trim().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if scheme.is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(invalid());
    }
    reqwest::Proxy::all(address.trim()).map_err(|_| invalid())
}
