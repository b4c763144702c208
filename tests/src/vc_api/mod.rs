//! VC-API over HTTP, as clients and W3C's suites use it: whole credentials are issued, derived,
//! verified and revoked.

mod conformance;
mod identifiers;
mod issue;
mod presentations;
mod service;
mod status;
mod verify;

use bonafide_core::did::Relationship;
use bonafide_core::json::to_canonical_string;
use bonafide_core::key::KeyType;
use bonafide_linked_data::SUITES;
use bonafide_proof::SecretKey;
use bonafide_proof::data_integrity::{ProofOptions, add_proof};
use bonafide_testkit::{did_key_of, key};
use serde_json::{Value, json};

/// A credential of version 2.0 that says little.
fn credential(issuer: &str) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "credentialSubject": {"id": "did:example:subject", "name": "Alice"},
    })
}

/// One of version 1.1.
fn credential_v1(issuer: &str) -> Value {
    json!({
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        "id": "urn:uuid:86294362-4254-4f36-854f-3952fe42555d",
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "issuanceDate": "2020-03-16T22:37:26.544Z",
        "credentialSubject": {"id": "did:example:subject"},
    })
}

/// The same with another value at a pointer; `null` takes the member away.
fn changed(document: &Value, pointer: &str, value: Value) -> Value {
    let mut document = document.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => drop(parent.remove(name)),
        value => drop(parent.insert(name.to_owned(), value)),
    }
    document
}

/// The name of somebody with a key, outside of the service.
fn somebody() -> (SecretKey, String, String) {
    let key = key("somebody", KeyType::Ed25519);
    let (did, method) = did_key_of(&key);
    (key, did, method)
}

/// What somebody's proof says besides.
#[derive(Default)]
struct Says<'a> {
    id: Option<&'a str>,
    challenge: Option<&'a str>,
    domain: Option<&'a str>,
}

/// Signs with somebody's key.
fn signed(document: &Value, suite: &str, purpose: Relationship, says: &Says<'_>) -> Value {
    let (key, _, method) = somebody();
    let document = bonafide_testkit::json(&document.to_string());
    let Says { id, challenge, domain } = *says;
    let options = ProofOptions { id, challenge, domain, ..ProofOptions::new(&method, purpose) };
    let suite = SUITES.by_name(suite).unwrap();
    let signed = add_proof(document, &options, suite, &key).unwrap();
    serde_json::from_str(&to_canonical_string(&signed)).unwrap()
}
