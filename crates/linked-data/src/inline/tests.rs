use bonafide_core::did::Relationship;
use bonafide_proof::data_integrity::{ProofOptions, Work, add_proof, proofs_of};
use bonafide_proof::{Signer as _, Unremembered, VerifyingKey};
use bonafide_testkit::{did_key_of, json, key};

use super::*;
use crate::SUITES;

const KEY: &str = "inline";

fn credential(context: &str) -> Value<'static> {
    json(&format!(
        r#"{{"@context": ["https://www.w3.org/ns/credentials/v2", {context}],
        "type": ["VerifiableCredential"], "issuer": "did:example:issuer",
        "credentialSubject": {{"id": "did:example:subject", "likes": "tea"}}}}"#
    ))
}

fn sign(document: Value<'static>, suites: Suites) -> Result<Object<'static>, ProofError> {
    let key = key(KEY, KeyType::Ed25519);
    let (_, method) = did_key_of(&key);
    let options = ProofOptions::new(&method, Relationship::AssertionMethod);
    match add_proof(document, &options, suites.by_name("eddsa-rdfc-2022")?, &key)? {
        Value::Object(secured) => Ok(secured),
        _ => panic!("an object"),
    }
}

fn verify(document: &Object<'static>, suites: Suites) -> Result<(), ProofError> {
    let key = VerifyingKey::new(key(KEY, KeyType::Ed25519).public_key().clone()).unwrap();
    let proofs = proofs_of(document)?;
    let proof = &proofs[0];
    let (previous, check, work) = (Vec::new(), &Unremembered, &Work::default());
    let input = VerifyInput { document, proof, previous, key: &key, check, work };
    suites.of_proof(proof)?.verify(input).map(drop)
}

fn is_refused<T>(result: &Result<T, ProofError>) -> bool {
    matches!(result, Err(ProofError::ContextRefused { .. }))
}

#[test]
fn only_these_suites_read_them() {
    for context in [
        r#"{"likes": "https://terms.example/likes"}"#,
        r#"{"@context": {"likes": "https://terms.example/likes"}}"#,
        r#"{"@vocab": "https://terms.example/"}"#,
    ] {
        let signed = sign(credential(context), TEST_SUITES).unwrap();
        verify(&signed, TEST_SUITES).unwrap();
        assert!(is_refused(&verify(&signed, SUITES)), "{context}");
        assert!(is_refused(&sign(credential(context), SUITES)), "{context}");
    }
}

/// Statements are signed, whatever the context is called that leads to them.
#[test]
fn what_a_term_stands_for_is_signed() {
    let one = sign(credential(r#"{"likes": "https://terms.example/likes"}"#), TEST_SUITES).unwrap();
    let with_context = |context: &str| {
        let Value::Object(mut other) = credential(context) else { panic!("an object") };
        other.insert("proof", one.get("proof").unwrap().clone());
        other
    };
    let same = with_context(r#"{"likes": {"@id": "https://terms.example/likes"}}"#);
    verify(&same, TEST_SUITES).unwrap();
    let other = with_context(r#"{"likes": "https://terms.example/hates"}"#);
    assert_eq!(verify(&other, TEST_SUITES), Err(ProofError::SignatureInvalid));
}

#[test]
fn what_a_table_refuses_is_refused_here() {
    for context in [
        r#"{"VerifiableCredential": "https://terms.example/other"}"#,
        r#"{"likes": null}"#,
        r#"{"@base": "https://terms.example/"}"#,
        r#"{"@import": "https://terms.example/"}"#,
        r#"{"likes": {"@id": "https://terms.example/likes", "@container": "@index"}}"#,
        r#"{"@protected": true, "likes": "https://a.example/"}, {"likes": "https://b.example/"}"#,
        // Its own names, and others that nobody pinned.
        r#""urn:bonafide:inline-context:0", {"likes": "https://terms.example/likes"}"#,
        r#"{"likes": "https://terms.example/likes"}, "https://terms.example/context""#,
    ] {
        assert!(is_refused(&sign(credential(context), TEST_SUITES)), "{context}");
    }
    let many: Vec<String> =
        (0..=MOST).map(|n| format!(r#"{{"t{n}": "https://x.example/{n}"}}"#)).collect();
    assert!(is_refused(&sign(credential(&many.join(", ")), TEST_SUITES)));
    let undefined = sign(credential(r#"{"@vocab": null}"#), TEST_SUITES);
    assert!(matches!(undefined, Err(ProofError::DataLoss { .. })));
}

/// Without one, nothing is different.
#[test]
fn other_documents_are_signed_as_ever() {
    let document = || credential(r#""https://www.w3.org/ns/credentials/examples/v2""#);
    assert_eq!(sign(document(), TEST_SUITES), sign(document(), SUITES));
}
