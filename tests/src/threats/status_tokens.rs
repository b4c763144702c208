//! Row 18: Token Status Lists.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Number, Object, Value};
use bonafide_core::key::KeyType;
use bonafide_core::status::{
    BitstringStatusEntry, LARGEST_LIST_BYTES, StatusListError, StatusPurpose, TokenStatus,
    TokenStatusBits, TokenStatusListClaims, TokenStatusReference,
};
use bonafide_proof::jose::{self, TokenType};
use bonafide_testkit::{Attested, Issuer, Scene, at, scene};
use bonafide_verifier::{BundleContent, MemorySeen, Outcome};

use crate::world::{DI, World, binary, nothing};

const URL: &str = "https://scorer.example/tokens/2";
const INDEX: usize = 4_711;

/// Platinum's score with another status entry.
fn score_with(scene: &Scene, status: impl Into<Value<'static>>) -> String {
    let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
        panic!("an object")
    };
    vc.insert("credentialStatus", status);
    scene.secure(vc.into(), &scene.scorer, DI)
}

/// Platinum's score, whose status is in a token list.
fn score(scene: &Scene) -> String {
    score_with(scene, TokenStatusReference { index: INDEX, uri: URL.to_owned() }.to_object())
}

/// The scorer's list with one entry that is not valid.
fn payload(size: usize, status: TokenStatus) -> Object<'static> {
    let mut bits = TokenStatusBits::new(10_000, size).unwrap();
    bits.set(INDEX, status).unwrap();
    let claims = TokenStatusListClaims {
        uri: URL.to_owned(),
        issued_at: at("2026-11-22T11:55:00Z"),
        expires: Some(at("2026-11-23T11:55:00Z")),
        ttl: Some(Duration::from_secs(600)),
        aggregation_uri: None,
        bits,
    };
    claims.to_payload()
}

fn valid() -> Object<'static> {
    payload(2, TokenStatus::VALID)
}

fn date(text: &str) -> Value<'static> {
    Value::Number(Number::Integer(at(text).unix()))
}

fn sign(issuer: &Issuer, token_type: TokenType, payload: Object<'static>) -> String {
    let (key, method) = issuer.key(KeyType::Ed25519);
    jose::sign(&payload.into(), token_type, &method, &key).unwrap()
}

/// A world whose bundle holds this list as well.
fn with_token(token: String) -> World {
    let scene = scene();
    let mut draft = scene.bundle_draft();
    let fetched_at = at("2026-11-22T11:56:00Z");
    draft.content.push(BundleContent::StatusList { credential: token.into(), fetched_at });
    World::with(|policy| policy, scene.sign_bundle(&draft))
}

/// A world in which the scorer says this in a token list.
fn saying(payload: Object<'static>) -> World {
    with_token(sign(&scene().scorer, TokenType::STATUS_LIST, payload))
}

/// A world in which the scorer's token list is changed before it is signed.
fn changed(member: &'static str, value: impl Into<Value<'static>>) -> World {
    let mut payload = valid();
    payload.insert(member, value);
    saying(payload)
}

#[test]
fn row_18_token_lists_tell_revoked_from_suspended_and_refuse_the_unknown() {
    for size in [1, 2, 4, 8] {
        let good = saying(payload(size, TokenStatus::VALID));
        good.accepted(&score(&good.scene), &nothing(), None);
        let revoked = saying(payload(size, TokenStatus::INVALID));
        revoked.refused(&score(&revoked.scene), &nothing(), "revoked");
    }
    for (size, value, code) in [
        (2, 2, "suspended"),
        (8, 2, "suspended"),
        // An application's own, and reserved ones.
        (2, 3, "status-value-unknown"),
        (4, 0x0c, "status-value-unknown"),
        (4, 4, "status-value-unknown"),
        (4, 0x0b, "status-value-unknown"),
        (8, 0xff, "status-value-unknown"),
    ] {
        let world = saying(payload(size, TokenStatus::new(value)));
        world.refused(&score(&world.scene), &nothing(), code);
    }
}

#[test]
fn row_18_a_token_bomb_ends_at_the_cap_and_is_never_cut_short() {
    let zeros = |bytes: usize| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        let part = vec![0; 1 << 20];
        for _ in 0..bytes / part.len() {
            encoder.write_all(&part).unwrap();
        }
        encoder.write_all(&part[..bytes % part.len()]).unwrap();
        encode_base64url(&encoder.finish().unwrap())
    };
    let limit = LARGEST_LIST_BYTES;
    let bomb = zeros(1 << 30);
    assert!(bomb.len() < 2 << 20);
    assert_eq!(TokenStatusBits::decode(&bomb, 1), Err(StatusListError::TooLarge { limit }));
    assert_eq!(TokenStatusBits::decode(&zeros(limit), 8).unwrap().entries(), limit);
    let list = Object::from([("bits", Value::from(1_u32)), ("lst", zeros(limit + 1).into())]);
    let world = changed("status_list", list);
    world.refused(&score(&world.scene), &nothing(), "status-list-too-large");
    // A stream that ends early says nothing of what it left out.
    let whole = TokenStatusBits::new(10_000, 1).unwrap().encode();
    let list = Object::from([("bits", Value::from(1_u32)), ("lst", whole[..12].to_owned().into())]);
    let world = changed("status_list", list);
    world.refused(&score(&world.scene), &nothing(), "status-list-invalid");
}

