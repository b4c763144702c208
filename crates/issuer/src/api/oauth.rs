//! The OAuth endpoints: token exchange, introspection, revocation, and what the authorization
//! server says of itself.

pub(super) mod after;
pub(super) mod token;

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum_server::tls::TlsInfo;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::extract::Anybody;
use super::openapi::Refusals;
use crate::event::{Caller, EventDraft};
use crate::oauth::access_token;
use crate::oauth::binding::PeerCertificate;
use crate::oauth::client::{self, Client};
use crate::oauth::error::OAuthError;
use crate::oauth::form::{Form, LONGEST};
use crate::oauth::metadata::{Metadata, metadata};
use crate::oauth::refused::Refused;
use crate::problem::Problem;
use crate::service::Service;
use crate::signer::{Issuing, TOKEN_INSTANCE};
use crate::store::Agent;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A request of a client: parameters, and how it shows that it holds its key.
pub(super) struct OAuthRequest {
    form: Form,
    dpop: Option<String>,
    certificate: Option<PeerCertificate>,
}

impl FromRequest<Arc<Service>> for OAuthRequest {
    type Rejection = Response;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Response> {
        let refuse = |error: OAuthError| answer_refused(service, error.into());
        let (parts, body) = request.into_parts();
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let detail = "expected Content-Type: application/x-www-form-urlencoded";
            return Err(refuse(OAuthError::request("unsupported-media-type", detail)));
        }
        let mut proofs = parts.headers.get_all("dpop").iter();
        let dpop = match (proofs.next(), proofs.next()) {
            (None, _) => None,
            (Some(one), None) => one.to_str().ok().map(ToOwned::to_owned),
            (Some(_), Some(_)) => {
                let detail = "more than one DPoP header";
                return Err(refuse(OAuthError::dpop("malformed", detail)));
            }
        };
        let certificate = parts.extensions.get::<Arc<TlsInfo>>();
        let certificate = certificate.and_then(|info| peer_certificate(info));
        let bytes = Bytes::from_request(Request::from_parts(parts, body), service).await;
        let too_long = || OAuthError::request("malformed", format!("longer than {LONGEST} bytes"));
        let bytes = bytes.map_err(|_| refuse(too_long()))?;
        let form = Form::parse(&bytes).map_err(refuse)?;
        Ok(Self { form, dpop, certificate })
    }
}

/// What a client showed in TLS; the handshake has shown that it holds the key.
fn peer_certificate(info: &TlsInfo) -> Option<PeerCertificate> {
    let der = CertificateDer::from(info.peer_certificates.first()?.as_slice());
    let parsed = ParsedCertificate::try_from(&der).ok()?;
    let key = parsed.subject_public_key_info().as_ref().to_vec();
    Some(PeerCertificate { digest: Sha256::digest(&der).into(), key })
}

/// A refusal as OAuth writes it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OAuthProblem {
    /// The error: `invalid_grant` and so on (RFC 6749, 5.2).
    error: &'static str,
    /// For a person.
    error_description: String,
    /// What exactly, as a stable code.
    code: &'static str,
}

/// What an endpoint where a client shows who it is may answer besides its own.
#[derive(utoipa::IntoResponses)]
#[allow(dead_code)]
pub(super) enum OAuthRefusals {
    /// The request is malformed, or what it shows does not count.
    #[response(status = 400)]
    BadRequest(OAuthProblem),
    /// The client did not show who it is.
    #[response(status = 401)]
    Unauthorized(OAuthProblem),
    /// Too many requests.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// The service can't just now.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

fn answer_refused(service: &Service, refused: Refused) -> Response {
    match refused {
        Refused::Problem(problem) => problem.into_response(),
        Refused::OAuth(error) => {
            let told = OAuthProblem {
                error: error.error,
                error_description: error.shown(),
                code: error.code,
            };
            let mut response = (error.status(), Json(told)).into_response();
            private(&mut response);
            with_nonce(service, &mut response);
            response
        }
    }
}

/// What nobody but the client may keep.
fn private(response: &mut Response) {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The nonce of the client's next DPoP proof, if it needs one (RFC 9449, 8).
fn with_nonce(service: &Service, response: &mut Response) {
    if !service.settings.oauth.dpop_nonce {
        return;
    }
    let nonce = service.dpop_nonces.make(&service.environment).ok();
    if let Some(nonce) = nonce.and_then(|(nonce, _)| HeaderValue::from_str(&nonce).ok()) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
}

/// Who asks, and the agent that it is, if it is enrolled here. Whatever its state.
fn authenticated(
    service: &Service,
    caller: &Caller,
    form: &Form,
) -> Result<(Client, Option<Agent>, Caller), Refused> {
    let issuer = service.settings.public_url();
    let client = client::authenticate(form, &issuer, caller.at.timestamp())?;
    let agent = service.store.agent_by_did(&client.did)?;
    if let Some(agent) = &agent {
        service.limits.token(agent.id)?;
    }
    let caller = Caller {
        name: client.did.clone(),
        agent: agent.as_ref().map(|agent| agent.id),
        ..caller.clone()
    };
    Ok((client, agent, caller))
}

fn event(kind: &'static str, agent: Option<&Agent>) -> EventDraft {
    match agent {
        Some(agent) => EventDraft::new(kind).agent(agent.id),
        None => EventDraft::new(kind),
    }
}

fn token_keys(service: &Service) -> Result<Arc<Issuing>, Problem> {
    let keys = service.state.signers.instance(TOKEN_INSTANCE);
    keys.ok_or_else(|| Problem::fault("the key of access tokens is missing"))
}

/// The authorization server's metadata (RFC 8414).
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "oauth",
    responses((status = 200, body = Metadata), Refusals))]
pub(super) async fn server_metadata(
    State(service): State<Arc<Service>>,
    _: Anybody,
) -> Json<Metadata> {
    let asks = service.settings.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    Json(metadata(&service.settings.public_url(), asks))
}

/// The keys that sign access tokens, as a JSON Web Key Set.
#[utoipa::path(get, path = "/oauth/jwks", tag = "oauth", responses((status = 200, body = Object, content_type = "application/jwk-set+json"), Refusals))]
pub(super) async fn jwks(
    State(service): State<Arc<Service>>,
    _: Anybody,
) -> Result<Response, Problem> {
    let keys = access_token::key_set(&*token_keys(&service)?);
    let json = HeaderValue::from_static("application/jwk-set+json");
    Ok(([(header::CONTENT_TYPE, json)], keys).into_response())
}
