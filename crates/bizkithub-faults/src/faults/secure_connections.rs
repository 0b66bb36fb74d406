//! Certificates, protocols and proxies that must not be trusted, and HTTP/2 servers that turn streams away.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rcgen::{ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints, date_time_ymd};
use rustls::ServerConfig;

use crate::background::{Background, free_port, wait_for};
use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::proxy::FaultProxy;
use crate::stage::{Finished, Stage};
use crate::tls_front::{Authority, TlsFront, self_signed};

/// A job over TLS, trusting one authority.
fn job(stage: &Stage, authority: &Authority, port: u16) -> Result<Job> {
    stage.write("ca.pem", &authority.pem)?;
    let base_url = Some(format!("https://localhost:{port}"));
    // A ledger belongs to one address.
    let ledger = format!("{port}.ledger");
    Ok(Job { base_url, ledger, ca_file: Some("ca.pem".to_owned()), ..Job::default() })
}

/// Certificates that are wrong in one way each, a protocol that is too old, and none at all.
pub(crate) fn certificates(_: &Trial) -> Result<Finding> {
    let authority = Authority::new()?;
    let (year_before, year_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2200, 1, 1));
    let unknown = Authority::new()?;
    let below = authority.below(|_| ())?;
    let not_to_sign = authority.below(|params| params.is_ca = IsCa::ExplicitNoCa)?;
    let elsewhere_only = authority.below(|params| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("example.com".to_owned())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    })?;
    let bad: Vec<(&str, ServerConfig)> = vec![
        ("expired", authority.server(&["localhost"], false, |params| params.not_after = year_before)?),
        ("not valid yet", authority.server(&["localhost"], false, |params| params.not_before = year_after)?),
        ("for another host", authority.server(&["example.com"], false, |_| ())?),
        ("for names below", authority.server(&["*.localhost"], false, |_| ())?),
        ("without a name", authority.server(&[], false, |_| ())?),
        ("self-signed", self_signed("localhost")?),
        ("of an unknown authority", unknown.server(&["localhost"], true, |_| ())?),
        ("without its intermediate", below.server(&["localhost"], false, |_| ())?),
        ("of one that may not sign", not_to_sign.server(&["localhost"], true, |_| ())?),
        ("of one that may sign for others only", elsewhere_only.server(&["localhost"], true, |_| ())?),
        (
            "for clients",
            authority.server(&["localhost"], false, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            })?,
        ),
    ];
    let mut executions = 0;
    let stage = Stage::new(3)?;
    for (what, config) in bad {
        let front = TlsFront::start(config, stage.sandbox.address())?;
        for driver in Driver::ALL {
            let finished = stage.run(driver, &job(&stage, &authority, front.port())?)?;
            refused(&stage, &finished).with_context(|| format!("a certificate {what}"))?;
            executions += 1;
        }
        ensure!(front.handshakes() == 0, "a certificate {what} was found good");
    }
    for (what, protocol) in [("TLS 1.1", "-tls1_1"), ("TLS 1.0", "-tls1")] {
        let server = OpenSslServer::start(&stage, &authority, protocol)?;
        for driver in Driver::ALL {
            let finished = stage.run(driver, &job(&stage, &authority, server.port)?)?;
            refused(&stage, &finished).context(what)?;
            executions += 1;
        }
    }
    // The same server with a protocol that is new enough is connected to; it only never answers.
    let server = OpenSslServer::start(&stage, &authority, "-tls1_2")?;
    let hasty = Job { timeout: Duration::from_millis(300), ..job(&stage, &authority, server.port)? };
    let finished = stage.run(Driver::Rust, &hasty)?;
    let is_connected = !finished.stdout.contains("tls_failed") && finished.must_report()?.unknown == 3;
    ensure!(is_connected, "TLS 1.2: {finished}");
    for driver in Driver::ALL {
        let finished = stage.run(driver, &job(&stage, &authority, stage.sandbox.address().port())?)?;
        refused(&stage, &finished).context("no TLS at all")?;
        executions += 1;
    }
    for good in [authority.server(&["localhost"], false, |_| ())?, below.server(&["localhost"], true, |_| ())?] {
        let front = TlsFront::start(good, stage.sandbox.address())?;
        for driver in Driver::ALL {
            let job = job(&stage, &authority, front.port())?;
            stage.clear(&stage.path(&job.ledger))?;
            let finished = stage.run(driver, &job)?;
            ensure!(finished.must_report()?.applied == 3, "a good certificate is refused: {finished}");
        }
    }
    Ok(Finding::noting(executions, "two good ones accepted by the authority that was given"))
}

