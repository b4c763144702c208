//! Issuing instances and their keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bonafide_core::key::KeyType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agents::Why;
use super::answer;
use super::extract::{Anybody, Body};
use super::openapi::Refusals;
use crate::event::{Caller, EventDraft};
use crate::problem::Problem;
use crate::service::Service;
use crate::signer::Issuing;
use crate::store::{Answer, Idempotency, KeyState, With};

/// An issuing instance.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IssuerSummary {
    /// Its name, part of its URLs.
    name: String,
    /// Its DID.
    did: String,
    /// The format it signs in.
    format: String,
    /// Its keys, oldest first.
    keys: Vec<KeySummary>,
}

/// A key of an instance.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeySummary {
    /// Its name in the DID document.
    name: String,
    /// Its type, such as Ed25519.
    #[serde(rename = "type")]
    key_type: String,
    /// Whether it signs.
    state: KeyState,
    /// The public key as Multikey.
    public_key_multibase: String,
    /// When it was made, in milliseconds since 1970.
    created_at: u64,
}

fn summary(issuing: &Issuing) -> IssuerSummary {
    let key = |key: &crate::signer::Key| KeySummary {
        name: key.record.name.clone(),
        key_type: key.public.key_type().to_string(),
        state: key.record.state,
        public_key_multibase: key.record.public.clone(),
        created_at: key.record.created_at.0,
    };
    IssuerSummary {
        name: issuing.instance.name.clone(),
        did: issuing.instance.did.clone(),
        format: issuing.instance.format.clone(),
        keys: issuing.keys.iter().map(key).collect(),
    }
}

/// Every issuing instance.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Issuers {
    /// The instances, by name.
    items: Vec<IssuerSummary>,
}

/// Lists who issues here, and with which keys.
#[utoipa::path(get, path = "/issuers", tag = "issuers",
    responses((status = 200, body = Issuers), Refusals))]
pub(super) async fn list(State(service): State<Arc<Service>>, _: Anybody) -> Json<Issuers> {
    let instances = service.state.signers.issuing();
    Json(Issuers { items: instances.iter().map(|issuing| summary(issuing)).collect() })
}

/// Which key is to be replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rotation {
    /// Its type, such as Ed25519; every type that the instance has, if left out.
    key_type: Option<String>,
}

/// Makes new keys, with which the instance signs from now on. What the old ones signed stays good.
#[utoipa::path(post, path = "/issuers/{name}/rotate", tag = "issuers", request_body = Option<Rotation>,
    params(("name" = String, Path, description = "The instance's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request gets the first answer.")),
    security(("token" = [])), responses((status = 200, body = IssuerSummary), Refusals))]
pub(super) async fn rotate(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(&[])?;
    let asked: Rotation = body.read_or_empty()?;
    let idempotency = body.idempotency(&caller)?;
    if let Some(answer) = service.repeated(idempotency.as_ref()).await? {
        return Ok(answer.into_response());
    }
    let _one_at_a_time = service.changing_keys.lock().await;
    let issuing = changeable(&service, &name)?;
    let types = active_types(&issuing);
    let wanted: Vec<KeyType> = match &asked.key_type {
        None => types,
        Some(name) => {
            let of_name = |known: &KeyType| known.to_string().eq_ignore_ascii_case(name);
            let found: Vec<KeyType> = types.iter().copied().filter(of_name).collect();
            if found.is_empty() {
                let names: Vec<String> = types.iter().map(ToString::to_string).collect();
                let detail = format!("expected one of {}", names.join(", "));
                return Err(Problem::malformed("/keyType", detail));
            }
            found
        }
    };
    let change = Change { types: &wanted, compromised: None, reason: None };
    let changed = replace(&service, &caller, &issuing, &change, idempotency.as_ref()).await?;
    Ok(changed.into_response())
}

/// Says that a key is compromised: it signs no more, its place is taken by a new one, and all that
/// it ever signed falls.
#[utoipa::path(post, path = "/issuers/{name}/keys/{key}/compromised", tag = "issuers", request_body = Option<Why>,
    params(("name" = String, Path, description = "The instance's name"),
        ("key" = String, Path, description = "The key's name, such as key-1")),
    security(("token" = [])), responses((status = 200, body = IssuerSummary), Refusals))]
