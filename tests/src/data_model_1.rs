//! Documents of version 1.1 of the data model, beside those of 2.0.

use std::path::Path;
use std::process::Command;

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::vc::{CREDENTIALS_V1, CREDENTIALS_V2};
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{ProofOptions, add_proof};
use bonafide_proof::jose::{self, TokenType};
use bonafide_testkit::{
    AUDIENCE, Agent, Attested, NONCE, json, now, scene, secure, secure_presentation,
};
use bonafide_verifier::{BundleContent, Outcome, Request, Verdict, verify};

use crate::world::{DI, JWT, World, asked, binary, edited, nothing};

/// A type that needs no context of its own.
const BADGE: &str = "https://badges.example/terms#Badge";

/// Names what the context of version 1.1 does not know: the proof.
const DATA_INTEGRITY: &str = "https://w3id.org/security/data-integrity/v2";

const SUITE_NAMES: [&str; 2] = ["eddsa-jcs-2022", "eddsa-rdfc-2022"];

type Times<'t> = &'t [(&'static str, &'static str)];

fn badger() -> Agent {
    Agent::new("badger")
}

/// A policy that trusts the badger, and a level that asks for a badge.
fn world() -> World {
    let trusted = format!("\n[[issuer]]\ndid = \"{}\"\nattests = [\"{BADGE}\"]\n", badger().did);
    let level = format!(
        "[[level]]\nname = \"badged\"\ncredentials = [\"AgentIdentityCredential\", \"{BADGE}\"]\n\n"
    );
    let policy =
        |policy: String| policy.replacen("[[level]]", &format!("{level}[[level]]"), 1) + &trusted;
    World::with(policy, scene().bundle())
}

/// An unsigned badge of platinum's under the context of one of the versions.
fn badge(context: &'static str, times: Times<'_>) -> Object<'static> {
    let contexts = match context {
        CREDENTIALS_V1 => vec![CREDENTIALS_V1, DATA_INTEGRITY],
        _ => vec![context],
    };
    let mut document = Object::from([
        ("@context", Value::from(contexts)),
        ("id", "urn:badge:1".into()),
        ("type", vec!["VerifiableCredential", BADGE].into()),
        ("issuer", badger().did.into()),
        ("credentialSubject", Object::from([("id", scene().platinum.did)]).into()),
    ]);
    for (member, time) in times {
        document.insert(*member, *time);
    }
    document
}

fn signed(document: Object<'static>, suite: &str) -> String {
    let badger = badger();
    let options = ProofOptions {
        created: Some(now()),
        ..ProofOptions::new(&badger.method, Relationship::AssertionMethod)
    };
    let suite = SUITES.by_name(suite).unwrap();
    to_canonical_string(&add_proof(document.into(), &options, suite, &badger.key).unwrap())
}

/// The verdict with the suites that sign RDF.
fn verdict(world: &World, input: &str, request: &Request) -> Verdict {
    let evidence = world.evidence().with_suites(SUITES);
    verify(input.as_bytes(), request, &evidence, &world.policy, now())
}

#[track_caller]
fn refused(world: &World, input: &str, codes: &[&str]) {
    let verdict = verdict(world, input, &nothing());
    assert_eq!(verdict.outcome(), Outcome::Rejected, "{}", verdict.to_json());
    for code in codes {
        assert!(verdict.has_reason(code), "expected {code}:\n{}", verdict.to_json());
    }
}

