//! Rows 25 and 33: histories of did:webvh DIDs in bundles, and an issuer that rotates its key.

use bonafide_core::did::DidDocument;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_core::schema::Schema;
use bonafide_proof::SecretKey;
use bonafide_testkit::{
    Attested, NOW, WebvhLog, at, json, key, multikey, scene, secure, webvh_document,
};
use bonafide_verifier::{
    Bundle, BundleContent, BundleDraft, Evidence, MemorySeen, Outcome, Reason, VERDICT_SCHEMA,
    verify_proof,
};

use crate::world::{DI, World, bonafide, nothing};

const CREATED: &str = "2026-10-01T00:00:00Z";
const CHANGED: &str = "2026-11-01T00:00:00Z";
const FETCHED: &str = "2026-11-22T11:56:00Z";

/// The scorer's keys, from the oldest on.
fn secret(number: usize) -> SecretKey {
    key(&format!("webvh scorer {number}"), KeyType::Ed25519)
}

/// The scorer as a did:webvh, with its first key as `#key-1`.
fn created() -> WebvhLog {
    WebvhLog::create("scorer.example", &secret(1), CREATED, "{}", None)
}

/// A document that lists these of the keys, each by its number.
fn document(did: &str, keys: &[usize]) -> Value<'static> {
    let (mut methods, mut ids) = (Vec::new(), Vec::new());
    for number in keys {
        let id = format!("{did}#key-{number}");
        methods.push(Object::from([
            ("id", id.clone()),
            ("type", "Multikey".to_owned()),
            ("controller", did.to_owned()),
            ("publicKeyMultibase", multikey(&secret(*number))),
        ]));
        ids.push(id);
    }
    Object::from([
        ("@context", Value::from(vec!["https://www.w3.org/ns/cid/v1"])),
        ("id", did.to_owned().into()),
        ("verificationMethod", methods.into()),
        ("assertionMethod", ids.into()),
    ])
    .into()
}

/// Something in the name of the did:webvh, signed by its key of that number.
fn signed(unsigned: Value<'static>, did: &str, number: usize) -> String {
    let Value::Object(mut unsigned) = unsigned else { panic!("an object") };
    unsigned.insert("issuer", did.to_owned());
    secure(unsigned.into(), &secret(number), &format!("{did}#key-{number}"), DI)
}

/// Platinum's score.
fn score(did: &str, number: usize) -> String {
    let scene = scene();
    signed(scene.attestation(Attested::PactScore, &scene.platinum), did, number)
}

/// A fresh draft in which the scorer's list is by the did:webvh, signed by its key of that number.
fn draft(did: &str, number: usize) -> BundleDraft {
    let scene = scene();
    let mut draft = scene.bundle_draft();
    for content in &mut draft.content {
        if let BundleContent::StatusList { credential, .. } = content
            && credential.get("issuer").and_then(Value::as_str) == Some(&scene.scorer.did)
        {
            *credential =
                json(&signed(scene.unsigned_status_list(&scene.scorer, &[]), did, number));
        }
    }
    draft
}

fn history(log: &WebvhLog) -> BundleContent {
    BundleContent::History {
        did: log.did().to_owned(),
        log: log.jsonl(),
        witnesses: None,
        fetched_at: at(FETCHED),
    }
}

/// A world in which the scorer is the did:webvh.
fn world_of(did: &str, draft: &BundleDraft) -> World {
    let bundle = scene().sign_bundle(draft);
    World::with(|policy| policy.replace("did:web:scorer.example", did), bundle)
}

/// The same with a history, and the bundle's number.
fn world(log: &WebvhLog, number: usize, sequence: u64) -> World {
    let mut draft = draft(log.did(), number);
    draft.content.push(history(log));
    draft.sequence = sequence;
    world_of(log.did(), &draft)
}

