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
            let base = ["id", "type", "name", "description", "cnf"].contains(&claim);
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
        // What a part has to show besides may be absent from the whole.
        for pointer in known.mandatory_in_part {
            let name = pointer.strip_prefix("/credentialSubject/").unwrap();
            assert!(claims.get(name).is_some() && !subject.contains(&name.to_owned()));
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

fn draft(
    attestation_type: &'static AttestationType,
    claims: Object<'static>,
    status: bool,
) -> Result<Value<'static>, Malformed> {
    let time = |text| Timestamp::parse(text).unwrap();
    Draft {
        attestation_type,
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
}

#[test]
fn drafts_that_would_not_verify_are_refused() {
    let known = AttestationType::by_name("PactScoreCredential").unwrap();
    let draft = |claims: Object<'static>, status: bool| draft(known, claims, status);
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

/// An attestation of this type with all that its schema allows of the subject, but for thresholds.
fn whole(known: &'static AttestationType) -> Value<'static> {
    let text = match known.name {
        "AgentIdentityCredential" => include_str!("../../../../fixtures/claims/identity.json"),
        "AgentBuilderCredential" => include_str!("../../../../fixtures/claims/builder.json"),
        "AgentCertificationCredential" => {
            include_str!("../../../../fixtures/claims/certification.json")
        }
        "TaskGrantCredential" => include_str!("../../../../fixtures/claims/task-grant.json"),
        "DelegationCredential" => include_str!("../../../../fixtures/claims/delegation.json"),
        _ => include_str!("../../../../fixtures/claims/pact-score-platinum.json"),
    };
    let Value::Object(mut claims) = json(text) else { panic!("an object") };
    if known.name == "AgentCertificationCredential" {
        claims.insert("agentVersion", "2.3.0");
    }
    draft(known, claims, true).unwrap()
}

fn remove(object: &mut Object<'static>, pointer: &str) {
    let pointer = pointer.trim_start_matches('/');
    match pointer.split_once('/') {
        None => assert!(object.remove(pointer).is_some(), "{pointer}"),
        Some((name, rest)) => {
            let Some(Value::Object(inner)) = object.get_mut(name) else { panic!("{name}") };
            remove(inner, rest);
        }
    }
}

fn without(document: &Value<'static>, pointer: &str) -> Value<'static> {
    let Value::Object(mut document) = document.clone() else { panic!("an object") };
    remove(&mut document, pointer);
    document.into()
}

/// Pointers to all members of an object and of the objects in it.
fn pointers(object: &Object<'_>, place: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (name, value) in object.iter() {
        let pointer = format!("{place}/{name}");
        if let Value::Object(inner) = value {
            all.extend(pointers(inner, &pointer));
        }
        all.push(pointer);
    }
    all
}

fn read(known: &AttestationType, document: &Value<'_>) -> Result<Attestation, Malformed> {
    known.read(document.get("credentialSubject").and_then(Value::as_object).unwrap())
}

#[test]
fn a_part_shows_what_is_mandatory_and_the_rest_as_it_likes() {
    for known in ATTESTATION_TYPES {
        let whole = whole(known);
        let mandatory = known.mandatory_pointers(&whole);
        let subject = whole.get("credentialSubject").and_then(Value::as_object).unwrap();
        let mut least = whole.clone();
        for pointer in pointers(subject, "/credentialSubject") {
            let part = without(&whole, &pointer);
            // Mandatory itself, on the way to what is mandatory, or inside of it.
            let inside = |outer: &str, inner: &str| inner.starts_with(&format!("{outer}/"));
            let on_the_way = mandatory.iter().find(|m| **m == pointer || inside(&pointer, m));
            let part_of_it = mandatory.iter().any(|m| inside(m, &pointer));
            if let Some(missing) = on_the_way {
                assert_eq!(known.missing_in_part(&part), Some(*missing), "{pointer}");
            }
            let fits = known.partial_schema().check(&part).is_ok();
            assert_eq!(fits, on_the_way.is_none() && !part_of_it, "{}: {pointer}", known.name);
            if fits {
                assert_eq!(known.missing_in_part(&part), None);
                read(known, &part).unwrap();
                if least.pointer(&pointer).is_some() {
                    least = without(&least, &pointer);
                }
            }
        }
        // All of it hidden at once.
        assert_eq!(known.missing_in_part(&least), None);
        assert_eq!(known.partial_schema().check(&least), Ok(()));
        read(known, &least).unwrap();
        // A link of a chain hides nothing at all.
        let chain = ["TaskGrantCredential", "DelegationCredential"].contains(&known.name);
        assert_eq!(known.schema().check(&least).is_ok(), chain, "{}", known.name);
        // Outside of the subject nothing is left to choose.
        for pointer in mandatory.iter().filter(|m| !m.starts_with("/credentialSubject/")) {
            let part = without(&whole, pointer);
            assert_eq!(known.missing_in_part(&part), Some(*pointer));
            assert!(known.partial_schema().check(&part).is_err());
        }
        assert_eq!(known.partial_schema().check(&whole), Ok(()));
    }
}

#[test]
fn what_a_part_shows_is_held_to_the_same_form() {
    let known = AttestationType::by_name("PactScoreCredential").unwrap();
    let changed = |name: &'static str, value: Value<'static>| {
        let part = without(&whole(known), "/credentialSubject/origin");
        let Value::Object(mut part) = part else { panic!("an object") };
        let Some(Value::Object(subject)) = part.get_mut("credentialSubject") else {
            panic!("no subject")
        };
        subject.insert(name, value);
        Value::Object(part)
    };
    for (name, value) in [
        ("value", Value::from(101_u32)),
        ("value", "98".into()),
        ("tier", "diamond".into()),
        ("tier", vec!["platinum"].into()),
        ("confidence", Value::Null),
        ("atLeast75", false.into()),
        ("odd", true.into()),
        ("scoreModel", "https://scorer.example/models/pact".into()),
        ("dimensions", vec![Object::from([("value", "99")])].into()),
    ] {
        assert!(known.partial_schema().check(&changed(name, value)).is_err(), "{name}");
    }
    // The reader alone is as strict.
    for (name, value) in [
        ("value", Value::from("98")),
        ("tier", "diamond".into()),
        ("confidence", Value::Null),
        ("evaluationCount", "many".into()),
        ("scoreModel", "https://scorer.example/models/pact".into()),
        ("origin", 5_u32.into()),
        ("atLeast75", "true".into()),
        ("atLeast101", true.into()),
    ] {
        assert!(read(known, &changed(name, value)).is_err(), "{name}");
    }
    // Parts of a list's items may be hidden too.
    let dimensions = vec![Object::from([("name", "honesty")])];
    let part = changed("dimensions", dimensions.into());
    assert_eq!(known.partial_schema().check(&part), Ok(()));
}

#[test]
fn a_certification_for_every_version_is_shown_whole() {
    let known = AttestationType::by_name("AgentCertificationCredential").unwrap();
    let unbound = without(&whole(known), "/credentialSubject/agentVersion");
    assert_eq!(known.missing_claim(&unbound), None);
    assert_eq!(known.schema().check(&unbound), Ok(()));
    assert_eq!(known.missing_in_part(&unbound), Some("/credentialSubject/agentVersion"));
    assert!(known.partial_schema().check(&unbound).is_err());
}

#[test]
fn a_hidden_value_is_at_least_its_highest_threshold() {
    let known = AttestationType::by_name("PactScoreCredential").unwrap();
    let read = |thresholds: &[(&'static str, bool)]| {
        let mut claims = score();
        claims.remove("value");
        for (name, reached) in thresholds {
            claims.insert(*name, *reached);
        }
        match known.read(&claims) {
            Ok(Attestation::PactScore(score)) => score,
            other => panic!("{other:?}"),
        }
    };
    let at = |text| Timestamp::parse(text).unwrap();
    let score = read(&[("atLeast50", true), ("atLeast75", true), ("atLeast90", false)]);
    assert_eq!((score.value, score.at_least, score.least_value()), (None, Some(75), Some(75)));
    // It decays as the value does, and so stays below it.
    assert_eq!(score.value_at(at("2026-11-27T00:00:00Z")), 75);
    assert_eq!(score.value_at(at("2026-11-27T00:00:01Z")), 74);
    assert_eq!(score.value_at(at("2026-11-19T00:00:00Z")), 0);
    let nothing = read(&[("atLeast25", false)]);
    assert_eq!((nothing.least_value(), nothing.value_at(at("2026-11-21T00:00:00Z"))), (None, 0));
}

#[test]
fn issuers_make_mandatory_what_is_there_of_it() {
    let known = AttestationType::by_name("PactScoreCredential").unwrap();
    let expected = [
        "/id",
        "/type",
        "/issuer",
        "/validFrom",
        "/validUntil",
        "/credentialSchema",
        "/credentialSubject/id",
        "/credentialStatus",
        "/credentialSubject/agentVersion",
        "/credentialSubject/modelDigest",
        "/credentialSubject/computedAt",
        "/credentialSubject/decay",
    ];
    assert_eq!(known.mandatory_pointers(&whole(known)), expected);
    // Another type, with little in it and several subjects, of which none can be left out.
    let other = json(
        r#"{"type":["VerifiableCredential","Other"],"issuer":"did:web:issuer.example",
            "validUntil":"2026-12-20T00:00:00Z","credentialSubject":[{"id":"urn:a"},{"id":"urn:b"}]}"#,
    );
    let pointers = ["/type", "/issuer", "/validUntil", "/credentialSubject"];
    assert_eq!(mandatory_pointers(&other), pointers);
    assert_eq!(missing_in_part(&other), Some("/id"));
}
