//! The life of an agent: enrolled, attested in every format, believed offline, revoked.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use bonafide_core::encoding::decode_base64url;
use bonafide_issuer::format::Format;
use serde_json::{Value, json};

use super::agent::{Agent, BUILDER, CERTIFICATION, Held, IDENTITY, SCORE, TYPES};
use super::http;
use super::service::{Issuer, instant};

/// The formats in which an agent is attested. The older proof needs a context in the document that
/// attestations do not have.
fn formats() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().filter(|format| *format != Format::Ed25519Signature2020)
}

#[test]
fn an_agent_is_attested_in_every_format_believed_offline_and_revoked() {
    let issuer = Issuer::start();
    let agent = Agent::enrol(&issuer, "agent");
    agent.attest_refused(&issuer, SCORE, 409, "identity-attestation-required");
    let held: BTreeMap<&str, Vec<Held>> = formats()
        .map(|format| (format.name(), TYPES.map(|name| agent.attest(&issuer, name, format)).into()))
        .collect();
    assert_eq!(held.len(), 9);
    assert_eq!(agent.state(&issuer)["state"], "active");
    issuer.restart();
    issuer.pull();
    for (format, held) in &held {
        for one in held {
            issuer.judged(one).is_accepted();
        }
        let all: Vec<&Held> = held.iter().collect();
        let verdict = issuer.answered(&agent.present(&issuer, &all));
        verdict.is_accepted();
        assert_eq!(verdict.level.as_deref(), Some("trusted"), "{format}");
        // What is missing is missed.
        let verdict = issuer.answered(&agent.present(&issuer, &all[..1]));
        assert_eq!(verdict.level.as_deref(), Some("known"), "{format}");
    }

    // One of each format falls, and nothing with it.
    for (format, held) in &held {
        let (score, rest) = held.split_last().unwrap();
        let revoked = issuer.told(&["revoke", &score.id, "--reason", "wrong claims"]);
        assert_eq!((&revoked["status"], &revoked["format"]), (&json!("revoked"), &json!(format)));
        // Nobody knows of it before the next pull.
        issuer.judged(score).is_accepted();
        issuer.pull();
        issuer.judged(score).is_rejected("revoked");
        for one in rest {
            issuer.judged(one).is_accepted();
        }
    }
    issuer.kill();
    issuer.begin();
    issuer.pull();
    for held in held.values() {
        let (score, rest) = held.split_last().unwrap();
        issuer.judged(score).is_rejected("revoked");
        issuer.judged(&rest[0]).is_accepted();
        issuer.refuses(&["revoke", &score.id, "--resume"], "for good");
    }
}

#[test]
fn a_format_that_an_attestation_can_t_have_is_refused_and_leaves_nothing() {
    let issuer = Issuer::start();
    let agent = Agent::enrol(&issuer, "agent");
    let place = format!("/agents/{}/attestations", agent.id);
    let body = json!({"type": IDENTITY, "format": Format::Ed25519Signature2020.name()});
    issuer.post(&place, &body).refused(400, "proof-generation-error");
    let listed = issuer.told(&["credential", "list"]);
    assert_eq!(listed["items"], json!([]));
    assert_eq!(agent.state(&issuer)["state"], "enrolled");
}

