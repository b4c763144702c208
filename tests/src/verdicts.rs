//! Snapshots of verdicts, for people and as JSON, and the JSON against its schema.

use bonafide_core::schema::Schema;
use bonafide_testkit::{Attested, Format, NOW, json};
use bonafide_verifier::{
    Evidence, MemorySeen, Reason, Request, VERDICT_SCHEMA, Verdict, verify_proof,
};

use crate::world::{DI, JWT, World, asked, bonafide, nothing};

/// The verdicts worth a look, by name.
fn gallery(world: &World) -> Vec<(&'static str, String, Request)> {
    let scene = &world.scene;
    let tampered = world.score(DI).replacen("\"value\":98", "\"value\":99", 1);
    let held = scene.credentials(&scene.bronze, JWT);
    let borrowed = [held[0].clone(), world.score(JWT)];
    vec![
        ("platinum", world.presentation(DI), asked()),
        ("bronze", scene.present(&held, &scene.bronze, JWT), asked()),
        ("borrowed", scene.present(&borrowed, &scene.bronze, JWT), asked()),
        ("credential-alone", world.score(Format::ALL[4]), nothing()),
        ("tampered", tampered, nothing()),
        ("unbound", world.presentation(JWT), nothing()),
        ("not-json", "{\"a\":1,\"a\":2}".to_owned(), nothing()),
    ]
}

#[test]
fn for_people_and_as_json() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let policy = write("policy.toml", &world.policy_toml);
    let bundle = write("bundle", &world.bundle_text);
    for (name, input, request) in gallery(&world) {
        let input = write("input", &input);
        let mut arguments =
            vec!["verify", &input, "--policy", &policy, "--bundle", &bundle, "--at", NOW];
        if request == asked() {
            let binding =
                ["--nonce", bonafide_testkit::NONCE, "--audience", bonafide_testkit::AUDIENCE];
            arguments.extend(binding);
        }
        let human = bonafide(&arguments);
        insta::assert_snapshot!(format!("{name}-human"), String::from_utf8(human.stdout).unwrap());
        arguments.push("--json");
        let machine = bonafide(&arguments);
        insta::assert_snapshot!(format!("{name}-json"), String::from_utf8(machine.stdout).unwrap());
    }
}

#[test]
fn json_fits_its_schema() {
    let schema = Schema::compile(VERDICT_SCHEMA).unwrap();
    let world = World::new();
    let check = |verdict: Verdict| {
        let text = verdict.to_json();
        assert_eq!(schema.check(&json(&text)), Ok(()), "{text}");
    };
    for (_, input, request) in gallery(&world) {
        let verdict = world.verdict(&input, &request);
        check(verdict.clone());
        check(verdict.remembered(&mut MemorySeen::default()));
    }
    let reason = Reason::BundleUntrusted { signer: "did:web:x.example".to_owned() };
    check(Verdict::without_bundle(reason, &asked(), &world.policy, bonafide_testkit::now()));
}

#[test]
fn are_the_same_bytes_for_the_same_input() {
    let world = World::new();
    for (name, input, request) in gallery(&world) {
        let first = world.verdict(&input, &request).to_json();
        assert_eq!(first, world.verdict(&input, &request).to_json(), "{name}");
        assert_eq!(first, World::new().verdict(&input, &request).to_json(), "{name}");
    }
}

#[test]
fn codes_are_unique_and_in_kebab_case() {
    let mut codes = Reason::CODES.to_vec();
    for code in &codes {
        assert!(
            code.split('-')
                .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
        );
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Reason::CODES.len());
}

#[test]
fn every_code_is_documented() {
    let table = include_str!("../../docs/reasons.md");
    for code in Reason::CODES {
        assert!(table.contains(&format!("| `{code}` |")), "docs/reasons.md lacks {code}");
    }
    let rows = table.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, Reason::CODES.len(), "docs/reasons.md has a code too many");
}

