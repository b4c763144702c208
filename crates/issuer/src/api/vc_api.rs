//! VC-API (W3C VCALM): issuing whole credentials, deriving, verifying, setting status.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bonafide_core::json::{Value, to_canonical_string};
use bonafide_core::vc::envelop;
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{DeriveInput, Suite, proofs_of};
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::SdJwt;
use bonafide_verifier::{Evidence, Outcome, Reason, Request, verify_proof};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Body, Client};
use super::openapi::Refusals;
use crate::event::Caller;
use crate::format::Selective;
use crate::issuance::{Content, Order, Signed};
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Answer, Status, With};
use crate::whole;

/// A credential to be issued.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct IssueRequest {
    /// The unsigned credential; its issuer is the instance's DID. One that carries a proof gets a
    /// further one.
    #[schema(value_type = Object)]
    credential: serde::de::IgnoredAny,
    /// How it is to be issued.
    #[serde(default)]
    options: Option<IssueOptions>,
}

/// How a credential is to be issued.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IssueOptions {
    /// JSON pointers to what its holder can't hide.
    #[serde(default)]
    mandatory_pointers: Vec<String>,
    /// The id of the proof, or of the proofs, that the new one builds on.
    #[schema(value_type = Option<Object>)]
    previous_proof: Option<OneOrMore>,
}

/// One text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// An issued credential.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub(super) struct IssueResponse {
    /// The credential; a token stands in an envelope.
    #[schema(value_type = Object)]
    verifiable_credential: serde_json::Value,
}

/// Issues a credential by the default instance.
#[utoipa::path(post, path = "/credentials/issue", tag = "vc-api", request_body = IssueRequest,
    security(("token" = [])), responses((status = 201, body = IssueResponse), Refusals))]
pub(super) async fn issue(
    State(service): State<Arc<Service>>,
    Client(caller): Client,
    body: Body,
) -> Result<Response, Problem> {
    issue_as(&service, &caller, None, &body).await
}

/// Issues a credential by an instance.
#[utoipa::path(post, path = "/issuers/{name}/credentials/issue", tag = "vc-api", request_body = IssueRequest,
    params(("name" = String, Path, description = "The instance's name")),
    security(("token" = [])), responses((status = 201, body = IssueResponse), Refusals))]
pub(super) async fn issue_by(
    State(service): State<Arc<Service>>,
    Client(caller): Client,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    issue_as(&service, &caller, Some(&name), &body).await
}

async fn issue_as(
    service: &Service,
    caller: &Caller,
    instance: Option<&str>,
    body: &Body,
) -> Result<Response, Problem> {
    // Whole credentials can say anything: that is for administrators.
    caller.require(&[])?;
    let mut object = body.object()?;
    let idempotency = body.idempotency(caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref())? {
        return Ok(answer.into_response());
    }
    let credential = object.remove("credential");
    let credential = credential.ok_or_else(|| Problem::malformed("/credential", "is missing"))?;
    let request: IssueRequest = body.read_parsed()?;
    let options = request.options.unwrap_or_default();
    let issuing = service.instance(instance)?;
    let format = issuing.format;
    let selective = Selective {
        mandatory: options.mandatory_pointers,
        previous: match options.previous_proof {
            None => Vec::new(),
            Some(OneOrMore::One(id)) => vec![id],
            Some(OneOrMore::More(ids)) => ids,
        },
        ..Selective::default()
    };
    selective.check(format).map_err(|error| Problem::malformed("/options", error.to_string()))?;
    let document =
        whole::check(credential, &issuing, format, service.settings.conformance).map_err(within)?;
    let order =
        Order { issuing, format, selective, content: Content::Whole(document), at: caller.at };
    let answer = |outcomes: &Vec<Result<Signed, Problem>>| match outcomes.first() {
        Some(Ok(signed)) => {
            Ok(Answer { status: StatusCode::CREATED.as_u16(), body: described(signed) })
        }
        Some(Err(problem)) => Err(problem.clone()),
        None => Err(Problem::fault("nothing was issued")),
    };
    let (answer, _) = service.issue(vec![order], caller, idempotency.as_ref(), answer).await?;
    Ok(answer.into_response())
}

