//! What happens to an access token after it was given: services ask whether it still counts, and its
//! client gives it up.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bonafide_core::json::{Object, Value, to_canonical_string};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    OAuthProblem, OAuthRefusals, OAuthRequest, answer_refused, authenticated, event, private,
    token_keys,
};
use crate::api::extract::Anybody;
use crate::event::Caller;
use crate::oauth::access_token::Known;
use crate::oauth::error::OAuthError;
use crate::oauth::form::Form;
use crate::oauth::refused::Refused;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Agent, AgentState, Status, StatusPlace, With};

/// A token and nothing else.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code)]
pub(in crate::api) struct IntrospectionRequest {
    /// The access token.
    token: String,
    /// Not looked at: there is one kind of token.
    token_type_hint: Option<String>,
}

/// What introspection may answer besides its own: a service shows who it is by an API token.
#[derive(utoipa::IntoResponses)]
#[allow(dead_code)]
pub(in crate::api) enum IntrospectionRefusals {
    /// The request is malformed.
    #[response(status = 400)]
    BadRequest(OAuthProblem),
    /// No good token came with it.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// Too many requests.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// The service can't just now.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// Whether an access token counts now (RFC 7662): it is ours, within its time and not revoked, and
/// so is every credential that it rests on, and every agent stands where it may act.
#[utoipa::path(post, path = "/oauth/introspect", tag = "oauth",
    request_body(content = IntrospectionRequest, content_type = "application/x-www-form-urlencoded"),
    security(("token" = [])), responses((status = 200, body = Object), IntrospectionRefusals))]
pub(in crate::api) async fn introspect(
    State(service): State<Arc<Service>>,
    _: Caller,
    request: OAuthRequest,
) -> Response {
    let found = request.form.required("token").map_err(Refused::from);
    match found.and_then(|text| introspected(&service, text)) {
        Ok(body) => {
            let json = HeaderValue::from_static("application/json");
            let mut response = ([(header::CONTENT_TYPE, json)], body).into_response();
            private(&mut response);
            response
        }
        Err(refused) => answer_refused(&service, refused),
    }
}

fn introspected(service: &Service, text: &str) -> Result<String, Refused> {
    let inactive = || to_canonical_string(&Object::from([("active", Value::from(false))]).into());
    let keys = token_keys(service)?;
    let issuer = service.settings.public_url();
    let Some(known) = Known::open(text, &issuer, &keys) else { return Ok(inactive()) };
    match counts(service, &known)? {
        true => Ok(known.introspection()),
        false => Ok(inactive()),
    }
}

/// Whether a token of ours still counts.
fn counts(service: &Service, known: &Known) -> Result<bool, Refused> {
    let now = service.environment.now();
    let Some(kept) = service.store.access_token(known.id)? else { return Ok(false) };
    let good = known.expires > now.timestamp()
        && kept.digest == known.digest
        && kept.revoked_at.is_none()
        && now < kept.expires_at;
    let valid = |place: &StatusPlace| {
        let list = service.state.find_list(place.list);
        list.and_then(|list| list.get(place.index)) == Some(Status::Valid)
    };
    if !good || !kept.places.iter().all(valid) {
        return Ok(false);
    }
    for id in &kept.agents {
        let agent = service.store.agent(*id)?;
        // A key that was given up, perhaps because others have it, takes its tokens along.
        let may = |agent: Agent| {
            matches!(agent.state, AgentState::Active | AgentState::Enrolled)
                && agent.rekeyed_at.is_none_or(|at| at < kept.issued_at)
                && (!kept.by_policy || agent.has_identity(now))
        };
        if !agent.is_some_and(may) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A token that its client gives up, and who the client is.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code)]
pub(in crate::api) struct RevocationRequest {
    /// The access token.
    token: String,
    /// Not looked at: there is one kind of token.
    token_type_hint: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: String,
    /// A JWT signed by a key of the client's DID, as at the token endpoint.
    client_assertion: String,
}

/// Revokes an access token (RFC 7009); the client that it was given to may. A text that is no token
/// of ours is as good as revoked.
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth",
    request_body(content = RevocationRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200), OAuthRefusals))]
pub(in crate::api) async fn revoke(
    State(service): State<Arc<Service>>,
    Anybody(caller): Anybody,
    request: OAuthRequest,
) -> Response {
    match revoked(&service, &caller, &request.form).await {
        Ok(()) => {
            let mut response = StatusCode::OK.into_response();
            private(&mut response);
            response
        }
        Err(refused) => answer_refused(&service, refused),
    }
}

async fn revoked(service: &Arc<Service>, caller: &Caller, form: &Form) -> Result<(), Refused> {
    let (client, agent, caller) = authenticated(service, caller, form)?;
    let text = form.required("token")?;
    let keys = token_keys(service)?;
    let known = Known::open(text, &service.settings.public_url(), &keys);
    let kept = match &known {
        Some(known) => service.store.access_token(known.id)?,
        None => None,
    };
    let Some(kept) = kept else {
        return Ok(());
    };
    if kept.client != client.did {
        let detail = "this token was given to another client";
        return Err(OAuthError::grant("token-of-another-client", detail).into());
    }
    let event = event("access-token-revoked", agent.as_ref())
        .with("client", &client.did)
        .with("jti", &kept.id)
        .with("tokenDigest", &kept.digest)
        .finish(&caller, &service.environment)?;
    let with = With { events: vec![event], uses: vec![client.once], ..With::default() };
    Ok(service.store.revoke_access_token(kept.id, caller.at, with).await?)
}
