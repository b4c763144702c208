//! Agents: enrolment, changes, states, history.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bonafide_core::did::Did;
use bonafide_core::json::{Limits, Value, parse, to_canonical_string};
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_verifier::{Evidence, Outcome, Request, verify_proof};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{self, PageQuery};
use super::audit::{AuditPage, AuditRecord, read_record};
use super::extract::{Anybody, Body};
use super::openapi::Refusals;
use crate::event::{Caller, EventDraft};
use crate::id::Id;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Agent, AgentChange, AgentState, Credential, Role, Status, With};

/// A new challenge.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewChallenge {
    /// What a presentation answers as `challenge` or `nonce`.
    challenge: String,
    /// Whom it answers, as `domain` or `aud`.
    domain: String,
    /// When it ends, in milliseconds since 1970.
    expires_at: u64,
}

/// Asks for a challenge, to be answered with a presentation.
#[utoipa::path(post, path = "/challenges", tag = "agents",
    responses((status = 201, body = NewChallenge), Refusals))]
pub(super) async fn challenge(
    State(service): State<Arc<Service>>,
    _: Anybody,
) -> Result<(StatusCode, Json<NewChallenge>), Problem> {
    let (challenge, until) = service.challenges.make(&service.environment)?;
    let domain = service.settings.public_url();
    Ok((StatusCode::CREATED, Json(NewChallenge { challenge, domain, expires_at: until.0 })))
}

/// An agent to be enrolled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Enrolment {
    /// Its DID.
    #[schema(
        example = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        max_length = 2048
    )]
    did: String,
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    /// What kind of agent it is.
    kind: Kind,
    /// Its version.
    #[schema(min_length = 1, max_length = 128)]
    version: String,
    /// Digest of the model that it runs on.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    model_digest: String,
    /// Digest of its code.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    code_digest: String,
    /// The DID of who answers for it.
    #[schema(max_length = 2048)]
    sponsor: String,
    /// The domain in which its workload identity is valid; the host of this service, if left out.
    #[schema(pattern = "^[a-z0-9._-]+$", max_length = 255)]
    trust_domain: Option<String>,
    /// Its SPIFFE id.
    #[schema(max_length = 2048)]
    spiffe_id: Option<String>,
    /// A presentation, of nothing or of credentials, that its key signed and that answers a
    /// challenge: an object with a Data Integrity proof, or a vp+jwt.
    #[schema(value_type = Object)]
    #[allow(dead_code)]
    proof: serde::de::IgnoredAny,
}

/// Kinds of agent.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Serves others.
    Tool,
    /// Directs others.
    Orchestrator,
    /// Runs a fixed course.
    Workflow,
    /// Lives for one task.
    Ephemeral,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Orchestrator => "orchestrator",
            Self::Workflow => "workflow",
            Self::Ephemeral => "ephemeral",
        }
    }
}

/// Enrols an agent that shows that it holds its key.
#[utoipa::path(post, path = "/agents", tag = "agents", request_body = Enrolment,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    security(("token" = [])), responses((status = 201, body = Agent), Refusals))]
pub(super) async fn enrol(
    State(service): State<Arc<Service>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(&[Role::Registrar])?;
    let mut object = body.object()?;
    let idempotency = body.idempotency(&caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref())? {
        return Ok(answer.into_response());
    }
    let proof = object.remove("proof").ok_or_else(|| Problem::malformed("/proof", "is missing"))?;
    let enrolment: Enrolment = body.read_parsed()?;
    check(&enrolment)?;
    let (challenge, with_proof) = answered(&service, &enrolment.did, &proof, &caller)?;
    let agent = Agent {
        id: Id::new(&service.environment)?,
        did: enrolment.did,
        name: enrolment.name,
        kind: enrolment.kind.name().to_owned(),
        version: enrolment.version,
        model_digest: enrolment.model_digest,
        code_digest: enrolment.code_digest,
        sponsor: enrolment.sponsor,
        trust_domain: enrolment.trust_domain.unwrap_or_else(|| service.settings.host()),
        spiffe_id: enrolment.spiffe_id,
        state: AgentState::Enrolled,
        identity_attested: false,
        enrolled_at: caller.at,
        changed_at: caller.at,
    };
    let event = EventDraft::new("agent-enrolled")
        .agent(agent.id)
        .with("did", &agent.did)
        .with("sponsor", &agent.sponsor)
        .with("version", &agent.version)
        .with("modelDigest", &agent.model_digest)
        .with("codeDigest", &agent.code_digest)
        .with("proof", &with_proof)
        .finish(&caller, &service.environment)?;
    let answer = answer::of(StatusCode::CREATED, &agent)?;
    let with = With {
        events: vec![event],
        // Of two enrolments with one proof, one goes through.
        answers: Some((challenge.digest, challenge.until)),
        idempotency: idempotency.clone(),
        answer: Some(answer.clone()),
        ..With::default()
    };
    let place = format!("/agents/{}", agent.id);
    let answer = match service.store.enrol(agent, with).await {
        Ok(_) => answer,
        Err(error) => service.or_repeated(error, idempotency.as_ref())?,
    };
    let location = HeaderValue::from_str(&place).map_err(|_| Problem::fault("a path"))?;
    Ok(([(header::LOCATION, location)], answer).into_response())
}

