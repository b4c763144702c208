//! Row 14: who may attest what.

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_testkit::{Attested, Format, secure};

use crate::world::{DI, JWT, World, asked, nothing};

#[test]
fn row_14_the_attackers_key_with_the_victims_issuer() {
    let world = World::new();
    let scene = &world.scene;
    let attacker = &scene.stranger;
    for format in [DI, JWT] {
        let credential = scene.attestation(Attested::PactScore, &scene.bronze);
        let forged = secure(credential, &attacker.key, &attacker.method, format);
        world.refused(&forged, &nothing(), "issuer-mismatch");
    }
    // The attacker's signature under the name of the victim's key.
    for format in [DI, JWT] {
        let credential = scene.attestation(Attested::PactScore, &scene.bronze);
        let (_, method) = scene.scorer.key(KeyType::Ed25519);
        let forged = secure(credential, &attacker.key, &method, format);
        world.refused(&forged, &nothing(), "proof-invalid");
    }
}

#[test]
fn row_14_a_wrong_purpose() {
    let world = World::new();
    let scene = &world.scene;
    let (key, method) = scene.scorer.key(KeyType::Ed25519);
    for purpose in [Relationship::Authentication, Relationship::CapabilityDelegation] {
        let options = ProofOptions::new(&method, purpose);
        let suite = Suites::JCS.for_key(KeyType::Ed25519).unwrap();
        let credential = scene.attestation(Attested::PactScore, &scene.bronze);
        let secured = add_proof(credential, &options, suite, &key).unwrap();
        world.refused(&to_canonical_string(&secured), &nothing(), "purpose-mismatch");
    }
    // A key that its document does not list for presentations.
    let agent =
        bonafide_testkit::Agent { name: "platinum", did: scene.scorer.did.clone(), method, key };
    let presentation = scene.present(&scene.credentials(&scene.platinum, DI), &agent, DI);
    world.refused(&presentation, &asked(), "key-not-for-purpose");
}

#[test]
fn row_14_an_issuer_not_trusted_for_this_type() {
    let world = World::new();
    let scene = &world.scene;
    for format in Format::ALL {
        let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.bronze) else {
            panic!("an object")
        };
        vc.insert("issuer", scene.registrar.did.clone());
        let secured = scene.secure(vc.into(), &scene.registrar, format);
        world.refused(&secured, &nothing(), "issuer-untrusted");
    }
}

#[test]
fn row_14_a_second_type_needs_trust_of_its_own() {
    let world = World::new();
    let scene = &world.scene;
    let credential = Object::from([
        ("@context", Value::from(vec![bonafide_core::vc::CREDENTIALS_V2])),
        ("type", vec!["VerifiableCredential", "PactScoreCredential", "AdminCredential"].into()),
        ("issuer", scene.scorer.did.clone().into()),
        ("credentialSubject", Object::from([("id", scene.bronze.did.clone())]).into()),
    ]);
    let secured = scene.secure(credential.into(), &scene.scorer, DI);
    world.refused(&secured, &nothing(), "issuer-untrusted");
    world.refused(&secured, &nothing(), "claims-missing");
}

#[test]
fn a_builder_speaks_for_itself_and_not_for_another() {
    let scene = bonafide_testkit::scene();
    // The rung asks for Builder Ltd; the certifier is trusted as a builder too.
    let policy = |policy: String| {
        policy
            .replace(
                "attests = [\"AgentCertificationCredential\"]",
                "attests = [\"AgentCertificationCredential\", \"AgentBuilderCredential\"]",
            )
            .replace("score = 60", "score = 60\nbuilders = [\"did:web:builder.example\"]")
    };
    let world = World::with(policy, scene.bundle());
    let honest = scene.credentials(&scene.bronze, DI);
    world.accepted(&scene.present(&honest, &scene.bronze, DI), &asked(), Some("read"));
    let Value::Object(mut vc) = scene.attestation(Attested::Builder, &scene.bronze) else {
        panic!("an object")
    };
    vc.insert("issuer", scene.certifier.did.clone());
    let Some(Value::Object(status)) = vc.get_mut("credentialStatus") else { panic!("none") };
    status.insert("statusListCredential", scene.certifier.list.clone());
    let mut held = honest;
    held[1] = scene.secure(vc.into(), &scene.certifier, DI);
    world.refused(&scene.present(&held, &scene.bronze, DI), &asked(), "no-level");
}

