//! Rows 1 to 4: algorithms, keys in headers, claim types, work that a token asks for.

use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_proof::{SecretKey, Signer};
use bonafide_testkit::{Attested, Format, json};
use sha2::{Digest, Sha256};

use crate::world::{JWT, World, asked, nothing};

/// Takes a token apart, changes header and payload, and signs it anew with the same key.
fn resigned(
    token: &str,
    key: &SecretKey,
    header: impl FnOnce(&mut Object<'static>),
    payload: impl FnOnce(String) -> String,
) -> String {
    let input = signing_input(token, header, payload);
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", encode_base64url(&signature))
}

fn signing_input(
    token: &str,
    header: impl FnOnce(&mut Object<'static>),
    payload: impl FnOnce(String) -> String,
) -> String {
    let part = |index: usize| {
        String::from_utf8(decode_base64url(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
    };
    let Value::Object(mut changed) = json(&part(0)) else { panic!("no header") };
    header(&mut changed);
    let changed = to_canonical_string(&changed.into());
    let payload = payload(part(1));
    format!("{}.{}", encode_base64url(changed.as_bytes()), encode_base64url(payload.as_bytes()))
}

fn same(payload: String) -> String {
    payload
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], message].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner[..]].concat()).to_vec()
}

#[test]
fn row_1_no_algorithm_and_symmetric_ones_are_refused() {
    let world = World::new();
    let token = world.score(JWT);
    let (key, _) = world.scene.scorer.key(KeyType::Ed25519);
    for alg in ["none", "None", "NONE", "HS256", "RS256", "ES256K", "Ed25519ph", ""] {
        let set = |header: &mut Object<'static>| drop(header.insert("alg", alg));
        world.refused(&resigned(&token, &key, set, same), &nothing(), "algorithm-refused");
        // With the signature left out, as PyJWT once accepted.
        let unsigned = format!("{}.", signing_input(&token, set, same));
        world.refused(&unsigned, &nothing(), "algorithm-refused");
    }
    // HS256, keyed with the public JWK that everybody has.
    let jwk = to_canonical_string(&key.public_key().to_jwk().unwrap().into());
    let input = signing_input(&token, |header| drop(header.insert("alg", "HS256")), same);
    for secret in [jwk.as_bytes(), key.public_key().as_bytes()] {
        let signature = encode_base64url(&hmac_sha256(secret, input.as_bytes()));
        world.refused(&format!("{input}.{signature}"), &nothing(), "algorithm-refused");
    }
}

#[test]
fn row_1_the_algorithm_comes_from_the_resolved_key() {
    let world = World::new();
    let token = world.score(JWT);
    let (p256, _) = world.scene.scorer.key(KeyType::P256);
    // A good ES256 signature, but under the name of an Ed25519 key; and the header alone changed.
    let es256 = resigned(&token, &p256, |header| drop(header.insert("alg", "ES256")), same);
    world.refused(&es256, &nothing(), "algorithm-mismatch");
}

#[test]
fn row_1_critical_headers_and_json_serializations_are_refused() {
    let world = World::new();
    let token = world.score(JWT);
    let (key, _) = world.scene.scorer.key(KeyType::Ed25519);
    for crit in [vec!["exp"], vec!["b64"], vec![]] {
        let set = |header: &mut Object<'static>| drop(header.insert("crit", crit));
        world.refused(&resigned(&token, &key, set, same), &nothing(), "header-refused");
    }
    // The flattened JSON serialization with `alg` in an unprotected header.
    let parts: Vec<&str> = token.split('.').collect();
    let flattened = format!(
        r#"{{"payload":"{}","protected":"{}","header":{{"alg":"EdDSA"}},"signature":"{}"}}"#,
        parts[1], parts[0], parts[2]
    );
    world.refused(&flattened, &nothing(), "malformed");
}

#[test]
fn row_2_keys_in_headers_are_refused() {
    let world = World::new();
    let attacker = &world.scene.stranger.key;
    let token = world.score(JWT);
    let jwk = Value::from(attacker.public_key().to_jwk().unwrap());
    let members = [
        ("jwk", jwk),
        ("jku", "https://evil.example/keys".into()),
        ("x5u", "http://127.0.0.1:1/cert".into()),
        ("x5c", vec!["MIIB"].into()),
    ];
    for (member, value) in members {
        let set = |header: &mut Object<'static>| drop(header.insert(member, value));
        world.refused(&resigned(&token, attacker, set, same), &nothing(), "header-refused");
    }
}

