use super::*;
use crate::json::{Limits, Value, parse};
use crate::key::{KeyType, PublicKey};

fn json(text: &str) -> Value<'_> {
    parse(text.as_bytes(), &Limits::for_size(1 << 16)).unwrap()
}

#[test]
fn dids_and_did_urls_are_told_apart() {
    let url = DidUrl::parse("did:example:123:a%20b/path?versionId=1#key-1").unwrap();
    assert_eq!(url.did.as_str(), "did:example:123:a%20b");
    assert_eq!((url.did.method(), url.did.method_specific_id()), ("example", "123:a%20b"));
    assert_eq!((url.path, url.query, url.fragment), ("/path", Some("versionId=1"), Some("key-1")));
    assert!(Did::parse("did:example:123#key-1").is_err());
    for text in [
        "",
        "did",
        "did:",
        "did:example",
        "did:example:",
        "did:Example:1",
        "did::1",
        "DID:example:1",
        "did:example:1:",
        "did:example:a b",
        "did:example:%2",
        "did:example:%gg",
        "did:example:\u{e9}",
        "did:example:1#\u{200b}",
        "did:example:1/<",
        "urn:example:1",
    ] {
        assert!(DidUrl::parse(text).is_err(), "{text}");
    }
    assert!(Did::parse(&format!("did:example:{}", "a".repeat(2048))).is_err());
}

#[test]
fn did_keys_resolve_to_their_own_key() {
    for (did, key_type, uses) in [
        // From did:key 0.9 and the W3C vectors.
        ("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", KeyType::Ed25519, 4),
        ("did:key:zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP", KeyType::P256, 4),
        (
            "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
            KeyType::P384,
            4,
        ),
        ("did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc", KeyType::X25519, 1),
        (
            "did:key:zUC7K4ndUaGZgV7Cp2yJy6JtMoUHY6u7tkcSYUvPrEidqBmLCTLmi6d5WvwnUqejscAkERJ3bfjEiSYtdPkRSE8kSa11hFBr4sTgnbZ95SJj19PN2jdvJjyzpSZgxkyyxNnBNnY",
            KeyType::Bls12381G2,
            1,
        ),
    ] {
        let document = resolve_self_certifying(Did::parse(did).unwrap()).unwrap().unwrap();
        assert_eq!(document.id(), did);
        let method = &document.methods()[0];
        let key = method.key.as_ref().unwrap();
        assert_eq!((key.key_type(), did_key(key).as_str()), (key_type, did));
        let used = Relationship::ALL.into_iter().filter(|use_| method.is_for(*use_)).count();
        assert_eq!(used, uses, "{did}");
        assert_eq!(method.is_for(Relationship::KeyAgreement), key_type == KeyType::X25519);
    }
}

#[test]
fn did_jwks_resolve_to_their_own_key() {
    let key =
        PublicKey::from_multikey("zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP").unwrap();
    let did = did_jwk(&key).unwrap();
    let document = resolve_self_certifying(Did::parse(&did).unwrap()).unwrap().unwrap();
    let method = document.method(&format!("{did}#0")).unwrap();
    assert_eq!(method.key.as_ref(), Some(&key));
    assert!(method.is_for(Relationship::AssertionMethod));
    // The example of the did:jwk specification: P-256 for encryption.
    let example = "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9";
    let document = resolve_self_certifying(Did::parse(example).unwrap()).unwrap().unwrap();
    assert_eq!(document.methods()[0].key.as_ref().unwrap().key_type(), KeyType::P256);
    for broken in ["did:jwk:e30", "did:jwk:!", "did:jwk:W10", "did:jwk:eyJrdHkiOiJvY3QifQ"] {
        let did = Did::parse(broken);
        assert!(
            did.is_err() || resolve_self_certifying(did.unwrap()).unwrap().is_err(),
            "{broken}"
        );
    }
    assert!(resolve_self_certifying(Did::parse("did:web:example.com").unwrap()).is_none());
}

const KEY: &str =
    r#""type":"Multikey","publicKeyMultibase":"z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp""#;

#[test]
fn documents_are_checked_and_unusable_keys_spoil_nothing() {
    let text = format!(
        r##"{{"id":"did:web:a.example","verificationMethod":[
            {{"id":"#1","controller":"did:web:a.example",{KEY}}},
            {{"id":"did:web:a.example#2","controller":"did:web:b.example",{KEY}}},
            {{"id":"#3","controller":"did:web:a.example","type":"VendorKey2030"}},
            {{"id":"#4","controller":"did:web:a.example","type":"JsonWebKey","publicKeyJwk":{{"kty":"EC","crv":"secp256k1","x":"","y":""}}}}
        ],"assertionMethod":["#1","did:web:a.example#2","#3","did:web:b.example#9",
            {{"id":"#5","controller":"did:web:a.example",{KEY}}}]}}"##
    );
    let document = DidDocument::from_value(json(&text)).unwrap();
    let usable: Vec<&str> = document
        .methods()
        .iter()
        .filter(|method| method.key.is_some())
        .map(|method| method.id.as_str())
        .collect();
    assert_eq!(usable, ["did:web:a.example#1", "did:web:a.example#5"]);
    assert!(document.method("did:web:a.example#5").unwrap().is_for(Relationship::AssertionMethod));
    assert!(!document.method("did:web:a.example#5").unwrap().is_for(Relationship::Authentication));
}

#[test]
fn broken_documents_are_refused() {
    let method = format!(r##"{{"id":"#1","controller":"did:web:a.example",{KEY}}}"##);
    for text in [
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"id":"a.example"}"#.to_owned(),
        r#"{"id":"did:web:a.example#1"}"#.to_owned(),
        format!(r#"{{"id":"did:web:a.example","verificationMethod":[{method},{method}]}}"#),
        format!(r#"{{"id":"did:web:a.example","verificationMethod":{method}}}"#),
        r##"{"id":"did:web:a.example","assertionMethod":["#1"]}"##.to_owned(),
        r#"{"id":"did:web:a.example","assertionMethod":[1]}"#.to_owned(),
        format!(
            r#"{{"id":"did:web:a.example","verificationMethod":[{}]}}"#,
            method.replace("#1", "did:web:b.example#1")
        ),
        format!(
            r#"{{"id":"did:web:a.example","verificationMethod":[{}]}}"#,
            method.replace("\"type\"", "\"expires\":\"soon\",\"type\"")
        ),
    ] {
        assert!(DidDocument::from_value(json(&text)).is_err(), "{text}");
    }
}

#[test]
fn keys_round_trip_as_multikey_and_jwk() {
    for multikey in [
        "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
        "zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP",
        "z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
    ] {
        let key = PublicKey::from_multikey(multikey).unwrap();
        assert_eq!(key.to_multikey(), multikey);
        assert_eq!(PublicKey::from_jwk(&key.to_jwk().unwrap()).unwrap(), key);
    }
    // RFC 8037, appendix A.2.
    let jwk =
        json(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
    let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!(crate::encoding::hex(&key.as_bytes()[..4]), "d75a9801");
}
