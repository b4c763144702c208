//! Documents that are signed as RDF, at the caps and against the work that reading them takes.

use bonafide_core::did::Relationship;
use bonafide_core::encoding::encode_base58btc;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::vc::new_presentation;
use bonafide_linked_data::rdf::{HashAlgorithm, canonicalize, parse_nquads};
use bonafide_linked_data::{LARGEST_DOCUMENT, MOST_VALUES, SUITES};
use bonafide_proof::data_integrity::Work;
use bonafide_proof::data_integrity::{ProofOptions, add_proof};
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, did_key_of, json, key, present, scene};

use crate::{Inputs, LEAST_MEMORY_FOR_RDF, Limit, measure};

/// What the claims of the longest document may take: the frame and one proof take the rest.
const CLAIMS: usize = LARGEST_DOCUMENT - 2_048;

/// As many values, but for those of the frame.
const VALUES: usize = MOST_VALUES - 48;

/// Proofs that one document may have.
const PROOFS: usize = 8;

/// Contexts that every document here has.
const CONTEXTS: &str = r#"["https://www.w3.org/ns/credentials/v2","https://w3id.org/bonafide/v1"]"#;

/// A PactScoreCredential with these members in its subject.
fn document(claims: &str) -> Value<'static> {
    json(&format!(
        r#"{{"@context":{CONTEXTS},"type":["VerifiableCredential","PactScoreCredential"],"issuer":"did:web:scorer.example","credentialSubject":{{"id":"did:x:y",{claims}}}}}"#
    ))
}

/// The member `name` with a list.
fn list(name: &str, items: &[String]) -> String {
    format!("\"{name}\":[{}]", items.join(","))
}

fn same(item: &str, count: usize) -> Vec<String> {
    vec![item.to_owned(); count]
}

/// Distinct texts that take `bytes` together.
fn texts(count: usize, bytes: usize) -> String {
    let width = bytes / count - 3;
    let items: Vec<String> = (0..count).map(|number| format!("\"{number:0>width$}\"")).collect();
    list("evidenceDigests", &items)
}

/// One text of such characters, as long as a document can hold.
fn text(character: &str) -> String {
    let in_json = to_canonical_string(&Value::from(character)).len() - 2;
    let text = character.repeat(CLAIMS / in_json);
    list("evidenceDigests", &[to_canonical_string(&text.into())])
}