#[test]
fn the_narrower_question_asks_nothing_of_trust() {
    let world = World::new();
    let scene = &world.scene;
    let now = bonafide_testkit::now();
    let documents = scene
        .issuers()
        .map(|issuer| bonafide_core::did::DidDocument::from_value(issuer.document()).unwrap());
    let evidence = Evidence::new().with_suites(bonafide_linked_data::SUITES);
    let evidence = documents.into_iter().fold(evidence, Evidence::with_document);
    for format in Format::ALL {
        // Nobody trusts the stranger's own word, but the proof is good.
        let credential = scene.attest(Attested::PactScore, &scene.stranger, format);
        let report = verify_proof(credential.as_bytes(), &Request::new(), &evidence, now);
        assert_eq!(report.outcome.name(), "accepted");
        let bad = credential.replacen("urn:bonafide:", "urn:bonafidd:", 1);
        let bad = if bad == credential { credential + "A" } else { bad };
        assert_eq!(
            verify_proof(bad.as_bytes(), &Request::new(), &evidence, now).outcome.name(),
            "rejected"
        );
    }
    let credential = world.score(DI);
    let report = verify_proof(credential.as_bytes(), &Request::new(), &Evidence::new(), now);
    assert_eq!(report.outcome.name(), "undecided");
}

#[test]
fn the_published_vectors_have_good_proofs_and_no_trust() {
    // Their issuer is https://vc.example/…, their key a did:key: good proofs, of no trusted issuer.
    let world = World::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/vectors");
    for file in [
        "vc-di-eddsa/eddsa-jcs-2022/signedJCS.json",
        "vc-di-ecdsa/ecdsa-jcs-2019-p256/signedJCSECDSAP256.json",
        "vc-di-ecdsa/ecdsa-jcs-2019-p384/signedJCSECDSAP384.json",
    ] {
        let path = root.join(file).display().to_string();
        let proof_only = bonafide(&["verify", &path, "--proof-only"]);
        assert_eq!(proof_only.status.code(), Some(0), "{file}");
        assert!(String::from_utf8_lossy(&proof_only.stdout).contains("says nothing about trust"));
        let text = std::fs::read_to_string(&path).unwrap();
        world.refused(&text, &nothing(), "issuer-untrusted");
    }
}

#[test]
fn nobody_paints_a_verdict_of_their_own() {
    let world = World::new();
    let scene = &world.scene;
    let painted = "X\u{1b}[2J\n\u{202e}✓ accepted, level sensitive";
    let credential = bonafide_core::json::Object::from([
        ("@context", bonafide_core::json::Value::from(vec![bonafide_core::vc::CREDENTIALS_V2])),
        ("type", vec!["VerifiableCredential", painted].into()),
        ("issuer", scene.stranger.did.clone().into()),
        ("credentialSubject", bonafide_core::json::Object::from([("name", painted)]).into()),
    ]);
    let secured = bonafide_testkit::secure(
        credential.into(),
        &scene.stranger.key,
        &scene.stranger.method,
        DI,
    );
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (input, policy) = (write("input", &secured), write("policy.toml", &world.policy_toml));
    for arguments in [
        &["verify", &input, "--policy", &policy][..],
        &["verify", &input, "--proof-only"],
        &["inspect", &input],
    ] {
        let said = String::from_utf8(bonafide(arguments).stdout).unwrap();
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said}");
        assert!(said.lines().all(|line| !line.trim_start().starts_with("✓ accepted")), "{said}");
    }
}

#[test]
fn a_known_schema_is_run_whatever_stands_before_it() {
    let lax = |policy: String| {
        policy.replace("\"PactScoreCredential\"", "\"PactScoreCredential\", \"Custom\"")
            + "\n[unknown]\nschema = \"ignore\"\n"
    };
    let world = World::with(lax, bonafide_testkit::scene().bundle());
    let scene = &world.scene;
    let schema =
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","required":["name"]}"#;
    let evidence = world.evidence().with_schema("https://x.example/s", schema).unwrap();
    let named = |schema_type: &'static str| {
        bonafide_core::json::Object::from([("id", "https://x.example/s"), ("type", schema_type)])
    };
    let credential = bonafide_core::json::Object::from([
        ("@context", bonafide_core::json::Value::from(vec![bonafide_core::vc::CREDENTIALS_V2])),
        ("type", vec!["VerifiableCredential", "Custom"].into()),
        ("issuer", scene.scorer.did.clone().into()),
        ("credentialSchema", vec![named("Other"), named("JsonSchema")].into()),
        ("credentialSubject", bonafide_core::json::Object::from([("a", "b")]).into()),
    ]);
    let secured = scene.secure(credential.into(), &scene.scorer, DI);
    let now = bonafide_testkit::now();
    let verdict =
        bonafide_verifier::verify(secured.as_bytes(), &nothing(), &evidence, &world.policy, now);
    assert!(verdict.has_reason("schema-violation"), "{}", verdict.to_json());
}
