//! Exactly once: a request that is sent again, at the same time or after a crash, does nothing more.

use bonafide_issuer::format::Format;
use serde_json::{Value, json};

use super::agent::{Agent, BUILDER, CODE, MODEL, SCORE, claims};
use super::http::Answer;
use super::service::Issuer;

/// As many clients at once.
const CLIENTS: usize = 12;

fn post(issuer: &Issuer, token: &str, path: &str, body: &Value, key: &str) -> Answer {
    issuer.send(token, "POST", path, body, &[("idempotency-key", key)])
}

/// The answers to the same request, sent by many at once.
fn at_once(port: u16, token: &str, path: &str, body: &Value, key: &str) -> Vec<Answer> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    let body = body.to_string();
    let ask = || super::http::send(port, "POST", path, &headers, body.as_bytes()).unwrap();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

/// Every answer is the one answer, or says that it is being worked on.
#[track_caller]
fn one_answer(answers: &[Answer]) -> Vec<u8> {
    let mut made = answers.iter().filter(|answer| answer.status == 201);
    let first = made.next().expect("one went through").body.clone();
    assert!(made.all(|answer| answer.body == first));
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "request-in-flight");
    }
    first
}

/// How many credentials there are of a type.
fn count(issuer: &Issuer, name: &str) -> usize {
    let listed = issuer.told(&["credential", "list", "--type", name, "--limit", "1000"]);
    listed["items"].as_array().unwrap().len()
}

/// The body of an enrolment, with a proof that answers a new challenge.
fn enrolment(issuer: &Issuer, key: &str) -> Value {
    issuer.done(&["key", "new", "--out", key]);
    let did = issuer.done(&["key", "show", key, "--did"]).trim().to_owned();
    let asked = issuer.post("/challenges", &Value::Null).is(201);
    let (challenge, domain) = (asked["challenge"].as_str(), asked["domain"].as_str());
    let proof = issuer.done(&[
        "present",
        "--key",
        key,
        "--challenge",
        challenge.unwrap(),
        "--domain",
        domain.unwrap(),
        "--format",
        "eddsa-jcs-2022",
    ]);
    json!({
        "did": did, "name": "agent", "kind": "tool", "version": "1.0.0", "modelDigest": MODEL,
        "codeDigest": CODE, "sponsor": "did:web:acme.example",
        "proof": serde_json::from_str::<Value>(&proof).unwrap(),
    })
}

#[test]
fn the_same_request_gets_the_stored_bytes_and_another_one_422() {
    let issuer = Issuer::start();
    let (agent, _) = Agent::attested(&issuer, "agent");
    let admin = issuer.admin();
    let path = format!("/agents/{}/attestations", agent.id);
    let body = json!({"type": SCORE, "claims": claims(SCORE), "format": "bbs-2023"});
    let first = post(&issuer, &admin, &path, &body, "one");
    first.is(201);
    let same = |when: &str| {
        let again = post(&issuer, &admin, &path, &body, "one");
        assert_eq!((again.status, &again.body), (201, &first.body), "{when}");
    };
    same("at once");
    issuer.kill();
    issuer.begin();
    same("after a crash");
    issuer.restart();
    same("after a restart");
    assert_eq!(count(&issuer, SCORE), 1);

    // Another body, another path: another request, whatever its key says.
    let other = json!({"type": BUILDER, "claims": claims(BUILDER)});
    post(&issuer, &admin, &path, &other, "one").refused(422, "idempotency-key-reused");
    let batch = json!({"items": [{"agent": agent.id, "type": BUILDER, "claims": claims(BUILDER)}]});
    post(&issuer, &admin, "/attestations", &batch, "one").refused(422, "idempotency-key-reused");
    assert_eq!(count(&issuer, BUILDER), 0);
    // Another key, or the same of somebody else, is another request.
    let second = post(&issuer, &admin, &path, &body, "two");
    let third = post(&issuer, &issuer.token("scorer"), &path, &body, "one");
    assert_ne!(second.is(201)["id"], first.json()["id"]);
    assert_ne!(third.is(201)["id"], first.json()["id"]);
    assert_eq!(count(&issuer, SCORE), 3);
    // What was refused can be asked for again.
    let wrong = json!({"type": SCORE, "claims": {}});
    post(&issuer, &admin, &path, &wrong, "three").refused(400, "malformed-value");
    post(&issuer, &admin, &path, &body, "three").is(201);
    for key in ["", &"k".repeat(256)] {
        post(&issuer, &admin, &path, &body, key).refused(400, "malformed-value");
    }
}

