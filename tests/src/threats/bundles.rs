//! Rows 25 and 33: what a bundle may hold, who may sign it, and which one is the newest.

use bonafide_core::json::{Object, Value};
use bonafide_proof::jose::{self, TokenType};
use bonafide_testkit::{at, json, now, scene};
use bonafide_verifier::{
    BUNDLE_TOKEN, Bundle, BundleContent, MemorySeen, Outcome, Policy, Request, Verdict,
};

use crate::world::{DI, World, asked, bonafide};

/// Why a bundle is refused, through the library and the command line.
#[track_caller]
fn refused(bundle: &str, code: &str) {
    let scene = scene();
    let policy_toml = scene.policy_toml();
    let policy = Policy::from_toml(&policy_toml).unwrap();
    let reason = Bundle::open(bundle.as_bytes(), &policy).unwrap_err();
    assert_eq!(reason.code(), code, "{reason}");
    let verdict = Verdict::without_bundle(reason, &Request::new(), &policy, now());
    assert_eq!(verdict.outcome(), Outcome::Rejected);

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (bundle, policy) = (write("bundle", bundle), write("policy.toml", &policy_toml));
    let output = bonafide(&["bundle", "check", &bundle, "--policy", &policy, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains(&format!("\"{code}\"")));
    let input = write("input", "{}");
    let output = bonafide(&["verify", &input, "--policy", &policy, "--bundle", &bundle, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains(&format!("\"{code}\"")));
}

fn signed(payload: Object<'static>) -> String {
    let scene = scene();
    jose::sign(&payload.into(), BUNDLE_TOKEN, &scene.bundler.method, &scene.bundler.key).unwrap()
}

fn payload() -> Object<'static> {
    let text = scene().bundle();
    let bytes = bonafide_core::encoding::decode_base64url(text.split('.').nth(1).unwrap()).unwrap();
    match json(&String::from_utf8(bytes).unwrap()) {
        Value::Object(object) => object,
        _ => panic!("an object"),
    }
}

#[test]
fn row_25_duplicates_and_foreign_documents_are_refused() {
    let twice = |member: &'static str| {
        let mut twice = payload();
        let Some(Value::Array(mut items)) = twice.remove(member) else { panic!("a list") };
        items.push(items[0].clone());
        twice.insert(member, items);
        signed(twice)
    };
    refused(&twice("didDocuments"), "bundle-invalid");
    // Two lists with one id: neither is believed. The first is the registrar's.
    let world = World::with(|policy| policy, twice("statusLists"));
    let identity =
        world.scene.attest(bonafide_testkit::Attested::Identity, &world.scene.platinum, DI);
    world.refused(&identity, &Request::new(), "status-list-invalid");
    world.accepted(&world.score(DI), &Request::new(), None);
    // A document for a did:key would take the key's place.
    let scene = scene();
    let mut draft = scene.bundle_draft();
    let mut document = scene.scorer.document().as_object().unwrap().clone();
    document.insert("id", scene.platinum.did.clone());
    draft.content.push(BundleContent::Document { document: document.into(), fetched_at: now() });
    refused(&scene.sign_bundle(&draft), "bundle-invalid");
    // Histories that are no list, or lack what each has.
    for odd in [Value::from(Object::new()), vec![Object::from([("did", "did:web:a")])].into()] {
        let mut payload = payload();
        payload.insert("didHistories", odd);
        refused(&signed(payload), "bundle-invalid");
    }
    // Duplicate names and trailing content inside of the payload.
    let text = r#"{"version":1,"version":1,"sequence":1}"#;
    let token =
        jose::sign_bytes(text.as_bytes(), BUNDLE_TOKEN, &scene.bundler.method, &scene.bundler.key);
    refused(&token.unwrap(), "bundle-invalid");
}

#[test]
fn row_25_names_are_never_paths() {
    // Nothing is unpacked: a name that climbs is a name like any other, and matches nothing.
    let scene = scene();
    let mut draft = scene.bundle_draft();
    let Value::Object(mut list) = scene.unsigned_status_list(&scene.scorer, &[]) else {
        panic!("an object")
    };
    list.insert("id", "file:../../../../tmp/pwned");
    let credential = json(&scene.secure(list.into(), &scene.scorer, DI));
    draft.content.push(BundleContent::StatusList { credential, fetched_at: now() });
    let world = World::with(|policy| policy, scene.sign_bundle(&draft));
    world.accepted(&world.presentation(DI), &asked(), Some("sensitive"));
}

