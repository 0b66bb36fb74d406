use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::error::{Error, Field};

/// TLS 1.2 or newer with the certificate authorities of the system and those of a PEM file.
///
/// # Errors
///
/// `ca_file_unreadable`, `ca_file_invalid` and `tls_unavailable`.
pub(crate) fn tls_config(ca_file: Option<&Path>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unavailable = |error: rustls::Error| {
        Error::invalid_input(
            "tls_unavailable",
            format!("the system's certificate authorities cannot be loaded: {error}"),
            "install them (package ca-certificates), or pass a CA file",
        )
        .caused_by(error)
    };
    let verifier = match ca_file {
        Some(path) => Verifier::new_with_extra_roots(certificates(path)?, provider.clone()),
        None => Verifier::new(provider.clone()),
    }
    .map_err(unavailable)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unavailable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let refused = |code: &'static str, reason: String| {
        Error::invalid_input(code, reason, "give a PEM file of the certificate authorities to trust")
            .at_field(Field::CaFile)
    };
    let pem = std::fs::read(path).map_err(|error| {
        refused("ca_file_unreadable", format!("the CA file {} cannot be read: {error}", path.display()))
    })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(refused("ca_file_invalid", format!("the CA file {} contains no certificate", path.display()))),
        Err(error) => {
            Err(refused("ca_file_invalid", format!("the CA file {} is not valid PEM: {error}", path.display())))
        }
    }
}