fn refused(stage: &Stage, finished: &Finished) -> Result<()> {
    ensure!(finished.error_code().as_deref() == Some("tls_failed"), "{finished}");
    ensure!(finished.must_report()?.pending == 3, "{finished}");
    ensure!(stage.sandbox.request_count() == 0, "a request was sent");
    Ok(())
}

struct OpenSslServer {
    port: u16,
    _process: Background,
}

impl OpenSslServer {
    fn start(stage: &Stage, authority: &Authority, protocol: &str) -> Result<Self> {
        let (certificate, key) = authority.server_pem("localhost")?;
        stage.write("server.pem", certificate + &key)?;
        let certificate = stage.path("server.pem").display().to_string();
        let port = free_port()?;
        let (number, ciphers) = (port.to_string(), "DEFAULT@SECLEVEL=0");
        let serve = ["s_server", "-quiet", "-cipher", ciphers, "-cert", &certificate, "-accept", &number, protocol];
        let process = Background::start("openssl", &serve)?;
        let server = Self { port, _process: process };
        wait_for(port)?;
        Ok(server)
    }
}

/// A proxy that tunnels, one that asks who it is, and one that opens the tunnel to look inside.
pub(crate) fn corporate_proxy(_: &Trial) -> Result<Finding> {
    let authority = Authority::new()?;
    let mut executions = 0;
    for driver in Driver::ALL {
        let stage = Stage::new(5)?;
        let front = TlsFront::start(authority.server(&["localhost"], false, |_| ())?, stage.sandbox.address())?;
        let plain = job(&stage, &authority, front.port())?;
        for (credentials, login, code) in [
            ("", "", None),
            ("BasicAuth analyst secret\n", "analyst:secret@", None),
            ("BasicAuth analyst secret\n", "", Some("proxy_authentication_required")),
            // This proxy answers wrong credentials with 401, which no proxy should.
            ("BasicAuth analyst secret\n", "analyst:wrong@", Some("connect_failed")),
        ] {
            stage.clear(&stage.path(&plain.ledger))?;
            let proxy = TinyProxy::start(&stage, credentials)?;
            let line = FaultProxy::start(SocketAddr::from(([127, 0, 0, 1], proxy.port)))?;
            let through = Some(format!("http://{login}{}", line.address()));
            let finished = stage.run(driver, &Job { proxy: through, ..plain.clone() })?;
            let applied = if code.is_none() { 5 } else { 0 };
            ensure!(finished.must_report()?.applied == applied, "{credentials:?}, {login:?}: {finished}");
            let told = code.is_none_or(|code| finished.stdout.contains(code) || finished.stderr.contains(code));
            ensure!(told, "{credentials:?}, {login:?}: {finished}");
            ensure!(!finished.stdout.contains("secret") && !finished.stderr.contains("secret"), "{finished}");
            stage.canary().look_into("what the proxy saw", &line.seen())?;
            ensure!(line.seen().starts_with(b"CONNECT localhost:"), "the proxy was not asked for a tunnel");
            executions += 1;
        }
        stage.clear(&stage.path(&plain.ledger))?;
        let interceptor =
            TlsFront::start(Authority::new()?.server(&["localhost"], true, |_| ())?, stage.sandbox.address())?;
        let line = FaultProxy::start(tunnel_to(interceptor.port())?)?;
        let finished = stage.run(driver, &Job { proxy: Some(line.url()), ..plain })?;
        refused_by(&stage, &finished)?;
        ensure!(interceptor.handshakes() == 0, "an interceptor was trusted");
        stage.canary().look_into("what the interceptor saw", &line.seen())?;
        executions += 1;
    }
    Ok(Finding::of(executions))
}

fn refused_by(stage: &Stage, finished: &Finished) -> Result<()> {
    ensure!(finished.error_code().as_deref() == Some("tls_failed"), "{finished}");
    ensure!(stage.sandbox.request_count() == 0, "a request was sent: {finished}");
    Ok(())
}

/// A proxy that leads every tunnel to one port, whatever was asked for.
fn tunnel_to(port: u16) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|count| count == 1) {
                head.extend_from_slice(&byte);
            }
            // A client that goes away needs no tunnel.
            let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { continue };
                thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    Ok(address)
}