#[test]
fn row_2_key_ids_that_name_no_key_are_unknown() {
    let world = World::new();
    let attacker = &world.scene.stranger.key;
    let token = world.score(JWT);
    let long = "k".repeat(5_000);
    let kids = [
        "../../../../etc/passwd",
        "key' OR '1'='1",
        "https://evil.example/keys#1",
        "#ed25519",
        "did:web:scorer.example",
        "did:web:scorer.example#other",
        "did:web:scorer.example?x#ed25519",
        "",
        &long,
    ];
    for kid in kids {
        let kid = kid.to_owned();
        let set = |header: &mut Object<'static>| drop(header.insert("kid", kid));
        world.refused(&resigned(&token, attacker, set, same), &nothing(), "unknown-key");
    }
    let remove = |header: &mut Object<'static>| drop(header.remove("kid"));
    world.refused(&resigned(&token, attacker, remove, same), &nothing(), "unknown-key");
    // 10 KB do not even get that far.
    let huge = "k".repeat(10_240);
    let set = |header: &mut Object<'static>| drop(header.insert("kid", huge));
    world.refused(&resigned(&token, attacker, set, same), &nothing(), "malformed");
}

#[test]
fn row_3_dates_of_the_wrong_type_are_malformed_and_never_absent() {
    let world = World::new();
    let token = world.score(JWT);
    let (key, _) = world.scene.scorer.key(KeyType::Ed25519);
    for claim in ["exp", "nbf", "iat"] {
        for value in
            [r#""9999999999""#, "null", "9999999999.0", "9.9e9", "[9999999999]", "{}", "true"]
        {
            let put =
                |payload: String| payload.replacen('{', &format!("{{\"{claim}\":{value},"), 1);
            let changed = resigned(&token, &key, |_| (), put);
            world.refused(&changed, &nothing(), "malformed");
        }
    }
    let put = |payload: String| payload.replacen('{', r#"{"exp":9999999999,"nbf":0,"iat":0,"#, 1);
    world.accepted(&resigned(&token, &key, |_| (), put), &nothing(), None);
    let put = |payload: String| payload.replacen('{', r#"{"exp":1,"#, 1);
    world.refused(&resigned(&token, &key, |_| (), put), &nothing(), "expired");
    let put = |payload: String| payload.replacen('{', r#"{"nbf":9999999999,"#, 1);
    world.refused(&resigned(&token, &key, |_| (), put), &nothing(), "not-yet-valid");
}

#[test]
fn old_claims_and_other_types_of_token_are_refused() {
    let world = World::new();
    let token = world.score(JWT);
    let (key, _) = world.scene.scorer.key(KeyType::Ed25519);
    for old in ["vc", "vp"] {
        let put = |payload: String| payload.replacen('{', &format!("{{\"{old}\":{{}},"), 1);
        world.refused(&resigned(&token, &key, |_| (), put), &nothing(), "malformed");
    }
    for typ in ["JWT", "vp+jwt", "kb+jwt", "dpop+jwt", "bonafide-bundle+jwt", "VC+JWT"] {
        let set = |header: &mut Object<'static>| drop(header.insert("typ", typ));
        let changed = resigned(&token, &key, set, same);
        world.refused(&changed, &nothing(), "typ-mismatch");
    }
    let iss = |payload: String| payload.replacen('{', r#"{"iss":"did:web:builder.example","#, 1);
    world.refused(&resigned(&token, &key, |_| (), iss), &nothing(), "issuer-mismatch");
}

#[test]
fn a_presentation_is_not_taken_for_a_credential_nor_the_reverse() {
    let world = World::new();
    let scene = &world.scene;
    let token = scene.attest(Attested::Identity, &scene.platinum, JWT);
    world.refused(&token, &asked(), "presentation-required");
    let presentation = world.presentation(JWT);
    let set = |header: &mut Object<'static>| {
        header.insert("typ", "vc+jwt");
        header.insert("cty", "vc");
    };
    let changed = resigned(&presentation, &scene.platinum.key, set, same);
    world.refused(&changed, &nothing(), "malformed");
}

#[test]
fn row_3_claims_that_a_jwt_repeats_say_the_same() {
    let world = World::new();
    let scene = &world.scene;
    let token = world.score(JWT);
    let (key, _) = scene.scorer.key(KeyType::Ed25519);
    let put = |claims: String| {
        resigned(&token, &key, |_| (), |payload| payload.replacen('{', &format!("{{{claims},"), 1))
    };
    let same =
        format!(r#""sub":"{}","jti":"urn:bonafide:pact-score:platinum""#, scene.platinum.did);
    world.accepted(&put(same), &nothing(), None);
    for other in [r#""sub":"did:web:mallory.example""#, r#""jti":"urn:other""#, r#""sub":5"#] {
        world.refused(&put(other.to_owned()), &nothing(), "malformed");
    }
}

#[test]
fn row_3_claims_of_a_jwt_have_no_place_beside_an_embedded_proof() {
    // The envelope must not change what a document says: these would not be heeded there.
    let world = World::new();
    let scene = &world.scene;
    for (claim, value) in [
        ("exp", Value::from(1_u32)),
        ("nbf", 4_000_000_000_u32.into()),
        ("iss", "did:web:other.example".into()),
        ("aud", "https://other.example".into()),
    ] {
        let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
            panic!("an object")
        };
        vc.insert(claim, value);
        let secured = scene.secure(vc.into(), &scene.scorer, crate::world::DI);
        world.refused(&secured, &nothing(), "malformed");
    }
}

#[test]
fn row_4_long_tokens_are_not_taken_apart() {
    const LONG: usize = 1 << 20;
    let world = World::new();
    for input in [".".repeat(LONG), "~".repeat(LONG), ".~".repeat(LONG / 2)] {
        world.refused(&input, &nothing(), "malformed");
        world.refused(&input, &asked(), "malformed");
    }
    // A token with a million parts more than it has.
    let token = world.score(JWT);
    world.accepted(&token, &nothing(), None);
    let dots = ".".repeat(LONG - token.len());
    world.refused(&format!("{token}{dots}"), &nothing(), "malformed");
    let long = "A".repeat(4 * LONG);
    world.refused(&format!("{token}{long}"), &nothing(), "too-large");
}

#[test]
fn row_4_more_disclosures_than_are_read() {
    let world = World::new();
    let token = world.score(Format::VcSdJwt(KeyType::Ed25519));
    world.accepted(&token, &nothing(), None);
    let disclosure = format!("{}~", encode_base64url(br#"["salt","name",true]"#));
    let many = format!("{token}{}", disclosure.repeat(10_000));
    let verdict = world.both(many.as_bytes(), &nothing(), bonafide_testkit::now());
    assert!(verdict.has_reason("malformed"), "{}", verdict.to_json());
    // Counted before any is read.
    assert!(verdict.to_json().contains("more than 1024 disclosures"), "{}", verdict.to_json());
}

#[test]
fn row_4_nothing_is_decrypted_or_decompressed() {
    let world = World::new();
    let token = world.score(JWT);
    let (key, _) = world.scene.scorer.key(KeyType::Ed25519);
    // A compact JWE, whose plaintext would be compressed.
    let header = br#"{"alg":"dir","enc":"A256GCM","typ":"vc+jwt","zip":"DEF"}"#;
    let jwe = format!("{}..AAAA.{}.AAAA", encode_base64url(header), "A".repeat(60_000));
    world.refused(&jwe, &nothing(), "malformed");
    for (member, value) in [("zip", "DEF"), ("enc", "A256GCM")] {
        let set = |header: &mut Object<'static>| drop(header.insert(member, value));
        world.refused(&resigned(&token, &key, set, same), &nothing(), "header-refused");
    }
    // A key to be derived in two thousand million rounds; where none is, the number is only a
    // number.
    let rounds = 1_u32 << 31;
    for alg in ["PBES2-HS256+A128KW", "PBES2-HS512+A256KW"] {
        let set = |header: &mut Object<'static>| {
            header.insert("alg", alg);
            header.insert("p2c", rounds);
            header.insert("p2s", "AAAA");
        };
        world.refused(&resigned(&token, &key, set, same), &nothing(), "algorithm-refused");
    }
    let set = |header: &mut Object<'static>| drop(header.insert("p2c", rounds));
    world.accepted(&resigned(&token, &key, set, same), &nothing(), None);
}
