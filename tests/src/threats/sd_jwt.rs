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
use bonafide_verifier::{MemorySeen, Outcome};
use sha2::{Digest, Sha256};

use crate::world::{JWT, World, asked, bonafide, edited, nothing};

const VC: Format = Format::VcSdJwt(KeyType::Ed25519);
const FORMATS: [Format; 2] = [VC, Format::DcSdJwt(KeyType::Ed25519)];

/// A world in which an identity alone reaches a level, so that one token can be a presentation.
fn world() -> World {
    let named = "\n[[level]]\nname = \"named\"\ncredentials = [\"AgentIdentityCredential\"]\n";
    World::with(|policy| policy + named, scene().bundle())
}

fn token_type(format: Format) -> TokenType {
    match format {
        Format::DcSdJwt(_) => TokenType::DC_SD_JWT,
        _ => TokenType::VC_SD_JWT,
    }
}

/// Platinum's identity with all of its disclosures.
fn identity(world: &World, format: Format) -> String {
    world.scene.attest(Attested::Identity, &world.scene.platinum, format)
}

fn bind(token: &str, format: Format, nonce: &str, audience: &str, time: Timestamp) -> String {
    let token = SdJwt::parse(token, token_type(format)).unwrap();
    token.bind_key(audience, nonce, time, &scene().platinum.key).unwrap()
}

/// Bound to what is asked.
fn bound(token: &str, format: Format) -> String {
    bind(token, format, NONCE, AUDIENCE, now())
}

fn seconds(time: &str) -> u32 {
    at(time).unix().try_into().unwrap()
}

/// What a good key binding to these disclosures claims.
fn claims(token: &str) -> Object<'static> {
    Object::from([
        ("aud", Value::from(AUDIENCE)),
        ("iat", seconds("2026-11-22T11:59:59Z").into()),
        ("nonce", NONCE.into()),
        ("sd_hash", encode_base64url(&Sha256::digest(token.as_bytes())).into()),
    ])
}

/// With these claims in the place of the key binding, signed by an agent as a token of this type.
fn bound_by(token: &str, claims: Object<'static>, agent: &Agent, token_type: TokenType) -> String {
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
fn reissued(
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

fn disclosure(name: &str, value: Value<'static>) -> String {
    let parts = vec![Value::from("a salt"), Value::from(name.to_owned()), value];
    encode_base64url(to_canonical_string(&parts.into()).as_bytes())
}

fn digest(disclosure: &str) -> Value<'static> {
    encode_base64url(&Sha256::digest(disclosure.as_bytes())).into()
}

/// The digests of the claims about the agent.
fn digests<'p>(payload: &'p mut Object<'static>, format: Format) -> &'p mut Vec<Value<'static>> {
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
        world.refused(&bound(&token, format), &asked(), "unknown-key");
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

#[test]
fn row_16_disclosures_with_names_that_are_reserved_or_there_already() {
    let world = world();
    for format in FORMATS {
        let with = |name: &str| {
            let more = disclosure(name, "planner".into());
            let digest = digest(&more);
            reissued(&world, format, |payload| digests(payload, format).push(digest), &[more])
        };
        for name in ["_sd", "...", "_sd_alg"] {
            world.refused(&with(name), &nothing(), "disclosure-invalid");
        }
        // In plain sight, and in another disclosure.
        for name in ["modelDigest", "kind"] {
            world.refused(&with(name), &nothing(), "disclosure-invalid");
        }
        // A name of its own is let in; what the type's schema says of it is another matter.
        let verdict = world.verdict(&with("another"), &nothing());
        assert!(!verdict.has_reason("disclosure-invalid"), "{}", verdict.to_json());
    }
}

#[test]
fn row_16_digests_and_disclosures_that_occur_twice_or_for_nothing() {
    let world = world();
    for format in FORMATS {
        let same = reissued(&world, format, |_| (), &[]);
        world.accepted(&same, &nothing(), None);
        let twice = reissued(
            &world,
            format,
            |payload| {
                let digests = digests(payload, format);
                digests.push(digests[0].clone());
            },
            &[],
        );
        world.refused(&twice, &nothing(), "disclosure-invalid");
        let unused = disclosure("another", "x".into());
        let unused = reissued(&world, format, |_| (), &[unused]);
        world.refused(&unused, &nothing(), "disclosure-invalid");
        let first = same.split('~').nth(1).unwrap().to_owned();
        let repeated = reissued(&world, format, |_| (), &[first]);
        world.refused(&repeated, &nothing(), "disclosure-invalid");
        // A decoy stands for nothing, and is known by its digest alone.
        let decoy = digest("decoy");
        let decoy = reissued(&world, format, |payload| digests(payload, format).push(decoy), &[]);
        world.accepted(&decoy, &nothing(), None);
    }
}

#[test]
fn row_16_too_many_disclosures_and_what_is_none() {
    let world = world();
    for format in FORMATS {
        let token = identity(&world, format);
        let mut many = token.clone();
        for number in 0..1_025 {
            many.push_str(&disclosure(&number.to_string(), true.into()));
            many.push('~');
        }
        world.refused(&many, &nothing(), "malformed");
        for odd in ["", "x", "e30", "W10", "WyJzIl0"] {
            world.refused(&format!("{token}{odd}~"), &nothing(), "malformed");
        }
    }
}

#[test]
fn row_16_hashes_other_than_sha_256() {
    let world = world();
    for format in FORMATS {
        for hash in ["sha-512", "SHA-256", "md5", ""] {
            let set = |payload: &mut Object<'static>| drop(payload.insert("_sd_alg", hash));
            let other = reissued(&world, format, set, &[]);
            world.refused(&other, &nothing(), "algorithm-refused");
        }
        let set = |payload: &mut Object<'static>| drop(payload.insert("_sd_alg", Value::Null));
        world.refused(&reissued(&world, format, set, &[]), &nothing(), "malformed");
        // SHA-256 needs no name.
        let set = |payload: &mut Object<'static>| drop(payload.remove("_sd_alg"));
        world.accepted(&reissued(&world, format, set, &[]), &nothing(), None);
    }
}

/// With a member of the payload behind a digest: withheld, and shown.
fn hidden(world: &World, format: Format, name: &'static str) -> [String; 2] {
    let mut hidden = String::new();
    let hide = |payload: &mut Object<'static>| {
        hidden = disclosure(name, payload.remove(name).unwrap());
        let mut digests = match payload.remove("_sd") {
            Some(Value::Array(digests)) => digests,
            _ => Vec::new(),
        };
        digests.push(digest(&hidden));
        payload.insert("_sd", digests);
    };
    let withheld = reissued(world, format, hide, &[]);
    let shown = format!("{withheld}{hidden}~");
    [withheld, shown]
}

