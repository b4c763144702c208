//! The HTTP API: every route in one place, handlers by noun.

mod agents;
mod answer;
mod attestations;
mod audit;
mod backup;
mod credentials;
mod enrolment;
mod extract;
mod grants;
mod health;
mod issuers;
mod links;
mod middleware;
mod oauth;
mod old_jwt;
mod openapi;
mod presenter;
mod published;
mod renewal;
mod tokens;
mod transparency;
mod vc_api;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Service;

/// Every route, and the OpenAPI description of them.
fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(openapi::base())
        // Agents and their lives.
        .routes(routes!(enrolment::enrol, agents::list))
        .routes(routes!(agents::show, agents::change))
        .routes(routes!(agents::suspend))
        .routes(routes!(agents::resume))
        .routes(routes!(agents::retire))
        .routes(routes!(agents::history))
        .routes(routes!(enrolment::challenge))
        .routes(routes!(links::make, links::list))
        .routes(routes!(links::revoke))
        .routes(routes!(links::enrol))
        // What is attested of them.
        .routes(routes!(attestations::attest))
        .routes(routes!(attestations::batch))
        .routes(routes!(credentials::list))
        .routes(routes!(credentials::show))
        .routes(routes!(credentials::revoke))
        .routes(routes!(credentials::suspend))
        .routes(routes!(credentials::resume))
        .routes(routes!(credentials::revoke_of_agent))
        .routes(routes!(credentials::revoke_of_type))
        // What agents ask for themselves.
        .routes(routes!(renewal::renew))
        .routes(routes!(renewal::rekey))
        .routes(routes!(grants::ask))
        .routes(routes!(grants::complete))
        .routes(routes!(grants::revoke_child))
        // VC-API.
        .routes(routes!(vc_api::issue))
        .routes(routes!(vc_api::issue_by))
        .routes(routes!(vc_api::derive))
        .routes(routes!(vc_api::derive_by))
        .routes(routes!(verify::verify_credential))
        .routes(routes!(verify::verify_credential_by))
        .routes(routes!(verify::verify_presentation))
        .routes(routes!(verify::verify_presentation_by))
        .routes(routes!(vc_api::set_status))
        .routes(routes!(vc_api::add_status_list))
        // Who issues, and with which keys.
        .routes(routes!(issuers::list))
        .routes(routes!(issuers::rotate))
        .routes(routes!(issuers::compromised))
        .routes(routes!(published::did_document))
        .routes(routes!(published::did_document_of))
        .routes(routes!(published::resolve))
        // OAuth.
        .routes(routes!(oauth::token::exchange))
        .routes(routes!(oauth::after::introspect))
        .routes(routes!(oauth::after::revoke))
        .routes(routes!(oauth::server_metadata))
        .routes(routes!(oauth::jwks))
        // What is published.
        .routes(routes!(published::token_list))
        .routes(routes!(published::bitstring_list))
        .routes(routes!(published::feed))
        .routes(routes!(published::bundle))
        .routes(routes!(transparency::checkpoint))
        .routes(routes!(transparency::tile))
        .routes(routes!(transparency::key))
        .routes(routes!(transparency::proof))
        // The operator's.
        .routes(routes!(tokens::make, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list))
        .routes(routes!(backup::make))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// The service as a router.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let (router, mut description) = routes().split_for_parts();
    // OpenAPI has no name for a parameter that takes slashes.
    if let Some(tile) = description.paths.paths.remove("/log/tile/{*path}") {
        description.paths.paths.insert("/log/tile/{path}".to_owned(), tile);
    }
    let docs = utoipa_swagger_ui::SwaggerUi::new("/docs").url("/openapi.json", description);
    let limits = &service.settings.limits;
    router
        .merge(Router::<Arc<Service>>::from(docs))
        .fallback(health::nothing_here)
        .method_not_allowed_fallback(health::no_such_method)
        .layer(DefaultBodyLimit::max(limits.body_bytes))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            limits.request_timeout,
        ))
        .layer(tower::util::option_layer(cors(service)))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(service), middleware::observe))
        .with_state(Arc::clone(service))
}

/// Off unless configured.
fn cors(service: &Service) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> =
        service.settings.cors.origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("dpop"),
            HeaderName::from_static(presenter::HEADER),
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("dpop-nonce"),
        ]);
    Some(layer)
}
