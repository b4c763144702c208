//! Policies: what is refused when they are loaded, with the line, and how the ladder is climbed.

use bonafide_testkit::{Attested, Format, scene};
use bonafide_verifier::{Mode, Outcome, Policy};

use crate::world::{DI, World, asked, bonafide, nothing};

fn refused(policy: &str, line: usize, message: &str) {
    let error = Policy::from_toml(policy).unwrap_err();
    assert!(error.message.contains(message), "{error}");
    assert_eq!(error.line, line, "{error}");
}

#[test]
fn errors_point_at_the_line() {
    let policy = |body: &str| format!("version = 1\n{body}\n");
    refused("", 1, "missing field `version`");
    refused("version = 2", 1, "version = 1");
    refused(&policy("[bundle]\nsigner = []"), 3, "unknown field `signer`");
    refused(&policy("clock_skew = \"90\""), 2, "like 15m");
    refused(&policy("clock_skew = \"1h\""), 2, "set the clock");
    refused(&policy("mode = \"lax\""), 2, "expected one of enforce, audit");
    refused(&policy("[bundle]\nsigners = [\"did:web:x.example\"]"), 3, "did:key or did:jwk");
    refused(&policy("[bundle]\nsigners = [\"x\"]"), 3, "not a DID");
    let issuer = |more: &str| policy(&format!("[[issuer]]\ndid = \"did:web:a.example\"\n{more}"));
    refused(&issuer("attests = []"), 4, "at least one");
    refused(&issuer("attests = [\"VerifiableCredential\"]"), 4, "own type");
    refused(&issuer("attests = [\"pact-score\"]"), 4, "did you mean \"PactScoreCredential\"?");
    refused(&issuer("attests = [\"X\"]\ncosigners = [\"did:web:a.example\"]"), 5, "own cosigner");
    let twice = "attests = [\"X\"]\n[[issuer]]\ndid = \"did:web:a.example\"\nattests = [\"Y\"]";
    refused(&issuer(twice), 6, "occurs twice");
    let level = |more: &str| policy(&format!("[[level]]\nname = \"a\"\n{more}"));
    refused(&level("score = 101\ncredentials = [\"AgentIdentityCredential\"]"), 4, "0 to 100");
    refused(&level("score = 300"), 4, "u8");
    refused(&level("tier = \"diamond\""), 4, "platinum");
    refused(&level("actions = 5"), 4, "sequence");
    refused("version = 1\nversion = 1", 2, "duplicate key");
}

#[test]
fn a_rung_that_rests_on_score_or_tier_alone_is_refused() {
    for rests in [
        "",
        "score = 90",
        "tier = \"gold\"",
        "confidence = 5",
        "credentials = [\"PactScoreCredential\"]",
    ] {
        let policy = format!("version = 1\n[[level]]\nname = \"a\"\n{rests}\n");
        refused(&policy, 3, "does not ask who the agent is");
    }
    for asks in [
        "credentials = [\"AgentIdentityCredential\"]",
        "builders = [\"did:web:b.example\"]",
        "certifications = [{ scheme = \"S\" }]",
    ] {
        let policy = format!("version = 1\n[[level]]\nname = \"a\"\nscore = 90\n{asks}\n");
        assert!(Policy::from_toml(&policy).is_ok(), "{asks}");
    }
}

#[test]
fn the_command_line_shows_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    std::fs::write(&path, "version = 1\n\n[bundle]\nsigner = []\n").unwrap();
    let output = bonafide(&["policy", "check", &path.display().to_string()]);
    assert_eq!(output.status.code(), Some(64));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("line 4") && message.contains("signer = []"), "{message}");
    // The starter policy is a good one.
    let started = folder.path().join("started.toml").display().to_string();
    let signer = scene().bundler.did;
    let made = bonafide(&["policy", "new", "--bundle-signer", &signer, "--out", &started]);
    assert_eq!(made.status.code(), Some(0));
    assert_eq!(bonafide(&["policy", "check", &started]).status.code(), Some(0));
    assert_eq!(bonafide(&["policy", "new", "--out", &started]).status.code(), Some(64));
    let bad = bonafide(&["policy", "new", "--bundle-signer", "x\"]\nversion = 2 #"]);
    assert_eq!(bad.status.code(), Some(64));
}

#[test]
fn audit_mode_reports_what_enforcement_would_have_done() {
    let audit = |policy: String| policy.replace("version = 1", "version = 1\nmode = \"audit\"");
    let world = World::with(audit, scene().bundle());
    let verdict = world.both(world.score(DI).as_bytes(), &asked(), bonafide_testkit::now());
    assert_eq!(verdict.mode(), Mode::Audit);
    assert_eq!(verdict.outcome(), Outcome::Rejected);
}

