//! Row 32: derived credentials, of which the holder shows a part.

mod hiding;

use bonafide_core::attestation::AttestationType;
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_linked_data::{SUITES, bbs};
use bonafide_proof::Signer;
use bonafide_proof::data_integrity::{DeriveInput, ProofOptions, add_proof_with, proofs_of};
use bonafide_testkit::{Attested, Issuer, Scene, now, scene};
use bonafide_verifier::{BundleContent, Outcome, Reason, Request, Verdict, verify};

use crate::world::{DI, World, asked, nothing};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Selective {
    EcdsaSd,
    Bbs,
}

impl Selective {
    const ALL: [Self; 2] = [Self::EcdsaSd, Self::Bbs];
}

fn bls_key() -> bbs::SecretKey {
    bbs::SecretKey::generate(&[7; 32]).unwrap()
}

/// The scene, in which each issuer has a key for bbs-2023 as well.
fn world(policy: impl FnOnce(String) -> String) -> World {
    let scene = scene();
    let mut draft = scene.bundle_draft();
    for content in &mut draft.content {
        if let BundleContent::Document { document: Value::Object(document), .. } = content {
            add_bls_key(document);
        }
    }
    World::with(policy, scene.sign_bundle(&draft))
}

fn add_bls_key(document: &mut Object<'static>) {
    let did = document.str("id").unwrap().to_owned();
    let id = format!("{did}#bls");
    let method = Object::from([
        ("id", id.clone()),
        ("type", "Multikey".to_owned()),
        ("controller", did),
        ("publicKeyMultibase", bls_key().public_key().to_multikey()),
    ]);
    let items = [("verificationMethod", Value::from(method)), ("assertionMethod", id.into())];
    for (member, item) in items {
        let Some(Value::Array(list)) = document.get_mut(member) else { panic!("no {member}") };
        list.push(item);
    }
}

/// A credential with its base proof, as its holder has it.
struct Held {
    document: Object<'static>,
}

impl Held {
    fn new(
        document: Value<'static>,
        mandatory: &[&str],
        issuer: &Issuer,
        selective: Selective,
    ) -> Self {
        let (p256, p256_method) = issuer.key(KeyType::P256);
        let bls = bls_key();
        let (suite, method, signer): (&str, String, &dyn Signer) = match selective {
            Selective::EcdsaSd => ("ecdsa-sd-2023", p256_method, &p256),
            Selective::Bbs => ("bbs-2023", format!("{}#bls", issuer.did), &bls),
        };
        let options =
            ProofOptions { mandatory, ..ProofOptions::new(&method, Relationship::AssertionMethod) };
        let mut draws = 0_u8;
        let mut random = |bytes: &mut [u8]| {
            draws += 1;
            bytes.fill(draws);
            Ok(())
        };
        let suite = SUITES.by_name(suite).unwrap();
        let base = add_proof_with(document, &options, suite, signer, &mut random).unwrap();
        let Value::Object(document) = base else { panic!("an object") };
        Self { document }
    }

    /// An issuer that makes nothing mandatory, so that everything can be stripped.
    fn careless(document: Value<'static>, issuer: &Issuer, selective: Selective) -> Self {
        Self::new(document, &[], issuer, selective)
    }

    /// An issuer that makes mandatory what the type asks for.
    fn careful(document: Value<'static>, issuer: &Issuer, selective: Selective) -> Self {
        let mandatory = known(&document).mandatory_pointers(&document);
        Self::new(document, &mandatory, issuer, selective)
    }

    /// What is shown when these pointers are revealed besides the mandatory ones.
    fn reveal(&self, pointers: &[&str]) -> String {
        let proofs = proofs_of(&self.document).unwrap();
        let proof = &proofs[0];
        let input = DeriveInput {
            document: &self.document,
            proof,
            reveal: pointers,
            presentation_header: b"",
        };
        let shown = SUITES.of_proof(proof).unwrap().derive(input).unwrap();
        to_canonical_string(&shown.into())
    }

