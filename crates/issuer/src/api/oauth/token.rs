//! Token exchange.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bonafide_core::delegation::Rights;
use bonafide_core::encoding::hex;
use bonafide_core::json::to_canonical_string;
use bonafide_core::time::Timestamp;
use bonafide_proof::dpop::{self, Proven};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    OAuthRefusals, OAuthRequest, answer_refused, authenticated, event, private, token_keys,
    with_nonce,
};
use crate::api::extract::Anybody;
use crate::environment::Moment;
use crate::event::Caller;
use crate::grants::{AgentFacts, GrantRequest, decide};
use crate::id::Id;
use crate::oauth::access_token::{LONGEST, Signed, sign_token};
use crate::oauth::client::Client;
use crate::oauth::error::OAuthError;
use crate::oauth::exchange::{
    self, ACCESS_TOKEN, Allowed, Asked, Decision, Detail, Held, TOKEN_EXCHANGE,
};
use crate::oauth::once::{DPOP, once};
use crate::oauth::refused::Refused;
use crate::oauth::subject::{self, Subject};
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{AccessToken, Agent, AgentState, Once, With};

/// What the grant policy is told where no chain names a task.
const TASK: &str = "token exchange";

/// The parameters of a token exchange (RFC 8693, 2.1; RFC 7523, 2.2).
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code)]
pub(in crate::api) struct TokenRequest {
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    grant_type: String,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: String,
    /// A JWT signed by a key of the client's DID: `iss` and `sub` are the DID, `aud` is this issuer.
    client_assertion: String,
    /// The DID of the client, if it is said besides.
    client_id: Option<String>,
    /// A presentation, with a chain or without, or a token of a configured provider.
    subject_token: String,
    /// `urn:bonafide:params:oauth:token-type:vp` or `urn:ietf:params:oauth:token-type:jwt`.
    subject_token_type: String,
    /// A presentation of the client.
    actor_token: Option<String>,
    /// `urn:bonafide:params:oauth:token-type:vp`.
    actor_token_type: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    requested_token_type: Option<String>,
    /// Services that the token is for. May be there several times.
    audience: Option<String>,
    /// Services or resources by their URIs. May be there several times.
    resource: Option<String>,
    /// Actions, with spaces between them.
    scope: Option<String>,
    /// Actions on resources: objects of the type `https://w3id.org/bonafide/grant`, in JSON.
    authorization_details: Option<String>,
}

/// An access token (RFC 8693, 2.2.1).
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct TokenResponse {
    /// The token, a JWT of the type `at+jwt` (RFC 9068).
    access_token: String,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    issued_token_type: &'static str,
    /// `DPoP`, or `Bearer` for a token that is bound to a certificate.
    token_type: &'static str,
    /// For how many seconds it is good.
    expires_in: i64,
    /// Its actions.
    scope: String,
    /// What it allows.
    #[schema(value_type = Vec<Object>)]
    authorization_details: serde_json::Value,
}

/// Exchanges a presentation or a provider's token for an access token that is bound to the agent's
/// key: never longer, wider or for another key than its source.
#[utoipa::path(post, path = "/oauth/token", tag = "oauth",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    params(("DPoP" = Option<String>, Header, description = "A proof that the client holds the key to which the token will be bound (RFC 9449).")),
    responses((status = 200, body = TokenResponse), OAuthRefusals))]
pub(in crate::api) async fn exchange(
    State(service): State<Arc<Service>>,
    Anybody(caller): Anybody,
    request: OAuthRequest,
) -> Response {
    match exchanged(&service, &caller, request).await {
        Ok(response) => response,
        Err(refused) => answer_refused(&service, refused),
    }
}

async fn exchanged(
    service: &Arc<Service>,
    caller: &Caller,
    request: OAuthRequest,
) -> Result<Response, Refused> {
    let (client, agent, caller) = authenticated(service, caller, &request.form)?;
    let work = {
        let (service, client, agent) = (Arc::clone(service), client.clone(), agent.clone());
        let at = caller.at;
        move || decided(&service, &client, agent.as_ref(), &request, at)
    };
    // Some presentations take tens of milliseconds: they hold up nobody else.
    let decided = tokio::task::spawn_blocking(work).await;
    let decided = decided.map_err(|_| Problem::fault("an exchange did not come to its end"))?;
    let outcome = match decided {
        Ok(granted) => issue(service, &caller, &client, agent.as_ref(), granted).await,
        Err(refused) => Err(refused),
    };
    if let Err(Refused::OAuth(error)) = &outcome {
        note_refusal(service, &caller, agent.as_ref(), error);
    }
    outcome
}

/// A decision, and what it rests on.
struct Granted {
    decision: Decision,
    subject: Subject,
    uses: Vec<Once>,
    /// Whether the grant policy decided, on an agent with its identity.
    by_policy: bool,
}

