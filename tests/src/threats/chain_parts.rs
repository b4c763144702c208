//! Rows 13, 15 and 17 for chains: any failed part fails the whole; a grant as SD-JWT is bound by its
//! key binding; what was made for one request counts once.

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_proof::jose::{self, TokenType};
use bonafide_proof::sd_jwt::{SdJwt, SdJwtDraft};
use bonafide_testkit::chain::{ACTION, Chains, RESOURCE, SERVICE, chains};
use bonafide_testkit::{Agent, Attested, Format, NONCE, NOW, now, present};
use bonafide_verifier::{Bundle, Evidence, Outcome, Policy, Request, Verdict, verify};
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::world::{binary, edited};

struct World {
    chains: Chains,
    policy_toml: String,
    bundle_text: String,
}

fn asked() -> Request {
    Request::new().nonce(NONCE).audience(SERVICE).action(ACTION).resource(RESOURCE)
}

impl World {
    fn new() -> Self {
        let chains = chains();
        // Whoever holds a grant may work, so that one token can be a presentation.
        let carried = "[delegation]\ncarried = \"work\"\n[[issuer]]";
        let policy_toml = chains.policy_toml().replacen("[[issuer]]", carried, 1);
        let bundle_text = chains.scene.bundle();
        Self { chains, policy_toml, bundle_text }
    }

    fn verdict(&self, input: &str, request: &Request) -> Verdict {
        let policy = Policy::from_toml(&self.policy_toml).unwrap();
        let bundle = Bundle::open(self.bundle_text.as_bytes(), &policy).unwrap();
        let evidence = Evidence::new().with_bundle(&bundle);
        verify(input.as_bytes(), request, &evidence, &policy, now())
    }

    #[track_caller]
    fn refused(&self, input: &str, request: &Request, code: &str) {
        let verdict = self.verdict(input, request);
        assert!(verdict.has_reason(code), "expected {code}:\n{}", verdict.to_json());
        gives_nothing(&verdict);
    }

    #[track_caller]
    fn accepted(&self, input: &str, request: &Request, level: &str) {
        let verdict = self.verdict(input, request);
        assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
        assert_eq!(verdict.level(), Some(level));
    }
}

/// Rejected, and nothing of it counts.
#[track_caller]
fn gives_nothing(verdict: &Verdict) {
    assert_eq!(verdict.outcome(), Outcome::Rejected, "{}", verdict.to_json());
    assert_eq!((verdict.level(), verdict.principal()), (None, None));
    assert!(verdict.chain().is_empty());
    assert!(verdict.effective().actions.is_empty() && verdict.effective().resources.is_empty());
}

/// What can be wrong with one credential of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Claim,
    End,
    Issuer,
    Signature,
    NoProof,
}

const FAULTS: [Fault; 5] =
    [Fault::Claim, Fault::End, Fault::Issuer, Fault::Signature, Fault::NoProof];

fn spoil(credential: &mut Object<'static>, fault: Fault) {
    match fault {
        Fault::Claim => {
            let Some(Value::Object(subject)) = credential.get_mut("credentialSubject") else {
                panic!("no subject")
            };
            subject.insert("name", "somebody else");
        }
        Fault::End => drop(credential.insert("validUntil", "2027-11-22T12:00:00Z")),
        Fault::Issuer => drop(credential.insert("issuer", "did:web:other.example")),
        Fault::NoProof => drop(credential.remove("proof")),
        Fault::Signature => {
            let Some(Value::Object(proof)) = credential.get_mut("proof") else {
                panic!("no proof")
            };
            let value = proof.str("proofValue").unwrap();
            let other = if value.ends_with('2') { '3' } else { '2' };
            let value = format!("{}{other}", &value[..value.len() - 1]);
            proof.insert("proofValue", value);
        }
    }
}

