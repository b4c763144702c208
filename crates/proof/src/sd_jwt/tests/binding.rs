//! Row 15: the key binding JWT; rows 1 and 2: headers; and the JSON forms.

use super::*;

#[test]
fn headers_are_as_strict_as_those_of_other_tokens() {
    let text = issued();
    let found = SdJwt::parse(&text, TokenType::DC_SD_JWT).map(drop);
    assert!(matches!(found, Err(SdJwtError::Jose(JoseError::TypeMismatch { member: "typ", .. }))));
    let (_, rest) = text.split_once('.').unwrap();
    let with = |header: &str| format!("{}.{rest}", encoded(header));
    for (header, name) in [
        (r#"{"alg":"EdDSA","typ":"vc+sd-jwt","jwk":{}}"#, "jwk"),
        (r#"{"alg":"EdDSA","typ":"vc+sd-jwt","crit":["exp"]}"#, "crit"),
        (r#"{"alg":"EdDSA","typ":"vc+sd-jwt","x5c":[]}"#, "x5c"),
    ] {
        let found = SdJwt::parse(&with(header), TYPE).map(drop);
        let refused = JoseError::HeaderRefused { member: name };
        assert_eq!(found, Err(SdJwtError::Jose(refused)));
    }
    let none = with(r#"{"alg":"none","typ":"vc+sd-jwt"}"#);
    let found = SdJwt::parse(&none, TYPE).map(drop);
    let refused = JoseError::AlgorithmRefused { alg: "none".to_owned() };
    assert_eq!(found, Err(SdJwtError::Jose(refused)));
    // A JWT alone is no SD-JWT.
    let jwt = text.split('~').next().unwrap();
    assert!(matches!(SdJwt::parse(jwt, TYPE), Err(SdJwtError::Malformed(_))));
    assert_eq!(SdJwt::peek_typ(jwt), None);
}

const NONCE: &str = "n-1";
const AUDIENCE: &str = "https://verifier.example";

fn bound(reveal: &[&str]) -> String {
    let text = present(reveal);
    let at = Timestamp::from_unix(1_800_000_000).unwrap();
    SdJwt::parse(&text, TYPE).unwrap().bind_key(AUDIENCE, NONCE, at, &key(2)).unwrap()
}

#[test]
fn row_15_a_key_is_bound_to_exactly_these_disclosures() {
    let text = bound(&["/name", "/address"]);
    let token = SdJwt::parse(&text, TYPE).unwrap();
    let binding = token.key_binding().unwrap();
    assert!(binding.fits());
    assert_eq!(binding.claimed_audience(), AUDIENCE);
    assert_eq!(binding.claimed_nonce(), NONCE);
    assert_eq!(binding.claimed_issued_at(), 1_800_000_000);
    assert_eq!((binding.claimed_not_before(), binding.claimed_expires()), (None, None));
    assert_eq!(binding.jws().kid(), None);
    binding.jws().verify(&verifying(2), &Unremembered).unwrap();
    let wrong = binding.jws().verify(&verifying(1), &Unremembered);
    assert_eq!(wrong, Err(JoseError::SignatureInvalid));
    assert_eq!(token.present(&[]), Err(SdJwtError::AlreadyBound));
    let at = Timestamp::from_unix(0).unwrap();
    assert_eq!(token.bind_key("a", "n", at, &key(2)), Err(SdJwtError::AlreadyBound));

    let (unbound, jwt) = text.rsplit_once('~').unwrap();
    // Removed, as anybody can: for the caller to see.
    let removed = format!("{unbound}~");
    assert!(SdJwt::parse(&removed, TYPE).unwrap().key_binding().is_none());
    // Under other disclosures: fewer, in another order, and those of another token.
    let mut parts: Vec<&str> = unbound.split('~').collect();
    parts.swap(1, 2);
    let swapped = format!("{}~{jwt}", parts.join("~"));
    let fewer = format!("{}~{jwt}", parts[..2].join("~"));
    let more = format!("{}{jwt}", present(&DISCLOSABLE));
    for text in [swapped, fewer, more] {
        let token = SdJwt::parse(&text, TYPE).unwrap();
        token.disclose().unwrap();
        assert!(!token.key_binding().unwrap().fits());
    }
}

#[test]
fn row_15_and_34_what_is_no_key_binding() {
    let unbound = present(&[]);
    let refused = |claims: &str, token_type: TokenType| {
        let jwt = sign_bytes(claims.as_bytes(), token_type, "k", &key(2)).unwrap();
        match SdJwt::parse(&format!("{unbound}{jwt}"), TYPE) {
            Err(SdJwtError::KeyBinding(error)) => Some(error),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        }
    };
    let good = format!(r#"{{"aud":"a","iat":1,"nonce":"n","sd_hash":"{}"}}"#, digest("x"));
    assert_eq!(refused(&good, TokenType::KB_JWT), None);
    for token_type in [TokenType::VC, TokenType::VP, TYPE] {
        let error = refused(&good, token_type).unwrap();
        assert!(matches!(error, JoseError::TypeMismatch { member: "typ", .. }), "{error}");
    }
    for (from, to) in [
        (r#""aud":"a""#, r#""aud":["a"]"#),
        (r#""aud":"a","#, ""),
        (r#""nonce":"n""#, r#""nonce":1"#),
        (r#""nonce":"n","#, ""),
        (r#""iat":1"#, r#""iat":"1""#),
        (r#""iat":1"#, r#""iat":1.5"#),
        (r#""iat":1"#, r#""iat":null"#),
        (r#""iat":1,"#, ""),
        (r#""iat":1"#, r#""iat":1,"exp":"2""#),
        (r#""iat":1"#, r#""iat":1,"nbf":[]"#),
        (r#""iat":1"#, r#""iat":1,"iat":2"#),
        (r#""sd_hash":""#, r#""sd_hash":"A"#),
        (r#""sd_hash""#, r#""sd-hash""#),
    ] {
        let claims = good.replace(from, to);
        assert_ne!(claims, good);
        let error = refused(&claims, TokenType::KB_JWT).unwrap();
        assert!(matches!(error, JoseError::Malformed(_)), "{claims}: {error}");
    }
    let found = SdJwt::parse(&format!("{unbound}nonsense"), TYPE).map(drop);
    assert!(matches!(found, Err(SdJwtError::KeyBinding(JoseError::Malformed(_)))));
}

#[test]
fn the_json_forms_are_the_same_token() {
    for text in [issued(), present(&[]), bound(&["/name"])] {
        let token = SdJwt::parse(&text, TYPE).unwrap();
        for form in [token.to_flattened_json(), format!(" \n{}\n", token.to_general_json())] {
            assert_eq!(compact(&form).unwrap(), text);
        }
        assert_eq!(compact(&text).unwrap(), text);
    }
}

#[test]
fn nothing_unsigned_comes_with_the_json_forms() {
    let text = bound(&["/name"]);
    let token = SdJwt::parse(&text, TYPE).unwrap();
    let form = token.to_flattened_json();
    let with = |from: &str, to: &str| {
        let changed = form.replacen(from, to, 1);
        assert_ne!(changed, form);
        compact(&changed).map(std::borrow::Cow::into_owned)
    };
    // `kid` is let through and means nothing.
    assert_eq!(with(r#""kb_jwt""#, r#""kid":"k","kb_jwt""#).unwrap(), text);
    for member in ["alg", "jwk", "typ", "crit", "x5c", "_sd_alg"] {
        let refused = SdJwtError::UnprotectedHeaderRefused { member: member.to_owned() };
        assert_eq!(with(r#""kb_jwt""#, &format!(r#""{member}":"x","kb_jwt""#)), Err(refused));
    }
    for (from, to) in [
        (r#""payload":""#, r#""payload":"."#),
        (r#""protected":""#, r#""protected":"a."#),
        (r#""signature":""#, r#""signature":"~"#),
        (r#""signature":""#, r#""other":"","signature":""#),
        (r#""signature":""#, r#""signature":1,"no":""#),
        (r#""disclosures":[""#, r#""disclosures":["a~"#),
        (r#""disclosures":["#, r#""disclosures":["","#),
        (r#""disclosures":["#, r#""disclosures":[1,"#),
        (r#""kb_jwt":""#, r#""kb_jwt":"~"#),
        (r#""kb_jwt":""#, r#""kid":1,"kb_jwt":""#),
        (r#""kb_jwt":""#, r#""kb_jwt":"","kid":""#),
        (r#""header":"#, r#""header":1,"x":"#),
    ] {
        let found = with(from, to);
        assert!(matches!(found, Err(SdJwtError::Malformed(_))), "{to}: {found:?}");
    }
    let general = token.to_general_json();
    for (signatures, many) in [("[]", false), ("{}", false), ("[1]", false), ("[{},{}]", true)] {
        let mut whole = object(&general);
        whole.insert("signatures", json(signatures));
        let form = to_canonical_string(&whole.into());
        match compact(&form) {
            Err(SdJwtError::TooMany { what: "signatures", limit: 1 }) => assert!(many),
            Err(SdJwtError::Malformed(_)) => assert!(!many),
            other => panic!("{signatures}: {other:?}"),
        }
    }
    let mut whole = object(&general);
    whole.insert("signature", "AA");
    let both = to_canonical_string(&whole.into());
    assert!(matches!(compact(&both), Err(SdJwtError::Malformed(_))));
    assert!(matches!(compact("{"), Err(SdJwtError::Malformed(_))));
}
