//! Rows 15, 16, 32 and 34 for SD-JWTs: the key binding, the disclosures, and tokens in the place of
//! others.

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_proof::Signer;
use bonafide_proof::jose::{self, TokenType};
use bonafide_proof::sd_jwt::SdJwt;
use bonafide_testkit::{
    AUDIENCE, Agent, Attested, Format, NONCE, at, derive, json, now, present, scene,
};
use bonafide_verifier::{MemorySeen, Outcome, Request};
use sha2::{Digest, Sha256};

use crate::world::{JWT, World, asked, bonafide, nothing};

pub(super) const VC: Format = Format::VcSdJwt(KeyType::Ed25519);
pub(super) const FORMATS: [Format; 2] = [VC, Format::DcSdJwt(KeyType::Ed25519)];

/// A world in which an identity alone reaches a level, so that one token can be a presentation.
pub(super) fn world() -> World {
    let named = "\n[[level]]\nname = \"named\"\ncredentials = [\"AgentIdentityCredential\"]\n";
    World::with(|policy| policy + named, scene().bundle())
}

pub(super) fn token_type(format: Format) -> TokenType {
    match format {
        Format::DcSdJwt(_) => TokenType::DC_SD_JWT,
        _ => TokenType::VC_SD_JWT,
    }
}

/// Platinum's identity with all of its disclosures.
pub(super) fn identity(world: &World, format: Format) -> String {
    world.scene.attest(Attested::Identity, &world.scene.platinum, format)
}

fn bind(token: &str, format: Format, nonce: &str, audience: &str, time: Timestamp) -> String {
    let token = SdJwt::parse(token, token_type(format)).unwrap();
    token.bind_key(audience, nonce, time, &scene().platinum.key).unwrap()
}

/// Bound to what is asked.
pub(super) fn bound(token: &str, format: Format) -> String {
    bind(token, format, NONCE, AUDIENCE, now())
}

fn seconds(time: &str) -> u32 {
    at(time).unix().try_into().unwrap()
}

/// What a good key binding to these disclosures claims.
pub(super) fn claims(token: &str) -> Object<'static> {
    Object::from([
        ("aud", Value::from(AUDIENCE)),
        ("iat", seconds("2026-11-22T11:59:59Z").into()),
        ("nonce", NONCE.into()),
        ("sd_hash", encode_base64url(&Sha256::digest(token.as_bytes())).into()),
    ])
}

/// With these claims in the place of the key binding, signed by an agent as a token of this type.
pub(super) fn bound_by(
    token: &str,
    claims: Object<'static>,
    agent: &Agent,
    token_type: TokenType,
) -> String {
    let jwt = jose::sign(&claims.into(), token_type, &agent.method, &agent.key).unwrap();
    format!("{token}{jwt}")
}

fn payload_of(token: &str, format: Format) -> Object<'static> {
    let token = SdJwt::parse(token, token_type(format)).unwrap();
    let payload = token.issuer_jws().decode_payload().unwrap();
    match json(&String::from_utf8(payload).unwrap()) {
        Value::Object(payload) => payload,
        _ => panic!("an object"),
    }
}

/// Signed by the registrar over another payload, with the same disclosures and these.
pub(super) fn reissued(
    world: &World,
    format: Format,
    change: impl FnOnce(&mut Object<'static>),
    more: &[String],
) -> String {
    let token = identity(world, format);
    let mut payload = payload_of(&token, format);
    change(&mut payload);
    let (key, method) = world.scene.registrar.key(KeyType::Ed25519);
    let jwt = jose::sign(&payload.into(), token_type(format), &method, &key).unwrap();
    let (_, own) = token.split_once('~').unwrap();
    let mut token = format!("{jwt}~{own}");
    for disclosure in more {
        token.push_str(disclosure);
        token.push('~');
    }
    token
}

pub(super) fn disclosure(name: &str, value: Value<'static>) -> String {
    let parts = vec![Value::from("a salt"), Value::from(name.to_owned()), value];
    encode_base64url(to_canonical_string(&parts.into()).as_bytes())
}

pub(super) fn digest(disclosure: &str) -> Value<'static> {
    encode_base64url(&Sha256::digest(disclosure.as_bytes())).into()
}

/// The digests of the claims about the agent.
pub(super) fn digests<'p>(
    payload: &'p mut Object<'static>,
    format: Format,
) -> &'p mut Vec<Value<'static>> {
    let holder = match format {
        Format::DcSdJwt(_) => payload,
        _ => match payload.get_mut("credentialSubject") {
            Some(Value::Object(subject)) => subject,
            _ => panic!("no subject"),
        },
    };
    match holder.get_mut("_sd") {
        Some(Value::Array(digests)) => digests,
        _ => panic!("no digests"),
    }
}