#[test]
fn an_agent_is_suspended_resumed_and_retired_with_all_that_it_holds() {
    let issuer = Issuer::start();
    let (agent, identity) = Agent::attested(&issuer, "agent");
    let (other, kept) = Agent::attested(&issuer, "other");
    let token = agent.attest(&issuer, SCORE, Format::DcSdJwt);
    let builder = agent.attest(&issuer, BUILDER, Format::VcJwt);
    issuer.told(&["revoke", &builder.id, "--suspend"]);

    let suspended = issuer.told(&["agent", "suspend", &agent.did, "--reason", "under review"]);
    assert_eq!(suspended["state"], "suspended");
    issuer.pull();
    for held in [&identity, &token, &builder] {
        issuer.judged(held).is_rejected("suspended");
    }
    issuer.judged(&kept).is_accepted();
    agent.attest_refused(&issuer, SCORE, 409, "agent-suspended");
    agent.attest_refused(&issuer, IDENTITY, 409, "agent-suspended");
    issuer.refuses(&["revoke", &token.id, "--resume"], "agent-suspended");
    issuer.kill();
    issuer.begin();
    agent.attest_refused(&issuer, SCORE, 409, "agent-suspended");

    let resumed = issuer.told(&["agent", "resume", &agent.id]);
    assert_eq!(resumed["state"], "active");
    issuer.pull();
    issuer.judged(&identity).is_accepted();
    issuer.judged(&token).is_accepted();
    // What was suspended for itself stays so.
    issuer.judged(&builder).is_rejected("suspended");
    agent.attest(&issuer, CERTIFICATION, Format::EddsaJcs2022);
    let (again, _, said) = issuer.run(&["agent", "resume", &agent.did]);
    assert!(again != 0 && said.contains("only a suspended agent"), "{said}");

    issuer.told(&["agent", "retire", &agent.did]);
    issuer.pull();
    for held in [&identity, &token, &builder] {
        issuer.judged(held).is_rejected("revoked");
    }
    issuer.judged(&kept).is_accepted();
    for name in TYPES {
        agent.attest_refused(&issuer, name, 409, "agent-retired");
    }
    issuer.restart();
    agent.attest_refused(&issuer, IDENTITY, 409, "agent-retired");
    issuer.refuses(&["agent", "resume", &agent.did], "retired");
    issuer.refuses(&["agent", "change", &agent.did, "--name", "new"], "retired");
    // The key is not enrolled a second time either.
    let status = issuer.told(&["credential", "list", "--agent", &agent.id, "--status", "valid"]);
    assert_eq!(status["items"], json!([]));
    other.attest(&issuer, SCORE, Format::EddsaJcs2022);

    let history = issuer.told(&["agent", "history", &agent.did, "--limit", "1000"]);
    let events = history["items"].as_array().unwrap().iter();
    let events: Vec<&str> = events.map(|item| item["record"]["event"].as_str().unwrap()).collect();
    let count = |name: &str| events.iter().filter(|event| **event == name).count();
    assert_eq!(events[0], "agent-enrolled");
    assert_eq!(count("credential-issued"), 4, "{events:?}");
    // By itself, and two with the agent; two back; four in the end.
    assert_eq!((count("credential-suspended"), count("credential-resumed")), (3, 2));
    assert_eq!((count("credential-revoked"), count("agent-retired")), (4, 1));
}

#[test]
fn a_changed_agent_needs_a_new_identity_before_anything_else() {
    let issuer = Issuer::start();
    let (agent, identity) = Agent::attested(&issuer, "agent");
    let model = format!("sha256:{}", "0".repeat(64));
    for (option, value) in
        [("--model-digest", &*model), ("--code-digest", &*model), ("--version", "2.4.0")]
    {
        let changed = issuer.told(&["agent", "change", &agent.did, option, value]);
        assert_eq!(
            (&changed["state"], &changed["identityAttested"]),
            (&json!("active"), &json!(false))
        );
        for name in [BUILDER, CERTIFICATION, SCORE] {
            agent.attest_refused(&issuer, name, 409, "identity-attestation-required");
        }
        issuer.kill();
        issuer.begin();
        agent.attest_refused(&issuer, SCORE, 409, "identity-attestation-required");
        let renewed = agent.attest(&issuer, IDENTITY, Format::EddsaJcs2022);
        assert!(issuer.read(&renewed.whole).contains(value), "{option}");
        agent.attest(&issuer, BUILDER, Format::EddsaJcs2022);
        // The same once more changes nothing.
        let same = issuer.told(&["agent", "change", &agent.did, option, value]);
        assert_eq!(same["identityAttested"], true);
    }
    // A score of the version that was still is one of that version.
    issuer.pull();
    issuer.judged(&identity).is_accepted();
    let wrong = json!({"type": IDENTITY, "claims": {"agentVersion": "2.3.0"}});
    let place = format!("/agents/{}/attestations", agent.id);
    let problem = issuer.post(&place, &wrong).refused(400, "malformed-value");
    assert_eq!(problem["errors"][0]["pointer"], "/claims/agentVersion");
}

