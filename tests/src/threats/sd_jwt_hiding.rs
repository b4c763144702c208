//! Rows 15, 16 and 32 for SD-JWTs: what is hidden, whose key binds, what envelopes say, and how
//! much work disclosures may be.

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Number, Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::sd_jwt_vc;
use bonafide_core::status::TokenStatusReference;
use bonafide_core::vc::{
    CREDENTIALS_V2, DC_SD_JWT, VC_JWT, VC_SD_JWT, VP_JWT, VP_SD_JWT, envelop, new_presentation,
};
use bonafide_proof::Signer;
use bonafide_proof::jose::{self, TokenType};
use bonafide_proof::sd_jwt::SdJwt;
use bonafide_testkit::{
    AUDIENCE, Agent, Attested, Format, Issuer, NONCE, Scene, at, scene, secure_presentation,
    token_list_of,
};
use sha2::{Digest, Sha256};

use crate::world::{DI, JWT, World, asked, nothing};

/// A type that is not built in, and a `vct`.
const OTHER: &str = "https://types.example/terms#Other";

const VC: TokenType = TokenType::VC_SD_JWT;
const DC: TokenType = TokenType::DC_SD_JWT;

/// The scorer may attest another type, an identity is worth a level, and `more` is added.
fn world_with(more: &str) -> World {
    let policy = |policy: String| {
        let own = "attests = [\"PactScoreCredential\"";
        assert!(policy.contains(own));
        let policy = policy.replace(own, &format!("{own}, \"{OTHER}\""));
        let known = "\n[[level]]\nname = \"known\"\ncredentials = [\"AgentIdentityCredential\"]\n";
        format!("{policy}{known}{more}")
    };
    World::with(policy, scene().bundle())
}

fn world() -> World {
    world_with("")
}

fn disclosure(text: &str) -> String {
    encode_base64url(text.as_bytes())
}

fn digest(disclosure: &str) -> String {
    encode_base64url(&Sha256::digest(disclosure.as_bytes()))
}

/// A digest behind which nothing is shown.
fn decoy() -> String {
    digest("nothing")
}

fn hidden_element() -> Value<'static> {
    Object::from([("...", decoy())]).into()
}

/// A good signature of this issuer over whatever payload, with whatever disclosures.
fn token(
    payload: Object<'static>,
    token_type: TokenType,
    issuer: &Issuer,
    disclosures: &[String],
) -> String {
    let (key, method) = issuer.key(KeyType::Ed25519);
    let jwt = jose::sign(&payload.into(), token_type, &method, &key).unwrap();
    let mut parts = vec![jwt];
    parts.extend(disclosures.iter().cloned());
    parts.join("~") + "~"
}

fn object(value: Value<'static>) -> Object<'static> {
    match value {
        Value::Object(object) => object,
        _ => panic!("not an object"),
    }
}

fn with(
    mut object: Object<'static>,
    member: &'static str,
    value: impl Into<Value<'static>>,
) -> Object<'static> {
    object.insert(member, value);
    object
}

fn seconds(text: &str) -> Value<'static> {
    Value::Number(Number::Integer(at(text).unix()))
}

/// A credential of another type, without a status and a schema.
fn other(scene: &Scene) -> Object<'static> {
    Object::from([
        ("@context", Value::from(vec![CREDENTIALS_V2])),
        ("id", "urn:bonafide:other".into()),
        ("type", vec!["VerifiableCredential", OTHER].into()),
        ("issuer", scene.scorer.did.clone().into()),
        ("validFrom", "2026-11-20T00:00:00Z".into()),
        ("validUntil", "2026-12-20T00:00:00Z".into()),
        ("credentialSubject", subject(scene).into()),
    ])
}

fn subject(scene: &Scene) -> Object<'static> {
    Object::from([("id", scene.platinum.did.clone())])
}

/// The same in the claims of an SD-JWT VC.
fn other_claims(scene: &Scene) -> Object<'static> {
    Object::from([
        ("vct", OTHER.into()),
        ("iss", scene.scorer.did.clone().into()),
        ("sub", scene.platinum.did.clone().into()),
        ("nbf", seconds("2026-11-20T00:00:00Z")),
        ("exp", seconds("2026-12-20T00:00:00Z")),
    ])
}

fn status_claim(scene: &Scene, issuer: &Issuer) -> Object<'static> {
    let index = scene.index_of(&scene.platinum);
    TokenStatusReference { index, uri: token_list_of(&issuer.list) }.to_claim()
}

fn jwk_of(agent: &Agent) -> Value<'static> {
    agent.key.public_key().to_jwk().unwrap().into()
}

