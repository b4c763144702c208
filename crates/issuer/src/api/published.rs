//! What anybody may read: DID documents, status lists, the trust bundle, changes of status.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bonafide_core::did::{Did, resolve_self_certifying};
use bonafide_core::json::to_canonical_string;
use bonafide_core::status::StatusPurpose;
use serde::Serialize;
use serde_json::json;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt};

use super::extract::Anybody;
use super::openapi::Refusals;
use crate::problem::Problem;
use crate::service::Service;
use crate::signer::Issuing;
use crate::status::{Form, PublishError};

/// The DID document of the service's did:web.
#[utoipa::path(get, path = "/.well-known/did.json", tag = "issuers",
    responses((status = 200, body = Object, content_type = "application/did"), Refusals))]
pub(super) async fn did_document(
    State(service): State<Arc<Service>>,
    _: Anybody,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    document(&*service.instance(None)?, &headers)
}

/// The DID document of an instance.
#[utoipa::path(get, path = "/issuers/{name}/did.json", tag = "issuers",
    params(("name" = String, Path, description = "The instance's name")),
    responses((status = 200, body = Object, content_type = "application/did"), Refusals))]
pub(super) async fn did_document_of(
    State(service): State<Arc<Service>>,
    _: Anybody,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    document(&*service.instance(Some(&name))?, &headers)
}

fn document(issuing: &Issuing, headers: &HeaderMap) -> Result<Response, Problem> {
    if !issuing.is_web() {
        return Err(Problem::not_found("DID document"));
    }
    let body = to_canonical_string(issuing.document.as_value());
    let known =
        ["application/did", "application/did+ld+json", "application/ld+json", "application/json"];
    let media_type = accepts(headers, &known).unwrap_or("application/did");
    Ok(cached(media_type, &etag_of(&body), 60, body.into_bytes(), headers))
}

fn etag_of(text: &str) -> String {
    use sha2::Digest;
    format!("\"{}\"", &bonafide_core::encoding::hex(&sha2::Sha256::digest(text))[..32])
}

/// Of `known`, which lies in our order, the one that the client likes best and names.
fn accepts(headers: &HeaderMap, known: &[&'static str]) -> Option<&'static str> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok())?;
    let ranges: Vec<(&str, f32)> = accept.split(',').filter_map(range).collect();
    let liked = known.iter().filter_map(|media_type| {
        let named = |(name, _): &&(&str, f32)| media_type.eq_ignore_ascii_case(name);
        let (_, quality) = ranges.iter().find(named)?;
        (*quality > 0.0).then_some((*media_type, *quality))
    });
    // The first of those that are liked alike.
    liked.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(name, _)| name)
}

/// A media range and its quality (RFC 9110, 12.5.1).
fn range(text: &str) -> Option<(&str, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next()?;
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    Some((name, quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0))))
}

/// A body with its entity tag, or the word that the client's copy is still good.
fn cached(
    media_type: &'static str,
    etag: &str,
    seconds: u64,
    body: Vec<u8>,
    headers: &HeaderMap,
) -> Response {
    let age = format!("public, max-age={seconds}");
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    let common = [
        (header::ETAG, value(etag)),
        (header::CACHE_CONTROL, value(&age)),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| {
        known.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == etag)
    }) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
}

/// A Token Status List.
#[utoipa::path(get, path = "/status/{number}", tag = "status",
    params(("number" = u32, Path, description = "The list's number")),
    responses((status = 200, body = String, content_type = "application/statuslist+jwt"), (status = 304), Refusals))]
pub(super) async fn token_list(
    State(service): State<Arc<Service>>,
    _: Anybody,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list(&service, &number, Form::Token, "application/statuslist+jwt", &headers)
}