#[test]
fn row_32_what_decides_about_the_token_is_never_hidden() {
    let world = world();
    let format = Format::DcSdJwt(KeyType::Ed25519);
    for (name, withheld_code) in [
        ("iss", "malformed"),
        ("vct", "malformed"),
        ("nbf", "claims-missing"),
        ("exp", "claims-missing"),
        ("status", "status-missing"),
    ] {
        let [withheld, shown] = hidden(&world, format, name);
        world.refused(&withheld, &nothing(), withheld_code);
        world.refused(&shown, &nothing(), "disclosure-invalid");
    }
    for (name, withheld_code) in [
        ("issuer", "malformed"),
        ("type", "malformed"),
        ("validFrom", "claims-missing"),
        ("validUntil", "claims-missing"),
        ("credentialSchema", "claims-missing"),
        ("credentialStatus", "status-missing"),
    ] {
        let [withheld, shown] = hidden(&world, VC, name);
        world.refused(&withheld, &nothing(), withheld_code);
        world.refused(&shown, &nothing(), "disclosure-invalid");
    }
}

#[test]
fn row_16_the_key_is_never_confirmed_in_a_disclosure() {
    let world = world();
    for format in FORMATS {
        let [_, shown] = hidden(&world, format, "cnf");
        let presented = bound(&shown, format);
        world.refused(&presented, &asked(), "disclosure-invalid");
        world.refused(&shown, &nothing(), "disclosure-invalid");
    }
}

#[test]
fn row_32_no_entry_of_the_status_is_hidden() {
    // The status as an element behind a digest: a type that is not built in does not say that there
    // has to be one.
    const OTHER: &str = "https://types.example/terms#Other";
    let own = "attests = [\"AgentIdentityCredential\"";
    let trusted = |policy: String| policy.replace(own, &format!("{own}, \"{OTHER}\""));
    let world = World::with(trusted, scene().bundle());
    let change = |payload: &mut Object<'static>| {
        payload.insert("type", vec!["VerifiableCredential", OTHER]);
        payload.remove("credentialSchema");
    };
    let plain = reissued(&world, VC, change, &[]);
    world.accepted(&plain, &nothing(), None);
    let hide = |payload: &mut Object<'static>| {
        change(payload);
        let entry = payload.remove("credentialStatus").unwrap();
        let parts: Vec<Value<'static>> = vec!["a salt".into(), entry];
        let element = encode_base64url(to_canonical_string(&parts.into()).as_bytes());
        payload.insert("credentialStatus", vec![Object::from([("...", digest(&element))])]);
    };
    let withheld = reissued(&world, VC, hide, &[]);
    let verdict = world.both(withheld.as_bytes(), &nothing(), now());
    assert_eq!(verdict.outcome(), Outcome::Rejected, "{}", verdict.to_json());
}

