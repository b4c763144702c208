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
        &["status", "token"],
        &["status", "show"],
        &["bundle", "make"],
        &["bundle", "pull"],
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
        (&["present", "claims.json", "--key", "a.key"], "not a signed credential"),
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
    // By hand, in a folder of its own, as the script's head says.
    let demo = folder.path().join("bonafide-demo");
    let script = std::fs::read_to_string(demo.join("commands.sh")).unwrap();
    let how = script.lines().find_map(|line| line.strip_prefix("#   ")).unwrap();
    #[allow(clippy::disallowed_methods)] // a test is a binary
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary().parent().unwrap().display());
    let output =
        Command::new("sh").args(["-c", how]).env("PATH", path).current_dir(&demo).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for word in ["level sensitive", "level read", "proof-invalid", "expired", "revoked"] {
        assert!(said.contains(word), "{word}");
    }
    // What a person made there stays when the demo runs again.
    std::fs::write(demo.join("mine.txt"), "precious").unwrap();
    assert_eq!(run_in(folder.path(), &["demo"]).0, 0);
    assert!(demo.join("mine.txt").exists() && demo.join("again").exists());
}

#[test]
fn changes_of_a_list_at_the_same_time_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_in(folder.path(), &["key", "new", "--out", "a.key"]).0, 0);
    let new =
        ["status", "new", "--key", "a.key", "--url", "https://a.example/1", "--out", "l.json"];
    assert_eq!(run_in(folder.path(), &new).0, 0);
    let running: Vec<_> = (1..=8)
        .map(|index| {
            Command::new(binary())
                .args(["status", "set", "l.json", "--key", "a.key", "--index", &index.to_string()])
                .current_dir(folder.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let (_, said) = run_in(folder.path(), &["status", "show", "l.json"]);
    assert!(said.contains("1, 2, 3, 4, 5, 6, 7, 8"), "{said}");
}

#[test]
fn keys_are_never_written_over_and_wrong_ones_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments);
    assert_eq!(run(&["key", "new", "--out", "a.key"]).0, 0);
    let before = std::fs::read(folder.path().join("a.key")).unwrap();
    let (code, said) =
        run(&["did", "document", "did:web:a.example", "--key", "a.key", "--out", "a.key"]);
    assert_eq!(code, 64);
    assert!(said.contains("never overwritten"), "{said}");
    assert_eq!(std::fs::read(folder.path().join("a.key")).unwrap(), before);
    // A file that is no key is called that, and nobody is told to make it private.
    std::fs::write(folder.path().join("not.key"), "{}").unwrap();
    let (_, said) = run(&["key", "show", "not.key"]);
    assert!(said.contains("is not a key file") && !said.contains("chmod"), "{said}");
    // Somebody else's did:key under this key.
    let other = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
    let method = format!("{other}#{}", other.trim_start_matches("did:key:"));
    std::fs::write(folder.path().join("vc.json"), "{}").unwrap();
    let (code, said) = run(&["issue", "--key", "a.key", "--as", &method, "--claims", "vc.json"]);
    assert_eq!(code, 64);
    assert!(said.contains("is not this key"), "{said}");
    // Failures are JSON where JSON is asked for, wrong usage among them.
    for arguments in
        [&["--json", "verfy"][..], &["issue", "--json", "--key"], &["inspect", "none", "--json"]]
    {
        let output = Command::new(binary()).args(arguments).output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert!(said["error"]["message"].is_string());
        assert_eq!(output.status.code(), Some(64));
    }
}

#[test]
fn a_bundle_that_verifiers_would_refuse_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments);
    assert_eq!(run(&["key", "new", "--out", "a.key"]).0, 0);
    let new =
        ["status", "new", "--key", "a.key", "--url", "https://a.example/1", "--out", "l.json"];
    assert_eq!(run(&new).0, 0);
    let make = ["bundle", "make", "--key", "a.key", "--out", "b", "--status-list", "l.json"];
    assert_eq!(run(&make).0, 0);
    std::fs::remove_file(folder.path().join("b")).unwrap();
    let twice = [&make[..], &["--status-list", "l.json"]].concat();
    let (code, said) = run(&twice);
    assert_eq!(code, 64);
    assert!(said.contains("two lists"), "{said}");
    assert_eq!(
        run(&["did", "document", "did:web:a.example", "--key", "a.key", "--out", "d.json"]).0,
        0
    );
    assert_eq!(
        run(&[
            "status",
            "new",
            "--key",
            "a.key",
            "--as",
            "did:web:b.example#1",
            "--url",
            "https://b.example/1",
            "--out",
            "other.json"
        ])
        .0,
        0
    );
    let (code, said) = run(&[
        "bundle",
        "make",
        "--key",
        "a.key",
        "--out",
        "b",
        "--did-document",
        "d.json",
        "--status-list",
        "other.json",
    ]);
    assert_eq!(code, 64);
    assert!(said.contains("--did-document"), "{said}");
    assert!(!folder.path().join("b").exists());
}
