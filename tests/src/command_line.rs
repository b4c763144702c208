//! The command line as a newcomer meets it.

use std::path::Path;
use std::process::Command;

use crate::world::{binary, bonafide};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs in a folder.
fn run_in(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(binary()).current_dir(folder).args(arguments).output().unwrap();
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn every_command_helps_with_an_example() {
    let help = text(&bonafide(&["--help"]).stdout);
    assert!(help.contains("Exit codes"), "{help}");
    for command in [
        &["issue"][..],
        &["present"],
        &["verify"],
        &["inspect"],
        &["demo"],
        &["key", "new"],
        &["key", "show"],
        &["status", "new"],
        &["status", "set"],
        &["status", "show"],
        &["bundle", "make"],
        &["bundle", "show"],
        &["bundle", "check"],
        &["policy", "new"],
        &["policy", "check"],
        &["did", "resolve"],
        &["did", "document"],
        &["completions"],
    ] {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let output = bonafide(&arguments);
        assert_eq!(output.status.code(), Some(0));
        let help = text(&output.stdout);
        assert!(help.contains("Example"), "{command:?}: {help}");
        assert!(!help.contains("\u{1b}["), "colour without a terminal");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&bonafide(&["completions", shell]).stdout).contains("bonafide"));
    }
}

#[test]
fn wrong_usage_ends_with_64_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments);
    std::fs::write(folder.path().join("claims.json"), "{}").unwrap();
    std::fs::write(folder.path().join("broken.json"), "{\n\"a\": 1,\n\"a\": 2}").unwrap();
    assert_eq!(run(&["key", "new", "--out", "a.key"]).0, 0);
    for (arguments, says) in [
        (&[][..], "Usage"),
        (&["nonsense"], "unrecognized subcommand"),
        (&["verify", "x"], "--policy"),
        (&["verify", "missing", "--policy", "p"], "can't read p"),
        (&["verify", "x", "--policy", "p", "--at", "yesterday"], "like 2026-01-31T12:00:00Z"),
        (&["verify", "x", "--policy", "p", "--challenge", "c"], "--domain"),
        (&["verify", "x", "--policy", "p", "--proof-only"], "cannot be used with"),
        (&["issue", "--key", "missing.key", "--claims", "claims.json"], "can't read missing.key"),
        (&["issue", "--key", "a.key", "--claims", "claims.json"], "--type"),
        (&["issue", "--key", "a.key", "--claims", "broken.json"], "line 1"),
        (
            &[
                "issue",
                "--key",
                "a.key",
                "--type",
                "PactScore",
                "--subject",
                "did:x:y",
                "--claims",
                "claims.json",
            ],
            "PactScoreCredential",
        ),
        (
            &[
                "issue",
                "--key",
                "a.key",
                "--type",
                "PactScoreCredential",
                "--subject",
                "did:x:y",
                "--claims",
                "claims.json",
            ],
            "--status",
        ),
        (
            &[
                "issue",
                "--key",
                "a.key",
                "--type",
                "PactScoreCredential",
                "--subject",
                "did:x:y",
                "--claims",
                "claims.json",
                "--status",
                "https://x.example/1",
                "--index",
                "4",
            ],
            "/credentialSubject/agentVersion: is missing",
        ),
        (
            &[
                "issue",
                "--key",
                "a.key",
                "--claims",
                "claims.json",
                "--format",
                "ecdsa-jcs-2019",
                "--as",
                "x",
            ],
            "--as",
        ),
        (&["did", "document", "did:key:z6Mk", "--key", "a.key"], "did:web"),
        (
            &[
                "status",
                "new",
                "--key",
                "a.key",
                "--url",
                "https://x.example/1",
                "--entries",
                "5",
                "--out",
                "s",
            ],
            "131072",
        ),
        (&["present", "claims.json", "--key", "a.key"], "not signed"),
        (&["inspect", "a.key.missing"], "can't read"),
    ] {
        let (code, said) = run(arguments);
        assert_eq!(code, 64, "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn a_status_list_is_never_started_over() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments);
    assert_eq!(run(&["key", "new", "--out", "a.key"]).0, 0);
    let new =
        ["status", "new", "--key", "a.key", "--url", "https://a.example/1", "--out", "list.json"];
    assert_eq!(run(&new).0, 0);
    assert_eq!(
        run(&["status", "set", "list.json", "--index", "5", "--index", "131071", "--key", "a.key"])
            .0,
        0
    );
    let (code, said) = run(&new);
    assert_eq!(code, 64);
    assert!(said.contains("forget"), "{said}");
    assert!(run(&["status", "show", "list.json"]).1.contains("5, 131071"));
    assert!(run(&["status", "show", "list.json", "--index", "5"]).1.contains("5: revocation"));
    assert_eq!(run(&["status", "set", "list.json", "--index", "131072", "--key", "a.key"]).0, 64);
    assert_eq!(
        run(&["status", "set", "list.json", "--index", "5", "--clear", "--key", "a.key"]).0,
        0
    );
    assert!(run(&["status", "show", "list.json", "--index", "5"]).1.contains("not set"));
    // As a JWT as well, which stays one.
    let jwt = [
        "status",
        "new",
        "--key",
        "a.key",
        "--url",
        "https://a.example/2",
        "--format",
        "vc+jwt",
        "--out",
        "list.jwt",
    ];
    assert_eq!(run(&jwt).0, 0);
    assert_eq!(run(&["status", "set", "list.jwt", "--index", "9", "--key", "a.key"]).0, 0);
    assert!(std::fs::read_to_string(folder.path().join("list.jwt")).unwrap().starts_with("ey"));
    assert!(run(&["status", "show", "list.jwt"]).1.contains("set       9"));
}

#[test]
fn whole_credentials_are_signed_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments);
    for (algorithm, formats) in
        [("ed25519", ["eddsa-jcs-2022", "vc+jwt"]), ("p256", ["ecdsa-jcs-2019", "vc+jwt"])]
    {
        let key = format!("{algorithm}.key");
        let (code, said) = run(&["key", "new", "--alg", algorithm, "--out", &key, "--json"]);
        assert_eq!(code, 0);
        let shown: serde_json::Value = serde_json::from_str(&said).unwrap();
        let unsigned = serde_json::json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential"],
            "issuer": shown["did"],
            "credentialSubject": {"id": "did:example:somebody"},
        });
        std::fs::write(folder.path().join("unsigned.json"), unsigned.to_string()).unwrap();
        for format in formats {
            let issue = [
                "issue",
                "--key",
                &key,
                "--claims",
                "unsigned.json",
                "--format",
                format,
                "--out",
                "vc",
            ];
            assert_eq!(run(&issue).0, 0, "{format}");
            let (code, said) = run(&["verify", "vc", "--proof-only", "--json"]);
            assert_eq!(code, 0, "{format}: {said}");
            let (_, said) = run(&["inspect", "vc"]);
            assert!(
                said.contains("Nothing here is verified") && said.contains("did:example:somebody")
            );
        }
        let other = if algorithm == "p256" { "eddsa-jcs-2022" } else { "ecdsa-jcs-2019" };
        let issue = ["issue", "--key", &key, "--claims", "unsigned.json", "--format", other];
        assert_eq!(run(&issue).0, 64);
    }
}

