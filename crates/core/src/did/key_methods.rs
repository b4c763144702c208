//! did:key and did:jwk, which are their own documents.

use super::{Did, DidDocument, Relationship};
use crate::Malformed;
use crate::encoding::{decode_base64url, encode_base64url};
use crate::json::{Limits, Object, Value, parse, to_canonical_string};
use crate::key::{KeyType, PublicKey};

/// The did:key of a public key (did:key 0.9).
pub fn did_key(key: &PublicKey) -> String {
    format!("did:key:{}", key.to_multikey())
}

/// The did:jwk of a public key; `None` for types without a registered JWK form.
pub fn did_jwk(key: &PublicKey) -> Option<String> {
    let jwk = to_canonical_string(&Value::Object(key.to_jwk()?));
    Some(format!("did:jwk:{}", encode_base64url(jwk.as_bytes())))
}

/// The document of a DID that holds its own key (did:key, did:jwk); `None` for other methods.
///
/// Strict: the one canonical encoding, a known key type, a point of its curve.
pub fn resolve_self_certifying(did: Did<'_>) -> Option<Result<DidDocument, Malformed>> {
    match did.method() {
        "key" => Some(resolve_did_key(did)),
        "jwk" => Some(resolve_did_jwk(did)),
        _ => None,
    }
}

fn resolve_did_key(did: Did<'_>) -> Result<DidDocument, Malformed> {
    let multikey = did.method_specific_id();
    let key = PublicKey::from_multikey(multikey).map_err(|error| error.within("did:key", ""))?;
    if key.to_multikey() != multikey {
        return Err(Malformed::new("did:key", "not the canonical encoding of its key"));
    }
    let method = Object::from([
        ("id", Value::from(format!("{did}#{multikey}"))),
        ("type", "Multikey".into()),
        ("controller", did.as_str().into()),
        ("publicKeyMultibase", multikey.into()),
    ]);
    document(did, "https://w3id.org/security/multikey/v1", method, uses(key.key_type()))
}

fn resolve_did_jwk(did: Did<'_>) -> Result<DidDocument, Malformed> {
    const WHAT: &str = "did:jwk";
    let json =
        decode_base64url(did.method_specific_id()).map_err(|error| error.within(WHAT, ""))?;
    let value =
        parse(&json, &Limits::for_size(2048)).map_err(|error| Malformed::json(WHAT, &error))?;
    let Value::Object(jwk) = &value else {
        return Err(Malformed::new(WHAT, "expected a JSON Web Key"));
    };
    let key = PublicKey::from_jwk(jwk).map_err(|error| error.within(WHAT, ""))?;
    // did:jwk: `use` decides between signing and agreeing on keys.
    let uses = match (jwk.str("use"), jwk.contains("use")) {
        (None, false) => uses(key.key_type()),
        (Some("sig"), _) if key.key_type() != KeyType::X25519 => &Relationship::ALL[..],
        (Some("enc"), _) => &[Relationship::KeyAgreement],
        _ => return Err(Malformed::at(WHAT, "/use", "does not fit the key")),
    };
    let method = Object::from([
        ("id", Value::from(format!("{did}#0"))),
        ("type", "JsonWebKey".into()),
        ("controller", did.as_str().into()),
        ("publicKeyJwk", value.clone()),
    ]);
    document(did, "https://w3id.org/security/jwk/v1", method, uses)
}

/// What a key of this type can be used for where the DID itself does not say.
fn uses(key_type: KeyType) -> &'static [Relationship] {
    match key_type {
        KeyType::X25519 => &[Relationship::KeyAgreement],
        KeyType::Bls12381G2 => &[Relationship::AssertionMethod],
        KeyType::Ed25519 | KeyType::P256 | KeyType::P384 => &[
            Relationship::Authentication,
            Relationship::AssertionMethod,
            Relationship::CapabilityInvocation,
            Relationship::CapabilityDelegation,
        ],
    }
}

fn document(
    did: Did<'_>,
    context: &str,
    method: Object<'_>,
    uses: &[Relationship],
) -> Result<DidDocument, Malformed> {
    let id = method.str("id").unwrap_or_default().to_owned();
    let mut document = Object::from([
        ("@context", Value::from(vec!["https://www.w3.org/ns/did/v1", context])),
        ("id", did.as_str().into()),
        ("verificationMethod", vec![method].into()),
    ]);
    for relationship in uses {
        let reference = vec![id.as_str()];
        if *relationship == Relationship::KeyAgreement && uses.len() > 1 {
            continue;
        }
        document.insert(relationship.name(), reference);
    }
    DidDocument::from_value(document.into())
}
