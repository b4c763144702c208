//! Issuing and deriving.

use bonafide_core::did::Relationship;
use serde_json::{Value, json};

use super::service::Service;
use super::{Says, changed, credential, credential_v1, signed};

const DATA_INTEGRITY: &str = "https://w3id.org/security/data-integrity/v2";

#[test]
fn every_instance_issues_what_the_service_verifies() {
    let service = Service::conformance();
    for (name, did) in &service.issuers {
        // An SD-JWT VC holds attestations alone.
        if name == "dc-sd-jwt" {
            continue;
        }
        let issued = service.issue(name, &credential(did));
        let shown = match name.as_str() {
            "ecdsa-sd-2023" | "bbs-2023" => {
                let pointers = ["/credentialSubject/id"];
                let body = json!({"options": {"selectivePointers": pointers}, "verifiableCredential": issued});
                let mut derived = service.post("/credentials/derive", &body);
                assert_eq!(derived.status, 201, "{}", derived.body);
                let derived = derived.body["verifiableCredential"].take();
                assert_eq!(derived["credentialSubject"], json!({"id": "did:example:subject"}));
                // What is for the holder alone convinces nobody.
                assert_eq!(
                    service.verify(&issued, &json!({})),
                    (400, vec!["base-proof".to_owned()])
                );
                derived
            }
            _ => issued.clone(),
        };
        assert_eq!(service.verify(&shown, &json!({})), (200, vec![]), "{name}: {shown}");
        if let Some(id) = issued["id"].as_str().filter(|id| id.starts_with("data:")) {
            let media_type = if name == "sd-jwt" { "vc+sd-jwt" } else { "vc+jwt" };
            assert!(id.starts_with(&format!("data:application/{media_type},ey")), "{name}: {id}");
            continue;
        }
        // Nobody could check a list that is signed with BBS as a whole.
        if name == "bbs-2023" {
            assert_eq!(issued.get("credentialStatus"), None);
            continue;
        }
        let entries = issued["credentialStatus"].as_array().unwrap();
        let purposes: Vec<&Value> = entries.iter().map(|entry| &entry["statusPurpose"]).collect();
        assert_eq!(purposes, ["revocation", "suspension"], "{name}");
        let method = issued["proof"]["verificationMethod"].as_str().unwrap();
        assert!(method.starts_with(&format!("{did}#")), "{name}: {method}");
        let suite = &issued["proof"][if name.contains("2020") { "type" } else { "cryptosuite" }];
        let suite = suite.as_str().unwrap().to_lowercase();
        assert!(name.replace('-', "").starts_with(&suite.replace('-', "")), "{name}: {suite}");
    }
    // The default instance has no name in its path.
    let body = json!({"credential": credential(service.did("eddsa-rdfc-2022"))});
    let answer = service.post("/credentials/issue", &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[test]
fn what_is_no_credential_is_refused_with_its_place() {
    let service = Service::conformance();
    let good = credential(service.did("eddsa-rdfc-2022"));
    let digest = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let v2 = "https://www.w3.org/ns/credentials/v2";
    for (change, value, wrong) in [
        ("/@context", Value::Null, "/@context"),
        ("/@context", json!([DATA_INTEGRITY]), "/@context/0"),
        ("/@context", json!([v2, {"VerifiableCredential": "https://x.example/#y"}]), "/@context/1"),
        ("/@context", json!([v2, 7]), "/@context/1"),
        ("/type", Value::Null, "/type"),
        ("/type", json!(["Other"]), "/type"),
        ("/type", json!([4]), "/type"),
        ("/id", json!("https ://not-a-url/"), "/id"),
        ("/id", json!(["urn:x:1", "urn:x:2"]), "/id"),
        ("/issuer", Value::Null, "/issuer"),
        ("/issuer", json!("no-url"), "/issuer"),
        ("/issuer", json!("did:example:another"), "/issuer"),
        ("/issuer", json!({"id": "no-url"}), "/issuer"),
        ("/validFrom", json!("Sat 25 Feb 2023 07:16:31 PM CST"), "/validFrom"),
        ("/validUntil", json!("2026-01-31T12:00:00"), "/validUntil"),
        ("/name", json!({"@value": "x", "@language": "en", "url": "y"}), "/name"),
        ("/credentialSubject", Value::Null, "/credentialSubject"),
        ("/credentialSubject", json!({}), "/credentialSubject"),
        ("/credentialSubject", json!("did:example:subject"), "/credentialSubject"),
        ("/credentialSubject/id", json!(["did:a:b", "did:c:d"]), "/credentialSubject/id"),
        ("/credentialStatus", json!({"id": "urn:x:1"}), "/credentialStatus/type"),
        ("/credentialStatus", json!({"type": 2}), "/credentialStatus/type"),
        (
            "/credentialStatus",
            json!([{"type": "BitstringStatusListEntry"}]),
            "/credentialStatus/0/statusPurpose",
        ),
        ("/statusEntry", json!({"type": "BitstringStatusListEntry"}), "/statusEntry"),
        ("/credentialSchema", json!({"id": "urn:x:1"}), "/credentialSchema/type"),
        ("/credentialSchema", json!({"type": "JsonSchema"}), "/credentialSchema/id"),
        ("/evidence", json!({}), "/evidence/type"),
        ("/termsOfUse", json!({"id": "urn:x:1"}), "/termsOfUse/type"),
        ("/refreshService", json!({"id": "urn:x:1"}), "/refreshService/type"),
        ("/relatedResource", json!(["urn:x:1"]), "/relatedResource"),
        ("/relatedResource", json!({"digestSRI": digest}), "/relatedResource"),
        ("/relatedResource", json!({"id": "urn:x:1"}), "/relatedResource"),
        ("/relatedResource", json!({"id": v2, "digestSRI": digest}), "/relatedResource"),
        ("/vc", json!({}), "/vc"),
        ("/verifiableCredential", json!([]), "/verifiableCredential"),
    ] {
        let body = json!({"credential": changed(&good, change, value.clone())});
        let answer = service.post("/issuers/eddsa-rdfc-2022/credentials/issue", &body);
        assert_eq!(answer.status, 400, "{change} {value}: {}", answer.body);
        assert_eq!(answer.media_type, "application/problem+json");
        let pointers = answer.pointers();
        let wrong = format!("/credential{wrong}");
        assert!(
            matches!(&pointers[..], [pointer] if pointer.starts_with(&wrong)),
            "{change} {value}: {}",
            answer.body
        );
    }
    // Of the rest of the request, too.
    for (body, wrong) in [
        (json!({"verifiableCredential": good}), "/credential"),
        (json!({"credential": "text"}), "/credential"),
        (json!({"credential": good, "options": {"unknown": 1}}), ""),
        (json!({"credential": good, "options": {"mandatoryPointers": ["/issuer"]}}), "/options"),
    ] {
        let answer = service.post("/issuers/eddsa-rdfc-2022/credentials/issue", &body);
        assert_eq!((answer.status, answer.pointers()), (400, vec![wrong.to_owned()]), "{body}");
    }
    let body = json!({"credential": good, "options": {"mandatoryPointers": ["/nowhere"]}});
    let body = changed(&body, "/credential/issuer", service.did("bbs-2023").into());
    let answer = service.post("/issuers/bbs-2023/credentials/issue", &body);
    assert_eq!((answer.status, &answer.body["code"]), (400, &json!("proof-generation-error")));
    assert_eq!(service.post("/issuers/nobody/credentials/issue", &body).status, 404);
}

/// Terms that no context defines are signed by nobody.
#[test]
fn undefined_terms_are_refused_where_rdf_is_signed() {
    let service = Service::conformance();
    for name in ["eddsa-rdfc-2022", "ecdsa-rdfc-2019-p384", "ecdsa-sd-2023", "bbs-2023"] {
        for (change, value) in [
            ("/credentialSubject/noTerm", json!("x")),
            ("/type", json!(["VerifiableCredential", "NoTerm"])),
        ] {
            let credential = changed(&credential(service.did(name)), change, value);
            let path = format!("/issuers/{name}/credentials/issue");
            let answer = service.post(&path, &json!({"credential": credential}));
            let kind = &answer.body["type"];
            assert_eq!(answer.status, 400, "{name}");
            assert_eq!(kind, "https://w3id.org/security#PROOF_GENERATION_ERROR", "{name}");
        }
    }
}

#[test]
fn version_1_1_gets_the_terms_of_its_proof_and_no_status() {
    let service = Service::conformance();
    for (name, context) in [
        ("eddsa-rdfc-2022", DATA_INTEGRITY),
        ("ecdsa-rdfc-2019-p256", DATA_INTEGRITY),
        ("ed25519-signature-2020", "https://w3id.org/security/suites/ed25519-2020/v1"),
    ] {
        let issued = service.issue(name, &credential_v1(service.did(name)));
        let contexts = ["https://www.w3.org/2018/credentials/v1", context];
        assert_eq!(issued["@context"], json!(contexts), "{name}");
        assert_eq!(issued.get("credentialStatus"), None, "{name}");
        assert_eq!(service.verify(&issued, &json!({})), (200, vec![]), "{name}");
    }
    let body = json!({"credential": credential_v1(service.did("jwt"))});
    let answer = service.post("/issuers/jwt/credentials/issue", &body);
    assert_eq!(
        (answer.status, answer.pointers()),
        (400, vec!["/credential/@context/0".to_owned()])
    );
}

#[test]
fn a_further_proof_stands_beside_the_first_or_builds_on_it() {
    let service = Service::conformance();
    let name = "eddsa-rdfc-2022";
    let first = "urn:uuid:26329423-bec9-4b2e-88cb-a7c7d9dc4544";
    let document = credential(service.did(name));
    let says = Says { id: Some(first), ..Says::default() };
    let once = signed(&document, name, Relationship::AssertionMethod, &says);

    let set = service.issue(name, &once);
    assert_eq!(set["proof"].as_array().unwrap().len(), 2);
    assert_eq!(set["proof"][1].get("previousProof"), None);
    assert_eq!(service.verify(&set, &json!({})), (200, vec![]));
    assert_eq!(set.get("credentialStatus"), None, "the first proof covers no entry");

    let chain = service.issue_with(name, &once, &json!({"previousProof": first}));
    assert_eq!(chain["proof"][1]["previousProof"], first);
    assert_eq!(service.verify(&chain, &json!({})), (200, vec![]));
    // What the second one builds on can't be taken away, nor changed.
    let alone = changed(&chain, "/proof", chain["proof"][1].clone());
    assert_eq!(service.verify(&alone, &json!({})).0, 400);
    let mut other = chain;
    other["proof"][0]["created"] = "2020-01-01T00:00:00Z".into();
    assert_eq!(service.verify(&other, &json!({})).0, 400);

    let path = format!("/issuers/{name}/credentials/issue");
    let body = json!({"credential": once, "options": {"previousProof": ["urn:uuid:absent"]}});
    let answer = service.post(&path, &body);
    assert_eq!((answer.status, &answer.body["code"]), (400, &json!("proof-generation-error")));
    // Nothing is signed beside a proof that is not good.
    let tampered = changed(&once, "/credentialSubject/name", "Mallory".into());
    let answer = service.post(&path, &json!({"credential": tampered}));
    assert_eq!((answer.status, &answer.body["code"]), (400, &json!("proof-generation-error")));
}

#[test]
fn what_is_mandatory_is_in_every_derived_credential() {
    let service = Service::conformance();
    for name in ["ecdsa-sd-2023", "bbs-2023"] {
        let document = credential(service.did(name));
        let options = json!({"mandatoryPointers": ["/credentialSubject/name"]});
        let issued = service.issue_with(name, &document, &options);
        let body = json!({"verifiableCredential": issued, "options": {"selectivePointers": []}});
        let path = format!("/issuers/{name}/credentials/derive");
        let mut answer = service.post(&path, &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        let derived = answer.body["verifiableCredential"].take();
        assert_eq!(derived["credentialSubject"]["name"], "Alice", "{name}");
        assert_eq!(service.verify(&derived, &json!({})), (200, vec![]), "{name}");
        for wrong in [
            json!({"verifiableCredential": derived}),
            json!({"verifiableCredential": document}),
            json!({"verifiableCredential": issued, "options": {"selectivePointers": ["/nowhere"]}}),
        ] {
            let answer = service.post("/credentials/derive", &wrong);
            let expected = (400, vec!["/verifiableCredential".to_owned()]);
            assert_eq!((answer.status, answer.pointers()), expected, "{name}");
        }
    }
}

/// W3C's suite has the digest of an older text of the context. It counts for suites alone.
#[test]
fn the_digest_of_another_text_is_good_in_conformance_mode_alone() {
    let conformance = Service::conformance();
    let operators = Service::start();
    let issue = |service: &Service, digest: &str| {
        let (name, did) = &service.issuers[0];
        let v2 = "https://www.w3.org/ns/credentials/v2";
        let related = json!([{"id": v2, "digestMultibase": digest}]);
        let credential = changed(&credential(did), "/relatedResource", related);
        let path = format!("/issuers/{name}/credentials/issue");
        service.post(&path, &json!({"credential": credential})).status
    };
    let ours = "uEiBZlVztZpfWHgPyslVv6-UwirFoQoRvW1htfx963sknNA";
    let older = "uJKGMkOmFbVJhEfKTduMC2XCyvRAYLjOVmZWwIH1wQ7k";
    let wrong = "uM4RgWQc3RUDtjJCSgTJtTfvpZ7SPEg_LNO0ESlovQC0";
    assert_eq!([ours, older, wrong].map(|digest| issue(&conformance, digest)), [201, 201, 400]);
    assert_eq!([ours, older, wrong].map(|digest| issue(&operators, digest)), [201, 400, 400]);
}

/// Suites issue the same again and again.
#[test]
fn an_id_is_given_once_but_for_suites() {
    for (service, again) in [(Service::start(), 409), (Service::conformance(), 201)] {
        let credential = credential(&service.issuers[0].1);
        let path = format!("/issuers/{}/credentials/issue", service.issuers[0].0);
        let body = json!({"credential": credential});
        assert_eq!(service.post(&path, &body).status, 201);
        assert_eq!(service.post(&path, &body).status, again);
    }
}
