//! Presentations as JWTs of before version 2.0 of the data model (VCDM 1.1, 6.3.1: `vp`, `vc`), which
//! W3C's suite still sends, under `data:application/jwt`. In conformance mode alone: nothing else
//! here reads that form, and the verifier does not know it.

use bonafide_core::Malformed;
use bonafide_core::did::{DidUrl, Relationship, resolve_self_certifying};
use bonafide_core::encoding::decode_base64url;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{Enveloped, Unverified, UnverifiedPresentation, VC_JWT, VP_JWT};
use bonafide_proof::VerifyingKey;
use bonafide_proof::jose::numeric_date;

const PREFIX: &str = "data:application/jwt,";
const MOST_CREDENTIALS: usize = 16;

/// What is asked of a presentation.
pub(super) struct Asked<'a> {
    pub(super) challenge: Option<&'a str>,
    pub(super) domain: Option<&'a str>,
    pub(super) now: Timestamp,
}

/// Why a presentation is not good.
#[derive(Debug)]
pub(super) struct Refused {
    /// As the verifier's reasons are called.
    pub(super) code: &'static str,
    pub(super) detail: String,
}

impl From<Malformed> for Refused {
    fn from(error: Malformed) -> Self {
        malformed(&error.to_string())
    }
}

fn malformed(detail: &str) -> Refused {
    Refused { code: "malformed", detail: detail.to_owned() }
}

fn not_good(code: &'static str, detail: &str) -> Refused {
    Refused { code, detail: detail.to_owned() }
}

/// Whether this is an envelope of the old form.
pub(super) fn is_old(document: &Value<'_>) -> bool {
    document.get("id").and_then(Value::as_str).is_some_and(|id| id.starts_with(PREFIX))
}

/// Checks form and signatures of a presentation and of the credentials in it, and its answer.
pub(super) fn check(document: &Value<'_>, asked: &Asked<'_>) -> Result<(), Refused> {
    let token = token(document, VP_JWT)?;
    let (claims, signer) = signed(&token, Relationship::Authentication, asked.now)?;
    if asked.challenge.is_some_and(|challenge| claims.str("nonce") != Some(challenge)) {
        return Err(not_good("nonce-mismatch", "nonce is not the challenge"));
    }
    let audience = claims.get("aud").map(Value::one_or_more).unwrap_or_default();
    let meant = |domain: &str| audience.iter().any(|one| one.as_str() == Some(domain));
    if asked.domain.is_some_and(|domain| !meant(domain)) {
        return Err(not_good("audience-mismatch", "aud is not the domain"));
    }
    let Some(Value::Object(presentation)) = claims.get("vp") else {
        return Err(malformed("/vp: expected an object"));
    };
    let mut presentation = presentation.clone();
    let held = presentation.remove("verifiableCredential");
    let presentation = Value::Object(presentation);
    let presentation = UnverifiedPresentation::from_value(&presentation, MOST_CREDENTIALS)?;
    presentation.require_v2()?;
    if presentation.claimed_holder().is_some_and(|holder| holder != signer) {
        return Err(not_good("holder-mismatch", "the holder did not sign"));
    }
    let held = held.as_ref().map(Value::one_or_more).unwrap_or_default();
    if held.len() > MOST_CREDENTIALS {
        return Err(malformed("more than 16 credentials"));
    }
    held.iter().try_for_each(|one| credential(one, asked.now))
}

fn credential(document: &Value<'_>, now: Timestamp) -> Result<(), Refused> {
    let token = token(document, VC_JWT)?;
    let (claims, signer) = signed(&token, Relationship::AssertionMethod, now)?;
    let credential = claims.get("vc").ok_or_else(|| malformed("/vc: is missing"))?;
    let credential = Unverified::from_value(credential)?;
    credential.require_v2()?;
    match credential.claimed_issuer() == signer {
        true => Ok(()),
        false => Err(not_good("issuer-mismatch", "the issuer did not sign")),
    }
}

/// The token in an envelope of the old form, whose members are those of today's.
fn token(document: &Value<'_>, media_type: &str) -> Result<String, Refused> {
    let Value::Object(envelope) = document else { return Err(malformed("expected an object")) };
    let token = envelope.str("id").and_then(|id| id.strip_prefix(PREFIX));
    let token = token.ok_or_else(|| malformed("/id: expected data:application/jwt,…"))?;
    let mut renamed = envelope.clone();
    renamed.insert("id", format!("data:{media_type},{token}"));
    let renamed = Value::Object(renamed);
    let envelope = Enveloped::from_value(&renamed)
        .ok_or_else(|| malformed("/type: expected an envelope"))??;
    match envelope.media_type == media_type {
        true => Ok(token.to_owned()),
        false => Err(malformed("/type: expected the other envelope")),
    }
}

/// The claims of a token, and the DID whose key signed it: the one in `iss`.
fn signed(
    token: &str,
    purpose: Relationship,
    now: Timestamp,
) -> Result<(Object<'static>, String), Refused> {
    let parts: Vec<&str> = token.split('.').collect();
    let &[header, payload, signature] = &parts[..] else {
        return Err(malformed("expected a token of three parts"));
    };
    let input = &token[..header.len() + 1 + payload.len()];
    let header = object(header)?;
    let text = |name: &str| header.str(name).unwrap_or_default();
    let known = ["alg", "kid", "typ", "cty"];
    if header.iter().any(|(name, _)| !known.contains(&name))
        || header.contains("typ") && text("typ") != "JWT"
    {
        return Err(malformed("the header holds what is not known here"));
    }
    let method = text("kid");
    let did = DidUrl::parse(method)?.did;
    let document = resolve_self_certifying(did)
        .ok_or_else(|| malformed("/kid: expected a DID that holds its own key"))??;
    let key = document.method(method).filter(|method| method.is_for(purpose));
    let key = key.and_then(|method| VerifyingKey::new(method.key.clone()?));
    let key = key.ok_or_else(|| not_good("unknown-key", "/kid: no such key"))?;
    let algorithm = key.algorithm().map_or("", |algorithm| algorithm.jose_name);
    let good = algorithm == text("alg")
        && key.verify(input.as_bytes(), &decode_base64url(signature).map_err(Refused::from)?);
    if !good {
        return Err(not_good("proof-invalid", "the signature is not good"));
    }
    let claims = object(payload)?;
    if claims.str("iss") != Some(did.as_str()) {
        return Err(not_good("issuer-mismatch", "/iss: is not who signed"));
    }
    if numeric_date(&claims, "exp")?.is_some_and(|end| end <= now.unix()) {
        return Err(not_good("expired", "exp is over"));
    }
    if numeric_date(&claims, "nbf")?.is_some_and(|start| start > now.unix()) {
        return Err(not_good("not-yet-valid", "nbf is to come"));
    }
    Ok((claims, did.as_str().to_owned()))
}

fn object(part: &str) -> Result<Object<'static>, Refused> {
    let bytes = decode_base64url(part)?;
    let value = parse(&bytes, &Limits::for_size(bytes.len()))
        .map_err(|error| malformed(&error.to_string()))?;
    match value {
        Value::Object(object) => Ok(object.into_owned()),
        _ => Err(malformed("expected an object in the token")),
    }
}
