//! The built-in transport on real sockets: against the sandbox and its faults, against TLS, and against servers that
//! misbehave in ways no HTTP server would.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bizkithub::protocol::KeyPlacement;
use bizkithub::{Client, Customer, Error, ErrorKind, Group, Receipt, parse_groups};
use bizkithub_sandbox::{Fault, FaultEffect, Sandbox, SandboxOptions};
use hyper_util::rt::{TokioExecutor, TokioIo};

/// A key of the right form; no server knows it.
const KEY: &str = "DEV_0123456789abcdefghijABCDEFGH";

fn jan() -> Customer {
    Customer::parse(Some("jan@barasek.com"), None).expect("a valid customer")
}

fn vip() -> Vec<Group> {
    parse_groups(["VIP"]).expect("valid groups")
}

fn sandbox() -> Sandbox {
    Sandbox::start(SandboxOptions::default()).expect("the sandbox starts")
}

fn client(sandbox: &Sandbox) -> Client {
    Client::builder().api_key(sandbox.api_key()).base_url(sandbox.url()).build().expect("the settings are valid")
}

/// One call against a sandbox with one fault.
async fn add_with(effect: FaultEffect, strikes: u64) -> (Sandbox, Result<Receipt, Error>) {
    let sandbox = sandbox();
    sandbox.add_fault(Fault::new(effect).at_most(strikes)).expect("a valid fault");
    let result = client(&sandbox).add_groups(&jan(), &vip()).await;
    (sandbox, result)
}

#[tokio::test]
async fn the_key_travels_in_the_query_the_body_or_as_a_bearer() {
    for (name, placement) in KeyPlacement::ALL {
        let sandbox = sandbox();
        let builder = Client::builder().api_key(sandbox.api_key()).base_url(sandbox.url()).key_placement(placement);
        let client = builder.build().expect("the settings are valid");
        client.ping().await.unwrap_or_else(|error| panic!("ping with the key in the {name}: {error}"));
        client.add_groups(&jan(), &vip()).await.unwrap_or_else(|error| panic!("key in the {name}: {error}"));
        assert!(sandbox.groups_of(&jan()).contains("vip"));
    }
}

#[tokio::test]
async fn a_reset_is_tried_again_before_and_after_the_server_applied() {
    for effect in [FaultEffect::ResetBeforeApplying, FaultEffect::ResetAfterApplying, FaultEffect::TruncatedBody] {
        let (sandbox, result) = add_with(effect.clone(), 1).await;
        assert_eq!(result.expect("the second try succeeds").attempts, 2, "{effect:?}");
        assert!(sandbox.groups_of(&jan()).contains("vip"));
    }
    let (_sandbox, result) = add_with(FaultEffect::ResetBeforeApplying, 10).await;
    let error = result.expect_err("every try fails");
    assert_eq!((error.kind(), error.code(), error.attempts()), (ErrorKind::Network, Some("connection_lost"), 3));
}

#[tokio::test]
async fn strange_answers_are_errors_that_say_so() {
    let strange = [
        (FaultEffect::HtmlBody, "response_not_json"),
        (FaultEffect::EmptyBody, "response_empty"),
        (FaultEffect::SuccessFalse, "success_false"),
        (FaultEffect::OversizedBody, "response_too_large"),
    ];
    for (effect, code) in strange {
        let (_sandbox, result) = add_with(effect, 10).await;
        assert_eq!(result.expect_err("no yes").code(), Some(code));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = sandbox();
    let target = format!("{}/api/v1/customer/add-groups", elsewhere.url());
    let (_sandbox, result) = add_with(FaultEffect::RedirectTo(target), 10).await;
    assert_eq!(result.expect_err("a redirect is no answer").code(), Some("redirect_refused"));
    assert_eq!(elsewhere.request_count(), 0);
}

#[tokio::test]
async fn a_refused_connection_names_neither_the_key_nor_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    drop(listener);
    let client = Client::builder().api_key(KEY).base_url(format!("http://{address}")).build().expect("valid settings");
    let error = client.ping().await.expect_err("nobody listens");
    assert_eq!((error.kind(), error.code(), error.attempts()), (ErrorKind::Network, Some("connect_failed"), 3));
    assert!(!error.is_ambiguous(), "nothing was sent");
    for text in [format!("{error:?}"), format!("{error:#?}"), error.to_string()] {
        assert!(!text.contains(KEY) && !text.contains("apiKey="), "{text}");
    }
}

/// Reads one request with its body.
fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).expect("the client sends");
        request.extend_from_slice(&buffer[..count]);
        if count == 0 || request.ends_with(b"}") {
            return request;
        }
    }
}

