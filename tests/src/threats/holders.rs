//! Rows 13, 15, 30 and 32: aggregation, holder binding, borrowed credentials, stripped claims.

use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, json, present};
use bonafide_verifier::{Outcome, Request};

use crate::world::{DI, JWT, World, asked, edited, nothing};

#[test]
fn row_13_a_good_credential_does_not_save_a_presentation_that_answers_something_else() {
    let world = World::new();
    let scene = &world.scene;
    for format in [DI, JWT] {
        let held = scene.credentials(&scene.platinum, format);
        let old = present(&held, &scene.platinum, format, "another", AUDIENCE);
        world.refused(&old, &asked(), "nonce-mismatch");
    }
}

#[test]
fn row_13_any_failed_part_fails_the_whole() {
    let world = World::new();
    let scene = &world.scene;
    let good = scene.credentials(&scene.platinum, DI);
    for index in 0..good.len() {
        let mut held = good.clone();
        held[index] = held[index].replacen("urn:bonafide:", "urn:bonafidd:", 1);
        let presentation = scene.present(&held, &scene.platinum, DI);
        world.refused(&presentation, &asked(), "proof-invalid");
    }
}

#[test]
fn row_13_one_bad_proof_of_a_set_fails_the_whole() {
    let world = World::new();
    let good = world.score(DI);
    let bad = edited(&good, |vc| {
        let proof = vc.remove("proof").unwrap();
        let Value::Object(mut other) = proof.clone() else { panic!("no proof") };
        other.insert("created", "2026-11-22T00:00:00Z");
        vc.insert("proof", vec![proof, other.into()]);
    });
    world.refused(&bad, &nothing(), "proof-invalid");
}

#[test]
fn row_15_jwt_and_data_integrity_bind_to_nonce_and_audience() {
    let world = World::new();
    let scene = &world.scene;
    for format in [DI, JWT] {
        let held = scene.credentials(&scene.platinum, format);
        world.accepted(&world.presentation(format), &asked(), Some("sensitive"));
        for audience in
            ["https://pay.example.evil", "https://PAY.example", "https://pay.example/", ""]
        {
            let other = present(&held, &scene.platinum, format, NONCE, audience);
            world.refused(&other, &asked(), "audience-mismatch");
        }
        for nonce in ["9f1c2", "9f1c2d0", "9F1C2D", ""] {
            let other = present(&held, &scene.platinum, format, nonce, AUDIENCE);
            world.refused(&other, &asked(), "nonce-mismatch");
        }
    }
}

#[test]
fn row_15_a_binding_that_is_left_out_is_wrong() {
    let world = World::new();
    let scene = &world.scene;
    let held: Vec<Value<'static>> =
        scene.credentials(&scene.platinum, DI).iter().map(|text| json(text)).collect();
    let agent = &scene.platinum;
    let presentation = bonafide_core::vc::new_presentation(&agent.did, held);
    let unbound = bonafide_testkit::secure_presentation(presentation.clone(), agent, None);
    world.refused(&unbound, &asked(), "nonce-mismatch");
    world.refused(&unbound, &asked(), "audience-mismatch");
    // And a presentation without any proof is nobody's.
    let unsigned = bonafide_core::json::to_canonical_string(&presentation);
    world.refused(&unsigned, &asked(), "proof-missing");
}

#[test]
fn row_15_claims_of_the_wrong_type_do_not_count_as_absent() {
    let world = World::new();
    let scene = &world.scene;
    let held = scene.credentials(&scene.platinum, JWT);
    let enveloped: Vec<_> = held
        .iter()
        .map(|token| bonafide_core::vc::envelop(token, bonafide_core::vc::VC_JWT))
        .collect();
    for (claim, value) in [("nonce", Value::from(5_u32)), ("aud", Object::new().into())] {
        let Value::Object(mut claims) =
            bonafide_core::vc::new_presentation(&scene.platinum.did, enveloped.clone())
        else {
            panic!("an object")
        };
        claims.insert("nonce", NONCE);
        claims.insert("aud", AUDIENCE);
        claims.insert(claim, value);
        let token = bonafide_proof::jose::sign(
            &claims.into(),
            bonafide_proof::jose::TokenType::VP,
            &scene.platinum.method,
            &scene.platinum.key,
        );
        world.refused(&token.unwrap(), &asked(), "malformed");
    }
}

#[test]
fn row_15_a_request_that_binds_nothing_grants_nothing() {
    let world = World::new();
    for format in [DI, JWT] {
        world.undecided(&world.presentation(format), &nothing(), "presentation-unbound");
        let half = Request::new().nonce(NONCE);
        let verdict = world.verdict(&world.presentation(format), &half);
        assert_eq!(verdict.outcome(), Outcome::Undecided);
        assert_eq!(verdict.level(), None);
    }
}

