//! What happens around every request: its id, its line in the service's own log, its metrics.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::extract::{Asker, RequestId};
use crate::event::{Caller, EventDraft};
use crate::problem::{Problem, Refusal};
use crate::service::Service;
use crate::store::With;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id, and notes how it went. Neither bodies nor headers nor query strings are
/// looked at: they could hold secrets.
// Latencies are measured where they arise; no decision rests on this clock.
#[allow(clippy::disallowed_methods)]
pub(super) async fn observe(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    let (id, asker) = (own_id(&request), Asker::default());
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(asker.clone());
    let method = known(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let began = Instant::now();
    let mut response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    if let (Some(refusal), Some(caller)) = (response.extensions().get::<Refusal>(), asker.0.get()) {
        note_refusal(&service, caller, method, &route, refusal);
    }
    tracing::info!(
        request = %id,
        method,
        route = %route,
        status,
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    if let Some(activity) = activity(&labels[0].1, status) {
        metrics::histogram!("bonafide_activity_seconds", "activity" => activity)
            .record(took.as_secs_f64());
    }
    metrics::histogram!("bonafide_request_seconds", &labels).record(took.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Puts on the log that somebody with a token was refused what it asked for. Not waited for: the
/// answer says the same whether or not it is there yet.
fn note_refusal(service: &Service, caller: &Caller, method: &str, route: &str, refusal: &Refusal) {
    // Who asks again and again is on the log, but not each time.
    if service.limits.refusal(caller.token.or(caller.agent)).is_err() {
        metrics::counter!("bonafide_refusals_unlogged_total").increment(1);
        return;
    }
    let event = EventDraft::new("request-refused")
        .with("decision", &"refused")
        .with("action", &format!("{method} {route}"))
        .with("code", &refusal.code)
        .finish(caller, &service.environment);
    match event {
        Ok(event) => drop(service.store.note(With { events: vec![event], ..With::default() })),
        Err(error) => tracing::error!(%error, "a refusal could not be put on the log"),
    }
}

/// A method by its name; whatever else a client makes up is one and the same.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// What was done, for those who watch no routes.
fn activity(route: &str, status: u16) -> Option<&'static str> {
    match route {
        _ if status >= 300 => None,
        "/agents/{id}/attestations"
        | "/credentials/issue"
        | "/issuers/{name}/credentials/issue" => Some("issuance"),
        "/attestations" => Some("batch issuance"),
        "/grants" => Some("grant"),
        _ if route.ends_with("/verify") => Some("verification"),
        _ if route.ends_with("/revoke") || route == "/credentials/status" => Some("revocation"),
        _ => None,
    }
}

/// The id that a proxy gave the request, or a new one.
fn own_id(request: &Request) -> String {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    match given {
        Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(plain) => id.to_owned(),
        _ => format!("{:016x}", random_id()),
    }
}

/// Tells requests apart; no secret.
fn random_id() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// A handler that panicked: said without what it was about.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::fault("a handler panicked").into_response()
}
