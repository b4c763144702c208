//! Row 12, and the property that no single changed byte is ever accepted.

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_testkit::{Attested, Format};
use bonafide_verifier::Outcome;
use proptest::prelude::*;

use crate::world::{DI, JWT, World, asked, edited, nothing};

#[test]
fn row_12_no_proof_and_empty_sets_are_refused() {
    let world = World::new();
    let good = world.score(DI);
    world.refused(&edited(&good, |vc| drop(vc.remove("proof"))), &nothing(), "proof-missing");
    let empty = edited(&good, |vc| drop(vc.insert("proof", Vec::<Value<'_>>::new())));
    world.refused(&empty, &nothing(), "proof-missing");
    for odd in [Value::Null, "x".into(), Object::new().into()] {
        world.refused(&edited(&good, |vc| drop(vc.insert("proof", odd))), &nothing(), "malformed");
    }
}

/// Two proofs by the scorer, the second building on the first.
fn chain(world: &World) -> Value<'static> {
    let scene = &world.scene;
    let (key, method) = scene.scorer.key(KeyType::Ed25519);
    let suite = Suites::JCS.for_key(KeyType::Ed25519).unwrap();
    let first = ProofOptions {
        id: Some("urn:example:first"),
        ..ProofOptions::new(&method, Relationship::AssertionMethod)
    };
    let second = ProofOptions {
        id: Some("urn:example:second"),
        previous: &["urn:example:first"],
        ..ProofOptions::new(&method, Relationship::AssertionMethod)
    };
    let credential = scene.attestation(Attested::PactScore, &scene.platinum);
    let credential = add_proof(credential, &first, suite, &key).unwrap();
    add_proof(credential, &second, suite, &key).unwrap()
}

#[test]
fn row_12_a_stripped_proof_that_another_builds_on() {
    let world = World::new();
    let good = to_canonical_string(&chain(&world));
    world.accepted(&good, &nothing(), None);
    let stripped = edited(&good, |vc| {
        let Some(Value::Array(mut proofs)) = vc.remove("proof") else { panic!("no set") };
        vc.insert("proof", proofs.remove(1));
    });
    world.refused(&stripped, &nothing(), "previous-proof-missing");
    // The first proof exchanged for another genuine one under the same id.
    let twice = edited(&good, |vc| {
        let Some(Value::Array(mut proofs)) = vc.remove("proof") else { panic!("no set") };
        proofs.push(proofs[0].clone());
        vc.insert("proof", proofs);
    });
    world.refused(&twice, &nothing(), "proof-invalid");
}

#[test]
fn row_12_a_cycle_of_previous_proofs() {
    let world = World::new();
    let good = to_canonical_string(&chain(&world));
    for target in ["urn:example:second", "urn:example:first"] {
        let cycle = edited(&good, |vc| {
            let Some(Value::Array(mut proofs)) = vc.remove("proof") else { panic!("no set") };
            let Value::Object(first) = &mut proofs[0] else { panic!("no proof") };
            first.insert("previousProof", target);
            vc.insert("proof", proofs);
        });
        world.refused(&cycle, &nothing(), "previous-proof-cycle");
    }
}

#[test]
fn row_12_a_required_cosigner_that_was_stripped() {
    let scene = bonafide_testkit::scene();
    let required =
        "attests = [\"PactScoreCredential\"]\ncosigners = [\"did:web:certifier.example\"]";
    let policy = |policy: String| policy.replace("attests = [\"PactScoreCredential\"]", required);
    let world = World::with(policy, scene.bundle());
    let alone = world.score(DI);
    world.refused(&alone, &nothing(), "cosigner-missing");
    let (key, method) = scene.certifier.key(KeyType::P256);
    let options = ProofOptions::new(&method, Relationship::AssertionMethod);
    let suite = Suites::JCS.for_key(KeyType::P256).unwrap();
    let both = add_proof(bonafide_testkit::json(&alone), &options, suite, &key).unwrap();
    world.accepted(&to_canonical_string(&both), &nothing(), None);
}

#[test]
fn unknown_suites_and_expired_proofs_are_refused() {
    let world = World::new();
    let good = world.score(DI);
    let set = |member: &'static str, value: &'static str| {
        edited(&good, |vc| {
            let Some(Value::Object(proof)) = vc.get_mut("proof") else { panic!("no proof") };
            proof.insert(member, value);
        })
    };
    world.refused(&set("cryptosuite", "eddsa-jcs-2023"), &nothing(), "suite-unknown");
    world.refused(&set("type", "Ed25519Signature2018"), &nothing(), "suite-unknown");
    world.refused(&set("cryptosuite", "ecdsa-jcs-2019"), &nothing(), "proof-invalid");
    let scene = &world.scene;
    let (key, method) = scene.scorer.key(KeyType::Ed25519);
    let options = ProofOptions {
        expires: Some(bonafide_testkit::at("2026-11-22T11:59:00Z")),
        ..ProofOptions::new(&method, Relationship::AssertionMethod)
    };
    let suite = Suites::JCS.for_key(KeyType::Ed25519).unwrap();
    let credential = scene.attestation(Attested::PactScore, &scene.platinum);
    let ended = add_proof(credential, &options, suite, &key).unwrap();
    world.refused(&to_canonical_string(&ended), &nothing(), "proof-expired");
}

#[test]
fn every_changed_byte_of_a_small_part_is_noticed() {
    // Every byte of the proof and around it, each with one bit changed.
    let world = World::new();
    let good = world.score(DI);
    let start = good.find("\"proof\"").unwrap();
    for index in start..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[index] ^= 1;
        let verdict = world.verdict_at(&bytes, &nothing(), bonafide_testkit::now());
        assert_ne!(verdict.outcome(), Outcome::Accepted, "byte {index}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_single_changed_byte_is_ever_accepted(
        text in 0..Format::ALL.len() + 2,
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        thread_local! {
            static GOOD: (World, Vec<String>) = {
                let world = World::new();
                let mut texts: Vec<String> =
                    Format::ALL.iter().map(|format| world.score(*format)).collect();
                texts.extend([DI, JWT].map(|format| world.presentation(format)));
                (world, texts)
            };
        }
        GOOD.with(|(world, texts)| {
            let mut bytes = texts[text].clone().into_bytes();
            let index = place.index(bytes.len());
            prop_assume!(bytes[index] != byte);
            bytes[index] = byte;
            let request = if text < Format::ALL.len() { nothing() } else { asked() };
            let verdict = world.verdict_at(&bytes, &request, bonafide_testkit::now());
            prop_assert_ne!(verdict.outcome(), Outcome::Accepted);
            Ok(())
        })?;
    }
}
