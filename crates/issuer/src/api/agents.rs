//! Agents: changes, states, history.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{self, PageQuery};
use super::audit::{AuditPage, AuditRecord, read_record};
use super::enrolment::{check_digest, check_text};
use super::extract::{Body, without_value};
use super::openapi::Refusals;
use crate::event::{Caller, EventDraft};
use crate::id::Id;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Agent, AgentChange, AgentState, Credential, Role, Status, With};

/// Which agents are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AgentQuery {
    /// In this state.
    state: Option<AgentState>,
    /// Of this sponsor.
    sponsor: Option<String>,
    /// With this DID.
    did: Option<String>,
    /// Whose name contains this.
    name: Option<String>,
}

/// A page of agents.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentPage {
    /// The agents, oldest first.
    items: Vec<Agent>,
    /// After which id the next page begins, if there is one.
    #[schema(value_type = Option<String>)]
    next: Option<Id>,
}

/// Lists agents.
#[utoipa::path(get, path = "/agents", tag = "agents", params(AgentQuery, PageQuery),
    security(("token" = [])), responses((status = 200, body = AgentPage), Refusals))]
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    _caller: Caller,
    query: Result<Query<AgentQuery>, QueryRejection>,
    page: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<AgentPage>, Problem> {
    let (Query(query), Query(page)) =
        (query.map_err(|error| bad_query(&error))?, page.map_err(|error| bad_query(&error))?);
    if let Some(did) = &query.did {
        let agent = service.store.agent_by_did(did)?;
        return Ok(Json(AgentPage { items: agent.into_iter().collect(), next: None }));
    }
    let wanted = |agent: &Agent| {
        query.state.is_none_or(|state| agent.state == state)
            && query.sponsor.as_ref().is_none_or(|sponsor| agent.sponsor == *sponsor)
            && query.name.as_ref().is_none_or(|name| agent.name.contains(name.as_str()))
    };
    let page = service.store.agents(page.after, page.limit()?, &wanted)?;
    Ok(Json(AgentPage { items: page.items, next: page.next }))
}

/// A query that can't be read.
pub(super) fn bad_query(error: &QueryRejection) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed-value", without_value(&error.body_text()))
}

/// A path whose id can't be read leads nowhere.
pub(super) fn id(text: &str, what: &str) -> Result<Id, Problem> {
    text.parse().map_err(|_| Problem::not_found(what))
}

pub(super) fn find(service: &Service, text: &str) -> Result<Agent, Problem> {
    // Its DID serves as well as its id.
    let found = match text.starts_with("did:") {
        true => service.store.agent_by_did(text)?,
        false => service.store.agent(id(text, "agent")?)?,
    };
    found.ok_or_else(|| Problem::not_found("agent"))
}

/// Shows an agent.
#[utoipa::path(get, path = "/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "The agent's id")),
    security(("token" = [])), responses((status = 200, body = Agent), Refusals))]
pub(super) async fn show(
    State(service): State<Arc<Service>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Agent>, Problem> {
    Ok(Json(find(&service, &id)?))
}

/// What is to change of an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Change {
    /// Its name.
    name: Option<String>,
    /// Its version.
    version: Option<String>,
    /// Digest of its model.
    model_digest: Option<String>,
    /// Digest of its code.
    code_digest: Option<String>,
}

/// Changes an agent. Another name, version or digest asks for a new identity attestation before
/// anything else is issued to it.
#[utoipa::path(patch, path = "/agents/{id}", tag = "agents", request_body = Change,
    params(("id" = String, Path, description = "The agent's id")),
    security(("token" = [])), responses((status = 200, body = Agent), Refusals))]
pub(super) async fn change(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Agent>, Problem> {
    caller.require(&[Role::Registrar])?;
    let change: Change = body.read()?;
    check_text("/name", change.name.as_ref(), 256)?;
    check_text("/version", change.version.as_ref(), 128)?;
    check_digest("/modelDigest", change.model_digest.as_ref())?;
    check_digest("/codeDigest", change.code_digest.as_ref())?;
    let agent = find(&service, &id)?;
    let event = EventDraft::new("agent-changed")
        .agent(agent.id)
        .with("name", &change.name)
        .with("version", &change.version)
        .with("modelDigest", &change.model_digest)
        .with("codeDigest", &change.code_digest)
        .finish(&caller, &service.environment)?;
    let change = AgentChange {
        state: None,
        name: change.name,
        version: change.version,
        model_digest: change.model_digest,
        code_digest: change.code_digest,
    };
    let with = With { events: vec![event], ..With::default() };
    Ok(Json(service.store.change_agent(agent.id, change, caller.at, with).await?))
}

/// A reason is copied into the record of everything that changes for it.
pub(super) const LONGEST_REASON: usize = 1024;

/// Why something is done, for the audit record.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// The reason, in an operator's words.
    #[schema(max_length = 1024)]
    pub(super) reason: Option<String>,
}