#[test]
fn row_18_token_indexes_beyond_the_end() {
    let world = saying(valid());
    for (index, code) in [
        ("10000", "status-index-out-of-range"),
        ("99999999999", "status-index-out-of-range"),
        ("-1", "malformed"),
        ("007", "malformed"),
        ("99999999999999999999999999", "malformed"),
    ] {
        let mut entry = TokenStatusReference { index: 0, uri: URL.to_owned() }.to_object();
        entry.insert("statusListIndex", index);
        world.refused(&score_with(&world.scene, entry), &nothing(), code);
    }
}

#[test]
fn row_18_a_token_list_of_the_wrong_type_is_none() {
    let scorer = scene().scorer;
    // Of another type it is no status list at all, and nothing is known.
    for typ in ["JWT", "vc+jwt", "application/statuslist+jwt", "statuslist+cwt"] {
        let world = with_token(sign(&scorer, TokenType { typ, cty: None }, valid()));
        world.undecided(&score(&world.scene), &nothing(), "status-list-missing");
    }
    // Nor is a credential that is typed as a token.
    let Value::Object(list) = scene().unsigned_status_list(&scorer, &[]) else { panic!("none") };
    let world = with_token(sign(&scorer, TokenType::STATUS_LIST, list));
    world.undecided(&score(&world.scene), &nothing(), "status-list-missing");
    for (member, value) in [
        ("iat", Value::from("2026")),
        ("exp", "2026".into()),
        ("ttl", 0_u32.into()),
        ("nbf", "2026".into()),
        ("iss", 7_u32.into()),
        ("aud", "https://pay.example".into()),
        ("status_list", Value::Array(Vec::new())),
        ("status_list", Object::from([("bits", Value::from(3_u32)), ("lst", "".into())]).into()),
    ] {
        let world = changed(member, value);
        world.refused(&score(&world.scene), &nothing(), "status-list-invalid");
    }
}

#[test]
fn row_18_neither_kind_of_list_is_read_as_the_other() {
    let world = saying(valid());
    let scene = &world.scene;
    let bitstring = BitstringStatusEntry::new(StatusPurpose::Revocation, INDEX, URL);
    world.refused(&score_with(scene, bitstring.to_object()), &nothing(), "status-list-invalid");
    let token = TokenStatusReference { index: INDEX, uri: scene.scorer.list.clone() };
    world.refused(&score_with(scene, token.to_object()), &nothing(), "status-list-invalid");
    let mut both = bitstring.to_object();
    both.insert("type", vec![BitstringStatusEntry::TYPE, TokenStatusReference::TYPE]);
    world.refused(&score_with(scene, both), &nothing(), "malformed");
}

#[test]
fn row_18_token_lists_by_the_wrong_issuer() {
    let scene = scene();
    // Another issuer publishes a list under the scorer's URL.
    let world = with_token(sign(&scene.builder, TokenType::STATUS_LIST, valid()));
    world.refused(&score(&scene), &nothing(), "status-list-untrusted");
    // In the scorer's name, but with another's key.
    let mut named = valid();
    named.insert("iss", scene.scorer.did.clone());
    let world = with_token(sign(&scene.builder, TokenType::STATUS_LIST, named.clone()));
    world.refused(&score(&scene), &nothing(), "status-list-invalid");
    let (key, _) = scene.builder.key(KeyType::Ed25519);
    let (_, method) = scene.scorer.key(KeyType::Ed25519);
    let token = jose::sign(&valid().into(), TokenType::STATUS_LIST, &method, &key).unwrap();
    let world = with_token(token);
    world.refused(&score(&scene), &nothing(), "status-list-invalid");
    let world = changed("iss", "did:web:builder.example");
    world.refused(&score(&scene), &nothing(), "status-list-invalid");
    // Named rightly it is good.
    let world = saying(named);
    world.accepted(&score(&scene), &nothing(), None);
    // Somebody whom the policy trusts to publish lists may publish this kind as well.
    let mut draft = scene.bundle_draft();
    let credential = sign(&scene.builder, TokenType::STATUS_LIST, valid()).into();
    let fetched_at = at("2026-11-22T11:56:00Z");
    draft.content.push(BundleContent::StatusList { credential, fetched_at });
    let trusting = |policy: String| {
        policy.replace(
            "attests = [\"AgentBuilderCredential\"]",
            "attests = [\"AgentBuilderCredential\", \"BitstringStatusListCredential\"]",
        )
    };
    let world = World::with(trusting, scene.sign_bundle(&draft));
    world.accepted(&score(&scene), &nothing(), None);
}

