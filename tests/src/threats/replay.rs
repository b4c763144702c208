//! Row 17: a presentation that answers a challenge of the issuer counts once.

use serde_json::{Value, json};

use crate::issuer::agent::{CODE, MODEL};
use crate::issuer::service::{Issuer, instant};

/// A key of an agent that is not enrolled.
struct Holder<'i> {
    issuer: &'i Issuer,
    key: String,
    did: String,
}

impl<'i> Holder<'i> {
    fn new(issuer: &'i Issuer, name: &str) -> Self {
        let key = format!("{name}.key");
        issuer.done(&["key", "new", "--out", &key]);
        let did = issuer.done(&["key", "show", &key, "--did"]).trim().to_owned();
        Self { issuer, key, did }
    }

    /// The answer to a challenge: a document with a proof, or a token in an envelope.
    fn answer(&self, challenge: &str, domain: &str, format: &str) -> Value {
        let present = ["present", "--key", &self.key, "--format", format];
        let binding = ["--challenge", challenge, "--domain", domain];
        let answer = self.issuer.done(&[&present[..], &binding].concat());
        match serde_json::from_str(&answer) {
            Ok(document) => document,
            Err(_) => json!({
                "@context": ["https://www.w3.org/ns/credentials/v2"],
                "id": format!("data:application/vp+jwt,{}", answer.trim()),
                "type": "EnvelopedVerifiablePresentation",
            }),
        }
    }

    fn enrolment(&self, proof: &Value) -> Value {
        let token = proof["id"].as_str().and_then(|id| id.strip_prefix("data:application/vp+jwt,"));
        json!({
            "did": self.did, "name": "agent", "kind": "tool", "version": "1.0.0",
            "modelDigest": MODEL, "codeDigest": CODE, "sponsor": "did:web:acme.example",
            "proof": token.map_or(proof.clone(), Value::from),
        })
    }
}

fn challenge(issuer: &Issuer) -> String {
    let made = issuer.post("/challenges", &Value::Null).is(201);
    made["challenge"].as_str().unwrap().to_owned()
}

/// What the service says of a presentation: the types of the problems that it finds.
fn problems(issuer: &Issuer, presentation: &Value, challenge: &str) -> Vec<String> {
    let options = json!({"challenge": challenge});
    let body = json!({"verifiablePresentation": presentation, "options": options});
    let found = issuer.post("/presentations/verify", &body).is(200);
    let problems = found["problemDetails"].as_array().unwrap();
    assert_eq!(found["verified"], problems.is_empty());
    problems.iter().map(|problem| problem["type"].as_str().unwrap().to_owned()).collect()
}

const ANSWERED: &str = "https://w3id.org/security#INVALID_CHALLENGE_ERROR";
const FORMATS: [&str; 2] = ["eddsa-jcs-2022", "vp+jwt"];

#[test]
fn row_17_a_presentation_is_good_once() {
    let issuer = Issuer::start();
    let holder = Holder::new(&issuer, "holder");
    for format in FORMATS {
        let asked = challenge(&issuer);
        let answer = holder.answer(&asked, &issuer.url(), format);
        assert_eq!(problems(&issuer, &answer, &asked), [] as [&str; 0], "{format}");
        assert_eq!(problems(&issuer, &answer, &asked), [ANSWERED]);
        // Signed anew it is another presentation, and the same answer.
        let again = holder.answer(&asked, &issuer.url(), format);
        assert_eq!(problems(&issuer, &again, &asked), [ANSWERED]);
        issuer.kill();
        issuer.begin();
        assert_eq!(problems(&issuer, &answer, &asked), [ANSWERED], "after a crash");
        issuer.restart();
        assert_eq!(problems(&issuer, &answer, &asked), [ANSWERED], "after a restart");
    }
}

#[test]
fn row_17_of_many_at_once_with_one_answer_one_is_good() {
    let issuer = Issuer::start();
    let holder = Holder::new(&issuer, "holder");
    let asked = challenge(&issuer);
    let answer = holder.answer(&asked, &issuer.url(), "eddsa-jcs-2022");
    let body = json!({"verifiablePresentation": answer, "options": {"challenge": asked}});
    let (port, bearer) = (issuer.port, format!("Bearer {}", issuer.admin()));
    let ask = || {
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        let body = body.to_string();
        let path = "/presentations/verify";
        crate::issuer::http::send(port, "POST", path, &headers, body.as_bytes()).unwrap().is(200)
    };
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer["verified"] == true).count(), 1);
    for answer in answers.iter().filter(|answer| answer["verified"] == false) {
        assert_eq!(answer["problemDetails"][0]["type"], ANSWERED);
    }
}