fn decided(
    service: &Service,
    client: &Client,
    agent: Option<&Agent>,
    request: &OAuthRequest,
    at: Moment,
) -> Result<Granted, Refused> {
    let (form, now) = (&request.form, at.timestamp());
    let grant_type = form.required("grant_type")?;
    if grant_type != TOKEN_EXCHANGE {
        return Err(OAuthError::grant_type(format!("grant_type: expected {TOKEN_EXCHANGE}")).into());
    }
    may_ask(client, agent)?;
    if form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        let detail = format!("requested_token_type: expected {ACCESS_TOKEN}");
        return Err(OAuthError::request("token-type-unsupported", detail).into());
    }
    let asked = Asked::from_form(form)?;
    let (kind, text) = (form.required("subject_token_type")?, form.required("subject_token")?);
    let mut uses = vec![client.once];
    let proven = match &request.dpop {
        None => None,
        Some(proof) => Some(proven(service, proof, now)?),
    };
    if let Some(proven) = &proven {
        uses.push(once(DPOP, &[&proven.thumbprint, &proven.jti], proven.until));
    }
    match (form.get("actor_token"), form.get("actor_token_type")) {
        (None, None) => {}
        (Some(text), Some(kind)) => uses.push(subject::actor(service, kind, text, client, at)?),
        _ => {
            let detail = "actor_token and actor_token_type go together";
            return Err(OAuthError::request("parameter-missing", detail).into());
        }
    }
    let subject = subject::open(service, kind, text, client, at)?;
    uses.extend(subject.once);
    let held = Held { dpop: proven.as_ref(), certificate: request.certificate.as_ref() };
    let mut longest = service.settings.oauth.token_valid_for;
    let facts = match &subject.source.rights {
        Some(_) => None,
        None => Some(facts(service, client, agent, &subject, at)?),
    };
    if let (Some(_), Some(until)) = (&facts, agent.and_then(|agent| agent.identity_until)) {
        // What was decided of an agent holds no longer than its identity.
        longest = longest.min(Timestamp::from_unix_clamped(until).saturating_since(now));
    }
    let by_policy = |allowed: &Allowed, detail: &Detail| match &facts {
        Some(facts) => policy_grants(service, facts, &subject, allowed, detail),
        None => Err(refused_by_policy("there is nothing that it could be put to")),
    };
    let decision =
        exchange::decide(&client.did, &subject.source, &asked, held, &by_policy, longest, now)?;
    Ok(Granted { decision, subject, uses, by_policy: facts.is_some() })
}

/// What the grant policy is put to: of an agent that is enrolled here, and that is what its
/// identity attestation says.
fn facts(
    service: &Service,
    client: &Client,
    agent: Option<&Agent>,
    subject: &Subject,
    at: Moment,
) -> Result<AgentFacts, Refused> {
    let refuse = |code, why: &str| {
        let detail =
            format!("without a chain of grants the client has to be an active agent: {why}");
        Err(OAuthError::unauthorized(code, detail).into())
    };
    match agent {
        None => refuse("client-unknown", &format!("{} is not enrolled here", client.did)),
        Some(agent) if agent.state != AgentState::Active || !agent.has_identity(at) => {
            refuse("identity-attestation-required", "its identity is not attested as it is now")
        }
        Some(agent) => Ok(service.facts_of(agent, &subject.verified, at)?),
    }
}

/// For how long the grant policy grants one of the details.
fn policy_grants(
    service: &Service,
    facts: &AgentFacts,
    subject: &Subject,
    allowed: &Allowed,
    detail: &Detail,
) -> Result<Duration, OAuthError> {
    let request = GrantRequest {
        task: TASK.to_owned(),
        rights: Rights {
            actions: detail.actions.clone(),
            resources: detail.locations.clone(),
            audience: allowed.audience.clone(),
            constraints: detail.constraints.clone(),
            max_depth: 0,
        },
        valid_for: None,
        principal: subject.source.principal.clone(),
    };
    match decide(&request, facts, &service.grants) {
        Ok(decision) => Ok(decision.valid_for),
        Err(refusal) => Err(refused_by_policy(&refusal.to_string())),
    }
}

fn refused_by_policy(why: &str) -> OAuthError {
    OAuthError::grant("grant-refused", why)
}

/// An agent that is enrolled has to be active. Another one may hold a chain, which is seen later.
fn may_ask(client: &Client, agent: Option<&Agent>) -> Result<(), OAuthError> {
    let code = match agent.map(|agent| agent.state) {
        None | Some(AgentState::Active | AgentState::Enrolled) => return Ok(()),
        Some(AgentState::Suspended) => "agent-suspended",
        Some(AgentState::Retired) => "agent-retired",
    };
    Err(OAuthError::unauthorized(code, format!("the agent {} may not act now", client.did)))
}