#[test]
fn row_15_a_credential_without_key_binding_answers_nothing() {
    let world = world();
    for format in FORMATS {
        let token = identity(&world, format);
        let good = bound(&token, format);
        world.accepted(&good, &asked(), Some("named"));
        // Taken off, as anybody can.
        let (unbound, _) = good.rsplit_once('~').unwrap();
        assert_eq!(format!("{unbound}~"), token);
        world.refused(&token, &asked(), "presentation-required");
        world.accepted(&token, &nothing(), None);
        // And nothing was asked for that this answers.
        world.undecided(&good, &nothing(), "presentation-unbound");
    }
}

#[test]
fn row_15_a_key_binding_to_another_nonce_or_audience() {
    let world = world();
    for format in FORMATS {
        let token = identity(&world, format);
        world.accepted(&bound(&token, format), &asked(), Some("named"));
        for nonce in ["9f1c2", "9f1c2d0", "9F1C2D", ""] {
            let other = bind(&token, format, nonce, AUDIENCE, now());
            world.refused(&other, &asked(), "nonce-mismatch");
        }
        for audience in ["https://pay.example/", "https://PAY.example", "https://evil.example", ""]
        {
            let other = bind(&token, format, NONCE, audience, now());
            world.refused(&other, &asked(), "audience-mismatch");
        }
    }
}

#[test]
fn row_15_what_a_key_binding_leaves_out_or_writes_otherwise() {
    let world = world();
    let agent = &world.scene.platinum;
    for format in FORMATS {
        let token = identity(&world, format);
        let good = bound_by(&token, claims(&token), agent, TokenType::KB_JWT);
        world.accepted(&good, &asked(), Some("named"));
        for claim in ["aud", "iat", "nonce", "sd_hash"] {
            for value in [None, Some(Value::Null), Some(vec![AUDIENCE].into())] {
                let mut changed = claims(&token);
                match value {
                    None => drop(changed.remove(claim)),
                    Some(value) => drop(changed.insert(claim, value)),
                }
                let other = bound_by(&token, changed, agent, TokenType::KB_JWT);
                world.refused(&other, &asked(), "malformed");
            }
        }
    }
}

#[test]
fn row_15_a_key_binding_to_other_disclosures() {
    let world = world();
    for format in FORMATS {
        let token = identity(&world, format);
        let good = bound(&token, format);
        world.accepted(&good, &asked(), Some("named"));
        let parts: Vec<&str> = good.split('~').collect();
        let fewer = [&parts[..1], &parts[2..]].concat().join("~");
        world.refused(&fewer, &asked(), "disclosure-invalid");
        let mut reordered = parts.clone();
        reordered.swap(1, 2);
        world.refused(&reordered.join("~"), &asked(), "disclosure-invalid");
        // What was bound without it, with a disclosure that the holder did not mean to show.
        let less = bound(&derive(&token, &[]), format);
        world.accepted(&less, &asked(), Some("named"));
        let more = less.replacen('~', &format!("~{}~", parts[1]), 1);
        world.refused(&more, &asked(), "disclosure-invalid");
        // Bound to the issuer's JWT alone, without its tilde.
        let mut short = claims(&token);
        short.insert("sd_hash", digest(parts[0]));
        let other = bound_by(&token, short, &world.scene.platinum, TokenType::KB_JWT);
        world.refused(&other, &asked(), "disclosure-invalid");
    }
}

#[test]
fn row_15_a_key_binding_to_another_token() {
    let world = world();
    let scene = &world.scene;
    for format in FORMATS {
        let token = identity(&world, format);
        let good = bound(&token, format);
        world.accepted(&good, &asked(), Some("named"));
        let (_, binding) = good.rsplit_once('~').unwrap();
        let score = scene.attest(Attested::PactScore, &scene.platinum, format);
        world.refused(&format!("{score}{binding}"), &asked(), "disclosure-invalid");
    }
}

#[test]
fn row_15_a_key_binding_by_another_key() {
    let world = world();
    for format in FORMATS {
        let token = identity(&world, format);
        world.accepted(&bound(&token, format), &asked(), Some("named"));
        let stranger = &world.scene.stranger;
        let stolen = bound_by(&token, claims(&token), stranger, TokenType::KB_JWT);
        world.refused(&stolen, &asked(), "proof-invalid");
        let (unsigned, _) = stolen.rsplit_once('.').unwrap();
        world.refused(&format!("{unsigned}."), &asked(), "proof-invalid");
    }
}

#[test]
fn row_15_the_confirmed_key_is_the_subjects() {
    let world = world();
    let (agent, stranger) = (&world.scene.platinum, &world.scene.stranger);
    let jwk = stranger.key.public_key().to_jwk().unwrap();
    for format in FORMATS {
        let with = |cnf: Object<'static>, by: &Agent| {
            let token = reissued(&world, format, |payload| drop(payload.insert("cnf", cnf)), &[]);
            bound_by(&token, claims(&token), by, TokenType::KB_JWT)
        };
        let good = with(Object::from([("kid", agent.method.clone())]), agent);
        world.accepted(&good, &asked(), Some("named"));
        let other = with(Object::from([("jwk", jwk.clone())]), stranger);
        world.refused(&other, &asked(), "holder-mismatch");
        let other = with(Object::from([("kid", stranger.method.clone())]), stranger);
        world.refused(&other, &asked(), "subject-mismatch");
        let both = [("kid", Value::from(agent.method.clone())), ("jwk", jwk.clone().into())];
        for odd in [Object::new(), Object::from(both), Object::from([("jku", "https://x.example")])]
        {
            world.refused(&with(odd, agent), &asked(), "malformed");
        }
    }
}

