//! Rows 9, 10 and 20: degenerate signatures, malleable ones, broken did:keys.

use bonafide_core::did::{Did, resolve_self_certifying};
use bonafide_core::encoding::{decode_base58btc, encode_base58btc, encode_base64url};
use bonafide_core::json::{Object, Value};
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_proof::{Signer, VerifyingKey};
use bonafide_testkit::{Format, key};
use bonafide_verifier::{Outcome, SignatureCache};

use super::status::{bundle_with_list, platinum_revoked};
use crate::world::{DI, World, asked, bonafide, edited, nothing};

/// The eight points of small order, in every encoding that decodes.
const SMALL_ORDER: [[u8; 32]; 4] = [
    // The identity: y = 1.
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    // Order 4: y = 0.
    [0; 32],
    // Order 2: y = -1.
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    // Order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
];

/// The order of the Ed25519 base point, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn row_9_keys_of_small_order_are_no_keys() {
    for point in SMALL_ORDER {
        assert!(PublicKey::from_bytes(KeyType::Ed25519, &point).is_err(), "{point:02x?}");
        let mut negative = point;
        negative[31] |= 0x80;
        assert!(PublicKey::from_bytes(KeyType::Ed25519, &negative).is_err());
    }
    // y = p and y = p + 1: second spellings of 0 and 1.
    for low in [0xed, 0xee] {
        let mut point = [0xff; 32];
        point[0] = low;
        point[31] = 0x7f;
        assert!(PublicKey::from_bytes(KeyType::Ed25519, &point).is_err());
    }
}

#[test]
fn row_9_degenerate_signatures_are_refused() {
    let secret = key("row 9", KeyType::Ed25519);
    let verifying = VerifyingKey::new(secret.public_key().clone()).unwrap();
    let message = b"a message";
    let good = secret.sign(message).unwrap();
    assert!(verifying.verify(message, &good));
    // R of small order with S = 0 fits A = identity for any message; and here for no key.
    for point in SMALL_ORDER {
        let forged = [&point[..], &[0; 32]].concat();
        assert!(!verifying.verify(message, &forged));
    }
    // S + L: the same scalar written twice.
    let mut malleable = good.clone();
    let mut carry = 0;
    for (byte, order) in malleable[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert!(!verifying.verify(message, &malleable));
    for length in [0, 63, 65] {
        let mut other = good.clone();
        other.resize(length, 0);
        assert!(!verifying.verify(message, &other));
    }
}

#[test]
fn row_9_through_the_verifier() {
    let world = World::new();
    let good = world.score(DI);
    for point in SMALL_ORDER {
        let forged = encode_base58btc(&[&point[..], &[0; 32]].concat());
        let forged = with_proof_value(&good, &forged);
        world.refused(&forged, &nothing(), "proof-invalid");
    }
    // An issuer whose did:key is the identity point would vouch for anything.
    let identity = encode_base58btc(&[&[0xed, 0x01], &SMALL_ORDER[0][..]].concat());
    let did = format!("did:key:{identity}");
    let forged = edited(&good, |vc| {
        let Some(Value::Object(proof)) = vc.get_mut("proof") else { panic!("no proof") };
        proof.insert("verificationMethod", format!("{did}#{identity}"));
        vc.insert("issuer", did);
    });
    world.refused(&forged, &nothing(), "did-document-invalid");
}

fn with_proof_value(credential: &str, value: &str) -> String {
    edited(credential, |vc| {
        let Some(Value::Object(proof)) = vc.get_mut("proof") else { panic!("no proof") };
        proof.insert("proofValue", value.to_owned());
    })
}

/// (r, n - s) for P-256.
fn other_signature(signature: &[u8]) -> Vec<u8> {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ];
    let (r, s) = signature.split_at(32);
    let mut difference = [0; 32];
    let mut borrow = 0;
    for index in (0..32).rev() {
        let value = i16::from(N[index]) - i16::from(s[index]) - borrow;
        borrow = i16::from(value < 0);
        difference[index] = u8::try_from(value.rem_euclid(256)).unwrap();
    }
    [r, &difference].concat()
}

#[test]
fn row_10_a_second_signature_does_not_make_a_second_credential() {
    let format = Format::DataIntegrity(KeyType::P256);
    let revoked = World::with(|policy| policy, bundle_with_list(platinum_revoked));
    let world = World::new();
    let good = world.score(format);
    let value = bonafide_testkit::json(&good);
    let proof_value = value.pointer("/proof/proofValue").unwrap().as_str().unwrap();
    let signature = decode_base58btc(proof_value, 133).unwrap();
    let other = other_signature(&signature);
    assert_ne!(signature, other);
    let twin = with_proof_value(&good, &encode_base58btc(&other));
    let (first, second) = (world.verdict(&good, &nothing()), world.verdict(&twin, &nothing()));
    assert_eq!(first.outcome(), Outcome::Accepted);
    // It verifies, and is known by the same digest and the same index.
    assert_eq!(second.outcome(), Outcome::Accepted);
    assert_eq!(first.credential_digests(), second.credential_digests());
    revoked.refused(&twin, &nothing(), "revoked");
}

