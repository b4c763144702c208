//! Whether the service lives, and how it fares.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::extract::Anybody;
use super::openapi::Refusals;
use crate::event::Caller;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::Role;

fn plain(status: StatusCode, body: String) -> Response {
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(header::CONTENT_TYPE, text)], body).into_response()
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8"), Refusals))]
pub(super) async fn alive() -> Response {
    plain(StatusCode::OK, "ok\n".to_owned())
}

/// Whether it can do its work: the store writes.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8"), Refusals))]
pub(super) async fn ready(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    match service.sled.is_running() && service.state.broken().is_none() {
        true => Ok(plain(StatusCode::OK, "ready\n".to_owned())),
        false => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-ready",
            "the store writes no more; the service's own log says why",
        )),
    }
}

/// Who may read metrics.
pub(super) struct MetricsReader;

impl FromRequestParts<Arc<Service>> for MetricsReader {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        if service.settings.telemetry.open_metrics {
            return Anybody::from_request_parts(parts, service).await.map(|_| Self);
        }
        let caller = Caller::from_request_parts(parts, service).await?;
        caller.require(&[Role::Auditor]).map(|()| Self)
    }
}

/// Metrics for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", security(("token" = [])),
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4"), Refusals))]
pub(super) async fn metrics(State(service): State<Arc<Service>>, _: MetricsReader) -> Response {
    let text = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, text)], service.render_metrics()).into_response()
}

/// A place that is not there.
pub(super) async fn nothing_here(_: Anybody, uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}; /docs lists what there is", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}

/// A method that a place does not know.
pub(super) async fn no_such_method(_: Anybody, method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} is not for {}; /docs lists what is", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}