impl Why {
    pub(super) fn read(body: &Body) -> Result<Self, Problem> {
        let why: Self = body.read_or_empty()?;
        check_text("/reason", why.reason.as_ref(), LONGEST_REASON)?;
        Ok(why)
    }
}

/// Suspends an agent: nothing is issued to it, and all its credentials are suspended.
#[utoipa::path(post, path = "/agents/{id}/suspend", tag = "agents", request_body = Option<Why>,
    params(("id" = String, Path, description = "The agent's id")),
    security(("token" = [])), responses((status = 200, body = Agent), Refusals))]
pub(super) async fn suspend(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Agent>, Problem> {
    set_state(&service, &caller, &id, &body, AgentState::Suspended, "agent-suspended").await
}

/// Resumes a suspended agent, and the credentials that were suspended with it.
#[utoipa::path(post, path = "/agents/{id}/resume", tag = "agents", request_body = Option<Why>,
    params(("id" = String, Path, description = "The agent's id")),
    security(("token" = [])), responses((status = 200, body = Agent), Refusals))]
pub(super) async fn resume(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Agent>, Problem> {
    set_state(&service, &caller, &id, &body, AgentState::Active, "agent-resumed").await
}

/// Retires an agent for good: all its credentials are revoked.
#[utoipa::path(post, path = "/agents/{id}/retire", tag = "agents", request_body = Option<Why>,
    params(("id" = String, Path, description = "The agent's id")),
    security(("token" = [])), responses((status = 200, body = Agent), Refusals))]
pub(super) async fn retire(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Agent>, Problem> {
    set_state(&service, &caller, &id, &body, AgentState::Retired, "agent-retired").await
}

async fn set_state(
    service: &Service,
    caller: &Caller,
    id: &str,
    body: &Body,
    state: AgentState,
    kind: &'static str,
) -> Result<Json<Agent>, Problem> {
    caller.require(&[Role::Registrar])?;
    let why = Why::read(body)?;
    let agent = find(service, id)?;
    let event = EventDraft::new(kind)
        .agent(agent.id)
        .with("reason", &why.reason)
        .finish(caller, &service.environment)?;
    let change = AgentChange { state: Some(state), ..AgentChange::default() };
    let with = With {
        events: vec![event],
        each: Some(service.each_changed(caller, why.reason.clone())),
        ..With::default()
    };
    let agent = service.store.change_agent(agent.id, change, caller.at, with).await?;
    service.settle(agent.id, caller, why.reason).await?;
    Ok(Json(agent))
}

impl Service {
    /// Lets the rest of an agent's credentials follow its state.
    pub(crate) async fn settle(
        &self,
        agent: Id,
        caller: &Caller,
        reason: Option<String>,
    ) -> Result<(), Problem> {
        loop {
            let each = Some(self.each_changed(caller, reason.clone()));
            if self.store.settle(agent, With { each, ..With::default() }).await? {
                return Ok(());
            }
        }
    }

    /// Makes the event of each credential whose status changes.
    pub(super) fn each_changed(
        &self,
        caller: &Caller,
        reason: Option<String>,
    ) -> crate::store::EachChanged {
        let (caller, environment) = (caller.clone(), self.environment);
        Box::new(move |credential: &Credential, was: Status| {
            let kind = match credential.status {
                Status::Revoked => "credential-revoked",
                Status::Suspended => "credential-suspended",
                Status::Valid => "credential-resumed",
            };
            let mut draft = EventDraft::new(kind)
                .with("credential", &credential.id)
                .with("type", &credential.credential_type)
                .with("was", &was)
                .with("reason", &reason);
            if let Some(agent) = credential.agent {
                draft = draft.agent(agent);
            }
            draft.finish(&caller, &environment)
        })
    }
}

/// From where a history is read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// From this sequence on.
    from: Option<u64>,
    /// How many records at most; 1 to 1000, 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Everything that happened to an agent, oldest first.
#[utoipa::path(get, path = "/agents/{id}/history", tag = "agents",
    params(("id" = String, Path, description = "The agent's id"), HistoryQuery),
    security(("token" = [])), responses((status = 200, body = AuditPage), Refusals))]
pub(super) async fn history(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<AuditPage>, Problem> {
    caller.require(&[Role::Registrar, Role::Auditor])?;
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let agent = find(&service, &id)?;
    let limit = answer::limit(query.limit)?;
    let sequences = service.store.history(agent.id, query.from.unwrap_or(0), limit + 1)?;
    let next = sequences.get(limit).copied();
    let items: Vec<AuditRecord> = sequences
        .iter()
        .take(limit)
        .map(|sequence| read_record(&service, *sequence))
        .collect::<Result<_, _>>()?;
    Ok(Json(AuditPage { items, next }))
}
