//! Enrolment links: who holds one enrols itself, once, and gets its identity at once.

use serde_json::{Value, json};

use super::agent::{CODE, MODEL};
use super::holder::Holder;
use super::http::{self, Answer};
use super::service::Issuer;

fn wanted() -> Value {
    json!({
        "name": "Courier", "kind": "tool", "version": "1.0.0", "modelDigest": MODEL,
        "codeDigest": CODE, "sponsor": "did:web:acme.example",
    })
}

/// A new link: its path and its secret.
fn link(issuer: &Issuer, asked: &Value) -> (String, String) {
    let made = issuer.post("/enrolment-links", asked).is(201);
    let link = made["link"].as_str().unwrap();
    let path = link.strip_prefix(&issuer.url()).unwrap();
    let (path, secret) = path.split_once('#').unwrap();
    assert_eq!(path, format!("/enrol/{}", made["id"].as_str().unwrap()));
    assert_eq!(secret.len(), 43);
    (path.to_owned(), secret.to_owned())
}

fn enrolment(issuer: &Issuer, holder: &Holder, secret: &str) -> Value {
    json!({"secret": secret, "did": holder.did, "proof": holder.answers(issuer, &[])})
}

fn enrol(issuer: &Issuer, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    http::send(issuer.port, "POST", path, &all, body.to_string().as_bytes()).unwrap()
}

fn state(issuer: &Issuer) -> String {
    let listed = issuer.get_as(&issuer.admin(), "/enrolment-links").is(200);
    let last = listed["items"].as_array().unwrap().last().unwrap().clone();
    last["state"].as_str().unwrap().to_owned()
}

#[test]
fn an_agent_enrols_itself_and_gets_its_identity() {
    let issuer = Issuer::start();
    let holder = Holder::new(1);
    let (path, secret) = link(&issuer, &wanted());
    let body = enrolment(&issuer, &holder, &secret);
    let key = [("idempotency-key", "enrol-1")];
    let answer = enrol(&issuer, &path, &body, &key);
    let told = answer.is(201);
    assert_eq!(told["agent"]["did"], holder.did);
    assert_eq!(told["agent"]["state"], "active");
    let identity = &told["credentials"][0];
    assert_eq!(identity["credentialSubject"]["id"], holder.did);
    assert_eq!(identity["credentialSubject"]["name"], "Courier");
    assert_eq!(told["issuer"]["did"], issuer.did());
    assert_eq!(told["issuer"]["bundleSigner"], issuer.announced["bundleSigner"]);
    // Repeated, the answer is the same; without the key, the link is used.
    assert_eq!(enrol(&issuer, &path, &body, &key).body, answer.body);
    let again = enrolment(&issuer, &holder, &secret);
    enrol(&issuer, &path, &again, &[]).refused(409, "enrolment-link-used");
    let other = enrolment(&issuer, &Holder::new(2), &secret);
    enrol(&issuer, &path, &other, &[]).refused(409, "enrolment-link-used");
    issuer.pull();
    issuer.write("identity.vc", &identity.to_string());
    issuer.verdict("identity.vc", &[]).is_accepted();

    // What the registrar took back, the link does not give again.
    let id = told["agent"]["id"].as_str().unwrap();
    let listed = issuer.get_as(&issuer.admin(), &format!("/credentials?agent={id}")).is(200);
    let credential = listed["items"][0]["id"].as_str().unwrap().to_owned();
    issuer.post(&format!("/credentials/{credential}/revoke"), &Value::Null).is(200);
    issuer.post(&format!("/agents/{id}/suspend"), &Value::Null).is(200);
    let agent = issuer.post(&format!("/agents/{id}/resume"), &Value::Null).is(200);
    assert_eq!(agent["state"], "enrolled");
    let again = enrolment(&issuer, &holder, &secret);
    enrol(&issuer, &path, &again, &[]).refused(409, "enrolment-link-used");

    // On the log, over a restart, and without the secret.
    issuer.restart();
    assert_eq!(state(&issuer), "used");
    let audit = issuer.get_as(&issuer.admin(), "/audit?limit=1000").is(200).to_string();
    for event in ["enrolment-link-made", "enrolment-link-used", "agent-enrolled"] {
        assert!(audit.contains(event), "{event}");
    }
    assert!(!audit.contains(&secret));
    assert!(!issuer.log().contains(&secret));
}

