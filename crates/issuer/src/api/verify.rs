//! VC-API: verifying credentials and presentations.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bonafide_core::encoding::decode_base64url;
use bonafide_core::json::{Limits, Value, parse, to_canonical_string};
use bonafide_core::status::{BitstringStatusEntry, StatusPurpose, TokenStatusReference};
use bonafide_core::vc::Enveloped;
use bonafide_verifier::{Evidence, Outcome, Reason, Request, verify_proof};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Body, Client};
use super::old_jwt;
use super::openapi::Refusals;
use crate::event::Caller;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Status, StoreError, With};
use crate::whole;

const CREDENTIAL: &str = "verifiableCredential";
const PRESENTATION: &str = "verifiablePresentation";

/// A credential to be verified.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct VerifyCredential {
    /// The credential: with a proof, or in an envelope.
    #[schema(value_type = Object)]
    verifiable_credential: serde::de::IgnoredAny,
    /// What is asked.
    #[serde(default)]
    options: VerifyOptions,
}

/// A presentation to be verified.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct VerifyPresentation {
    /// The presentation: with a proof, or in an envelope.
    #[schema(value_type = Object)]
    verifiable_presentation: serde::de::IgnoredAny,
    /// What is asked.
    #[serde(default)]
    options: VerifyOptions,
}

/// What is asked of a verification.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VerifyOptions {
    /// `proof` alone is known: proof and form. Without checks, whether this issuer stands by the
    /// credential as well.
    #[serde(default)]
    checks: Vec<String>,
    /// What the proof has to answer.
    challenge: Option<String>,
    /// Whom the proof has to be for.
    domain: Option<String>,
}

/// What a verification found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifyResponse {
    /// Whether all is good.
    verified: bool,
    /// What is not.
    problem_details: Vec<VerifyProblem>,
}

/// Something that is not good.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerifyProblem {
    /// A URL that names the kind of problem.
    #[serde(rename = "type")]
    problem_type: String,
    /// The reason's code.
    title: String,
    /// What was found.
    detail: String,
}

/// Verifies a credential.
#[utoipa::path(post, path = "/credentials/verify", tag = "vc-api", request_body = VerifyCredential,
    security(("token" = [])), responses((status = 200, body = VerifyResponse), Refusals))]
pub(super) async fn verify_credential(
    State(service): State<Arc<Service>>,
    _: Client,
    body: Body,
) -> Result<Response, Problem> {
    verify_one(&service, &body).await
}

/// Verifies a credential.
#[utoipa::path(post, path = "/issuers/{name}/credentials/verify", tag = "vc-api", request_body = VerifyCredential,
    params(("name" = String, Path, description = "The instance's name")),
    security(("token" = [])), responses((status = 200, body = VerifyResponse), Refusals))]
pub(super) async fn verify_credential_by(
    State(service): State<Arc<Service>>,
    _: Client,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    service.instance(Some(&name))?;
    verify_one(&service, &body).await
}

async fn verify_one(service: &Arc<Service>, body: &Body) -> Result<Response, Problem> {
    let credential = taken(body, CREDENTIAL)?;
    let request: VerifyCredential = body.read_parsed()?;
    let options = request.options;
    check_options(&options)?;
    let mut found = verified(service, &credential, &options, CREDENTIAL).await?;
    if found.is_empty() && options.checks.is_empty() && !service.settings.conformance {
        found.extend(own_status(service, &credential)?);
    }
    Ok(answered(service, found))
}

/// Verifies a presentation. It has to answer a challenge of this service, once.
#[utoipa::path(post, path = "/presentations/verify", tag = "vc-api", request_body = VerifyPresentation,
    security(("token" = [])), responses((status = 200, body = VerifyResponse), Refusals))]
pub(super) async fn verify_presentation(
    State(service): State<Arc<Service>>,
    Client(caller): Client,
    body: Body,
) -> Result<Response, Problem> {
    verify_presented(&service, &caller, &body).await
}

/// Verifies a presentation. It has to answer a challenge of this service, once.
#[utoipa::path(post, path = "/issuers/{name}/presentations/verify", tag = "vc-api", request_body = VerifyPresentation,
    params(("name" = String, Path, description = "The instance's name")),
    security(("token" = [])), responses((status = 200, body = VerifyResponse), Refusals))]
pub(super) async fn verify_presentation_by(
    State(service): State<Arc<Service>>,
    Client(caller): Client,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    service.instance(Some(&name))?;
    verify_presented(&service, &caller, &body).await
}

