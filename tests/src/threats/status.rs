//! Row 18: status lists.

use std::io::Write;
use std::time::Duration;

use bonafide_core::encoding::encode_multibase_base64url;
use bonafide_core::json::{Object, Value};
use bonafide_core::status::{
    BitstringStatusEntry, FEWEST_ENTRIES, LARGEST_LIST_BYTES, StatusBits, StatusListError,
    StatusPurpose,
};
use bonafide_testkit::{Attested, Format, Issuer, Scene, at, json, now, scene};
use bonafide_verifier::{BundleContent, MemorySeen, Outcome};

use crate::world::{DI, JWT, World, asked, nothing};

/// A world in which the scorer's list is another one.
fn with_list(list: impl FnOnce(&Scene) -> Value<'static>) -> World {
    World::with(|policy| policy, bundle_with_list(list))
}

/// A fresh bundle with another list of the scorer's.
pub(super) fn bundle_with_list(list: impl FnOnce(&Scene) -> Value<'static>) -> String {
    let scene = scene();
    let mut draft = scene.bundle_draft();
    let list = list(&scene);
    for content in &mut draft.content {
        if let BundleContent::StatusList { credential, .. } = content
            && credential.get("issuer").and_then(Value::as_str) == Some(&scene.scorer.did)
        {
            *credential = list.clone();
        }
    }
    scene.sign_bundle(&draft)
}

/// The scorer's list with platinum's score revoked.
pub(super) fn platinum_revoked(scene: &Scene) -> Value<'static> {
    scene.status_list(&scene.scorer, &[scene.index_of(&scene.platinum)])
}

/// The scorer's list, changed before it is signed by `issuer`.
fn changed(
    scene: &Scene,
    issuer: &Issuer,
    change: impl FnOnce(&mut Object<'static>),
) -> Value<'static> {
    let Value::Object(mut list) = scene.unsigned_status_list(&scene.scorer, &[]) else {
        panic!("an object")
    };
    change(&mut list);
    json(&scene.secure(list.into(), issuer, DI))
}

fn in_subject(list: &mut Object<'static>, member: &'static str, value: impl Into<Value<'static>>) {
    let Some(Value::Object(subject)) = list.get_mut("credentialSubject") else { panic!("none") };
    subject.insert(member, value);
}

fn gzip_zeros(bytes: usize) -> String {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes.div_ceil(zeros.len()) {
        let part = zeros.len().min(bytes);
        encoder.write_all(&zeros[..part]).unwrap();
    }
    encode_multibase_base64url(&encoder.finish().unwrap())
}

#[test]
fn row_18_a_bomb_ends_at_the_cap_and_is_never_cut_short() {
    let bomb = gzip_zeros(1 << 30);
    assert!(bomb.len() < 2 << 20);
    let limit = LARGEST_LIST_BYTES;
    assert_eq!(StatusBits::decode(&bomb), Err(StatusListError::TooLarge { limit }));
    let world = with_list(|scene| {
        changed(scene, &scene.scorer, |list| in_subject(list, "encodedList", gzip_zeros(limit + 1)))
    });
    world.refused(&world.score(DI), &nothing(), "status-list-too-large");
    // Exactly the cap is read whole.
    let whole = StatusBits::decode(&gzip_zeros(limit)).unwrap();
    assert_eq!(whole.entries(), limit * 8);
}

#[test]
fn row_18_too_few_entries_and_indexes_beyond_the_end() {
    let world = with_list(|scene| {
        changed(scene, &scene.scorer, |list| in_subject(list, "encodedList", gzip_zeros(16_383)))
    });
    world.refused(&world.score(DI), &nothing(), "status-list-too-short");
    let world = World::new();
    let scene = &world.scene;
    for (index, code) in [
        ("131072", "status-index-out-of-range"),
        ("99999999999", "status-index-out-of-range"),
        ("-1", "malformed"),
        ("1.0", "malformed"),
        ("007", "malformed"),
        ("99999999999999999999999999", "malformed"),
        ("", "malformed"),
    ] {
        let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
            panic!("an object")
        };
        let Some(Value::Object(status)) = vc.get_mut("credentialStatus") else { panic!("none") };
        status.insert("statusListIndex", index);
        world.refused(&scene.secure(vc.into(), &scene.scorer, DI), &nothing(), code);
    }
}