pub(super) async fn compromised(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path((name, key)): Path<(String, String)>,
    body: Body,
) -> Result<Response, Problem> {
    caller.require(&[])?;
    let why = Why::read(&body)?;
    let _one_at_a_time = service.changing_keys.lock().await;
    let issuing = changeable(&service, &name)?;
    let found = issuing.keys.iter().find(|known| known.record.name == key);
    let found = found.ok_or_else(|| Problem::not_found("key"))?;
    if found.record.state == KeyState::Compromised {
        return Ok(Json(summary(&issuing)).into_response());
    }
    let wanted: &[KeyType] = match found.record.state {
        KeyState::Active => &[found.public.key_type()],
        KeyState::Retired | KeyState::Compromised => &[],
    };
    let change = Change { types: wanted, compromised: Some(&key), reason: why.reason };
    Ok(replace(&service, &caller, &issuing, &change, None).await?.into_response())
}

/// A did:key is its one key for good.
fn changeable(service: &Service, name: &str) -> Result<Arc<Issuing>, Problem> {
    let issuing = service.instance(Some(name))?;
    match issuing.is_web() {
        true => Ok(issuing),
        false => Err(Problem::conflict(
            "did-key",
            format!(
                "the instance {name} is a did:key, whose key can't change; use one with a did:web"
            ),
        )),
    }
}

fn active_types(issuing: &Issuing) -> Vec<KeyType> {
    let mut types = Vec::new();
    for key in issuing.keys.iter().filter(|key| key.record.state == KeyState::Active) {
        if !types.contains(&key.public.key_type()) {
            types.push(key.public.key_type());
        }
    }
    types
}

/// What is to become of an instance's keys.
struct Change<'c> {
    /// The types of which there is to be a new key.
    types: &'c [KeyType],
    /// The key that is compromised.
    compromised: Option<&'c str>,
    /// Why.
    reason: Option<String>,
}

async fn replace(
    service: &Service,
    caller: &Caller,
    issuing: &Issuing,
    change: &Change<'_>,
    idempotency: Option<&Idempotency>,
) -> Result<Answer, Problem> {
    let Change { types, compromised, reason } = change;
    let name = &issuing.instance.name;
    let mut records = Vec::new();
    for key in &issuing.keys {
        let mut record = key.record.clone();
        if *compromised == Some(record.name.as_str()) {
            record.state = KeyState::Compromised;
            record.compromised_at = Some(caller.at);
        } else if record.state == KeyState::Active && types.contains(&key.public.key_type()) {
            record.state = KeyState::Retired;
        } else {
            continue;
        }
        // It signs no more: nobody needs the secret.
        record.sealed = String::new();
        records.push(record);
    }
    for (number, key_type) in (service.next_key(issuing)..).zip(*types) {
        let signers = &service.state.signers;
        let made = signers.generate(name, number, *key_type, &service.environment);
        records.push(made.map_err(|error| Problem::fault(&error.to_string()))?);
    }
    let described: Vec<_> = records
        .iter()
        .map(|record| serde_json::json!({"key": record.name, "public": record.public, "state": record.state}))
        .collect();
    let kind = if compromised.is_some() { "key-compromised" } else { "keys-rotated" };
    let event = EventDraft::new(kind)
        .with("instance", name)
        .with("keys", &described)
        .with("reason", reason)
        .finish(caller, &service.environment)?;
    // What it will be, so that a repetition is told the same.
    let after = service
        .state
        .signers
        .with_keys(issuing, &records)
        .map_err(|error| Problem::fault(&error.to_string()))?;
    let answer = answer::of(StatusCode::OK, &summary(&after))?;
    let with = With {
        events: vec![event],
        idempotency: idempotency.cloned(),
        answer: Some(answer.clone()),
        ..With::default()
    };
    if let Err(error) = service.store.put_keys(records, with).await {
        return service.or_repeated(error, idempotency).await;
    }
    match service.state.broken() {
        Some(broken) => Err(Problem::fault(&broken)),
        None => Ok(answer),
    }
}