#[test]
fn row_25_one_broken_document_or_list_spoils_nothing_else() {
    let scene = scene();
    let mut draft = scene.bundle_draft();
    for content in &mut draft.content {
        match content {
            BundleContent::Document { document, .. }
                if document.get("id").unwrap().as_str() == Some("did:web:builder.example") =>
            {
                let Value::Object(mut object) = document.clone() else { panic!("an object") };
                object.insert("assertionMethod", vec!["#nowhere"]);
                *document = object.into();
            }
            BundleContent::StatusList { credential, .. }
                if credential.get("issuer").and_then(Value::as_str)
                    == Some("did:web:certifier.example") =>
            {
                *credential = "not.a.token".into();
            }
            _ => {}
        }
    }
    let world = World::with(|policy| policy, scene.sign_bundle(&draft));
    world.accepted(&world.score(DI), &Request::new(), None);
    let builder = scene.attest(bonafide_testkit::Attested::Builder, &scene.platinum, DI);
    world.refused(&builder, &Request::new(), "did-document-invalid");
    let certified = scene.attest(bonafide_testkit::Attested::Certification, &scene.platinum, DI);
    world.undecided(&certified, &Request::new(), "status-list-missing");
}

#[test]
fn row_33_a_bundle_by_a_party_that_the_policy_does_not_name() {
    let scene = scene();
    let draft = scene.bundle_draft();
    let stranger = &scene.stranger;
    refused(&draft.sign(&stranger.method, &stranger.key).unwrap(), "bundle-untrusted");
    // In the name of the right one, with another's key.
    refused(&draft.sign(&scene.bundler.method, &stranger.key).unwrap(), "bundle-invalid");
    // A genuine token of another type by the right signer.
    let other =
        jose::sign(&payload().into(), TokenType::VC, &scene.bundler.method, &scene.bundler.key);
    refused(&other.unwrap(), "bundle-invalid");
    for text in ["", "x", "a.b.c", "{}"] {
        refused(text, "bundle-invalid");
    }
    let mut tampered = scene.bundle();
    tampered.replace_range(200..201, if &tampered[200..201] == "A" { "B" } else { "A" });
    refused(&tampered, "bundle-invalid");
}

#[test]
fn row_33_a_bundle_older_than_one_seen() {
    let mut seen = MemorySeen::default();
    let scene = scene();
    let older = World::new();
    let mut draft = scene.bundle_draft();
    draft.sequence += 1;
    let newer = World::with(|policy| policy, scene.sign_bundle(&draft));
    let input = older.score(DI);
    let ask = |world: &World, seen: &mut MemorySeen| {
        world.verdict(&input, &Request::new()).remembered(seen)
    };
    assert_eq!(ask(&older, &mut seen).outcome(), Outcome::Accepted);
    assert_eq!(ask(&older, &mut seen).outcome(), Outcome::Accepted);
    assert_eq!(ask(&newer, &mut seen).outcome(), Outcome::Accepted);
    let back = ask(&older, &mut seen);
    assert_eq!(back.outcome(), Outcome::Rejected);
    assert!(back.has_reason("bundle-rolled-back"));
    // Another bundle with the same number.
    draft.expires = at("2026-11-23T12:00:00Z");
    let forked = World::with(|policy| policy, scene.sign_bundle(&draft));
    assert!(ask(&forked, &mut seen).has_reason("bundle-forked"));
}

