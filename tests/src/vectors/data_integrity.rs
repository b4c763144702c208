//! w3c/vc-di-eddsa and w3c/vc-di-ecdsa: the JCS suites with every intermediate step, and the
//! structure of proof sets and chains.
//!
//! The published sets and chains are signed with eddsa-rdfc-2022. What does not depend on RDF is
//! checked here: which document each proof of a set or chain covers, byte for byte against the
//! published intermediate documents, and then whole sets and chains of our own with
//! eddsa-jcs-2022 and the published keys.

use std::sync::Mutex;

use bonafide_core::did::Relationship;
use bonafide_core::encoding::encode_base58btc;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_proof::data_integrity::{
    ProofError, ProofOptions, Suite, Suites, VerifyInput, add_proof, matching_previous, proofs_of,
};
use bonafide_proof::{SecretKey, SignatureCheck, Signer, Unremembered, VerifyingKey};

use super::{Folder, unhex};

/// Remembers what it was asked to check.
#[derive(Default)]
struct Recorder(Mutex<Vec<(Vec<u8>, Vec<u8>)>>);

impl SignatureCheck for Recorder {
    fn is_good(&self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        self.0.lock().unwrap().push((message.to_vec(), signature.to_vec()));
        key.verify(message, signature)
    }
}

fn key_of(method: &str) -> VerifyingKey {
    let multikey = method.split_once('#').unwrap().1;
    VerifyingKey::new(PublicKey::from_multikey(multikey).unwrap()).unwrap()
}

fn verify_all(
    document: &Value<'_>,
    suites: Suites,
    check: &dyn SignatureCheck,
) -> Result<(), ProofError> {
    let document = document.as_object().unwrap();
    let proofs = proofs_of(document)?;
    for proof in &proofs {
        let previous = matching_previous(proof, &proofs)?;
        let key = key_of(proof.verification_method);
        let input = VerifyInput { document, proof, previous, key: &key, check };
        suites.by_name(proof.cryptosuite)?.verify(input)?;
    }
    Ok(())
}

struct Case<'c> {
    folder: &'c str,
    suffix: &'c str,
    key_pair: &'c str,
    /// Ed25519 signatures are deterministic; the published ECDSA ones need not be RFC 6979's.
    deterministic: bool,
}

fn run(folder: &mut Folder, case: &Case<'_>) {
    let Case { suffix, .. } = case;
    let mut name = |stem: &str, ending: &str| {
        let path = format!("{}/{stem}{suffix}.{ending}", case.folder);
        folder.text(&path)
    };
    let canonical_document = name("canonDoc", "txt");
    let document_hash = unhex(&name("docHash", "txt"));
    let canonical_options = name("proofCanon", "txt");
    let options_hash = unhex(&name("proofHash", "txt"));
    let combined = unhex(&name("combinedHash", "txt"));
    let signature = unhex(&name("sigHex", "txt"));
    let proof_value = name("sigBTC58", "txt");
    let signed = folder.json(&format!("{}/signed{suffix}.json", case.folder));
    let options = folder.json(&format!("{}/proofConfig{suffix}.json", case.folder));
    let unsigned = folder.json("unsigned.json");
    let pair = folder.json(case.key_pair);

    assert_eq!(to_canonical_string(&unsigned), canonical_document);
    assert_eq!(to_canonical_string(&options), canonical_options);
    assert_eq!([options_hash, document_hash].concat(), combined);
    assert_eq!(encode_base58btc(&signature), proof_value);

    let recorder = Recorder::default();
    verify_all(&signed, Suites::JCS, &recorder).unwrap();
    assert_eq!(recorder.0.into_inner().unwrap(), [(combined, signature)]);

    let secret = ["privateKeyMultibase", "secretKeyMultibase"].map(|name| pair.get(name));
    let secret = secret.into_iter().flatten().next().unwrap().as_str().unwrap();
    let key = SecretKey::from_multikey(secret).unwrap();
    assert_eq!(key.to_multikey().as_str(), secret);
    let public = key.public_key().to_multikey();
    assert_eq!(pair.get("publicKeyMultibase").unwrap().as_str().unwrap(), public);
    let suite = Suites::JCS.for_key(key.public_key().key_type()).unwrap();
    let method = options.get("verificationMethod").unwrap().as_str().unwrap();
    let created = options.get("created").unwrap().as_str().unwrap();
    let proof_options = ProofOptions {
        created: Some(bonafide_core::time::Timestamp::parse(created).unwrap()),
        ..ProofOptions::new(method, Relationship::AssertionMethod)
    };
    let ours = add_proof(unsigned, &proof_options, suite, &key).unwrap();
    verify_all(&ours, Suites::JCS, &Unremembered).unwrap();
    if case.deterministic {
        assert_eq!(ours, signed);
    }
}