#[test]
fn row_18_wrong_purpose_issuer_or_type() {
    let wrong = with_list(|scene| {
        changed(scene, &scene.scorer, |list| in_subject(list, "statusPurpose", "suspension"))
    });
    wrong.refused(&wrong.score(DI), &nothing(), "status-purpose-mismatch");
    // Another issuer publishes a list under the scorer's URL.
    let wrong = with_list(|scene| {
        changed(scene, &scene.builder, |list| {
            list.insert("issuer", scene.builder.did.clone());
        })
    });
    wrong.refused(&wrong.score(DI), &nothing(), "status-list-untrusted");
    // In the scorer's name, but with another's key.
    let wrong = with_list(|scene| changed(scene, &scene.builder, |_| ()));
    wrong.refused(&wrong.score(DI), &nothing(), "status-list-invalid");
    let wrong = with_list(|scene| {
        changed(scene, &scene.scorer, |list| {
            list.insert("type", vec!["VerifiableCredential"]);
        })
    });
    wrong.refused(&wrong.score(DI), &nothing(), "status-list-invalid");
    let wrong = with_list(|scene| {
        changed(scene, &scene.scorer, |list| in_subject(list, "type", "OtherList"))
    });
    wrong.refused(&wrong.score(DI), &nothing(), "status-list-invalid");
    // A tampered list.
    let wrong = with_list(|scene| {
        let Value::Object(mut list) = scene.status_list(&scene.scorer, &[1]) else {
            panic!("none")
        };
        in_subject(&mut list, "encodedList", StatusBits::new(0).encode());
        list.into()
    });
    wrong.refused(&wrong.score(DI), &nothing(), "status-list-invalid");
}

#[test]
fn row_18_expired_and_future_lists() {
    let set = |member: &'static str, time: &'static str| {
        with_list(|scene| {
            changed(scene, &scene.scorer, |list| {
                list.insert(member, time);
            })
        })
    };
    let world = set("validUntil", "2026-11-22T11:59:00Z");
    world.refused(&world.score(DI), &nothing(), "status-list-expired");
    let world = set("validFrom", "2026-11-22T12:01:00Z");
    world.refused(&world.score(DI), &nothing(), "status-list-from-future");
}

#[test]
fn row_18_stale_knowledge_fails_closed() {
    let world = World::new();
    // The lists say 10 minutes, the policy 15: known as of 11:56, stale from 12:06 on.
    for format in [DI, JWT] {
        let input = world.presentation(format);
        let fresh = world.verdict_at(input.as_bytes(), &asked(), at("2026-11-22T12:05:59Z"));
        assert_eq!(fresh.level(), Some("sensitive"));
        let stale = world.both(input.as_bytes(), &asked(), at("2026-11-22T12:06:00Z"));
        assert_eq!(stale.outcome(), Outcome::Undecided);
        assert!(stale.has_reason("status-stale"));
        assert_eq!(stale.level(), None);
    }
    // Without any bundle nothing is known: undecided as well, never accepted.
    let evidence = bonafide_verifier::Evidence::new();
    let input = world.presentation(DI);
    let verdict =
        bonafide_verifier::verify(input.as_bytes(), &asked(), &evidence, &world.policy, now());
    assert_eq!(verdict.outcome(), Outcome::Undecided);
    assert!(verdict.has_reason("status-list-missing"));
    assert!(verdict.has_reason("did-document-missing"));
}

#[test]
fn row_18_a_rung_may_ask_for_fresher_knowledge() {
    let tight =
        |policy: String| policy.replace("status_max_age = \"10m\"", "status_max_age = \"3m\"");
    let world = World::with(tight, scene().bundle());
    world.accepted(&world.presentation(DI), &asked(), Some("read"));
    let verdict = world.verdict(&world.presentation(DI), &asked());
    assert_eq!(verdict.ladder()[0].lacks[0].what, "status-freshness");
}

#[test]
fn row_18_a_list_older_than_one_seen_is_refused() {
    let mut seen = MemorySeen::default();
    let older = World::new();
    let newer = with_list(|scene| {
        changed(scene, &scene.scorer, |list| {
            list.insert("validFrom", "2026-11-22T11:58:00Z");
        })
    });
    let input = older.score(DI);
    let ask = |world: &World, seen: &mut MemorySeen| {
        let mut verdict = world.verdict(&input, &nothing());
        verdict = verdict.remembered(seen);
        (verdict.outcome(), verdict.has_reason("status-list-rolled-back"))
    };
    assert_eq!(ask(&older, &mut seen), (Outcome::Accepted, false));
    // The bundles have one number but differ; the lists are looked at on their own here.
    seen.bundles.clear();
    assert_eq!(ask(&newer, &mut seen), (Outcome::Accepted, false));
    seen.bundles.clear();
    assert_eq!(ask(&older, &mut seen), (Outcome::Rejected, true));
}