#[test]
fn row_15_without_a_confirmed_key_it_takes_one_of_the_subject() {
    let world = world();
    let (agent, stranger) = (&world.scene.platinum, &world.scene.stranger);
    for format in FORMATS {
        let token = reissued(&world, format, |payload| drop(payload.remove("cnf")), &[]);
        let by = |by: &Agent| bound_by(&token, claims(&token), by, TokenType::KB_JWT);
        world.accepted(&by(agent), &asked(), Some("named"));
        world.refused(&by(stranger), &asked(), "subject-mismatch");
        // One that names no key.
        world.refused(&bound(&token, format), &asked(), "malformed");
    }
}

#[test]
fn row_15_key_bindings_out_of_time() {
    let world = world();
    let agent = &world.scene.platinum;
    for format in FORMATS {
        let token = identity(&world, format);
        for (claim, time, code) in [
            ("iat", "2026-11-22T12:00:31Z", "not-yet-valid"),
            ("nbf", "2026-11-22T12:00:31Z", "not-yet-valid"),
            ("exp", "2026-11-22T11:59:30Z", "expired"),
        ] {
            let mut late = claims(&token);
            late.insert(claim, seconds(time));
            let late = bound_by(&token, late, agent, TokenType::KB_JWT);
            world.refused(&late, &asked(), code);
            // Within the policy's skew of 30 s.
            let mut good = claims(&token);
            let within = time.replace("12:00:31", "12:00:30").replace("11:59:30", "11:59:31");
            good.insert(claim, seconds(&within));
            let good = bound_by(&token, good, agent, TokenType::KB_JWT);
            world.accepted(&good, &asked(), Some("named"));
        }
    }
}

#[test]
fn row_15_a_presentation_binds_what_is_in_it() {
    let world = world();
    let agent = &world.scene.platinum;
    for format in FORMATS {
        let token = identity(&world, format);
        for envelope in [JWT, VC] {
            let presented =
                |token: &str| present(&[token.to_owned()], agent, envelope, NONCE, AUDIENCE);
            world.accepted(&presented(&token), &asked(), Some("named"));
            // A key binding of its own answers some other request.
            world.refused(&presented(&bound(&token, format)), &asked(), "malformed");
        }
        let presentation = present(&[token], agent, VC, NONCE, AUDIENCE);
        let twice = bound_by(&presentation, claims(&presentation), agent, TokenType::KB_JWT);
        world.refused(&twice, &asked(), "malformed");
    }
}

#[test]
fn row_15_and_17_a_key_binding_goes_with_no_http_request() {
    let world = world();
    for format in FORMATS {
        // Whatever nonce it was made for.
        let input = bind(&identity(&world, format), format, "other", AUDIENCE, now());
        let request = || Request::new().audience(AUDIENCE);
        let http = || request().http("POST", "https://service.example/orders");
        let answered = || request().nonce("other");
        for request in [
            http(),
            http().nonce("other"),
            answered().body_digest([0; 32]),
            answered().peer_certificate([0; 32]),
        ] {
            let verdict = world.verdict(&input, &request);
            assert!(verdict.has_reason("channel-mismatch"), "{}", verdict.to_json());
            assert_eq!((verdict.outcome(), verdict.level()), (Outcome::Rejected, None));
        }
        assert_eq!(world.verdict(&input, &answered()).outcome(), Outcome::Accepted);
    }
}

#[test]
fn row_15_and_17_a_key_binding_is_good_once() {
    let world = world();
    for format in FORMATS {
        let input = bound(&identity(&world, format), format);
        let mut seen = MemorySeen::default();
        let first = world.verdict(&input, &asked()).remembered(&mut seen);
        assert_eq!(first.outcome(), Outcome::Accepted, "{}", first.to_json());
        let second = world.verdict(&input, &asked()).remembered(&mut seen);
        assert!(second.has_reason("replayed"), "{}", second.to_json());
        assert_eq!((second.outcome(), second.level()), (Outcome::Rejected, None));

        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (input, policy, bundle) = (
            write("input", &input),
            write("policy.toml", &world.policy_toml),
            write("bundle", &world.bundle_text),
        );
        let state = folder.path().join("state").display().to_string();
        let mut arguments = vec!["verify", &input, "--policy", &policy, "--bundle", &bundle];
        arguments.extend(["--at", bonafide_testkit::NOW, "--state", &state, "--json"]);
        arguments.extend(["--nonce", NONCE, "--audience", AUDIENCE]);
        assert_eq!(bonafide(&arguments).status.code(), Some(0));
        let output = bonafide(&arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stdout).contains("\"replayed\""));
    }
}
