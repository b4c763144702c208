//! Row 7: the same statements in other JSON. A signature over RDF covers both, so only one may pass.

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::vc::new_presentation;
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{ProofOptions, add_proof};
use bonafide_testkit::json;

use super::linked_data::{coloured, object, other, signed, world};
use crate::world::{edited, nothing};

/// What can stand in place of a colour, and what would be the same statements.
const COLOURS: [(&str, &[&str]); 7] = [
    (
        "98",
        &[
            r#"{"@value":98,"@type":"http://www.w3.org/2001/XMLSchema#integer"}"#,
            r#"{"@value":"98","@type":"http://www.w3.org/2001/XMLSchema#integer"}"#,
            r#"{"@value":98}"#,
            "[98,98]",
            "[[98]]",
        ],
    ),
    ("true", &[r#"{"@value":"true","@type":"http://www.w3.org/2001/XMLSchema#boolean"}"#]),
    ("0.5", &[r#"{"@value":"5.0E-1","@type":"http://www.w3.org/2001/XMLSchema#double"}"#]),
    (
        r#""blue""#,
        &[
            r#"{"@value":"blue"}"#,
            r#"{"@value":"blue","@type":"http://www.w3.org/2001/XMLSchema#string"}"#,
            r#"["blue","blue"]"#,
            r#"["blue",["blue"]]"#,
        ],
    ),
    (
        r#"{"@value":"2026-01-01","@type":"http://www.w3.org/2001/XMLSchema#date"}"#,
        &[r#"{"@value":"2026-01-01","@type":"xsd:date"}"#],
    ),
    (
        r#"{"@value":"blue","@language":"en","@direction":"rtl"}"#,
        &[
            r#"{"@value":"blue","@language":"EN","@direction":"rtl"}"#,
            r#"{"@value":"blue","@type":"https://www.w3.org/ns/i18n#en_rtl"}"#,
        ],
    ),
    (
        r#"{"type":"Thing"}"#,
        &[r#"{"type":"Thing","id":"@thing"}"#, r#"{"type":"Thing","@context":[]}"#],
    ),
];

#[test]
fn row_7_a_value_has_one_spelling() {
    let world = world();
    for (colour, others) in COLOURS {
        let good = signed(&world, coloured(&world.scene, json(colour)));
        world.accepted(&good, &nothing(), None);
        for other in others {
            let changed = edited(&good, |vc| {
                object(vc, "credentialSubject").insert("colour", json(other));
            });
            world.refused(&changed, &nothing(), "data-loss");
        }
    }
}

#[test]
fn row_7_numbers_that_are_close_are_kept_apart() {
    let world = world();
    let good = signed(&world, coloured(&world.scene, json("0.3")));
    world.accepted(&good, &nothing(), None);
    // Fifteen digits would not tell them apart.
    let close = edited(&good, |vc| {
        object(vc, "credentialSubject").insert("colour", json("0.30000000000000004"));
    });
    world.refused(&close, &nothing(), "data-loss");
}

#[test]
fn row_7_a_type_in_a_vocabulary_is_written_as_a_word() {
    let world = world();
    let mut vc = coloured(&world.scene, "blue");
    object(&mut vc, "credentialSubject").insert("type", "Agent");
    let good = signed(&world, vc);
    world.accepted(&good, &nothing(), None);
    let full = edited(&good, |vc| {
        let agent = "https://www.w3.org/ns/credentials/undefined-term#Agent";
        object(vc, "credentialSubject").insert("type", agent);
    });
    world.refused(&full, &nothing(), "data-loss");
}

#[test]
fn row_7_iris_are_written_in_full() {
    let world = world();
    let mut vc = other(&world.scene);
    let status = object(&mut vc, "credentialStatus");
    status.insert("statusSize", json("1"));
    vc.insert("confidenceMethod", Object::new());
    let good = signed(&world, vc);
    world.accepted(&good, &nothing(), None);
    let with = |name: &str, value: &'static str| {
        edited(&good, |vc| drop(vc.insert(name.to_owned(), value)))
    };
    // Read as a keyword that nobody knows, and dropped.
    world.refused(&with("confidenceMethod", "@foo"), &nothing(), "data-loss");
    for name in ["cred:method", "sec:method", "xsd:method"] {
        world.refused(&with("confidenceMethod", name), &nothing(), "data-loss");
    }
    let proof = edited(&good, |vc| drop(object(vc, "proof").insert("id", "@foo")));
    world.refused(&proof, &nothing(), "data-loss");
    let text = edited(&good, |vc| drop(object(vc, "credentialStatus").insert("statusSize", "1")));
    world.refused(&text, &nothing(), "data-loss");
}

#[test]
fn row_7_what_is_said_of_the_subject_is_not_said_of_the_issuer() {
    // The same node, described in the one place and named in the other.
    let world = world();
    let scorer = world.scene.scorer.did.clone();
    let mut vc = other(&world.scene);
    let about = [("id", scorer.clone()), ("name", "The scorer".to_owned())];
    let subject = object(&mut vc, "credentialSubject");
    *subject = Object::from(about.clone());
    vc.insert("issuer", scorer.clone());
    let good = signed(&world, vc);
    world.accepted(&good, &nothing(), None);
    let turned = edited(&good, |vc| {
        vc.insert("issuer", Object::from(about));
        vc.insert("credentialSubject", Object::from([("id", scorer)]));
    });
    world.refused(&turned, &nothing(), "data-loss");
}

#[test]
fn row_7_nodes_of_different_graphs_are_different() {
    // Two credentials say something of a node without name of the same subject. Signed as one
    // document, they stay two nodes, so that one credential can't take the other's over.
    let world = world();
    let colour = |word: &'static str| Object::from([("colour", word)]);
    let held = [colour("blue"), colour("red")].map(|inner| {
        let held = signed(&world, coloured(&world.scene, inner));
        world.accepted(&held, &nothing(), None);
        held
    });
    let agent = &world.scene.platinum;
    let held: Vec<Value<'static>> = held.iter().map(|text| json(text)).collect();
    let mut unsigned = new_presentation(&agent.did, held);
    let Value::Object(presentation) = &mut unsigned else { panic!("an object") };
    let name = |presentation: &Object<'static>| {
        let canonical = bonafide_linked_data::steps::canonical(
            presentation,
            bonafide_linked_data::contexts::Contexts::pinned(),
            bonafide_linked_data::rdf::HashAlgorithm::Sha256,
            &bonafide_proof::data_integrity::Work::default(),
        );
        canonical.unwrap().lines
    };
    let colours: Vec<String> = name(presentation)
        .into_iter()
        .filter(|line| {
            line.contains("#colour>") && !line.contains("\"blue\"") && !line.contains("\"red\"")
        })
        .collect();
    let objects: std::collections::BTreeSet<&str> =
        colours.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!((colours.len(), objects.len()), (2, 2), "{colours:?}");

    let (key, method) = (&agent.key, &agent.method);
    let options = ProofOptions::new(method, Relationship::Authentication);
    let suite = SUITES.by_name("eddsa-rdfc-2022").unwrap();
    add_proof(unsigned, &options, suite, key).unwrap();
}
