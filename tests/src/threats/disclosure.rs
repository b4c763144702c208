//! Row 11: ecdsa-sd-2023 and bbs-2023, whose derived proofs anybody can take apart and put together
//! in another way.

use bonafide_core::encoding::{decode_multibase_base64url, encode_multibase_base64url};
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_linked_data::SUITES;
use bonafide_linked_data::steps::{BbsDerivedProof, DerivedProof};
use bonafide_proof::data_integrity::{DeriveInput, proofs_of};
use bonafide_testkit::{Attested, Format, derive, json, secure_base};
use bonafide_verifier::Reason;

use crate::world::{World, edited, nothing};

const SELECTIVE: [Format; 2] = [Format::EcdsaSd, Format::Bbs];

/// Platinum's score as its issuer gives it, under this id.
fn base(world: &World, format: Format, id: &'static str) -> String {
    let scene = &world.scene;
    let Value::Object(mut score) = scene.attestation(Attested::PactScore, &scene.platinum) else {
        panic!("an object")
    };
    score.insert("id", id);
    let (key, method) = scene.scorer.signer(format.key_type());
    secure_base(score.into(), &*key, &method, format)
}

/// Everything of it disclosed: three blank nodes, and more than one statement by choice.
fn whole(world: &World, format: Format) -> String {
    let whole = derive(&base(world, format, "urn:example:score"), &[""]);
    world.accepted(&whole, &nothing(), None);
    whole
}

/// Its value disclosed, and what always is.
fn part(world: &World, format: Format) -> String {
    let base = base(world, format, "urn:example:score");
    let part = derive(&base, &["/credentialSubject/value"]);
    world.accepted(&part, &nothing(), None);
    part
}

fn object<'o>(holder: &'o mut Object<'static>, name: &str) -> &'o mut Object<'static> {
    match holder.get_mut(name) {
        Some(Value::Object(object)) => object,
        _ => panic!("no {name}"),
    }
}

fn proof_value(text: &str) -> String {
    json(text).pointer("/proof/proofValue").and_then(Value::as_str).unwrap().to_owned()
}

fn with_proof_value(text: &str, value: String) -> String {
    edited(text, |vc| drop(object(vc, "proof").insert("proofValue", value)))
}

/// With another ecdsa-sd-2023 proof.
fn ecdsa(text: &str, change: impl FnOnce(&mut DerivedProof)) -> String {
    let mut proof = DerivedProof::parse(&proof_value(text)).unwrap();
    change(&mut proof);
    with_proof_value(text, proof.to_proof_value())
}

/// With another bbs-2023 proof.
fn bbs(text: &str, change: impl FnOnce(&mut BbsDerivedProof)) -> String {
    let mut proof = BbsDerivedProof::parse(&proof_value(text)).unwrap();
    change(&mut proof);
    with_proof_value(text, proof.to_proof_value())
}

/// With other mandatory indexes, in either suite.
fn indexed(text: &str, format: Format, change: impl FnOnce(&mut Vec<usize>)) -> String {
    match format {
        Format::EcdsaSd => ecdsa(text, |proof| change(&mut proof.mandatory_indexes)),
        _ => bbs(text, |proof| change(&mut proof.mandatory_indexes)),
    }
}

fn mandatory_indexes(text: &str, format: Format) -> Vec<usize> {
    let value = proof_value(text);
    match format {
        Format::EcdsaSd => DerivedProof::parse(&value).unwrap().mandatory_indexes,
        _ => BbsDerivedProof::parse(&value).unwrap().mandatory_indexes,
    }
}

/// With other bytes of the proof value: its header of three bytes, and CBOR.
fn rewritten(text: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let bytes = decode_multibase_base64url(&proof_value(text)).unwrap();
    with_proof_value(text, encode_multibase_base64url(&change(bytes)))
}

/// With `to` in the one place where there is `from`.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut places = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(from));
    let (Some(place), None) = (places.next(), places.next()) else { panic!("not in one place") };
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}

#[test]
fn row_11_mandatory_indexes_rise_and_lie_in_range() {
    let world = World::new();
    for format in SELECTIVE {
        let good = whole(&world, format);
        let same = indexed(&good, format, |_| ());
        world.accepted(&same, &nothing(), None);
        let duplicate = indexed(&good, format, |indexes| indexes.insert(0, indexes[0]));
        world.refused(&duplicate, &nothing(), "disclosure-invalid");
        let unsorted = indexed(&good, format, |indexes| indexes.swap(0, 1));
        world.refused(&unsorted, &nothing(), "disclosure-invalid");
        for index in [1_000, 4_294_967_295] {
            let beyond = indexed(&good, format, |indexes| indexes.push(index));
            world.refused(&beyond, &nothing(), "disclosure-invalid");
        }
        let fewer = indexed(&good, format, |indexes| {
            indexes.pop();
        });
        world.refused(&fewer, &nothing(), "disclosure-invalid");
    }
}

