//! What W3C's suites send and nobody else may: contexts within the document, and presentations as
//! JWTs of before version 2.0.

use bonafide_core::did::Relationship;
use bonafide_core::encoding::encode_base64url;
use bonafide_linked_data::inline::TEST_SUITES;
use bonafide_proof::Signer as _;
use bonafide_proof::data_integrity::{ProofOptions, add_proof};
use serde_json::{Value, json};

use super::service::Service;
use super::{changed, credential, somebody};

const V2: &str = "https://www.w3.org/ns/credentials/v2";
const MALFORMED: &str = "malformed";

#[test]
fn contexts_within_a_document_are_for_suites_alone() {
    let suites = Service::conformance();
    let operators = Service::configured(
        r#"instance = [{ name = "eddsa-rdfc-2022", did = "key", format = "eddsa-rdfc-2022" }]"#,
    );
    let name = "eddsa-rdfc-2022";
    let document = |service: &Service, inline: &Value| {
        let document = changed(&credential(service.did(name)), "/@context", json!([V2, inline]));
        changed(&document, "/credentialSubject/likes", "tea".into())
    };
    let issue = |service: &Service, inline: &Value| {
        let body = json!({"credential": document(service, inline)});
        service.post(&format!("/issuers/{name}/credentials/issue"), &body)
    };
    let inline = json!({"likes": "https://terms.example/likes"});
    let wrapped = json!({"@context": inline});
    for inline in [&inline, &wrapped] {
        let mut issued = issue(&suites, inline);
        assert_eq!(issued.status, 201, "{}", issued.body);
        let issued = issued.body["verifiableCredential"].take();
        assert_eq!(issued["@context"], json!([V2, inline]), "as it was sent");
        assert_eq!(suites.verify(&issued, &json!({})), (200, vec![]));
        assert_eq!(operators.verify(&issued, &json!({})), (200, vec!["context-refused".into()]));
        let tampered = changed(&issued, "/credentialSubject/likes", "milk".into());
        assert_eq!(suites.verify(&tampered, &json!({})), (400, vec!["proof-invalid".into()]));
        let answer = issue(&operators, inline);
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!("proof-generation-error")));
    }
    // Even there not every one is taken.
    for inline in [
        json!({"VerifiableCredential": "https://terms.example/other"}),
        json!({"@import": "https://terms.example/context"}),
        json!({"@base": "https://terms.example/"}),
        json!({"likes": null}),
        json!({"likes": {"@id": "https://terms.example/likes", "@container": "@list"}}),
        json!("urn:bonafide:inline-context:0"),
        json!({"other": "https://terms.example/other"}),
    ] {
        assert_eq!(issue(&suites, &inline).status, 400, "{inline}");
    }
}