/// A Bitstring Status List for one purpose, revocation or suspension: with a Data Integrity proof
/// unless `Accept` asks for `application/vc+jwt`; or the Token Status List of the same state, for
/// `application/statuslist+jwt`.
#[utoipa::path(get, path = "/status/{number}/{purpose}", tag = "status",
    params(("number" = u32, Path, description = "The list's number"),
        ("purpose" = String, Path, description = "revocation or suspension")),
    responses((status = 200, content((Object = "application/vc"), (Object = "application/ld+json"), (Object = "application/json"), (String = "application/vc+jwt"), (String = "application/statuslist+jwt"))), (status = 304), Refusals))]
pub(super) async fn bitstring_list(
    State(service): State<Arc<Service>>,
    _: Anybody,
    Path((number, purpose)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let purpose = match purpose.as_str() {
        "revocation" => StatusPurpose::Revocation,
        "suspension" => StatusPurpose::Suspension,
        _ => return Err(Problem::not_found("status list")),
    };
    let known = [
        "application/vc",
        "application/ld+json",
        "application/json",
        "application/vc+jwt",
        "application/statuslist+jwt",
    ];
    let media_type = accepts(&headers, &known).unwrap_or("application/vc");
    let form = match media_type {
        "application/vc+jwt" => Form::Jwt(purpose),
        "application/statuslist+jwt" => Form::Token,
        _ => Form::DataIntegrity(purpose),
    };
    list(&service, &number, form, media_type, &headers)
}

fn list(
    service: &Service,
    number: &str,
    form: Form,
    media_type: &'static str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("status list");
    let list = number.parse().ok().and_then(|number| service.state.find_list(number));
    let list = list.ok_or_else(missing)?;
    let issuing = service.state.signers.instance(&list.list.instance).ok_or_else(missing)?;
    let lifetimes = service.lifetimes();
    let published = list.published(form, &issuing, lifetimes, &service.environment).map_err(
        |error| match error {
            PublishError::NoPurpose | PublishError::NoKey => missing(),
            other => Problem::fault(&other.to_string()),
        },
    )?;
    // Caches on the way may keep it for a second: so soon is a revocation seen everywhere.
    Ok(cached(media_type, &published.etag, 1, published.bytes.clone(), headers))
}

/// The trust bundle: DID documents and status lists of this issuer, signed; for `bonafide bundle
/// pull`.
#[utoipa::path(get, path = "/bundle", tag = "status",
    responses((status = 200, body = String, content_type = "application/bonafide-bundle+jwt"), (status = 304), Refusals))]
pub(super) async fn bundle(
    State(service): State<Arc<Service>>,
    _: Anybody,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let made = service.trust_bundle()?;
    let body = made.text.clone().into_bytes();
    Ok(cached("application/bonafide-bundle+jwt", &made.etag, 1, body, &headers))
}

/// How many follow the feed at once.
const MOST_FOLLOWERS: usize = 1024;

/// Changes of status as they are committed (Server-Sent Events). Each event `status` has as its
/// data `{"list", "index", "status"}`; an event `missed` says that some were missed and the lists
/// have to be read anew.
#[utoipa::path(get, path = "/status/events", tag = "status",
    responses((status = 200, body = String, content_type = "text/event-stream"), Refusals))]
