//! Answers in JSON, and the ones that are kept for repetitions.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Answer, Idempotency, StoreError};

/// An answer as it is kept.
pub(super) fn of(status: StatusCode, value: &impl Serialize) -> Result<Answer, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::fault(&error.to_string()))?;
    Ok(Answer { status: status.as_u16(), body })
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let json = HeaderValue::from_static("application/json");
        (status, [(header::CONTENT_TYPE, json)], self.body).into_response()
    }
}

impl Service {
    /// The answer to a request whose transaction found that another one with the same key came
    /// first.
    pub(super) async fn or_repeated(
        &self,
        error: StoreError,
        idempotency: Option<&Idempotency>,
    ) -> Result<Answer, Problem> {
        if error == StoreError::InFlight
            && let Some(answer) = self.repeated(idempotency).await?
        {
            return Ok(answer);
        }
        Err(error.into())
    }
}

/// The query of a page.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The id after which the page begins: `next` of the page before.
    #[param(value_type = Option<String>)]
    pub(super) after: Option<crate::id::Id>,
    /// How many items at most; 1 to 1000, 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<usize>,
}

impl PageQuery {
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        limit(self.limit)
    }
}

/// How many items a page has.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(100) {
        limit @ 1..=1000 => Ok(limit),
        _ => Err(Problem::malformed("", "limit: expected 1 to 1000")),
    }
}