    /// What there is to reveal: each member of the credential, of the subject and of the objects in
    /// it. Ids and types are always shown with what they belong to.
    fn pointers(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (name, value) in self.document.iter() {
            match (name, value) {
                ("@context" | "id" | "type" | "proof", _) => {}
                ("credentialSubject", Value::Object(subject)) => {
                    all.extend(leaves(subject, "/credentialSubject"));
                }
                _ => all.push(format!("/{name}")),
            }
        }
        all
    }

    /// Everything but what lies at `hidden` or under it, or leads there and to nothing else.
    fn all_but(&self, hidden: &str) -> String {
        let parent = hidden.rsplit_once('/').map_or("", |(parent, _)| parent);
        let all = self.pointers();
        let gone = |pointer: &str| {
            let under = pointer.strip_prefix(hidden).is_some_and(|rest| rest.starts_with('/'));
            // An object's id goes only with the object.
            let beside = hidden.ends_with("/id") && pointer.starts_with(parent);
            pointer == hidden || under || beside
        };
        let shown: Vec<&str> =
            all.iter().map(String::as_str).filter(|pointer| !gone(pointer)).collect();
        self.reveal(&shown)
    }
}

fn leaves(object: &Object<'_>, place: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (name, value) in object.iter().filter(|(name, _)| !["id", "type"].contains(name)) {
        match value {
            Value::Object(inner) => all.extend(leaves(inner, &format!("{place}/{name}"))),
            _ => all.push(format!("{place}/{name}")),
        }
    }
    all
}

fn known(document: &Value<'_>) -> &'static AttestationType {
    AttestationType::by_name(document.pointer("/type/1").and_then(Value::as_str).unwrap()).unwrap()
}

/// An attestation about the platinum agent with more claims.
fn attestation(
    scene: &Scene,
    attested: Attested,
    claims: &[(&'static str, Value<'static>)],
) -> Value<'static> {
    let Value::Object(mut document) = scene.attestation(attested, &scene.platinum) else {
        panic!("an object")
    };
    let Some(Value::Object(subject)) = document.get_mut("credentialSubject") else {
        panic!("no subject")
    };
    for (name, value) in claims {
        subject.insert(*name, value.clone());
    }
    document.into()
}

/// The scene's attestation; the certification is bound to the agent's version.
fn bound(scene: &Scene, attested: Attested) -> Value<'static> {
    let version = match attested {
        Attested::Certification => vec![("agentVersion", Value::from("2.3.0"))],
        _ => Vec::new(),
    };
    attestation(scene, attested, &version)
}

fn verdict(world: &World, input: &str, request: &Request) -> Verdict {
    let evidence = world.evidence().with_suites(SUITES);
    verify(input.as_bytes(), request, &evidence, &world.policy, now())
}

/// The platinum agent presents a score beside its identity.
fn presented(world: &World, score: String) -> Verdict {
    let scene = &world.scene;
    let held = [scene.attest(Attested::Identity, &scene.platinum, DI), score];
    verdict(world, &scene.present(&held, &scene.platinum, DI), &asked())
}

#[track_caller]
fn refused(verdict: &Verdict, code: &str) {
    assert!(verdict.has_reason(code), "expected {code}:\n{}", verdict.to_json());
    assert_eq!((verdict.outcome(), verdict.level()), (Outcome::Rejected, None));
}

#[track_caller]
fn misses(verdict: &Verdict, pointer: &str) {
    refused(verdict, "claims-missing");
    let named = |reason: &Reason| match reason {
        Reason::ClaimsMissing { pointer: found, .. } => *found == pointer,
        _ => false,
    };
    assert!(verdict.reasons().any(named), "expected {pointer}:\n{}", verdict.to_json());
}