#[test]
fn row_33_the_command_line_remembers_in_its_state_folder() {
    let scene = scene();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let mut draft = scene.bundle_draft();
    let older = write("older", &scene.sign_bundle(&draft));
    draft.sequence += 1;
    let newer = write("newer", &scene.sign_bundle(&draft));
    let policy = write("policy.toml", &scene.policy_toml());
    let world = World::new();
    let credential = write("credential", &world.score(DI));
    let presentation = write("presentation", &world.presentation(DI));
    let state = folder.path().join("state").display().to_string();
    let run = |input: &str, bundle: &str, more: &[&str]| {
        let mut arguments = vec!["verify", input, "--policy", &policy, "--bundle", bundle];
        arguments.extend(["--state", &state, "--at", bonafide_testkit::NOW, "--json"]);
        arguments.extend(more);
        let output = bonafide(&arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let text = text + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), text)
    };
    assert_eq!(run(&credential, &newer, &[]).0, 0);
    let (code, text) = run(&credential, &older, &[]);
    assert_eq!(code, 1);
    assert!(text.contains("bundle-rolled-back"));
    // A presentation is believed once.
    let binding = ["--nonce", bonafide_testkit::NONCE, "--audience", bonafide_testkit::AUDIENCE];
    assert_eq!(run(&presentation, &newer, &binding).0, 0);
    let (code, text) = run(&presentation, &newer, &binding);
    assert_eq!(code, 1);
    assert!(text.contains("\"replayed\""));
    // Asking about another time does not make it forget.
    let mut later = vec!["verify", &presentation, "--policy", &policy, "--bundle", &newer];
    later.extend(["--state", &state, "--at", "2027-06-01T00:00:00Z"]);
    later.extend(binding);
    assert_eq!(bonafide(&later).status.code(), Some(1));
    assert!(run(&presentation, &newer, &binding).1.contains("\"replayed\""));
    // A damaged memory is not taken for an empty one.
    std::fs::write(folder.path().join("state/seen.json"), "{").unwrap();
    let (code, text) = run(&credential, &newer, &[]);
    assert_eq!(code, 64);
    assert!(text.contains("damaged"), "{text}");
}

#[test]
fn row_33_a_bundle_from_the_future_leaves_things_undecided() {
    let scene = scene();
    let mut draft = scene.bundle_draft();
    draft.issued_at = at("2026-11-22T12:00:31Z");
    let world = World::with(|policy| policy, scene.sign_bundle(&draft));
    world.undecided(&world.presentation(DI), &asked(), "bundle-from-future");
    // A document or list in it that is dated ahead, as well.
    for place in [0, 1] {
        let mut draft = scene.bundle_draft();
        match &mut draft.content[place] {
            BundleContent::Document { fetched_at, .. }
            | BundleContent::History { fetched_at, .. }
            | BundleContent::StatusList { fetched_at, .. } => {
                *fetched_at = at("2026-11-22T12:00:31Z");
            }
        }
        let world = World::with(|policy| policy, scene.sign_bundle(&draft));
        world.undecided(&world.presentation(DI), &asked(), "bundle-from-future");
    }
    // And one that has ended.
    let mut draft = scene.bundle_draft();
    draft.expires = at("2026-11-22T11:59:00Z");
    let world = World::with(|policy| policy, scene.sign_bundle(&draft));
    world.undecided(&world.presentation(DI), &asked(), "bundle-expired");
}

#[test]
fn a_nonce_is_not_burnt_by_somebody_elses_bad_presentation() {
    let world = World::new();
    let scene = &world.scene;
    let mut seen = MemorySeen::default();
    let stolen = scene.present(&scene.credentials(&scene.platinum, DI), &scene.stranger, DI);
    let bad = world.verdict(&stolen, &asked()).remembered(&mut seen);
    assert_eq!(bad.outcome(), Outcome::Rejected);
    let good = world.verdict(&world.presentation(DI), &asked()).remembered(&mut seen);
    assert_eq!(good.level(), Some("sensitive"));
    let again = world.verdict(&world.presentation(DI), &asked()).remembered(&mut seen);
    assert!(again.has_reason("replayed"));
    assert_eq!(again.level(), None);
}

#[test]
fn row_33_a_policy_that_no_longer_names_the_signer() {
    // The bundle was opened under another policy than the verdict's.
    let world = World::new();
    let scene = &world.scene;
    let changed = world.policy_toml.replace(&scene.bundler.did, &scene.stranger.did);
    let changed = Policy::from_toml(&changed).unwrap();
    let input = world.presentation(DI);
    let verdict =
        bonafide_verifier::verify(input.as_bytes(), &asked(), &world.evidence(), &changed, now());
    assert!(verdict.has_reason("bundle-untrusted"), "{}", verdict.to_json());
    assert_eq!((verdict.outcome(), verdict.level()), (Outcome::Rejected, None));
    // And nothing of it is remembered.
    let mut seen = MemorySeen::default();
    assert_eq!(verdict.remembered(&mut seen).outcome(), Outcome::Rejected);
    assert_eq!(seen, MemorySeen::default());
}
