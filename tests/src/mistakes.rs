//! The command line under mistakes: nothing is destroyed, lost or left out without a word.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::world::binary;

const CLAIMS: &str = include_str!("../../fixtures/claims/identity.json");

/// A folder with two keys and claims.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.done("key new --out a.key");
        place.done("key new --out b.key");
        place.write("claims.json", CLAIMS);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs a command without spaces in its words.
    fn run(&self, line: &str) -> (i32, String) {
        let mut command = Command::new(binary());
        let output =
            command.current_dir(self.folder.path()).args(line.split_whitespace()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    }

    #[track_caller]
    fn done(&self, line: &str) -> String {
        let (code, said) = self.run(line);
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    #[track_caller]
    fn refused(&self, line: &str, says: &str) {
        let (code, said) = self.run(line);
        assert_eq!(code, 64, "{line}: {said}");
        assert!(said.contains(says), "{line}: {said}");
    }

    fn did(&self, key: &str) -> String {
        self.done(&format!("key show {key} --did")).trim().to_owned()
    }

    /// A whole unsigned identity, to be changed.
    fn unsigned(&self, change: impl FnOnce(&mut Value)) {
        let text = self.done(&issuing("did:web:agent.example"));
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document.as_object_mut().unwrap().remove("proof");
        let entry = &mut document["credentialStatus"];
        *entry = json!({
            "id": "https://a.example/1#7", "type": "TokenStatusListEntry",
            "statusListIndex": "7", "statusListCredential": "https://a.example/1",
        });
        change(&mut document);
        self.write("unsigned.json", &document.to_string());
    }
}

/// The command that issues an identity.
fn issuing(subject: &str) -> String {
    format!(
        "issue --key a.key --type AgentIdentityCredential --subject {subject} \
         --claims claims.json --status https://a.example/1 --index 7"
    )
}

#[test]
#[cfg(unix)]
fn a_lock_destroys_nothing() {
    let place = Place::new();
    let list = "status new --key a.key --url https://a.example/1 --out s.json";
    place.done(list);
    place.done("policy new --out policy.toml");
    std::fs::create_dir(place.path("state")).unwrap();
    let token = "status token --from s.json --url https://a.example/2 --key a.key --out s.jwt";
    for (lock, line) in [
        ("s.jwt.lock", token),
        ("s.json.lock", "status set s.json --index 1 --key a.key"),
        ("state/lock", "verify claims.json --policy policy.toml --state state"),
    ] {
        place.done(&format!("key new --out {lock}"));
        let before = place.text(lock);
        place.refused(line, "is kept for a lock");
        assert_eq!(place.text(lock), before, "{line}");
        std::fs::remove_file(place.path(lock)).unwrap();
        for target in ["precious", "missing"] {
            if target == "precious" {
                place.write(target, "");
            }
            std::os::unix::fs::symlink(place.path(target), place.path(lock)).unwrap();
            place.refused(line, "is kept for a lock");
            assert_eq!(place.path(target).exists(), target == "precious");
            std::fs::remove_file(place.path(lock)).unwrap();
        }
    }
    // Without anything in the way each works, and again with the lock that is left.
    for _ in 0..2 {
        place.done(token);
        place.done("status set s.json --index 1 --key a.key");
    }
    assert_eq!(place.text("s.json.lock"), "");
}

#[test]
fn holders_with_a_did_web_present_sd_jwts() {
    let place = Place::new();
    place.done("did document did:web:agent.example --key b.key --out agent.did.json");
    for format in ["dc+sd-jwt", "vc+sd-jwt"] {
        let issue = issuing("did:web:agent.example");
        place.done(&format!("{issue} --format {format} --out {format}"));
        let present = format!(
            "present {format} --key b.key --nonce n --audience https://v.example --format {format}"
        );
        // Not as the did:key of the same key: the credential is not about that.
        place.refused(&present, "--as did:web:agent.example#KEY");
        place.done(&format!("{present} --as did:web:agent.example#key-1 --out shown"));
        let verify = "verify shown --proof-only --did-document agent.did.json \
                      --audience https://v.example";
        place.done(&format!("{verify} --nonce n"));
        assert_eq!(place.run(&format!("{verify} --nonce m")).0, 1);
    }
}

#[test]
fn a_key_binds_only_what_is_for_it() {
    let place = Place::new();
    let holder = place.did("b.key");
    let answers = "--nonce n --audience https://v.example";
    for format in ["dc+sd-jwt", "vc+sd-jwt"] {
        place.done(&format!("{} --format {format} --out {format}", issuing(&holder)));
        let present = format!("present {format} {answers} --format {format}");
        place.done(&format!("{present} --key b.key --out shown"));
        for key in [&holder, &place.did("a.key")] {
            place.refused(&format!("{present} --key a.key"), key.trim_start_matches("did:key:"));
        }
    }
    let other = format!("present dc+sd-jwt {answers} --key b.key --format vc+sd-jwt");
    place.refused(&other, "--format dc+sd-jwt");
    let other = format!("present vc+sd-jwt {answers} --key b.key --format dc+sd-jwt");
    place.refused(&other, "--format vc+sd-jwt");
}

#[test]
fn what_a_format_would_lose_is_refused() {
    let place = Place::new();
    let issue =
        |format: &str| format!("issue --key a.key --claims unsigned.json --format {format}");
    place.unsigned(|_| ());
    place.done(&issue("dc+sd-jwt"));
    let did = place.did("a.key");
    let issuer = json!({"id": did, "name": "Somebody"});
    place.unsigned(|document| document["issuer"] = issuer);
    place.refused(&issue("dc+sd-jwt"), "/issuer/name");
    place.unsigned(|document| document["credentialStatus"]["note"] = json!("x"));
    place.refused(&issue("dc+sd-jwt"), "/credentialStatus/note");
    place.unsigned(|document| document["type"].as_array_mut().unwrap().push(json!("Other")));
    place.refused(&issue("dc+sd-jwt"), "/type/2");
    place.unsigned(|document| document["cnf"] = json!({"kid": "did:web:x.example#1"}));
    place.refused(&issue("vc+sd-jwt"), "/cnf");
    for member in ["aud", "proof"] {
        place.unsigned(|document| document[member] = json!({"type": "x"}));
        for format in ["vc+jwt", "vc+sd-jwt"] {
            place.refused(&issue(format), &format!("/{member}"));
        }
    }
}

#[test]
fn options_without_effect_are_refused() {
    let place = Place::new();
    let issue = issuing("did:web:agent.example");
    place.refused(&format!("{issue} --mandatory /issuer"), "--mandatory");
    place.refused(&format!("{issue} --mandatory /issuer --format vc+jwt"), "--mandatory");
    place.refused(&format!("{issue} --decoys 2"), "--decoys");
    place.refused(&format!("{issue} --decoys 999999 --format vc+sd-jwt"), "at most 64");
    place.done(&format!("{issue} --decoys 64 --mandatory /issuer --format vc+sd-jwt"));
    for format in ["vc+jwt", "dc+sd-jwt"] {
        for more in ["--valid-for 99999999999d", "--valid-from 9999-12-31T23:59:59Z"] {
            place.refused(&format!("{issue} --format {format} {more}"), "after the year 9999");
        }
        let far = issue.replace("--index 7", "--index 9007199254740993");
        place.refused(&format!("{far} --format {format}"), "9007199254740991");
    }
    place.done("key new --alg bls12381 --out bls.key");
    let bls = issue.replace("a.key", "bls.key");
    for format in ["vc+jwt", "vc+sd-jwt", "dc+sd-jwt"] {
        place.refused(&format!("{bls} --format {format}"), "bbs-2023");
    }
}

#[test]
fn a_broken_list_is_not_blamed_on_a_document() {
    let place = Place::new();
    place.done("status new --key a.key --url https://a.example/1 --out s.json");
    let make = "bundle make --key a.key --status-list s.json --status-list s.json --out b";
    let (code, said) = place.run(make);
    assert_eq!(code, 64);
    assert!(said.contains("two lists") && !said.contains("--did-document"), "{said}");
}

#[test]
#[cfg(unix)]
fn pipes_and_standard_output_are_written_to() {
    let place = Place::new();
    let issue = issuing("did:web:agent.example");
    for out in ["-", "/dev/stdout"] {
        let said = place.done(&format!("{issue} --out {out}"));
        assert!(said.starts_with('{') && said.ends_with("}\n"), "{said}");
        assert!(place.done(&format!("policy new --out {out}")).contains("version"));
    }
    assert!(!place.path("-").exists());
    place.refused("key new --out -", "to a file");
    // A pipe with a name: it is read while it is written, and stays what it is.
    let pipe = place.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap())
    };
    place.done(&format!("{issue} --out pipe"));
    assert!(reader.join().unwrap().contains("AgentIdentityCredential"));
    assert!(!std::fs::metadata(pipe).unwrap().is_file());
}

