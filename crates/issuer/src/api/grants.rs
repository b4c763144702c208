//! Just-in-time grants: asked for by an agent, decided by the grant policy, ended by whoever holds
//! them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bonafide_core::attestation::AttestationType;
use bonafide_core::delegation::{Constraint, Grant, Principal, Resource, Rights};
use bonafide_core::json::{Number, Object, Value};
use bonafide_core::time::parse_duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agents::{LONGEST_REASON, Why};
use super::attestations::format_named;
use super::credentials::{CredentialSummary, find_issued, summary_of};
use super::enrolment::check_text;
use super::extract::Body;
use super::openapi::Refusals;
use super::presenter::{Presented, Presenter};
use crate::authority::{self, GRANT};
use crate::event::{Caller, EventDraft};
use crate::format::{Format, Selective};
use crate::grants::{Decision, GrantRequest, decide};
use crate::issuance::{Content, Order, Signed};
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Agent, Answer, Credential, Idempotency, Scope, Status, With};

/// How many status indexes are set aside for children unless asked otherwise, and at most.
const USUAL_CHILDREN: usize = 8;
const MOST_CHILDREN: usize = 64;

/// What an agent asks to be allowed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct GrantAsked {
    /// The task that it is for.
    #[schema(min_length = 1, max_length = 256, example = "book-travel-4711")]
    task: String,
    /// Actions: opaque names.
    #[schema(example = json!(["files.read"]))]
    actions: Vec<String>,
    /// Resources in canonical form, each with all that lies below it.
    #[schema(example = json!(["https://files.example/reports"]))]
    resources: Vec<String>,
    /// The services before which it counts.
    audience: Vec<String>,
    /// Constraints: Budget, Uses, TimeOfDay, Argument.
    #[schema(value_type = Option<Vec<Object>>)]
    constraints: Option<serde::de::IgnoredAny>,
    /// How many delegations there may be under it; none, if left out.
    #[schema(minimum = 0, maximum = 9)]
    max_depth: Option<u8>,
    /// For how long, such as 5m; as the policy says, if left out.
    valid_for: Option<String>,
    /// How many status indexes are set aside for its children; 8, if it may be delegated.
    #[schema(minimum = 0, maximum = 64)]
    children: Option<u8>,
    /// How it is secured, in a format that hides nothing; eddsa-jcs-2022, if left out.
    format: Option<String>,
    /// On whose behalf: `{"token": …}` of a configured provider, or `{"presentation": …}` that
    /// answers a challenge.
    #[schema(value_type = Option<Object>)]
    principal: Option<serde::de::IgnoredAny>,
}

/// A grant that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub(super) struct MadeGrant {
    /// Its id here.
    id: String,
    /// Its id in the document.
    credential_id: String,
    /// The TaskGrantCredential.
    #[schema(value_type = Object)]
    verifiable_credential: serde_json::Value,
    /// The rule of the grant policy that grants it.
    rule: String,
    /// When it ends, in milliseconds since 1970.
    expires_at: u64,
}

/// What was asked, read strictly.
struct Asked {
    task: String,
    rights: Rights,
    valid_for: Option<Duration>,
    children: usize,
    format: Option<Format>,
    principal: Option<Object<'static>>,
}