#[test]
fn of_many_at_once_one_goes_through() {
    let issuer = Issuer::start();
    let (path, secret) = link(&issuer, &wanted());
    let bodies: Vec<Value> =
        (10..18).map(|seed| enrolment(&issuer, &Holder::new(seed), &secret)).collect();
    let port = issuer.port;
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asked: Vec<_> = bodies
            .iter()
            .map(|body| {
                let (path, body) = (&path, body.to_string());
                let headers = [("content-type", "application/json")];
                scope.spawn(move || {
                    http::send(port, "POST", path, &headers, body.as_bytes()).unwrap()
                })
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let (good, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 201);
    assert_eq!(good.len(), 1);
    for answer in refused {
        answer.refused(409, "enrolment-link-used");
    }
    let agents = issuer.get_as(&issuer.admin(), "/agents").is(200);
    assert_eq!(agents["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_link_is_for_whoever_knows_its_secret_and_for_a_time() {
    let issuer = Issuer::start();
    let holder = Holder::new(3);
    let (path, secret) = link(&issuer, &wanted());
    let wrong = enrolment(&issuer, &holder, &"A".repeat(43));
    enrol(&issuer, &path, &wrong, &[]).refused(403, "enrolment-link-refused");
    // Without a proof, or with one of somebody else's key, nothing is used up.
    let mut theirs = enrolment(&issuer, &holder, &secret);
    theirs["did"] = Holder::new(4).did.into();
    enrol(&issuer, &path, &theirs, &[]).refused(400, "malformed-value");
    enrol(&issuer, &path, &json!({"secret": secret, "did": holder.did}), &[])
        .refused(400, "malformed-value");
    enrol(&issuer, "/enrol/x", &wrong, &[]).refused(404, "not-found");
    let good = enrolment(&issuer, &holder, &secret);
    enrol(&issuer, &path, &good, &[]).is(201);

    // Ten wrong ones are too many.
    let (path, secret) = link(&issuer, &wanted());
    for _ in 0..10 {
        assert_eq!(state(&issuer), "open");
        enrol(&issuer, &path, &wrong, &[]).refused(403, "enrolment-link-refused");
    }
    let late = enrolment(&issuer, &Holder::new(5), &secret);
    enrol(&issuer, &path, &late, &[]).refused(409, "enrolment-link-locked");
    assert_eq!(state(&issuer), "locked");

    // Taken back; ended.
    let (path, secret) = link(&issuer, &wanted());
    let place = path.replace("/enrol/", "/enrolment-links/");
    let gone = issuer.send(&issuer.admin(), "DELETE", &place, &Value::Null, &[]).is(200);
    assert_eq!(gone["state"], "revoked");
    let late = enrolment(&issuer, &Holder::new(5), &secret);
    enrol(&issuer, &path, &late, &[]).refused(409, "enrolment-link-revoked");
    let mut short = wanted();
    short["linkValidFor"] = "1s".into();
    let (path, secret) = link(&issuer, &short);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let late = enrolment(&issuer, &Holder::new(5), &secret);
    enrol(&issuer, &path, &late, &[]).refused(409, "enrolment-link-ended");
}

#[test]
fn what_a_link_says_is_checked_and_who_makes_one_is_a_registrar() {
    let issuer = Issuer::start();
    for (member, value) in [
        ("linkValidFor", json!("8d")),
        ("linkValidFor", json!("0s")),
        ("validFor", json!("400d")),
        ("sponsor", json!("acme")),
        ("modelDigest", json!("sha256:0")),
        ("kind", json!("robot")),
        ("surprise", json!(true)),
    ] {
        let mut asked = wanted();
        asked[member] = value;
        issuer.post("/enrolment-links", &asked).refused(400, "malformed-value");
    }
    let auditor = issuer.token("auditor");
    issuer.send(&auditor, "POST", "/enrolment-links", &wanted(), &[]).refused(403, "forbidden");
    issuer.get("/enrolment-links").refused(401, "unauthorized");
    // Nothing is attested where the operator does not want it.
    let mut bare = wanted();
    bare["identity"] = false.into();
    let (path, secret) = link(&issuer, &bare);
    let told = enrol(&issuer, &path, &enrolment(&issuer, &Holder::new(6), &secret), &[]).is(201);
    assert_eq!(told["credentials"], json!([]));
    assert_eq!(told["agent"]["state"], "enrolled");
}

#[test]
fn an_identity_is_renewed_shortly_before_it_ends() {
    let issuer = Issuer::start();
    let mut agent = Holder::new(20);
    let mut asked = wanted();
    asked["validFor"] = "9s".into();
    let (path, secret) = link(&issuer, &asked);
    let told = enrol(&issuer, &path, &enrolment(&issuer, &agent, &secret), &[]).is(201);
    let identity = told["credentials"][0].clone();
    agent.credentials = vec![identity.clone()];
    let early = agent.post(&issuer, "/credentials/renew", &Value::Null);
    early.refused(409, "renewal-too-early");
    std::thread::sleep(std::time::Duration::from_millis(6300));
    let told = agent.post(&issuer, "/credentials/renew", &json!({})).is(201);
    let renewed = &told["credentials"][0];
    assert_ne!(renewed["id"], identity["id"]);
    assert_eq!(renewed["credentialSubject"], identity["credentialSubject"]);
    let at = |credential: &Value, name: &str| {
        bonafide_core::time::Timestamp::parse(credential[name].as_str().unwrap()).unwrap().unix()
    };
    // For as long as the last one, and no longer.
    assert_eq!(at(renewed, "validUntil") - at(renewed, "validFrom"), 9);
    assert!(at(renewed, "validFrom") > at(&identity, "validFrom"));
    agent.credentials = vec![renewed.clone()];
    let early = agent.post(&issuer, "/credentials/renew", &Value::Null);
    early.refused(409, "renewal-too-early");
    // Who is not what it was asks its registrar.
    let place = format!("/agents/{}", told["agent"]["id"].as_str().unwrap());
    let change = json!({"version": "2.0.0"});
    issuer.send(&issuer.admin(), "PATCH", &place, &change, &[]).is(200);
    let changed = agent.post(&issuer, "/credentials/renew", &Value::Null);
    changed.refused(409, "identity-attestation-required");
}

#[test]
fn an_agent_gets_another_key_and_the_old_one_counts_no_more() {
    let issuer = Issuer::start();
    let mut old = Holder::new(30);
    let mut asked = wanted();
    asked["validFor"] = "1h".into();
    let (path, secret) = link(&issuer, &asked);
    let told = enrol(&issuer, &path, &enrolment(&issuer, &old, &secret), &[]).is(201);
    old.credentials.push(told["credentials"][0].clone());
    let (mut new, other) = (Holder::new(31), Holder::enrolled(&issuer, 32, "tool"));
    let body = |holder: &Holder| json!({"did": holder.did, "proof": holder.answers(&issuer, &[])});
    // Without the new key's proof, to a DID that is another's, or with a proof that was used.
    let mut theirs = body(&old);
    theirs["did"] = new.did.clone().into();
    old.post(&issuer, "/agents/me/keys", &theirs).refused(400, "malformed-value");
    old.post(&issuer, "/agents/me/keys", &body(&other)).refused(409, "exists");
    let proven = body(&new);
    let told = old.post(&issuer, "/agents/me/keys", &proven).is(201);
    assert_eq!(told["agent"]["did"], new.did);
    let identity = told["credentials"][0].clone();
    assert_eq!(identity["credentialSubject"]["id"], new.did);
    // For as long as the old one's, and no longer.
    let at = |credential: &Value, name: &str| {
        bonafide_core::time::Timestamp::parse(credential[name].as_str().unwrap()).unwrap().unix()
    };
    let lives = |credential| at(credential, "validUntil") - at(credential, "validFrom");
    assert_eq!(lives(&identity), lives(&old.credentials[0]));
    // The old one is nobody any more.
    old.post(&issuer, "/credentials/renew", &Value::Null).refused(401, "presentation-refused");
    let listed = issuer.get_as(&issuer.admin(), &format!("/agents?did={}", old.did)).is(200);
    assert_eq!(listed["items"], json!([]));
    issuer.restart();
    new.credentials = vec![identity.clone()];
    new.post(&issuer, "/credentials/renew", &Value::Null).refused(409, "renewal-too-early");
    issuer.pull();
    issuer.write("new.vc", &identity.to_string());
    issuer.verdict("new.vc", &[]).is_accepted();
    issuer.write("old.vc", &old.credentials[0].to_string());
    issuer.verdict("old.vc", &[]).is_rejected("revoked");
    let audit = issuer.get_as(&issuer.admin(), "/audit?event=agent-rekeyed").is(200);
    assert_eq!(audit["items"][0]["record"]["was"], old.did);
}