#[test]
fn ecdsa_jcs_2019_reproduces_every_step() {
    let mut folder = Folder::open("vc-di-ecdsa");
    for (number, key_type) in [("256", KeyType::P256), ("384", KeyType::P384)] {
        run(
            &mut folder,
            &Case {
                folder: &format!("ecdsa-jcs-2019-p{number}"),
                suffix: &format!("JCSECDSAP{number}"),
                key_pair: &format!("p{number}KeyPair.json"),
                deterministic: false,
            },
        );
        assert_eq!(Suites::JCS.for_key(key_type).unwrap().name(), "ecdsa-jcs-2019");
    }
    folder.finish();
}

#[test]
fn eddsa_jcs_2022_and_proof_sets_and_chains() {
    let mut folder = Folder::open("vc-di-eddsa");
    run(
        &mut folder,
        &Case {
            folder: "eddsa-jcs-2022",
            suffix: "JCS",
            key_pair: "keyPair.json",
            deterministic: true,
        },
    );
    published_sets_and_chains(&mut folder);
    our_own_chain(&mut folder);
    folder.finish();
}

/// Stands in for eddsa-rdfc-2022 and notes the document that it is given to hash.
struct Structure(Mutex<Vec<String>>);

impl Suite for Structure {
    fn name(&self) -> &'static str {
        "eddsa-rdfc-2022"
    }

    fn key_types(&self) -> &'static [KeyType] {
        &[KeyType::Ed25519]
    }

    fn verify(&self, input: VerifyInput<'_>) -> Result<[u8; 32], ProofError> {
        let mut document = input.document.clone();
        document.remove("proof");
        if !input.previous.is_empty() {
            document.insert("proof", input.previous.clone());
        }
        self.0.lock().unwrap().push(to_canonical_string(&document.into()));
        Ok([0; 32])
    }

    fn sign(
        &self,
        _: &Object<'_>,
        _: &Object<'_>,
        _: Vec<Value<'_>>,
        _: &dyn Signer,
    ) -> Result<String, ProofError> {
        Err(ProofError::SignatureInvalid)
    }
}

fn published_sets_and_chains(folder: &mut Folder) {
    static STRUCTURE: Structure = Structure(Mutex::new(Vec::new()));
    static TABLE: [&dyn Suite; 1] = [&STRUCTURE];
    let seen = |folder: &mut Folder, name: &str| {
        let document = folder.json(&format!("proof-set-chain/{name}.json"));
        verify_all(&document, Suites(&TABLE), &Unremembered).unwrap();
        std::mem::take(&mut *STRUCTURE.0.lock().unwrap())
    };
    let plain = to_canonical_string(&folder.json("proof-set-chain/unsigned.json"));
    let temporary: Vec<String> = (1..=2)
        .map(|n| folder.json(&format!("proof-set-chain/proofChainTempDoc{n}.json")))
        .map(|document| to_canonical_string(&document))
        .collect();
    // Each proof of a set covers the document alone.
    assert_eq!(seen(folder, "signedProofSet1"), [&plain[..]]);
    assert_eq!(seen(folder, "signedProofSet2"), [&plain[..]; 2]);
    // Each later proof of a chain covers the document with the proofs that it names.
    assert_eq!(seen(folder, "signedProofChain1"), [&plain[..], &plain, &temporary[0]]);
    assert_eq!(
        seen(folder, "signedProofChain2"),
        [&plain[..], &plain, &temporary[0], &temporary[1]]
    );
    // The published options and signed proofs are those of the documents.
    let chain = folder.json("proof-set-chain/signedProofChain2.json");
    let proofs = chain.get("proof").unwrap().as_array().unwrap();
    let parts = [("Set", 1), ("Set", 2), ("Chain", 1), ("Chain", 2)];
    for ((kind, number), proof) in parts.into_iter().zip(proofs) {
        let signed = folder.json(&format!("proof-set-chain/proof{kind}ConfigSigned{number}.json"));
        assert_eq!(*proof, signed);
        let mut options = signed.as_object().unwrap().clone();
        options.remove("proofValue").unwrap();
        let published = folder.json(&format!("proof-set-chain/proof{kind}Config{number}.json"));
        assert_eq!(Value::Object(options), published);
    }
}

/// The same set and chain, signed with eddsa-jcs-2022 and the published keys.
fn our_own_chain(folder: &mut Folder) {
    let pairs = folder.json("proof-set-chain/multiKeyPairs.json");
    let mut document = folder.json("proof-set-chain/unsigned.json");
    let suite = Suites::JCS.by_name("eddsa-jcs-2022").unwrap();
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
        verify_all(&document, Suites::JCS, &Unremembered).unwrap();
    }
    // A chain that lost a link no longer verifies, though every proof left in it is genuine.
    let mut object = document.as_object().unwrap().clone();
    let Some(Value::Array(mut proofs)) = object.remove("proof") else { panic!("no set") };
    proofs.remove(1);
    object.insert("proof", proofs);
    let stripped = verify_all(&object.into(), Suites::JCS, &Unremembered);
    assert!(matches!(stripped, Err(ProofError::PreviousMissing { .. })), "{stripped:?}");
}
