//! Enrolment: an agent shows that it holds its key, and somebody answers for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bonafide_core::did::Did;
use bonafide_core::json::Value;
use bonafide_verifier::{Evidence, Outcome, Request, verify_proof};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::extract::{Anybody, Body};
use super::openapi::Refusals;
use crate::event::{Caller, EventDraft};
use crate::grants::principal::{Presentation, reasons};
use crate::id::Id;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Agent, AgentToBe, Role, With};

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
    pub(super) fn name(self) -> &'static str {
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
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let proof = object.remove("proof").ok_or_else(|| Problem::malformed("/proof", "is missing"))?;
    let enrolment: Enrolment = body.read_parsed()?;
    check_did("/did", &enrolment.did)?;
    let to_be = AgentToBe {
        name: enrolment.name,
        kind: enrolment.kind.name().to_owned(),
        version: enrolment.version,
        model_digest: enrolment.model_digest,
        code_digest: enrolment.code_digest,
        sponsor: enrolment.sponsor,
        trust_domain: enrolment.trust_domain.unwrap_or_else(|| service.settings.host()),
        spiffe_id: enrolment.spiffe_id,
    };
    check(&to_be)?;
    let (challenge, with_proof) = answered(&service, &enrolment.did, &proof, &caller)?;
    let agent = to_be.enrolled(Id::new(&service.environment)?, enrolment.did, caller.at);
    let event = enrolled(&agent, &with_proof).finish(&caller, &service.environment)?;
    let answer = answer::of(StatusCode::CREATED, &agent)?;
    // The challenge is used up with it: of two enrolments with one proof, one goes through.
    let with = With {
        events: vec![event],
        answers: Some((challenge.digest, challenge.until)),
        idempotency: idempotency.clone(),
        answer: Some(answer.clone()),
        ..With::default()
    };
    let place = format!("/agents/{}", agent.id);
    let answer = match service.store.enrol(agent, with).await {
        Ok(_) => answer,
        Err(error) => service.or_repeated(error, idempotency.as_ref()).await?,
    };
    let location = HeaderValue::from_str(&place).map_err(|_| Problem::fault("a path"))?;
    Ok(([(header::LOCATION, location)], answer).into_response())
}

/// What the log says of an agent that was enrolled; `proof` is the digest of what showed its key.
pub(super) fn enrolled(agent: &Agent, proof: &str) -> EventDraft {
    EventDraft::new("agent-enrolled")
        .agent(agent.id)
        .with("did", &agent.did)
        .with("sponsor", &agent.sponsor)
        .with("version", &agent.version)
        .with("modelDigest", &agent.model_digest)
        .with("codeDigest", &agent.code_digest)
        .with("proof", &proof)
}

pub(super) fn check_did(pointer: &str, did: &str) -> Result<(), Problem> {
    Did::parse(did).map(drop).map_err(|error| Problem::malformed(pointer, error.detail))
}

/// Whether what is said of an agent can be attested.
pub(super) fn check(enrolment: &AgentToBe) -> Result<(), Problem> {
    check_did("/sponsor", &enrolment.sponsor)?;
    let texts = [
        ("/name", Some(&enrolment.name), 256),
        ("/version", Some(&enrolment.version), 128),
        ("/trustDomain", Some(&enrolment.trust_domain), 255),
        ("/spiffeId", enrolment.spiffe_id.as_ref(), 2048),
    ];
    for (pointer, text, longest) in texts {
        check_text(pointer, text, longest)?;
    }
    let domain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if !enrolment.trust_domain.bytes().all(domain) {
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

pub(super) fn check_text(
    pointer: &str,
    text: Option<&String>,
    longest: usize,
) -> Result<(), Problem> {
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

pub(super) fn check_digest(pointer: &str, digest: Option<&String>) -> Result<(), Problem> {
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
pub(super) fn answered(
    service: &Service,
    did: &str,
    proof: &Value<'_>,
    caller: &Caller,
) -> Result<(crate::challenge::Known, String), Problem> {
    let refuse = |detail: String| Problem::malformed("/proof", detail);
    let Presentation { text, challenge, holder, .. } = Presentation::read(proof).map_err(refuse)?;
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
    let reasons = reasons(&report.checks);
    Err(refuse(format!("does not show that the agent holds its key: {reasons}")))
}
