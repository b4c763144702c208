//! Rows 7 and 8: what JSON-LD would leave unsigned, or let be spelled in another way under the same
//! signature; and documents that take for ever to canonicalize.

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_linked_data::contexts::{Contexts, PINNED, PinnedContext};
use bonafide_linked_data::{LARGEST_DOCUMENT, MOST_VALUES, SUITES};
use bonafide_proof::data_integrity::{ProofError, ProofOptions, add_proof};
use bonafide_testkit::{Attested, Format, Scene, json, scene};
use sha2::{Digest, Sha256};

use crate::world::{World, edited, nothing};

const RDFC: Format = Format::Rdfc(KeyType::Ed25519);

/// A type without schema: nothing but the reading as RDF stands in the way.
const OTHER: &str = "https://types.example/terms#Other";

const UNDEFINED_TERMS: &str = "https://www.w3.org/ns/credentials/undefined-terms/v2";

/// The scene, in which the scorer may attest something else as well.
pub(super) fn world() -> World {
    let trusted = |policy: String| {
        let own = "attests = [\"PactScoreCredential\"";
        assert!(policy.contains(own));
        policy.replace(own, &format!("{own}, \"{OTHER}\""))
    };
    World::with(trusted, scene().bundle())
}

/// A credential of the other type, unsigned.
pub(super) fn other(scene: &Scene) -> Object<'static> {
    let Value::Object(mut vc) = scene.attestation(Attested::PactScore, &scene.platinum) else {
        panic!("an object")
    };
    vc.insert("type", vec!["VerifiableCredential", OTHER]);
    vc.remove("credentialSchema");
    vc.insert("credentialSubject", Object::from([("id", scene.platinum.did.clone())]));
    vc
}

/// The same where every word is a term, and this is said of the subject's colour.
pub(super) fn coloured(scene: &Scene, colour: impl Into<Value<'static>>) -> Object<'static> {
    let mut vc = other(scene);
    add_context(&mut vc, UNDEFINED_TERMS);
    object(&mut vc, "credentialSubject").insert("colour", colour);
    vc
}

pub(super) fn signed(world: &World, vc: Object<'static>) -> String {
    world.scene.secure(vc.into(), &world.scene.scorer, RDFC)
}

/// Why the suite does not sign this.
pub(super) fn not_signed(scene: &Scene, vc: Object<'static>) -> ProofError {
    let (key, method) = scene.scorer.key(KeyType::Ed25519);
    let options = ProofOptions::new(&method, Relationship::AssertionMethod);
    let suite = SUITES.by_name("eddsa-rdfc-2022").unwrap();
    add_proof(vc.into(), &options, suite, &key).unwrap_err()
}

pub(super) fn object<'o>(holder: &'o mut Object<'static>, name: &str) -> &'o mut Object<'static> {
    match holder.get_mut(name) {
        Some(Value::Object(object)) => object,
        _ => panic!("no {name}"),
    }
}

fn add_context(vc: &mut Object<'static>, context: impl Into<Value<'static>>) {
    match vc.get_mut("@context") {
        Some(Value::Array(contexts)) => contexts.push(context.into()),
        _ => panic!("no contexts"),
    }
}

fn renamed(object: &mut Object<'static>, from: &str, to: &'static str) {
    let value = object.remove(from).unwrap();
    object.insert(to, value);
}

#[test]
fn row_7_a_word_that_no_context_defines() {
    let world = world();
    let good = signed(&world, other(&world.scene));
    world.accepted(&good, &nothing(), None);
    let on_top = edited(&good, |vc| drop(vc.insert("colour", "blue")));
    world.refused(&on_top, &nothing(), "data-loss");
    for place in ["credentialSubject", "credentialStatus", "proof"] {
        let below = edited(&good, |vc| drop(object(vc, place).insert("colour", "blue")));
        world.refused(&below, &nothing(), "data-loss");
    }
    let mut undefined = other(&world.scene);
    undefined.insert("colour", "blue");
    let error = not_signed(&world.scene, undefined);
    assert!(matches!(error, ProofError::DataLoss { .. }), "{error}");
    // Where a context makes each word a term, it is signed.
    world.accepted(&signed(&world, coloured(&world.scene, "blue")), &nothing(), None);
}