/// What is wrong in the credential is wrong below `/credential`.
fn within(mut problem: Problem) -> Problem {
    for fault in &mut problem.errors {
        fault.pointer = format!("/credential{}", fault.pointer);
    }
    problem
}

fn described(signed: &Signed) -> Vec<u8> {
    let text = String::from_utf8_lossy(&signed.secured);
    let credential = match signed.format.is_token() {
        true => to_canonical_string(&envelop(&text, signed.format.media_type())),
        false => text.into_owned(),
    };
    format!("{{\"verifiableCredential\":{credential}}}").into_bytes()
}

/// A credential of which a part is to be shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct DeriveRequest {
    /// The credential as its issuer signed it.
    #[schema(value_type = Object)]
    verifiable_credential: serde::de::IgnoredAny,
    /// What is to be shown.
    #[serde(default)]
    options: DeriveOptions,
}

/// What is to be shown.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeriveOptions {
    /// JSON pointers to it; what is mandatory is always shown.
    #[serde(default)]
    selective_pointers: Vec<String>,
}

/// Derives a credential that shows a part of another.
#[utoipa::path(post, path = "/credentials/derive", tag = "vc-api", request_body = DeriveRequest,
    security(("token" = [])), responses((status = 201, body = IssueResponse), Refusals))]
pub(super) async fn derive(_: Client, body: Body) -> Result<Response, Problem> {
    derive_from(&body)
}

/// Derives a credential that shows a part of another.
#[utoipa::path(post, path = "/issuers/{name}/credentials/derive", tag = "vc-api", request_body = DeriveRequest,
    params(("name" = String, Path, description = "The instance's name")),
    security(("token" = [])), responses((status = 201, body = IssueResponse), Refusals))]
pub(super) async fn derive_by(
    State(service): State<Arc<Service>>,
    _: Client,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    service.instance(Some(&name))?;
    derive_from(&body)
}

fn derive_from(body: &Body) -> Result<Response, Problem> {
    const WHERE: &str = "/verifiableCredential";
    let mut object = body.object()?;
    let credential = object.remove("verifiableCredential");
    let credential = credential.ok_or_else(|| Problem::malformed(WHERE, "is missing"))?;
    let request: DeriveRequest = body.read_parsed()?;
    let reveal: Vec<&str> = request.options.selective_pointers.iter().map(String::as_str).collect();
    let refuse = |detail: String| Problem::malformed(WHERE, detail);
    let derived = match &credential {
        Value::String(token) => {
            let typ = SdJwt::peek_typ(token).unwrap_or_default();
            let known = [TokenType::VC_SD_JWT, TokenType::DC_SD_JWT];
            let known = known.into_iter().find(|known| known.typ == typ);
            let known = known.ok_or_else(|| refuse("expected an SD-JWT".to_owned()))?;
            SdJwt::parse(token, known)
                .and_then(|token| token.present(&reveal))
                .map(|token| serde_json::Value::from(token).to_string())
                .map_err(|error| refuse(error.to_string()))?
        }
        Value::Object(document) => {
            let proofs = proofs_of(document).map_err(|error| refuse(error.to_string()))?;
            let selective = |proof: &&_| SUITES.of_proof(proof).is_ok_and(Suite::is_selective);
            let proof = proofs
                .iter()
                .find(selective)
                .ok_or_else(|| refuse("no proof that discloses a part".to_owned()))?;
            let input = DeriveInput { document, proof, reveal: &reveal, presentation_header: &[] };
            let derived = SUITES.of_proof(proof).and_then(|suite| suite.derive(input));
            let derived = derived.map_err(|error| refuse(error.to_string()))?;
            to_canonical_string(&derived.into())
        }
        _ => return Err(refuse("expected an object".to_owned())),
    };
    let body = format!("{{\"verifiableCredential\":{derived}}}").into_bytes();
    Ok(Answer { status: StatusCode::CREATED.as_u16(), body }.into_response())
}

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
#[derive(Debug, Default, Deserialize, ToSchema)]
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
    verify_one(&service, &body)
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
    verify_one(&service, &body)
}