#[test]
fn row_13_any_failed_part_of_a_chain_s_presentation_fails_the_whole() {
    let world = World::new();
    let length = 3;
    let mut good = world.chains.chain(length);
    good.extend(world.chains.identities(length));
    let holder = &world.chains.agents[length - 1];
    world.accepted(&world.chains.present(&good, holder), &asked(), "work");
    // Any set of parts but none, each with any fault.
    let faults = proptest::collection::vec(proptest::sample::select(&FAULTS[..]), good.len());
    let bad = (1_u32..1 << good.len(), faults);
    proptest!(ProptestConfig::with_cases(200), |((which, faults) in bad)| {
        let mut credentials = good.clone();
        for (index, fault) in faults.iter().enumerate().filter(|(index, _)| which >> index & 1 == 1) {
            let Value::Object(credential) = &mut credentials[index] else { panic!("an object") };
            spoil(credential, *fault);
        }
        // The presentation itself is signed anew, so that only the parts are wrong.
        gives_nothing(&world.verdict(&world.chains.present(&credentials, holder), &asked()));
    });
    // And with good parts, the presentation's own.
    let whole = world.chains.present(&good, holder);
    for fault in [Fault::Signature, Fault::NoProof] {
        let broken = edited(&whole, |presentation| spoil(presentation, fault));
        gives_nothing(&world.verdict(&broken, &asked()));
    }
    for (nonce, audience, code) in [
        ("other", SERVICE, "nonce-mismatch"),
        (NONCE, "https://archive.example", "audience-mismatch"),
    ] {
        let other = Request::new().nonce(nonce).audience(audience).action(ACTION);
        world.refused(&whole, &other, code);
    }
}

#[test]
fn row_13_no_changed_byte_of_a_chain_is_accepted() {
    let world = World::new();
    let whole = world.chains.presentation(3);
    world.accepted(&whole, &asked(), "work");
    proptest!(ProptestConfig::with_cases(300), |(place in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f)| {
        let mut bytes = whole.clone().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_ne!(world.verdict(&changed, &asked()).outcome(), Outcome::Accepted);
    });
}

const SD_JWT: Format = Format::VcSdJwt(KeyType::Ed25519);

#[test]
fn row_15_a_grant_as_sd_jwt_is_bound_to_its_key_nonce_and_audience() {
    let world = World::new();
    let (planner, worker) = (&world.chains.agents[0], &world.chains.agents[1]);
    let draft = world.chains.grant();
    let registrar = &world.chains.scene.registrar;
    // As dc+sd-jwt there is none: its own `cnf` would be that of the grant.
    assert!(bonafide_core::sd_jwt_vc::to_claims(&draft.unsigned(), None).is_err());
    let token = world.chains.scene.secure(draft.unsigned(), registrar, SD_JWT);
    let bind = |text: &str, nonce: &str, audience: &str, key| {
        let opened = SdJwt::parse(text, TokenType::VC_SD_JWT).unwrap();
        opened.bind_key(audience, nonce, now(), key).unwrap()
    };
    let good = bind(&token, NONCE, SERVICE, &planner.key);
    world.accepted(&good, &asked(), "work");
    // Taken off, answering another, by another key.
    world.refused(&token, &asked(), "presentation-required");
    for nonce in ["", "other"] {
        let other = bind(&token, nonce, SERVICE, &planner.key);
        world.refused(&other, &asked(), "nonce-mismatch");
    }
    let other = bind(&token, NONCE, "https://archive.example", &planner.key);
    world.refused(&other, &asked(), "audience-mismatch");
    let (_, unsigned) = good.rsplit_once('~').unwrap();
    let claims = unsigned.split('.').nth(1).unwrap();
    let claims = bonafide_core::encoding::decode_base64url(claims).unwrap();
    let claims = bonafide_testkit::json(&String::from_utf8(claims).unwrap());
    let signed = |claims: &Value<'_>, typ, agent: &Agent| {
        let jwt = jose::sign(claims, typ, &agent.method, &agent.key).unwrap();
        format!("{token}{jwt}")
    };
    world.accepted(&signed(&claims, TokenType::KB_JWT, planner), &asked(), "work");
    world.refused(&signed(&claims, TokenType::KB_JWT, worker), &asked(), "proof-invalid");
    world.refused(&signed(&claims, TokenType::VP, planner), &asked(), "typ-mismatch");
    let Value::Object(claims) = claims else { panic!("an object") };
    let mut odd = claims.clone();
    odd.insert("sd_hash", encode_base64url(&Sha256::digest(b"other")));
    let odd = signed(&odd.into(), TokenType::KB_JWT, planner);
    world.refused(&odd, &asked(), "disclosure-invalid");
    let mut without = claims;
    without.remove("nonce");
    let without = signed(&without.into(), TokenType::KB_JWT, planner);
    world.refused(&without, &asked(), "malformed");
}