#[test]
#[cfg(unix)]
fn files_keep_their_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let mode =
        |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    let issue = issuing("did:web:agent.example");
    // What the holder may hide is nobody else's to see.
    for format in ["vc+sd-jwt", "dc+sd-jwt"] {
        place.done(&format!("{issue} --format {format} --out {format}"));
        assert_eq!(mode(format), 0o600, "{format}");
    }
    place.done("key new --alg p256 --out p256.key");
    let base = issue.replace("a.key", "p256.key");
    place.done(&format!("{base} --format ecdsa-sd-2023 --out base"));
    assert_eq!(mode("base"), 0o600);
    for kept in [0o600, 0o640] {
        place.write("vc", "older");
        std::fs::set_permissions(place.path("vc"), PermissionsExt::from_mode(kept)).unwrap();
        place.done(&format!("{issue} --out vc"));
        assert!(place.text("vc").starts_with('{'));
        assert_eq!(mode("vc"), kept);
    }
}

#[test]
fn a_link_to_a_list_is_followed_and_words_are_no_keys() {
    let place = Place::new();
    place.done("status new --key a.key --url https://a.example/1 --out list.json");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.path("list.json"), place.path("link.json")).unwrap();
        place.done("status set link.json --key a.key --index 5");
        let shown = place.done("status show list.json --index 5");
        assert!(!shown.contains("not set"), "{shown}");
        assert!(place.path("link.json").is_symlink());
        assert!(!place.path("link.json.lock").exists());
    }
    // The name of a key file's member in other content, here as a challenge.
    place.write("word.json", r#"{"challenge": "secretKeyMultibase"}"#);
    let (code, said) = place.run("inspect word.json");
    assert!(!said.contains("key file"), "{code}: {said}");
}
