//! Verifying credentials.

use bonafide_core::did::Relationship;
use serde_json::{Value, json};

use super::service::Service;
use super::{Says, changed, credential, signed, somebody};

fn bad(what: &str) -> (u16, Vec<String>) {
    (200, vec![what.to_owned()])
}

#[test]
fn a_verdict_is_an_answer_and_in_conformance_mode_a_refusal() {
    for (service, refused) in [(Service::start(), 200), (Service::conformance(), 400)] {
        let (name, did) = service.issuers[0].clone();
        let name = if refused == 400 { "eddsa-jcs-2022".to_owned() } else { name };
        let did = if refused == 400 { service.did(&name).to_owned() } else { did };
        let issued = service.issue(&name, &credential(&did));
        let nothing = json!({});
        assert_eq!(service.verify(&issued, &nothing), (200, vec![]));
        let proof = &issued["proof"];
        for (what, document) in [
            ("proof-invalid", changed(&issued, "/credentialSubject/name", "Mallory".into())),
            ("proof-missing", changed(&issued, "/proof", Value::Null)),
            ("suite-unknown", changed(&issued, "/proof/cryptosuite", "other".into())),
            ("purpose-mismatch", changed(&issued, "/proof/proofPurpose", "other".into())),
            ("malformed", changed(&issued, "/proof/proofPurpose", Value::Null)),
            ("malformed", changed(&issued, "/proof/verificationMethod", Value::Null)),
            ("malformed", changed(&issued, "/proof", json!([proof, "text"]))),
            ("malformed", changed(&issued, "/issuer", json!([]))),
            ("malformed", json!({"type": ["NonconformingDocument"]})),
            ("malformed", json!({"type": "VerifiablePresentation"})),
        ] {
            let expected = (refused, vec![what.to_owned()]);
            assert_eq!(service.verify(&document, &nothing), expected, "{document}");
        }
        // Questions that are none are refused in either mode.
        for body in [
            json!({"options": {}}),
            json!({"verifiableCredential": "text"}),
            json!({"verifiableCredential": issued, "options": {"checks": ["other"]}}),
            json!({"verifiableCredential": issued, "options": {"unknown": 1}}),
        ] {
            let answer = service.post("/credentials/verify", &body);
            assert_eq!(answer.status, 400, "{body}");
            assert_eq!(answer.media_type, "application/problem+json");
        }
        let by_name = format!("/issuers/{name}/credentials/verify");
        assert_eq!(service.post(&by_name, &json!({"verifiableCredential": issued})).status, 200);
        let nobody = "/issuers/nobody/credentials/verify";
        assert_eq!(service.post(nobody, &json!({"verifiableCredential": issued})).status, 404);
    }
}

/// Who issued it is not asked, only whether form and proof are good.
#[test]
fn credentials_of_others_verify() {
    let service = Service::start();
    let (_, did, _) = somebody();
    let purpose = Relationship::AssertionMethod;
    for issuer in [did.as_str(), "https://vc.example/issuers/5678"] {
        let theirs = signed(&credential(issuer), "eddsa-rdfc-2022", purpose, &Says::default());
        assert_eq!(service.verify(&theirs, &json!({})), (200, vec![]));
    }
    let purpose = Relationship::Authentication;
    let theirs = signed(&credential(&did), "eddsa-rdfc-2022", purpose, &Says::default());
    assert_eq!(service.verify(&theirs, &json!({})), bad("purpose-mismatch"));
}

/// Without `checks` the service also says whether it stands by what it issued, however that is
/// wrapped, and whatever its id.
#[test]
fn what_the_service_revoked_does_not_verify() {
    let service = Service::configured(
        r#"
        instance = [
            { name = "jcs", did = "key" },
            { name = "jwt", did = "key", format = "vc+jwt" },
            { name = "sd-jwt", did = "key", format = "vc+sd-jwt" },
        ]
        "#,
    );
    let nothing = json!({});
    for (purpose, reason) in [("suspension", "suspended"), ("revocation", "revoked")] {
        for (name, did) in &service.issuers {
            let id = format!("urn:example:{name}:{purpose}");
            let issued = service.issue(name, &changed(&credential(did), "/id", id.clone().into()));
            assert_eq!(service.verify(&issued, &nothing), (200, vec![]), "{name}");
            assert_eq!(service.set_status(&id, purpose, true), 200);
            assert_eq!(service.verify(&issued, &nothing), bad(reason), "{name}");
            let proof_alone = json!({"checks": ["proof"]});
            assert_eq!(service.verify(&issued, &proof_alone), (200, vec![]), "{name}");
        }
    }
    // A stranger's credential with the id of one that was revoked is none of the service's.
    let (_, did, _) = somebody();
    let theirs = changed(&credential(&did), "/id", "urn:example:jcs:revocation".into());
    let purpose = Relationship::AssertionMethod;
    let theirs = signed(&theirs, "eddsa-jcs-2022", purpose, &Says::default());
    assert_eq!(service.verify(&theirs, &nothing), (200, vec![]));
}