/// The grant as an SD-JWT whose holder could leave its constraints out.
fn with_a_choice(world: &World) -> String {
    let registrar = &world.chains.scene.registrar;
    let (key, method) = registrar.key(KeyType::Ed25519);
    let Value::Object(mut payload) = world.chains.grant().unsigned() else { panic!("an object") };
    payload.insert("cnf", Object::from([("kid", world.chains.agents[0].method.clone())]));
    let draft = SdJwtDraft {
        payload: &payload,
        disclosable: &["/credentialSubject/constraints"],
        decoys: 0,
    };
    draft.issue(TokenType::VC_SD_JWT, &method, &key, &mut || [7; 16]).unwrap()
}

#[test]
fn row_15_a_link_of_which_something_is_hidden_is_none() {
    let world = World::new();
    let planner = &world.chains.agents[0];
    let whole = with_a_choice(&world);
    let bind = |text: &str| {
        let opened = SdJwt::parse(text, TokenType::VC_SD_JWT).unwrap();
        opened.bind_key(SERVICE, NONCE, now(), &planner.key).unwrap()
    };
    // Without its limits it would allow more. Nobody sees whether a digest is one of a claim, so
    // with all that it has it is no better.
    let less = SdJwt::parse(&whole, TokenType::VC_SD_JWT).unwrap().present(&[]).unwrap();
    assert_ne!(less, whole);
    let jwt = Format::Jwt(KeyType::Ed25519);
    let identity = world.chains.scene.attest(Attested::Identity, planner, jwt);
    for grant in [less, whole] {
        world.refused(&bind(&grant), &asked(), "link-partial");
        // Nor is it in the company of what is whole.
        let shown = present(&[grant, identity.clone()], planner, jwt, NONCE, SERVICE);
        world.refused(&shown, &asked(), "link-partial");
    }
}

/// A presentation of a chain for one request, as `vp+jwt`.
fn for_request(world: &World, jti: &str) -> String {
    let length = 2;
    let agent = &world.chains.agents[length - 1];
    let mut credentials = world.chains.chain(length);
    credentials.extend(world.chains.identities(length));
    let at = u32::try_from(now().unix()).unwrap();
    let claims = Object::from([
        ("@context", Value::from(vec!["https://www.w3.org/ns/credentials/v2"])),
        ("type", vec!["VerifiablePresentation"].into()),
        ("holder", agent.did.clone().into()),
        ("iss", agent.did.clone().into()),
        ("aud", SERVICE.into()),
        ("htm", "GET".into()),
        ("htu", RESOURCE.into()),
        ("jti", jti.to_owned().into()),
        ("iat", at.into()),
        ("exp", (at + 60).into()),
        ("verifiableCredential", credentials.into()),
    ]);
    jose::sign(&claims.into(), TokenType::VP, &agent.method, &agent.key).unwrap()
}

#[test]
fn row_17_of_many_processes_with_one_request_presentation_one_accepts_it() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("policy.toml", &world.policy_toml);
    write("trust.bundle", &world.bundle_text);
    write("first", &for_request(&world, "request-1"));
    // Another presentation of the same id, and one of another.
    write("same", &for_request(&world, "request-1").replace(' ', ""));
    write("other", &for_request(&world, "request-2"));
    let decided = |file: &str, state: &str| {
        let output = std::process::Command::new(binary())
            .current_dir(folder.path())
            .args(["verify", file, "--policy", "policy.toml", "--bundle", "trust.bundle"])
            .args(["--http", "GET", RESOURCE, "--service", SERVICE, "--action", ACTION])
            .args(["--at", NOW, "--json", "--state", state])
            .output()
            .unwrap();
        let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let code = |reason: &serde_json::Value| reason["code"].as_str().unwrap().to_owned();
        let codes: Vec<String> = verdict["reasons"].as_array().unwrap().iter().map(code).collect();
        assert_eq!(output.status.code(), Some(i32::from(!codes.is_empty())), "{codes:?}");
        (verdict, codes)
    };
    let first = || decided("first", "state");
    let all: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(first)).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let (good, refused): (Vec<_>, Vec<_>) = all.iter().partition(|(_, codes)| codes.is_empty());
    assert_eq!(good.len(), 1);
    assert_eq!(good[0].0["level"], "work");
    for (verdict, codes) in refused {
        assert_eq!(codes, &["replayed"]);
        assert_eq!(verdict["effective"]["actions"], json!([]));
    }
    assert_eq!(decided("same", "state").1, ["replayed"]);
    assert_eq!(decided("other", "state").1, [] as [&str; 0]);
    // A replica with a memory of its own does not know: replicas have to share one.
    assert_eq!(decided("first", "elsewhere").1, [] as [&str; 0]);
}