#[test]
fn an_issuer_rotates_its_key() {
    let mut log = created();
    let did = log.did().to_owned();
    let (old, new) = (score(&did, 1), score(&did, 2));

    let first = world(&log, 1, 7);
    first.accepted(&old, &nothing(), None);
    first.refused(&new, &nothing(), "unknown-key");
    let verdict = first.verdict(&old, &nothing());
    let versions = verdict.did_versions();
    assert_eq!(versions.len(), 1);
    assert_eq!((&versions[0].did, &versions[0].id), (&did, &log.version_id(1)));
    assert_eq!(versions[0].time, at(CREATED));
    let text = verdict.to_json();
    assert!(text.contains(&format!("\"versionId\": \"{}\"", log.version_id(1))), "{text}");
    let schema = Schema::compile(VERDICT_SCHEMA).unwrap();
    assert_eq!(schema.check(&json(&text)), Ok(()), "{text}");

    // Both keys are listed: what the old one signed still stands.
    let rotated = format!("{{\"updateKeys\":[\"{}\"]}}", multikey(&secret(2)));
    log.append(&secret(1), CHANGED, &rotated, document(&did, &[1, 2]));
    let second = world(&log, 2, 8);
    for input in [&old, &new] {
        second.accepted(input, &nothing(), None);
        let verdict = second.verdict(input, &nothing());
        assert_eq!(verdict.did_versions()[0].id, log.version_id(2));
    }

    // The old one is gone, and so is all that it signed.
    log.append(&secret(2), "2026-11-02T00:00:00Z", "{}", document(&did, &[2]));
    let third = world(&log, 2, 9);
    third.accepted(&new, &nothing(), None);
    third.refused(&old, &nothing(), "unknown-key");

    // A person sees which version it was.
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (input, policy) = (write("input", &new), write("policy.toml", &third.policy_toml));
    let bundle = write("bundle", &third.bundle_text);
    let arguments = ["verify", &input, "--policy", &policy, "--bundle", &bundle, "--at", NOW];
    let said = String::from_utf8(bonafide(&arguments).stdout).unwrap();
    assert!(said.contains(&format!("by its version {}", log.version_id(3))), "{said}");
    let arguments = ["bundle", "check", &bundle, "--policy", &policy, "--at", NOW, "--json"];
    let output = bonafide(&arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&log.version_id(3)), "{said}");
}

#[test]
fn row_25_a_did_that_ended_or_moved_spoils_itself_alone() {
    let mut ended = created();
    ended.update(&secret(1), CHANGED, "{\"deactivated\":true}");
    let world_of_ended = world(&ended, 1, 7);
    world_of_ended.refused(&score(ended.did(), 1), &nothing(), "did-deactivated");

    let mut moved =
        WebvhLog::create("scorer.example", &secret(1), CREATED, "{\"portable\":true}", None);
    let to = moved.did().replace("scorer.example", "elsewhere.example");
    let Value::Object(mut state) = webvh_document(&to, &secret(1)) else { panic!("an object") };
    state.insert("alsoKnownAs", vec![moved.did().to_owned()]);
    moved.append(&secret(1), CHANGED, "{}", state.into());
    let world_of_moved = world(&moved, 1, 7);
    world_of_moved.refused(&score(moved.did(), 1), &nothing(), "did-moved");

    for world in [world_of_ended, world_of_moved] {
        let identity = world.scene.attest(Attested::Identity, &world.scene.platinum, DI);
        world.accepted(&identity, &nothing(), None);
        assert_eq!(world.bundle.unusable_dids().len(), 1);
    }
}

#[test]
fn row_25_a_history_that_is_not_good_spoils_itself_alone() {
    let log = created();
    let did = log.did().to_owned();
    let mut unusable = created();
    let state = Object::from([
        ("id", Value::from(did.clone())),
        ("assertionMethod", vec!["#nowhere"].into()),
    ]);
    unusable.append(&secret(1), CHANGED, "{}", state.into());
    let mut later = created();
    later.update(&secret(1), "2026-11-22T11:56:01Z", "{\"ttl\":60}");
    let mut witnessed = created();
    let witness = format!(
        "{{\"witness\":{{\"threshold\":1,\"witnesses\":[{{\"id\":\"did:key:{}\"}}]}}}}",
        multikey(&secret(9))
    );
    witnessed.update(&secret(1), CHANGED, &witness);
    for (text, says) in [
        (log.jsonl().replacen("#key-1", "#key-2", 1), "scid-invalid"),
        (String::new(), "log-empty"),
        (unusable.jsonl(), "names a key that is not here"),
        (witnessed.jsonl(), "witness-file-missing"),
        // It was not there yet when all this was fetched, whatever the clock says now.
        (later.jsonl(), "time-in-future"),
    ] {
        let mut draft = draft(&did, 1);
        let content = BundleContent::History {
            did: did.clone(),
            log: text,
            witnesses: None,
            fetched_at: at(FETCHED),
        };
        draft.content.push(content);
        let world = world_of(&did, &draft);
        world.refused(&score(&did, 1), &nothing(), "did-document-invalid");
        let unusable = world.bundle.unusable_dids();
        assert!(unusable[0].1.to_string().contains(says), "{says}: {}", unusable[0].1);
        let identity = world.scene.attest(Attested::Identity, &world.scene.platinum, DI);
        world.accepted(&identity, &nothing(), None);
    }
    // Not in the bundle at all, it is missing.
    let mut without = draft(&did, 1);
    without.content.retain(|content| match content {
        BundleContent::StatusList { credential, .. } => {
            credential.get("issuer").and_then(Value::as_str) != Some(&did)
        }
        _ => true,
    });
    let world = world_of(&did, &without);
    world.undecided(&score(&did, 1), &nothing(), "did-document-missing");
}