fn check(enrolment: &Enrolment) -> Result<(), Problem> {
    for (pointer, did) in [("/did", &enrolment.did), ("/sponsor", &enrolment.sponsor)] {
        Did::parse(did).map_err(|error| Problem::malformed(pointer, error.detail))?;
    }
    let texts = [
        ("/name", Some(&enrolment.name), 256),
        ("/version", Some(&enrolment.version), 128),
        ("/trustDomain", enrolment.trust_domain.as_ref(), 255),
        ("/spiffeId", enrolment.spiffe_id.as_ref(), 2048),
    ];
    for (pointer, text, longest) in texts {
        check_text(pointer, text, longest)?;
    }
    let domain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if enrolment.trust_domain.as_ref().is_some_and(|name| !name.bytes().all(domain)) {
        return Err(Problem::malformed("/trustDomain", "expected a-z, 0-9, ., _ and - alone"));
    }
    if enrolment.spiffe_id.as_ref().is_some_and(|id| !is_spiffe_id(id)) {
        return Err(Problem::malformed("/spiffeId", "expected spiffe://trust-domain/path"));
    }
    check_digest("/modelDigest", Some(&enrolment.model_digest))?;
    check_digest("/codeDigest", Some(&enrolment.code_digest))
}

fn is_spiffe_id(text: &str) -> bool {
    let segment = |segment: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        !segment.is_empty() && segment.bytes().all(plain)
    };
    let Some((domain, path)) = text.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    segment(domain)
        && !domain.bytes().any(|b| b.is_ascii_uppercase())
        && path.split('/').all(segment)
}

fn check_text(pointer: &str, text: Option<&String>, longest: usize) -> Result<(), Problem> {
    let Some(text) = text else { return Ok(()) };
    if text.trim().is_empty()
        || text.chars().count() > longest
        || text.chars().any(char::is_control)
    {
        let detail = format!("expected 1 to {longest} characters, no control characters");
        return Err(Problem::malformed(pointer, detail));
    }
    Ok(())
}

fn check_digest(pointer: &str, digest: Option<&String>) -> Result<(), Problem> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let good = |digest: &String| {
        digest.strip_prefix("sha256:").is_some_and(|rest| rest.len() == 64 && rest.bytes().all(hex))
    };
    match digest.is_none_or(good) {
        true => Ok(()),
        false => Err(Problem::malformed(
            pointer,
            "expected sha256: and 64 lower-case hexadecimal digits",
        )),
    }
}

/// Whether `proof` shows that whoever has `did` holds its key now. Gives the challenge it answers,
/// and the digest of the proof.
fn answered(
    service: &Service,
    did: &str,
    proof: &Value<'_>,
    caller: &Caller,
) -> Result<(crate::challenge::Known, String), Problem> {
    let refuse = |detail: String| Problem::malformed("/proof", detail);
    let (text, challenge, holder) = match proof {
        Value::String(token) => {
            let payload = CompactJws::parse(token, TokenType::VP)
                .and_then(|jws| jws.decode_payload())
                .map_err(|error| refuse(error.to_string()))?;
            let limits = Limits::for_size(payload.len());
            let payload = parse(&payload, &limits).map_err(|error| refuse(error.to_string()))?;
            let of = |name: &str| payload.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
            let holder = of("iss").or_else(|| holder_of(&payload));
            (token.to_string(), of("nonce"), holder)
        }
        object => {
            let one = object.get("proof").map(Value::one_or_more).unwrap_or_default().first();
            let challenge = one.and_then(|one| one.get("challenge")).and_then(Value::as_str);
            (to_canonical_string(object), challenge.map(ToOwned::to_owned), holder_of(object))
        }
    };
    if holder.as_deref() != Some(did) {
        return Err(refuse(format!("the presentation's holder is not {did}")));
    }
    let challenge = challenge.ok_or_else(|| refuse("answers no challenge".to_owned()))?;
    let known = service
        .challenges
        .know(&challenge, caller.at)
        .map_err(|error| refuse(error.to_string()))?;
    let request = Request::new().nonce(challenge).audience(service.settings.public_url());
    let evidence = Evidence::new().with_suites(bonafide_linked_data::SUITES);
    let now = caller.at.timestamp();
    let report = verify_proof(text.as_bytes(), &request, &evidence, now);
    if report.outcome == Outcome::Accepted {
        use sha2::Digest;
        let digest = bonafide_core::encoding::encode_base64url(&sha2::Sha256::digest(&text));
        return Ok((known, digest));
    }
    let reasons = report.checks.iter().flat_map(|check| &check.reasons);
    let reasons: Vec<String> =
        reasons.map(|reason| format!("{} ({reason})", reason.code())).collect();
    Err(refuse(format!("does not show that the agent holds its key: {}", reasons.join("; "))))
}

fn holder_of(presentation: &Value<'_>) -> Option<String> {
    let holder = presentation.get("holder")?;
    let id = holder.as_str().or_else(|| holder.get("id").and_then(Value::as_str));
    id.map(ToOwned::to_owned)
}

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
    Problem::new(StatusCode::BAD_REQUEST, "malformed-value", error.body_text())
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
        check_text("/reason", why.reason.as_ref(), 1024)?;
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
        each: Some(service.each_changed(caller, why.reason)),
        ..With::default()
    };
    Ok(Json(service.store.change_agent(agent.id, change, caller.at, with).await?))
}

impl Service {
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
