//! VC-API (W3C VCALM): issuing whole credentials, deriving, setting status.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bonafide_core::attestation::AttestationType;
use bonafide_core::json::{Value, to_canonical_string};
use bonafide_core::vc::envelop;
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{DeriveInput, Suite, proofs_of};
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::SdJwt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::extract::{Body, Client};
use super::openapi::Refusals;
use crate::event::Caller;
use crate::format::Selective;
use crate::issuance::{Content, Order, Signed};
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Answer, List, Status};
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
    service: &Arc<Service>,
    caller: &Caller,
    instance: Option<&str>,
    body: &Body,
) -> Result<Response, Problem> {
    // Whole credentials can say anything: that is for administrators.
    caller.require(&[])?;
    let mut object = body.object()?;
    let idempotency = body.idempotency(caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
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
    let did = &issuing.instance.did;
    let document =
        whole::check(credential, did, format, service.settings.conformance).map_err(within)?;
    if !service.settings.conformance {
        refuse_attestation(&document).map_err(within)?;
    }
    let named = !may_be_known(service, &document)?;
    let content = Content::Whole { document, named };
    let order = Order { issuing, format, selective, content, at: caller.at };
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

/// Whether another credential has this one's id and may: the one to which this is a further proof;
/// and suites issue the same again and again.
fn may_be_known(service: &Service, document: &Value<'_>) -> Result<bool, Problem> {
    if document.get("proof").is_none() && !service.settings.conformance {
        return Ok(false);
    }
    let id = document.get("id").and_then(Value::as_str);
    let known = id.map(|id| service.store.credential_by_name(id)).transpose()?;
    Ok(known.flatten().is_some())
}

/// Attestations of agents are decided with the agent's life in view, at one place.
fn refuse_attestation(document: &Value<'_>) -> Result<(), Problem> {
    let types = document.get("type").map(Value::one_or_more).unwrap_or_default();
    let known = types.iter().filter_map(Value::as_str).find_map(AttestationType::by_name);
    match known {
        None => Ok(()),
        Some(known) => Err(Problem::malformed(
            "/type",
            format!("{} is attested of enrolled agents: POST /agents/ID/attestations", known.name),
        )),
    }
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
    derive_aside(body).await
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
    derive_aside(body).await
}

/// Where it holds up nobody else: some proofs take tens of milliseconds.
async fn derive_aside(body: Body) -> Result<Response, Problem> {
    tokio::task::spawn_blocking(move || derive_from(&body))
        .await
        .unwrap_or_else(|_| Err(Problem::fault("a derivation did not come to its end")))
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
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    security(("token" = [])), responses((status = 201, body = ListSummary), Refusals))]
pub(super) async fn add_status_list(
    State(service): State<Arc<Service>>,
    Client(caller): Client,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(&[])?;
    let asked: NewList = body.read_or_empty()?;
    let idempotency = body.idempotency(&caller)?;
    let issuing = service.instance(asked.instance.as_deref())?;
    if issuing.list_key().is_none() {
        return Err(Problem::conflict("no-list-key", "this instance's key signs no status lists"));
    }
    let describe = |list: &List| {
        let (instance, url) = (list.instance.clone(), list.url.clone());
        answer::of(StatusCode::CREATED, &ListSummary { number: list.number, instance, url })
    };
    let answer = service.begin_list(&issuing, &caller, idempotency.as_ref(), describe).await?;
    Ok(answer.into_response())
}
