use super::*;
use crate::json::{Limits, parse};
use crate::time::Timestamp;

fn json(text: &str) -> Value<'static> {
    parse(text.as_bytes(), &Limits::for_size(1 << 20)).unwrap().into_owned()
}

#[test]
fn every_type_has_its_schema_its_terms_and_a_name_of_its_own() {
    let context = json(BONAFIDE_V1_DOCUMENT);
    let terms = context.get("@context").unwrap();
    let mut names: Vec<&str> = ATTESTATION_TYPES.iter().map(|known| known.name).collect();
    names.dedup();
    assert_eq!(names.len(), ATTESTATION_TYPES.len());
    for known in ATTESTATION_TYPES {
        // Compiles, and says of itself what the table says.
        assert!(known.schema().check(&Value::Null).is_err());
        let schema = json(known.schema_text);
        assert_eq!(schema.get("$id").and_then(Value::as_str), Some(known.schema_id));
        let named = schema.pointer("/properties/type/prefixItems/1/const");
        assert_eq!(named.and_then(Value::as_str), Some(known.name));
        // Each claim that the schema knows has a term, in the type's own context or in the base.
        let own = terms.get(known.name).and_then(|term| term.get("@context")).unwrap();
        let claims = schema.pointer("/properties/credentialSubject/properties").unwrap();
        for (claim, _) in claims.as_object().unwrap().iter() {
            let base = ["id", "type", "name", "description"].contains(&claim);
            assert!(base || own.get(claim).is_some(), "{}: {claim} has no term", known.name);
        }
        // What is mandatory is required by the schema too, so that it can't be left out unsigned.
        let required = |pointer: &str| {
            let list = schema.pointer(pointer).and_then(Value::as_array).unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let (top, subject) =
            (required("/required"), required("/properties/credentialSubject/required"));
        for pointer in ALWAYS_DISCLOSED.iter().chain(known.mandatory) {
            let name = pointer.trim_start_matches("/credentialSubject").trim_start_matches('/');
            let name = name.split('/').next().unwrap().to_owned();
            let list = if pointer.starts_with("/credentialSubject/") { &subject } else { &top };
            assert!(list.contains(&name), "{}: {pointer} is not required", known.name);
        }
    }
}

fn score() -> Object<'static> {
    match json(include_str!("../../../../fixtures/claims/pact-score-platinum.json")) {
        Value::Object(object) => object,
        _ => panic!("an object"),
    }
}

#[test]
fn scores_decay_with_each_day_begun_after_the_grace() {
    let Ok(Attestation::PactScore(score)) =
        AttestationType::by_name("PactScoreCredential").unwrap().read(&score())
    else {
        panic!("a score")
    };
    // Computed on the 20th, seven days of grace, one point a day.
    for (time, value) in [
        ("2026-11-19T23:59:59Z", 0),
        ("2026-11-20T00:00:00Z", 98),
        ("2026-11-27T00:00:00Z", 98),
        ("2026-11-27T00:00:01Z", 97),
        ("2026-11-28T00:00:00Z", 97),
        ("2026-11-28T00:00:01Z", 96),
        ("2027-11-28T00:00:00Z", 0),
    ] {
        assert_eq!(score.value_at(Timestamp::parse(time).unwrap()), value, "{time}");
    }
}

#[test]
fn thresholds_agree_with_the_value() {
    let read = |name: &'static str| {
        let mut claims = score();
        claims.insert(name, true);
        AttestationType::by_name("PactScoreCredential").unwrap().read(&claims)
    };
    assert!(read("atLeast95").is_ok());
    let mut low = score();
    low.insert("value", 72_u32);
    low.insert("atLeast75", true);
    assert!(AttestationType::by_name("PactScoreCredential").unwrap().read(&low).is_err());
}

#[test]
fn drafts_that_would_not_verify_are_refused() {
    let draft = |claims: Object<'static>, status: bool| {
        let time = |text| Timestamp::parse(text).unwrap();
        Draft {
            attestation_type: AttestationType::by_name("PactScoreCredential").unwrap(),
            id: "urn:example:1",
            issuer: "did:web:scorer.example",
            subject: "did:web:agent.example",
            claims,
            valid_from: time("2026-11-20T00:00:00Z"),
            valid_until: time("2026-12-20T00:00:00Z"),
            status: status
                .then(|| {
                    crate::status::BitstringStatusEntry::new(
                        crate::status::StatusPurpose::Revocation,
                        1,
                        "https://scorer.example/status/1",
                    )
                    .to_object()
                })
                .into_iter()
                .collect(),
        }
        .into_credential()
    };
    assert!(draft(score(), true).is_ok());
    assert_eq!(draft(score(), false).unwrap_err().pointer, "/credentialStatus");
    for (name, value) in [
        ("value", Value::from(101_u32)),
        ("value", "98".into()),
        ("tier", "diamond".into()),
        ("computedAt", "yesterday".into()),
        ("modelDigest", "sha256:abc".into()),
        ("odd", true.into()),
        ("id", "did:web:other.example".into()),
    ] {
        let mut claims = score();
        claims.insert(name, value);
        assert!(draft(claims, true).is_err(), "{name}");
    }
}

#[test]
fn schemas_that_reach_out_or_of_another_dialect_are_refused() {
    for text in [
        "{}",
        r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"https://evil.example/s"}"#,
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":5}"#,
        "not json",
    ] {
        assert!(Schema::compile(text).is_err(), "{text}");
    }
}
