//! SD-JWT VC (draft-ietf-oauth-sd-jwt-vc): how a credential of the data model stands in the claims
//! of a `dc+sd-jwt`, and the metadata of the built-in types.
//!
//! The mapping (a profile of this project; the draft leaves claims to each type):
//!
//! | claim | in the credential |
//! |---|---|
//! | `vct` | the type, see [`vct_of`] |
//! | `iss`, `sub`, `jti` | `issuer`, `credentialSubject.id`, `id` |
//! | `nbf`, `exp` | `validFrom`, `validUntil` |
//! | `status` | `credentialStatus`: a [`TokenStatusReference`], and an entry for each other mechanism |
//! | `relatedResource` | `relatedResource` |
//! | every other claim | the member of that name in `credentialSubject` |
//!
//! `cnf`, `iat` and `vct#integrity` stay claims of the token. Context and schema follow from the
//! type. A type that is not built in is known by its `vct`.

use crate::Malformed;
use crate::attestation::{ATTESTATION_TYPES, AttestationType, BONAFIDE_V1};
use crate::json::{Number, Object, Value};
use crate::status::TokenStatusReference;
use crate::time::Timestamp;
use crate::vc::{CREDENTIALS_V2, Unverified};

/// Claims that are never disclosed selectively (SD-JWT VC, 2.2.2.2).
pub const NEVER_SELECTIVE: [&str; 7] =
    ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status"];

/// Claims of the token that say nothing of the subject.
const OF_THE_TOKEN: [&str; 12] = [
    "iss",
    "sub",
    "jti",
    "nbf",
    "exp",
    "iat",
    "vct",
    "vct#integrity",
    "cnf",
    "status",
    "aud",
    "relatedResource",
];

const WHAT: &str = "SD-JWT VC";

/// The metadata of the built-in types (SD-JWT VC, 6), by `vct`: to be served there as they are.
pub const TYPE_METADATA: [(&str, &str); 4] = [
    (
        "https://w3id.org/bonafide/vct/agent-identity/v1",
        include_str!("../../../schemas/vct/agent-identity-v1.json"),
    ),
    (
        "https://w3id.org/bonafide/vct/agent-builder/v1",
        include_str!("../../../schemas/vct/agent-builder-v1.json"),
    ),
    (
        "https://w3id.org/bonafide/vct/agent-certification/v1",
        include_str!("../../../schemas/vct/agent-certification-v1.json"),
    ),
    (
        "https://w3id.org/bonafide/vct/pact-score/v1",
        include_str!("../../../schemas/vct/pact-score-v1.json"),
    ),
];

/// The `vct` of an attestation type.
pub fn vct_of(known: &AttestationType) -> String {
    known.schema_id.replacen("/schemas/", "/vct/", 1)
}

fn type_of_vct(vct: &str) -> Option<&'static AttestationType> {
    ATTESTATION_TYPES.into_iter().find(|known| vct_of(known) == vct)
}

/// The claims of a `dc+sd-jwt` for an attestation; `cnf` names the holder's key.
///
/// Fails where the mapping would lose something: another type, a member beside those of the table,
/// a status that is not a [`TokenStatusReference`], times with fractions of a second.
pub fn to_claims(
    credential: &Value<'_>,
    cnf: Option<Object<'static>>,
) -> Result<Object<'static>, Malformed> {
    let unverified = Unverified::from_value(credential)?;
    let document = unverified.unverified_document();
    let known = unverified.claimed_types().iter().find_map(|name| AttestationType::by_name(name));
    let known =
        known.ok_or_else(|| Malformed::at(WHAT, "/type", "expected one of the attestations"))?;
    let mapped = [
        "@context",
        "id",
        "type",
        "issuer",
        "validFrom",
        "validUntil",
        "credentialSchema",
        "credentialStatus",
        "credentialSubject",
        "relatedResource",
    ];
    if let Some((name, _)) = document.iter().find(|(name, _)| !mapped.contains(name)) {
        return Err(Malformed::at(WHAT, format!("/{name}"), "has no place in an SD-JWT VC"));
    }
    let &[subject] = unverified.claimed_subjects() else {
        return Err(Malformed::at(WHAT, "/credentialSubject", "expected one subject"));
    };
    let mut claims = subject.clone().into_owned();
    let id = claims.remove("id");
    if let Some((name, _)) = claims.iter().find(|(name, _)| OF_THE_TOKEN.contains(name)) {
        let pointer = format!("/credentialSubject/{name}");
        return Err(Malformed::at(WHAT, pointer, "is the name of a claim of the token"));
    }
    claims.insert("vct", vct_of(known));
    claims.insert("iss", unverified.claimed_issuer().to_owned());
    let optional = [("sub", id), ("jti", document.get("id").cloned().map(Value::into_owned))];
    for (name, value) in optional.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        claims.insert(name, value);
    }
    let times = [
        ("nbf", "validFrom", unverified.claimed_valid_from()),
        ("exp", "validUntil", unverified.claimed_valid_until()),
    ];
    for (name, member, time) in times {
        let Some(time) = time else { continue };
        if Timestamp::from_unix(time.unix()) != Some(time) {
            let pointer = format!("/{member}");
            return Err(Malformed::at(WHAT, pointer, "has a fraction of a second"));
        }
        claims.insert(name, Value::Number(Number::Integer(time.unix())));
    }
    match unverified.claimed_status() {
        [] => {}
        [one] if one.is(TokenStatusReference::TYPE) => {
            claims.insert("status", TokenStatusReference::from_object(one.entry)?.to_claim());
        }
        _ => {
            let detail = "expected one TokenStatusListEntry";
            return Err(Malformed::at(WHAT, "/credentialStatus", detail));
        }
    }
    if let Some(related) = document.get("relatedResource") {
        claims.insert("relatedResource", related.clone().into_owned());
    }
    if let Some(cnf) = cnf {
        claims.insert("cnf", cnf);
    }
    Ok(claims)
}

