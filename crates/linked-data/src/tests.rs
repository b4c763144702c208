//! Every attestation can be signed as RDF: the contexts have a term for all that its schema allows.

use bonafide_core::attestation::AttestationType;
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_core::status::TokenStatusReference;
use bonafide_proof::data_integrity::{
    ProofError, ProofOptions, VerifyInput, Work, add_proof, proofs_of,
};
use bonafide_proof::{Signer, Unremembered, VerifyingKey};
use bonafide_testkit::{Attested, did_key_of, json, key, scene};

use super::SUITES;

fn sign(document: Value<'static>) -> Result<Object<'static>, ProofError> {
    let key = key("maximal", KeyType::Ed25519);
    let (_, method) = did_key_of(&key);
    let options = ProofOptions::new(&method, Relationship::AssertionMethod);
    match add_proof(document, &options, SUITES.by_name("eddsa-rdfc-2022")?, &key)? {
        Value::Object(secured) => Ok(secured),
        _ => panic!("an object"),
    }
}

fn verify(document: &Object<'static>) -> Result<(), ProofError> {
    let key = VerifyingKey::new(key("maximal", KeyType::Ed25519).public_key().clone()).unwrap();
    let proofs = proofs_of(document)?;
    let proof = &proofs[0];
    let work = Work::default();
    let (previous, check) = (Vec::new(), &Unremembered);
    let input = VerifyInput { document, proof, previous, key: &key, check, work: &work };
    SUITES.of_proof(proof)?.verify(input).map(drop)
}

fn subject<'d>(document: &'d mut Object<'static>) -> &'d mut Object<'static> {
    match document.get_mut("credentialSubject") {
        Some(Value::Object(subject)) => subject,
        _ => panic!("no subject"),
    }
}

/// An attestation with every member that its schema allows.
fn maximal(attested: Attested) -> Object<'static> {
    let scene = scene();
    let Value::Object(mut document) = scene.attestation(attested, &scene.platinum) else {
        panic!("an object")
    };
    document.insert("name", "An attestation");
    document.insert("description", "With all that there can be");
    if attested != Attested::Builder {
        // A builder that attests itself is named in the subject too; one node has one object.
        let issuer = document.str("issuer").unwrap().to_owned();
        let issuer = [("id", issuer), ("name", "An issuer".to_owned())];
        document.insert("issuer", Object::from(issuer));
    }
    let related = [
        ("id", "https://certifier.example/reports/1"),
        ("digestMultibase", "uhF6RgxMZ6JxNZWvbgMJ4rAmnIw1h5d_S4bH7tDasiRc"),
        ("digestSRI", "sha384-uTIzuJ8WDbFzTsCOTVfmYeXsZKDTZpO9qEjqkJhYWV7qtyaOAUGVKQpPuPCvC"),
        ("mediaType", "text/html"),
    ];
    document.insert("relatedResource", Object::from(related));
    for member in ["evidence", "termsOfUse", "refreshService"] {
        // Such types are others' business; they come with their own contexts or as URLs.
        document.insert(member, Object::from([("type", "https://types.example/terms#Some")]));
    }
    let claims = subject(&mut document);
    claims.insert("type", "https://types.example/terms#Agent");
    match attested {
        Attested::Certification => drop(claims.insert("agentVersion", "2.3.0")),
        Attested::PactScore => {
            for threshold in [25, 50, 60, 70, 75, 80, 90, 95] {
                claims.insert(format!("atLeast{threshold}"), true);
            }
        }
        _ => {}
    }
    document
}

/// That `value` has every member that `schema` names.
fn covers(schema: &Value<'_>, value: &Value<'_>, place: &str) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties.iter() {
            let beside = ["proof", "iss", "sub", "jti", "iat", "nbf", "exp"];
            if place.is_empty() && beside.contains(&name) {
                continue;
            }
            let place = format!("{place}/{name}");
            let member = value.get(name);
            assert!(member.is_some(), "the example has no {place}");
            covers(property, member.unwrap(), &place);
        }
    }
    if let (Some(items), Some([first, ..])) = (schema.get("items"), value.as_array()) {
        covers(items, first, &format!("{place}/0"));
    }
}

#[test]
fn every_attestation_can_be_signed_with_all_that_its_schema_allows() {
    for attested in Attested::ALL {
        let document = maximal(attested);
        let value = Value::Object(document.clone());
        let name = value.pointer("/type/1").and_then(Value::as_str).unwrap();
        let known = AttestationType::by_name(name).unwrap();
        assert_eq!(known.schema().check(&value), Ok(()), "{name}");
        covers(&json(known.schema_text), &value, "");

        let secured =
            sign(document.clone().into()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verify(&secured), Ok(()), "{name}");
        // Each member is under the signature.
        for (member, _) in document.iter().filter(|(member, _)| *member != "@context") {
            let mut changed = secured.clone();
            changed.remove(member);
            assert!(verify(&changed).is_err(), "{name}: {member} is not signed");
        }
        for (claim, _) in subject(&mut document.clone()).iter() {
            let mut changed = secured.clone();
            subject(&mut changed).remove(claim);
            assert!(verify(&changed).is_err(), "{name}: {claim} is not signed");
        }
    }
}

#[test]
fn status_entries_of_every_kind_can_be_signed() {
    let message = json(
        r#"{"type": "BitstringStatusListEntry", "statusPurpose": "message",
            "statusListIndex": "2", "statusListCredential": "https://scorer.example/status/2",
            "statusSize": 1, "statusReference": "https://scorer.example/meanings",
            "statusMessage": [
                {"status": "0x0", "message": "in order"},
                {"status": "0x1", "message": "under review"}
            ]}"#,
    );
    let token =
        TokenStatusReference { index: 3, uri: "https://scorer.example/status/token".to_owned() };
    let mut document = maximal(Attested::PactScore);
    let own = document.remove("credentialStatus").unwrap();
    document.insert("credentialStatus", vec![own, message, token.to_object().into()]);
    let secured = sign(document.into()).unwrap();
    assert_eq!(verify(&secured), Ok(()));
    let mut changed = secured;
    let Some(Value::Array(entries)) = changed.get_mut("credentialStatus") else { panic!("a list") };
    let Some(Value::Object(token)) = entries.last_mut() else { panic!("an entry") };
    token.insert("statusListIndex", "4");
    assert_eq!(verify(&changed), Err(ProofError::SignatureInvalid));
}
