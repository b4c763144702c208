use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;

use super::*;
use crate::algorithm::{Unremembered, VerifyingKey};
use crate::jose::{JoseError, sign_bytes};
use crate::signer::{SecretKey, Signer};

mod binding;
mod refused;

const TYPE: TokenType = TokenType::VC_SD_JWT;
const KID: &str = "did:example:issuer#1";

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn verifying(seed: u8) -> VerifyingKey {
    VerifyingKey::new(key(seed).public_key().clone()).unwrap()
}

fn json(text: &str) -> Value<'static> {
    parse(text.as_bytes(), &Limits::for_size(1 << 20)).unwrap().into_owned()
}

fn object(text: &str) -> Object<'static> {
    match json(text) {
        Value::Object(object) => object,
        _ => panic!("not an object"),
    }
}

/// Salts that differ, and nothing else.
fn salts() -> impl FnMut() -> [u8; 16] {
    let mut drawn = 0_u128;
    move || {
        drawn += 1;
        drawn.to_be_bytes()
    }
}

fn encoded(disclosure: &str) -> String {
    encode_base64url(disclosure.as_bytes())
}

/// The digest of a disclosure that is given as JSON.
fn digest(disclosure: &str) -> String {
    digest_text(&encoded(disclosure))
}

/// A good signature over whatever payload, with whatever disclosures.
fn token(payload: &str, disclosures: &[&str]) -> String {
    let mut text = sign_bytes(payload.as_bytes(), TYPE, KID, &key(1)).unwrap();
    text.push('~');
    for disclosure in disclosures {
        text.push_str(&encoded(disclosure));
        text.push('~');
    }
    text
}

fn disclosed(payload: &str, disclosures: &[&str]) -> Result<String, SdJwtError> {
    let text = token(payload, disclosures);
    let claims = SdJwt::parse(&text, TYPE)?.disclose()?;
    Ok(to_canonical_string(&claims.into()))
}

const PLAIN: &str = r#"{"address":{"city":{"name":"B","zip":"C"},"street":"A"},"iss":"x","list":["a","b",["c","d"]],"name":"n"}"#;

const DISCLOSABLE: [&str; 7] =
    ["/name", "/address", "/address/city", "/address/city/zip", "/list/1", "/list/2", "/list/2/0"];

fn issued() -> String {
    let payload = object(PLAIN);
    let draft = SdJwtDraft { payload: &payload, disclosable: &DISCLOSABLE, decoys: 3 };
    draft.issue(TYPE, KID, &key(1), &mut salts()).unwrap()
}

fn present(reveal: &[&str]) -> String {
    SdJwt::parse(&issued(), TYPE).unwrap().present(reveal).unwrap()
}

fn payload_of(text: &str) -> Value<'static> {
    let payload = SdJwt::parse(text, TYPE).unwrap().issuer_jws().decode_payload().unwrap();
    json(std::str::from_utf8(&payload).unwrap())
}

#[test]
fn what_is_issued_is_what_is_disclosed() {
    let text = issued();
    let token = SdJwt::parse(&text, TYPE).unwrap();
    token.issuer_jws().verify(&verifying(1), &Unremembered).unwrap();
    assert_eq!(token.issuer_jws().kid(), Some(KID));
    assert_eq!(to_canonical_string(&token.disclose().unwrap().into()), PLAIN);
    assert_eq!(token.disclosure_count(), 7);
    assert_eq!(token.to_compact(), text);
    assert!(token.key_binding().is_none());
    assert_eq!(SdJwt::peek_typ(&text).as_deref(), Some("vc+sd-jwt"));
    // The payload says nothing of what can be withheld, and the digests' order tells nothing.
    let payload = payload_of(&text);
    let names: Vec<&str> = payload.as_object().unwrap().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["_sd", "_sd_alg", "iss", "list"]);
    let digests = payload.get("_sd").unwrap().as_array().unwrap();
    let digests: Vec<&str> = digests.iter().filter_map(Value::as_str).collect();
    assert_eq!(digests.len(), 2 + 3);
    assert!(digests.is_sorted());
}

