//! A server that says yes to everything, on a port of its own: what `benches` calls.
//!
//! `server plain|http1|http2 [CERTIFICATE]` speaks HTTP without TLS, or this version of HTTP over TLS, with a certificate of its own that
//! it writes to the path. It prints its base URL and serves until its input ends.

use std::convert::Infallible;
use std::error::Error;
use std::io::Read;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let acceptor = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["plain"] => None,
        ["http1", certificate] => Some(acceptor(b"http/1.1", certificate)?),
        ["http2", certificate] => Some(acceptor(b"h2", certificate)?),
        _ => return Err("usage: server plain|http1|http2 [CERTIFICATE]".into()),
    };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        println!("{scheme}://localhost:{}", listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => serve(stream).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream).await;
                        }
                    }
                }
            });
        }
    })
}

fn acceptor(protocol: &[u8], certificate: &str) -> Result<TlsAcceptor, Box<dyn Error>> {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(certificate, cert.pem())?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // Whoever hangs up is of no interest.
    let _ = server.serve_connection(TokioIo::new(stream), hyper::service::service_fn(say_yes)).await;
}

async fn say_yes(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    let body = Full::new(Bytes::from_static(br#"{"success": true}"#));
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}
