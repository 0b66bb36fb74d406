use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// A certificate authority of the campaign's own.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Result<Self> {
        Self::with(|_| ())
    }

    /// An authority with other properties than a good one.
    pub(crate) fn with(change: impl FnOnce(&mut CertificateParams)) -> Result<Self> {
        let (params, key) = Self::params(change)?;
        let certificate = params.self_signed(&key)?;
        Ok(Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) })
    }

    /// An authority that this one vouches for.
    pub(crate) fn below(&self, change: impl FnOnce(&mut CertificateParams)) -> Result<Self> {
        let (params, key) = Self::params(change)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) })
    }

    /// A good server's certificate and its key, as PEM, for servers of others.
    pub(crate) fn server_pem(&self, name: &str) -> Result<(String, String)> {
        let (params, key) = server_params(&[name], |_| ())?;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }

    fn params(change: impl FnOnce(&mut CertificateParams)) -> Result<(CertificateParams, KeyPair)> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an authority of the fault campaign");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        change(&mut params);
        Ok((params, KeyPair::generate()?))
    }

    /// A server's certificate for names, with other properties than a good one; `chain` says whether this authority's own certificate
    /// is sent along.
    pub(crate) fn server(
        &self,
        names: &[&str],
        chain: bool,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<ServerConfig> {
        let (params, key) = server_params(names, change)?;
        let mut certificates = vec![params.signed_by(&key, &self.issuer)?.der().clone()];
        certificates.extend(chain.then(|| self.der.clone()));
        server_config(certificates, &key)
    }
}

fn server_params(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Result<(CertificateParams, KeyPair)> {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    change(&mut params);
    Ok((params, KeyPair::generate()?))
}

/// A certificate that nobody but its own key vouches for.
pub(crate) fn self_signed(name: &str) -> Result<ServerConfig> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![name.to_owned()])?.self_signed(&key)?;
    server_config(vec![certificate.der().clone()], &key)
}

fn server_config(certificates: Vec<CertificateDer<'static>>, key: &KeyPair) -> Result<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?)
}

/// TLS before a plain server.
pub(crate) struct TlsFront {
    address: SocketAddr,
    handshakes: Arc<AtomicU64>,
    /// Dropping it closes the port and every connection.
    _stop: oneshot::Sender<()>,
}

impl TlsFront {
    pub(crate) fn start(config: ServerConfig, server: SocketAddr) -> Result<Self> {
        Self::start_at("127.0.0.1:0", config, server)
    }

    pub(crate) fn start_at(address: &str, config: ServerConfig, server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let (address, handshakes) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)));
        let (stop, stopped) = oneshot::channel();
        let counter = Arc::clone(&handshakes);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    result = accept(listener, config, server, counter) => drop(result),
                }
            });
            runtime.shutdown_background();
        });
        Ok(Self { address, handshakes, _stop: stop })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many clients have found the certificate good.
    pub(crate) fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::Acquire)
    }
}

async fn accept(
    listener: TcpListener,
    config: ServerConfig,
    server: SocketAddr,
    handshakes: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (client, _) = listener.accept().await?;
        let (acceptor, handshakes) = (acceptor.clone(), Arc::clone(&handshakes));
        tokio::spawn(async move {
            let mut client = acceptor.accept(client).await?;
            handshakes.fetch_add(1, Ordering::AcqRel);
            let mut server = tokio::net::TcpStream::connect(server).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        });
    }
}
