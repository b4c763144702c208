//! DPoP (RFC 9449): a client shows with each request that it holds the key to which its token is
//! bound.

use std::time::Duration;

use bonafide_core::Malformed;
use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::algorithm::{SignatureCheck, Unremembered, VerifyingKey};
use crate::jose::{CompactJws, JoseError, numeric_date, sign_dpop, thumbprint};
use crate::signer::{SignError, Signer};

const WHAT: &str = "DPoP proof";

/// No proof is longer, in bytes: it holds a key and a few claims.
pub const LONGEST: usize = 8192;
/// No `jti` is longer, in bytes.
pub const LONGEST_JTI: usize = 256;

/// What a proof has to be for.
#[derive(Clone, Debug)]
pub struct Expected<'e> {
    /// The request's method, as HTTP writes it: `POST`.
    pub method: &'e str,
    /// The request's URI; a query and a fragment count for nothing (RFC 9449, 4.3).
    pub uri: &'e str,
    /// The access token that comes along, if one does: the proof then has its hash.
    pub access_token: Option<&'e str>,
    /// The nonce that the server gave, if it asks for one. Without it a proof may hold any.
    pub nonce: Option<&'e str>,
    /// How long after its `iat` a proof is good, and how far the clocks may be apart.
    pub window: Window,
}

/// When a proof is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How old it may be.
    pub age: Duration,
    /// How far the other's clock may be wrong, either way.
    pub skew: Duration,
}

impl Window {
    /// A minute of age and half a minute of skew.
    pub const USUAL: Self = Self { age: Duration::from_secs(60), skew: Duration::from_secs(30) };
}

/// A good proof. That its `jti` was not seen before is for the caller to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The thumbprint of the key that is held: `jkt`, SHA-256 in base64url (RFC 7638).
    pub thumbprint: String,
    /// What tells this proof from every other of this key.
    pub jti: String,
    /// The nonce in it, if there is one.
    pub nonce: Option<String>,
    /// From when on the proof is not good any more: until then its `jti` has to be remembered.
    pub until: Timestamp,
}

/// Why a proof is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DpopError {
    /// Not a good JWT of this kind: its type, its header, its signature.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// It is for another request.
    #[error("{claim} is {found:?}, and the request's is {expected:?}")]
    OtherRequest {
        /// `htm` or `htu`.
        claim: &'static str,
        /// What the request says.
        expected: String,
        /// What the proof says.
        found: String,
    },
    /// It was made too long ago, or the clocks are too far apart.
    #[error("it was made at {issued_at}, and it is {now}")]
    OutOfTime {
        /// Its `iat`.
        issued_at: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// It is not for the access token that came along.
    #[error("ath is not the hash of the access token")]
    OtherToken,
    /// It does not hold the nonce that the server gave.
    #[error("it does not hold the nonce that was given")]
    NonceMismatch,
}

impl DpopError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Jose(error) => error.code(),
            Self::OtherRequest { .. } => "dpop-other-request",
            Self::OutOfTime { .. } => "dpop-out-of-time",
            Self::OtherToken => "dpop-other-token",
            Self::NonceMismatch => "dpop-nonce-mismatch",
        }
    }
}

impl From<Malformed> for DpopError {
    fn from(error: Malformed) -> Self {
        Self::Jose(error.into())
    }
}

/// Checks a proof (RFC 9449, 4.3): the value of one `DPoP` header.
pub fn check(text: &str, expected: &Expected<'_>, now: Timestamp) -> Result<Proven, DpopError> {
    if text.len() > LONGEST {
        return Err(Malformed::new(WHAT, "longer than 8192 bytes").into());
    }
    let (jws, key) = CompactJws::parse_dpop(text)?;
    let unfit = || Malformed::at(WHAT, "/jwk", "a key that does not sign JWTs");
    let thumbprint = thumbprint(&key).ok_or_else(unfit)?;
    let key = VerifyingKey::new(key).ok_or_else(unfit)?;
    jws.verify(&key, &Unremembered as &dyn SignatureCheck)?;
    let payload = jws.decode_payload()?;
    let claims = parse(&payload, &Limits::for_size(LONGEST))
        .map_err(|error| Malformed::json(WHAT, &error))?;
    let claims = claims.as_object().ok_or_else(|| Malformed::new(WHAT, "expected an object"))?;

    let method = required(claims, "htm")?;
    if method != expected.method {
        return Err(other_request("htm", expected.method, method));
    }
    let uri = required(claims, "htu")?;
    if plain_uri(uri) != plain_uri(expected.uri) {
        return Err(other_request("htu", expected.uri, uri));
    }
    let until = in_time(claims, expected.window, now)?;
    let jti = required(claims, "jti")?;
    if jti.is_empty() || jti.len() > LONGEST_JTI {
        return Err(Malformed::at(WHAT, "/jti", "expected 1 to 256 bytes").into());
    }
    let ath = optional(claims, "ath")?;
    if let Some(token) = expected.access_token
        && ath != Some(token_hash(token).as_str())
    {
        return Err(DpopError::OtherToken);
    }
    let nonce = optional(claims, "nonce")?;
    if expected.nonce.is_some() && nonce != expected.nonce {
        return Err(DpopError::NonceMismatch);
    }
    Ok(Proven { thumbprint, jti: jti.to_owned(), nonce: nonce.map(ToOwned::to_owned), until })
}

