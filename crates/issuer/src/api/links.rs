//! Enrolment links: an operator says who may enrol, and the agent enrols itself, once.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bonafide_core::attestation::AttestationType;
use bonafide_core::encoding::{encode_base64url, hex};
use bonafide_core::json::Object;
use bonafide_core::time::parse_duration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::agents::{bad_query, id};
use super::answer::{self, PageQuery};
use super::enrolment::{Kind, answered, check, check_did, enrolled};
use super::extract::{Anybody, Body};
use super::openapi::Refusals;
use crate::authority::{self, IDENTITY};
use crate::environment::Moment;
use crate::event::{Caller, EventDraft};
use crate::format::Selective;
use crate::id::Id;
use crate::issuance::{Content, Order, Signed};
use crate::issue::Outcomes;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{
    Agent, AgentState, AgentToBe, Answer, EnrolmentLink, Idempotency, LinkChange, LinkState, Role,
    StoreError, With,
};

/// How long a link lives unless asked otherwise, and at most.
const USUAL: Duration = Duration::from_secs(3600);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is fixed of an agent that enrols itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewLink {
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
    /// Whether its identity is attested at once; it is, if left out.
    identity: Option<bool>,
    /// For how long that attestation is valid, such as 30d.
    valid_for: Option<String>,
    /// How long the link can be used, such as 30m; 1h, if left out, and 7d at most.
    link_valid_for: Option<String>,
}

/// A link that was just made. It is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeLink {
    /// What the agent is given: the secret stands behind the `#`, which no server is sent.
    #[schema(example = "https://issuer.example/enrol/0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31#…")]
    link: String,
    /// Its id.
    id: String,
    /// When it ends, in milliseconds since 1970.
    expires_at: u64,
}

/// What is known of a link.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkSummary {
    /// Its id.
    id: String,
    /// Where it stands.
    state: LinkState,
    /// The name of the agent that it is for.
    name: String,
    /// The DID of who answers for it.
    sponsor: String,
    /// When it was made, in milliseconds since 1970.
    created_at: u64,
    /// When it ends.
    expires_at: u64,
    /// How often a wrong secret was tried.
    wrong_tries: u8,
    /// The agent that enrolled by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

/// A page of links.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LinkPage {
    /// The links, oldest first.
    items: Vec<LinkSummary>,
    /// After which id the next page begins, if there is one.
    #[schema(value_type = Option<String>)]
    next: Option<Id>,
}

/// Makes a link by which one agent can enrol itself, once.
#[utoipa::path(post, path = "/enrolment-links", tag = "agents", request_body = NewLink,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request is told which link was made, never its secret.")),
    security(("token" = [])), responses((status = 201, body = MadeLink), (status = 200, body = LinkSummary), Refusals))]
pub(super) async fn make(
    State(service): State<Arc<Service>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(&[Role::Registrar])?;
    let asked: NewLink = body.read()?;
    let idempotency = body.idempotency(&caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let (link, secret) = link(&service, asked, &caller)?;
    let event = EventDraft::new("enrolment-link-made")
        .with("link", &link.id)
        .with("name", &link.agent.name)
        .with("sponsor", &link.agent.sponsor)
        .with("version", &link.agent.version)
        .with("modelDigest", &link.agent.model_digest)
        .with("codeDigest", &link.agent.code_digest)
        .with("identity", &link.attest_identity)
        .with("expiresAt", &link.expires_at.to_string())
        .finish(&caller, &service.environment)?;
    let with = With {
        events: vec![event],
        answer: Some(answer::of(StatusCode::OK, &summary(&link, caller.at))?),
        idempotency: idempotency.clone(),
        ..With::default()
    };
    if let Err(error) = service.store.put_link(link.clone(), with).await {
        return Ok(service.or_repeated(error, idempotency.as_ref()).await?.into_response());
    }
    let made = MadeLink {
        link: format!("{}/enrol/{}#{}", service.settings.public_url(), link.id, &*secret),
        id: link.id.to_string(),
        expires_at: link.expires_at.0,
    };
    let private = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, private, Json(made)).into_response())
}