/// The credential that the claims of a `dc+sd-jwt` stand for, all disclosures in place.
pub fn from_claims(claims: &Object<'_>) -> Result<Value<'static>, Malformed> {
    let text = |name: &str| {
        claims
            .str(name)
            .map(ToOwned::to_owned)
            .ok_or_else(|| Malformed::at(WHAT, format!("/{name}"), "expected a string"))
    };
    let optional = |name: &str| claims.get(name).map(|_| text(name)).transpose();
    let vct = text("vct")?;
    let known = type_of_vct(&vct);
    let mut context = vec![CREDENTIALS_V2];
    context.extend(known.map(|_| BONAFIDE_V1));
    let credential_type = known.map_or(vct, |known| known.name.to_owned());
    let mut credential = Object::from([
        ("@context", Value::from(context)),
        ("type", vec!["VerifiableCredential".to_owned(), credential_type].into()),
        ("issuer", text("iss")?.into()),
    ]);
    if let Some(id) = optional("jti")? {
        credential.insert("id", id);
    }
    if let Some(known) = known {
        let schema = Object::from([("id", known.schema_id), ("type", "JsonSchema")]);
        credential.insert("credentialSchema", schema);
    }
    for (name, member) in [("nbf", "validFrom"), ("exp", "validUntil")] {
        let Some(value) = claims.get(name) else { continue };
        let seconds = value.as_integer().ok_or_else(|| {
            Malformed::at(WHAT, format!("/{name}"), "expected whole seconds since 1970")
        })?;
        credential.insert(member, Timestamp::from_unix_clamped(seconds).to_string());
    }
    if let Some(status) = claims.get("status") {
        let mut entries = TokenStatusReference::entries_from_claim(status)?;
        let entries: Value<'_> = match entries.len() {
            1 => entries.remove(0).into(),
            _ => entries.into(),
        };
        credential.insert("credentialStatus", entries);
    }
    if let Some(related) = claims.get("relatedResource") {
        credential.insert("relatedResource", related.clone().into_owned());
    }
    let mut subject = Object::new();
    for (name, value) in claims.iter().filter(|(name, _)| !OF_THE_TOKEN.contains(name)) {
        if name == "id" {
            return Err(Malformed::at(WHAT, "/id", "the subject is named by sub"));
        }
        subject.insert(name.to_owned(), value.clone().into_owned());
    }
    if let Some(id) = optional("sub")? {
        subject.insert("id", id);
    }
    credential.insert("credentialSubject", subject);
    Ok(credential.into())
}

/// RFC 6901 pointers to the claims about the subject that its holder may hide: every member but
/// those that a mandatory pointer leads to or through.
pub fn disclosable(credential: &Value<'_>, mandatory: &[&str]) -> Vec<String> {
    let mut pointers = Vec::new();
    if let Some(Value::Object(subject)) = credential.get("credentialSubject") {
        gather(subject, "/credentialSubject", mandatory, &mut pointers);
    }
    pointers
}

fn gather(object: &Object<'_>, at: &str, mandatory: &[&str], pointers: &mut Vec<String>) {
    for (name, value) in object.iter().filter(|(name, _)| !matches!(*name, "id" | "type")) {
        let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if mandatory.contains(&pointer.as_str()) {
            continue;
        }
        let inside = format!("{pointer}/");
        match value {
            Value::Object(nested) if mandatory.iter().any(|must| must.starts_with(&inside)) => {
                gather(nested, &pointer, mandatory, pointers);
            }
            _ => pointers.push(pointer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};

    #[test]
    fn metadata_names_every_type_and_its_own_place() {
        for known in ATTESTATION_TYPES {
            let vct = vct_of(known);
            let (_, text) = TYPE_METADATA.iter().find(|(name, _)| *name == vct).unwrap();
            let metadata = parse(text.as_bytes(), &Limits::for_size(1 << 16)).unwrap();
            assert_eq!(metadata.get("vct").unwrap().as_str(), Some(vct.as_str()));
            let claims = metadata.get("claims").unwrap().as_array().unwrap();
            let sd = |name: &str| {
                let of =
                    |claim: &&Value<'_>| claim.pointer("/path/0").unwrap().as_str() == Some(name);
                claims.iter().find(of).map(|claim| claim.get("sd").unwrap().as_str().unwrap())
            };
            for name in NEVER_SELECTIVE.iter().filter(|name| **name != "vct#integrity") {
                assert_eq!(sd(name), Some("never"), "{vct} {name}");
            }
            let own = known.mandatory.iter().chain(known.mandatory_in_part);
            for pointer in own.filter_map(|pointer| pointer.strip_prefix("/credentialSubject/")) {
                let name = pointer.split('/').next().unwrap();
                assert_eq!(sd(name), Some("never"), "{vct} {name}");
            }
        }
        assert_eq!(TYPE_METADATA.len(), ATTESTATION_TYPES.len());
    }
}
