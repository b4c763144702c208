use bonafide_core::did::did_key;
use bonafide_core::json::{Number, Value};
use bonafide_core::key::KeyType;
use bonafide_proof::jose::sign;
use bonafide_proof::{SecretKey, Signer, dpop};

use super::*;

const ISSUER: &str = "https://issuer.example";
const NOW: i64 = 1_000_000;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn did(key: &SecretKey) -> String {
    did_key(key.public_key())
}

fn method(key: &SecretKey) -> String {
    format!("{}#{}", did(key), key.public_key().to_multikey())
}

fn claims(key: &SecretKey) -> Object<'static> {
    let mut claims = Object::from([
        ("iss", did(key)),
        ("sub", did(key)),
        ("aud", ISSUER.to_owned()),
        ("jti", "one".to_owned()),
    ]);
    claims.insert("exp", Value::Number(Number::Integer(NOW + 60)));
    claims
}

fn form(assertion: &str) -> Form {
    let body = format!("client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}");
    Form::parse(body.as_bytes()).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn signed(claims: Object<'static>, typ: TokenType, key: &SecretKey) -> Form {
    form(&sign(&claims.into(), typ, &method(key), key).unwrap())
}

#[track_caller]
fn refused(form: &Form, code: &str) {
    let error = authenticate(form, ISSUER, at(NOW)).unwrap_err();
    assert_eq!((error.error, error.code), ("invalid_client", code), "{}", error.description);
}

#[test]
fn a_client_is_the_did_whose_key_signed() {
    let key = key(1);
    for typ in TYPES {
        let client = authenticate(&signed(claims(&key), typ, &key), ISSUER, at(NOW)).unwrap();
        assert_eq!(client.did, did(&key));
        assert_eq!(&client.key, key.public_key());
        let again = authenticate(&signed(claims(&key), TYPES[0], &key), ISSUER, at(NOW)).unwrap();
        assert_eq!(again.once, client.once, "one jti, one use");
    }
}

#[test]
fn an_assertion_that_says_something_else_is_refused() {
    let own = key(1);
    let with = |name: &'static str, value: Value<'static>| {
        let mut claims = claims(&own);
        claims.insert(name, value);
        signed(claims, TYPES[0], &own)
    };
    let number = |seconds| Value::Number(Number::Integer(seconds));
    let other = did(&key(2));
    refused(&with("iss", other.clone().into()), "client-mismatch");
    refused(&with("sub", other.into()), "client-mismatch");
    for aud in [
        Value::from("https://issuer.example/oauth/token"),
        vec![ISSUER].into(),
        vec![ISSUER, "https://other.example"].into(),
        "https://issuer.example/".into(),
        Value::Null,
    ] {
        refused(&with("aud", aud), "audience-mismatch");
    }
    refused(&with("exp", number(NOW - 30)), "expired");
    authenticate(&with("exp", number(NOW - 29)), ISSUER, at(NOW)).unwrap();
    refused(&with("exp", number(NOW + 331)), "client-assertion-long-lived");
    authenticate(&with("exp", number(NOW + 330)), ISSUER, at(NOW)).unwrap();
    for bad in [Value::Null, "1000060".into(), vec![1_u32].into()] {
        refused(&with("exp", bad), "malformed");
    }
    refused(&with("nbf", number(NOW + 31)), "not-yet-valid");
    refused(&with("iat", number(NOW + 31)), "not-yet-valid");
    for bad in [Value::from(""), "j".repeat(257).into(), 5_u32.into()] {
        refused(&with("jti", bad), "malformed");
    }
    let mut without = claims(&own);
    without.remove("exp");
    refused(&signed(without, TYPES[0], &own), "malformed");
}

#[test]
fn keys_are_those_of_the_did_and_of_no_header() {
    let (own, other) = (key(1), key(2));
    let text = |kid: &str, signer| sign(&claims(&own).into(), TYPES[0], kid, signer).unwrap();
    refused(&form(&text(&method(&own), &other)), "proof-invalid");
    refused(&form(&text(&method(&other), &other)), "client-mismatch");
    for kid in ["", "did:web:agent.example#key-1", &did(&own), "key-1"] {
        refused(&form(&text(kid, &own)), "unknown-key");
    }
}

#[test]
fn other_tokens_of_the_same_key_are_no_assertions() {
    let own = key(1);
    for typ in
        [TokenType::VP, TokenType::VC, TokenType::KB_JWT, TokenType::AT, TokenType::STATUS_LIST]
    {
        refused(&signed(claims(&own), typ, &own), "typ-mismatch");
    }
    let draft = dpop::Draft {
        method: "POST",
        uri: "https://issuer.example/oauth/token",
        jti: "one",
        access_token: None,
        nonce: None,
    };
    refused(&form(&draft.sign(&own, at(NOW)).unwrap()), "header-refused");
}

#[test]
fn what_is_missing_or_another_way_is_refused() {
    let own = key(1);
    refused(&Form::parse(b"client_id=x&client_secret=y").unwrap(), "client-assertion-missing");
    let good = sign(&claims(&own).into(), TYPES[0], &method(&own), &own).unwrap();
    let body = format!("client_assertion_type=other&client_assertion={good}");
    refused(&Form::parse(body.as_bytes()).unwrap(), "client-assertion-type");
    let body = format!(
        "client_assertion_type={ASSERTION_TYPE}&client_assertion={good}&client_id={}",
        did(&key(2))
    );
    refused(&Form::parse(body.as_bytes()).unwrap(), "client-mismatch");
    refused(&form(&"a".repeat(8193)), "malformed");
    refused(&form("a.b"), "malformed");
}
