//! w3c/rdf-canon: RDFC-1.0, all 86 entries of the manifest.

use bonafide_core::json::Value;
use bonafide_linked_data::rdf::{HashAlgorithm, canonicalize, parse_nquads};
use bonafide_proof::data_integrity::{TooComplex, Work};

use super::Folder;

#[test]
fn rdfc_1_0_passes_the_whole_suite() {
    let mut folder = Folder::open("rdf-canon");
    let manifest = folder.json("manifest.jsonld");
    let (mut evaluated, mut mapped, mut refused) = (0, 0, 0);
    for entry in manifest.get("entries").unwrap().as_array().unwrap() {
        let text = |member: &str| entry.get(member).and_then(Value::as_str);
        let name = text("id").unwrap();
        let dataset = parse_nquads(&folder.text(text("action").unwrap())).unwrap();
        let hash = match text("hashAlgorithm") {
            Some("SHA384") => HashAlgorithm::Sha384,
            None => HashAlgorithm::Sha256,
            other => panic!("{name}: {other:?}"),
        };
        let result = canonicalize(&dataset, hash, &Work::default());
        match text("type").unwrap() {
            "rdfc:RDFC10EvalTest" => {
                let expected = folder.text(text("result").unwrap());
                assert_eq!(result.unwrap().lines.concat(), expected, "{name}");
                evaluated += 1;
            }
            "rdfc:RDFC10MapTest" => {
                let expected = folder.json(text("result").unwrap());
                let expected = expected.as_object().unwrap();
                let labels = result.unwrap().labels;
                assert_eq!(labels.len(), expected.len(), "{name}");
                for (node, label) in dataset.blank_nodes.iter().zip(&labels) {
                    assert_eq!(expected.str(node), Some(label.as_str()), "{name}: {node}");
                }
                mapped += 1;
            }
            "rdfc:RDFC10NegativeEvalTest" => {
                assert_eq!(result.unwrap_err(), TooComplex, "{name}");
                refused += 1;
            }
            other => panic!("{name}: {other}"),
        }
    }
    assert_eq!((evaluated, mapped, refused), (64, 21, 1));
    // The manifest in other syntaxes, and how it is made into a page.
    for other in [
        "LICENCE.md",
        "README.md",
        "manifest",
        "manifest.csv",
        "manifest.ttl",
        "template.haml",
        "vocab.jsonld",
        "vocab.ttl",
        "vocab_context.jsonld",
        "vocab_template.haml",
    ] {
        folder.bytes(other);
    }
    folder.finish();
}
