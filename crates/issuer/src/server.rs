//! Listening, and coming to an end without losing anything.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::api::router;
use crate::connections::Bounded;
use crate::event::Caller;
use crate::service::Service;
use crate::settings::Tls;

/// Why the service does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address.
    #[error("can't listen at {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// Certificates and keys.
    #[error("{0}: {1}")]
    Tls(String, String),
    /// While serving.
    #[error("serving failed: {0}")]
    Serve(std::io::Error),
}

/// How long open requests have when the service stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a client may take to send its headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How many requests one HTTP/2 connection has at once.
const MOST_STREAMS: u32 = 256;
/// How often the janitor looks around.
const JANITOR_EVERY: Duration = Duration::from_secs(60);
/// A reservation that is older was left by a request that came to no end.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(300);

/// Takes the address.
pub fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let failed = |error| ServeError::Listen(address, error);
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Serves until `stop` comes to its end, then lets open requests finish.
pub async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let handle = Handle::new();
    let (stopping, feed) = (handle.clone(), service.state.feed.clone());
    tokio::spawn(async move {
        stop.await;
        tracing::info!("stopping: open requests have {} seconds", DRAIN.as_secs());
        // Whoever follows would go on for ever. There may be nobody.
        let _ = feed.send(None);
        stopping.graceful_shutdown(Some(DRAIN));
    });
    let janitor = tokio::spawn(janitor(Arc::downgrade(&service)));
    let app = router(&service).into_make_service_with_connect_info::<SocketAddr>();
    let outcome = match &service.settings.tls {
        None => {
            let server = axum_server::from_tcp(listener).map_err(ServeError::Serve)?;
            let mut server = server.acceptor(Bounded::new());
            bound(server.http_builder());
            server.handle(handle).serve(app).await
        }
        Some(tls) => {
            let config = RustlsConfig::from_config(Arc::new(server_config(tls)?));
            let acceptor = RustlsAcceptor::new(config).acceptor(Bounded::new());
            let server = axum_server::from_tcp(listener).map_err(ServeError::Serve)?;
            let mut server = server.acceptor(acceptor);
            bound(server.http_builder());
            server.handle(handle).serve(app).await
        }
    };
    janitor.abort();
    let _ = janitor.await;
    outcome.map_err(ServeError::Serve)
}

/// A client that dawdles over its headers keeps no connection, and none has many streams at once.
fn bound(builder: &mut Builder<TokioExecutor>) {
    builder.http1().header_read_timeout(HEADERS_WITHIN);
    builder.http2().max_concurrent_streams(MOST_STREAMS).max_header_list_size(64 << 10);
}

fn server_config(tls: &Tls) -> Result<ServerConfig, ServeError> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        ServeError::Tls(path.display().to_string(), error.to_string())
    };
    let certificates = |path: &Path| {
        let read = CertificateDer::pem_file_iter(path).map_err(|error| failed(path, &error))?;
        let read: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| failed(path, &error))?;
        match read.is_empty() {
            true => Err(failed(path, &"holds no certificate")),
            false => Ok(read),
        }
    };
    let chain = certificates(&tls.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| failed(&tls.key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&tls.certificate, &error))?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| failed(path, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match tls.require_client_certificate {
                true => verifier,
                false => verifier.allow_unauthenticated(),
            };
            builder
                .with_client_cert_verifier(verifier.build().map_err(|error| failed(path, &error))?)
        }
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| failed(&tls.certificate, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Gives up what no request will finish, and forgets what is no longer asked for.
async fn janitor(service: std::sync::Weak<Service>) {
    let mut every = tokio::time::interval(JANITOR_EVERY);
    loop {
        every.tick().await;
        let Some(service) = service.upgrade() else { return };
        service.limits.forget();
        crate::telemetry::upkeep();
        if let Err(problem) = service.tidy(GIVEN_UP_AFTER).await {
            tracing::error!(detail = problem.detail, "the janitor could not tidy up");
        }
    }
}

impl Service {
    /// Gives up reservations that are older than `age`, and forgets challenges and answers that
    /// nobody asks for any more.
    pub async fn tidy(&self, age: Duration) -> Result<(), crate::problem::Problem> {
        let now = self.environment.now();
        let before = |age: Duration| {
            crate::environment::Moment(
                now.0.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            )
        };
        // At the start everything unfinished is of an earlier process.
        let before_that =
            if age.is_zero() { now.plus(Duration::from_secs(1)) } else { before(age) };
        let unfinished = self.store.unfinished(before_that)?;
        if !unfinished.is_empty() {
            tracing::warn!(count = unfinished.len(), "issuances that came to no end are revoked");
            let ids = unfinished.iter().map(|credential| credential.id).collect();
            self.abandon(ids, &Caller::service("janitor", now)).await?;
        }
        // What an earlier process did not come to; a request that is under way does it as well.
        for agent in self.store.unsettled()? {
            self.settle(agent, &Caller::service("janitor", now), None).await?;
        }
        let before = before(self.settings.issuance.remember_requests);
        let mut after = None;
        loop {
            after = self.store.forget(before, after).await?.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