async fn verify_presented(
    service: &Arc<Service>,
    caller: &Caller,
    body: &Body,
) -> Result<Response, Problem> {
    let presentation = taken(body, PRESENTATION)?;
    let request: VerifyPresentation = body.read_parsed()?;
    let options = request.options;
    check_options(&options)?;
    if service.settings.conformance {
        let found = verified(service, &presentation, &options, PRESENTATION).await?;
        return Ok(answered(service, found));
    }
    let challenge = options.challenge.as_deref().unwrap_or_default();
    let known = match service.challenges.know(challenge, caller.at) {
        Ok(known) => known,
        Err(error) => {
            return Ok(answered(service, vec![invalid_challenge(&error.to_string())]));
        }
    };
    let options = VerifyOptions {
        domain: Some(options.domain.unwrap_or_else(|| service.settings.public_url())),
        ..options
    };
    let mut found = verified(service, &presentation, &options, PRESENTATION).await?;
    if found.is_empty() && options.checks.is_empty() {
        found.extend(own_status(service, &presentation)?);
    }
    // Used up only by a presentation that is good, so that nobody burns another's challenge.
    if found.is_empty()
        && let Err(error) = service.store.redeem(known.digest, known.until, With::default()).await
    {
        match error {
            StoreError::Exists(why) => found.push(invalid_challenge(why)),
            other => return Err(other.into()),
        }
    }
    Ok(answered(service, found))
}

fn invalid_challenge(detail: &str) -> VerifyProblem {
    VerifyProblem::of("challenge-mismatch", detail)
}

/// A member of the body.
fn taken(body: &Body, name: &str) -> Result<Value<'static>, Problem> {
    let taken = body.object()?.remove(name);
    let pointer = format!("/{name}");
    match taken.ok_or_else(|| Problem::malformed(&pointer, "is missing"))? {
        object @ Value::Object(_) => Ok(object),
        _ => Err(Problem::malformed(&pointer, "expected an object; a token stands in an envelope")),
    }
}

fn check_options(options: &VerifyOptions) -> Result<(), Problem> {
    match options.checks.iter().find(|check| *check != "proof") {
        None => Ok(()),
        Some(_) => Err(Problem::malformed("/options/checks", "expected \"proof\" or nothing")),
    }
}

/// What is not good of form and proof, and of the answer if one is asked for. Found out where it
/// holds up nobody else: some proofs take tens of milliseconds.
async fn verified(
    service: &Arc<Service>,
    document: &Value<'static>,
    options: &VerifyOptions,
    what: &'static str,
) -> Result<Vec<VerifyProblem>, Problem> {
    let (service, document, options) = (Arc::clone(service), document.clone(), options.clone());
    let work = move || verified_now(&service, &document, &options, what);
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Problem::fault("a verification did not come to its end"))
}

fn verified_now(
    service: &Service,
    document: &Value<'static>,
    options: &VerifyOptions,
    what: &str,
) -> Vec<VerifyProblem> {
    let is_presentation = what == PRESENTATION;
    if is_presentation != whole::is_presentation(document) {
        let detail = match is_presentation {
            true => "expected a VerifiablePresentation",
            false => "expected a VerifiableCredential",
        };
        return vec![VerifyProblem::of("malformed", detail)];
    }
    let now = service.environment.now().timestamp();
    let conformance = service.settings.conformance;
    if conformance && old_jwt::is_old(document) {
        let asked = old_jwt::Asked {
            challenge: options.challenge.as_deref(),
            domain: options.domain.as_deref(),
            now,
        };
        let refused = old_jwt::check(document, &asked).err();
        return refused
            .map(|refused| VerifyProblem::of(refused.code, refused.detail))
            .into_iter()
            .collect();
    }
    let mut request = Request::new();
    if let Some(challenge) = &options.challenge {
        request = request.nonce(challenge);
    }
    if let Some(domain) = &options.domain {
        request = request.audience(domain);
    }
    let text = to_canonical_string(document);
    let report = verify_proof(text.as_bytes(), &request, &service.own_evidence(), now);
    if report.outcome == Outcome::Accepted {
        return Vec::new();
    }
    let reasons = report.checks.iter().flat_map(|check| &check.reasons);
    // Suites ask with a challenge and no domain, which binds a presentation to nobody.
    let (unbound, found): (Vec<_>, Vec<_>) =
        reasons.partition(|reason| matches!(reason, Reason::PresentationUnbound {}));
    match (found.is_empty(), conformance && !unbound.is_empty()) {
        (true, true) => Vec::new(),
        (true, false) => vec![VerifyProblem::of("undecided", "not everything could be checked")],
        (false, _) => found.into_iter().map(problem).collect(),
    }
}