/// Asks for a grant: refused unless a rule of the grant policy allows all of it.
#[utoipa::path(post, path = "/grants", tag = "grants", request_body = GrantAsked,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    security(("presentation" = [])), responses((status = 201, body = MadeGrant), Refusals))]
pub(super) async fn ask(
    State(service): State<Arc<Service>>,
    Presented { presenter, body }: Presented,
) -> Result<Response, Problem> {
    let agent = presenter.active()?.clone();
    let mut object = body.object()?;
    let idempotency = body.idempotency(&presenter.caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let asked = read(&mut object)?;
    let (request, decision) = decided(&service, &presenter, &agent, &asked).await?;
    issue(&service, &presenter, agent, asked, request, decision, idempotency.as_ref()).await
}

/// What [`GrantAsked`] says, member by member: claims are read by nothing but the strict parser.
fn read(object: &mut Object<'static>) -> Result<Asked, Problem> {
    const KNOWN: [&str; 10] = [
        "task",
        "actions",
        "resources",
        "audience",
        "constraints",
        "maxDepth",
        "validFor",
        "children",
        "format",
        "principal",
    ];
    if let Some((name, _)) = object.iter().find(|(name, _)| !KNOWN.contains(name)) {
        return Err(Problem::malformed(&format!("/{name}"), "is not known"));
    }
    let text = |name: &str| match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.to_string())),
        Some(_) => Err(Problem::malformed(&format!("/{name}"), "expected a string")),
    };
    let task = text("task")?.ok_or_else(|| Problem::malformed("/task", "is missing"))?;
    check_text("/task", Some(&task), 256)?;
    let valid_for = match text("validFor")? {
        None => None,
        Some(text) => Some(
            parse_duration(&text).map_err(|error| Problem::malformed("/validFor", error.detail))?,
        ),
    };
    if valid_for.is_some_and(|span| span < Duration::from_secs(1)) {
        return Err(Problem::malformed("/validFor", "expected a second at least"));
    }
    let format = text("format")?.map(|name| format_named(&name)).transpose()?;
    if format.is_some_and(|format| format.is_selective() || format == Format::Ed25519Signature2020)
    {
        return Err(Problem::malformed(
            "/format",
            "a grant is shown whole; its holder hides nothing",
        ));
    }
    let children = match object.get("children") {
        None => None,
        Some(count) => {
            let count = count.as_integer().and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| *count <= MOST_CHILDREN);
            Some(count.ok_or_else(|| Problem::malformed("/children", "expected 0 to 64"))?)
        }
    };
    let principal = match object.remove("principal") {
        None => None,
        Some(Value::Object(principal)) => Some(principal),
        Some(_) => return Err(Problem::malformed("/principal", "expected an object")),
    };
    if !object.contains("maxDepth") {
        object.insert("maxDepth", Value::Number(Number::Integer(0)));
    }
    let rights = Rights::from_claims(object)
        .map_err(|error| Problem::malformed(&error.pointer, error.detail))?;
    for constraint in &rights.constraints {
        if let Constraint::Unknown { constraint_type } = constraint {
            let detail = format!("the constraint {constraint_type:?} is not known");
            return Err(Problem::malformed("/constraints", detail));
        }
    }
    let children = match (rights.max_depth, children) {
        (0, None | Some(0)) => 0,
        (0, Some(_)) => {
            return Err(Problem::malformed("/children", "maxDepth is 0: it has no children"));
        }
        (_, children) => children.unwrap_or(USUAL_CHILDREN),
    };
    Ok(Asked { task, rights, valid_for, children, format, principal })
}

/// Whether it is granted. What was decided is on the log either way, with the principal's challenge
/// used up.
async fn decided(
    service: &Arc<Service>,
    presenter: &Presenter,
    agent: &Agent,
    asked: &Asked,
) -> Result<(GrantRequest, Decision), Problem> {
    let caller = &presenter.caller;
    let (work, shown) = (Arc::clone(service), presenter.verified.clone());
    let (principal, of, at) = (asked.principal.clone(), agent.clone(), caller.at);
    // Reads the store and checks signatures: not where it holds up others.
    let gathered = tokio::task::spawn_blocking(move || {
        let principal = principal.map(|shown| work.principal(&shown, &of.did, at)).transpose();
        (principal, work.facts_of(&of, &shown, at))
    });
    let (principal, facts) =
        gathered.await.map_err(|_| Problem::fault("a decision did not come to its end"))?;
    let facts = facts?;
    let request = |principal| GrantRequest {
        task: asked.task.clone(),
        rights: asked.rights.clone(),
        valid_for: asked.valid_for,
        principal,
    };
    let principal = match principal {
        Ok(principal) => principal,
        Err(why) => {
            refuse(service, caller, agent, &request(None), std::slice::from_ref(&why)).await?;
            let detail = format!("the principal is not verified: {why}");
            return Err(Problem::new(StatusCode::FORBIDDEN, "principal-refused", detail));
        }
    };
    let challenge = principal.as_ref().and_then(|verified| verified.challenge);
    let until = principal.as_ref().and_then(|verified| verified.until);
    let request = request(principal.map(|verified| verified.principal));
    let decision = match decide(&request, &facts, &service.grants) {
        Ok(Decision { rule, valid_for }) => {
            let left = until.map(|until| until.saturating_since(caller.at.second()));
            Decision { rule, valid_for: left.map_or(valid_for, |left| valid_for.min(left)) }
        }
        Err(refusal) => {
            let whole: Vec<String> = refusal
                .rules
                .iter()
                .map(|rule| format!("{}: {}", rule.rule, rule.lacks.join("; ")))
                .collect();
            refuse(service, caller, agent, &request, &whole).await?;
            let detail = refusal.to_string();
            return Err(Problem::new(StatusCode::FORBIDDEN, "grant-refused", detail));
        }
    };
    let event = about("grant-decided", agent, &request)
        .with("decision", &"allowed")
        .with("rule", &decision.rule)
        .finish(caller, &service.environment)?;
    let answers = challenge.map(|known| (known.digest, known.until));
    let with = With { events: vec![event], answers, ..With::default() };
    service.store.note(with).await?;
    Ok((request, decision))
}