fn verify_one(service: &Service, body: &Body) -> Result<Response, Problem> {
    let credential = taken(body, "verifiableCredential")?;
    let request: VerifyCredential = body.read_parsed()?;
    let options = request.options;
    check_options(&options)?;
    let mut found = verified(service, &credential, &options, "verifiableCredential");
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
    service: &Service,
    caller: &Caller,
    body: &Body,
) -> Result<Response, Problem> {
    let presentation = taken(body, "verifiablePresentation")?;
    let request: VerifyPresentation = body.read_parsed()?;
    let options = request.options;
    check_options(&options)?;
    if service.settings.conformance {
        let found = verified(service, &presentation, &options, "verifiablePresentation");
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
    let mut found = verified(service, &presentation, &options, "verifiablePresentation");
    // Used up only by a presentation that is good, so that nobody burns another's challenge.
    if found.is_empty()
        && let Err(error) = service.store.redeem(known.digest, known.until, With::default()).await
    {
        match error {
            crate::store::StoreError::Exists(why) => found.push(invalid_challenge(why)),
            other => return Err(other.into()),
        }
    }
    Ok(answered(service, found))
}

fn invalid_challenge(detail: &str) -> VerifyProblem {
    VerifyProblem {
        problem_type: "https://w3id.org/security#INVALID_CHALLENGE_ERROR".to_owned(),
        title: "challenge-mismatch".to_owned(),
        detail: detail.to_owned(),
    }
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

/// What is not good of form and proof, and of the answer if one is asked for.
fn verified(
    service: &Service,
    document: &Value<'static>,
    options: &VerifyOptions,
    what: &str,
) -> Vec<VerifyProblem> {
    let mut request = Request::new();
    if let Some(challenge) = &options.challenge {
        request = request.nonce(challenge);
    }
    if let Some(domain) = &options.domain {
        request = request.audience(domain);
    }
    let is_presentation = what == "verifiablePresentation";
    if is_presentation != whole::is_presentation(document) {
        let detail = match is_presentation {
            true => "expected a VerifiablePresentation",
            false => "expected a VerifiableCredential",
        };
        return vec![VerifyProblem {
            problem_type: "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR".to_owned(),
            title: "malformed".to_owned(),
            detail: detail.to_owned(),
        }];
    }
    let text = to_canonical_string(document);
    let now = service.environment.now().timestamp();
    let report = verify_proof(text.as_bytes(), &request, &service.own_evidence(), now);
    if report.outcome == Outcome::Accepted {
        return Vec::new();
    }
    let found: Vec<VerifyProblem> =
        report.checks.iter().flat_map(|check| &check.reasons).map(problem).collect();
    match found.is_empty() {
        false => found,
        true => vec![VerifyProblem {
            problem_type: "https://w3id.org/security#PROOF_VERIFICATION_ERROR".to_owned(),
            title: "undecided".to_owned(),
            detail: "not everything could be checked".to_owned(),
        }],
    }
}

fn problem(reason: &Reason) -> VerifyProblem {
    VerifyProblem {
        problem_type: problem_type(reason.code()).to_owned(),
        title: reason.code().to_owned(),
        detail: reason.to_string(),
    }
}

/// The standards' name for a reason.
fn problem_type(code: &str) -> &'static str {
    match code {
        "malformed" | "too-large" => "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR",
        "nonce-mismatch" => "https://w3id.org/security#INVALID_CHALLENGE_ERROR",
        "audience-mismatch" => "https://w3id.org/security#INVALID_DOMAIN_ERROR",
        _ => "https://w3id.org/security#PROOF_VERIFICATION_ERROR",
    }
}

/// Whether this issuer stands by a credential of its own: of others it knows nothing.
fn own_status(
    service: &Service,
    document: &Value<'static>,
) -> Result<Option<VerifyProblem>, Problem> {
    let Some(id) = document.get("id").and_then(Value::as_str) else { return Ok(None) };
    let Some(found) = service.store.credential_by_name(id)? else { return Ok(None) };
    let reason = match found.status {
        Status::Valid => return Ok(None),
        Status::Revoked => "revoked",
        Status::Suspended => "suspended",
    };
    Ok(Some(VerifyProblem {
        problem_type: "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR"
            .to_owned(),
        title: reason.to_owned(),
        detail: format!("this service has {reason} it"),
    }))
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
        web.fold(Evidence::new().with_suites(SUITES), |evidence, issuing| {
            evidence.with_document(issuing.document.clone())
        })
    }
}

