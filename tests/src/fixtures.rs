//! Every fixture gets the verdict that stands beside it in the index.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bonafide_core::json::Value;
use bonafide_linked_data::SUITES;
use bonafide_testkit::{at, fixtures, json};
use bonafide_verifier::{Bundle, Evidence, Policy, Reason, Request, verify};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

fn read(path: &str) -> Vec<u8> {
    fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text<'v>(value: &'v Value<'_>, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap()
}

#[test]
fn are_the_same_bytes_on_every_run() {
    let (first, second) = (fixtures::all(), fixtures::all());
    assert!(first.keys().eq(second.keys()));
    for (path, content) in &first {
        let content = fixtures::without_chance(path, content);
        assert_eq!(fixtures::without_chance(path, &second[path]), content, "{path}");
        assert_eq!(
            fixtures::without_chance(path, &String::from_utf8(read(path)).unwrap()),
            content,
            "{path} is not what the writer writes; run: cargo run -p bonafide-testkit"
        );
    }
}

#[test]
fn each_gets_the_verdict_that_the_index_names() {
    let index = json(&String::from_utf8(read("index.json")).unwrap());
    let policy = String::from_utf8(read(text(&index, "policy"))).unwrap();
    let policy = Policy::from_toml(&policy).unwrap();
    let cases = index.get("cases").unwrap().as_array().unwrap();
    for case in cases {
        let file = text(case, "file");
        let bundle = Bundle::open(&read(text(case, "bundle")), &policy).unwrap();
        let evidence = Evidence::new().with_suites(SUITES).with_bundle(&bundle);
        let mut request = Request::new();
        if let Some(asked) = case.get("request") {
            request = request.nonce(text(asked, "nonce")).audience(text(asked, "audience"));
        }
        let now = at(text(&index, "at"));
        let verdict = verify(&read(file), &request, &evidence, &policy, now);
        let found: BTreeSet<&str> = verdict.reasons().map(Reason::code).collect();
        let expected = case.get("reasons").unwrap().as_array().unwrap();
        let expected: BTreeSet<&str> = expected.iter().filter_map(Value::as_str).collect();
        assert_eq!(found, expected, "{file} with {}", text(case, "bundle"));
        assert_eq!(verdict.outcome().name(), text(case, "outcome"), "{file}");
        assert_eq!(verdict.level(), case.get("level").unwrap().as_str(), "{file}");
    }
    assert!(cases.len() > 800, "{}", cases.len());
}