#[test]
fn row_15_the_holder_controls_the_key() {
    let world = World::new();
    let scene = &world.scene;
    let held = scene.credentials(&scene.platinum, DI).iter().map(|text| json(text)).collect();
    // A stranger signs, in the name of platinum.
    let claimed = bonafide_core::vc::new_presentation(&scene.platinum.did, held);
    let forged =
        bonafide_testkit::secure_presentation(claimed, &scene.stranger, Some((NONCE, AUDIENCE)));
    world.refused(&forged, &asked(), "holder-mismatch");
    assert_eq!(world.verdict(&forged, &asked()).presenter(), None);
}

#[test]
fn row_30_borrowed_credentials_are_refused() {
    let world = World::new();
    let scene = &world.scene;
    for format in Format::ALL {
        let identity = scene.attest(Attested::Identity, &scene.bronze, format);
        let score = scene.attest(Attested::PactScore, &scene.platinum, format);
        let envelope = if matches!(format, Format::Jwt(_)) { JWT } else { DI };
        let borrowed = scene.present(&[identity, score], &scene.bronze, envelope);
        world.refused(&borrowed, &asked(), "subject-mismatch");
    }
}

#[test]
fn row_30_two_subjects_or_none_are_refused() {
    let world = World::new();
    let scene = &world.scene;
    let present = |credential: Value<'static>| {
        let secured = scene.secure(credential, &scene.scorer, DI);
        scene.present(&[secured], &scene.platinum, DI)
    };
    let changed = |change: &dyn Fn(Object<'static>) -> Value<'static>| {
        let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
            panic!("an object")
        };
        let Some(Value::Object(subject)) = vc.remove("credentialSubject") else { panic!("none") };
        vc.insert("credentialSubject", change(subject));
        present(vc.into())
    };
    let two = changed(&|subject| {
        let mut other = subject.clone();
        other.insert("id", scene.bronze.did.clone());
        vec![subject, other].into()
    });
    world.refused(&two, &asked(), "subjects-many");
    let none = changed(&|mut subject| {
        subject.remove("id");
        subject.into()
    });
    world.refused(&none, &asked(), "subject-missing");
}

#[test]
fn row_32_what_a_type_always_discloses_cannot_be_stripped() {
    let world = World::new();
    let scene = &world.scene;
    let stripped = |pointer: &str| {
        let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
            panic!("an object")
        };
        match pointer.strip_prefix("/credentialSubject/") {
            None => drop(vc.remove(pointer.trim_start_matches('/'))),
            Some(member) => {
                let Some(Value::Object(subject)) = vc.get_mut("credentialSubject") else {
                    panic!("none")
                };
                subject.remove(member);
            }
        }
        scene.secure(vc.into(), &scene.scorer, DI)
    };
    for pointer in [
        "/id",
        "/validFrom",
        "/validUntil",
        "/credentialSchema",
        "/credentialStatus",
        "/credentialSubject/id",
        "/credentialSubject/agentVersion",
        "/credentialSubject/modelDigest",
        "/credentialSubject/computedAt",
        "/credentialSubject/decay",
    ] {
        world.refused(&stripped(pointer), &nothing(), "claims-missing");
    }
    for pointer in ["/credentialSubject/value", "/credentialSubject/tier"] {
        world.refused(&stripped(pointer), &nothing(), "schema-violation");
    }
    for pointer in ["/type", "/issuer"] {
        world.refused(&stripped(pointer), &nothing(), "malformed");
    }
}

#[test]
fn agents_with_long_dids_are_one_agent_too() {
    // A did:jwk of a P-384 key has more than 256 characters.
    let world = World::new();
    let scene = &world.scene;
    let key = bonafide_testkit::key("long", KeyType::P384);
    let public = bonafide_proof::Signer::public_key(&key);
    let mut jwk = public.to_jwk().unwrap();
    jwk.insert("use", "sig");
    jwk.insert("alg", "ES384");
    let encoded = bonafide_core::json::to_canonical_string(&jwk.into());
    let encoded = bonafide_core::encoding::encode_base64url(encoded.as_bytes());
    let did = format!("did:jwk:{encoded}");
    assert!(did.len() > 256);
    let agent = bonafide_testkit::Agent { name: "bronze", method: format!("{did}#0"), did, key };
    let identity = scene.attest(Attested::Identity, &agent, DI);
    let score = scene.attest(Attested::PactScore, &agent, DI);
    let presentation = scene.present(&[identity, score], &agent, DI);
    world.accepted(&presentation, &asked(), Some("read"));
}

#[test]
fn row_15_an_empty_question_binds_nothing() {
    let world = World::new();
    let scene = &world.scene;
    for format in [DI, JWT] {
        let held = scene.credentials(&scene.platinum, format);
        let answer = present(&held, &scene.platinum, format, "", "");
        let verdict = world.verdict(&answer, &Request::new().nonce("").audience(""));
        assert!(verdict.has_reason("presentation-unbound"));
        assert_eq!((verdict.outcome(), verdict.level()), (Outcome::Undecided, None));
    }
}
