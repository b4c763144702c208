//! TLS as both clients speak it.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::error::{FetchError, quoted};

/// What a client shows of itself: its certificate, with those above it, and the key.
pub(crate) type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The roots that servers may rest on: at least one.
pub(crate) fn roots(system: bool, more: &[Vec<u8>]) -> Result<RootCertStore, FetchError> {
    let mut roots = RootCertStore::empty();
    if system {
        // What can't be read is left out: fewer roots trust less.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for (index, pem) in more.iter().enumerate() {
        let bad = |detail: String| FetchError::BadRoot { index, detail: quoted(&detail) };
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(bad("no certificate in it".to_owned()));
        }
    }
    if roots.is_empty() { Err(FetchError::NoRoots) } else { Ok(roots) }
}

/// TLS 1.2 and 1.3 with one provider of cryptography, whatever else the process has installed.
///
/// Certificates are checked in here, on every platform: a verifier of the operating system may
/// fetch what a stranger's certificate points to.
pub(crate) fn config(
    roots: RootCertStore,
    shown: Option<Shown>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match shown {
        Some((certificates, key)) => config.with_client_auth_cert(certificates, key)?,
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