#[test]
fn every_post_that_creates_something_creates_it_once() {
    let issuer = Issuer::start();
    let (agent, _) = Agent::attested(&issuer, "agent");
    let admin = issuer.admin();
    let twice = |path: &str, body: &Value, status: u16| {
        let first = post(&issuer, &admin, path, body, path);
        first.is(status);
        issuer.kill();
        issuer.begin();
        let again = post(&issuer, &admin, path, body, path);
        assert_eq!((again.status, &again.body), (status, &first.body), "{path}");
        first.json()
    };
    // The challenge in it was answered, and the first answer counts all the same.
    let enrolled = twice("/agents", &enrolment(&issuer, "other.key"), 201);
    let batch = json!({"items": [
        {"agent": agent.id, "type": SCORE, "claims": claims(SCORE)},
        {"agent": agent.id, "type": SCORE},
        {"agent": enrolled["id"], "type": SCORE, "claims": claims(SCORE)},
    ]});
    let results = twice("/attestations", &batch, 200);
    let statuses = [0, 1, 2].map(|number| results["results"][number]["status"].clone());
    assert_eq!(statuses, [json!(201), json!(400), json!(409)]);
    assert_eq!(count(&issuer, SCORE), 1);
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": issuer.did(),
        "credentialSubject": {"id": agent.did},
    });
    twice("/credentials/issue", &json!({"credential": credential}), 201);
    let list = twice("/status-lists", &json!({}), 201);
    assert_eq!(list["number"], 2);
    let next = post(&issuer, &admin, "/status-lists", &json!({}), "another").is(201);
    assert_eq!(next["number"], 3);

    // A token's text is shown once, whatever is asked again.
    let body = json!({"name": "pipeline", "role": "scorer"});
    let made = post(&issuer, &admin, "/tokens", &body, "token").is(201);
    let again = post(&issuer, &admin, "/tokens", &body, "token").is(200);
    assert_eq!(made["id"], again["id"]);
    assert!(made["token"].is_string() && again.get("token").is_none(), "{again}");
    let tokens = issuer.told(&["token", "list"]);
    assert_eq!(tokens["items"].as_array().unwrap().len(), 2);
}

#[test]
fn of_many_requests_at_once_with_one_key_exactly_one_is_done() {
    let issuer = Issuer::start();
    let (agent, _) = Agent::attested(&issuer, "agent");
    let (admin, port) = (issuer.admin(), issuer.port);
    let path = format!("/agents/{}/attestations", agent.id);
    for (number, format) in [Format::EddsaJcs2022, Format::Bbs2023].into_iter().enumerate() {
        let key = format!("at once {number}");
        let body = json!({"type": SCORE, "claims": claims(SCORE), "format": format.name()});
        let first = one_answer(&at_once(port, &admin, &path, &body, &key));
        assert_eq!(count(&issuer, SCORE), number + 1);
        assert_eq!(post(&issuer, &admin, &path, &body, &key).body, first);
    }
    let body = enrolment(&issuer, "other.key");
    let first = one_answer(&at_once(port, &admin, "/agents", &body, "enrolment"));
    assert_eq!(post(&issuer, &admin, "/agents", &body, "enrolment").body, first);
    let agents = issuer.told(&["agent", "list"]);
    assert_eq!(agents["items"].as_array().unwrap().len(), 2);
    // Every credential has an index of its own.
    let listed = issuer.told(&["credential", "list"]);
    let listed = listed["items"].as_array().unwrap();
    let mut places: Vec<String> =
        listed.iter().map(|one| format!("{}#{}", one["statusList"], one["statusIndex"])).collect();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), listed.len());
}