/// Platinum's identity, bound to the key that `cnf` names.
fn identity(scene: &Scene, cnf: impl Into<Value<'static>>) -> Object<'static> {
    with(object(scene.attestation(Attested::Identity, &scene.platinum)), "cnf", cnf)
}

/// Platinum's identity in the claims of an SD-JWT VC, with this status.
fn identity_claims(scene: &Scene, status: Object<'static>) -> Object<'static> {
    let index = scene.index_of(&scene.platinum);
    let reference = TokenStatusReference { index, uri: token_list_of(&scene.registrar.list) };
    let attestation = object(scene.attestation(Attested::Identity, &scene.platinum));
    let attestation = with(attestation, "credentialStatus", reference.to_object());
    let cnf = Object::from([("jwk", jwk_of(&scene.platinum))]);
    let claims = sd_jwt_vc::to_claims(&attestation.into(), Some(cnf)).unwrap();
    with(claims, "status", status)
}

/// Another credential that discloses these members of its subject.
fn disclosing(scene: &Scene, disclosures: &[String]) -> Object<'static> {
    let digests: Vec<String> = disclosures.iter().map(|disclosure| digest(disclosure)).collect();
    with(other(scene), "credentialSubject", with(subject(scene), "_sd", digests))
}

#[test]
fn row_16_names_that_are_long_and_alike_cost_little_and_longer_ones_are_refused() {
    let world = world();
    let named = |length: usize| {
        let mut disclosures: Vec<String> = (0..1024)
            .map(|number| disclosure(&format!(r#"["salt","{number:n>length$}",1]"#)))
            .collect();
        // In no order.
        disclosures.sort_by_key(|disclosure| digest(disclosure));
        token(disclosing(&world.scene, &disclosures), VC, &world.scene.scorer, &disclosures)
    };
    world.accepted(&named(256), &nothing(), None);
    world.refused(&named(257), &nothing(), "malformed");
    world.refused(&named(640), &nothing(), "malformed");
}

#[test]
fn row_16_disclosures_are_not_looked_at_without_the_issuers_signature() {
    let world = world();
    let scene = &world.scene;
    let unused = [disclosure(r#"["salt","a",1]"#)];
    let good = token(other(scene), VC, &scene.scorer, &[]);
    world.accepted(&good, &nothing(), None);
    world.refused(
        &token(other(scene), VC, &scene.scorer, &unused),
        &nothing(),
        "disclosure-invalid",
    );
    let (_, method) = scene.scorer.key(KeyType::Ed25519);
    let forged = jose::sign(&other(scene).into(), VC, &method, &scene.stranger.key).unwrap();
    let forged = format!("{forged}~{}~", unused[0]);
    world.refused(&forged, &nothing(), "proof-invalid");
    assert!(!world.verdict(&forged, &nothing()).has_reason("disclosure-invalid"));
}

#[test]
fn row_32_nothing_is_hidden_in_claims_that_decide() {
    let world = world();
    let scene = &world.scene;
    let sign = |payload| token(payload, VC, &scene.scorer, &[]);
    let hiding = |members: Object<'static>| with(members, "_sd", vec![decoy()]);
    let cnf = || Object::from([("jwk", jwk_of(&scene.platinum))]);
    let issuer = || Object::from([("id", scene.scorer.did.clone())]);
    for (member, whole, part) in [
        (
            "type",
            Value::from(vec!["VerifiableCredential", OTHER]),
            Value::from(vec!["VerifiableCredential".into(), OTHER.into(), hidden_element()]),
        ),
        (
            "@context",
            vec![CREDENTIALS_V2].into(),
            vec![CREDENTIALS_V2.into(), hidden_element()].into(),
        ),
        ("issuer", issuer().into(), hiding(issuer()).into()),
        ("cnf", cnf().into(), hiding(cnf()).into()),
        (
            "status",
            status_claim(scene, &scene.scorer).into(),
            hiding(status_claim(scene, &scene.scorer)).into(),
        ),
        (
            "credentialSubject",
            subject(scene).into(),
            vec![subject(scene).into(), hidden_element()].into(),
        ),
    ] {
        world.accepted(&sign(with(other(scene), member, whole)), &nothing(), None);
        world.refused(&sign(with(other(scene), member, part)), &nothing(), "disclosure-invalid");
    }
    for member in ["credentialStatus", "credentialSchema"] {
        let part = vec![hidden_element()];
        world.refused(&sign(with(other(scene), member, part)), &nothing(), "disclosure-invalid");
    }
    // In the claims of an SD-JWT VC.
    let sign = |payload| token(payload, DC, &scene.scorer, &[]);
    for (member, whole) in [("cnf", cnf()), ("status", status_claim(scene, &scene.scorer))] {
        let part = with(other_claims(scene), member, hiding(whole.clone()));
        world.accepted(&sign(with(other_claims(scene), member, whole)), &nothing(), None);
        world.refused(&sign(part), &nothing(), "disclosure-invalid");
    }
}

#[test]
fn row_32_what_the_subject_hides_below_is_its_own() {
    let world = world();
    let scene = &world.scene;
    let nested = Object::from([("_sd", vec![decoy()])]);
    for (member, value) in [
        ("_sd", Value::from(vec![decoy()])),
        ("nested", nested.into()),
        ("list", vec![hidden_element()].into()),
    ] {
        let payload = with(other(scene), "credentialSubject", with(subject(scene), member, value));
        world.accepted(&token(payload, VC, &scene.scorer, &[]), &nothing(), None);
    }
}

#[test]
fn row_32_nobody_chooses_among_several_claims_that_decide() {
    let world = world();
    let scene = &world.scene;
    for claim in [
        r#"["salt","validUntil","2030-01-01T00:00:00Z"]"#,
        r#"["salt","credentialSchema",{"id":"https://types.example/s","type":"JsonSchema"}]"#,
        r#"["salt","credentialStatus",{"type":"Any"}]"#,
    ] {
        let shown = disclosure(claim);
        let mut payload = with(other(scene), "_sd", vec![digest(&shown), decoy()]);
        payload.remove("validUntil");
        let text = token(payload, VC, &scene.scorer, &[shown]);
        world.refused(&text, &nothing(), "disclosure-invalid");
    }
}

#[test]
fn row_32_a_part_of_another_type_shows_when_it_ends_and_how_it_is_revoked() {
    let world = world();
    let scene = &world.scene;
    let hiding = |members: Object<'static>| with(members, "_sd", vec![decoy()]);
    let text = token(hiding(other(scene)), VC, &scene.scorer, &[]);
    world.refused(&text, &nothing(), "claims-missing");
    let sign = |payload| token(payload, DC, &scene.scorer, &[]);
    let whole = with(other_claims(scene), "status", status_claim(scene, &scene.scorer));
    world.accepted(&sign(hiding(whole.clone())), &nothing(), None);
    for claim in ["nbf", "exp", "status"] {
        let mut part = whole.clone();
        part.remove(claim).unwrap();
        world.accepted(&sign(part.clone()), &nothing(), None);
        world.refused(&sign(hiding(part)), &nothing(), "claims-missing");
    }
}

#[test]
fn row_15_a_credential_bound_to_another_key_than_the_presentations() {
    let world = world();
    let scene = &world.scene;
    let kid = |agent: &Agent| Object::from([("kid", agent.method.clone())]);
    let jwk = |agent: &Agent| Object::from([("jwk", jwk_of(agent))]);
    let registrar = &scene.registrar;
    let (key, method) = registrar.key(KeyType::Ed25519);
    let status = status_claim(scene, registrar);
    for bind in [&jwk as &dyn Fn(&Agent) -> Object<'static>, &kid] {
        let forms = |agent: &Agent| {
            let payload = identity(scene, bind(agent));
            let claims = with(identity_claims(scene, status.clone()), "cnf", bind(agent));
            [
                token(payload.clone(), VC, registrar, &[]),
                token(claims, DC, registrar, &[]),
                jose::sign(&payload.into(), TokenType::VC, &method, &key).unwrap(),
            ]
        };
        for envelope in [DI, JWT, Format::VcSdJwt(KeyType::Ed25519)] {
            for (own, others) in forms(&scene.platinum).into_iter().zip(forms(&scene.bronze)) {
                let own = scene.present(&[own], &scene.platinum, envelope);
                world.accepted(&own, &asked(), Some("known"));
                let others = scene.present(&[others], &scene.platinum, envelope);
                world.refused(&others, &asked(), "holder-mismatch");
            }
        }
    }
}

#[test]
fn row_15_a_key_that_is_named_in_no_way_or_in_two_binds_nothing() {
    let world = world();
    let scene = &world.scene;
    let (key, method) = scene.registrar.key(KeyType::Ed25519);
    let jwk = || Object::from([("jwk", jwk_of(&scene.platinum))]);
    let forms = |cnf: Value<'static>| {
        let payload = identity(scene, cnf);
        [
            token(payload.clone(), VC, &scene.registrar, &[]),
            jose::sign(&payload.into(), TokenType::VC, &method, &key).unwrap(),
        ]
    };
    for good in forms(jwk().into()) {
        world.accepted(&good, &nothing(), None);
    }
    for cnf in [
        with(jwk(), "jkt", "thumbprint").into(),
        with(jwk(), "kid", scene.platinum.method.clone()).into(),
        Object::from([("jkt", "thumbprint")]).into(),
        Object::new().into(),
        Value::from(5_u32),
    ] {
        for bad in forms(cnf) {
            world.refused(&bad, &nothing(), "malformed");
            let presented = scene.present(&[bad], &scene.platinum, JWT);
            world.refused(&presented, &asked(), "malformed");
        }
    }
}

#[test]
fn row_18_a_mechanism_of_status_that_is_not_known_is_not_passed_over() {
    let (strict, lax) = (world(), world_with("\n[unknown]\nstatus = \"ignore\"\n"));
    let scene = &strict.scene;
    let registrar = &scene.registrar;
    let (key, method) = registrar.key(KeyType::Ed25519);
    let forms = |status: Object<'static>| {
        let payload = object(scene.attestation(Attested::Identity, &scene.platinum));
        let payload = with(payload, "status", status.clone());
        [
            token(identity_claims(scene, status), DC, registrar, &[]),
            token(payload.clone(), VC, registrar, &[]),
            jose::sign(&payload.into(), TokenType::VC, &method, &key).unwrap(),
        ]
    };
    let known = status_claim(scene, registrar);
    for good in forms(known.clone()) {
        strict.accepted(&good, &nothing(), None);
    }
    for bad in forms(with(known, "identifier_list", Object::new())) {
        strict.refused(&bad, &nothing(), "status-type-unknown");
        lax.accepted(&bad, &nothing(), None);
    }
}

#[test]
fn row_15_an_old_key_binding() {
    let world = world();
    let scene = &world.scene;
    let claims = identity_claims(scene, status_claim(scene, &scene.registrar));
    let text = token(claims, DC, &scene.registrar, &[]);
    let bound = |made: &str| {
        let token = SdJwt::parse(&text, DC).unwrap();
        token.bind_key(AUDIENCE, NONCE, at(made), &scene.platinum.key).unwrap()
    };
    // Ten minutes, and thirty seconds of skew.
    for made in ["2026-11-22T12:00:00Z", "2026-11-22T11:50:00Z", "2026-11-22T11:49:31Z"] {
        world.accepted(&bound(made), &asked(), Some("known"));
    }
    for made in ["2026-11-22T11:49:30Z", "1970-01-01T00:00:00Z"] {
        world.refused(&bound(made), &asked(), "expired");
    }
    world.refused(&bound("2026-11-22T12:01:00Z"), &asked(), "not-yet-valid");
}

#[test]
fn row_3_claims_of_an_sd_jwt_have_no_place_beside_an_embedded_proof() {
    let world = World::new();
    let scene = &world.scene;
    world.accepted(&world.score(DI), &nothing(), None);
    for claim in ["status", "cnf", "vct", "_sd", "_sd_alg"] {
        let vc = object(scene.attestation(Attested::PactScore, &scene.platinum));
        let secured = scene.secure(with(vc, claim, "any").into(), &scene.scorer, DI);
        world.refused(&secured, &nothing(), "malformed");
    }
}

#[test]
fn row_3_an_envelope_says_of_what_type_its_token_is() {
    let world = world();
    let scene = &world.scene;
    let formats = [JWT, Format::VcSdJwt(KeyType::Ed25519), Format::DcSdJwt(KeyType::Ed25519)];
    let media_types = [VC_JWT, VC_SD_JWT, DC_SD_JWT];
    for (format, own) in formats.into_iter().zip(media_types) {
        let text = scene.attest(Attested::Identity, &scene.platinum, format);
        for media_type in media_types {
            let envelope = envelop(&text, media_type);
            let alone = to_canonical_string(&envelope);
            let presentation = new_presentation(&scene.platinum.did, vec![envelope]);
            let binding = Some((NONCE, AUDIENCE));
            let presented = secure_presentation(presentation, &scene.platinum, binding);
            if media_type == own {
                world.accepted(&alone, &nothing(), None);
                world.accepted(&presented, &asked(), Some("known"));
            } else {
                world.refused(&alone, &nothing(), "typ-mismatch");
                world.refused(&presented, &asked(), "typ-mismatch");
            }
        }
    }
}

#[test]
fn row_3_an_enveloped_presentation_holds_one() {
    let world = world();
    let enveloped = |text: &str, media_type: &str| {
        let Value::Object(envelope) = envelop(text, media_type) else { panic!("an object") };
        to_canonical_string(&with(envelope, "type", "EnvelopedVerifiablePresentation").into())
    };
    let selective = Format::VcSdJwt(KeyType::Ed25519);
    for (format, own, wrong) in [(JWT, VP_JWT, VP_SD_JWT), (selective, VP_SD_JWT, VP_JWT)] {
        let presentation = world.presentation(format);
        world.accepted(&enveloped(&presentation, own), &asked(), Some("sensitive"));
        world.refused(&enveloped(&presentation, wrong), &asked(), "typ-mismatch");
        let credential = world.score(format);
        world.refused(&enveloped(&credential, own), &nothing(), "typ-mismatch");
        // Nor is a presentation a credential.
        let envelope = to_canonical_string(&envelop(&presentation, VC_JWT));
        world.refused(&envelope, &nothing(), "typ-mismatch");
    }
}