#[test]
fn row_18_a_list_that_is_not_believed_is_not_remembered() {
    let mut seen = MemorySeen::default();
    let future = with_list(|scene| {
        changed(scene, &scene.scorer, |list| {
            list.insert("validFrom", "2099-01-01T00:00:00Z");
            list.insert("validUntil", "2099-01-02T00:00:00Z");
        })
    });
    let input = future.score(DI);
    let refused = future.verdict(&input, &nothing()).remembered(&mut seen);
    assert!(refused.has_reason("status-list-from-future"));
    seen.bundles.clear();
    let good = World::new().verdict(&input, &nothing()).remembered(&mut seen);
    assert_eq!(good.outcome(), Outcome::Accepted, "{}", good.to_json());
}

#[test]
fn row_18_lists_as_jwts_are_judged_as_jwts() {
    let as_jwt = |change: fn(&mut Object<'static>)| {
        with_list(|scene| {
            let Value::Object(mut list) = scene.unsigned_status_list(&scene.scorer, &[]) else {
                panic!("an object")
            };
            change(&mut list);
            let format = Format::Jwt(bonafide_core::key::KeyType::P256);
            scene.secure(list.into(), &scene.scorer, format).into()
        })
    };
    let good = as_jwt(|_| ());
    good.accepted(&good.score(JWT), &nothing(), None);
    let ended = as_jwt(|list| drop(list.insert("exp", 1_u32)));
    ended.refused(&ended.score(JWT), &nothing(), "status-list-expired");
    let ahead = as_jwt(|list| drop(list.insert("nbf", 4_000_000_000_u32)));
    ahead.refused(&ahead.score(JWT), &nothing(), "status-list-from-future");
    let other = as_jwt(|list| drop(list.insert("iss", "did:web:builder.example")));
    other.refused(&other.score(JWT), &nothing(), "status-list-invalid");
}

#[test]
fn revoked_and_suspended_are_told_apart() {
    let revoked = with_list(platinum_revoked);
    revoked.refused(&revoked.score(DI), &nothing(), "revoked");
    let scene = &revoked.scene;
    let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
        panic!("an object")
    };
    let Some(Value::Object(status)) = vc.remove("credentialStatus") else { panic!("none") };
    let mut suspension = status.clone();
    suspension.insert("statusPurpose", "suspension");
    let mut elsewhere = status;
    elsewhere.insert("statusListIndex", "8");
    vc.insert("credentialStatus", vec![elsewhere, suspension]);
    let secured = scene.secure(vc.into(), &scene.scorer, DI);
    revoked.refused(&secured, &nothing(), "suspended");
    // An entry that can't revoke is not enough.
    let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.bronze) else {
        panic!("an object")
    };
    let Some(Value::Object(status)) = vc.get_mut("credentialStatus") else { panic!("none") };
    status.insert("statusPurpose", "suspension");
    let secured = scene.secure(vc.into(), &scene.scorer, DI);
    revoked.refused(&secured, &nothing(), "status-missing");
}