#[test]
fn row_32_a_derived_credential_without_what_its_type_always_discloses() {
    let world = world(|policy| policy);
    let general = ["/validFrom", "/validUntil", "/credentialSchema", "/credentialStatus"];
    for selective in Selective::ALL {
        for attested in Attested::ALL {
            if selective == Selective::Bbs && attested != Attested::PactScore {
                continue;
            }
            let document = bound(&world.scene, attested);
            let known = known(&document);
            let held = Held::careless(document, world.scene.issuer_of(attested), selective);
            let own = known.mandatory.iter().chain(known.mandatory_in_part);
            for pointer in general.iter().chain(own) {
                let shown = verdict(&world, &held.all_but(pointer), &nothing());
                misses(&shown, pointer);
                if *pointer == "/credentialStatus" {
                    refused(&shown, "status-missing");
                }
            }
            let without_issuer = held.all_but("/issuer");
            refused(&verdict(&world, &without_issuer, &nothing()), "malformed");
        }
    }
}

#[test]
fn row_32_parts_of_what_is_always_disclosed() {
    let world = world(|policy| policy);
    let score = bound(&world.scene, Attested::PactScore);
    let held = Held::careless(score, &world.scene.scorer, Selective::EcdsaSd);
    for (hidden, code) in [
        ("/credentialSubject/decay/rule", "schema-violation"),
        ("/credentialSubject/decay/pointsPerDay", "schema-violation"),
        ("/credentialSubject/decay/graceSeconds", "schema-violation"),
    ] {
        refused(&verdict(&world, &held.all_but(hidden), &nothing()), code);
    }
    let all = held.pointers();
    for hidden in ["statusPurpose", "statusListIndex", "statusListCredential"] {
        let status: Vec<String> = ["statusPurpose", "statusListIndex", "statusListCredential"]
            .into_iter()
            .filter(|member| *member != hidden)
            .map(|member| format!("/credentialStatus/{member}"))
            .collect();
        let others = all.iter().filter(|pointer| *pointer != "/credentialStatus");
        let shown: Vec<&str> = others.chain(&status).map(String::as_str).collect();
        refused(&verdict(&world, &held.reveal(&shown), &nothing()), "malformed");
    }
}

#[test]
fn row_32_nothing_can_be_stripped_from_what_a_careful_issuer_signs() {
    let world = world(|policy| policy);
    for selective in Selective::ALL {
        for attested in Attested::ALL {
            if selective == Selective::Bbs && attested != Attested::PactScore {
                continue;
            }
            let document = bound(&world.scene, attested);
            let held = Held::careful(document, world.scene.issuer_of(attested), selective);
            let least = verdict(&world, &held.reveal(&[]), &nothing());
            assert_eq!(least.outcome(), Outcome::Accepted, "{}", least.to_json());
            let all = held.pointers();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let whole = verdict(&world, &held.reveal(&all), &nothing());
            assert_eq!(whole.outcome(), Outcome::Accepted, "{}", whole.to_json());
            // Revocation and the rest of the checks know it as one credential.
            assert_eq!(least.credential_digests(), whole.credential_digests());
        }
    }
}

#[test]
fn row_32_a_certification_for_every_version_is_shown_whole() {
    let world = world(|policy| policy);
    let Value::Object(mut unbound) = attestation(&world.scene, Attested::Certification, &[]) else {
        panic!("an object")
    };
    let Some(Value::Object(subject)) = unbound.get_mut("credentialSubject") else {
        panic!("a subject")
    };
    subject.remove("agentVersion").unwrap();
    let unbound = unbound.into();
    let held = Held::careful(unbound, &world.scene.certifier, Selective::EcdsaSd);
    let all = held.pointers();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let shown = verdict(&world, &held.reveal(&all), &nothing());
    misses(&shown, "/credentialSubject/agentVersion");
}

