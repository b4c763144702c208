use bonafide_core::key::KeyType;

use super::*;
use crate::jose::{TokenType, sign};
use crate::signer::SecretKey;

const URI: &str = "https://issuer.example/oauth/token";

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn draft() -> Draft<'static> {
    Draft { method: "POST", uri: URI, jti: "j1", access_token: None, nonce: None }
}

fn expected() -> Expected<'static> {
    Expected { method: "POST", uri: URI, access_token: None, nonce: None, window: Window::USUAL }
}

#[track_caller]
fn refused(text: &str, expected: &Expected<'_>, now: i64, code: &str) {
    let error = check(text, expected, at(now)).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    // RFC 8037, A.3.
    let jwk = br#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let jwk = parse(jwk, &Limits::for_size(1000)).unwrap();
    let key = bonafide_core::key::PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!(thumbprint(&key).unwrap(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    // RFC 9449, 6.1: the key of its examples.
    let jwk = br#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#;
    let jwk = parse(jwk, &Limits::for_size(1000)).unwrap();
    let key = bonafide_core::key::PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!(thumbprint(&key).unwrap(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn the_proof_of_the_rfc_is_good() {
    // RFC 9449, 4.2, figure 2.
    let text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let expected = Expected { uri: "https://server.example.com/token", ..expected() };
    let proven = check(text, &expected, at(1_562_262_620)).unwrap();
    assert_eq!(proven.jti, "-BwC3ESc6acc2lTc");
    assert_eq!(proven.thumbprint, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn a_proof_shows_its_key_for_one_request_and_one_time() {
    let text = draft().sign(&key(1), at(1000)).unwrap();
    let proven = check(&text, &expected(), at(1000)).unwrap();
    assert_eq!(Some(proven.thumbprint), thumbprint(key(1).public_key()));
    assert_eq!((proven.jti.as_str(), proven.until), ("j1", at(1090)));
    // A minute of age and half a minute of skew; the end is not in it.
    for good in [970, 1089] {
        check(&text, &expected(), at(good)).unwrap();
    }
    for bad in [969, 1090] {
        refused(&text, &expected(), bad, "dpop-out-of-time");
    }
    refused(&text, &Expected { method: "GET", ..expected() }, 1000, "dpop-other-request");
    for other in ["https://issuer.example/oauth/revoke", "http://issuer.example/oauth/token"] {
        refused(&text, &Expected { uri: other, ..expected() }, 1000, "dpop-other-request");
    }
    for same in
        ["https://issuer.example/oauth/token?a=b", "HTTPS://Issuer.Example:443/oauth/token#x"]
    {
        check(&text, &Expected { uri: same, ..expected() }, at(1000)).unwrap();
    }
    let token = Expected { access_token: Some("token"), ..expected() };
    refused(&text, &token, 1000, "dpop-other-token");
    let bound = Draft { access_token: Some("token"), ..draft() }.sign(&key(1), at(1000)).unwrap();
    check(&bound, &token, at(1000)).unwrap();
    refused(
        &bound,
        &Expected { access_token: Some("other"), ..expected() },
        1000,
        "dpop-other-token",
    );
    let asked = Expected { nonce: Some("n"), ..expected() };
    refused(&text, &asked, 1000, "dpop-nonce-mismatch");
    let answers = Draft { nonce: Some("n"), ..draft() }.sign(&key(1), at(1000)).unwrap();
    assert_eq!(check(&answers, &asked, at(1000)).unwrap().nonce.as_deref(), Some("n"));
}

/// A proof with another header or payload, signed by the same key.
fn made(header: &str, payload: &str, signer: &SecretKey) -> String {
    let input =
        format!("{}.{}", encode_base64url(header.as_bytes()), encode_base64url(payload.as_bytes()));
    let signature = signer.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", encode_base64url(&signature))
}

#[test]
fn the_key_is_a_public_one_that_signed() {
    let x = encode_base64url(key(1).public_key().as_bytes());
    let payload = format!(r#"{{"htm":"POST","htu":"{URI}","jti":"j1","iat":1000}}"#);
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    let header = |jwk: &str| format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{jwk}}}"#);
    check(&made(&header(&jwk), &payload, &key(1)), &expected(), at(1000)).unwrap();
    refused(&made(&header(&jwk), &payload, &key(2)), &expected(), 1000, "proof-invalid");
    let private = jwk.replace('{', r#"{"d":"AA","#);
    for bad in [private.as_str(), "null", "{}", r#""x""#] {
        refused(&made(&header(bad), &payload, &key(1)), &expected(), 1000, "malformed");
    }
    let bare = r#"{"typ":"dpop+jwt","alg":"EdDSA"}"#;
    refused(&made(bare, &payload, &key(1)), &expected(), 1000, "malformed");
    for member in ["jku", "x5c", "crit"] {
        let more = header(&jwk).replacen('{', &format!(r#"{{"{member}":["a"],"#), 1);
        refused(&made(&more, &payload, &key(1)), &expected(), 1000, "header-refused");
    }
    for alg in ["none", "HS256"] {
        let other = header(&jwk).replace("EdDSA", alg);
        refused(&made(&other, &payload, &key(1)), &expected(), 1000, "algorithm-refused");
    }
    let es256 = header(&jwk).replace("EdDSA", "ES256");
    refused(&made(&es256, &payload, &key(1)), &expected(), 1000, "algorithm-mismatch");
}

#[test]
fn claims_of_the_wrong_type_are_malformed_and_never_absent() {
    let x = encode_base64url(key(1).public_key().as_bytes());
    let header = format!(
        r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}}}"#
    );
    let good = format!(r#"{{"htm":"POST","htu":"{URI}","jti":"j1","iat":1000}}"#);
    for (from, to) in [
        (r#""iat":1000"#, r#""iat":"1000""#),
        (r#""iat":1000"#, r#""iat":1000.5"#),
        (r#""iat":1000"#, r#""nbf":1"#),
        (r#""jti":"j1""#, r#""jti":"""#),
        (r#""jti":"j1""#, r#""jti":1"#),
        (r#""htm":"POST","#, ""),
        (r#""iat""#, r#""exp":null,"iat""#),
        (r#""iat""#, r#""nonce":5,"iat""#),
        (r#""iat""#, r#""jti":"j2","iat""#),
    ] {
        let text = made(&header, &good.replace(from, to), &key(1));
        refused(&text, &expected(), 1000, "malformed");
    }
    refused(&"a".repeat(LONGEST + 1), &expected(), 1000, "malformed");
}

#[test]
fn other_tokens_of_the_same_key_are_no_proofs_and_a_proof_is_no_other_token() {
    let payload = parse(
        br#"{"htm":"POST","htu":"https://issuer.example/oauth/token","jti":"j1","iat":1000}"#,
        &Limits::for_size(1000),
    )
    .unwrap();
    for typ in [
        TokenType::VP,
        TokenType::VC,
        TokenType::KB_JWT,
        TokenType::AT,
        TokenType::JWT,
        TokenType::CLIENT_AUTHENTICATION,
    ] {
        let text = sign(&payload, typ, "kid", &key(1)).unwrap();
        refused(&text, &expected(), 1000, "typ-mismatch");
        let proof = draft().sign(&key(1), at(1000)).unwrap();
        let error = CompactJws::parse(&proof, typ).unwrap_err();
        assert_eq!(error.code(), "header-refused");
    }
}