#[test]
fn an_action_needs_a_level_that_lists_it() {
    let world = World::new();
    let ask = |action: &str| world.verdict(&world.presentation(DI), &asked().action(action));
    assert_eq!(ask("payments.execute").level(), Some("sensitive"));
    assert_eq!(ask("payments.execute").effective().actions, ["payments.execute"]);
    assert!(ask("payments.delete").has_reason("no-level"));
    // Bronze may read; for execute there is no level, though "read" alone would hold.
    let scene = &world.scene;
    let bronze = scene.present(&scene.credentials(&scene.bronze, DI), &scene.bronze, DI);
    let ask = |action: &str| world.verdict(&bronze, &asked().action(action));
    assert_eq!(ask("payments.read").level(), Some("read"));
    assert!(ask("payments.execute").has_reason("no-level"));
    // A rung without actions grants none that is named.
    let unlisted = |policy: String| policy.replace("actions = [\"payments.read\"]", "");
    let world = World::with(unlisted, scene.bundle());
    assert!(world.verdict(&bronze, &asked().action("payments.read")).has_reason("no-level"));
    assert_eq!(world.verdict(&bronze, &asked()).level(), Some("read"));
}

#[test]
fn a_resource_is_left_to_the_service() {
    let world = World::new();
    let verdict = world.verdict(&world.presentation(DI), &asked().resource("/admin"));
    assert_eq!(verdict.level(), Some("sensitive"));
    assert!(verdict.effective().resources.is_empty());
    assert_eq!(verdict.effective().obligations.len(), 1);
}

#[test]
fn each_stronger_rung_says_what_it_lacked() {
    let world = World::new();
    let scene = &world.scene;
    let held = [
        scene.attest(Attested::Identity, &scene.bronze, DI),
        scene.attest(Attested::PactScore, &scene.bronze, DI),
    ];
    let verdict = world.verdict(&scene.present(&held, &scene.bronze, DI), &asked());
    assert_eq!(verdict.level(), Some("read"));
    let lacks: Vec<_> = verdict.ladder()[0].lacks.iter().map(|lack| lack.what).collect();
    assert_eq!(lacks, ["credential", "tier", "score", "confidence", "certification"]);
    assert!(verdict.ladder()[1].lacks.is_empty());
}

#[test]
fn nobody_is_trusted_by_an_empty_policy() {
    let scene = scene();
    let world = World::with(
        |_| format!("version = 1\n[bundle]\nsigners = [{:?}]\n", scene.bundler.did),
        scene.bundle(),
    );
    world.refused(&world.score(DI), &nothing(), "issuer-untrusted");
    world.refused(&world.presentation(DI), &asked(), "issuer-untrusted");
}

#[test]
fn limits_are_those_of_each_credential() {
    let limited = |bytes: usize| {
        move |policy: String| policy + &format!("\n[limits]\ncredential = {bytes}\n")
    };
    // Each credential has less than 2,000 bytes, the presentation of all four more.
    let world = World::with(limited(2_000), scene().bundle());
    assert!(world.presentation(DI).len() > 5_000);
    world.accepted(&world.presentation(DI), &asked(), Some("sensitive"));
    let world = World::with(limited(1_000), scene().bundle());
    world.refused(&world.presentation(DI), &asked(), "too-large");
    world.refused(&world.score(DI), &nothing(), "too-large");
}

#[test]
fn claims_are_read_from_verified_credentials_alone() {
    use bonafide_core::attestation::Attestation;
    let world = World::new();
    let verdict = world.verdict(&world.presentation(DI), &asked());
    assert_eq!(verdict.verified().len(), 4);
    let builder = verdict.verified().iter().find_map(|credential| match credential.attestation() {
        Some(Attestation::Builder(builder)) => builder.legal_name.as_deref(),
        _ => None,
    });
    assert_eq!(builder, Some("Builder Ltd"));
    let subject = Some(world.scene.platinum.did.as_str());
    assert!(verdict.verified().iter().all(|credential| credential.subject() == subject));
    // One bad part, and nothing can be read; the same for a replay.
    let bad = world.presentation(DI).replacen("urn:bonafide:", "urn:bonafidd:", 1);
    assert!(world.verdict(&bad, &asked()).verified().is_empty());
    let mut seen = bonafide_verifier::MemorySeen::default();
    assert_eq!(verdict.clone().remembered(&mut seen).verified().len(), 4);
    assert!(verdict.remembered(&mut seen).verified().is_empty());
}

#[test]
fn the_same_agent_gets_the_same_level_in_every_format() {
    let world = World::new();
    for format in Format::ALL {
        world.accepted(&world.presentation(format), &asked(), Some("sensitive"));
    }
}