#[test]
fn row_7_contexts_written_into_the_document() {
    let world = world();
    let good = signed(&world, other(&world.scene));
    world.accepted(&good, &nothing(), None);
    let inline = [
        r#"{"@vocab":"https://evil.example/#"}"#,
        r#"{"colour":"https://evil.example/#colour"}"#,
        r#"{"validUntil":"https://evil.example/#ignored"}"#,
        r#"{"@import":"https://w3id.org/bonafide/v1"}"#,
        "{}",
    ];
    for context in inline {
        let on_top = edited(&good, |vc| add_context(vc, json(context)));
        world.refused(&on_top, &nothing(), "context-refused");
        let below = edited(&good, |vc| {
            object(vc, "credentialSubject").insert("@context", json(context));
        });
        world.refused(&below, &nothing(), "context-refused");
    }
    // One that takes all others back.
    let none = edited(&good, |vc| {
        object(vc, "credentialSubject").insert("@context", Value::Null);
    });
    world.refused(&none, &nothing(), "context-refused");
}

#[test]
fn row_7_contexts_that_are_not_pinned() {
    let world = world();
    let good = signed(&world, other(&world.scene));
    world.accepted(&good, &nothing(), None);
    for url in [
        "https://evil.example/context",
        "http://127.0.0.1:1/context",
        "file:///etc/passwd",
        "https://w3id.org/bonafide/v1/",
        "https://w3id.org/bonafide/v1#",
        "http://w3id.org/bonafide/v1",
        "https://W3ID.org/bonafide/v1",
    ] {
        let added = edited(&good, |vc| add_context(vc, url));
        world.refused(&added, &nothing(), "context-refused");
        let below =
            edited(&good, |vc| drop(object(vc, "credentialSubject").insert("@context", url)));
        world.refused(&below, &nothing(), "context-refused");
    }
}

#[test]
fn row_7_protected_terms_redefined() {
    let world = world();
    let good = signed(&world, other(&world.scene));
    world.accepted(&good, &nothing(), None);
    for url in
        ["https://www.w3.org/2018/credentials/v1", "https://w3id.org/security/data-integrity/v1"]
    {
        assert!(Contexts::pinned().document(url).is_some());
        let added = edited(&good, |vc| add_context(vc, url));
        world.refused(&added, &nothing(), "context-refused");
    }
}

/// A context that is pinned as it is.
fn pinned(text: &str) -> PinnedContext {
    let digest = Sha256::digest(to_canonical_string(&json(text)).as_bytes());
    let digest: &'static str = bonafide_core::encoding::hex(&digest).leak();
    let text: &'static str = text.to_owned().leak();
    ("https://example.org/context", text, digest)
}

#[test]
fn row_7_a_context_with_another_hash() {
    for (url, text, digest) in PINNED {
        Contexts::new(&[(url, text, digest)]).unwrap();
        let changed: &'static str = text.replacen("http", "hftp", 1).leak();
        let error = Contexts::new(&[(url, changed, digest)]).unwrap_err();
        assert!(error.to_string().contains("pinned is"), "{error}");
    }
    let (url, _, digest) = PINNED[0];
    let (_, other, _) = PINNED[1];
    assert!(Contexts::new(&[(url, other, digest)]).is_err());
}