#[test]
fn row_16_the_json_forms_say_the_same_and_nothing_more() {
    let world = world();
    for format in FORMATS {
        let text = bound(&identity(&world, format), format);
        let token = SdJwt::parse(&text, token_type(format)).unwrap();
        let (flattened, general) = (token.to_flattened_json(), token.to_general_json());
        world.accepted(&flattened, &asked(), Some("named"));
        world.accepted(&general, &asked(), Some("named"));
        let header = |change: &dyn Fn(&mut Object<'static>)| {
            edited(&flattened, |form| match form.get_mut("header") {
                Some(Value::Object(header)) => change(header),
                _ => panic!("no header"),
            })
        };
        for member in ["alg", "jwk", "crit", "typ"] {
            let unsigned = header(&|header| drop(header.insert(member, "none")));
            world.refused(&unsigned, &asked(), "malformed");
        }
        let unbound = header(&|header| drop(header.remove("kb_jwt")));
        world.refused(&unbound, &asked(), "presentation-required");
        let undisclosed = header(&|header| drop(header.remove("disclosures")));
        world.refused(&undisclosed, &asked(), "disclosure-invalid");
        // A second signature that nobody would check.
        let two = edited(&general, |form| match form.get_mut("signatures") {
            Some(Value::Array(signatures)) => signatures.push(signatures[0].clone()),
            _ => panic!("no signatures"),
        });
        world.refused(&two, &asked(), "malformed");
    }
}

#[test]
fn row_34_nothing_else_is_taken_for_a_key_binding() {
    let world = world();
    let agent = &world.scene.platinum;
    let other = |typ| TokenType { typ, cty: None };
    for format in FORMATS {
        let token = identity(&world, format);
        let good = bound_by(&token, claims(&token), agent, TokenType::KB_JWT);
        world.accepted(&good, &asked(), Some("named"));
        for token_type in [
            TokenType::VC,
            TokenType::VP,
            TokenType::VC_SD_JWT,
            TokenType::STATUS_LIST,
            other("JWT"),
            other("dpop+jwt"),
            other("client-authentication+jwt"),
            other("openid4vci-proof+jwt"),
            other("KB+JWT"),
        ] {
            let odd = bound_by(&token, claims(&token), agent, token_type);
            world.refused(&odd, &asked(), "typ-mismatch");
        }
        let issued = token.split('~').next().unwrap();
        world.refused(&format!("{token}{issued}"), &asked(), "typ-mismatch");
    }
}

#[test]
fn row_34_a_key_binding_is_taken_for_nothing_else() {
    let world = world();
    for format in FORMATS {
        let good = bound(&identity(&world, format), format);
        world.accepted(&good, &asked(), Some("named"));
        let (_, binding) = good.rsplit_once('~').unwrap();
        for request in [nothing(), asked()] {
            world.refused(binding, &request, "typ-mismatch");
            world.refused(&format!("{binding}~"), &request, "typ-mismatch");
        }
    }
}

#[test]
fn row_34_kinds_of_sd_jwts_and_jwts_are_kept_apart() {
    let world = world();
    let agent = &world.scene.platinum;
    for format in FORMATS {
        let token = identity(&world, format);
        let jwt = token.split('~').next().unwrap();
        // The one without the tildes of the other, and the reverse.
        world.refused(jwt, &nothing(), "typ-mismatch");
        let plain = world.scene.attest(Attested::Identity, agent, JWT);
        world.accepted(&plain, &nothing(), None);
        world.refused(&format!("{plain}~"), &nothing(), "typ-mismatch");
        let presentation = present(std::slice::from_ref(&token), agent, VC, NONCE, AUDIENCE);
        world.accepted(&presentation, &asked(), Some("named"));
        world.refused(presentation.trim_end_matches('~'), &asked(), "typ-mismatch");
        // A presentation in the place of a credential.
        let nested = present(&[presentation], agent, JWT, NONCE, AUDIENCE);
        world.refused(&nested, &asked(), "malformed");
    }
}