/// The DID URL that a credential says it was signed with.
fn signed_with(issuer: &Issuer, held: &Held) -> String {
    let text = issuer.read(&held.whole);
    let key = if held.format.is_token() {
        let header = decode_base64url(text.split('.').next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
    } else {
        serde_json::from_str::<Value>(&text).unwrap()["proof"]["verificationMethod"].clone()
    };
    key.as_str().unwrap().to_owned()
}

#[test]
fn keys_are_rotated_and_compromised_ones_cut_off_with_all_that_they_signed() {
    const FORMATS: [Format; 4] =
        [Format::EddsaJcs2022, Format::VcJwt, Format::EcdsaJcs2019, Format::Bbs2023];
    let issuer = Issuer::start();
    let (agent, _) = Agent::attested(&issuer, "agent");
    let attest = || FORMATS.map(|format| agent.attest(&issuer, SCORE, format));
    let key = |number: u32| format!("{}#key-{number}", issuer.did());
    let signed = |held: &[Held; 4]| held.each_ref().map(|held| signed_with(&issuer, held));
    let first = attest();
    assert_eq!(signed(&first), [key(1), key(1), key(2), key(4)]);
    issuer.pull();
    let rotated = issuer.told(&["issuer", "rotate", "default"]);
    let states = |issuer: &Value| -> Vec<String> {
        let keys = issuer["keys"].as_array().unwrap().iter();
        keys.map(|key| key["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(&rotated), [["retired"; 4], ["active"; 4]].concat());
    let second = attest();
    assert_eq!(signed(&second), [key(5), key(5), key(6), key(8)]);
    // A bundle from before does not know the new keys; the one from after knows them all.
    issuer.judged(&second[0]).is_rejected("unknown-key");
    issuer.pull();
    first.iter().chain(&second).for_each(|held| issuer.judged(held).is_accepted());

    // The key that signs lists as well.
    issuer.told(&["issuer", "compromised", "default", "key-5", "--yes", "--reason", "stolen"]);
    issuer.pull();
    for held in &second[..2] {
        issuer.judged(held).is_rejected("key-revoked");
    }
    let others = || first.iter().chain(&second[2..]);
    others().for_each(|held| issuer.judged(held).is_accepted());
    let third = attest();
    assert_eq!(signed(&third), [key(9), key(9), key(6), key(8)]);
    issuer.restart();
    issuer.pull();
    second[..2].iter().for_each(|held| issuer.judged(held).is_rejected("key-revoked"));
    others().chain(&third).for_each(|held| issuer.judged(held).is_accepted());

    // One that is retired falls as well, and no key takes its place.
    let told = issuer.told(&["issuer", "compromised", "default", "key-1", "--yes"]);
    let compromised = states(&told).iter().filter(|state| *state == "compromised").count();
    assert_eq!((compromised, states(&told).len()), (2, 9));
    issuer.pull();
    first[..2].iter().for_each(|held| issuer.judged(held).is_rejected("key-revoked"));
    first[2..].iter().chain(&third).for_each(|held| issuer.judged(held).is_accepted());
    // The document that others resolve says the same.
    let document = issuer.get("/.well-known/did.json").is(200);
    let revoked = document["verificationMethod"].as_array().unwrap().iter();
    let revoked: Vec<&str> = revoked
        .filter(|method| method.get("revoked").is_some())
        .map(|method| method["id"].as_str().unwrap())
        .collect();
    assert_eq!(revoked, [key(1), key(5)]);
}

#[test]
fn lists_are_signed_anew_when_the_key_that_signed_them_is_compromised() {
    let issuer = Issuer::start();
    let (agent, identity) = Agent::attested(&issuer, "agent");
    let kept = agent.attest(&issuer, SCORE, Format::EcdsaJcs2019);
    let revoked = agent.attest(&issuer, SCORE, Format::EcdsaJcs2019);
    issuer.told(&["revoke", &revoked.id]);
    issuer.pull();
    issuer.judged(&kept).is_accepted();
    issuer.told(&["issuer", "compromised", "default", "key-1", "--yes"]);
    issuer.pull();
    issuer.judged(&identity).is_rejected("key-revoked");
    issuer.judged(&kept).is_accepted();
    issuer.judged(&revoked).is_rejected("revoked");
    // The same where lists are read one by one.
    let list = issuer.get("/status/1/revocation").is(200);
    let signer = format!("{}#key-5", issuer.did());
    assert_eq!(list["proof"]["verificationMethod"], signer);
}

/// The state of an index in each form of a list: revoked and suspended by the Bitstring lists with
/// proof and as JWT, and the value in the Token Status List.
fn published(issuer: &Issuer, list: u64, index: usize) -> ([bool; 2], [bool; 2], u8) {
    let fetch = |path: String, accept: &str| {
        let answer = http::send(issuer.port, "GET", &path, &[("accept", accept)], b"").unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(accept)));
        answer.text()
    };
    let payload = |token: &str| -> Value {
        let payload = decode_base64url(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice(&payload).unwrap()
    };
    let bit = |list: &Value| {
        let text = list["credentialSubject"]["encodedList"].as_str().unwrap();
        let bytes = decode_base64url(text.strip_prefix('u').unwrap()).unwrap();
        let mut bits = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut bits).unwrap();
        // The leftmost bit is the first.
        bits[index / 8] >> (7 - index % 8) & 1 == 1
    };
    let purposes = ["revocation", "suspension"].map(|name| format!("/status/{list}/{name}"));
    let with_proof = purposes
        .clone()
        .map(|path| bit(&serde_json::from_str(&fetch(path, "application/vc")).unwrap()));
    let as_jwt = purposes.map(|path| bit(&payload(&fetch(path, "application/vc+jwt"))));
    let token = fetch(format!("/status/{list}"), "application/statuslist+jwt");
    let list = payload(&token)["status_list"].clone();
    assert_eq!(list["bits"], 2);
    let bytes = decode_base64url(list["lst"].as_str().unwrap()).unwrap();
    let mut values = Vec::new();
    flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut values).unwrap();
    // The lowest bits are the first.
    (with_proof, as_jwt, values[index / 4] >> (index % 4 * 2) & 3)
}

#[test]
fn a_change_of_status_is_in_every_list_and_on_the_feed_within_a_second() {
    let issuer = Issuer::start();
    let (agent, identity) = Agent::attested(&issuer, "agent");
    let score = agent.attest(&issuer, SCORE, Format::EddsaJcs2022);
    let shown = issuer.told(&["credential", "show", &score.id]);
    let index = usize::try_from(shown["statusIndex"].as_u64().unwrap()).unwrap();
    let url = shown["statusList"].as_str().unwrap().to_owned();
    let list: u64 = url.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(published(&issuer, list, index), ([false; 2], [false; 2], 0));
    let mut feed = issuer.follow();
    for (step, status, bits, value) in [
        ("suspend", "suspended", [false, true], 2),
        ("resume", "valid", [false, false], 0),
        ("revoke", "revoked", [true, false], 1),
    ] {
        let began = instant();
        issuer.post(&format!("/credentials/{}/{step}", score.id), &Value::Null).is(200);
        let event = feed.next();
        assert_eq!(event, json!({"list": url, "index": index, "status": status}));
        assert_eq!(published(&issuer, list, index), (bits, bits, value), "{step}");
        assert!(began.elapsed() < Duration::from_secs(1), "{step}: {:?}", began.elapsed());
    }
    // The other's entry is another one, and stays as it was.
    let other = issuer.told(&["credential", "show", &identity.id]);
    let other = usize::try_from(other["statusIndex"].as_u64().unwrap()).unwrap();
    assert_ne!(index, other);
    assert_eq!(published(&issuer, list, other), ([false; 2], [false; 2], 0));
    // A copy that is still the same is not sent again.
    let path = format!("/status/{list}/revocation");
    let tag = issuer.get(&path).header("etag").unwrap().to_owned();
    let again = |tag: &str| http::send(issuer.port, "GET", &path, &[("if-none-match", tag)], b"");
    assert_eq!(again(&tag).unwrap().status, 304);
    issuer.told(&["revoke", &identity.id]);
    assert_eq!(again(&tag).unwrap().status, 200);
}