/// A link as it was asked for, and its secret.
fn link(
    service: &Service,
    asked: NewLink,
    caller: &Caller,
) -> Result<(EnrolmentLink, Zeroizing<String>), Problem> {
    let agent = AgentToBe {
        name: asked.name,
        kind: asked.kind.name().to_owned(),
        version: asked.version,
        model_digest: asked.model_digest,
        code_digest: asked.code_digest,
        sponsor: asked.sponsor,
        trust_domain: asked.trust_domain.unwrap_or_else(|| service.settings.host()),
        spiffe_id: asked.spiffe_id,
    };
    check(&agent)?;
    let span = |pointer: &str, text: Option<&String>| {
        let read = |text: &String| {
            parse_duration(text).map_err(|error| Problem::malformed(pointer, error.detail))
        };
        text.map(read).transpose()
    };
    let attest_identity = asked.identity.unwrap_or(true);
    let valid_for = span("/validFor", asked.valid_for.as_ref())?;
    if valid_for.is_some() && !attest_identity {
        return Err(Problem::malformed("/validFor", "nothing is attested: identity is false"));
    }
    let rules = &service.settings.issuance;
    authority::lifetime(valid_for, rules.valid_for, rules.longest)?;
    let lives = span("/linkValidFor", asked.link_valid_for.as_ref())?.unwrap_or(USUAL);
    if !(Duration::from_secs(1)..=LONGEST).contains(&lives) {
        return Err(Problem::malformed("/linkValidFor", "expected 1s to 7d"));
    }
    let secret = Zeroizing::new(service.environment.random::<32>()?);
    let secret = Zeroizing::new(encode_base64url(&*secret));
    let link = EnrolmentLink {
        id: Id::new(&service.environment)?,
        hash: hex(&Sha256::digest(secret.as_bytes())),
        agent,
        attest_identity,
        valid_for: valid_for.map(|span| span.as_secs()),
        created_at: caller.at,
        expires_at: caller.at.plus(lives),
        wrong_tries: 0,
        used: None,
        revoked_at: None,
    };
    Ok((link, secret))
}

fn summary(link: &EnrolmentLink, now: Moment) -> LinkSummary {
    LinkSummary {
        id: link.id.to_string(),
        state: link.state(now),
        name: link.agent.name.clone(),
        sponsor: link.agent.sponsor.clone(),
        created_at: link.created_at.0,
        expires_at: link.expires_at.0,
        wrong_tries: link.wrong_tries,
        agent: link.used.map(|(agent, _)| agent.to_string()),
    }
}

/// Lists enrolment links.
#[utoipa::path(get, path = "/enrolment-links", tag = "agents", params(PageQuery),
    security(("token" = [])), responses((status = 200, body = LinkPage), Refusals))]
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
    page: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<LinkPage>, Problem> {
    caller.require(&[Role::Registrar, Role::Auditor])?;
    let Query(page) = page.map_err(|error| bad_query(&error))?;
    let page = service.store.links(page.after, page.limit()?)?;
    let items = page.items.iter().map(|link| summary(link, caller.at)).collect();
    Ok(Json(LinkPage { items, next: page.next }))
}

/// Takes a link back. One that was used, or that ended, stays what it is.
#[utoipa::path(delete, path = "/enrolment-links/{id}", tag = "agents",
    params(("id" = String, Path, description = "The link's id")),
    security(("token" = [])), responses((status = 200, body = LinkSummary), Refusals))]
pub(super) async fn revoke(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(text): Path<String>,
) -> Result<Json<LinkSummary>, Problem> {
    caller.require(&[Role::Registrar])?;
    let id = id(&text, "enrolment link")?;
    let event = EventDraft::new("enrolment-link-revoked")
        .with("link", &id)
        .finish(&caller, &service.environment)?;
    let with = With { events: vec![event], ..With::default() };
    let link = service.store.change_link(id, LinkChange::Revoke, caller.at, with).await?;
    Ok(Json(summary(&link, caller.at)))
}

/// An agent that enrols itself.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SelfEnrolment {
    /// What stands behind the `#` of the link.
    secret: String,
    /// The agent's DID.
    #[schema(max_length = 2048)]
    did: String,
    /// A presentation that its key signed and that answers a challenge, as for POST /agents.
    #[schema(value_type = Object)]
    #[allow(dead_code)]
    proof: serde::de::IgnoredAny,
}

/// An agent that has enrolled itself.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code)]
pub(super) struct SelfEnrolled {
    /// The agent.
    agent: Agent,
    /// What was attested at once: its identity, or nothing.
    #[schema(value_type = Vec<Object>)]
    credentials: Vec<serde_json::Value>,
    /// Who attests here.
    issuer: IssuerInBrief,
}

