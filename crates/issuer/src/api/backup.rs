//! Backups of the running service.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio_stream::wrappers::ReceiverStream;

use super::openapi::Refusals;
use crate::event::Caller;
use crate::problem::Problem;
use crate::service::Service;

/// How many pieces may wait for a client that reads slowly.
const WAITING: usize = 8;

/// Makes a backup, with everything that was acknowledged before the request: one file, to be
/// restored with `bonafide restore`. The service goes on meanwhile. The key that seals the signing
/// keys is not in it. One at a time; an answer that breaks off is no backup.
#[utoipa::path(post, path = "/backup", tag = "backup", security(("token" = [])),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), Refusals))]
pub(super) async fn make(
    State(service): State<Arc<Service>>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.require(&[])?;
    let live = service.begin_backup(&caller).await?;
    let (sender, receiver) = tokio::sync::mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || service.send_backup(live, sender));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}
