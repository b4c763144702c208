//! `bonafide did resolve`: every method, and every error of DID Resolution v1 that can come of it.

use bonafide_core::did::did_jwk;
use bonafide_core::json::to_pretty_string;
use bonafide_core::key::KeyType;
use bonafide_proof::{SecretKey, Signer};
use bonafide_testkit::{WebvhLog, did_key_of, key, scene, webvh_document, webvh_witness_file};
use serde_json::Value;

use crate::world::bonafide;

const FIRST: &str = "2024-01-01T00:00:00Z";
const SECOND: &str = "2024-02-01T00:00:00Z";

/// The exit code and the result of `did resolve`.
fn resolve(arguments: &[&str]) -> (i32, Value) {
    let output = bonafide(&[&["did", "resolve", "--json"][..], arguments].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), value)
}

/// Ends with this code and this error, of whose code underneath is told.
#[track_caller]
fn fails(arguments: &[&str], exit: i32, name: &str, code: Option<&str>) {
    let (found, value) = resolve(arguments);
    let members = match arguments[0].contains('#') {
        true => ["content", "didUrlDereferencingMetadata", "contentMetadata"],
        false => ["didDocument", "didResolutionMetadata", "didDocumentMetadata"],
    };
    let error = &value[members[1]]["error"];
    assert_eq!(error["type"], format!("https://www.w3.org/ns/did#{name}"), "{value}");
    assert!(error["title"].is_string() && error["detail"].is_string(), "{value}");
    assert_eq!(error["code"].as_str(), code, "{value}");
    assert_eq!(value[members[0]], Value::Null);
    assert_eq!(value[members[2]], serde_json::json!({}));
    assert_eq!(found, exit, "{value}");
    // A person reads the same.
    let output = bonafide(&[&["did", "resolve"][..], arguments].concat());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(&format!("{name}: ")));
    assert_eq!(output.status.code(), Some(exit));
}

