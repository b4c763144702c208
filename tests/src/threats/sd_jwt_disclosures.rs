//! Rows 16, 32 and 34: what disclosures may say, what may be hidden, and tokens in another's place.

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::SdJwt;
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, now, present, scene};
use bonafide_verifier::Outcome;

use super::sd_jwt::{
    FORMATS, VC, bound, bound_by, claims, digest, digests, disclosure, identity, reissued,
    token_type, world,
};
use crate::world::{JWT, World, asked, edited, nothing};

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