fn problem(reason: &Reason) -> VerifyProblem {
    VerifyProblem::of(reason.code(), reason.to_string())
}

impl VerifyProblem {
    fn of(code: &str, detail: impl Into<String>) -> Self {
        Self {
            problem_type: problem_type(code).to_owned(),
            title: code.to_owned(),
            detail: detail.into(),
        }
    }
}

/// The standards' name for a reason.
fn problem_type(code: &str) -> &'static str {
    match code {
        "malformed" | "too-large" => "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR",
        "nonce-mismatch" | "challenge-mismatch" => {
            "https://w3id.org/security#INVALID_CHALLENGE_ERROR"
        }
        "revoked" | "suspended" => {
            "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR"
        }
        "audience-mismatch" => "https://w3id.org/security#INVALID_DOMAIN_ERROR",
        _ => "https://w3id.org/security#PROOF_VERIFICATION_ERROR",
    }
}

/// Whether this issuer stands by what it issued, alone or within a presentation: of others it
/// knows nothing. The document has been verified.
fn own_status(
    service: &Service,
    document: &Value<'static>,
) -> Result<Option<VerifyProblem>, Problem> {
    let opened = opened(document);
    let document = opened.as_ref().unwrap_or(document);
    for held in document.get(CREDENTIAL).map(Value::one_or_more).unwrap_or_default() {
        if let found @ Some(_) = own_status(service, &held.clone().into_owned())? {
            return Ok(found);
        }
    }
    let reason = match status_of(service, document)? {
        None | Some(Status::Valid) => return Ok(None),
        Some(Status::Revoked) => "revoked",
        Some(Status::Suspended) => "suspended",
    };
    Ok(Some(VerifyProblem::of(reason, format!("this service has {reason} it"))))
}

/// The claims in an envelope, as far as all of them are shown.
fn opened(document: &Value<'_>) -> Option<Value<'static>> {
    let envelope = Enveloped::from_value(document)?.ok()?;
    let payload = envelope.data.split('~').next()?.split('.').nth(1)?;
    let payload = decode_base64url(payload).ok()?;
    Some(parse(&payload, &Limits::for_size(payload.len())).ok()?.into_owned())
}

/// The status of a credential of ours, by its entry in a list of ours or else by its id.
fn status_of(service: &Service, document: &Value<'_>) -> Result<Option<Status>, Problem> {
    let listed = |purpose: Option<StatusPurpose>, url: &str, index: usize| {
        let lists = service.state.lists();
        let list = lists.iter().find(|list| list.url(purpose) == url)?;
        list.get(u32::try_from(index).ok()?)
    };
    let entries = document.get("credentialStatus").map(Value::one_or_more).unwrap_or_default();
    for entry in entries.iter().filter_map(Value::as_object) {
        let Ok(entry) = BitstringStatusEntry::from_object(entry) else { continue };
        let found = listed(Some(entry.purpose), &entry.list, entry.index);
        if found.is_some() {
            return Ok(found);
        }
    }
    if let Some(status) = document.get("status")
        && let Ok(Some(reference)) = TokenStatusReference::from_claim(status)
        && let found @ Some(_) = listed(None, &reference.uri, reference.index)
    {
        return Ok(found);
    }
    let issuer = ["issuer", "iss"].into_iter().find_map(|name| document.get(name));
    let issuer = issuer.and_then(|issuer| issuer.as_str().or_else(|| issuer.get("id")?.as_str()));
    if issuer.is_none_or(|issuer| service.state.signers.by_did(issuer).is_none()) {
        return Ok(None);
    }
    let id = ["id", "jti"].into_iter().find_map(|name| document.get(name)?.as_str());
    let found = id.map(|id| service.store.credential_by_name(id)).transpose()?.flatten();
    Ok(found.map(|found| found.status))
}

/// 200 with the verdict. Test suites expect 400 where something does not verify.
fn answered(service: &Service, found: Vec<VerifyProblem>) -> Response {
    let verified = found.is_empty();
    let status = match !verified && service.settings.conformance {
        true => StatusCode::BAD_REQUEST,
        false => StatusCode::OK,
    };
    (status, Json(VerifyResponse { verified, problem_details: found })).into_response()
}

impl Service {
    /// Our own DIDs, and those that hold their own key.
    fn own_evidence(&self) -> Evidence<'static> {
        let web = self.state.signers.issuing().into_iter().filter(|issuing| issuing.is_web());
        web.fold(Evidence::new().with_suites(self.state.signers.suites()), |evidence, issuing| {
            evidence.with_document(issuing.document.clone())
        })
    }
}