fn secret() -> SecretKey {
    key("resolve", KeyType::Ed25519)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

#[test]
fn dids_that_hold_their_key_are_their_own_documents() {
    let secret = secret();
    let (did, method) = did_key_of(&secret);
    let (code, value) = resolve(&[&did]);
    assert_eq!((code, value["didDocument"]["id"].as_str()), (0, Some(did.as_str())));
    assert_eq!(value["didResolutionMetadata"]["contentType"], "application/did");
    let (code, value) = resolve(&[&method]);
    assert_eq!((code, value["content"]["id"].as_str()), (0, Some(method.as_str())));
    let did = did_jwk(secret.public_key()).unwrap();
    let (code, value) = resolve(&[&format!("{did}#0")]);
    assert_eq!((code, value["content"]["type"].as_str()), (0, Some("JsonWebKey")));
    // Without --json, the document alone.
    let output = bonafide(&["did", "resolve", &did]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["id"], did);
}

#[test]
fn errors_are_those_of_did_resolution() {
    let (did, _) = did_key_of(&secret());
    fails(&["nonsense"], 1, "INVALID_DID", None);
    fails(&["did:key:zzz"], 1, "INVALID_DID", None);
    fails(&["did:web:127.0.0.1"], 1, "INVALID_DID", None);
    fails(&["did:webvh:short:scorer.example"], 1, "INVALID_DID", None);
    fails(&["did:web:a.example?a=<"], 1, "INVALID_DID_URL", None);
    fails(&["did:example:1"], 2, "METHOD_NOT_SUPPORTED", None);
    fails(&["did:web:a.example"], 2, "NOT_FOUND", None);
    fails(&[&format!("{did}#nowhere")], 2, "NOT_FOUND", None);
    fails(&["did:web:a.example/whois"], 2, "FEATURE_NOT_SUPPORTED", None);
    fails(&["did:web:a.example?service=files"], 2, "FEATURE_NOT_SUPPORTED", None);
    fails(&[&did, "--version-number", "1"], 2, "FEATURE_NOT_SUPPORTED", None);
    fails(&[&format!("{did}?versionNumber=x")], 64, "INVALID_OPTIONS", None);
    fails(&[&format!("{did}?versionTime=now")], 64, "INVALID_OPTIONS", None);
    fails(&[&format!("{did}?versionId=%FF")], 64, "INVALID_OPTIONS", None);
    let twice = format!("{did}?versionNumber=1&versionNumber=1");
    fails(&[&twice], 64, "INVALID_OPTIONS", None);
}

#[test]
fn a_did_web_is_found_in_its_document() {
    let folder = Folder::new();
    let scene = scene();
    let file = folder.write("did.json", &to_pretty_string(&scene.scorer.document()));
    let did = &scene.scorer.did;
    let (code, value) = resolve(&[did, "--did-document", &file]);
    assert_eq!((code, value["didDocument"]["id"].as_str()), (0, Some(did.as_str())));
    let method = format!("{did}#p256");
    let (code, value) = resolve(&[&method, "--did-document", &file]);
    assert_eq!((code, value["content"]["id"].as_str()), (0, Some(method.as_str())));
    fails(&["did:web:other.example", "--did-document", &file], 2, "NOT_FOUND", None);
}

#[test]
fn a_did_webvh_is_found_in_its_history() {
    let folder = Folder::new();
    let secret = secret();
    let witness = key("resolve witness", KeyType::Ed25519);
    let mut log = WebvhLog::create("scorer.example", &secret, FIRST, "{}", None);
    let did = log.did().to_owned();
    let parameters = format!(
        "{{\"ttl\":60,\"witness\":{{\"threshold\":1,\"witnesses\":[{{\"id\":\"{}\"}}]}}}}",
        did_key_of(&witness).0
    );
    log.update(&secret, SECOND, &parameters);
    let second = log.version_id(2);
    let file = folder.write("did.jsonl", &log.jsonl());
    let approved = webvh_witness_file(&[(second.as_str(), &[&witness])], SECOND);
    let witnesses = folder.write("did-witness.json", &approved);
    let given = ["--log", &file, "--witnesses", &witnesses];
    let ask = |did: &str, more: &[&str]| resolve(&[&[did][..], &given, more].concat());

    let (code, value) = ask(&did, &[]);
    assert_eq!((code, value["didDocument"]["id"].as_str()), (0, Some(did.as_str())));
    let metadata = &value["didDocumentMetadata"];
    assert_eq!(metadata["versionId"], second);
    assert_eq!((&metadata["versionTime"], &metadata["created"]), (&SECOND.into(), &FIRST.into()));
    assert_eq!((&metadata["ttl"], &metadata["deactivated"]), (&"60".into(), &false.into()));
    let services = value["didDocument"]["service"].as_array().unwrap();
    assert!(services.iter().any(|service| service["id"] == "#whois"));
    let (code, value) = ask(&format!("{did}#key-1"), &[]);
    assert_eq!((code, value["content"]["type"].as_str()), (0, Some("Multikey")));
    assert_eq!(value["contentMetadata"]["versionId"], second);
    let (code, value) = ask(&format!("{did}#whois"), &[]);
    assert_eq!((code, value["content"]["id"].as_str()), (0, Some("#whois")));

    // Each way to ask for the first version.
    let first = log.version_id(1);
    let queries = [
        format!("versionId={first}"),
        "versionTime=2024-01-15T00:00:00Z".to_owned(),
        "versionTime=2024-01-15T00%3A00%3A00Z".to_owned(),
        "versionNumber=1".to_owned(),
    ];
    for query in queries {
        let (code, value) = ask(&format!("{did}?{query}"), &[]);
        assert_eq!(code, 0, "{value}");
        assert_eq!(value["didDocumentMetadata"]["versionId"], first, "{query}");
    }
    for option in [
        ["--version-id", first.as_str()],
        ["--version-time", "2024-01-15T00:00:00Z"],
        ["--version-number", "1"],
    ] {
        assert_eq!(ask(&did, &option).1["didDocumentMetadata"]["versionId"], first, "{option:?}");
    }

    let failing = |did: &str, more: &[&str], exit: i32, name: &str, code: Option<&str>| {
        fails(&[&[did][..], more].concat(), exit, name, code);
    };
    let twice = [&given[..], &["--version-number", "1"]].concat();
    failing(&format!("{did}?versionNumber=1"), &twice, 64, "INVALID_OPTIONS", None);
    let ninth = [&given[..], &["--version-number", "9"]].concat();
    failing(&did, &ninth, 2, "NOT_FOUND", None);
    let before = [&given[..], &["--version-time", "2023-01-01T00:00:00Z"]].concat();
    failing(&did, &before, 2, "NOT_FOUND", None);
    failing(&did, &[], 2, "NOT_FOUND", None);
    failing(&did, &["--log", &file], 1, "INVALID_DID", Some("witness-file-missing"));
    let tampered = folder.write("tampered", &log.jsonl().replacen("#key-1", "#key-2", 1));
    failing(&did, &["--log", &tampered], 1, "INVALID_DID", Some("scid-invalid"));
    // Nobody's document takes the place of a history.
    let plain = folder.write("did.json", &to_pretty_string(&webvh_document(&did, &secret)));
    failing(&did, &["--did-document", &plain], 1, "INVALID_DID_DOCUMENT", None);
}

#[test]
fn a_did_webvh_that_ended_has_no_document() {
    let folder = Folder::new();
    let secret = secret();
    let mut log = WebvhLog::create("scorer.example", &secret, FIRST, "{}", None);
    log.update(&secret, SECOND, "{\"deactivated\":true}");
    let file = folder.write("did.jsonl", &log.jsonl());
    let (code, value) = resolve(&[log.did(), "--log", &file]);
    assert_eq!((code, &value["didDocument"]), (1, &Value::Null));
    assert_eq!(value["didDocumentMetadata"]["deactivated"], true);
    assert!(value["didResolutionMetadata"].get("error").is_none());
    let output = bonafide(&["did", "resolve", log.did(), "--log", &file]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("came to its end"));
    // What it was before can still be asked for.
    let (code, value) = resolve(&[log.did(), "--log", &file, "--version-number", "1"]);
    assert_eq!((code, value["didDocument"]["id"].as_str()), (0, Some(log.did())));
}