/// A status to be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StatusRequest {
    /// The credential's id, here or in the document.
    credential_id: String,
    /// Which status.
    credential_status: StatusEntry,
    /// Whether it is set; revocation can't be taken back.
    status: bool,
}

/// Which status.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StatusEntry {
    /// BitstringStatusListEntry
    r#type: String,
    /// revocation or suspension
    status_purpose: Option<String>,
}

/// Sets the status of a credential.
#[utoipa::path(post, path = "/credentials/status", tag = "vc-api", request_body = StatusRequest,
    security(("token" = [])), responses((status = 200, body = super::credentials::CredentialSummary), Refusals))]
pub(super) async fn set_status(
    State(service): State<Arc<Service>>,
    Client(caller): Client,
    body: Body,
) -> Result<Response, Problem> {
    let asked: StatusRequest = body.read()?;
    if asked.credential_status.r#type != "BitstringStatusListEntry" {
        let detail = "expected BitstringStatusListEntry";
        return Err(Problem::malformed("/credentialStatus/type", detail));
    }
    let status = match (asked.credential_status.status_purpose.as_deref(), asked.status) {
        (Some("revocation") | None, true) => Status::Revoked,
        (Some("suspension"), true) => Status::Suspended,
        (Some("suspension"), false) => Status::Valid,
        (Some("revocation") | None, false) => {
            return Err(Problem::conflict("revocation-is-final", "revocation can't be taken back"));
        }
        (Some(_), _) => {
            let detail = "expected revocation or suspension";
            return Err(Problem::malformed("/credentialStatus/statusPurpose", detail));
        }
    };
    let shown = service.set_one(&caller, &asked.credential_id, status, None).await?;
    Ok(Json(shown).into_response())
}

/// Which instance a list is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewList {
    /// The instance's name; the default one, if left out.
    instance: Option<String>,
}

/// A status list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListSummary {
    /// Its number.
    number: u32,
    /// The instance it is for.
    instance: String,
    /// The URL that its forms begin with.
    url: String,
}

/// Begins a new status list; what is issued from now on gets its entries there. The service does so
/// by itself when a list is full.
#[utoipa::path(post, path = "/status-lists", tag = "vc-api", request_body = Option<NewList>,
    security(("token" = [])), responses((status = 201, body = ListSummary), Refusals))]
pub(super) async fn add_status_list(
    State(service): State<Arc<Service>>,
    Client(caller): Client,
    body: Body,
) -> Result<(StatusCode, Json<ListSummary>), Problem> {
    caller.require(&[])?;
    let asked: NewList = body.read_or_empty()?;
    let issuing = service.instance(asked.instance.as_deref())?;
    if issuing.list_key().is_none() {
        return Err(Problem::conflict("no-list-key", "this instance's key signs no status lists"));
    }
    let list = service.begin_list(&issuing).await?;
    Ok((
        StatusCode::CREATED,
        Json(ListSummary { number: list.number, instance: list.instance, url: list.url }),
    ))
}