#[test]
fn row_18_entries_of_several_bits_fall_with_any_and_messages_are_told() {
    let sized = |scene: &Scene, purpose, size: usize| BitstringStatusEntry {
        size,
        messages: (0..1 << size).map(|value| format!("says {value}")).collect(),
        ..BitstringStatusEntry::new(purpose, 9, scene.scorer.list.clone())
    };
    let score = |scene: &Scene, entries: Vec<BitstringStatusEntry>| {
        let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
            panic!("an object")
        };
        let entries: Vec<_> = entries.iter().map(BitstringStatusEntry::to_object).collect();
        vc.insert("credentialStatus", entries);
        scene.secure(vc.into(), &scene.scorer, DI)
    };
    let world = |entries: usize, value: u8| {
        with_list(|scene| {
            changed(scene, &scene.scorer, |list| {
                let mut bits = StatusBits::new(entries);
                if value > 0 {
                    bits.set_value(9, 2, value).unwrap();
                }
                in_subject(list, "encodedList", bits.encode());
                in_subject(list, "statusPurpose", vec!["revocation", "suspension", "message"]);
            })
        })
    };
    let revocation = |scene: &Scene| sized(scene, StatusPurpose::Revocation, 2);
    for value in 0..=3 {
        let world = world(FEWEST_ENTRIES * 2, value);
        let scene = &world.scene;
        let revocable = score(scene, vec![revocation(scene)]);
        let list = scene.scorer.list.clone();
        let other = BitstringStatusEntry::new(StatusPurpose::Revocation, 1000, list);
        let suspension = sized(scene, StatusPurpose::Suspension, 2);
        let suspendable = score(scene, vec![other, suspension]);
        if value == 0 {
            world.accepted(&revocable, &nothing(), None);
            world.accepted(&suspendable, &nothing(), None);
        } else {
            world.refused(&revocable, &nothing(), "revoked");
            world.refused(&suspendable, &nothing(), "suspended");
        }
    }
    // As many bits as one entry each needs are too few for two each.
    let short = world(FEWEST_ENTRIES, 0);
    let input = score(&short.scene, vec![revocation(&short.scene)]);
    short.refused(&input, &nothing(), "status-list-too-short");
    let beyond = world(FEWEST_ENTRIES * 2, 0);
    let entry = BitstringStatusEntry { index: FEWEST_ENTRIES, ..revocation(&beyond.scene) };
    let input = score(&beyond.scene, vec![entry]);
    beyond.refused(&input, &nothing(), "status-index-out-of-range");
    // A message says nothing against the credential, and stands in the note of the check.
    let told = world(FEWEST_ENTRIES * 2, 2);
    let scene = &told.scene;
    let revocable =
        BitstringStatusEntry::new(StatusPurpose::Revocation, 1000, scene.scorer.list.clone());
    let input = score(scene, vec![revocable, sized(scene, StatusPurpose::Message, 2)]);
    told.accepted(&input, &nothing(), None);
    let verdict = told.verdict(&input, &nothing());
    let notes: Vec<String> = verdict.checks().iter().map(bonafide_verifier::Check::note).collect();
    assert!(notes.iter().any(|note| note.ends_with("; message 0x2: says 2")), "{notes:?}");
    // Nor can it stand in for revocation.
    let input = score(scene, vec![sized(scene, StatusPurpose::Message, 2)]);
    told.refused(&input, &nothing(), "status-missing");
    // More bits than messages, or messages that do not fit.
    let entry = BitstringStatusEntry { messages: Vec::new(), ..revocation(scene) };
    told.refused(&score(scene, vec![entry]), &nothing(), "malformed");
}

#[test]
fn unknown_kinds_of_status_fail_closed_unless_the_policy_says_otherwise() {
    let world = World::new();
    let scene = &world.scene;
    let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
        panic!("an object")
    };
    let Some(Value::Object(known)) = vc.remove("credentialStatus") else { panic!("none") };
    let mut unknown = known.clone();
    unknown.insert("type", "VendorStatus");
    let mut both = known.clone();
    both.insert("type", vec!["VendorStatus", "BitstringStatusListEntry"]);
    vc.insert("credentialStatus", vec![known, unknown]);
    let secured = scene.secure(vc.clone().into(), &scene.scorer, DI);
    world.refused(&secured, &nothing(), "status-type-unknown");
    let lax = |policy: String| policy + "\n[unknown]\nstatus = \"ignore\"\n";
    World::with(lax, scene.bundle()).accepted(&secured, &nothing(), None);
    // A known kind is read wherever it stands among the types.
    vc.insert("credentialStatus", both);
    let secured = scene.secure(vc.into(), &scene.scorer, DI);
    let bundle = bundle_with_list(platinum_revoked);
    World::with(lax, bundle).refused(&secured, &nothing(), "revoked");
}

#[test]
fn the_same_bits_give_the_same_text() {
    let mut bits = StatusBits::new(0);
    bits.set(4711, true).unwrap();
    assert_eq!(bits.encode(), bits.clone().encode());
    assert_eq!(StatusBits::decode(&bits.encode()).unwrap(), bits);
    assert_eq!(bits.set_indexes().collect::<Vec<_>>(), [4711]);
    // Index 0 is the left-most bit (Bitstring Status List, 3.2).
    let mut first = StatusBits::new(0);
    first.set(0, true).unwrap();
    let raw = bonafide_core::encoding::decode_multibase_base64url(&first.encode()).unwrap();
    let mut unzipped = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&raw[..]), &mut unzipped).unwrap();
    assert_eq!((unzipped[0], unzipped.len()), (0x80, 16_384));
    assert_eq!(Duration::from_secs(600).as_millis(), 600_000);
}
