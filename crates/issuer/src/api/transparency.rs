//! The log, in the forms of C2SP.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::agents::bad_query;
use super::extract::Anybody;
use super::openapi::Refusals;
use crate::log::{LogError, TileKind, TilePath};
use crate::problem::Problem;
use crate::service::Service;

fn text(body: String, cache: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, body).into_response()
}

fn failed(error: LogError) -> Problem {
    match error {
        LogError::NotInLog { .. } => Problem::not_found("entry in the published log"),
        other => Problem::fault(&other.to_string()),
    }
}

/// The latest checkpoint (c2sp.org/tlog-checkpoint).
#[utoipa::path(get, path = "/log/checkpoint", tag = "log",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8"), Refusals))]
pub(super) async fn checkpoint(
    State(service): State<Arc<Service>>,
    _: Anybody,
) -> Result<Response, Problem> {
    let checkpoint = service.log.checkpoint().ok_or_else(|| Problem::not_found("checkpoint"))?;
    Ok(text(checkpoint.to_string(), "no-cache"))
}

/// The log's public key, as verifiers of signed notes take it.
#[utoipa::path(get, path = "/log/key", tag = "log",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8"), Refusals))]
pub(super) async fn key(State(service): State<Arc<Service>>, _: Anybody) -> Response {
    text(format!("{}\n", service.log_key), "public, max-age=3600")
}

/// A tile of hashes or a bundle of entries (c2sp.org/tlog-tiles).
#[utoipa::path(get, path = "/log/tile/{*path}", tag = "log",
    params(("path" = String, Path, description = "Such as 0/x001/234, 0/x001/234.p/5 or entries/000")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), Refusals))]
pub(super) async fn tile(
    State(service): State<Arc<Service>>,
    _: Anybody,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("tile");
    let path = TilePath::parse(&format!("tile/{path}")).map_err(|_| missing())?;
    let bytes = match path.kind {
        TileKind::Hashes(level) => service.log.tile(level, path.index, path.width),
        TileKind::Entries => service.log.entries(path.index, path.width),
    };
    let bytes = bytes.map_err(failed)?.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        // What was published once never changes.
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((headers, bytes).into_response())
}

/// Which entry is to be proven.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ProofQuery {
    /// Its place on the log.
    index: Option<u64>,
    /// For a proof that the log of this size is the beginning of the present one.
    from: Option<u64>,
}

/// Proves that an entry is on the log (c2sp.org/tlog-proof), or with `from`, that the log of that
/// size is the beginning of the present one: base64 hashes, one a line, and the checkpoint.
#[utoipa::path(get, path = "/log/proof", tag = "log", params(ProofQuery),
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8"), Refusals))]
pub(super) async fn proof(
    State(service): State<Arc<Service>>,
    _: Anybody,
    query: Result<Query<ProofQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    use base64::Engine;
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    match (query.index, query.from) {
        (Some(index), None) => {
            let proof = service.log.prove(index).map_err(failed)?;
            Ok(text(proof.to_string(), "no-cache"))
        }
        (None, Some(from)) => {
            // Size and checkpoint of one moment.
            let checkpoint =
                service.log.checkpoint().ok_or_else(|| Problem::not_found("checkpoint"))?;
            let size = crate::log::Checkpoint::verify(&checkpoint, &service.log_key)
                .map_err(failed)?
                .size();
            let hashes = service.log.consistency_proof(from, size).map_err(failed)?;
            let standard = base64::engine::general_purpose::STANDARD;
            let lines: String = hashes.iter().map(|hash| standard.encode(hash) + "\n").collect();
            Ok(text(format!("{lines}\n{checkpoint}"), "no-cache"))
        }
        _ => Err(Problem::malformed("", "expected either index or from")),
    }
}
