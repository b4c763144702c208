//! What handlers are given: who asks, the body, the client's idempotency key.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use bonafide_core::json::{Limits, Object, Value, parse};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::authority;
use crate::event::Caller;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Idempotency, Role};
use crate::token;

/// The id of the request, as the response repeats it.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

/// Who turned out to have asked, for what is done after the answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Asker(pub(super) Arc<OnceLock<Caller>>);

pub(super) fn source(parts: &Parts) -> Option<IpAddr> {
    let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(connected.0.ip().to_canonical())
}

pub(super) fn request_id(parts: &Parts) -> String {
    parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

/// Whoever holds a good token.
impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let source = source(parts);
        let refused = || {
            // Whoever guesses is slowed down.
            if let Some(source) = source {
                service.limits.anonymous(source)?;
            }
            Err(Problem::unauthorized(
                "a good API token is needed: Authorization: Bearer bonafide_…",
            ))
        };
        let text = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let text = text.and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let at = service.environment.now();
        let Some(text) = text else { return refused() };
        let found = token::claimed_id(text).and_then(|id| service.state.find_token(id));
        let Some(found) = found.filter(|found| token::is_good(found, text, at)) else {
            return refused();
        };
        service.limits.token(found.id)?;
        let caller = Self {
            token: Some(found.id),
            agent: None,
            name: found.name.clone(),
            role: Some(found.role),
            source,
            request: request_id(parts),
            at,
        };
        if let Some(asker) = parts.extensions.get::<Asker>() {
            let _ = asker.0.set(caller.clone());
        }
        Ok(caller)
    }
}

impl Caller {
    /// Refuses whoever has none of these roles and is no administrator.
    pub(super) fn require(&self, allowed: &[Role]) -> Result<(), Problem> {
        authority::may(self.role, allowed)
    }
}

/// Anybody, within limits: who asks, as far as that is known.
pub(super) struct Anybody(pub(super) Caller);

impl FromRequestParts<Arc<Service>> for Anybody {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        if let Some(source) = source(parts) {
            service.limits.anonymous(source)?;
        }
        Ok(Self(Caller {
            token: None,
            agent: None,
            name: "anybody".to_owned(),
            role: None,
            source: source(parts),
            request: request_id(parts),
            at: service.environment.now(),
        }))
    }
}

/// Whoever holds a good token; in conformance mode anybody.
pub(super) struct Client(pub(super) Caller);

impl FromRequestParts<Arc<Service>> for Client {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        if !service.settings.conformance {
            return Caller::from_request_parts(parts, service).await.map(Self);
        }
        let mut caller = Caller::service("test suite", service.environment.now());
        caller.request = request_id(parts);
        Ok(Self(caller))
    }
}

/// The body of a request, JSON.
pub(super) struct Body {
    bytes: Bytes,
    limits: Limits,
    method: Method,
    path: String,
    headers: HeaderMap,
}

impl FromRequest<Arc<Service>> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Problem> {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let headers = request.headers().clone();
        let limits = Limits::for_size(service.settings.limits.body_bytes);
        let bytes = Bytes::from_request(request, service).await.map_err(|error| {
            let status = error.status();
            match status {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                    status,
                    "body-too-large",
                    format!("the body is larger than {} bytes", service.settings.limits.body_bytes),
                ),
                _ => Problem::unreadable("the body could not be read"),
            }
        })?;
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type =
            media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let is_json = media_type == "application/json"
            || (media_type.starts_with("application/") && media_type.ends_with("+json"));
        if !bytes.is_empty() && !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "expected Content-Type: application/json",
            ));
        }
        Ok(Self { bytes, limits, method, path, headers })
    }
}

impl Body {
    /// SHA-256 of it; none for an empty one.
    pub(super) fn digest(&self) -> Option<[u8; 32]> {
        (!self.bytes.is_empty()).then(|| Sha256::digest(&self.bytes).into())
    }

    /// The method of the request.
    pub(super) fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The path of the request.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A header of the request, once and in visible ASCII.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.headers.get_all(name).iter();
        let wrong = || Problem::malformed("", format!("{name}: expected one value"));
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| wrong()),
            (Some(_), Some(_)) => Err(wrong()),
        }
    }

    /// The body as a strict JSON object.
    pub(super) fn object(&self) -> Result<Object<'static>, Problem> {
        let value = parse(&self.bytes, &self.limits).map_err(|error| {
            Problem::unreadable(format!("the body is not strict JSON: {error}"))
        })?;
        match value {
            Value::Object(object) => Ok(object.into_owned()),
            _ => Err(Problem::malformed("", "expected a JSON object")),
        }
    }

    /// The body as what is asked for: strict JSON, no unknown members.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.object()?;
        self.read_parsed()
    }

    /// The same where an empty body stands for an object without members.
    pub(super) fn read_or_empty<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        match self.bytes.is_empty() {
            true => serde_json::from_str("{}").map_err(|error| wrong(&error)),
            false => self.read(),
        }
    }

    /// The same after [`Body::object`], which has found it to be strict JSON.
    pub(super) fn read_parsed<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.bytes).map_err(|error| wrong(&error))
    }

    /// The client's Idempotency-Key, if it sent one.
    pub(super) fn idempotency(&self, caller: &Caller) -> Result<Option<Idempotency>, Problem> {
        let Some(key) = self.headers.get("idempotency-key") else { return Ok(None) };
        let key = key.as_bytes();
        if key.is_empty() || key.len() > 255 {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed-value",
                "Idempotency-Key: expected 1 to 255 characters",
            ));
        }
        let owner = caller.token.map_or_else(|| caller.name.clone(), |id| id.to_string());
        let who = Sha256::new().chain_update(owner).chain_update([0]).chain_update(key).finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&who[..16]);
        let fingerprint = Sha256::new()
            .chain_update(self.method.as_str())
            .chain_update([0])
            .chain_update(&self.path)
            .chain_update([0])
            .chain_update(&self.bytes)
            .finalize();
        Ok(Some(Idempotency { key: short, fingerprint: fingerprint.into(), at: caller.at }))
    }
}

fn wrong(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    Problem::malformed("", without_value(text))
}

/// serde repeats the value that it did not expect. That could be anything, a secret as well.
pub(super) fn without_value(text: &str) -> String {
    let repeats = ["unknown variant", "invalid type", "invalid value"];
    let begins = repeats.iter().filter_map(|what| text.find(what)).min();
    let found =
        begins.and_then(|at| text[at..].rsplit_once(", expected ").map(|parts| (at, parts)));
    let Some((at, (found, expected))) = found else { return text.to_owned() };
    let kind = found.split(['`', '"']).next().unwrap_or_default().trim_end();
    format!("{}{kind}, expected {expected}", &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_expected_is_not_repeated() {
        for (text, told) in [
            (
                "unknown variant `a, expected b`, expected `c` or `d`",
                "unknown variant, expected `c` or `d`",
            ),
            (
                "invalid type: string \"a\", expected a sequence",
                "invalid type: string, expected a sequence",
            ),
            (
                "invalid type: integer `5`, expected a string",
                "invalid type: integer, expected a string",
            ),
            ("invalid type: null, expected a string", "invalid type: null, expected a string"),
            ("unknown field `a`, expected `b`", "unknown field `a`, expected `b`"),
            ("missing field `a`", "missing field `a`"),
            (
                "query: state: unknown variant `a`, expected `b`",
                "query: state: unknown variant, expected `b`",
            ),
        ] {
            assert_eq!(without_value(text), told);
        }
    }
}