#[tokio::test]
async fn dropping_the_future_closes_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    let (arrived, arrival) = tokio::sync::oneshot::channel();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        read_request(&mut stream);
        arrived.send(()).expect("the test waits");
        // Blocks until the client closes: a request that lives on would hang here for ever.
        stream.read(&mut [0; 1]).map_or(true, |count| count == 0)
    });
    let client = Client::builder().api_key(KEY).base_url(format!("http://{address}")).build().expect("valid settings");
    let call = tokio::spawn(async move { client.add_groups(&jan(), &vip()).await });
    arrival.await.expect("the request arrives");
    call.abort();
    let is_closed = tokio::task::spawn_blocking(|| server.join().expect("the server ends")).await.expect("no panic");
    assert!(is_closed);
}

/// The race of every idle timeout: the server gives the connection up just when the next request is under way on it.
#[tokio::test]
async fn a_kept_connection_that_breaks_under_a_request_costs_a_try_and_no_call() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    let server = std::thread::spawn(move || {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"success\": true}";
        let (mut kept, _) = listener.accept().expect("a connection");
        read_request(&mut kept);
        kept.write_all(answer).expect("the client reads");
        read_request(&mut kept);
        drop(kept);
        let (mut next, _) = listener.accept().expect("another connection");
        read_request(&mut next);
        next.write_all(answer).expect("the client reads");
    });
    let client = Client::builder().api_key(KEY).base_url(format!("http://{address}")).build().expect("valid settings");
    assert_eq!(client.add_groups(&jan(), &vip()).await.expect("a first connection").attempts, 1);
    assert_eq!(client.add_groups(&jan(), &vip()).await.expect("a second connection").attempts, 2);
    server.join().expect("the server ends");
}

/// An HTTPS server for `localhost` with a certificate of its own making; returns its port and the PEM of its authority.
async fn https_server() -> (u16, String) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate for its key");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("a bound port").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service = hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                let body = match request.version() {
                    hyper::Version::HTTP_2 => r#"{"success": true}"#,
                    _ => r#"{"success": false}"#,
                };
                Ok::<_, Infallible>(hyper::Response::new(body.to_owned()))
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                // The client closes as it likes.
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn a_ca_file_makes_its_servers_trusted_and_http_2_is_negotiated() {
    let (port, pem) = https_server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, pem).expect("a writable folder");
    let builder = Client::builder().api_key(KEY).base_url(format!("https://localhost:{port}"));
    let client = builder.ca_file(ca_file).build().expect("the settings are valid");
    client.add_groups(&jan(), &vip()).await.expect("a trusted server that says yes to HTTP/2 only");
}

#[tokio::test]
async fn a_certificate_of_unknown_origin_is_refused_once_and_for_all() {
    let (port, _) = https_server().await;
    let client =
        Client::builder().api_key(KEY).base_url(format!("https://localhost:{port}")).build().expect("valid settings");
    let error = client.add_groups(&jan(), &vip()).await.expect_err("the certificate is not trusted");
    assert_eq!((error.code(), error.attempts()), (Some("tls_failed"), 1));
    assert!(error.stops_everything() && !error.is_ambiguous());
}

#[tokio::test]
async fn a_proxy_sees_where_a_request_goes_but_never_its_key() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let proxy = listener.local_addr().expect("a bound port");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while !seen.ends_with(b"\r\n\r\n") {
            let count = stream.read(&mut buffer).expect("the client asks for a tunnel");
            seen.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").expect("it reads");
        String::from_utf8_lossy(&seen).into_owned()
    });
    let builder = Client::builder().api_key(KEY).base_url("https://api.bizkithub.example").tries(1);
    let client = builder.proxy(format!("http://{proxy}")).build().expect("the settings are valid");
    let error = client.add_groups(&jan(), &vip()).await.expect_err("the proxy refuses");
    assert_eq!((error.code(), error.is_retryable()), (Some("proxy_authentication_required"), false));
    let seen = server.join().expect("the proxy ends");
    assert!(seen.starts_with("CONNECT api.bizkithub.example:443 "), "{seen}");
    assert!(!seen.contains(KEY) && !seen.contains("apiKey"), "{seen}");
}

#[test]
fn settings_that_cannot_work_are_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").expect("a writable folder");
    let refusals = [
        (Client::builder().ca_file(folder.path().join("missing.pem")), "ca_file_unreadable"),
        (Client::builder().ca_file(&empty), "ca_file_invalid"),
        (Client::builder().proxy("no proxy at all"), "proxy_invalid"),
        (Client::builder().proxy("socks5://proxy.example:1080"), "proxy_invalid"),
        (Client::builder().proxy("ftp://proxy.example"), "proxy_invalid"),
        (Client::builder().timeout(Duration::ZERO), "timeout_invalid"),
        (Client::builder().connect_timeout(Duration::ZERO), "timeout_invalid"),
        (Client::builder().user_agent("a\nb"), "user_agent_invalid"),
        (Client::builder().proxy("http://proxy.example:3128").base_url("http://localhost:1"), "proxy_insecure"),
        (Client::builder().base_url("http://api.bizkithub.com"), "base_url_insecure"),
    ];
    for (builder, code) in refusals {
        let error = builder.api_key(KEY).build().expect_err("settings that cannot work");
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some(code)));
    }
}