#[test]
fn row_18_expired_future_and_stale_token_lists() {
    let world = changed("exp", date("2026-11-22T11:59:00Z"));
    world.refused(&score(&world.scene), &nothing(), "status-list-expired");
    let world = changed("iat", date("2026-11-22T12:01:00Z"));
    world.refused(&score(&world.scene), &nothing(), "status-list-from-future");
    let world = changed("nbf", date("2026-11-22T12:01:00Z"));
    world.refused(&score(&world.scene), &nothing(), "status-list-from-future");
    // Known as of 11:56: a token that may be kept for a minute is stale at 11:57.
    let world = changed("ttl", 60_u32);
    world.undecided(&score(&world.scene), &nothing(), "status-stale");
    let world = saying(valid());
    let input = score(&world.scene);
    let fresh = world.verdict_at(input.as_bytes(), &nothing(), at("2026-11-22T12:05:59Z"));
    assert_eq!(fresh.outcome(), Outcome::Accepted, "{}", fresh.to_json());
    let stale = world.both(input.as_bytes(), &nothing(), at("2026-11-22T12:06:00Z"));
    assert_eq!(stale.outcome(), Outcome::Undecided);
    assert!(stale.has_reason("status-stale"));
}

#[test]
fn row_18_a_token_list_older_than_one_seen_is_refused() {
    let mut seen = MemorySeen::default();
    let older = saying(valid());
    let newer = changed("iat", date("2026-11-22T11:58:00Z"));
    let input = score(&older.scene);
    let ask = |world: &World, seen: &mut MemorySeen| {
        let verdict = world.verdict(&input, &nothing()).remembered(seen);
        // The bundles have one number but differ; the lists are looked at on their own here.
        seen.bundles.clear();
        (verdict.outcome(), verdict.has_reason("status-list-rolled-back"))
    };
    assert_eq!(ask(&older, &mut seen), (Outcome::Accepted, false));
    assert_eq!(ask(&newer, &mut seen), (Outcome::Accepted, false));
    assert_eq!(ask(&older, &mut seen), (Outcome::Rejected, true));
}

/// Runs in a folder.
fn run_in(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(binary()).current_dir(folder).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn a_token_list_says_the_same_as_the_bitstring_lists() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        run_in(folder.path(), &arguments)
    };
    let good = |line: &str| {
        let (code, said) = run(line);
        assert_eq!(code, 0, "{line}: {said}");
        said
    };
    good("key new --out a.key");
    good("key new --out b.key");
    let new = "status new --key a.key --url https://a.example";
    good(&format!("{new}/revoked --out revoked.json"));
    good(&format!("{new}/suspended --purpose suspension --format vc+jwt --out suspended.jwt"));
    good("status set revoked.json --index 3 --index 5 --key a.key");
    good("status set suspended.jwt --index 4 --index 5 --key a.key");
    let token = "status token --from revoked.json --suspension suspended.jwt --key a.key";
    let url = "--url https://a.example/token";
    good(&format!("{token} {url} --ttl 5m --out list.jwt"));
    for (index, status) in [(3, "invalid"), (4, "suspended"), (5, "invalid"), (6, "valid")] {
        let said = good(&format!("status show list.jwt --index {index}"));
        assert!(said.starts_with(&format!("{index}: {status} ")), "{said}");
    }
    let shown: serde_json::Value =
        serde_json::from_str(&good("status show list.jwt --json")).unwrap();
    let counts = ["invalid", "suspended", "other"].map(|name| shown[name].as_u64().unwrap());
    assert_eq!((counts, shown["entries"].as_u64()), ([2, 1, 0], Some(131_072)));
    assert!(good("inspect list.jwt").contains("status list token"));
    // A bundle takes all three, and a token is written over when the lists have changed.
    let make = "bundle make --key a.key --out trust.bundle --status-list revoked.json";
    good(&format!("{make} --status-list suspended.jwt --status-list list.jwt"));
    good("status set revoked.json --index 3 --clear --key a.key");
    good(&format!("{token} {url} --out list.jwt"));
    assert!(good("status show list.jwt --index 3").starts_with("3: valid "));
    for (line, says) in [
        (format!("{token} {url} --out revoked.json"), "not a status list token"),
        (format!("{token} {url} --out a.key"), "key file"),
        (format!("{token} {url} --ttl 0s --out list.jwt"), "--ttl"),
        (format!("{token} --url https://a.example/revoked --out x.jwt"), "URL of its own"),
        (format!("{token} --url nowhere --out x.jwt"), "/sub"),
        (format!("status token --from revoked.json {url} --key b.key --out x.jwt"), "the key is"),
        (format!("status token --from suspended.jwt {url} --key a.key --out x.jwt"), "revocation"),
        (
            format!("status token --from list.jwt {url} --key a.key --out x.jwt"),
            "status list token",
        ),
        ("status set list.jwt --index 1 --key a.key".to_owned(), "status list token"),
    ] {
        let (code, said) = run(&line);
        assert_eq!(code, 64, "{line}: {said}");
        assert!(said.contains(says), "{line}: {said}");
        assert!(!folder.path().join("x.jwt").exists(), "{line}");
    }
}
