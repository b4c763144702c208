//! Verifying presentations: an answer to a challenge, once.

use bonafide_core::did::Relationship;
use serde_json::{Value, json};

use super::service::Service;
use super::{Says, changed, credential, signed, somebody};

fn presentation(held: Vec<Value>) -> Value {
    let mut presentation = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": somebody().1,
    });
    // An empty list says nothing that could be signed.
    if !held.is_empty() {
        presentation["verifiableCredential"] = held.into();
    }
    presentation
}

/// Signed by somebody as an answer.
fn answer(presentation: &Value, challenge: &str, domain: &str) -> Value {
    let says = Says { challenge: Some(challenge), domain: Some(domain), id: None };
    signed(presentation, "eddsa-rdfc-2022", Relationship::Authentication, &says)
}

fn verify(service: &Service, presentation: &Value, options: &Value) -> (u16, Vec<String>) {
    let body = json!({"verifiablePresentation": presentation, "options": options});
    service.post("/presentations/verify", &body).verdict()
}

fn bad(what: &str) -> (u16, Vec<String>) {
    (200, vec![what.to_owned()])
}

fn challenge(service: &Service) -> (String, String) {
    let made = service.post("/challenges", &json!({}));
    assert_eq!(made.status, 201, "{}", made.body);
    let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
    (text("challenge"), text("domain"))
}

#[test]
fn a_challenge_is_answered_once() {
    let service = Service::start();
    let (challenge, domain) = challenge(&service);
    let (name, did) = service.issuers[0].clone();
    let issued = service.issue(&name, &credential(&did));
    let asked = json!({"challenge": challenge});
    let good = presentation(vec![issued]);

    // What is no answer does not use the challenge up.
    for (presentation, why) in [
        (good.clone(), "proof-missing"),
        (answer(&good, "another", &domain), "nonce-mismatch"),
        (answer(&good, &challenge, "https://elsewhere.example"), "audience-mismatch"),
        (changed(&answer(&good, &challenge, &domain), "/id", "urn:x:1".into()), "proof-invalid"),
        (
            answer(&changed(&good, "/holder", "did:example:x".into()), &challenge, &domain),
            "holder-mismatch",
        ),
        (json!({"type": "VerifiableCredential"}), "malformed"),
    ] {
        let (status, why_not) = verify(&service, &presentation, &asked);
        assert!(status == 200 && why_not.contains(&why.to_owned()), "{why}: {why_not:?}");
    }
    let answered = answer(&good, &challenge, &domain);
    assert_eq!(verify(&service, &answered, &asked), (200, vec![]));
    assert_eq!(verify(&service, &answered, &asked), bad("challenge-mismatch"));

    // A challenge of somebody else, or none at all.
    let answered = answer(&good, "theirs", &domain);
    let asked = json!({"challenge": "theirs"});
    assert_eq!(verify(&service, &answered, &asked), bad("challenge-mismatch"));
    assert_eq!(verify(&service, &answered, &json!({})), bad("challenge-mismatch"));
}

/// A presentation is not good if a credential in it is not.
#[test]
fn credentials_in_it_are_verified() {
    let service = Service::start();
    let (name, did) = service.issuers[0].clone();
    let issued = service.issue(&name, &changed(&credential(&did), "/id", "urn:example:1".into()));
    let presented = |held: &Value| {
        let (challenge, domain) = challenge(&service);
        let presentation = answer(&presentation(vec![held.clone()]), &challenge, &domain);
        verify(&service, &presentation, &json!({"challenge": challenge}))
    };
    assert_eq!(presented(&issued), (200, vec![]));
    let tampered = changed(&issued, "/credentialSubject/name", "Mallory".into());
    assert_eq!(presented(&tampered), bad("proof-invalid"));
    assert_eq!(service.set_status("urn:example:1", "revocation", true), 200);
    assert_eq!(presented(&issued), bad("revoked"));
}

/// Suites bring challenges of their own, name no domain, and present nothing.
#[test]
fn suites_ask_with_challenges_of_their_own() {
    let service = Service::conformance();
    for held in [vec![], vec![service.issue("jwt", &credential(service.did("jwt")))]] {
        let unsigned = changed(&presentation(held), "/holder", Value::Null);
        let answered = answer(&unsigned, "theirs", "suite.example");
        let both = json!({"challenge": "theirs", "domain": "suite.example"});
        for asked in [both, json!({"challenge": "theirs"}), json!({})] {
            assert_eq!(verify(&service, &answered, &asked), (200, vec![]), "{asked}");
        }
        for (asked, why) in [
            (json!({"challenge": "ours"}), "nonce-mismatch"),
            (json!({"domain": "ours"}), "audience-mismatch"),
        ] {
            assert_eq!(verify(&service, &answered, &asked), (400, vec![why.to_owned()]));
        }
        assert_eq!(verify(&service, &unsigned, &json!({})).0, 400);
    }
}
