use bonafide_core::json::to_canonical_string;
use bonafide_core::key::KeyType;
use bonafide_proof::jose::sign_bytes;
use bonafide_proof::{SecretKey, Signer};

use super::*;

const ISSUER: &str = "https://idp.example";
const AUDIENCE: &str = "https://issuer.example";

fn now() -> Timestamp {
    Timestamp::parse("2026-11-01T12:00:00Z").unwrap()
}

fn secret(key_type: KeyType, seed: u8) -> SecretKey {
    SecretKey::from_bytes(key_type, &vec![seed; SecretKey::length(key_type).unwrap()]).unwrap()
}

fn jwk(key: &SecretKey, kid: &str, more: &str) -> String {
    let jwk = to_canonical_string(&key.public_key().to_jwk().unwrap().into());
    format!("{{\"kid\":\"{kid}\",{more}{}", &jwk[1..])
}

fn set(keys: &[String]) -> Vec<u8> {
    format!("{{\"keys\":[{}]}}", keys.join(",")).into_bytes()
}

fn providers(keys: &[u8]) -> Providers {
    Providers(vec![Provider {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        keys: super::keys(keys).unwrap(),
    }])
}

fn claims(change: &[(&str, Option<&str>)]) -> String {
    let at = now().unix();
    let mut claims = vec![
        ("iss", format!("\"{ISSUER}\"")),
        ("sub", "\"alice\"".to_owned()),
        ("aud", format!("\"{AUDIENCE}\"")),
        ("exp", (at + 60).to_string()),
        ("iat", at.to_string()),
    ];
    for (name, value) in change {
        claims.retain(|(known, _)| known != name);
        claims.extend(value.map(|value| (*name, value.to_owned())));
    }
    let members: Vec<String> =
        claims.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn token(key: &SecretKey, kid: &str, claims: &str) -> String {
    sign_bytes(claims.as_bytes(), TYPES[0], kid, key).unwrap()
}

#[test]
fn a_token_of_a_pinned_key_is_believed() {
    let keys: Vec<SecretKey> =
        [KeyType::Ed25519, KeyType::P256, KeyType::P384].map(|kind| secret(kind, 7)).into();
    let names = ["one", "two", "three"];
    let listed: Vec<String> =
        keys.iter().zip(names).map(|(key, kid)| jwk(key, kid, "\"use\":\"sig\",")).collect();
    let rsa = "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"kid\":\"rsa\"}".to_owned();
    let providers = providers(&set(&[&listed[..], &[rsa]].concat()));
    for (key, kid) in keys.iter().zip(names) {
        for typ in TYPES {
            let text = sign_bytes(claims(&[]).as_bytes(), typ, kid, key).unwrap();
            let found = providers.check(&text, now()).unwrap();
            assert_eq!((found.issuer.as_str(), found.subject.as_str()), (ISSUER, "alice"));
            assert_eq!(found.expires.unix(), now().unix() + 60);
            assert_eq!(found.digest, format!("sha256:{}", hex(&Sha256::digest(&text))));
            assert_eq!(found.claims.str("sub"), Some("alice"));
        }
    }
    // One of several audiences; a clock that is a little behind or ahead.
    let many = format!("[\"https://other.example\",\"{AUDIENCE}\"]");
    let good = |change: &[(&str, Option<&str>)]| {
        providers.check(&token(&keys[0], "one", &claims(change)), now()).map(drop)
    };
    assert_eq!(good(&[("aud", Some(&many))]), Ok(()));
    let at = now().unix();
    assert_eq!(good(&[("iat", None)]), Ok(()));
    assert_eq!(good(&[("nbf", Some(&(at + 30).to_string()))]), Ok(()));
    assert_eq!(good(&[("exp", Some(&(at - 29).to_string()))]), Ok(()));
}

#[test]
fn every_other_token_is_refused_by_its_code() {
    let (key, other) = (secret(KeyType::Ed25519, 1), secret(KeyType::Ed25519, 2));
    let curve = secret(KeyType::P256, 1);
    let providers = providers(&set(&[jwk(&key, "one", ""), jwk(&curve, "two", "")]));
    let refused = |text: &str| providers.check(text, now()).unwrap_err().code();
    let changed = |change: &[(&str, Option<&str>)]| refused(&token(&key, "one", &claims(change)));
    let at = now().unix();
    let ends = |seconds: i64| (at + seconds).to_string();
    for (change, code) in [
        (("iss", Some("\"https://idp.example/\"")), "token-issuer-unknown"),
        (("iss", None), "token-malformed"),
        (("sub", None), "token-malformed"),
        (("sub", Some("\"\"")), "token-malformed"),
        (("sub", Some("5")), "token-malformed"),
        (("aud", None), "token-audience-mismatch"),
        (("aud", Some("\"https://issuer.example/\"")), "token-audience-mismatch"),
        (("aud", Some("[]")), "token-audience-mismatch"),
        (("exp", None), "token-malformed"),
        (("exp", Some("1.5")), "token-malformed"),
        (("exp", Some(&*ends(-30))), "token-ended"),
        (("nbf", Some(&*ends(31))), "token-not-yet-valid"),
        (("iat", Some(&*ends(31))), "token-not-yet-valid"),
        (("iat", Some("\"now\"")), "token-malformed"),
    ] {
        assert_eq!(changed(&[change]), code, "{change:?}");
    }
    // Another's key; a key under the name of another; no name where there are several.
    assert_eq!(refused(&token(&other, "one", &claims(&[]))), "token-signature-invalid");
    assert_eq!(refused(&token(&curve, "one", &claims(&[]))), "token-signature-invalid");
    assert_eq!(refused(&token(&key, "three", &claims(&[]))), "token-key-unknown");
    // Tokens of another kind, and what is none.
    for typ in [TokenType::VP, TokenType { typ: "jwt", cty: None }] {
        let text = sign_bytes(claims(&[]).as_bytes(), typ, "one", &key).unwrap();
        assert_eq!(refused(&text), "token-malformed");
    }
    let good = token(&key, "one", &claims(&[]));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let cut = format!("{input}.{}", &signature[..signature.len() - 4]);
    for text in ["", "a.b.c", &cut, &format!("{good}.")] {
        assert!(providers.check(text, now()).is_err(), "{text}");
    }
    let long = token(&key, "one", &claims(&[("x", Some(&format!("\"{}\"", "x".repeat(20_000))))]));
    assert_eq!(refused(&long), "token-malformed");
    let twice = claims(&[]).replacen('{', "{\"sub\":\"bob\",", 1);
    assert_eq!(refused(&token(&key, "one", &twice)), "token-malformed");
}

#[test]
fn a_file_of_keys_has_to_hold_one_that_signs_and_no_private_one() {
    let key = secret(KeyType::Ed25519, 1);
    let good = jwk(&key, "one", "");
    for (text, says) in [
        (set(&[]), "no key"),
        (set(&[jwk(&key, "one", "\"use\":\"enc\",")]), "no key"),
        (set(&[jwk(&key, "one", "\"key_ops\":[\"sign\"],")]), "no key"),
        (set(&[jwk(&key, "one", "\"alg\":\"HS256\",")]), "alg"),
        (set(&[jwk(&key, "one", "\"d\":\"AAAA\",")]), "private"),
        (set(&[good.clone(), good.clone()]), "two keys"),
        (b"[]".to_vec(), "JWK set"),
        (b"{".to_vec(), ""),
    ] {
        let error = super::keys(&text).unwrap_err();
        assert!(error.contains(says), "{}: {error}", String::from_utf8_lossy(&text));
    }
    assert_eq!(super::keys(&set(&[good])).unwrap().len(), 1);
}

#[test]
fn a_token_says_who_may_act_and_has_no_actors_yet() {
    let key = secret(KeyType::Ed25519, 1);
    let providers = providers(&set(&[jwk(&key, "one", "")]));
    let acts = |change: &[(&str, Option<&str>)]| {
        let found = providers.check(&token(&key, "one", &claims(change)), now()).unwrap();
        found.check_actor("did:key:zOne").map_err(|error| error.code())
    };
    assert_eq!(acts(&[]), Ok(()));
    assert_eq!(acts(&[("may_act", Some("{\"sub\":\"did:key:zOne\"}"))]), Ok(()));
    for may_act in
        ["{\"sub\":\"did:key:zTwo\"}", "{\"sub\":\"did:key:zOne\",\"iss\":\"x\"}", "{}", "1"]
    {
        assert_eq!(acts(&[("may_act", Some(may_act))]), Err("may-act-mismatch"), "{may_act}");
    }
    for act in ["{\"sub\":\"did:key:zOne\"}", "null"] {
        assert_eq!(acts(&[("act", Some(act))]), Err("act-unsupported"), "{act}");
    }
}