/// Distinct nodes of three values each.
fn nodes(count: usize) -> String {
    let node = |number| format!(r#"{{"name":"{number:0>60}","value":1}}"#);
    let items: Vec<String> = (0..count).map(node).collect();
    list("dimensions", &items)
}

/// As many nodes as there may be, all alike and far down.
fn deep() -> String {
    const LEVELS: usize = 26;
    let inside = list("dimensions", &same("{}", VALUES - LEVELS));
    format!("{}{inside}{}", "\"dimensions\":{".repeat(LEVELS), "}".repeat(LEVELS))
}

/// Two nodes that are alike, each with nine that are: every order of the nine has to be tried.
/// Beside them other nodes, so that all that is kept of each node is kept of many.
fn alike_within_alike(others: usize) -> String {
    let group = format!("{{{}}}", list("dimensions", &same("{}", 9)));
    let mut items = same(&group, 2);
    items.extend((0..others).map(|number| format!(r#"{{"name":"{number}"}}"#)));
    list("dimensions", &items)
}

fn bytes_of(document: &Value<'_>) -> Vec<u8> {
    to_canonical_string(document).into_bytes()
}

/// The document with proofs whose signatures are of the right length and not good: it is read to
/// its end before that shows.
fn unproven(
    document: Value<'static>,
    suite: &str,
    key_type: KeyType,
    purpose: Relationship,
    count: usize,
) -> Value<'static> {
    let Value::Object(mut document) = document else { return document };
    let method = match purpose {
        Relationship::Authentication => scene().platinum.method,
        _ => scene().scorer.key(key_type).1,
    };
    let length = if key_type == KeyType::P384 { 96 } else { 64 };
    let value = encode_base58btc(&vec![7; length]);
    let proof = Object::from([
        ("type", "DataIntegrityProof"),
        ("cryptosuite", suite),
        ("proofPurpose", purpose.name()),
        ("verificationMethod", method.as_str()),
        ("proofValue", value.as_str()),
    ]);
    document.insert("proof", vec![Value::from(proof.into_owned()); count]);
    document.into()
}

/// The same as a credential of the scorer, whose key is of P-256.
fn claimed(claims: &str, count: usize) -> Value<'static> {
    let purpose = Relationship::AssertionMethod;
    unproven(document(claims), "ecdsa-rdfc-2019", KeyType::P256, purpose, count)
}

/// The document with good proofs of P-384, for which all is hashed once more; each builds on the
/// one before if they are a chain.
fn proven(mut document: Value<'static>, count: usize, chain: bool) -> Value<'static> {
    let suite = SUITES.by_name("ecdsa-rdfc-2019").unwrap();
    let key = key("hostile", KeyType::P384);
    let (_, method) = did_key_of(&key);
    let ids: Vec<String> = (0..count).map(|number| format!("urn:proof:{number}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let before: Vec<&str> =
            ids[..number].last().filter(|_| chain).map(String::as_str).into_iter().collect();
        let options = ProofOptions {
            id: Some(id),
            previous: &before,
            ..ProofOptions::new(&method, Relationship::AssertionMethod)
        };
        document = add_proof(document, &options, suite, &key).unwrap();
    }
    document
}

/// A presentation of such credentials, with a good proof of its own over its JSON.
fn presented(credentials: &[Value<'static>]) -> Vec<u8> {
    let held: Vec<String> = credentials.iter().map(to_canonical_string).collect();
    let format = Format::DataIntegrity(KeyType::Ed25519);
    present(&held, &scene().platinum, format, NONCE, AUDIENCE).into_bytes()
}

/// A presentation of 16 credentials that is itself signed as RDF.
fn signed_as_rdf() -> Vec<u8> {
    let scene = scene();
    let text = scene.attest(Attested::PactScore, &scene.platinum, Format::Rdfc(KeyType::P256));
    let presentation = new_presentation(&scene.platinum.did, vec![json(&text); 16]);
    let purpose = Relationship::Authentication;
    bytes_of(&unproven(presentation, "eddsa-rdfc-2022", KeyType::Ed25519, purpose, 1))
}

pub(crate) fn inputs() -> Inputs {
    let one = |claims: &str| bytes_of(&claimed(claims, 1));
    let typed = same(r#"{"type":"VerifiableCredential"}"#, VALUES / 2);
    let types = list("type", &same(r#""VerifiableCredential""#, VALUES));
    let inside = list("evidence", &same("{}", VALUES));
    let inside = format!(r#""dimensions":{{"type":"VerifiableCredential",{inside}}}"#);
    let scoped = format!(r#"{{"@context":{CONTEXTS}}}"#);
    let hard = alike_within_alike(0);
    // In a presentation so long that each credential counts for its own length alone.
    let padded = format!("{hard},{}", texts(1, 4_000));
    // Eight proofs over as much as the budget has for each of them.
    let values = texts(VALUES - 8 * PROOFS, CLAIMS / PROOFS - 4_096);
    let some = nodes(330);
    let longest = texts(VALUES - 64, CLAIMS - 8_192);
    let held = |claims: &str, proofs| vec![claimed(claims, proofs); 16];
    vec![
        ("RDF: the most values", one(&texts(VALUES, CLAIMS))),
        ("RDF: one value too many", one(&texts(MOST_VALUES, CLAIMS))),
        ("RDF: one byte too many", one(&texts(VALUES, CLAIMS + 8_192))),
        ("RDF: nodes", one(&nodes(VALUES / 3))),
        ("RDF: nodes that are alike", one(&list("dimensions", &same("{}", VALUES)))),
        ("RDF: nodes that are alike, far down", one(&deep())),
        ("RDF: one long text", one(&text("w"))),
        ("RDF: line feeds", one(&text("\n"))),
        ("RDF: control characters", one(&text("\u{1}"))),
        ("RDF: deletes, which grow sixfold", one(&text("\u{7f}"))),
        ("RDF: contexts in each node", one(&list("dimensions", &same(&scoped, VALUES)))),
        ("RDF: a type with a context in each node", one(&list("dimensions", &typed))),
        ("RDF: types with contexts in one node", one(&format!("\"dimensions\":{{{types}}}"))),
        ("RDF: a context that ends at each node", one(&inside)),
        ("RDF: alike within alike", one(&hard)),
        ("RDF: alike within alike, among others", one(&alike_within_alike(VALUES / 2 - 16))),
        ("RDF: alike within alike, 8 proofs", bytes_of(&claimed(&hard, PROOFS))),
        ("RDF: alike within alike, 16 times 2 proofs", presented(&held(&padded, 2))),
        ("RDF: 8 proofs", bytes_of(&claimed(&some, PROOFS))),
        ("RDF: 8 proofs over values", bytes_of(&claimed(&values, PROOFS))),
        ("RDF: P-384", bytes_of(&proven(document(&texts(VALUES, CLAIMS)), 1, false))),
        ("RDF: P-384, nodes", bytes_of(&proven(document(&nodes(VALUES / 3)), 1, false))),
        ("RDF: P-384, 8 proofs", bytes_of(&proven(document(&some), PROOFS, false))),
        ("RDF: P-384, a chain of 8 proofs", bytes_of(&proven(document(&some), PROOFS, true))),
        ("RDF: a presentation of 16 at the cap", presented(&held(&longest, 1))),
        ("RDF: a presentation of 16 of 8 proofs", presented(&held(&nodes(24), PROOFS))),
        ("RDF: a presentation of 16 of many values", presented(&held(&texts(950, 14_000), 1))),
        ("RDF: a presentation signed as RDF", signed_as_rdf()),
    ]
}

/// Graphs that no document can spell, at the canonicalizer itself.
pub(crate) fn graphs() -> bool {
    // Each of ten nodes with every other one.
    let mut clique = String::new();
    for from in 0..10 {
        for to in (0..10).filter(|to| *to != from) {
            clique.push_str(&format!("_:n{from} <urn:p> _:n{to} .\n"));
        }
    }
    // Nodes that are all alike, each with the next one.
    let mut ring = String::new();
    for node in 0..512 {
        ring.push_str(&format!("_:n{node} <urn:p> _:n{} .\n", (node + 1) % 512));
    }
    let mut good = true;
    for (name, text) in [("RDFC-1.0: a clique", clique), ("RDFC-1.0: a ring", ring)] {
        let dataset = parse_nquads(&text).unwrap();
        let named = || canonicalize(&dataset, HashAlgorithm::Sha256, &Work::default());
        let found = if named().is_err() { "too-complex" } else { "" };
        let limit = Limit::of(text.len(), LEAST_MEMORY_FOR_RDF);
        good &= measure(name, found, text.len(), limit, &mut || drop(named()));
    }
    good
}