/// A proof to be made.
#[derive(Clone, Debug)]
pub struct Draft<'d> {
    /// The request's method: `POST`.
    pub method: &'d str,
    /// The request's URI; query and fragment are left out.
    pub uri: &'d str,
    /// At least 96 random bits, in a text of the caller's (RFC 9449, 4.2).
    pub jti: &'d str,
    /// The access token that goes along, if one does.
    pub access_token: Option<&'d str>,
    /// The nonce that the server gave, if it did.
    pub nonce: Option<&'d str>,
}

impl Draft<'_> {
    /// Signs it as made at `now`: the value of the `DPoP` header.
    pub fn sign(&self, signer: &dyn Signer, now: Timestamp) -> Result<String, SignError> {
        let uri = self.uri.split(['?', '#']).next().unwrap_or_default();
        let mut claims = Object::from([("htm", self.method), ("htu", uri), ("jti", self.jti)]);
        claims.insert("iat", seconds(now));
        if let Some(token) = self.access_token {
            claims.insert("ath", token_hash(token));
        }
        if let Some(nonce) = self.nonce {
            claims.insert("nonce", nonce);
        }
        sign_dpop(&claims.into(), signer)
    }
}

/// The `ath` of an access token: its SHA-256 in base64url.
pub fn token_hash(token: &str) -> String {
    encode_base64url(&Sha256::digest(token.as_bytes()))
}

fn seconds(at: Timestamp) -> Value<'static> {
    Value::Number(bonafide_core::json::Number::Integer(at.unix()))
}

fn required<'c>(claims: &'c Object<'_>, name: &str) -> Result<&'c str, Malformed> {
    optional(claims, name)?.ok_or_else(|| Malformed::at(WHAT, format!("/{name}"), "is missing"))
}

fn optional<'c>(claims: &'c Object<'_>, name: &str) -> Result<Option<&'c str>, Malformed> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Malformed::at(WHAT, format!("/{name}"), "expected a string")),
    }
}

fn other_request(claim: &'static str, expected: &str, found: &str) -> DpopError {
    let short = |text: &str| text.chars().take(256).collect();
    DpopError::OtherRequest { claim, expected: short(expected), found: short(found) }
}

/// Until when the proof is good.
fn in_time(claims: &Object<'_>, window: Window, now: Timestamp) -> Result<Timestamp, DpopError> {
    let date = |name: &str| {
        let seconds = numeric_date(claims, name)?;
        let at = |seconds| Timestamp::from_unix(seconds);
        seconds
            .map(|seconds| {
                at(seconds).ok_or_else(|| {
                    Malformed::at(WHAT, format!("/{name}"), "no time that can be written")
                })
            })
            .transpose()
    };
    let issued_at = date("iat")?.ok_or_else(|| Malformed::at(WHAT, "/iat", "is missing"))?;
    let mut until = issued_at.saturating_add(window.age).saturating_add(window.skew);
    if let Some(expires) = date("exp")? {
        until = until.min(expires.saturating_add(window.skew));
    }
    let begins = issued_at.max(date("nbf")?.unwrap_or(issued_at));
    if begins > now.saturating_add(window.skew) || until <= now {
        return Err(DpopError::OutOfTime { issued_at, now });
    }
    Ok(until)
}

/// A URI as two of them are compared: without query and fragment, scheme and host in lower case,
/// without the scheme's own port (RFC 3986, 6.2.2.1 and 6.2.3). Paths stay as they are.
fn plain_uri(uri: &str) -> String {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.to_ascii_lowercase();
    let own_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    let authority = authority.strip_suffix(own_port).unwrap_or(&authority);
    let path = if path.is_empty() { "/" } else { path };
    format!("{scheme}://{authority}{path}")
}

#[cfg(test)]
mod tests;