#[test]
fn they_are_verified_within_their_time() {
    let world = world();
    let good: [Times<'_>; 4] = [
        &[("issuanceDate", "2026-11-01T00:00:00Z")],
        &[
            ("issuanceDate", "2026-11-01T00:00:00Z"),
            ("expirationDate", "2026-12-01T00:00:00+01:00"),
        ],
        &[("issuanceDate", "2026-11-01T00:00:00Z"), ("validUntil", "2026-12-01T00:00:00Z")],
        &[("issuanceDate", "2026-11-01T00:00:00Z"), ("validFrom", "2026-11-02T00:00:00Z")],
    ];
    for suite in SUITE_NAMES {
        for times in good {
            let text = signed(badge(CREDENTIALS_V1, times), suite);
            let verdict = verdict(&world, &text, &nothing());
            assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
        }
        for (times, code) in [
            (&[("issuanceDate", "2026-11-23T00:00:00Z")][..], "not-yet-valid"),
            (
                &[
                    ("issuanceDate", "2026-11-01T00:00:00Z"),
                    ("expirationDate", "2026-11-22T00:00:00Z"),
                ],
                "expired",
            ),
            // The members of version 2.0 bound it too, whichever is stricter.
            (
                &[("issuanceDate", "2026-11-01T00:00:00Z"), ("validFrom", "2026-11-23T00:00:00Z")],
                "not-yet-valid",
            ),
            (
                &[
                    ("issuanceDate", "2026-11-01T00:00:00Z"),
                    ("expirationDate", "2026-12-01T00:00:00Z"),
                    ("validUntil", "2026-11-22T00:00:00Z"),
                ],
                "expired",
            ),
            (&[("validFrom", "2026-11-01T00:00:00Z")], "malformed"),
        ] {
            refused(&world, &signed(badge(CREDENTIALS_V1, times), suite), &[code]);
        }
    }
    // The command line says the same.
    let text = signed(badge(CREDENTIALS_V1, good[1]), "eddsa-jcs-2022");
    world.accepted(&text, &nothing(), None);
    let ended =
        [("issuanceDate", "2026-11-01T00:00:00Z"), ("expirationDate", "2026-11-22T00:00:00Z")];
    let text = signed(badge(CREDENTIALS_V1, &ended), "eddsa-jcs-2022");
    world.refused(&text, &nothing(), "expired");
}