fn proven(service: &Service, proof: &str, now: Timestamp) -> Result<Proven, OAuthError> {
    let uri = format!("{}/oauth/token", service.settings.public_url());
    let expected = dpop::Expected {
        method: "POST",
        uri: &uri,
        access_token: None,
        nonce: None,
        window: dpop::Window::USUAL,
    };
    let proven = dpop::check(proof, &expected, now)
        .map_err(|error| OAuthError::dpop(error.code(), format!("DPoP: {error}")))?;
    if service.settings.oauth.dpop_nonce {
        let known =
            |nonce: &String| service.dpop_nonces.know(nonce, service.environment.now()).is_ok();
        if !proven.nonce.as_ref().is_some_and(known) {
            return Err(OAuthError::dpop_nonce());
        }
    }
    Ok(proven)
}

/// Signs the token, and gives it out once it is kept and on the log. Of many requests with one
/// assertion, one proof or one presentation, one comes as far as that.
async fn issue(
    service: &Arc<Service>,
    caller: &Caller,
    client: &Client,
    agent: Option<&Agent>,
    granted: Granted,
) -> Result<Response, Refused> {
    let Granted { decision, subject, uses, by_policy } = granted;
    let keys = token_keys(service)?;
    let key = keys.list_key().map(|(key, _)| key);
    let key = key.ok_or_else(|| Problem::fault("the key of access tokens does not sign"))?;
    let (id, now) = (Id::new(&service.environment)?, caller.at.timestamp());
    let issuer = service.settings.public_url();
    let signed = sign_token(&decision, &issuer, id, key, now)
        .map_err(|error| Problem::fault(&error.to_string()))?;
    if signed.text.len() > LONGEST {
        let detail = "the token would be longer than 64 KiB: ask for fewer details";
        return Err(OAuthError::request("token-too-long", detail).into());
    }
    let event = event("access-token-issued", agent)
        .digest(signed.digest)
        .with("client", &client.did)
        .with("jti", &id)
        .with("subjectToken", &subject.digest)
        .with(
            "principal",
            &decision.principal.as_ref().map(|known| (&known.issuer, &known.subject)),
        )
        .with("chain", &decision.agents)
        .with("credentials", &subject.credentials)
        .with("audience", &decision.allowed.audience)
        .with("scope", &signed.scope)
        .with("task", &decision.task)
        .with("expires", &decision.expires.to_string())
        .finish(caller, &service.environment)?;
    let kept = AccessToken {
        id,
        client: client.did.clone(),
        digest: hex(&signed.digest),
        agents: enrolled(service, &decision.agents)?,
        credentials: subject.credentials,
        places: subject.places,
        by_policy,
        issued_at: caller.at,
        expires_at: Moment(u64::try_from(decision.expires.unix()).unwrap_or(0) * 1000),
        revoked_at: None,
    };
    let with = With { events: vec![event], uses, ..With::default() };
    service.store.put_access_token(kept, with).await?;
    metrics::counter!("bonafide_access_tokens_total").increment(1);
    answer(service, &decision, signed, now)
}

fn answer(
    service: &Service,
    decision: &Decision,
    signed: Signed,
    now: Timestamp,
) -> Result<Response, Refused> {
    let details = to_canonical_string(&signed.details);
    let details = serde_json::from_str(&details);
    let answer = TokenResponse {
        access_token: signed.text,
        issued_token_type: ACCESS_TOKEN,
        token_type: decision.binding.token_type(),
        expires_in: decision.expires.unix() - now.unix(),
        scope: signed.scope,
        authorization_details: details.map_err(|error| Problem::fault(&error.to_string()))?,
    };
    let mut response = Json(answer).into_response();
    private(&mut response);
    with_nonce(service, &mut response);
    Ok(response)
}

/// The ids of those that are enrolled here.
fn enrolled(service: &Service, agents: &[String]) -> Result<Vec<Id>, Refused> {
    let mut found = Vec::new();
    for did in agents {
        found.extend(service.store.agent_by_did(did)?.map(|agent| agent.id));
    }
    Ok(found)
}

/// Puts on the log that a client that is known was refused, as long as that is not all it does. Of
/// strangers the log says nothing, or they would fill it.
fn note_refusal(service: &Service, caller: &Caller, agent: Option<&Agent>, error: &OAuthError) {
    let Some(agent) = agent.filter(|agent| service.limits.refusal(Some(agent.id)).is_ok()) else {
        metrics::counter!("bonafide_refusals_unlogged_total").increment(1);
        return;
    };
    let event = event("access-token-refused", Some(agent))
        .with("decision", &"refused")
        .with("client", &agent.did)
        .with("error", &error.error)
        .with("code", &error.code)
        .finish(caller, &service.environment);
    match event {
        // Not waited for: the answer is the same whether or not it is there yet.
        Ok(event) => drop(service.store.note(With { events: vec![event], ..With::default() })),
        Err(error) => tracing::error!(%error, "a refusal could not be put on the log"),
    }
}
