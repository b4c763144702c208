//! ssi as the oracle: its own way from JSON-LD to canonical RDF, against ours, over every kind of
//! document that is signed here. Whatever takes its place has to say the same.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::pin::pin;
use std::task::{Poll, Waker};

use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_linked_data::contexts::{Contexts, PINNED};
use bonafide_linked_data::rdf::HashAlgorithm;
use bonafide_linked_data::steps::canonical;
use bonafide_proof::data_integrity::Work;
use bonafide_testkit::{Attested, Format, json, scene};
use ssi_json_ld::syntax::Parse as _;
use ssi_json_ld::{CompactJsonLd, Expandable as _, Iri, LoadError, Loader, RemoteDocument};
use ssi_rdf::generator;

struct Pinned;

impl Loader for Pinned {
    async fn load(&self, url: &Iri) -> Result<RemoteDocument, LoadError> {
        let (_, text, _) = PINNED.iter().find(|(known, ..)| *known == url.as_str()).unwrap();
        let document = ssi_json_ld::syntax::Value::parse_str(text).unwrap().0;
        Ok(RemoteDocument::new(Some(url.to_owned()), None, document))
    }
}

/// Canonical N-Quads by ssi alone.
fn of_ssi(document: &Object<'static>) -> String {
    let text = to_canonical_string(&document.clone().into());
    let compact = CompactJsonLd(ssi_json_ld::syntax::Value::parse_str(&text).unwrap().0);
    let mut task = std::task::Context::from_waker(Waker::noop());
    let Poll::Ready(expanded) = pin!(compact.expand(&Pinned)).poll(&mut task) else {
        panic!("nothing is waited for");
    };
    let expanded = expanded.unwrap();
    let quads = linked_data::to_lexical_quads(generator::Blank::new(), &expanded).unwrap();
    let quads = quads.iter().map(|quad| quad.as_lexical_quad_ref());
    ssi_rdf::urdna2015::normalize(quads).into_nquads()
}

fn ours(document: &Object<'static>) -> String {
    canonical(document, Contexts::pinned(), HashAlgorithm::Sha256, &Work::default())
        .unwrap()
        .lines
        .concat()
}

fn object(value: Value<'static>) -> Object<'static> {
    let Value::Object(object) = value else { panic!("not an object") };
    object
}

#[test]
fn attestations_say_the_same_by_ssi() {
    let scene = scene();
    for agent in [&scene.platinum, &scene.bronze] {
        for attested in Attested::ALL {
            let document = object(scene.attestation(attested, agent));
            assert_eq!(ours(&document), of_ssi(&document), "{}", attested.name());
        }
    }
}

#[test]
fn signed_documents_and_presentations_say_the_same_by_ssi() {
    let scene = scene();
    for format in [Format::ALL[0], Format::ALL[6], Format::EcdsaSd] {
        let held = scene.credentials(&scene.platinum, format);
        for text in held.iter().chain([&scene.present(&held, &scene.platinum, format)]) {
            let document = object(json(text));
            assert_eq!(ours(&document), of_ssi(&document), "{}", format.name());
        }
    }
}

#[test]
fn published_documents_say_the_same_by_ssi() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors");
    for name in [
        "vc-di-eddsa/unsigned.json",
        "vc-di-eddsa/proof-set-chain/unsigned.json",
        "vc-di-eddsa/proof-set-chain/proofChainTempDoc1.json",
        "vc-di-eddsa/proof-set-chain/proofChainTempDoc2.json",
        "vc-di-ecdsa/unsigned.json",
    ] {
        let document = object(json(&std::fs::read_to_string(root.join(name)).unwrap()));
        assert_eq!(ours(&document), of_ssi(&document), "{name}");
    }
}

// Control characters are left out: ssi writes a tab as it is, where RDFC-1.0, 5, has it escaped.
#[test]
fn numbers_texts_and_nesting_say_the_same_by_ssi() {
    let document = object(json(
        r#"{
        "@context": ["https://www.w3.org/ns/credentials/v2",
                     "https://www.w3.org/ns/credentials/undefined-terms/v2"],
        "type": ["VerifiableCredential", "Odd"],
        "issuer": "did:example:issuer",
        "name": {"@value": "שלום", "@language": "he"},
        "credentialSubject": [
          {"a": 1, "b": -7, "c": true, "d": "line\nfeed \"quoted\" \\ all", "e": [3, "3"],
           "f": {"g": {"h": {"i": "deep"}}}, "j": [{"k": 1}, {"k": 1}, {"k": 2}]},
          {"id": "urn:example:subject", "l": "é𝄞"}
        ]
      }"#,
    ));
    assert_eq!(ours(&document), of_ssi(&document));
}
