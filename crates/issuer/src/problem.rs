//! Problem details (RFC 9457): what a client is told when something is refused.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bonafide_core::Malformed;
use serde::Serialize;
use utoipa::ToSchema;

use crate::environment::NoRandomness;
use crate::store::StoreError;

/// Types of VCDM 2.0, 7.6 and of Data Integrity 1.0, 4.9.
const MALFORMED_VALUE: &str = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR";
const PARSING: &str = "https://www.w3.org/TR/vc-data-model#PARSING_ERROR";
const PROOF_GENERATION: &str = "https://w3id.org/security#PROOF_GENERATION_ERROR";

/// What went wrong, for a program and for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// A URL that names the kind of problem; `about:blank` where the HTTP status says it all.
    #[serde(rename = "type")]
    #[schema(example = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR")]
    pub kind: &'static str,
    /// The kind in a few words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, and what to do.
    pub detail: String,
    /// A stable code.
    pub code: &'static str,
    /// The places in the request that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

/// A place in the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// RFC 6901 pointer into the request's body; empty for the whole.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

impl Problem {
    /// A problem that its HTTP status says.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            errors: Vec::new(),
        }
    }

    fn typed(mut self, kind: &'static str, title: &'static str) -> Self {
        self.kind = kind;
        self.title = title;
        self
    }

    /// The request's body is not what it has to be.
    pub fn malformed(pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let fault = Fault { pointer: pointer.to_owned(), detail: detail.clone() };
        let shown = match pointer {
            "" => detail,
            pointer => format!("{pointer}: {detail}"),
        };
        let mut problem = Self::new(StatusCode::BAD_REQUEST, "malformed-value", shown)
            .typed(MALFORMED_VALUE, "Malformed value");
        problem.errors = vec![fault];
        problem
    }

    /// The request's body can't be read at all.
    pub fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "parsing-error", detail).typed(PARSING, "Parsing error")
    }

    /// A proof could not be made.
    pub fn proof_generation(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "proof-generation-error", detail)
            .typed(PROOF_GENERATION, "Proof generation error")
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no such {what}"))
    }

    /// Its state does not allow it.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Who asks may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Nobody knows who asks.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// Something is wrong with the service itself. The detail goes to its own log alone.
    pub fn fault(detail: &str) -> Self {
        tracing::error!(detail, "the service could not do what it was asked to");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal-error",
            "the service failed; its own log says why",
        )
    }
}

impl From<Malformed> for Problem {
    fn from(error: Malformed) -> Self {
        let detail = match error.pointer.as_str() {
            "" => format!("{}: {}", error.what, error.detail),
            _ => error.detail,
        };
        Self::malformed(&error.pointer, detail)
    }
}

impl From<NoRandomness> for Problem {
    fn from(error: NoRandomness) -> Self {
        Self::fault(&error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::NotFound(what) => Self::not_found(what),
            StoreError::Exists(_) => Self::conflict("exists", text),
            StoreError::Conflict(_) => Self::conflict("conflict", text),
            StoreError::Used(_) => Self::conflict("used-before", text),
            StoreError::InFlight => Self::conflict("request-in-flight", text),
            StoreError::OtherRequest => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", text)
            }
            StoreError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", text),
            StoreError::Stopped(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", "the store has stopped")
            }
            StoreError::Damaged(_) => Self::fault(&text),
        }
    }
}

/// What a response carries along for the log: somebody was refused because of a decision, not
/// because of a slip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// The problem's code.
    pub(crate) code: &'static str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let of_the_agent = ["agent-", "identity-"].iter().any(|kind| self.code.starts_with(kind));
        // Those are on the log with all that was asked.
        let of_a_grant = ["grant-refused", "principal-refused"].contains(&self.code);
        if (status == StatusCode::FORBIDDEN && !of_a_grant) || of_the_agent {
            response.extensions_mut().insert(Refusal { code: self.code });
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
