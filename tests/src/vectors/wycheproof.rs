//! C2SP/wycheproof: Ed25519, ECDSA P-256 and P-384 in P1363 form.
//!
//! These files hold "valid" and "invalid" alone. The strict Ed25519 rules (no points of small
//! order) refuse none of the valid ones; high-S ECDSA signatures are valid there and here. An
//! "acceptable" one would have to be listed here with a reason: the test fails on any.

use bonafide_core::json::Value;
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_proof::VerifyingKey;

use super::{Folder, unhex};

fn text<'v>(value: &'v Value<'_>, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

fn key(group: &Value<'_>, key_type: KeyType) -> Option<VerifyingKey> {
    let bytes = if key_type == KeyType::Ed25519 {
        unhex(text(group, "/publicKey/pk"))
    } else {
        let uncompressed = unhex(text(group, "/publicKey/uncompressed"));
        let coordinates = &uncompressed[1..];
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        [&[2 + (y.last().unwrap() & 1)], x].concat()
    };
    VerifyingKey::new(PublicKey::from_bytes(key_type, &bytes).ok()?)
}

fn run(folder: &mut Folder, file: &str, key_type: KeyType, expected: usize) {
    let suite = folder.json(file);
    let mut counted = 0;
    for group in suite.get("testGroups").unwrap().as_array().unwrap() {
        let key = key(group, key_type);
        for case in group.get("tests").unwrap().as_array().unwrap() {
            let good = match text(case, "/result") {
                "valid" => true,
                "invalid" => false,
                other => panic!("{file}: no choice is documented for {other:?}"),
            };
            let (message, signature) = (unhex(text(case, "/msg")), unhex(text(case, "/sig")));
            let verified = key.as_ref().is_some_and(|key| key.verify(&message, &signature));
            assert_eq!(verified, good, "{file} {:?}", case.get("tcId"));
            counted += 1;
        }
    }
    assert_eq!(counted, expected, "{file}");
}

#[test]
fn every_signature_gets_the_published_result() {
    let mut folder = Folder::open("wycheproof");
    run(&mut folder, "ed25519_test.json", KeyType::Ed25519, 151);
    run(&mut folder, "ecdsa_secp256r1_sha256_p1363_test.json", KeyType::P256, 262);
    run(&mut folder, "ecdsa_secp384r1_sha384_p1363_test.json", KeyType::P384, 280);
    folder.finish();
}