#[test]
fn row_32_a_part_of_a_credential_of_another_type() {
    const OTHER: &str = "https://types.example/terms#Other";
    let trusted = |policy: String| {
        let own = "attests = [\"PactScoreCredential\"";
        assert!(policy.contains(own));
        policy.replace(own, &format!("{own}, \"{OTHER}\""))
    };
    let world = world(trusted);
    let scene = &world.scene;
    let Value::Object(mut document) = bound(scene, Attested::PactScore) else {
        panic!("an object")
    };
    let subject = [("id", scene.platinum.did.clone()), ("name", "An agent".to_owned())];
    document.insert("credentialSubject", Object::from(subject));
    document.insert("type", vec!["VerifiableCredential", OTHER]);
    document.remove("credentialSchema");
    let held = Held::careless(document.into(), &scene.scorer, Selective::EcdsaSd);
    // Nobody can tell that it never named a schema.
    let all = held.pointers();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    misses(&verdict(&world, &held.reveal(&all), &nothing()), "/credentialSchema");
    for hidden in ["/validFrom", "/validUntil"] {
        misses(&verdict(&world, &held.all_but(hidden), &nothing()), hidden);
    }
}

const BY_SCORE: &str = r#"
[[level]]
name = "eighty"
credentials = ["AgentIdentityCredential"]
score = 80

[[level]]
name = "seventy-five"
credentials = ["AgentIdentityCredential"]
score = 75

[[level]]
name = "gold"
credentials = ["AgentIdentityCredential"]
tier = "gold"

[[level]]
name = "sure"
credentials = ["AgentIdentityCredential"]
confidence = 50
"#;

/// The scene's policy with another ladder.
fn with_ladder(policy: &str, ladder: &str) -> String {
    let (before, _) = policy.split_once("[[level]]").unwrap();
    format!("{before}{ladder}")
}

#[test]
fn a_hidden_score_is_worth_what_is_known_of_it() {
    let world = world(|policy| with_ladder(&policy, BY_SCORE));
    let thresholds = [("atLeast50", Value::from(true)), ("atLeast75", Value::from(true))];
    for selective in Selective::ALL {
        let score = attestation(&world.scene, Attested::PactScore, &thresholds);
        let held = Held::careful(score, &world.scene.scorer, selective);
        for (claim, level, lacked) in [
            ("value", "eighty", vec![]),
            ("atLeast75", "seventy-five", vec!["at least 75"]),
            ("atLeast50", "", vec!["at least 50", "at least 50", "not disclosed", "not disclosed"]),
            ("tier", "gold", vec!["not disclosed", "not disclosed"]),
            ("confidence", "sure", vec!["not disclosed", "not disclosed", "not disclosed"]),
            ("origin", "", vec!["not disclosed"; 4]),
        ] {
            let shown = held.reveal(&[format!("/credentialSubject/{claim}").as_str()]);
            let verdict = presented(&world, shown);
            assert_eq!(verdict.level().unwrap_or(""), level, "{claim}:\n{}", verdict.to_json());
            let lacks = verdict.ladder().iter().flat_map(|rung| &rung.lacks);
            let has: Vec<&str> = lacks.map(|lack| lack.has.as_str()).collect();
            assert_eq!(has, lacked, "{claim}");
        }
    }
}

#[test]
fn row_32_status_and_schema_are_never_a_choice() {
    let world = world(|policy| policy);
    let scorer = &world.scene.scorer;
    for selective in Selective::ALL {
        let document = attestation(&world.scene, Attested::PactScore, &[]);
        let pointers = known(&document).mandatory_pointers(&document);
        let careful = Held::careful(document.clone(), scorer, selective);
        world.accepted(&careful.reveal(&[]), &nothing(), None);
        // All of it is shown, but all of it, or a part of it, might not have been. A schema has an id
        // and a type alone, which are shown with what they belong to.
        for (member, parts) in [
            ("/credentialStatus", [None, Some("/credentialStatus/statusListIndex")].as_slice()),
            ("/credentialSchema", &[None]),
        ] {
            for instead in parts.iter().copied() {
                let others = pointers.iter().copied().filter(|pointer| *pointer != member);
                let mandatory: Vec<&str> = others.chain(instead).collect();
                let held = Held::new(document.clone(), &mandatory, scorer, selective);
                world.refused(&held.reveal(&[member]), &nothing(), "disclosure-invalid");
            }
        }
    }
}