/// Signed by somebody; the options tell what is said of the key.
#[test]
fn a_presentation_binds_the_contexts_within_its_credentials() {
    let service = Service::conformance();
    let (key, did, method) = somebody();
    let inline = json!({"likes": "https://terms.example/likes"});
    let sign = |document: &Value, purpose| {
        let options = ProofOptions::new(&method, purpose);
        let suite = TEST_SUITES.by_name("eddsa-rdfc-2022").unwrap();
        let document = bonafide_testkit::json(&document.to_string());
        let signed = add_proof(document, &options, suite, &key).unwrap();
        let text = bonafide_core::json::to_canonical_string(&signed);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let held = changed(&credential(&did), "/@context", json!([V2, inline]));
    let held = changed(&held, "/credentialSubject/likes", "tea".into());
    let held = sign(&held, Relationship::AssertionMethod);
    let presentation = json!({
        "@context": [V2, {"Shown": "https://terms.example/Shown"}],
        "type": ["VerifiablePresentation", "Shown"],
        "verifiableCredential": [held],
    });
    let presentation = sign(&presentation, Relationship::Authentication);
    let verify = |presentation: &Value| {
        let body = json!({"verifiablePresentation": presentation});
        service.post("/presentations/verify", &body).verdict().0
    };
    assert_eq!(verify(&presentation), 200);
    let mut other = presentation;
    other["verifiableCredential"][0]["@context"][1]["likes"] = "https://terms.example/hates".into();
    assert_eq!(verify(&other), 400);
}

/// A compact JWS with this header and these claims, by somebody.
fn token(header: &Value, claims: &Value) -> String {
    let (key, _, _) = somebody();
    let part = |value: &Value| encode_base64url(value.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = encode_base64url(&key.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

fn envelope(kind: &str, token: &str) -> Value {
    json!({"@context": V2, "type": kind, "id": format!("data:application/jwt,{token}")})
}

#[test]
fn presentations_as_older_jwts_are_for_suites_alone() {
    const VC: &str = "EnvelopedVerifiableCredential";
    const VP: &str = "EnvelopedVerifiablePresentation";
    let (_, did, method) = somebody();
    let header = json!({"typ": "JWT", "alg": "EdDSA", "kid": method});
    let claims_of_vc = json!({"iss": did, "vc": credential(&did)});
    let held = envelope(VC, &token(&json!({"alg": "EdDSA", "kid": method}), &claims_of_vc));
    let claims = json!({
        "iss": did, "aud": "suite.example", "nonce": "123456789",
        "vp": {
            "@context": [V2], "type": ["VerifiablePresentation"],
            "holder": did, "verifiableCredential": [held],
        },
    });
    let suites = Service::conformance();
    let verify = |service: &Service, presentation: &Value| {
        let options = json!({"challenge": "123456789"});
        let body = json!({"verifiablePresentation": presentation, "options": options});
        service.post("/presentations/verify", &body).verdict()
    };
    let good = envelope(VP, &token(&header, &claims));
    assert_eq!(verify(&suites, &good), (200, vec![]));

    let of_other = |pointer: &str, value: Value| {
        envelope(VP, &token(&header, &changed(&claims, pointer, value)))
    };
    let with_header = |pointer: &str, value: Value| {
        envelope(VP, &token(&changed(&header, pointer, value), &claims))
    };
    let of_vc = |pointer: &str, value: Value| {
        let held = envelope(VC, &token(&header, &changed(&claims_of_vc, pointer, value)));
        of_other("/vp/verifiableCredential", json!([held]))
    };
    let id = good["id"].as_str().unwrap();
    let cut = &id[..id.len() - 4];
    for (why, bad) in [
        ("nonce-mismatch", of_other("/nonce", "other".into())),
        ("nonce-mismatch", of_other("/nonce", Value::Null)),
        ("issuer-mismatch", of_other("/iss", "did:example:x".into())),
        ("holder-mismatch", of_other("/vp/holder", "did:example:x".into())),
        ("expired", of_other("/exp", 1.into())),
        ("not-yet-valid", of_other("/nbf", 9_000_000_000_u64.into())),
        (MALFORMED, of_other("/exp", "soon".into())),
        (MALFORMED, of_other("/vp", Value::Null)),
        (MALFORMED, of_other("/vp/type", json!(["VerifiableCredential"]))),
        (MALFORMED, of_other("/vp/verifiableCredential", json!([credential(&did)]))),
        (MALFORMED, with_header("/typ", "vp+jwt".into())),
        (MALFORMED, with_header("/jwk", json!({}))),
        (MALFORMED, with_header("/kid", "did:web:x.example#1".into())),
        ("unknown-key", with_header("/kid", format!("{did}#other").into())),
        ("proof-invalid", with_header("/alg", "none".into())),
        ("proof-invalid", with_header("/alg", "ES256".into())),
        (MALFORMED, of_vc("/vc", Value::Null)),
        (MALFORMED, of_vc("/vc/credentialSubject", Value::Null)),
        ("issuer-mismatch", of_vc("/vc/issuer", "did:example:x".into())),
        (MALFORMED, changed(&good, "/@context", json!([]))),
        (MALFORMED, changed(&good, "/type", "VerifiablePresentation".into())),
        (MALFORMED, changed(&good, "/more", 1.into())),
        (MALFORMED, changed(&good, "/id", cut.into())),
    ] {
        let (status, found) = verify(&suites, &bad);
        assert_eq!((status, &found[..]), (400, &[why.to_owned()][..]), "{bad}");
    }

    let operators = Service::start();
    let challenge = operators.post("/challenges", &json!({})).body["challenge"].clone();
    let answered = of_other("/nonce", challenge.clone());
    let body = json!({"verifiablePresentation": answered, "options": {"challenge": challenge}});
    let verdict = operators.post("/presentations/verify", &body).verdict();
    assert_eq!(verdict, (200, vec![MALFORMED.to_owned()]));
}