/// The signed document under other contexts, with members that nobody signed.
fn swap(text: &str, contexts: &[&'static str], more: Times<'_>) -> String {
    edited(text, |document| {
        document.insert("@context", contexts.to_vec());
        for (member, time) in more {
            document.insert(*member, *time);
        }
    })
}

#[test]
fn no_document_lives_longer_under_the_other_context() {
    let world = world();
    for suite in SUITE_NAMES {
        // It ended; its statements are the same under the context of version 1.1.
        let times = [("validFrom", "2026-10-01T00:00:00Z"), ("validUntil", "2026-11-01T00:00:00Z")];
        let ended = signed(badge(CREDENTIALS_V2, &times), suite);
        refused(&world, &ended, &["expired"]);
        for contexts in [&[CREDENTIALS_V1, DATA_INTEGRITY][..], &[CREDENTIALS_V1, CREDENTIALS_V2]] {
            refused(&world, &swap(&ended, contexts, &[]), &["malformed"]);
            // Nor do dates that nobody signed help.
            let more = [
                ("issuanceDate", "2026-10-01T00:00:00Z"),
                ("expirationDate", "2030-01-01T00:00:00Z"),
            ];
            refused(&world, &swap(&ended, contexts, &more[..1]), &["expired"]);
            refused(&world, &swap(&ended, contexts, &more), &["expired"]);
        }
        // The other way round.
        let times =
            [("issuanceDate", "2026-10-01T00:00:00Z"), ("expirationDate", "2026-11-01T00:00:00Z")];
        let ended = signed(badge(CREDENTIALS_V1, &times), suite);
        refused(&world, &ended, &["expired"]);
        refused(&world, &swap(&ended, &[CREDENTIALS_V2], &[]), &["malformed"]);
        let stripped = edited(&ended, |document| {
            document.insert("@context", vec![CREDENTIALS_V2]);
            document.remove("issuanceDate");
            document.remove("expirationDate");
        });
        refused(&world, &stripped, &["proof-invalid"]);
    }
}

#[test]
fn presentations_and_what_they_hold_may_differ() {
    let world = world();
    let platinum = &world.scene.platinum;
    let identity = world.scene.attest(Attested::Identity, platinum, DI);
    let old = badge(CREDENTIALS_V1, &[("issuanceDate", "2026-11-01T00:00:00Z")]);
    let new = badge(CREDENTIALS_V2, &[("validFrom", "2026-11-01T00:00:00Z")]);
    for suite in SUITE_NAMES {
        let held = [&identity, &signed(old.clone(), suite), &signed(new.clone(), suite)];
        for contexts in [vec![CREDENTIALS_V1, DATA_INTEGRITY], vec![CREDENTIALS_V2]] {
            let held: Vec<Value<'static>> = held.iter().map(|text| json(text)).collect();
            let presentation = Object::from([
                ("@context", Value::from(contexts)),
                ("type", vec!["VerifiablePresentation"].into()),
                ("holder", platinum.did.clone().into()),
                ("verifiableCredential", Value::Array(held)),
            ]);
            let text = secure_presentation(presentation.into(), platinum, Some((NONCE, AUDIENCE)));
            let verdict = verdict(&world, &text, &asked());
            assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
            assert_eq!(verdict.level(), Some("badged"));
        }
    }
}

#[test]
fn jwts_and_status_lists_are_of_version_2() {
    let world = world();
    let badger = badger();
    let old = badge(CREDENTIALS_V1, &[("issuanceDate", "2026-11-01T00:00:00Z")]);
    let token = secure(old.into(), &badger.key, &badger.method, JWT);
    world.refused(&token, &nothing(), "malformed");
    let platinum = &world.scene.platinum;
    let presentation = |context: &'static str| {
        let held = vec![json(&world.scene.attest(Attested::Identity, platinum, DI))];
        let payload = Object::from([
            ("@context", Value::from(vec![context])),
            ("type", vec!["VerifiablePresentation"].into()),
            ("holder", platinum.did.clone().into()),
            ("verifiableCredential", Value::Array(held)),
            ("nonce", NONCE.into()),
            ("aud", AUDIENCE.into()),
        ]);
        jose::sign(&payload.into(), TokenType::VP, &platinum.method, &platinum.key).unwrap()
    };
    world.refused(&presentation(CREDENTIALS_V1), &asked(), "malformed");
    let verdict = world.verdict(&presentation(CREDENTIALS_V2), &asked());
    assert!(!verdict.has_reason("malformed"), "{}", verdict.to_json());

    let scene = scene();
    let mut draft = scene.bundle_draft();
    for content in &mut draft.content {
        if let BundleContent::StatusList { credential, .. } = content
            && credential.get("issuer").and_then(Value::as_str) == Some(&scene.scorer.did)
        {
            let Value::Object(mut list) = scene.unsigned_status_list(&scene.scorer, &[]) else {
                panic!("an object")
            };
            list.insert("@context", vec![CREDENTIALS_V1]);
            list.insert("issuanceDate", "2026-11-22T11:55:00Z");
            *credential = json(&scene.secure(list.into(), &scene.scorer, DI));
        }
    }
    let world = World::with(|policy| policy, scene.sign_bundle(&draft));
    world.refused(&world.score(DI), &nothing(), "status-list-invalid");
}

#[test]
fn attestations_are_of_version_2() {
    let world = World::new();
    let scene = &world.scene;
    for attested in Attested::ALL {
        let Value::Object(mut vc) = scene.attestation(attested, &scene.platinum) else {
            panic!("an object")
        };
        let Some(Value::Array(contexts)) = vc.get_mut("@context") else { panic!("no list") };
        contexts[0] = CREDENTIALS_V1.into();
        vc.insert("issuanceDate", "2026-11-20T00:00:00Z");
        let Some(Value::Object(status)) = vc.get_mut("credentialStatus") else { panic!("none") };
        status.insert("id", "urn:status:1");
        let text = scene.secure(vc.into(), scene.issuer_of(attested), DI);
        world.refused(&text, &nothing(), "schema-violation");
    }
}

