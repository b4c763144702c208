//! Attesting: one at a time, or many at once.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bonafide_core::attestation::{ATTESTATION_TYPES, AttestationType};
use bonafide_core::json::{Object, Value};
use bonafide_core::time::parse_duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agents::find;
use super::extract::Body;
use super::openapi::Refusals;
use crate::authority;
use crate::event::Caller;
use crate::format::{Format, Selective};
use crate::issuance::{Content, Order, Signed};
use crate::problem::Problem;
use crate::service::Service;
use crate::store::Answer;

/// What is to be attested of an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub(super) struct Attestation {
    /// The attestation type.
    #[schema(example = "PactScoreCredential")]
    r#type: String,
    /// The claims. For an AgentIdentityCredential they follow from the enrolment.
    #[schema(value_type = Option<Object>)]
    claims: Option<serde::de::IgnoredAny>,
    /// How it is secured; the instance's own format, if left out.
    #[schema(example = "eddsa-jcs-2022")]
    format: Option<String>,
    /// Which instance issues it; the default one, if left out.
    instance: Option<String>,
    /// For how long, such as 30d or 12h.
    valid_for: Option<String>,
    /// JSON pointers to what its holder can't hide, besides what its type says.
    #[serde(default)]
    mandatory: Vec<String>,
    /// Digests of nothing in each object of an SD-JWT.
    #[serde(default)]
    decoys: usize,
}

/// One of many attestations.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code)]
pub(super) struct BatchItem {
    /// The agent's id.
    agent: String,
    #[serde(flatten)]
    attestation: Attestation,
}

/// Many attestations.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code)]
pub(super) struct Batch {
    /// What is to be attested.
    items: Vec<BatchItem>,
}

/// An issued attestation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub(super) struct IssuedAttestation {
    /// Its id here.
    id: String,
    /// Its id in the document.
    credential_id: String,
    /// Its type.
    #[serde(rename = "type")]
    credential_type: String,
    /// How it is secured.
    format: String,
    /// The credential: an object with a proof, or a token.
    #[schema(value_type = Object)]
    verifiable_credential: serde_json::Value,
}

/// What became of one of many.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub(super) struct BatchResult {
    /// The HTTP status that it alone would have got.
    status: u16,
    /// Its id here.
    id: Option<String>,
    /// Its id in the document.
    credential_id: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    credential_type: Option<String>,
    /// How it is secured.
    format: Option<String>,
    /// The credential.
    #[schema(value_type = Option<Object>)]
    verifiable_credential: Option<serde_json::Value>,
    /// Why it was refused.
    problem: Option<Problem>,
}

/// What became of many.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code)]
pub(super) struct BatchResults {
    /// In the order of the items.
    results: Vec<BatchResult>,
}