#[test]
fn row_17_a_proof_of_possession_enrols_once_and_serves_for_nothing_else() {
    let issuer = Issuer::start();
    for (number, format) in FORMATS.into_iter().enumerate() {
        let holder = Holder::new(&issuer, &format!("holder-{number}"));
        let asked = challenge(&issuer);
        let proof = holder.answer(&asked, &issuer.url(), format);
        let enrolment = holder.enrolment(&proof);
        issuer.post("/agents", &enrolment).is(201);
        issuer.post("/agents", &enrolment).refused(409, "exists");
        // The DID is not what refuses it: the answer was given.
        assert_eq!(problems(&issuer, &proof, &asked), [ANSWERED], "{format}");
        issuer.restart();
        let problem = issuer.post("/agents", &enrolment).refused(409, "exists");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("this challenge was answered before"), "{detail}");

        // And the other way round: what was verified enrols nobody.
        let other = Holder::new(&issuer, &format!("other-{number}"));
        let asked = challenge(&issuer);
        let proof = other.answer(&asked, &issuer.url(), format);
        assert_eq!(problems(&issuer, &proof, &asked), [] as [&str; 0]);
        issuer.kill();
        issuer.begin();
        issuer.post("/agents", &other.enrolment(&proof)).refused(409, "exists");
        let agents = issuer.told(&["agent", "list", "--did", &other.did]);
        assert_eq!(agents["items"], json!([]));
    }
}

#[test]
fn row_17_a_refused_answer_burns_nothing() {
    let issuer = Issuer::start();
    let (holder, stranger) = (Holder::new(&issuer, "holder"), Holder::new(&issuer, "stranger"));
    let asked = challenge(&issuer);
    let good = holder.answer(&asked, &issuer.url(), "eddsa-jcs-2022");
    // For another service, by another key, of another agent, changed: the challenge still stands.
    let elsewhere = holder.answer(&asked, "https://other.example", "eddsa-jcs-2022");
    let mut changed = good.clone();
    changed["proof"]["created"] = "2026-01-01T00:00:00Z".into();
    for (proof, code) in [(&elsewhere, "audience-mismatch"), (&changed, "proof-invalid")] {
        assert_ne!(problems(&issuer, proof, &asked), [] as [&str; 0]);
        let refused = issuer.post("/agents", &holder.enrolment(proof));
        let problem = refused.refused(400, "malformed-value");
        assert!(problem["detail"].as_str().unwrap().contains(code), "{problem}");
    }
    let stolen = issuer.post("/agents", &stranger.enrolment(&good)).refused(400, "malformed-value");
    assert!(stolen["detail"].as_str().unwrap().contains("holder is not"), "{stolen}");
    // An enrolment that fails for another reason leaves the proof good.
    let mut wrong = holder.enrolment(&good);
    wrong["modelDigest"] = "sha256:1".into();
    issuer.post("/agents", &wrong).refused(400, "malformed-value");
    issuer.post("/agents", &holder.enrolment(&good)).is(201);
    // Of one that is enrolled already, too.
    let next = challenge(&issuer);
    let again = holder.answer(&next, &issuer.url(), "eddsa-jcs-2022");
    let problem = issuer.post("/agents", &holder.enrolment(&again)).refused(409, "exists");
    assert!(problem["detail"].as_str().unwrap().contains("this DID"), "{problem}");
    assert_eq!(problems(&issuer, &again, &next), [] as [&str; 0]);
}

#[test]
fn row_17_challenges_of_others_and_those_that_ended_are_not_known() {
    let issuer = Issuer::with("[issuance]\nchallenge_for = \"1s\"\n");
    let other = Issuer::start();
    let holder = Holder::new(&issuer, "holder");
    let (foreign, invented) = (challenge(&other), "9f1c2d".to_owned());
    for asked in [foreign, invented, String::new()] {
        let answer = holder.answer(&asked, &issuer.url(), "eddsa-jcs-2022");
        assert_eq!(problems(&issuer, &answer, &asked), [ANSWERED]);
        let refused = issuer.post("/agents", &holder.enrolment(&answer));
        refused.refused(400, "malformed-value");
    }
    // Verified as often as asked until it ends would be a replay, so each try is a new answer.
    let asked = challenge(&issuer);
    let answer = holder.answer(&asked, &issuer.url(), "eddsa-jcs-2022");
    let ends = instant() + std::time::Duration::from_millis(1500);
    while instant() < ends {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(problems(&issuer, &answer, &asked), [ANSWERED]);
    let refused =
        issuer.post("/agents", &holder.enrolment(&answer)).refused(400, "malformed-value");
    assert!(refused["detail"].as_str().unwrap().contains("has ended"), "{refused}");
}
