//! Credentials: listing, showing, changing their status.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::agents::{LONGEST_REASON, Why, bad_query, find};
use super::answer::PageQuery;
use super::enrolment::check_text;
use super::extract::Body;
use super::openapi::Refusals;
use crate::authority;
use crate::event::Caller;
use crate::format::Format;
use crate::id::Id;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Credential, Phase, Role, Scope, Status, With};

/// What is known of an issued credential.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CredentialSummary {
    /// Its id here.
    id: String,
    /// Its id in the document.
    credential_id: String,
    /// The agent it speaks of, if enrolled here.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Its narrowest type.
    #[serde(rename = "type")]
    credential_type: String,
    /// The issuing instance.
    instance: String,
    /// The key that signed it.
    key: String,
    /// How it is secured.
    format: String,
    /// Its state.
    status: Status,
    /// When it was issued, in milliseconds since 1970.
    prepared_at: u64,
    /// When it ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    /// The URL that its status lists begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_list: Option<String>,
    /// Its place in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_index: Option<u32>,
    /// For a grant: the places in them that are set aside for its children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_indexes: Vec<u32>,
    /// The credential itself, where one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    verifiable_credential: Option<Box<serde_json::value::RawValue>>,
}

fn summary(service: &Service, credential: &Credential) -> CredentialSummary {
    let place = credential.status_place;
    let list = place.and_then(|place| service.state.find_list(place.list));
    let until = credential.valid_until;
    CredentialSummary {
        id: credential.id.to_string(),
        credential_id: credential.document_id(),
        agent: credential.agent.map(|id| id.to_string()),
        credential_type: credential.credential_type.clone(),
        instance: credential.instance.clone(),
        key: credential.key.clone(),
        format: credential.format.clone(),
        status: credential.status,
        prepared_at: credential.prepared_at.0,
        valid_until: until
            .map(|until| bonafide_core::time::Timestamp::from_unix_clamped(until).to_string()),
        status_list: list.map(|list| list.list.url.clone()),
        status_index: place.map(|place| place.index),
        child_indexes: credential.child_indexes.clone(),
        verifiable_credential: None,
    }
}

/// A page of credentials.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CredentialPage {
    /// The credentials, oldest first.
    items: Vec<CredentialSummary>,
    /// After which id the next page begins, if there is one.
    #[schema(value_type = Option<String>)]
    next: Option<Id>,
}

/// Which credentials are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CredentialQuery {
    /// Of this agent.
    #[param(value_type = Option<String>)]
    agent: Option<Id>,
    /// Of this type.
    r#type: Option<String>,
    /// In this state.
    status: Option<Status>,
}

/// Lists issued credentials.
#[utoipa::path(get, path = "/credentials", tag = "credentials", params(CredentialQuery, PageQuery),
    security(("token" = [])), responses((status = 200, body = CredentialPage), Refusals))]
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    _caller: Caller,
    query: Result<Query<CredentialQuery>, QueryRejection>,
    page: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<CredentialPage>, Problem> {
    let (Query(query), Query(page)) =
        (query.map_err(|error| bad_query(&error))?, page.map_err(|error| bad_query(&error))?);
    let wanted = |credential: &Credential| {
        credential.phase == Phase::Issued
            && query.r#type.as_ref().is_none_or(|name| credential.credential_type == *name)
            && query.status.is_none_or(|status| credential.status == status)
    };
    let page = service.store.credentials(query.agent, page.after, page.limit()?, &wanted)?;
    let items = page.items.iter().map(|credential| summary(&service, credential)).collect();
    Ok(Json(CredentialPage { items, next: page.next }))
}

pub(super) fn find_issued(service: &Service, id: &str) -> Result<Credential, Problem> {
    let found = match id.parse() {
        Ok(id) => service.store.credential(id)?,
        // Its id in the document serves as well.
        Err(_) => service.store.credential_by_name(id)?,
    };
    let found = found.filter(|credential| credential.phase == Phase::Issued);
    found.ok_or_else(|| Problem::not_found("credential"))
}

/// Shows a credential, with what was signed.
#[utoipa::path(get, path = "/credentials/{id}", tag = "credentials",
    params(("id" = String, Path, description = "The credential's id")),
    security(("token" = [])), responses((status = 200, body = CredentialSummary), Refusals))]
pub(super) async fn show(
    State(service): State<Arc<Service>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let credential = find_issued(&service, &id)?;
    let place = credential.secured.ok_or_else(|| Problem::fault("an issued credential is gone"))?;
    let secured = service.store.read(place)?;
    let is_token = Format::parse(&credential.format).is_some_and(Format::is_token);
    let text = String::from_utf8(secured).map_err(|_| Problem::fault("not UTF-8"))?;
    let text = if is_token { format!("\"{text}\"") } else { text };
    let mut shown = summary(&service, &credential);
    shown.verifiable_credential = serde_json::value::RawValue::from_string(text).ok();
    // What a holder can hide is in here whole.
    let private = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((private, Json(shown)).into_response())
}

/// Revokes a credential, for good.
#[utoipa::path(post, path = "/credentials/{id}/revoke", tag = "credentials", request_body = Option<Why>,
    params(("id" = String, Path, description = "The credential's id")),
    security(("token" = [])), responses((status = 200, body = CredentialSummary), Refusals))]