/// Runs the command line in a folder.
fn run_in(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(binary()).current_dir(folder).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn the_command_line_signs_and_verifies_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let (code, said) = run(&["key", "new", "--out", "badger.key", "--json"]);
    assert_eq!(code, 0, "{said}");
    let shown: serde_json::Value = serde_json::from_str(&said).unwrap();
    let did = shown["did"].as_str().unwrap();
    let unsigned = serde_json::json!({
        "@context": [CREDENTIALS_V1, DATA_INTEGRITY],
        "type": ["VerifiableCredential", BADGE],
        "issuer": did,
        "issuanceDate": "2026-01-01T00:00:00Z",
        "expirationDate": "2027-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:somebody"},
    });
    write("unsigned.json", &unsigned.to_string());
    write(
        "policy.toml",
        &format!("version = 1\n\n[[issuer]]\ndid = \"{did}\"\nattests = [\"{BADGE}\"]\n"),
    );
    let issue = ["issue", "--key", "badger.key", "--claims", "unsigned.json"];
    let (code, said) = run(&[&issue[..], &["--format", "vc+jwt"]].concat());
    assert_eq!(code, 64, "{said}");
    assert!(said.contains(CREDENTIALS_V2) && said.contains("version 1.1"), "{said}");

    for suite in SUITE_NAMES {
        let format = ["--format", suite, "--out", "badge.vc"];
        let (code, said) = run(&[&issue[..], &format].concat());
        assert_eq!(code, 0, "{suite}: {said}");
        let (code, said) = run(&["verify", "badge.vc", "--proof-only"]);
        assert_eq!(code, 0, "{suite}: {said}");
        let verify = ["verify", "badge.vc", "--policy", "policy.toml", "--json", "--at"];
        for (at, expected, reason) in [
            ("2026-06-01T00:00:00Z", 0, "accepted"),
            ("2025-12-31T00:00:00Z", 1, "not-yet-valid"),
            ("2027-01-02T00:00:00Z", 1, "expired"),
        ] {
            let (code, said) = run(&[&verify[..], &[at]].concat());
            assert_eq!(code, expected, "{suite}: {said}");
            assert!(said.contains(&format!("\"{reason}\"")), "{suite}: {said}");
        }
    }
    // Without the date that version 1.1 asks for, nothing is signed.
    let mut undated = unsigned;
    undated.as_object_mut().unwrap().remove("issuanceDate");
    write("unsigned.json", &undated.to_string());
    let (code, said) = run(&issue);
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("/issuanceDate"), "{said}");
}

#[test]
fn no_holder_hides_when_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments);
    let (code, said) = run(&["key", "new", "--alg", "p256", "--out", "badger.key", "--json"]);
    assert_eq!(code, 0, "{said}");
    let shown: serde_json::Value = serde_json::from_str(&said).unwrap();
    let unsigned = serde_json::json!({
        "@context": [CREDENTIALS_V1, DATA_INTEGRITY],
        "type": ["VerifiableCredential", BADGE],
        "issuer": shown["did"],
        "issuanceDate": "2026-01-01T00:00:00Z",
        "expirationDate": "2027-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:somebody"},
    });
    std::fs::write(folder.path().join("unsigned.json"), unsigned.to_string()).unwrap();
    let (code, said) = run(&[
        "issue",
        "--key",
        "badger.key",
        "--claims",
        "unsigned.json",
        "--format",
        "ecdsa-sd-2023",
        "--out",
        "badge.vc",
    ]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(&["derive", "badge.vc", "--out", "shown.vc"]);
    assert_eq!(code, 0, "{said}");
    let derived = std::fs::read_to_string(folder.path().join("shown.vc")).unwrap();
    assert!(derived.contains("\"issuanceDate\"") && derived.contains("\"expirationDate\""));
    let (code, said) = run(&["verify", "shown.vc", "--proof-only"]);
    assert_eq!(code, 0, "{said}");
}