#[test]
fn row_11_selective_indexes_rise_and_lie_in_range() {
    let world = World::new();
    let good = whole(&world, Format::Bbs);
    let with =
        |change: fn(&mut Vec<usize>)| bbs(&good, |proof| change(&mut proof.selective_indexes));
    for changed in [
        with(|indexes| indexes.insert(0, indexes[0])),
        with(|indexes| indexes.swap(0, 1)),
        with(|indexes| indexes.push(1_000)),
        with(|indexes| {
            indexes.pop();
        }),
        with(|indexes| indexes.iter_mut().for_each(|index| *index += 1)),
    ] {
        world.refused(&changed, &nothing(), "disclosure-invalid");
    }
    // Another statement's place.
    let good = part(&world, Format::Bbs);
    let moved = bbs(&good, |proof| match &mut proof.selective_indexes[..] {
        [index] => *index = if *index == 0 { 1 } else { *index - 1 },
        _ => panic!("more than one statement"),
    });
    world.refused(&moved, &nothing(), "proof-invalid");
}

#[test]
fn row_11_what_is_always_disclosed_can_not_be_dropped() {
    // The statement is taken out and its index with it, whichever that is.
    let world = World::new();
    for format in SELECTIVE {
        let good = part(&world, format);
        for member in ["validUntil", "credentialStatus"] {
            let without = edited(&good, |vc| drop(vc.remove(member)));
            for dropped in 0..mandatory_indexes(&good, format).len() {
                let shorter = indexed(&without, format, |indexes| {
                    indexes.remove(dropped);
                    indexes[dropped..].iter_mut().for_each(|index| *index -= 1);
                });
                let verdict = world.verdict(&shorter, &nothing());
                let refused =
                    verdict.has_reason("proof-invalid") || verdict.has_reason("disclosure-invalid");
                assert!(refused, "{member}, {dropped}:\n{}", verdict.to_json());
            }
            let first = indexed(&without, format, |indexes| {
                indexes.remove(0);
                for index in indexes.iter_mut() {
                    *index -= 1;
                }
            });
            world.refused(&first, &nothing(), "claims-missing");
        }
    }
}

#[test]
fn row_11_labels_name_each_blank_node_once() {
    let world = World::new();
    let good = whole(&world, Format::EcdsaSd);
    for changed in [
        ecdsa(&good, |proof| proof.labels[1] = proof.labels[0]),
        ecdsa(&good, |proof| {
            proof.labels.pop();
        }),
        ecdsa(&good, |proof| proof.labels.push([7; 32])),
        ecdsa(&good, |proof| proof.labels.clear()),
    ] {
        world.refused(&changed, &nothing(), "disclosure-invalid");
    }
    let swapped = ecdsa(&good, |proof| proof.labels.swap(0, 1));
    world.refused(&swapped, &nothing(), "proof-invalid");
    let good = whole(&world, Format::Bbs);
    for changed in [
        bbs(&good, |proof| proof.labels[1] = proof.labels[0]),
        bbs(&good, |proof| {
            proof.labels.pop();
        }),
        bbs(&good, |proof| proof.labels.push(77)),
        bbs(&good, |proof| proof.labels.clear()),
    ] {
        world.refused(&changed, &nothing(), "disclosure-invalid");
    }
    let swapped = bbs(&good, |proof| proof.labels.swap(0, 1));
    world.refused(&swapped, &nothing(), "proof-invalid");
}

#[test]
fn row_11_a_label_map_with_a_key_twice_or_left_out() {
    let world = World::new();
    let good = whole(&world, Format::EcdsaSd);
    let labels = DerivedProof::parse(&proof_value(&good)).unwrap().labels;
    let entry = |key: u8| [&[key, 0x58, 0x20][..], &labels[1]].concat();
    for key in [0, 9] {
        let changed = rewritten(&good, |bytes| replaced(&bytes, &entry(1), &entry(key)));
        world.refused(&changed, &nothing(), "disclosure-invalid");
    }
    let good = whole(&world, Format::Bbs);
    let labels = BbsDerivedProof::parse(&proof_value(&good)).unwrap().labels;
    let [one, two, three] = labels[..] else { panic!("three blank nodes") };
    let label = |label: usize| u8::try_from(label).unwrap();
    let map = |key: u8| [0xa3, 0, label(one), key, label(two), 2, label(three)];
    for key in [0, 9] {
        let changed = rewritten(&good, |bytes| replaced(&bytes, &map(1), &map(key)));
        world.refused(&changed, &nothing(), "disclosure-invalid");
    }
}