#[test]
fn row_25_a_plain_document_does_not_speak_for_a_history() {
    let log = created();
    let did = log.did().to_owned();
    let plain = webvh_document(&did, &secret(1));
    let content = BundleContent::Document { document: plain.clone(), fetched_at: at(FETCHED) };
    let mut bundled = draft(&did, 1);
    bundled.content.push(content.clone());
    let world = world_of(&did, &bundled);
    world.refused(&score(&did, 1), &nothing(), "did-document-invalid");
    assert!(world.bundle.unusable_dids()[0].1.to_string().contains("its history"));
    // Beside its history as well as alone; and two histories are one too many.
    for second in [content, history(&log)] {
        let mut draft = draft(&did, 1);
        draft.content.extend([history(&log), second]);
        let text = scene().sign_bundle(&draft);
        let reason = Bundle::open(text.as_bytes(), &world.policy).unwrap_err();
        assert_eq!(reason.code(), "bundle-invalid");
    }
    // Whoever vouches for it.
    let vouched = DidDocument::from_value(plain.clone()).unwrap();
    let evidence = Evidence::new().with_document(vouched);
    let report = verify_proof(score(&did, 1).as_bytes(), &nothing(), &evidence, at(NOW));
    assert_eq!(report.outcome, Outcome::Rejected);
    let codes: Vec<_> =
        report.checks.iter().flat_map(|check| &check.reasons).map(Reason::code).collect();
    assert_eq!(codes, ["did-document-invalid"]);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let input = write("input", &score(&did, 1));
    let file = write("did.json", &bonafide_core::json::to_pretty_string(&plain));
    let output = bonafide(&["verify", &input, "--proof-only", "--did-document", &file, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"did-document-invalid\""));
}

#[test]
fn row_33_a_history_older_than_one_seen_or_forked() {
    let older = created();
    let did = older.did().to_owned();
    let (mut newer, mut forked, mut ended) = (created(), created(), created());
    newer.update(&secret(1), CHANGED, "{\"ttl\":60}");
    forked.update(&secret(1), CHANGED, "{\"ttl\":120}");
    ended.update(&secret(1), CHANGED, "{\"ttl\":60}");
    ended.update(&secret(1), "2026-11-02T00:00:00Z", "{\"deactivated\":true}");
    let input = score(&did, 1);
    // The bundles themselves are in order: it is the histories that go back.
    let mut seen = MemorySeen::default();
    let mut sequence = 7;
    let mut ask = |log: &WebvhLog| {
        sequence += 1;
        let world = world(log, 1, sequence);
        world.verdict(&input, &nothing()).remembered(&mut seen)
    };
    for log in [&older, &older, &newer, &newer] {
        assert_eq!(ask(log).outcome(), Outcome::Accepted);
    }
    for (log, code) in [
        (&older, "did-history-rolled-back"),
        (&forked, "did-history-forked"),
        (&ended, "did-deactivated"),
        // What came to its end does not come back to life.
        (&newer, "did-history-rolled-back"),
    ] {
        let verdict = ask(log);
        assert_eq!(verdict.outcome(), Outcome::Rejected);
        assert!(verdict.has_reason(code), "{code}: {}", verdict.to_json());
    }

    // The command line remembers the same.
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let state = folder.path().join("state").display().to_string();
    let input = write("input", &input);
    let policy = write("policy.toml", &world(&older, 1, 7).policy_toml);
    for (log, sequence, code) in [
        (&newer, 20, None),
        (&newer, 21, None),
        (&older, 22, Some("did-history-rolled-back")),
        (&forked, 23, Some("did-history-forked")),
    ] {
        let bundle = write("bundle", &world(log, 1, sequence).bundle_text);
        let mut arguments = vec!["verify", &input, "--policy", &policy, "--bundle", &bundle];
        arguments.extend(["--state", &state, "--at", NOW, "--json"]);
        let output = bonafide(&arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(i32::from(code.is_some())), "{said}");
        if let Some(code) = code {
            assert!(said.contains(&format!("\"{code}\"")), "{said}");
        }
    }
}