pub(super) async fn revoke(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<CredentialSummary>, Problem> {
    let why = Why::read(&body)?;
    service.set_one(&caller, &id, Status::Revoked, why.reason).await.map(Json)
}

/// Suspends a credential.
#[utoipa::path(post, path = "/credentials/{id}/suspend", tag = "credentials", request_body = Option<Why>,
    params(("id" = String, Path, description = "The credential's id")),
    security(("token" = [])), responses((status = 200, body = CredentialSummary), Refusals))]
pub(super) async fn suspend(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<CredentialSummary>, Problem> {
    let why = Why::read(&body)?;
    service.set_one(&caller, &id, Status::Suspended, why.reason).await.map(Json)
}

/// Resumes a suspended credential.
#[utoipa::path(post, path = "/credentials/{id}/resume", tag = "credentials", request_body = Option<Why>,
    params(("id" = String, Path, description = "The credential's id")),
    security(("token" = [])), responses((status = 200, body = CredentialSummary), Refusals))]
pub(super) async fn resume(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<CredentialSummary>, Problem> {
    let why = Why::read(&body)?;
    service.set_one(&caller, &id, Status::Valid, why.reason).await.map(Json)
}

impl Service {
    /// Sets the status of one credential.
    pub(super) async fn set_one(
        &self,
        caller: &Caller,
        id: &str,
        status: Status,
        reason: Option<String>,
    ) -> Result<CredentialSummary, Problem> {
        let credential = find_issued(self, id)?;
        match status {
            // Whoever suspended it may have stood higher.
            Status::Valid => caller.require(&[Role::Registrar])?,
            _ => authority::may_revoke(caller.role, &credential.credential_type)?,
        }
        // What is suspended with its agent comes back with it alone.
        if status == Status::Valid && credential.suspended_with_agent {
            return Err(Problem::conflict(
                "agent-suspended",
                "the credential is suspended with its agent; resume the agent",
            ));
        }
        let each = Some(self.each_changed(caller, reason));
        let with = With { each, ..With::default() };
        self.store.set_status(Scope::One(credential.id), None, status, with).await?;
        summary_of(self, credential.id)
    }

    async fn revoke_all(
        &self,
        caller: &Caller,
        scope: Scope,
        reason: Option<String>,
    ) -> Result<Revoked, Problem> {
        let (mut revoked, mut after) = (0, None);
        loop {
            let each = Some(self.each_changed(caller, reason.clone()));
            let with = With { each, ..With::default() };
            let scope = scope.clone();
            let changed = self.store.set_status(scope, after, Status::Revoked, with).await?;
            revoked += changed.credentials.len();
            if changed.next.is_none() {
                return Ok(Revoked { revoked });
            }
            after = changed.next;
        }
    }
}

pub(super) fn summary_of(service: &Service, id: Id) -> Result<CredentialSummary, Problem> {
    let found = service.store.credential(id)?;
    let found = found.ok_or_else(|| Problem::not_found("credential"))?;
    Ok(summary(service, &found))
}

/// What is to be revoked of an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeOfAgent {
    /// Only what is of this type.
    r#type: Option<String>,
    /// The reason, in an operator's words.
    reason: Option<String>,
}

/// What is to be revoked of all agents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeOfType {
    /// What is of this type.
    r#type: String,
    /// The reason, in an operator's words.
    reason: Option<String>,
}

/// How many were revoked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revoked {
    /// How many; those that were revoked already do not count.
    revoked: usize,
}

/// Revokes all credentials of an agent, or all of one type.
#[utoipa::path(post, path = "/agents/{id}/revoke", tag = "credentials", request_body = Option<RevokeOfAgent>,
    params(("id" = String, Path, description = "The agent's id")),
    security(("token" = [])), responses((status = 200, body = Revoked), Refusals))]
pub(super) async fn revoke_of_agent(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Revoked>, Problem> {
    let asked: RevokeOfAgent = body.read_or_empty()?;
    check_text("/reason", asked.reason.as_ref(), LONGEST_REASON)?;
    match &asked.r#type {
        Some(name) => authority::may_revoke(caller.role, name)?,
        None => caller.require(&[Role::Registrar])?,
    }
    let agent = find(&service, &id)?;
    let scope = match asked.r#type {
        Some(name) => Scope::AgentType(agent.id, name),
        None => Scope::Agent(agent.id),
    };
    service.revoke_all(&caller, scope, asked.reason).await.map(Json)
}

/// Revokes all credentials of one type.
#[utoipa::path(post, path = "/credentials/revoke", tag = "credentials", request_body = RevokeOfType,
    security(("token" = [])), responses((status = 200, body = Revoked), Refusals))]
pub(super) async fn revoke_of_type(
    State(service): State<Arc<Service>>,
    caller: Caller,
    body: Body,
) -> Result<Json<Revoked>, Problem> {
    let asked: RevokeOfType = body.read()?;
    check_text("/reason", asked.reason.as_ref(), LONGEST_REASON)?;
    caller.require(&[])?;
    service.revoke_all(&caller, Scope::Type(asked.r#type), asked.reason).await.map(Json)
}