#[test]
fn row_11_there_is_one_signature_for_each_statement() {
    let world = World::new();
    let good = whole(&world, Format::EcdsaSd);
    for changed in [
        ecdsa(&good, |proof| {
            proof.signatures.pop();
        }),
        ecdsa(&good, |proof| proof.signatures.push(proof.signatures[0])),
        ecdsa(&good, |proof| proof.signatures.clear()),
    ] {
        world.refused(&changed, &nothing(), "disclosure-invalid");
    }
    for changed in [
        ecdsa(&good, |proof| proof.signatures.swap(0, 1)),
        ecdsa(&good, |proof| proof.signatures[1] = proof.signatures[0]),
        ecdsa(&good, |proof| proof.signatures[0] = [0; 64]),
        ecdsa(&good, |proof| proof.signatures[0] = proof.base_signature),
    ] {
        world.refused(&changed, &nothing(), "proof-invalid");
    }
}

#[test]
fn row_11_the_key_of_the_proof_is_the_issuers_choice() {
    // With a key of one's own every statement could be signed anew.
    let world = World::new();
    let good = whole(&world, Format::EcdsaSd);
    let own = bonafide_testkit::key("stranger", bonafide_core::key::KeyType::P256);
    let own = bonafide_proof::Signer::public_key(&own);
    let changed = ecdsa(&good, |proof| {
        let bytes = [&own.key_type().multicodec()[..], own.as_bytes()].concat();
        proof.public_key = bytes.try_into().unwrap();
    });
    world.refused(&changed, &nothing(), "proof-invalid");
}

#[test]
fn row_11_what_the_holder_hides_can_not_be_claimed() {
    let world = World::new();
    for format in SELECTIVE {
        let good = part(&world, format);
        let claimed =
            edited(&good, |vc| drop(object(vc, "credentialSubject").insert("confidence", 95_u32)));
        world.refused(&claimed, &nothing(), "disclosure-invalid");
        // With a signature, or a place among the messages, to go with it.
        let covered = match format {
            Format::EcdsaSd => ecdsa(&claimed, |proof| proof.signatures.push(proof.signatures[0])),
            _ => bbs(&claimed, |proof| {
                let index = proof.selective_indexes[0];
                proof.selective_indexes = vec![index, index + 1];
            }),
        };
        world.refused(&covered, &nothing(), "proof-invalid");
        // Another value than the one that was signed.
        let raised =
            edited(&good, |vc| drop(object(vc, "credentialSubject").insert("value", 99_u32)));
        world.refused(&raised, &nothing(), "proof-invalid");
    }
}

#[test]
fn row_11_a_presentation_header_is_bound() {
    let world = World::new();
    let base = base(&world, Format::Bbs, "urn:example:score");
    let Value::Object(document) = json(&base) else { panic!("an object") };
    let proof = &proofs_of(&document).unwrap()[0];
    let reveal = ["/credentialSubject/value"];
    let input =
        DeriveInput { document: &document, proof, reveal: &reveal, presentation_header: b"monday" };
    let shown = SUITES.of_proof(proof).unwrap().derive(input).unwrap();
    let good = to_canonical_string(&shown.into());
    world.accepted(&good, &nothing(), None);
    for header in [&b"tuesday"[..], b"", b"monday\0"] {
        let replayed = bbs(&good, |proof| proof.presentation_header = header.to_vec());
        world.refused(&replayed, &nothing(), "proof-invalid");
    }
}

#[test]
fn row_11_base_proofs_are_for_the_holder_alone() {
    let world = World::new();
    for format in SELECTIVE {
        world.refused(&base(&world, format, "urn:example:score"), &nothing(), "base-proof");
    }
}

#[test]
fn row_11_proofs_of_other_versions_and_features() {
    let world = World::new();
    for format in SELECTIVE {
        let good = whole(&world, format);
        let own = decode_multibase_base64url(&proof_value(&good)).unwrap()[2];
        for version in 0..=9 {
            let changed = rewritten(&good, |mut bytes| {
                bytes[2] = version;
                bytes
            });
            if version == own {
                world.accepted(&changed, &nothing(), None);
            } else if version + 1 == own {
                world.refused(&changed, &nothing(), "base-proof");
            } else {
                world.refused(&changed, &nothing(), "disclosure-invalid");
            }
        }
    }
}

