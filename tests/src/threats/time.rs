//! Row 24: every edge of time has one documented answer.
//!
//! A span includes its beginning and not its end, and the policy's clock skew (30 s here) widens it
//! on both sides: valid from `validFrom - skew` up to, not including, `validUntil + skew`.

use bonafide_core::json::Value;
use bonafide_testkit::{Attested, at};
use bonafide_verifier::Outcome;

use crate::world::{DI, JWT, World, asked, nothing};

/// A score valid from 11:58:00 until 12:02:00.
fn short_lived(world: &World, format: bonafide_testkit::Format) -> String {
    let scene = &world.scene;
    let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
        panic!("an object")
    };
    vc.insert("validFrom", "2026-11-22T11:58:00Z");
    vc.insert("validUntil", "2026-11-22T12:02:00Z");
    scene.secure(vc.into(), &scene.scorer, format)
}

#[test]
fn row_24_the_edges_with_skew_plus_and_minus_one_second() {
    let world = World::new();
    for format in [DI, JWT] {
        let input = short_lived(&world, format);
        for (time, code) in [
            ("2026-11-22T11:57:29Z", Some("not-yet-valid")),
            ("2026-11-22T11:57:30Z", None),
            ("2026-11-22T11:58:00Z", None),
            ("2026-11-22T12:01:59Z", None),
            ("2026-11-22T12:02:00Z", None), // now == validUntil, within the skew
            ("2026-11-22T12:02:29Z", None),
            ("2026-11-22T12:02:30Z", Some("expired")),
            ("2026-11-22T12:02:31Z", Some("expired")),
        ] {
            let verdict = world.both(input.as_bytes(), &nothing(), at(time));
            match code {
                None => assert_eq!(verdict.outcome(), Outcome::Accepted, "{time}"),
                Some(code) => assert!(verdict.has_reason(code), "{time}"),
            }
        }
    }
}

#[test]
fn row_24_without_skew_now_at_the_end_is_over() {
    let strict = |policy: String| policy.replace("clock_skew = \"30s\"", "clock_skew = \"0s\"");
    let world = World::with(strict, bonafide_testkit::scene().bundle());
    let input = short_lived(&world, JWT);
    let expired =
        |time| world.verdict_at(input.as_bytes(), &nothing(), at(time)).has_reason("expired");
    assert!(!expired("2026-11-22T12:01:59.999999999Z"));
    assert!(expired("2026-11-22T12:02:00Z"));
}

#[test]
fn row_24_dates_without_zone_or_beyond_9999_are_malformed() {
    let world = World::new();
    let scene = &world.scene;
    for date in [
        "2026-12-20T00:00:00",
        "2026-12-20",
        "10000-01-01T00:00:00Z",
        "+12026-01-01T00:00:00Z",
        "2026-12-20T00:00:60Z",
        "2026-02-30T00:00:00Z",
    ] {
        let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
            panic!("an object")
        };
        vc.insert("validUntil", date);
        let secured = scene.secure(vc.into(), &scene.scorer, DI);
        world.refused(&secured, &nothing(), "malformed");
    }
}

#[test]
fn row_24_a_clock_stepped_by_an_hour_never_accepts() {
    let world = World::new();
    let input = world.presentation(DI);
    // Back: the bundle is from the future, which leaves things undecided.
    let back = world.both(input.as_bytes(), &asked(), at("2026-11-22T11:00:00Z"));
    assert!(back.has_reason("bundle-from-future"));
    assert_ne!(back.outcome(), Outcome::Accepted);
    // Forward: what is known of revocation is stale.
    let forward = world.both(input.as_bytes(), &asked(), at("2026-11-22T13:00:00Z"));
    assert!(forward.has_reason("status-stale"));
    assert_eq!(forward.outcome(), Outcome::Undecided);
}

#[test]
fn keys_end_and_are_revoked_whatever_a_proof_says_of_its_date() {
    let scene = bonafide_testkit::scene();
    let with = |member: &'static str, time: &'static str| {
        let mut draft = scene.bundle_draft();
        for content in &mut draft.content {
            let bonafide_verifier::BundleContent::Document { document, .. } = content else {
                continue;
            };
            if document.get("id").unwrap().as_str() != Some(&scene.scorer.did) {
                continue;
            }
            let Value::Object(mut object) = document.clone() else { panic!("an object") };
            let Some(Value::Array(mut methods)) = object.remove("verificationMethod") else {
                panic!("none")
            };
            let Value::Object(first) = &mut methods[0] else { panic!("a key") };
            first.insert(member, time);
            object.insert("verificationMethod", methods);
            *document = object.into();
        }
        World::with(|policy| policy, scene.sign_bundle(&draft))
    };
    let ended = with("expires", "2026-11-22T11:59:59Z");
    ended.refused(&ended.score(DI), &nothing(), "key-expired");
    let revoked = with("revoked", "2026-11-22T12:00:00Z");
    revoked.refused(&revoked.score(DI), &nothing(), "key-revoked");
    revoked.refused(&revoked.score(JWT), &nothing(), "key-revoked");
    let later = with("revoked", "2026-11-22T12:00:01Z");
    later.accepted(&later.score(DI), &nothing(), None);
}
