//! API tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bonafide_core::time::parse_duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agents::id;
use super::answer;
use super::extract::Body;
use super::openapi::Refusals;
use crate::event::{Caller, EventDraft};
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Role, Token, With};
use crate::token;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// What it may do.
    role: Role,
    /// For how long it counts, such as 90d; until it is revoked, if left out.
    valid_for: Option<String>,
}

/// A token that was just made. Its text is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeToken {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// What it may do.
    role: Role,
    /// When it ends, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    /// The token itself.
    token: String,
}

/// What is known of a token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenSummary {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// What it may do.
    role: Role,
    /// When it was made, in milliseconds since 1970.
    created_at: u64,
    /// When it ends, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    /// When it was revoked, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<u64>,
}

/// Every token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    /// The tokens, oldest first.
    items: Vec<TokenSummary>,
}

/// Makes a token. Its text is shown this once, and kept as a hash alone: a repetition with the same
/// Idempotency-Key is told which token was made, and never its text.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer, without the token's text.")),
    security(("token" = [])), responses((status = 201, body = MadeToken), (status = 200, body = TokenSummary), Refusals))]
pub(super) async fn make(
    State(service): State<Arc<Service>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(&[])?;
    let asked: NewToken = body.read()?;
    let idempotency = body.idempotency(&caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    if asked.name.trim().is_empty()
        || asked.name.chars().count() > 128
        || asked.name.chars().any(char::is_control)
    {
        return Err(Problem::malformed("/name", "expected 1 to 128 characters"));
    }
    let expires_at = match &asked.valid_for {
        None => None,
        Some(text) => Some(caller.at.plus(
            parse_duration(text).map_err(|error| Problem::malformed("/validFor", error.detail))?,
        )),
    };
    let (token, text) = token::make(asked.name, asked.role, expires_at, &service.environment)?;
    let event = EventDraft::new("token-made")
        .with("tokenId", &token.id)
        .with("tokenName", &token.name)
        .with("role", &token.role)
        .finish(&caller, &service.environment)?;
    let with = With {
        events: vec![event],
        answer: Some(answer::of(StatusCode::OK, &summary(&token))?),
        idempotency: idempotency.clone(),
        ..With::default()
    };
    if let Err(error) = service.store.put_token(token.clone(), with).await {
        return Ok(service.or_repeated(error, idempotency.as_ref()).await?.into_response());
    }
    let made = MadeToken {
        id: token.id.to_string(),
        name: token.name,
        role: token.role,
        expires_at: token.expires_at.map(|at| at.0),
        token: text.to_string(),
    };
    let private = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, private, Json(made)).into_response())
}

fn summary(token: &Token) -> TokenSummary {
    TokenSummary {
        id: token.id.to_string(),
        name: token.name.clone(),
        role: token.role,
        created_at: token.created_at.0,
        expires_at: token.expires_at.map(|at| at.0),
        revoked_at: token.revoked_at.map(|at| at.0),
    }
}

/// Lists tokens.
#[utoipa::path(get, path = "/tokens", tag = "tokens",
    security(("token" = [])), responses((status = 200, body = Tokens), Refusals))]
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
) -> Result<Json<Tokens>, Problem> {
    caller.require(&[Role::Auditor])?;
    let items = service.state.tokens().iter().map(|token| summary(token)).collect();
    Ok(Json(Tokens { items }))
}

/// Revokes a token, at once. The last administrator's token stays.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    security(("token" = [])), responses((status = 204), Refusals))]
pub(super) async fn revoke(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(&[])?;
    let found = service.state.find_token(id(&text, "token")?);
    let token = found.ok_or_else(|| Problem::not_found("token"))?;
    let event = EventDraft::new("token-revoked")
        .with("tokenId", &token.id)
        .with("tokenName", &token.name)
        .with("role", &token.role)
        .finish(&caller, &service.environment)?;
    let with = With { events: vec![event], ..With::default() };
    service.store.revoke_token(token.id, caller.at, with).await?;
    Ok(StatusCode::NO_CONTENT)
}