#[test]
fn row_11_the_cbor_is_read_strictly() {
    let world = World::new();
    for format in SELECTIVE {
        let good = part(&world, format);
        let indexes = mandatory_indexes(&good, format);
        let count = u8::try_from(indexes.len()).unwrap();
        assert!((2..24).contains(&count) && indexes[..2] == [0, 1]);
        // The list of mandatory indexes, as it begins and as it may not.
        let begins = [0x80 | count, 0, 1];
        let announced = [&[0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff][..], &[0, 1]].concat();
        let with = |change: &dyn Fn(&[u8]) -> Vec<u8>| rewritten(&good, |bytes| change(&bytes));
        for changed in [
            with(&|bytes| [bytes, &[0]].concat()),
            with(&|bytes| bytes[..bytes.len() - 1].to_vec()),
            with(&|bytes| bytes[..3].to_vec()),
            with(&|bytes| bytes[..2].to_vec()),
            // An array of indefinite length, one of six and one of very many.
            with(&|bytes| [&bytes[..3], &[0x9f], &bytes[4..], &[0xff]].concat()),
            with(&|bytes| [&bytes[..3], &[0x86], &bytes[4..], &[0]].concat()),
            with(&|bytes| [&bytes[..3], &[0x9b], &[0xff; 8], &bytes[4..]].concat()),
            // A byte string of very many, and one of indefinite length.
            with(&|bytes| [&bytes[..4], &[0x5b, 0x7f], &[0xff; 7], &bytes[6..]].concat()),
            with(&|bytes| [&bytes[..4], &[0x5f], &bytes[4..]].concat()),
            with(&|bytes| replaced(bytes, &begins, &announced)),
        ] {
            world.refused(&changed, &nothing(), "disclosure-invalid");
        }
        let base58 = with_proof_value(&good, proof_value(&good).replacen('u', "z", 1));
        world.refused(&base58, &nothing(), "malformed");
    }
}

#[test]
fn row_11_a_proof_goes_with_its_own_credential() {
    let world = World::new();
    for format in SELECTIVE {
        let reveal = ["/credentialSubject/value"];
        let [one, two] = ["urn:example:one", "urn:example:two"]
            .map(|id| derive(&base(&world, format, id), &reveal));
        world.accepted(&one, &nothing(), None);
        world.accepted(&two, &nothing(), None);
        let crossed = with_proof_value(&one, proof_value(&two));
        world.refused(&crossed, &nothing(), "proof-invalid");
    }
}

#[test]
fn row_11_keys_of_another_type() {
    let world = World::new();
    for (format, others) in [
        (Format::EcdsaSd, ["ed25519", "p384", "bls12381"]),
        (Format::Bbs, ["ed25519", "p256", "p384"]),
    ] {
        let good = whole(&world, format);
        for other in others {
            let method = format!("{}#{other}", world.scene.scorer.did);
            let changed =
                edited(&good, |vc| drop(object(vc, "proof").insert("verificationMethod", method)));
            world.refused(&changed, &nothing(), "proof-invalid");
            let verdict = world.verdict(&changed, &nothing());
            let named = |reason: &Reason| match reason {
                Reason::ProofInvalid { detail, .. } => detail.contains("does not sign with"),
                _ => false,
            };
            assert!(verdict.reasons().any(named), "{}", verdict.to_json());
        }
    }
}

#[test]
fn row_11_a_bbs_proof_of_identity_points_proves_nothing() {
    // Made by somebody who knows the issuer's public key alone: its points are such that the pairing
    // holds for every key.
    let forged = include_str!("forged-bbs.json");
    let world = World::new();
    world.refused(forged, &nothing(), "proof-invalid");
    // Nothing else is wrong with it.
    let verdict = world.verdict(forged, &nothing());
    let codes: Vec<&str> = verdict.reasons().map(Reason::code).collect();
    assert!(
        codes.iter().all(|code| ["proof-invalid", "issuer-mismatch"].contains(code)),
        "{codes:?}"
    );

    // Each point alone, and each scalar.
    let good = part(&world, Format::Bbs);
    for point in [0, 48, 96] {
        let forged = bbs(&good, |proof| {
            proof.proof[point..point + 48].fill(0);
            proof.proof[point] = 0xc0;
        });
        world.refused(&forged, &nothing(), "proof-invalid");
    }
    let length = BbsDerivedProof::parse(&proof_value(&good)).unwrap().proof.len();
    for scalar in (144..length).step_by(32) {
        let forged = bbs(&good, |proof| proof.proof[scalar..scalar + 32].fill(0));
        world.refused(&forged, &nothing(), "proof-invalid");
    }
}
