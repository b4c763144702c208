//! Proof sets and chains: the published ones, signed with eddsa-rdfc-2022, and the same with
//! eddsa-jcs-2022.

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_linked_data::rdf::HashAlgorithm;
use bonafide_linked_data::steps::{canonical, configuration, unsecured};
use bonafide_proof::data_integrity::{ProofError, ProofOptions, Work, add_proof};
use bonafide_proof::{SecretKey, Signer, Unremembered};

use super::super::Folder;
use super::{Recorder, SUITES, contexts, object, verify_all};

/// The bytes that eddsa-rdfc-2022 signs, step by step.
fn signed_bytes(options: &Value<'static>, document: &Object<'static>) -> Vec<u8> {
    let options = configuration(&object(options.clone()), document).unwrap();
    let hash = |document: &Object<'static>| {
        let canonical =
            canonical(document, contexts(), HashAlgorithm::Sha256, &Work::default()).unwrap();
        HashAlgorithm::Sha256.digest(canonical.lines.concat().as_bytes())
    };
    [hash(&options), hash(document)].concat()
}

pub(super) fn published(folder: &mut Folder) {
    let mut document = |name: &str| folder.json(&format!("proof-set-chain/{name}.json"));
    let plain = object(document("unsigned"));
    let temporary =
        [object(document("proofChainTempDoc1")), object(document("proofChainTempDoc2"))];
    let parts = [("Set", 1), ("Set", 2), ("Chain", 1), ("Chain", 2)];
    let mut expected = Vec::new();
    let whole = document("signedProofChain2");
    let proofs = whole.get("proof").unwrap().as_array().unwrap();
    for ((kind, number), proof) in parts.into_iter().zip(proofs) {
        let signed = document(&format!("proof{kind}ConfigSigned{number}"));
        assert_eq!(*proof, signed);
        let options = document(&format!("proof{kind}Config{number}"));
        let mut without = object(signed);
        without.remove("proofValue").unwrap();
        assert_eq!(Value::Object(without), options);
        // Each proof of a set covers the document alone, each later one of a chain the document
        // with the proofs that it names.
        let covered = match (kind, number) {
            ("Set", _) => &plain,
            (_, number) => &temporary[number - 1],
        };
        expected.push(signed_bytes(&options, covered));
    }
    for (name, count) in [
        ("signedProofSet1", 1),
        ("signedProofSet2", 2),
        ("signedProofChain1", 3),
        ("signedProofChain2", 4),
    ] {
        let recorder = Recorder::default();
        verify_all(&document(name), SUITES, &recorder).unwrap();
        let checked: Vec<Vec<u8>> =
            recorder.0.into_inner().unwrap().into_iter().map(|(message, _)| message).collect();
        assert_eq!(checked, expected[..count], "{name}");
    }
    // A chain that lost a link no longer verifies.
    let mut stripped = object(whole.clone());
    let Some(Value::Array(mut proofs)) = stripped.remove("proof") else { panic!("no chain") };
    proofs.remove(1);
    stripped.insert("proof", proofs);
    let refused = verify_all(&stripped.into(), SUITES, &Unremembered);
    assert!(matches!(refused, Err(ProofError::PreviousMissing { .. })), "{refused:?}");
    assert_eq!(unsecured(&object(whole), Vec::new()), plain);
}

/// The same set and chain, signed here with the published keys.
pub(super) fn our_own(folder: &mut Folder) {
    let pairs = folder.json("proof-set-chain/multiKeyPairs.json");
    for suite in ["eddsa-jcs-2022", "eddsa-rdfc-2022"] {
        let document = folder.json("proof-set-chain/unsigned.json");
        set_and_chain(document, &pairs, suite);
    }
}

fn set_and_chain(mut document: Value<'static>, pairs: &Value<'static>, suite: &str) {
    let suite = SUITES.by_name(suite).unwrap();
    let plan: [(Option<&str>, &[&str]); 4] = [
        (Some("urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544"), &[]),
        (Some("urn:uuid:8cc9022b-6b14-4cf3-8571-74972c5feb54"), &[]),
        (
            Some("urn:uuid:d94f792a-c546-4d06-b38a-da070ab56c23"),
            &[
                "urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544",
                "urn:uuid:8cc9022b-6b14-4cf3-8571-74972c5feb54",
            ],
        ),
        (None, &["urn:uuid:d94f792a-c546-4d06-b38a-da070ab56c23"]),
    ];
    for (index, (id, previous)) in plan.into_iter().enumerate() {
        let secret = pairs.pointer(&format!("/keyPair{}/privateKeyMultibase", index + 1)).unwrap();
        let key = SecretKey::from_multikey(secret.as_str().unwrap()).unwrap();
        let multikey = key.public_key().to_multikey();
        let method = format!("did:key:{multikey}#{multikey}");
        let options = ProofOptions {
            id,
            previous,
            ..ProofOptions::new(&method, Relationship::AssertionMethod)
        };
        document = add_proof(document, &options, suite, &key).unwrap();
        verify_all(&document, SUITES, &Unremembered).unwrap();
    }
    // A chain that lost a link no longer verifies, though every proof left in it is genuine.
    let mut object = document.as_object().unwrap().clone();
    let Some(Value::Array(mut proofs)) = object.remove("proof") else { panic!("no set") };
    proofs.remove(1);
    object.insert("proof", proofs);
    let stripped = verify_all(&object.into(), SUITES, &Unremembered);
    assert!(matches!(stripped, Err(ProofError::PreviousMissing { .. })), "{stripped:?}");
}