/// What an agent has to know of the issuer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct IssuerInBrief {
    /// Its DID.
    did: String,
    /// Where it is reached.
    url: String,
    /// The DID that signs its trust bundles.
    bundle_signer: String,
}

/// Enrols the agent that a link is for. A wrong secret leaves the link as it is, ten times.
#[utoipa::path(post, path = "/enrol/{id}", tag = "agents", request_body = SelfEnrolment,
    params(("id" = String, Path, description = "The link's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    responses((status = 201, body = SelfEnrolled), Refusals))]
pub(super) async fn enrol(
    State(service): State<Arc<Service>>,
    Anybody(mut caller): Anybody,
    Path(text): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let id = id(&text, "enrolment link")?;
    caller.name = format!("enrolment link {id}");
    let mut object = body.object()?;
    let proof = object.remove("proof").ok_or_else(|| Problem::malformed("/proof", "is missing"))?;
    let asked: SelfEnrolment = body.read_parsed()?;
    check_did("/did", &asked.did)?;
    let link = service.store.link(id)?.ok_or_else(|| Problem::not_found("enrolment link"))?;
    if !is_secret_of(&link, &asked.secret) {
        return Err(wrong_secret(&service, &link, &caller).await);
    }
    let idempotency = body.idempotency(&caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let (challenge, with_proof) = answered(&service, &asked.did, &proof, &caller)?;
    if let Some(agent) = left_over(&service, &link, &asked.did, caller.at)? {
        let with = With::default();
        service.store.redeem(challenge.digest, challenge.until, with).await?;
        return attest(&service, &link, agent, &caller, idempotency.as_ref()).await;
    }
    check_open(&link, &caller)?;
    let agent = link.agent.clone().enrolled(Id::new(&service.environment)?, asked.did, caller.at);
    let used = EventDraft::new("enrolment-link-used")
        .with("link", &link.id)
        .agent(agent.id)
        .finish(&caller, &service.environment)?;
    let event = enrolled(&agent, &with_proof).finish(&caller, &service.environment)?;
    let mut with = With {
        events: vec![used, event],
        answers: Some((challenge.digest, challenge.until)),
        link: Some(link.id),
        ..With::default()
    };
    if !link.attest_identity {
        let answer = answer_to(&service, &agent, None)?;
        with.idempotency.clone_from(&idempotency);
        with.answer = Some(answer.clone());
        if let Err(error) = service.store.enrol(agent, with).await {
            return Err(lost(&service, id, error, &caller));
        }
        return Ok(answer.into_response());
    }
    match service.store.enrol(agent, with).await {
        Ok(agent) => attest(&service, &link, agent, &caller, idempotency.as_ref()).await,
        Err(error) => Err(lost(&service, id, error, &caller)),
    }
}

fn is_secret_of(link: &EnrolmentLink, secret: &str) -> bool {
    let hash = hex(&Sha256::digest(secret.as_bytes()));
    hash.as_bytes().ct_eq(link.hash.as_bytes()).into()
}

/// Counts a wrong secret. What is told does not depend on where the link stands.
async fn wrong_secret(service: &Service, link: &EnrolmentLink, caller: &Caller) -> Problem {
    let event = EventDraft::new("enrolment-link-refused")
        .with("decision", &"refused")
        .with("link", &link.id)
        .with("tries", &(link.wrong_tries + 1))
        .finish(caller, &service.environment);
    let event = match event {
        Ok(event) => event,
        Err(error) => return error.into(),
    };
    let with = With { events: vec![event], ..With::default() };
    match service.store.change_link(link.id, LinkChange::WrongTry, caller.at, with).await {
        Err(error) => error.into(),
        Ok(_) => Problem::new(
            StatusCode::FORBIDDEN,
            "enrolment-link-refused",
            "this is not the secret of the link; after ten wrong ones it is dead",
        ),
    }
}

fn check_open(link: &EnrolmentLink, caller: &Caller) -> Result<(), Problem> {
    let (code, why) = match link.state(caller.at) {
        LinkState::Open => return Ok(()),
        LinkState::Used => ("enrolment-link-used", "an agent has enrolled by this link"),
        LinkState::Revoked => ("enrolment-link-revoked", "this link was taken back"),
        LinkState::Locked => ("enrolment-link-locked", "a wrong secret was tried too often"),
        LinkState::Ended => ("enrolment-link-ended", "the time of this link is over"),
    };
    Err(Problem::conflict(code, format!("{why}; ask the operator for a new one")))
}

/// Of two that came at once, the second.
fn lost(service: &Service, id: Id, error: StoreError, caller: &Caller) -> Problem {
    if let (StoreError::Conflict(_), Ok(Some(link))) = (&error, service.store.link(id))
        && let Err(problem) = check_open(&link, caller)
    {
        return problem;
    }
    error.into()
}

/// The agent that enrolled by this link, if it still lacks the attestation that the link promised:
/// the service stopped in between, and the agent asks again. Once anybody changed the agent, or the
/// link's time is over, it is for the registrar.
fn left_over(
    service: &Service,
    link: &EnrolmentLink,
    did: &str,
    now: Moment,
) -> Result<Option<Agent>, Problem> {
    let Some((id, _)) = link.used.filter(|_| link.attest_identity) else { return Ok(None) };
    let is_new = |agent: &Agent| {
        agent.state == AgentState::Enrolled
            && agent.changed_at == agent.enrolled_at
            && now < link.expires_at
    };
    let agent = service.store.agent(id)?;
    Ok(agent.filter(|agent| agent.did == did && is_new(agent)))
}

async fn attest(
    service: &Arc<Service>,
    link: &EnrolmentLink,
    agent: Agent,
    caller: &Caller,
    idempotency: Option<&Idempotency>,
) -> Result<Response, Problem> {
    let order = identity_order(service, &agent, link.valid_for.map(Duration::from_secs), caller)?;
    let asked = Arc::clone(service);
    let outcome = service.issue(vec![order], caller, idempotency, move |outcomes| {
        identity_answer(&asked, &agent, outcomes)
    });
    Ok(outcome.await?.0.into_response())
}

/// What an agent is told once its identity is attested.
pub(super) fn identity_answer(
    service: &Service,
    agent: &Agent,
    outcomes: &Outcomes,
) -> Result<Answer, Problem> {
    let outcome = outcomes.first().ok_or_else(|| Problem::fault("nothing was issued"))?;
    let signed = outcome.as_ref().map_err(Clone::clone)?;
    let agent = Agent {
        state: AgentState::Active,
        identity_attested: true,
        identity_until: signed.valid_until,
        ..agent.clone()
    };
    answer_to(service, &agent, Some(signed))
}

/// The order of an agent's identity attestation, in the default instance's own format.
pub(super) fn identity_order(
    service: &Service,
    agent: &Agent,
    valid_for: Option<Duration>,
    caller: &Caller,
) -> Result<Order, Problem> {
    let known = AttestationType::by_name(IDENTITY)
        .ok_or_else(|| Problem::fault("identities are not known"))?;
    authority::check_agent(agent, known, caller.at)?;
    let issuing = service.instance(None)?;
    let rules = &service.settings.issuance;
    let valid_for = authority::lifetime(valid_for, rules.valid_for, rules.longest)?;
    let content = Content::Attestation {
        known,
        agent: Box::new(agent.clone()),
        claims: Object::new(),
        valid_for,
        children: 0,
    };
    let (format, selective) = (issuing.format, Selective::default());
    Ok(Order { issuing, format, selective, content, at: caller.at })
}

/// The answer, with the credential as it was signed.
fn answer_to(service: &Service, agent: &Agent, signed: Option<&Signed>) -> Result<Answer, Problem> {
    let issuer = IssuerInBrief {
        did: service.instance(None)?.instance.did.clone(),
        url: service.settings.public_url(),
        bundle_signer: service.bundle_signer(),
    };
    let agent = answer::of(StatusCode::CREATED, agent)?;
    let issuer = answer::of(StatusCode::CREATED, &issuer)?;
    let mut body = b"{\"agent\":".to_vec();
    body.extend(agent.body);
    body.extend_from_slice(b",\"credentials\":[");
    body.extend(signed.map(Signed::as_json).unwrap_or_default());
    body.extend_from_slice(b"],\"issuer\":");
    body.extend(issuer.body);
    body.push(b'}');
    Ok(Answer { status: StatusCode::CREATED.as_u16(), body })
}