#[test]
fn scores_belong_to_the_version_that_was_scored() {
    let world = World::new();
    let scene = &world.scene;
    let changed = |member: &'static str, value: &str| {
        let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
            panic!("an object")
        };
        let Some(Value::Object(subject)) = vc.get_mut("credentialSubject") else { panic!("none") };
        subject.insert(member, value.to_owned());
        let mut held = scene.credentials(&scene.platinum, DI);
        held[3] = scene.secure(vc.into(), &scene.scorer, DI);
        scene.present(&held, &scene.platinum, DI)
    };
    world.refused(&changed("agentVersion", "2.2.9"), &asked(), "no-level");
    let other = format!("sha256:{}", "0".repeat(64));
    world.refused(&changed("modelDigest", &other), &asked(), "no-level");
}

#[test]
fn what_does_not_count_is_not_held_either() {
    let scene = bonafide_testkit::scene();
    // A rung that asks for the bare types.
    let policy = |policy: String| {
        policy
            .replace("attests = [\"AgentCertificationCredential\"]", "attests = [\"AgentCertificationCredential\", \"AgentBuilderCredential\"]")
            .replace(
                "credentials = [\"AgentIdentityCredential\"]\nscore = 60",
                "credentials = [\"AgentIdentityCredential\", \"AgentBuilderCredential\", \"AgentCertificationCredential\", \"PactScoreCredential\"]",
            )
    };
    let world = World::with(policy, scene.bundle());
    let all = scene.credentials(&scene.bronze, DI);
    world.accepted(&scene.present(&all, &scene.bronze, DI), &asked(), Some("read"));
    let changed = |attested: Attested, change: &dyn Fn(&mut Object<'static>)| {
        let Value::Object(mut vc) = scene.attestation(attested, &scene.bronze) else {
            panic!("an object")
        };
        change(&mut vc);
        vc
    };
    let in_subject = |vc: &mut Object<'static>, member: &'static str, value: &'static str| {
        let Some(Value::Object(subject)) = vc.get_mut("credentialSubject") else { panic!("none") };
        subject.insert(member, value);
    };
    // The certification of another version, and the score of another version.
    for (place, attested, issuer) in
        [(2, Attested::Certification, &scene.certifier), (3, Attested::PactScore, &scene.scorer)]
    {
        let vc = changed(attested, &|vc| in_subject(vc, "agentVersion", "0.0.1"));
        let mut held = all.clone();
        held[place] = scene.secure(vc.into(), issuer, DI);
        world.refused(&scene.present(&held, &scene.bronze, DI), &asked(), "no-level");
    }
    // Another builder's word about the builder.
    let vc = changed(Attested::Builder, &|vc| {
        vc.insert("issuer", scene.certifier.did.clone());
        let Some(Value::Object(status)) = vc.get_mut("credentialStatus") else { panic!("none") };
        status.insert("statusListCredential", scene.certifier.list.clone());
    });
    let mut held = all;
    held[1] = scene.secure(vc.into(), &scene.certifier, DI);
    world.refused(&scene.present(&held, &scene.bronze, DI), &asked(), "no-level");
}

#[test]
fn a_score_computed_in_the_future_counts_for_nothing() {
    // A rung that asks for the tier alone, besides who the agent is.
    let by_tier = |policy: String| policy.replace("score = 60", "tier = \"bronze\"");
    let world = World::with(by_tier, bonafide_testkit::scene().bundle());
    let scene = &world.scene;
    let mut held = scene.credentials(&scene.bronze, DI);
    world.accepted(&scene.present(&held, &scene.bronze, DI), &asked(), Some("read"));
    let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.bronze) else {
        panic!("an object")
    };
    let Some(Value::Object(subject)) = vc.get_mut("credentialSubject") else { panic!("none") };
    subject.insert("computedAt", "2099-01-01T00:00:00Z");
    held[3] = scene.secure(vc.into(), &scene.scorer, DI);
    world.refused(&scene.present(&held, &scene.bronze, DI), &asked(), "no-level");
}