pub(super) async fn feed(
    State(service): State<Arc<Service>>,
    _: Anybody,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    // Each holds a connection for as long as it likes.
    if service.state.feed.receiver_count() > MOST_FOLLOWERS {
        let detail = "as many follow the feed as can be served";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-followers", detail));
    }
    let changes = BroadcastStream::new(service.state.feed.subscribe());
    let until_the_end = changes.take_while(|change| !matches!(change, Ok(None)));
    let events = until_the_end.filter_map(|change| {
        Some(Ok(match change {
            Ok(change) => {
                let change = change?;
                let data =
                    json!({"list": change.list, "index": change.index, "status": change.status});
                Event::default().event("status").data(data.to_string())
            }
            Err(BroadcastStreamRecvError::Lagged(missed)) => {
                Event::default().event("missed").data(json!({"missed": missed}).to_string())
            }
        }))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Resolves a DID (DID Resolution v1): those of this service, and those that hold their own key.
#[utoipa::path(get, path = "/1.0/identifiers/{did}", tag = "issuers",
    params(("did" = String, Path, description = "The DID")),
    responses(
        (status = 200, content((Object = "application/did-resolution"), (Object = "application/did"), (Object = "application/did+ld+json"), (Object = "application/did+json"), (Object = "application/did-url-dereferencing"))),
        (status = 400, body = Object, content_type = "application/did-resolution"),
        (status = 404, body = Object, content_type = "application/did-resolution"),
        (status = 406, body = Object, content_type = "application/did-resolution"),
        (status = 501, body = Object, content_type = "application/did-resolution"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn resolve(
    State(service): State<Arc<Service>>,
    _: Anybody,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Response {
    const RESULT: &str = "application/did-resolution";
    const DEREFERENCED: &str = "application/did-url-dereferencing";
    const DOCUMENT: [&str; 5] = [
        "application/did",
        "application/did+ld+json",
        "application/did+json",
        "application/ld+json",
        "application/json",
    ];
    let error = |status: StatusCode, name: &str, detail: String| {
        let kind = format!("https://www.w3.org/ns/did#{name}");
        let body = json!({
            "didDocument": null,
            "didDocumentMetadata": {},
            "didResolutionMetadata": {"contentType": RESULT, "error": {"type": kind, "title": detail}},
        });
        typed(status, RESULT, &body)
    };
    let document = match find_document(&service, &text) {
        Ok(document) => document,
        Err((status, name, detail)) => return error(status, name, detail),
    };
    let anything = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_none_or(|accept| accept.contains("*/*") || accept.contains("application/*"));
    let known: Vec<&'static str> = [RESULT, DEREFERENCED].into_iter().chain(DOCUMENT).collect();
    match accepts(&headers, &known) {
        Some(DEREFERENCED) => {
            let metadata = json!({"contentType": "application/did"});
            let body = json!({"contentMetadata": {}, "contentStream": document, "dereferencingMetadata": metadata});
            typed(StatusCode::OK, DEREFERENCED, &body)
        }
        Some(media_type) if media_type != RESULT => typed(StatusCode::OK, media_type, &document),
        Some(_) => result(RESULT, &document),
        None if anything => result(RESULT, &document),
        None => error(
            StatusCode::NOT_ACCEPTABLE,
            "REPRESENTATION_NOT_SUPPORTED",
            "none of the media types of Accept can be served".to_owned(),
        ),
    }
}

fn result(media_type: &'static str, document: &serde_json::Value) -> Response {
    let body = json!({
        "didDocument": document,
        "didDocumentMetadata": {},
        "didResolutionMetadata": {"contentType": media_type},
    });
    typed(StatusCode::OK, media_type, &body)
}

fn typed(status: StatusCode, media_type: &'static str, body: &impl Serialize) -> Response {
    let media_type = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
    (status, media_type, Json(body)).into_response()
}

type Refused = (StatusCode, &'static str, String);

fn find_document(service: &Service, text: &str) -> Result<serde_json::Value, Refused> {
    let invalid = |detail: String| (StatusCode::BAD_REQUEST, "INVALID_DID", detail);
    let did = Did::parse(text).map_err(|error| invalid(error.to_string()))?;
    let value = |document: &bonafide_core::did::DidDocument| {
        serde_json::from_str(&to_canonical_string(document.as_value())).unwrap_or_default()
    };
    if let Some(issuing) = service.state.signers.by_did(text) {
        return Ok(value(&issuing.document));
    }
    match (resolve_self_certifying(did), did.method()) {
        (Some(Ok(document)), _) => Ok(value(&document)),
        (Some(Err(error)), _) => Err(invalid(error.to_string())),
        (None, "web" | "webvh") => Err((
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "this service resolves its own DIDs and those that hold their own key".to_owned(),
        )),
        (None, method) => Err((
            StatusCode::NOT_IMPLEMENTED,
            "METHOD_NOT_SUPPORTED",
            format!("did:{method} is not supported"),
        )),
    }
}
