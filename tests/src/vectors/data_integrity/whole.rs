//! Suites that sign a document as a whole: JCS and RDFC, with every intermediate value.

use bonafide_core::did::Relationship;
use bonafide_core::encoding::encode_base58btc;
use bonafide_core::json::{Value, to_canonical_string};
use bonafide_linked_data::rdf::HashAlgorithm;
use bonafide_linked_data::steps::canonical;
use bonafide_proof::data_integrity::{ProofOptions, Work, add_proof};
use bonafide_proof::{SecretKey, Signer, Unremembered};

use super::super::{Folder, unhex};
use super::{Recorder, SUITES, contexts, object, verify_all};

struct Case<'c> {
    suite: &'c str,
    folder: &'c str,
    suffix: &'c str,
    unsigned: &'c str,
    key_pair: &'c str,
}

pub(super) fn eddsa(folder: &mut Folder) {
    let key_pair = "keyPair.json";
    let cases = [
        ("eddsa-jcs-2022", "eddsa-jcs-2022", "JCS", "unsigned"),
        ("eddsa-rdfc-2022", "eddsa-rdfc-2022", "DataInt", "unsigned"),
        ("eddsa-rdfc-2022", "eddsa-rdfc-2022/employ", "DataInt", "employmentAuth"),
        ("Ed25519Signature2020", "Ed25519Signature2020", "EdSig", "unsigned"),
    ];
    for (suite, path, suffix, unsigned) in cases {
        run(folder, &Case { suite, folder: path, suffix, unsigned, key_pair });
    }
}

pub(super) fn ecdsa(folder: &mut Folder) {
    for number in ["256", "384"] {
        let key_pair = &format!("p{number}KeyPair.json");
        let rdfc = format!("ecdsa-rdfc-2019-p{number}");
        let cases = [
            (
                "ecdsa-jcs-2019",
                format!("ecdsa-jcs-2019-p{number}"),
                format!("JCSECDSAP{number}"),
                "unsigned",
            ),
            ("ecdsa-rdfc-2019", rdfc.clone(), format!("ECDSAP{number}"), "unsigned"),
            (
                "ecdsa-rdfc-2019",
                format!("{rdfc}/employ"),
                format!("ECDSAP{number}"),
                "employmentAuth",
            ),
        ];
        for (suite, path, suffix, unsigned) in &cases {
            run(folder, &Case { suite, folder: path, suffix, unsigned, key_pair });
        }
    }
}

/// The canonical form as this suite hashes it.
fn canonical_form(document: &Value<'static>, suite: &str, key_pair: &str) -> String {
    if suite.contains("-jcs-") {
        return to_canonical_string(document);
    }
    let hash = match key_pair.contains("384") {
        true => HashAlgorithm::Sha384,
        false => HashAlgorithm::Sha256,
    };
    canonical(&object(document.clone()), contexts(), hash, &Work::default()).unwrap().lines.concat()
}

fn run(folder: &mut Folder, case: &Case<'_>) {
    let Case { suite, suffix, key_pair, .. } = case;
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
    let mut unsigned = folder.json(&format!("{}.json", case.unsigned));
    let pair = folder.json(key_pair);
    if *suite == "Ed25519Signature2020" {
        // This document was signed under a further context.
        let context = signed.get("@context").unwrap().clone();
        let mut changed = object(unsigned);
        changed.insert("@context", context);
        unsigned = changed.into();
    }

    assert_eq!(canonical_form(&unsigned, suite, key_pair), canonical_document);
    assert_eq!(canonical_form(&options, suite, key_pair), canonical_options);
    assert_eq!([options_hash, document_hash].concat(), combined);
    assert_eq!(encode_base58btc(&signature), proof_value);

    let recorder = Recorder::default();
    verify_all(&signed, SUITES, &recorder).unwrap();
    assert_eq!(recorder.0.into_inner().unwrap(), [(combined, signature)]);

    let secret = ["privateKeyMultibase", "secretKeyMultibase"].map(|name| pair.get(name));
    let secret = secret.into_iter().flatten().next().unwrap().as_str().unwrap();
    let key = SecretKey::from_multikey(secret).unwrap();
    assert_eq!(key.to_multikey().as_str(), secret);
    let public = key.public_key().to_multikey();
    assert_eq!(pair.get("publicKeyMultibase").unwrap().as_str().unwrap(), public);
    let suite = SUITES.by_name(suite).unwrap();
    let method = options.get("verificationMethod").unwrap().as_str().unwrap();
    let created = options.get("created").unwrap().as_str().unwrap();
    let proof_options = ProofOptions {
        created: Some(bonafide_core::time::Timestamp::parse(created).unwrap()),
        ..ProofOptions::new(method, Relationship::AssertionMethod)
    };
    let ours = add_proof(unsigned, &proof_options, suite, &key).unwrap();
    verify_all(&ours, SUITES, &Unremembered).unwrap();
    // Ed25519 signatures are deterministic; the published ECDSA ones need not be RFC 6979's.
    if suite.name().starts_with("ed") {
        assert_eq!(ours, signed);
    }
}