/// Issues an attestation of an agent.
#[utoipa::path(post, path = "/agents/{id}/attestations", tag = "attestations", request_body = Attestation,
    params(("id" = String, Path, description = "The agent's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    security(("token" = [])), responses((status = 201, body = IssuedAttestation), Refusals))]
pub(super) async fn attest(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let mut object = body.object()?;
    let idempotency = body.idempotency(&caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let order = decide(&service, &caller, &id, &mut object)?;
    let outcome = service.issue(vec![order], &caller, idempotency.as_ref(), |outcomes| {
        let outcome = outcomes.first().ok_or_else(|| Problem::fault("nothing was issued"))?;
        let body = match outcome {
            Ok(signed) => describe(signed, None),
            Err(problem) => return Err(problem.clone()),
        };
        Ok(Answer { status: StatusCode::CREATED.as_u16(), body })
    });
    let (answer, outcomes) = outcome.await?;
    let location = outcomes.first().and_then(|outcome| outcome.as_ref().ok());
    let location = location.map(|signed| format!("/credentials/{}", signed.id));
    let mut response = answer.into_response();
    if let Some(location) = location.and_then(|place| HeaderValue::from_str(&place).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Issues many attestations at once, each with its own result.
#[utoipa::path(post, path = "/attestations", tag = "attestations", request_body = Batch,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    security(("token" = [])), responses((status = 200, body = BatchResults), Refusals))]
pub(super) async fn batch(
    State(service): State<Arc<Service>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Problem> {
    let mut object = body.object()?;
    let idempotency = body.idempotency(&caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let Some(Value::Array(items)) = object.remove("items") else {
        return Err(Problem::malformed("/items", "expected a list"));
    };
    let most = service.settings.limits.batch;
    if items.is_empty() || items.len() > most {
        return Err(Problem::malformed("/items", format!("expected 1 to {most} items")));
    }
    let decided: Vec<Result<Order, Problem>> = items
        .into_iter()
        .map(|item| {
            let Value::Object(mut item) = item else {
                return Err(Problem::malformed("", "expected an object"));
            };
            let agent = item.remove("agent");
            let agent = agent.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            decide(&service, &caller, &agent, &mut item)
        })
        .collect();
    let mut refused = Vec::new();
    let mut orders = Vec::new();
    for decision in decided {
        match decision {
            Ok(order) => {
                refused.push(None);
                orders.push(order);
            }
            Err(problem) => refused.push(Some(problem)),
        }
    }
    let results = move |outcomes: &Vec<Result<Signed, Problem>>| {
        let mut outcomes = outcomes.iter();
        let mut body = b"{\"results\":[".to_vec();
        for (position, problem) in refused.iter().enumerate() {
            if position > 0 {
                body.push(b',');
            }
            match (problem, if problem.is_none() { outcomes.next() } else { None }) {
                (None, Some(Ok(signed))) => body.extend(describe(signed, Some(201))),
                (Some(problem), _) | (None, Some(Err(problem))) => {
                    body.extend(describe_problem(problem)?);
                }
                (None, None) => return Err(Problem::fault("an outcome is missing")),
            }
        }
        body.extend_from_slice(b"]}");
        Ok(Answer { status: StatusCode::OK.as_u16(), body })
    };
    if orders.is_empty() {
        let (answer, _) = service.nothing_issued(Vec::new(), idempotency.as_ref(), results).await?;
        return Ok(answer.into_response());
    }
    let (answer, _) = service.issue(orders, &caller, idempotency.as_ref(), results).await?;
    Ok(answer.into_response())
}

/// Whether this may be issued, and what exactly.
fn decide(
    service: &Service,
    caller: &Caller,
    agent: &str,
    object: &mut Object<'static>,
) -> Result<Order, Problem> {
    check_form(object)?;
    let name = object.str("type").ok_or_else(|| Problem::malformed("/type", "is missing"))?;
    let known = AttestationType::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = ATTESTATION_TYPES.iter().map(|known| known.name).collect();
        Problem::malformed("/type", format!("expected one of {}", names.join(", ")))
    })?;
    if known.name == authority::GRANT || known.name == authority::DELEGATION {
        return Err(Problem::malformed(
            "/type",
            "grants are made at POST /grants, as the grant policy says, and delegations by agents",
        ));
    }
    authority::may_attest(caller.role, known)?;
    let agent = find(service, agent)?;
    authority::check_agent(&agent, known, caller.at)?;
    let issuing = service.instance(object.str("instance"))?;
    let format = match object.str("format") {
        Some(name) => format_named(name)?,
        None => issuing.format,
    };
    let selective = selective(object);
    selective.check(format).map_err(|error| Problem::malformed("/format", error.to_string()))?;
    let asked = match object.str("validFor") {
        Some(text) => Some(
            parse_duration(text).map_err(|error| Problem::malformed("/validFor", error.detail))?,
        ),
        None => None,
    };
    let rules = &service.settings.issuance;
    let valid_for = authority::lifetime(asked, rules.valid_for, rules.longest)?;
    let claims = match object.remove("claims") {
        None => Object::new(),
        Some(Value::Object(claims)) => claims,
        Some(_) => return Err(Problem::malformed("/claims", "expected an object")),
    };
    let content =
        Content::Attestation { known, agent: Box::new(agent), claims, valid_for, children: 0 };
    Ok(Order { issuing, format, selective, content, at: caller.at })
}

/// What [`Attestation`] says, member by member: claims are read by nothing but the strict parser.
fn check_form(object: &Object<'_>) -> Result<(), Problem> {
    for (name, value) in object.iter() {
        let fits = match name {
            "type" | "format" | "instance" | "validFor" => value.as_str().is_some(),
            "claims" => value.as_object().is_some(),
            "mandatory" => value
                .as_array()
                .is_some_and(|pointers| pointers.iter().all(|pointer| pointer.as_str().is_some())),
            "decoys" => value.as_integer().is_some_and(|decoys| (0..=64).contains(&decoys)),
            _ => return Err(Problem::malformed(&format!("/{name}"), "is not known")),
        };
        if !fits {
            let expected = match name {
                "claims" => "expected an object",
                "mandatory" => "expected a list of JSON pointers",
                "decoys" => "expected 0 to 64",
                _ => "expected a string",
            };
            return Err(Problem::malformed(&format!("/{name}"), expected));
        }
    }
    Ok(())
}

pub(super) fn format_named(name: &str) -> Result<Format, Problem> {
    Format::parse(name).ok_or_else(|| {
        let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        Problem::malformed("/format", format!("expected one of {}", names.join(", ")))
    })
}

fn selective(object: &Object<'_>) -> Selective {
    let mandatory = object.get("mandatory").and_then(Value::as_array).unwrap_or_default();
    Selective {
        mandatory: mandatory
            .iter()
            .filter_map(|pointer| pointer.as_str().map(ToOwned::to_owned))
            .collect(),
        decoys: object
            .get("decoys")
            .and_then(Value::as_integer)
            .and_then(|decoys| usize::try_from(decoys).ok())
            .unwrap_or(0),
        previous: Vec::new(),
    }
}

/// A signed credential as JSON. The credential itself is put in as it was signed.
pub(super) fn describe(signed: &Signed, status: Option<u16>) -> Vec<u8> {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let id = signed.id.to_string();
    let credential_id = signed.document_id.clone().unwrap_or_else(|| signed.id.to_urn());
    let mut body = Vec::with_capacity(signed.secured.len() + 256);
    body.extend_from_slice(b"{");
    if let Some(status) = status {
        body.extend_from_slice(format!("\"status\":{status},").as_bytes());
    }
    body.extend_from_slice(
        format!(
            "\"id\":\"{id}\",\"credentialId\":{},\"type\":{},\"format\":\"{}\",\"verifiableCredential\":",
            text(&credential_id),
            text(&signed.credential_type),
            signed.format.name(),
        )
        .as_bytes(),
    );
    body.extend(signed.as_json());
    body.push(b'}');
    body
}

fn describe_problem(problem: &Problem) -> Result<Vec<u8>, Problem> {
    let value = serde_json::json!({"status": problem.status, "problem": problem});
    serde_json::to_vec(&value).map_err(|error| Problem::fault(&error.to_string()))
}