fn about(kind: &'static str, agent: &Agent, request: &GrantRequest) -> EventDraft {
    let GrantRequest { task, rights, principal, .. } = request;
    let resources: Vec<&str> = rights.resources.iter().map(Resource::as_str).collect();
    let constraints: Vec<String> = rights.constraints.iter().map(ToString::to_string).collect();
    let named = |Principal { issuer, subject, digest }: &Principal| serde_json::json!({"issuer": issuer, "subject": subject, "digest": digest});
    EventDraft::new(kind)
        .agent(agent.id)
        .with("task", task)
        .with("actions", &rights.actions)
        .with("resources", &resources)
        .with("audience", &rights.audience)
        .with("constraints", &constraints)
        .with("maxDepth", &rights.max_depth)
        .with("principal", &principal.as_ref().map(named))
}

/// Puts a refusal on the log, with all that the policy says of it. Who asks again and again is
/// there, but not each time.
async fn refuse(
    service: &Service,
    caller: &Caller,
    agent: &Agent,
    request: &GrantRequest,
    reasons: &[String],
) -> Result<(), Problem> {
    if service.limits.refusal(Some(agent.id)).is_err() {
        metrics::counter!("bonafide_refusals_unlogged_total").increment(1);
        return Ok(());
    }
    let event = about("grant-refused", agent, request)
        .with("decision", &"refused")
        .with("reasons", &reasons)
        .finish(caller, &service.environment)?;
    Ok(service.store.note(With { events: vec![event], ..With::default() }).await?)
}

async fn issue(
    service: &Arc<Service>,
    presenter: &Presenter,
    agent: Agent,
    asked: Asked,
    request: GrantRequest,
    decision: Decision,
    idempotency: Option<&Idempotency>,
) -> Result<Response, Problem> {
    let known =
        AttestationType::by_name(GRANT).ok_or_else(|| Problem::fault("grants are not known"))?;
    let issuing = service.instance(None)?;
    let usual = [Format::EddsaJcs2022, Format::EcdsaJcs2019];
    let format = asked
        .format
        .or_else(|| usual.into_iter().find(|format| issuing.key_for(*format).is_some()))
        .ok_or_else(|| Problem::malformed("/format", "name one; this instance has no usual one"))?;
    let grant = Grant {
        task: request.task,
        rights: request.rights,
        holder_key: presenter.key.clone(),
        principal: request.principal,
        parent: None,
        child_status: None,
    };
    let at = presenter.caller.at;
    let expires = at.second().saturating_add(decision.valid_for);
    let expires = u64::try_from(expires.unix()).unwrap_or_default().saturating_mul(1000);
    let content = Content::Attestation {
        known,
        agent: Box::new(agent),
        claims: grant.to_claims(),
        valid_for: decision.valid_for,
        children: asked.children,
    };
    let order = Order { issuing, format, selective: Selective::default(), content, at };
    let outcome = service.issue(vec![order], &presenter.caller, idempotency, move |outcomes| {
        let outcome = outcomes.first().ok_or_else(|| Problem::fault("nothing was issued"))?;
        let signed = outcome.as_ref().map_err(Clone::clone)?;
        Ok(answer(signed, &decision.rule, expires))
    });
    let (answer, outcomes) = outcome.await?;
    let signed = outcomes.first().and_then(|outcome| outcome.as_ref().ok());
    let location = signed.map(|signed| format!("/credentials/{}", signed.id));
    let mut response = answer.into_response();
    if let Some(place) = location.and_then(|place| HeaderValue::from_str(&place).ok()) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// The credential itself is put in as it was signed.
fn answer(signed: &Signed, rule: &str, expires: u64) -> Answer {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let mut body = format!(
        "{{\"id\":\"{}\",\"credentialId\":{},\"rule\":{},\"expiresAt\":{expires},\"verifiableCredential\":",
        signed.id,
        text(&signed.id.to_urn()),
        text(rule),
    )
    .into_bytes();
    body.extend(signed.as_json());
    body.push(b'}');
    Answer { status: StatusCode::CREATED.as_u16(), body }
}

/// Somebody who ends something: an operator by its token, or an agent that shows itself.
struct Ending {
    caller: Caller,
    body: Body,
    /// None is an operator.
    presenter: Option<Presenter>,
}

impl Ending {
    /// A token goes first: who sends one asks as its owner.
    async fn of(request: Request, service: &Arc<Service>) -> Result<Self, Problem> {
        if !request.headers().contains_key(header::AUTHORIZATION) {
            let Presented { presenter, body } = Presented::from_request(request, service).await?;
            let caller = presenter.caller.clone();
            return Ok(Self { caller, body, presenter: Some(presenter) });
        }
        let (mut parts, rest) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, service).await?;
        authority::may_revoke(caller.role, GRANT)?;
        let body = Body::from_request(Request::from_parts(parts, rest), service).await?;
        Ok(Self { caller, body, presenter: None })
    }
}