#[test]
fn row_7_contexts_whose_terms_could_not_be_kept_apart() {
    Contexts::new(&[pinned(r#"{"@context":{"a":{"@id":"urn:a","@container":"@set"}}}"#)]).unwrap();
    for text in [
        r#"{"@context":{"a":{"@id":"urn:a","@container":"@language"}}}"#,
        r#"{"@context":{"a":{"@id":"urn:a","@container":"@index"}}}"#,
        r#"{"@context":{"a":{"@id":"urn:a","@container":["@graph","@id"]}}}"#,
        r#"{"@context":{"a":{"@reverse":"urn:a"}}}"#,
        r#"{"@context":{"a":{"@id":"urn:a","@language":"en"}}}"#,
        r#"{"@context":{"a":{"@id":"@nest"},"b":{"@id":"urn:b","@nest":"a"}}}"#,
        r#"{"@context":{"@import":"https://www.w3.org/ns/credentials/v2"}}"#,
        r#"{"@context":{"@language":"en"}}"#,
        r#"{"@context":{"@base":"https://evil.example/"}}"#,
        r#"{"@context":{"a":null}}"#,
    ] {
        assert!(Contexts::new(&[pinned(text)]).is_err(), "{text}");
    }
}

#[test]
fn row_7_a_context_more_adds_nothing_that_is_not_signed() {
    // By RDF's nature the list of contexts is not signed; what they make of the document is.
    let world = world();
    let good = signed(&world, other(&world.scene));
    for url in
        [UNDEFINED_TERMS, "https://www.w3.org/ns/did/v1", "https://www.w3.org/ns/credentials/v2"]
    {
        let more = edited(&good, |vc| add_context(vc, url));
        world.accepted(&more, &nothing(), None);
    }
    let filled = edited(&good, |vc| {
        add_context(vc, UNDEFINED_TERMS);
        object(vc, "credentialSubject").insert("colour", "blue");
    });
    world.refused(&filled, &nothing(), "proof-invalid");
    // The built-in types say in their schemas which contexts they have.
    let score = world.score(RDFC);
    world.accepted(&score, &nothing(), None);
    let more = edited(&score, |vc| add_context(vc, UNDEFINED_TERMS));
    world.refused(&more, &nothing(), "schema-violation");
}

#[test]
fn row_7_a_context_less_or_another_changes_what_was_signed() {
    let world = world();
    let score = world.score(RDFC);
    world.accepted(&score, &nothing(), None);
    let less = edited(&score, |vc| {
        vc.insert("@context", vec!["https://www.w3.org/ns/credentials/v2"]);
    });
    world.refused(&less, &nothing(), "data-loss");
    let another = edited(&score, |vc| {
        vc.insert("@context", vec!["https://www.w3.org/ns/credentials/v2", UNDEFINED_TERMS]);
    });
    world.refused(&another, &nothing(), "proof-invalid");
}

#[test]
fn row_7_members_have_no_other_name() {
    let world = world();
    let good = signed(&world, coloured(&world.scene, Object::from([("type", OTHER)])));
    world.accepted(&good, &nothing(), None);
    let status = "https://www.w3.org/2018/credentials#credentialStatus";
    for name in [status, "cred:credentialStatus", "https:credentialStatus"] {
        let hidden = edited(&good, |vc| renamed(vc, "credentialStatus", name));
        world.refused(&hidden, &nothing(), "data-loss");
    }
    for (place, from, to) in [
        ("credentialStatus", "id", "@id"),
        ("credentialSubject", "id", "@id"),
        ("credentialSubject", "colour", "@included"),
        ("credentialSubject", "colour", "@reverse"),
        ("credentialSubject", "colour", "@graph"),
        ("credentialSubject", "colour", "@nest"),
    ] {
        let spelled = edited(&good, |vc| renamed(object(vc, place), from, to));
        world.refused(&spelled, &nothing(), "data-loss");
    }
    let keyword = edited(&good, |vc| {
        renamed(object(object(vc, "credentialSubject"), "colour"), "type", "@type");
    });
    world.refused(&keyword, &nothing(), "data-loss");
}

#[test]
fn row_7_types_have_no_other_name() {
    let world = world();
    let score = world.score(RDFC);
    world.accepted(&score, &nothing(), None);
    let whole = edited(&score, |vc| {
        let iri = "https://w3id.org/bonafide#PactScoreCredential";
        vc.insert("type", vec!["VerifiableCredential", iri]);
    });
    world.refused(&whole, &nothing(), "data-loss");
    let status = edited(&score, |vc| {
        let iri = "https://www.w3.org/ns/credentials/status#BitstringStatusListEntry";
        object(vc, "credentialStatus").insert("type", iri);
    });
    world.refused(&status, &nothing(), "data-loss");
}

#[test]
fn row_7_a_second_object_with_the_id_takes_nothing_over() {
    // To RDF it is all one, whether the credential itself says that it can be revoked or another
    // object of this id.
    let world = world();
    let scene = &world.scene;
    let Value::String(id) = other(scene).remove("id").unwrap() else { panic!("no id") };
    let named = Object::from([("id", id.into_owned())]);
    let good = signed(&world, coloured(scene, named));
    world.accepted(&good, &nothing(), None);
    for member in ["credentialStatus", "validUntil"] {
        let moved = edited(&good, |vc| {
            let value = vc.remove(member).unwrap();
            let second = object(object(vc, "credentialSubject"), "colour");
            second.insert("type", "VerifiableCredential");
            second.insert(member, value);
        });
        world.refused(&moved, &nothing(), "data-loss");
    }
}

#[test]
fn row_7_nulls_and_empty_members() {
    let world = world();
    let good = signed(&world, coloured(&world.scene, "blue"));
    world.accepted(&good, &nothing(), None);
    let nothings = ["null", "[]", "[null]", "[[]]", r#"{"@value":null}"#, r#"{"@set":[]}"#];
    for value in nothings {
        let added = edited(&good, |vc| {
            object(vc, "credentialSubject").insert("shape", json(value));
        });
        world.refused(&added, &nothing(), "data-loss");
        let added = edited(&good, |vc| drop(vc.insert("confidenceMethod", json(value))));
        world.refused(&added, &nothing(), "data-loss");
    }
    let empty = edited(&good, |vc| drop(vc.insert("evidence", Vec::<Value<'_>>::new())));
    world.refused(&empty, &nothing(), "data-loss");
}

#[test]
fn row_7_a_term_that_is_a_json_literal_elsewhere_is_refused() {
    // In other places these hold JSON literals, of which every byte is signed.
    let world = world();
    let scene = &world.scene;
    let good = signed(&world, coloured(scene, "blue"));
    world.accepted(&good, &nothing(), None);
    for term in ["jsonSchema", "driving_privileges", "jwk"] {
        let values =
            ["null", "[]", "1", r#"{"@value":null,"@type":"urn:anything"}"#, r#"{"id":"urn:a"}"#];
        for value in values {
            let mut vc = coloured(scene, "blue");
            object(&mut vc, "credentialSubject").insert(term, json(value));
            let error = not_signed(scene, vc);
            assert!(matches!(error, ProofError::DataLoss { .. }), "{term}: {error}");
            let added = edited(&good, |vc| {
                object(vc, "credentialSubject").insert(term, json(value));
            });
            world.refused(&added, &nothing(), "data-loss");
        }
    }
}

#[test]
fn row_7_blank_nodes_have_no_name() {
    let world = world();
    let mut vc = other(&world.scene);
    vc.insert("confidenceMethod", Object::new());
    let good = signed(&world, vc);
    world.accepted(&good, &nothing(), None);
    for id in ["_:b0", "_:c14n0", "urn:bnid:0", "urn:bnid:"] {
        let named = edited(&good, |vc| {
            object(vc, "confidenceMethod").insert("id", id);
        });
        world.refused(&named, &nothing(), "data-loss");
        // A string in the place of a node is an id too.
        let referred = edited(&good, |vc| drop(vc.insert("confidenceMethod", id)));
        world.refused(&referred, &nothing(), "data-loss");
    }
}

#[test]
fn row_7_value_objects_hold_nothing_else() {
    let world = world();
    let value = |text: &str| coloured(&world.scene, json(text));
    let plain = r#"{"@value":"blue","@language":"en"}"#;
    let good = signed(&world, value(plain));
    world.accepted(&good, &nothing(), None);
    for other in [
        r#"{"@value":"blue","@language":"en","@index":"x"}"#,
        r#"{"@value":"blue","@language":"en","@unknown":"x"}"#,
        r#"{"@value":"blue","@language":"en","unknown":"x"}"#,
        r#"{"@value":"blue","@language":"en","id":"urn:x"}"#,
        r#"{"@value":"blue","@language":"en","@context":{}}"#,
        r#"{"@value":["blue"],"@language":"en"}"#,
        r#"{"@value":"blue","@language":["en"]}"#,
        r#"{"@value":"blue","@language":"en","@direction":"up"}"#,
    ] {
        let changed = edited(&good, |vc| {
            object(vc, "credentialSubject").insert("colour", json(other));
        });
        world.refused(&changed, &nothing(), "data-loss");
    }
    let indexed = edited(&good, |vc| drop(object(vc, "credentialStatus").insert("@index", "x")));
    world.refused(&indexed, &nothing(), "data-loss");
}

#[test]
fn row_7_language_and_direction_are_signed() {
    let world = world();
    let text = r#"{"@value":"Score","@language":"en","@direction":"ltr"}"#;
    let mut vc = other(&world.scene);
    vc.insert("name", json(text));
    let good = signed(&world, vc);
    world.accepted(&good, &nothing(), None);
    for (from, to) in [
        (r#""@direction":"ltr""#, r#""@direction":"rtl""#),
        (r#","@direction":"ltr""#, ""),
        (r#""@language":"en""#, r#""@language":"de""#),
        (r#""@language":"en","#, ""),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        let changed = edited(&good, |vc| drop(vc.insert("name", json(&changed))));
        world.refused(&changed, &nothing(), "proof-invalid");
    }
}

#[test]
fn row_7_a_language_is_a_language() {
    let world = world();
    let named = |language: &str| {
        let name = Object::from([("@value", "Score"), ("@language", "LANGUAGE")]);
        json(&to_canonical_string(&name.into()).replace("LANGUAGE", language))
    };
    let mut vc = other(&world.scene);
    vc.insert("name", "Score");
    let good = signed(&world, vc.clone());
    world.accepted(&good, &nothing(), None);
    vc.insert("name", named("de-CH-1996"));
    world.accepted(&signed(&world, vc), &nothing(), None);
    // `@none` would vanish, unsigned; the others are none.
    for language in ["@none", "", "en us", "en_US", "é", "-", "en-", "en\\n", "en .\\n<urn:a>"] {
        let changed = edited(&good, |vc| drop(vc.insert("name", named(language))));
        world.refused(&changed, &nothing(), "malformed");
        let changed = edited(&good, |vc| {
            object(vc, "credentialSubject").insert("colour", named(language));
        });
        world.refused(&changed, &nothing(), "data-loss");
    }
}

#[test]
fn row_7_no_statement_hides_in_a_language() {
    // A language that ends its line and goes on: the same lines, signed once, read with and without
    // the status.
    let world = world();
    let scene = &world.scene;
    let english = |text: &'static str| Object::from([("@value", text), ("@language", "en")]);
    let mut vc = coloured(scene, english("blue"));
    object(&mut vc, "credentialSubject").insert("shade", english("dark"));
    let good = signed(&world, vc);
    world.accepted(&good, &nothing(), None);

    let id = json(&good).get("id").and_then(Value::as_str).unwrap().to_owned();
    let Value::Object(document) = json(&good) else { panic!("an object") };
    let status = document.get("credentialStatus").and_then(Value::as_object).unwrap();
    let text = |name: &str| status.str(name).unwrap();
    let (entry, terms) = (text("id"), "https://www.w3.org/ns/credentials/status#");
    let rdf_type = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
    let link = format!("<{id}> <https://www.w3.org/2018/credentials#credentialStatus> <{entry}>");
    let lines = [
        format!("<{entry}> <{rdf_type}> <{terms}BitstringStatusListEntry>"),
        format!("<{entry}> <{terms}statusListCredential> <{}>", text("statusListCredential")),
        format!("<{entry}> <{terms}statusListIndex> \"{}\"", text("statusListIndex")),
        format!("<{entry}> <{terms}statusPurpose> \"{}\"", text("statusPurpose")),
    ];
    let stripped = edited(&good, |vc| {
        vc.remove("credentialStatus");
        let subject = object(vc, "credentialSubject");
        object(subject, "colour").insert("@language", format!("en .\n{link}"));
        let shade = object(subject, "shade");
        shade.insert("@language", format!("en .\n{}", lines.join(" .\n")));
    });
    world.refused(&stripped, &nothing(), "data-loss");
}

#[test]
fn row_7_the_order_of_a_set_is_not_signed_and_means_nothing() {
    let world = world();
    let score = world.score(RDFC);
    let turned = edited(&score, |vc| match object(vc, "credentialSubject").get_mut("dimensions") {
        Some(Value::Array(dimensions)) => dimensions.reverse(),
        _ => panic!("no dimensions"),
    });
    assert_ne!(turned, edited(&score, |_| ()));
    world.accepted(&turned, &nothing(), None);
}

/// A colour in a colour, so many times.
fn nested(levels: usize) -> Object<'static> {
    (1..levels).fold(Object::new(), |inner, _| Object::from([("colour", inner)]))
}

#[test]
fn row_7_documents_that_are_too_deep_or_too_large() {
    let world = world();
    let scene = &world.scene;
    let good = signed(&world, coloured(scene, nested(15)));
    world.accepted(&good, &nothing(), None);
    let deeper = edited(&good, |vc| {
        object(vc, "credentialSubject").insert("colour", nested(16));
    });
    world.refused(&deeper, &nothing(), "proof-invalid");
    let too_large = |what, limit| ProofError::TooLarge { what, limit };
    assert_eq!(not_signed(scene, coloured(scene, nested(16))), too_large("levels", 16));

    let many = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    world.accepted(&signed(&world, coloured(scene, many(2_000))), &nothing(), None);
    let more = edited(&good, |vc| {
        object(vc, "credentialSubject").insert("colour", many(MOST_VALUES));
    });
    world.refused(&more, &nothing(), "proof-invalid");
    let error = not_signed(scene, coloured(scene, many(MOST_VALUES)));
    assert_eq!(error, too_large("values", MOST_VALUES));

    let long = "x".repeat(LARGEST_DOCUMENT);
    let longer = edited(&good, |vc| drop(vc.insert("description", long.clone())));
    world.refused(&longer, &nothing(), "proof-invalid");
    let error = not_signed(scene, coloured(scene, long));
    assert_eq!(error, too_large("bytes", LARGEST_DOCUMENT));
}