struct TinyProxy {
    port: u16,
    _process: Background,
}

impl TinyProxy {
    fn start(stage: &Stage, more: &str) -> Result<Self> {
        let port = free_port()?;
        let settings = format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nMaxClients 100\n{more}");
        stage.write("tinyproxy.conf", settings + &format!("LogFile \"{}\"\n", stage.path("proxy.log").display()))?;
        let settings = stage.path("tinyproxy.conf").display().to_string();
        let proxy = Self { port, _process: Background::start("tinyproxy", &["-d", "-c", &settings])? };
        wait_for(port)?;
        Ok(proxy)
    }
}

/// HTTP/2 servers that refuse streams and say good-bye in the middle of a run.
pub(crate) fn http2(trial: &Trial) -> Result<Finding> {
    let customers = trial.times(60, 600);
    let authority = Authority::new()?;
    let mut executions = 0;
    for driver in Driver::ALL {
        for manners in [Manners::RefusesStreams, Manners::SaysGoodbye, Manners::Both] {
            let mut config = authority.server(&["localhost"], false, |_| ())?;
            config.alpn_protocols = vec![b"h2".to_vec()];
            let server = Http2Server::start(config, manners)?;
            let stage = Stage::new(customers)?;
            let finished = stage.run_elsewhere(driver, &job(&stage, &authority, server.port)?)?;
            ensure!(finished.must_report()?.applied == customers, "{manners:?}: {finished}");
            let (answered, turned_away) = (server.answered(), server.turned_away());
            ensure!(answered == customers, "{manners:?}: {answered} requests for {customers} customers");
            ensure!(turned_away > 0, "{manners:?}: nothing was turned away");
            executions += turned_away;
        }
    }
    Ok(Finding::of(executions))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manners {
    RefusesStreams,
    SaysGoodbye,
    Both,
}

struct Http2Server {
    port: u16,
    answered: Arc<AtomicU64>,
    turned_away: Arc<AtomicU64>,
}

impl Http2Server {
    fn start(config: ServerConfig, manners: Manners) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let server =
            Self { port: listener.local_addr()?.port(), answered: Arc::default(), turned_away: Arc::default() };
        let (answered, turned_away) = (Arc::clone(&server.answered), Arc::clone(&server.turned_away));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // It ends with the process: a trial's servers are few.
        thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
                loop {
                    let (client, _) = listener.accept().await?;
                    let (acceptor, answered, turned_away) =
                        (acceptor.clone(), Arc::clone(&answered), Arc::clone(&turned_away));
                    tokio::spawn(async move {
                        let client = acceptor.accept(client).await?;
                        converse(client, manners, &answered, &turned_away).await
                    });
                }
                #[expect(unreachable_code, reason = "it tells the type of the block")]
                Ok::<(), std::io::Error>(())
            })
        });
        Ok(server)
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Acquire)
    }

    fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Acquire)
    }
}

/// One connection: every fifth stream is refused, and after ten the connection ends in good order.
async fn converse(
    client: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    manners: Manners,
    answered: &Arc<AtomicU64>,
    turned_away: &AtomicU64,
) -> Result<()> {
    let mut connection = h2::server::handshake(client).await?;
    let mut streams = 0;
    while let Some(stream) = connection.accept().await {
        let (request, mut respond) = stream?;
        streams += 1;
        if manners != Manners::SaysGoodbye && streams % 5 == 0 {
            turned_away.fetch_add(1, Ordering::AcqRel);
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            continue;
        }
        if manners != Manners::RefusesStreams && streams == 10 {
            turned_away.fetch_add(1, Ordering::AcqRel);
            connection.graceful_shutdown();
        }
        let answered = Arc::clone(answered);
        tokio::spawn(async move {
            // A request that is not read to its end would be reset.
            let mut body = request.into_body();
            while let Some(data) = body.data().await {
                body.flow_control().release_capacity(data?.len())?;
            }
            let response = http::Response::builder().status(200).body(())?;
            respond
                .send_response(response, false)?
                .send_data(bytes::Bytes::from_static(b"{\"success\":true}"), true)?;
            answered.fetch_add(1, Ordering::AcqRel);
            Ok::<_, anyhow::Error>(())
        });
    }
    Ok(())
}
