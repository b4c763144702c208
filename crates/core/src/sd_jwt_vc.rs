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
use crate::json::{MAX_SAFE_INTEGER, Number, Object, Value};
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
pub const TYPE_METADATA: [(&str, &str); 6] = [
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
    (
        "https://w3id.org/bonafide/vct/task-grant/v1",
        include_str!("../../../schemas/vct/task-grant-v1.json"),
    ),
    (
        "https://w3id.org/bonafide/vct/delegation/v1",
        include_str!("../../../schemas/vct/delegation-v1.json"),
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
/// a status that is not a [`TokenStatusReference`], times with fractions of a second, and whatever
/// else [`from_claims`] does not give back.
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
            let reference = TokenStatusReference::from_object(one.entry)?;
            if i64::try_from(reference.index).is_ok_and(|index| index <= MAX_SAFE_INTEGER) {
                claims.insert("status", reference.to_claim());
            } else {
                let pointer = "/credentialStatus/statusListIndex";
                return Err(Malformed::at(WHAT, pointer, "is above 2^53 - 1"));
            }
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
    match first_lost(document, &from_claims(&claims)?) {
        Some(pointer) => Err(Malformed::at(WHAT, pointer, "would be lost in an SD-JWT VC")),
        None => Ok(claims),
    }
}

/// A pointer to the first thing of a credential that is not in what came back of it. What came
/// back may say more: context, schema and the id of a status entry follow from the rest.
fn first_lost(document: &Object<'_>, back: &Value<'_>) -> Option<String> {
    document.iter().find_map(|(name, value)| {
        let pointer = format!("/{name}");
        let Some(other) = back.get(name) else { return Some(pointer) };
        match name {
            // Types have no order.
            "type" => {
                let types = other.one_or_more();
                let lost = value.one_or_more().iter().position(|one| !types.contains(one))?;
                Some(format!("{pointer}/{lost}"))
            }
            // One point in time has many spellings.
            "validFrom" | "validUntil" => {
                let time = |value: &Value<'_>| Timestamp::parse(value.as_str()?).ok();
                (time(value) != time(other)).then_some(pointer)
            }
            // An object with nothing but an id says what the id says.
            "issuer" => match value.as_object() {
                Some(issuer) => {
                    let (more, _) = issuer.iter().find(|(name, _)| *name != "id")?;
                    Some(below(&pointer, more))
                }
                None => lost_in(value, other, &pointer),
            },
            _ => lost_in(value, other, &pointer),
        }
    })
}

/// The same of any value; one value and an array of one are the same.
fn lost_in(value: &Value<'_>, back: &Value<'_>, at: &str) -> Option<String> {
    match (value, back) {
        (Value::Object(object), Value::Object(other)) => object.iter().find_map(|(name, value)| {
            let pointer = below(at, name);
            match other.get(name) {
                Some(other) => lost_in(value, other, &pointer),
                None => Some(pointer),
            }
        }),
        (Value::Array(_), _) | (_, Value::Array(_)) => {
            let mut others = back.one_or_more().iter();
            value.one_or_more().iter().enumerate().find_map(|(index, item)| {
                let pointer = format!("{at}/{index}");
                match others.next() {
                    Some(other) => lost_in(item, other, &pointer),
                    None => Some(pointer),
                }
            })
        }
        _ => (value != back).then(|| at.to_owned()),
    }
}

/// The RFC 6901 pointer to a member.
fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
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
        let pointer = below(at, name);
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

    const IDENTITY: &str = r#"{
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://w3id.org/bonafide/v1"],
        "id": "urn:x:1",
        "type": ["VerifiableCredential", "AgentIdentityCredential"],
        "issuer": "did:web:registrar.example",
        "validFrom": "2026-11-20T00:00:00Z",
        "validUntil": "2026-12-20T00:00:00Z",
        "credentialSchema": {
            "id": "https://w3id.org/bonafide/schemas/agent-identity/v1", "type": "JsonSchema"
        },
        "credentialStatus": {
            "id": "https://registrar.example/tokens/1#7",
            "type": "TokenStatusListEntry",
            "statusListIndex": "7",
            "statusListCredential": "https://registrar.example/tokens/1"
        },
        "credentialSubject": {"id": "did:web:agent.example", "name": "Agent", "tags": [1, [2]]}
    }"#;

    fn value(text: &str) -> Value<'static> {
        parse(text.as_bytes(), &Limits::for_size(1 << 16)).unwrap().into_owned()
    }

    /// The error for the identity with one member set.
    fn mapped(member: &'static str, json: &str) -> Result<Object<'static>, Malformed> {
        let Value::Object(mut credential) = value(IDENTITY) else { unreachable!("an object") };
        credential.insert(member, value(json));
        to_claims(&credential.into(), None)
    }

    #[test]
    fn what_comes_back_is_what_went_in() {
        let identity = value(IDENTITY);
        let claims = to_claims(&identity, None).unwrap();
        assert_eq!(from_claims(&claims).unwrap(), identity);
    }

    #[test]
    fn other_spellings_of_the_same_are_mapped() {
        for (member, json) in [
            ("issuer", r#"{"id": "did:web:registrar.example"}"#),
            ("type", r#"["AgentIdentityCredential", "VerifiableCredential"]"#),
            ("validFrom", r#""2026-11-20T02:00:00.0+02:00""#),
            ("credentialSubject", r#"[{"id": "did:web:agent.example", "name": "Agent"}]"#),
            (
                "credentialSchema",
                r#"[{"id": "https://w3id.org/bonafide/schemas/agent-identity/v1", "type": "JsonSchema"}]"#,
            ),
            (
                "credentialStatus",
                r#"{"type": ["TokenStatusListEntry"], "statusListIndex": "7", "statusListCredential": "https://registrar.example/tokens/1"}"#,
            ),
        ] {
            let mapped = mapped(member, json);
            assert!(mapped.is_ok(), "{member} {json}: {mapped:?}");
        }
    }

    #[test]
    fn what_would_be_lost_is_named() {
        let entry = |members: &str| {
            format!(
                r#"{{"type": "TokenStatusListEntry", "statusListCredential": "https://r.example/1", {members}}}"#
            )
        };
        for (member, json, pointer) in [
            ("issuer", r#"{"id": "did:web:registrar.example", "name": "R"}"#, "/issuer/name"),
            (
                "@context",
                r#"["https://www.w3.org/ns/credentials/v2", "https://w3id.org/bonafide/v1", "https://x.example/c"]"#,
                "/@context/2",
            ),
            ("type", r#"["VerifiableCredential", "Other", "AgentIdentityCredential"]"#, "/type/1"),
            (
                "credentialSchema",
                r#"[{"id": "https://w3id.org/bonafide/schemas/agent-identity/v1", "type": "JsonSchema"}, {"id": "https://x.example/s", "type": "JsonSchema"}]"#,
                "/credentialSchema/1",
            ),
            (
                "credentialSchema",
                r#"{"id": "https://x.example/s", "type": "JsonSchema"}"#,
                "/credentialSchema/id",
            ),
            (
                "credentialStatus",
                entry(r#""statusListIndex": "7", "statusMessage": []"#).as_str(),
                "/credentialStatus/statusMessage",
            ),
            (
                "credentialStatus",
                entry(r#""statusListIndex": "7", "id": "urn:x:2""#).as_str(),
                "/credentialStatus/id",
            ),
            (
                "credentialStatus",
                entry(r#""statusListIndex": "9007199254740993""#).as_str(),
                "/credentialStatus/statusListIndex",
            ),
            ("name", r#""A name""#, "/name"),
        ] {
            let error = mapped(member, json).unwrap_err();
            assert_eq!(error.pointer, pointer, "{member} {json}: {error}");
        }
    }

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