#[test]
fn the_demo_tells_its_story_and_its_script_repeats_it() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = run_in(folder.path(), &["demo"]);
    assert_eq!(code, 0, "{said}");
    for word in [
        "level sensitive",
        "level read",
        "proof-invalid",
        "expired",
        "revoked",
        "issuer-untrusted",
        "subject-mismatch",
        "status-stale",
    ] {
        assert!(said.contains(word), "{word}");
    }
    // Again, over its own folder; and never over anybody else's.
    assert_eq!(run_in(folder.path(), &["demo"]).0, 0);
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/file"), "precious").unwrap();
    let (code, said) = run_in(folder.path(), &["demo", "--dir", "mine"]);
    assert_eq!(code, 64, "{said}");
    assert!(folder.path().join("mine/file").exists());
    // The verdicts, as JSON.
    let (code, said) = run_in(folder.path(), &["demo", "--json"]);
    assert_eq!(code, 0);
    let story: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(story["scenes"].as_array().unwrap().len(), 9);
    // By hand, in another folder: the commands as they were printed.
    let demo = folder.path().join("bonafide-demo");
    let again = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&demo).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let given = name.ends_with(".claims.json")
            || ["policy.toml", "tampered.vc", "commands.sh"].contains(&name);
        let ending = path.extension().and_then(|ending| ending.to_str());
        if given || matches!(ending, Some("did" | "key")) {
            std::fs::copy(&path, again.path().join(name)).unwrap();
        }
    }
    let script = std::fs::read_to_string(again.path().join("commands.sh")).unwrap();
    // The keys are there already, since the policy names one of them.
    let script: Vec<&str> = script.lines().filter(|line| !line.contains("key new")).collect();
    std::fs::write(again.path().join("commands.sh"), script.join("\n")).unwrap();
    #[allow(clippy::disallowed_methods)] // a test is a binary
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary().parent().unwrap().display());
    let output = Command::new("sh")
        .arg("commands.sh")
        .env("PATH", path)
        .current_dir(again.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("level sensitive"));
}