#[test]
fn row_10_der_signatures_are_refused() {
    let world = World::new();
    let format = Format::DataIntegrity(KeyType::P256);
    let good = world.score(format);
    let value = bonafide_testkit::json(&good);
    let proof_value = value.pointer("/proof/proofValue").unwrap().as_str().unwrap();
    let signature = decode_base58btc(proof_value, 133).unwrap();
    let integer = |bytes: &[u8]| {
        let pad = if bytes[0] >= 0x80 { vec![0] } else { vec![] };
        let body = [&pad[..], bytes].concat();
        [&[2, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    };
    let body = [integer(&signature[..32]), integer(&signature[32..])].concat();
    let der = [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat();
    world.refused(&with_proof_value(&good, &encode_base58btc(&der)), &nothing(), "proof-invalid");
}

#[test]
fn row_20_broken_did_keys_are_errors_and_never_panics() {
    let prefix = |codec: [u8; 2], bytes: &[u8]| encode_base58btc(&[&codec, bytes].concat());
    let off_curve = {
        let mut point = [0xff; 33];
        point[0] = 2;
        point
    };
    let uncompressed = [&[4][..], &[1; 64]].concat();
    let broken = [
        "z".to_owned(),
        "z1".to_owned(),
        "z0OIl".to_owned(),
        "6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp".to_owned(),
        "uEiD".to_owned(),
        "m7QE".to_owned(),
        prefix([0xed, 0x01], &[1; 31]),
        prefix([0xed, 0x01], &[9; 33]),
        prefix([0xed, 0x01], &[2; 32]), // no point has this y
        prefix([0x80, 0x24], &off_curve),
        prefix([0x80, 0x24], &uncompressed),
        prefix([0x81, 0x24], &[2; 33]),
        prefix([0x12, 0x20], &[1; 32]),
        prefix([0xeb, 0x01], &[0xc0; 96]),
        format!("z1{}", &prefix([0xed, 0x01], &[1; 32])[1..]),
        format!("z{}", "2".repeat(1500)),
    ];
    for multikey in broken {
        let did = format!("did:key:{multikey}");
        let resolved = Did::parse(&did).map(|did| resolve_self_certifying(did).unwrap());
        assert!(!matches!(resolved, Ok(Ok(_))), "{did}");
        let output = bonafide(&["did", "resolve", &did, "--json"]);
        assert_eq!(output.status.code(), Some(1), "{did}");
        assert!(
            String::from_utf8_lossy(&output.stdout)
                .contains("https://www.w3.org/ns/did#INVALID_DID")
        );
    }
}

#[test]
fn row_20_a_key_that_agrees_does_not_sign() {
    let x25519 = PublicKey::from_bytes(KeyType::X25519, &[9; 32]).unwrap();
    let multikey = x25519.to_multikey();
    let did = format!("did:key:{multikey}");
    let world = World::new();
    let token = world.presentation(DI);
    let forged = edited(&token, |vp| {
        let Some(Value::Object(proof)) = vp.get_mut("proof") else { panic!("no proof") };
        proof.insert("verificationMethod", format!("{did}#{multikey}"));
        vp.insert("holder", did);
    });
    world.refused(&forged, &asked(), "key-unsupported");
}

#[test]
fn row_20_jwks_with_secrets_or_points_off_the_curve_are_refused() {
    let good = key("jwk", KeyType::P256).public_key().to_jwk().unwrap();
    assert!(PublicKey::from_jwk(&good).is_ok());
    let change = |member: &'static str, value: String| {
        let mut jwk: Object<'static> = good.clone();
        jwk.insert(member, value);
        PublicKey::from_jwk(&jwk)
    };
    assert!(change("d", encode_base64url(&[1; 32])).is_err());
    assert!(change("y", encode_base64url(&[1; 32])).is_err());
    assert!(change("x", encode_base64url(&[1; 31])).is_err());
    assert!(change("crv", "P-521".to_owned()).is_err());
    assert!(change("kty", "OKP".to_owned()).is_err());
}

#[test]
fn row_38_the_cache_holds_nothing_but_signatures() {
    let world = World::new();
    let scene = &world.scene;
    let cache = SignatureCache::new(100);
    let presentation = world.presentation(DI);
    let ask = |world: &World, now| {
        let evidence = world.evidence().with_cache(&cache);
        bonafide_verifier::verify(presentation.as_bytes(), &asked(), &evidence, &world.policy, now)
    };
    let now = bonafide_testkit::now();
    assert_eq!(ask(&world, now).level(), Some("sensitive"));
    assert_eq!(cache.len(), 5);
    // Revoked since.
    let revoked = World::with(|policy| policy, bundle_with_list(platinum_revoked));
    assert!(ask(&revoked, now).has_reason("revoked"));
    // Expired since.
    let later = bonafide_testkit::at("2027-01-01T00:00:00Z");
    assert!(ask(&world, later).has_reason("expired"));
    // Distrusted since.
    let distrust = |policy: String| policy.replace("[\"PactScoreCredential\"]", "[\"Other\"]");
    let distrusted = World::with(distrust, scene.bundle());
    assert!(ask(&distrusted, now).has_reason("issuer-untrusted"));
    // And a bad signature is not remembered as anything.
    let tampered = presentation.replacen("\"value\":98", "\"value\":99", 1);
    let evidence = world.evidence().with_cache(&cache);
    for _ in 0..2 {
        let verdict =
            bonafide_verifier::verify(tampered.as_bytes(), &asked(), &evidence, &world.policy, now);
        assert!(verdict.has_reason("proof-invalid"));
    }
}