/// The grant of this id. To an agent, one of others' is as good as none.
fn find_grant(service: &Service, id: &str) -> Result<Credential, Problem> {
    let found = find_issued(service, id).map_err(|_| Problem::not_found("grant"))?;
    match found.credential_type == GRANT {
        true => Ok(found),
        false => Err(Problem::not_found("grant")),
    }
}

fn is_holder(grant: &Credential, presenter: &Presenter) -> bool {
    let of = presenter.agent.as_ref().map(|agent| agent.id);
    of.is_some() && of == grant.agent
}

/// How a task ended.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Completion {
    /// What became of it, in the agent's words.
    #[schema(max_length = 1024)]
    outcome: Option<String>,
}

/// Ends a grant whose task is done: it is revoked, with all that was delegated under it.
#[utoipa::path(post, path = "/grants/{id}/complete", tag = "grants", request_body = Option<Completion>,
    params(("id" = String, Path, description = "The grant's id")),
    security(("token" = []), ("presentation" = [])), responses((status = 200, body = CredentialSummary), Refusals))]
pub(super) async fn complete(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<CredentialSummary>, Problem> {
    let Ending { caller, body, presenter } = Ending::of(request, &service).await?;
    let said: Completion = body.read_or_empty()?;
    check_text("/outcome", said.outcome.as_ref(), LONGEST_REASON)?;
    let grant = find_grant(&service, &id)?;
    if presenter.is_some_and(|presenter| !is_holder(&grant, &presenter)) {
        return Err(Problem::not_found("grant"));
    }
    if grant.status != Status::Revoked {
        let mut event = EventDraft::new("grant-completed")
            .with("credential", &grant.id)
            .with("outcome", &said.outcome);
        if let Some(agent) = grant.agent {
            event = event.agent(agent);
        }
        let event = event.finish(&caller, &service.environment)?;
        let each = service.each_changed(&caller, Some("completed".to_owned()));
        let with = With { events: vec![event], each: Some(each), ..With::default() };
        let scope = Scope::One(grant.id);
        service.store.set_status(scope, None, Status::Revoked, with).await?;
    }
    summary_of(&service, grant.id).map(Json)
}

/// What became of an index that was set aside for a child.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RevokedChild {
    /// The index.
    index: u32,
    /// Whether it was not revoked before.
    revoked: bool,
}

/// Revokes one of the indexes that a grant set aside for its children, and so what was delegated
/// under it: for the grant's holder, for an agent of its chain that was handed the index, or for an
/// operator.
#[utoipa::path(post, path = "/grants/{id}/children/{index}/revoke", tag = "grants", request_body = Option<Why>,
    params(("id" = String, Path, description = "The grant's id"),
        ("index" = u32, Path, description = "The status index of the child")),
    security(("token" = []), ("presentation" = [])), responses((status = 200, body = RevokedChild), Refusals))]
pub(super) async fn revoke_child(
    State(service): State<Arc<Service>>,
    Path((id, index)): Path<(String, String)>,
    request: Request,
) -> Result<Json<RevokedChild>, Problem> {
    let Ending { caller, body, presenter } = Ending::of(request, &service).await?;
    let why = Why::read(&body)?;
    let grant = find_grant(&service, &id)?;
    let not_found = || Problem::not_found("child of this grant");
    let index: u32 = index.parse().map_err(|_| not_found())?;
    if let Some(presenter) = &presenter {
        let was_handed = presenter.chain.first().is_some_and(|root| root.id == grant.document_id())
            && presenter
                .leaf()
                .and_then(|leaf| leaf.child_status.as_ref())
                .is_some_and(|own| own.indexes.contains(&u64::from(index)));
        if !is_holder(&grant, presenter) && !was_handed {
            return Err(not_found());
        }
    }
    if !grant.child_indexes.contains(&index) {
        return Err(not_found());
    }
    let mut event = EventDraft::new("grant-child-revoked")
        .with("credential", &grant.id)
        .with("index", &index)
        .with("reason", &why.reason);
    if let Some(agent) = grant.agent {
        event = event.agent(agent);
    }
    let event = event.finish(&caller, &service.environment)?;
    let with = With { events: vec![event], ..With::default() };
    let revoked = service.store.revoke_children(grant.id, vec![index], with).await?;
    Ok(Json(RevokedChild { index, revoked }))
}
