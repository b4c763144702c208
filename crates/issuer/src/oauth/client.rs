//! Who asks: `private_key_jwt` with a key of the client's DID (RFC 7523, and its successor's rules
//! of type and audience).

use std::time::Duration;

use bonafide_core::did::{Did, DidUrl, Relationship, resolve_self_certifying};
use bonafide_core::json::{Limits, Object, parse};
use bonafide_core::key::PublicKey;
use bonafide_core::time::Timestamp;
use bonafide_proof::jose::{CompactJws, JoseError, TokenType, numeric_date};
use bonafide_proof::{Unremembered, VerifyingKey};

use super::error::OAuthError;
use super::form::Form;
use super::once::{ASSERTION, once};
use crate::store::Once;

/// The one type of client assertion.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What its JWT may call itself.
const TYPES: [TokenType; 2] = [TokenType::CLIENT_AUTHENTICATION, TokenType::JWT];
/// No assertion is longer, in bytes.
const LONGEST: usize = 8192;
/// No `jti` is longer, in bytes.
pub(crate) const LONGEST_JTI: usize = 256;
/// How long an assertion may be good from now on.
const LONGEST_LIFE: Duration = Duration::from_secs(300);
/// How far the clocks may be apart.
pub(crate) const SKEW: Duration = Duration::from_secs(30);

/// A client that has shown who it is.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its DID.
    pub(crate) did: String,
    /// The key that it signed with.
    pub(crate) key: PublicKey,
    /// The assertion is used up with what is done for it.
    pub(crate) once: Once,
}

/// Who sent this form. `issuer` is this authorization server's own identifier.
pub(crate) fn authenticate(
    form: &Form,
    issuer: &str,
    now: Timestamp,
) -> Result<Client, OAuthError> {
    let (Some(kind), Some(assertion)) =
        (form.get("client_assertion_type"), form.get("client_assertion"))
    else {
        let detail = "a client shows who it is by private_key_jwt: client_assertion_type and client_assertion";
        return Err(OAuthError::client("client-assertion-missing", detail));
    };
    if kind != ASSERTION_TYPE {
        let detail = format!("client_assertion_type: expected {ASSERTION_TYPE}");
        return Err(OAuthError::client("client-assertion-type", detail));
    }
    let refuse =
        |code, detail: &str| OAuthError::client(code, format!("client_assertion: {detail}"));
    if assertion.len() > LONGEST {
        return Err(refuse("malformed", "longer than 8192 bytes"));
    }
    let jws = jws(assertion).map_err(|error| refuse(error.code(), &error.to_string()))?;
    let kid = jws.kid().ok_or_else(|| refuse("unknown-key", "the header has no kid"))?;
    let (did, key) = key_of(kid, Relationship::Authentication)
        .ok_or_else(|| refuse("unknown-key", "kid names no key that may authenticate its DID"))?;
    let verifying = VerifyingKey::new(key.clone())
        .ok_or_else(|| refuse("unknown-key", "a key that does not sign"))?;
    jws.verify(&verifying, &Unremembered)
        .map_err(|error| refuse(error.code(), &error.to_string()))?;
    let payload = jws.decode_payload().map_err(|error| refuse(error.code(), &error.to_string()))?;
    let claims = parse(&payload, &Limits::for_size(LONGEST))
        .map_err(|error| refuse("malformed", &error.to_string()))?;
    let claims = claims.as_object().ok_or_else(|| refuse("malformed", "expected an object"))?;

    for name in ["iss", "sub"] {
        if claims.str(name) != Some(did.as_str()) {
            let detail = format!("{name} is not the DID whose key signed");
            return Err(refuse("client-mismatch", &detail));
        }
    }
    if form.get("client_id").is_some_and(|id| id != did) {
        return Err(OAuthError::client("client-mismatch", "client_id is another client's"));
    }
    // One text: an assertion for two servers is one that either could show to the other.
    if claims.str("aud") != Some(issuer) {
        return Err(refuse("audience-mismatch", &format!("aud: expected {issuer} alone")));
    }
    let until = in_time(claims, now).map_err(|(code, detail)| refuse(code, &detail))?;
    let jti = claims.str("jti").filter(|jti| !jti.is_empty() && jti.len() <= LONGEST_JTI);
    let jti = jti.ok_or_else(|| refuse("malformed", "jti: expected 1 to 256 bytes"))?;
    let once = once(ASSERTION, &[&did, jti], until.saturating_add(SKEW));
    Ok(Client { did, key, once })
}

fn jws(text: &str) -> Result<CompactJws<'_>, JoseError> {
    let typ = CompactJws::peek_typ(text);
    let known = TYPES.into_iter().find(|known| typ.as_deref() == Some(known.typ));
    CompactJws::parse(text, known.unwrap_or(TokenType::CLIENT_AUTHENTICATION))
}

/// When it ends, if it is good now.
fn in_time(claims: &Object<'_>, now: Timestamp) -> Result<Timestamp, (&'static str, String)> {
    let date = |name: &str| match numeric_date(claims, name) {
        Ok(None) => Ok(None),
        Ok(Some(seconds)) => Timestamp::from_unix(seconds)
            .map(Some)
            .ok_or_else(|| ("malformed", format!("{name}: no time that can be written"))),
        Err(error) => Err(("malformed", error.to_string())),
    };
    let expires = date("exp")?.ok_or_else(|| ("malformed", "exp is missing".to_owned()))?;
    if expires.saturating_add(SKEW) <= now {
        return Err(("expired", format!("it ended at {expires}")));
    }
    let latest = now.saturating_add(LONGEST_LIFE).saturating_add(SKEW);
    if expires > latest {
        return Err((
            "client-assertion-long-lived",
            "exp: expected five minutes at most".to_owned(),
        ));
    }
    for name in ["iat", "nbf"] {
        if date(name)?.is_some_and(|begins| begins > now.saturating_add(SKEW)) {
            return Err(("not-yet-valid", format!("{name} lies in the future")));
        }
    }
    Ok(expires)
}

/// The DID of a key's DID URL, and the key, if that DID holds its own keys and this one is for
/// `relationship`. Agents have such DIDs; for others this service has no document.
pub(crate) fn key_of(method: &str, relationship: Relationship) -> Option<(String, PublicKey)> {
    let url = DidUrl::parse(method).ok()?;
    let did: Did<'_> = url.did;
    let document = resolve_self_certifying(did)?.ok()?;
    let found = document.method(method).filter(|found| found.is_for(relationship))?;
    Some((did.as_str().to_owned(), found.key.clone()?))
}

#[cfg(test)]
mod tests;