#[test]
fn a_presentation_holds_what_was_asked_for_and_what_it_stands_in() {
    for (reveal, count, expected) in [
        (&[][..], 0, r#"{"iss":"x","list":["a"]}"#),
        (&["", "/iss", "/list/0"], 0, r#"{"iss":"x","list":["a"]}"#),
        (&["/name"], 1, r#"{"iss":"x","list":["a"],"name":"n"}"#),
        (&["/address"], 1, r#"{"address":{"street":"A"},"iss":"x","list":["a"]}"#),
        (&["/address/street"], 1, r#"{"address":{"street":"A"},"iss":"x","list":["a"]}"#),
        (
            &["/address/city/zip"],
            3,
            r#"{"address":{"city":{"name":"B","zip":"C"},"street":"A"},"iss":"x","list":["a"]}"#,
        ),
        (&["/list/2"], 1, r#"{"iss":"x","list":["a",["d"]]}"#),
        (&["/list/2/0", "/list/2"], 2, r#"{"iss":"x","list":["a",["c","d"]]}"#),
        (&DISCLOSABLE, 7, PLAIN),
    ] {
        let text = present(reveal);
        let token = SdJwt::parse(&text, TYPE).unwrap();
        assert_eq!(token.disclosure_count(), count, "{reveal:?}");
        assert_eq!(to_canonical_string(&token.disclose().unwrap().into()), expected, "{reveal:?}");
        // It stays the same token.
        assert_eq!(token.digest(), SdJwt::parse(&issued(), TYPE).unwrap().digest());
    }
    let text = issued();
    let token = SdJwt::parse(&text, TYPE).unwrap();
    for unknown in ["/none", "/list/01", "/list/+1", "/list/3", "name", "/name/~2", "/name/0", "/"]
    {
        let pointer = unknown.to_owned();
        assert_eq!(token.present(&["/name", unknown]), Err(SdJwtError::PointerUnknown { pointer }));
    }
    // Names with the signs of pointers.
    let payload = object(r#"{"a/b~1":{"":[1]}}"#);
    let disclosable = ["/a~1b~01//0", "/a~1b~01"];
    let draft = SdJwtDraft { payload: &payload, disclosable: &disclosable, decoys: 0 };
    let text = draft.issue(TYPE, KID, &key(1), &mut salts()).unwrap();
    let token = SdJwt::parse(&text, TYPE).unwrap();
    assert_eq!(token.present(&["/a~1b~01//0"]).unwrap(), text);
}

#[test]
fn drafts_that_no_verifier_would_read_are_not_signed() {
    let issue = |payload: &str, disclosable: &[&str]| {
        let payload = object(payload);
        let draft = SdJwtDraft { payload: &payload, disclosable, decoys: 0 };
        draft.issue(TYPE, KID, &key(1), &mut salts()).map(drop)
    };
    for pointer in ["", "/b", "a", "/a/0", "/a/"] {
        let unknown = SdJwtError::PointerUnknown { pointer: pointer.to_owned() };
        assert_eq!(issue(r#"{"a":1}"#, &["/a", pointer]), Err(unknown));
    }
    for name in ["_sd", "...", "_sd_alg"] {
        let reserved = SdJwtError::DisclosureNameReserved { name: name.to_owned() };
        let payload = format!(r#"{{"a":[{{"{name}":"x"}}]}}"#);
        assert_eq!(issue(&payload, &[]), Err(reserved));
    }
    let payload = object(&format!(r#"{{"a":[{}1]}}"#, "1,".repeat(1024)));
    let pointers: Vec<String> = (0..1025).map(|index| format!("/a/{index}")).collect();
    let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
    let draft = SdJwtDraft { payload: &payload, disclosable: &pointers, decoys: 0 };
    assert_eq!(
        draft.issue(TYPE, KID, &key(1), &mut salts()),
        Err(SdJwtError::TooMany { what: "disclosures", limit: 1024 })
    );
    let most = SdJwtDraft { disclosable: &pointers[1..], ..draft };
    let text = most.issue(TYPE, KID, &key(1), &mut salts()).unwrap();
    assert_eq!(SdJwt::parse(&text, TYPE).unwrap().disclose().unwrap(), payload);
    // A source of salts that stands still.
    let draft = SdJwtDraft { disclosable: &["/a/0", "/a/1"], ..draft };
    let error = draft.issue(TYPE, KID, &key(1), &mut || [7; 16]).unwrap_err();
    assert!(error.to_string().contains("not random"), "{error}");
}
