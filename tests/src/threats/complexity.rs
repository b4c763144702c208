//! Row 8: documents that take for ever to canonicalize.

use bonafide_core::json::{Object, Value};
use bonafide_linked_data::rdf::{HashAlgorithm, canonicalize, parse_nquads};
use bonafide_proof::data_integrity::{ProofError, TooComplex, Work};
use bonafide_testkit::now;
use bonafide_verifier::Outcome;

use super::linked_data::{coloured, not_signed, object, signed, world};
use crate::world::{DI, asked, edited, nothing};

#[test]
fn row_8_the_clique_is_too_complex() {
    const CLIQUE: &str = include_str!("../../../fixtures/vectors/rdf-canon/rdfc10/test074-in.nq");
    let clique = parse_nquads(CLIQUE).unwrap();
    for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
        assert_eq!(canonicalize(&clique, hash, &Work::default()), Err(TooComplex));
    }
    // A part of it is not.
    let few = CLIQUE.lines().take(3).collect::<Vec<_>>().join("\n");
    canonicalize(&parse_nquads(&few).unwrap(), HashAlgorithm::Sha256, &Work::default()).unwrap();
}

/// Two objects that are alike, each with so many objects in it that are alike.
fn alike(count: usize) -> Value<'static> {
    let inner = Object::from([("colour", vec![Object::new(); count])]);
    vec![inner.clone(), inner].into()
}

#[test]
fn row_8_a_small_document_with_many_like_parts_is_too_complex() {
    let world = world();
    let scene = &world.scene;
    let good = signed(&world, coloured(scene, alike(4)));
    world.accepted(&good, &nothing(), None);
    let hostile = edited(&good, |vc| {
        object(vc, "credentialSubject").insert("colour", alike(10));
    });
    world.refused(&hostile, &nothing(), "too-complex");
    assert_eq!(not_signed(scene, coloured(scene, alike(10))), ProofError::TooComplex(TooComplex));
    // And a tree that halves at every step.
    let tree = (0..6).fold(Value::from(Object::new()), |half, _| {
        Object::from([("colour", vec![half.clone(), half])]).into()
    });
    let hostile = edited(&good, |vc| drop(object(vc, "credentialSubject").insert("colour", tree)));
    world.refused(&hostile, &nothing(), "too-complex");
}

#[test]
fn row_8_one_verdict_gives_up_once() {
    // Every proof of every credential would cost all the steps that one canonicalization may take.
    let world = world();
    let scene = &world.scene;
    let hostile = edited(&signed(&world, coloured(scene, alike(4))), |vc| {
        object(vc, "credentialSubject").insert("colour", alike(10));
        let proof = vc.remove("proof").unwrap();
        vc.insert("proof", vec![proof; 4]);
    });
    let held: Vec<String> = std::iter::repeat_n(hostile, 4).collect();
    let presentation = scene.present(&held, &scene.platinum, DI);
    let verdict = world.both(presentation.as_bytes(), &asked(), now());
    assert_eq!((verdict.outcome(), verdict.level()), (Outcome::Rejected, None));
    let given_up = verdict.reasons().filter(|reason| reason.code() == "too-complex").count();
    assert!((1..=4).contains(&given_up), "gave up {given_up} times, each at full cost");
}

#[test]
fn row_8_a_long_name_is_not_said_in_each_statement() {
    let world = world();
    let scene = &world.scene;
    let good = signed(&world, coloured(scene, vec![Object::new(); 20]));
    world.accepted(&good, &nothing(), None);
    // 240 kB once in the document, and in each of 1,500 statements.
    let name = "n".repeat(240 << 10);
    let hostile = edited(&good, |vc| {
        object(vc, "credentialSubject").insert(name.clone(), vec![Object::new(); 1_500]);
    });
    world.refused(&hostile, &nothing(), "proof-invalid");
    let mut vc = coloured(scene, "blue");
    object(&mut vc, "credentialSubject").insert(name, vec![Object::new(); 1_500]);
    let limit = 1 << 20;
    assert_eq!(not_signed(scene, vc), ProofError::TooLarge { what: "bytes of statements", limit });
}
