//! What the command line fetches, from a server on this machine. No test needs the network.

use std::path::PathBuf;
use std::process::Command;

use crate::server::Server;
use crate::world::binary;

/// A server, and a folder with a key, a policy that names it, and the server's root.
struct Place {
    server: Server,
    folder: tempfile::TempDir,
    /// The key's DID.
    signer: String,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            server: Server::start(),
            folder: tempfile::tempdir().unwrap(),
            signer: String::new(),
        };
        place.write("root.pem", &place.server.root);
        place.done(&["key", "new", "--out", "a.key"]);
        let signer = place.done(&["key", "show", "a.key", "--did"]).trim().to_owned();
        place.done(&["policy", "new", "--bundle-signer", &signer, "--out", "policy.toml"]);
        Self { signer, ..place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The exit code, standard output and standard error of a command in the folder.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(binary());
        let output = command.current_dir(self.folder.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    /// Ends with this exit code, and says this.
    #[track_caller]
    fn fails(&self, arguments: &[&str], exit: i32, says: &str) {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, exit, "{arguments:?}: {out}{err}");
        assert!((out + &err).contains(says), "{arguments:?} does not say {says}");
    }

    /// A bundle of this number, as text.
    fn bundle(&self, sequence: &str, more: &[&str]) -> String {
        let make =
            ["bundle", "make", "--key", "a.key", "--sequence", sequence, "--out", "made.bundle"];
        self.done(&[&make[..], more].concat());
        self.read("made.bundle")
    }
}

const TRUSTED: [&str; 3] = ["--ca-file", "root.pem", "--allow-private"];

#[test]
fn bundles_are_made_of_what_is_fetched() {
    let place = Place::new();
    let server = &place.server;
    let did = format!("did:web:localhost%3A{}", server.port);
    let method = format!("{did}#key-1");
    place.done(&["did", "document", &did, "--key", "a.key", "--out", "did.json"]);
    server.put("/.well-known/did.json", &place.read("did.json"));
    let mut from = vec!["--from", &did];
    let lists = [server.url("/status/1"), server.url("/status/2")];
    for (number, format) in [(1, "eddsa-jcs-2022"), (2, "vc+jwt")] {
        let (url, out) = (&lists[number - 1], format!("list-{number}"));
        let new = ["status", "new", "--key", "a.key", "--as", &method, "--url", url];
        place.done(&[&new[..], &["--format", format, "--out", &out]].concat());
        server.put(&format!("/status/{number}"), &place.read(&out));
        from.extend(["--from", url]);
    }
    let make = ["bundle", "make", "--key", "a.key", "--out", "trust.bundle"];
    place.done(&[&make[..], &from, &TRUSTED].concat());
    let check = ["bundle", "check", "trust.bundle", "--policy", "policy.toml", "--json"];
    let checked: serde_json::Value = serde_json::from_str(&place.done(&check)).unwrap();
    assert_eq!(checked["didDocuments"], 1);
    assert_eq!(checked["statusLists"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&checked["good"], &checked["signer"]),
        (&true.into(), &place.signer.clone().into())
    );

    // The same document, resolved.
    let (code, out, _) =
        place.run(&[&["did", "resolve", &method, "--fetch"][..], &TRUSTED].concat());
    assert!(code == 0 && out.contains("publicKeyMultibase"), "{out}");
    let other = format!("{did}:other");
    let resolve = [&["did", "resolve", &other, "--fetch"][..], &TRUSTED].concat();
    place.fails(&resolve, 2, "NOT_FOUND");
    server.put("/other/did.json", &place.read("did.json"));
    place.fails(&resolve, 1, "INVALID_DID_DOCUMENT");
    let guarded = ["did", "resolve", &method, "--fetch", "--ca-file", "root.pem", "--json"];
    place.fails(&guarded, 2, "https://www.w3.org/ns/did#INTERNAL_ERROR");
    place.fails(&guarded, 2, "\"private-address\"");

    server.put("/page", "<html>");
    server.put("/other", "{\"id\": 1, \"id\": 2}");
    server.answer("/moved", "302 Found", "location: https://issuer.example/\r\n", "");
    let make = ["bundle", "make", "--key", "a.key", "--out", "other.bundle"];
    for (source, exit, says) in [
        ("http://issuer.example/status/1".to_owned(), 64, "[not-https]"),
        (server.url("/moved"), 2, "[redirect]"),
        (server.url("/nothing"), 2, "[status]"),
        (server.url("/page"), 1, "JSON or a compact JWT"),
        (server.url("/other"), 1, "not strict JSON"),
        (other, 1, "another DID"),
        ("did:web:127.0.0.1".to_owned(), 64, "[bad-did]"),
        ("did:webvh:short:scorer.example".to_owned(), 64, "[bad-did]"),
        ("did:example:1".to_owned(), 64, "--did-document"),
        (place.signer.clone(), 64, "holds its own key"),
        // Good, but without the document of its issuer.
        (lists[0].clone(), 64, "--from"),
    ] {
        place.fails(&[&make[..], &["--from", &source], &TRUSTED].concat(), exit, says);
        assert!(!place.path("other.bundle").exists(), "{source}");
    }
    let guarded = [&make[..], &["--from", &lists[0], "--ca-file", "root.pem"]].concat();
    place.fails(&guarded, 64, "[private-address]");
    place.fails(&guarded, 64, "--allow-private");
    // Without TLS no other machine is asked, and this one only by choice.
    let plain = format!("http://127.0.0.1:{}/status/1", server.port);
    place.fails(&[&make[..], &["--from", &plain]].concat(), 64, "[not-https]");
    let unknown_root = [&make[..], &["--from", &lists[0], "--allow-private"]].concat();
    let (code, _, err) = place.run(&unknown_root);
    // Without roots of the system there is none to hold the server against.
    assert!(code != 0 && (err.contains("[tls]") || err.contains("[no-roots]")), "{err}");
    place.fails(&[&unknown_root[..], &["--ca-file", "policy.toml"]].concat(), 64, "[bad-root]");
}

#[test]
fn bundles_are_pulled_whole_or_not_at_all() {
    let place = Place::new();
    let server = &place.server;
    let url = server.url("/trust.bundle");
    let older = place.bundle("5", &[]);
    let newer = place.bundle("6", &[]);
    server.put("/trust.bundle", &newer);
    let pull = |url: &str, more: &[&str]| -> Vec<String> {
        let pull = ["bundle", "pull", url, "--out", "trust.bundle"];
        [&pull[..], &TRUSTED, more].concat().into_iter().map(ToOwned::to_owned).collect()
    };
    let run =
        |arguments: &[String]| place.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    // Without a policy it comes as it is, and nobody is told that it is good.
    let (code, out, err) = run(&pull(&url, &[]));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("not verified") && err.contains("bytes fetched"), "{out}{err}");
    assert_eq!(place.read("trust.bundle"), newer);
    // With one it is opened; as JSON, nothing is said but the result.
    std::fs::remove_file(place.path("trust.bundle")).unwrap();
    let policy = ["--policy", "policy.toml"];
    let (code, out, err) = run(&pull(&url, &[&policy[..], &["--json"]].concat()));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["pulled"], &told["sequence"]), (&true.into(), &6.into()));
    assert_eq!(told["signer"], place.signer);
    assert_eq!(place.read("trust.bundle"), newer);
    // It does not end soon, so nothing is asked for.
    let before = server.connections();
    let (code, out, _) = run(&pull(&url, &["--if-ends-within", "1h"]));
    assert!(code == 0 && out.contains("nothing fetched"), "{out}");
    assert_eq!(run(&pull(&url, &["--if-ends-within", "1h", policy[0], policy[1]])).0, 0);
    assert_eq!(server.connections(), before);
    assert_eq!(run(&pull(&url, &["--if-ends-within", "2d"])).0, 0);
    assert_eq!(server.connections(), before + 1);

    server.put("/older", &older);
    server.put("/forked", &place.bundle("6", &["--valid-for", "7d"]));
    server.put("/ended", &place.bundle("7", &["--valid-for", "1s"]));
    server.put("/page", "<html>");
    server.put("/cut", &newer[..newer.len() / 2]);
    server.answer("/moved", "302 Found", &format!("location: {url}\r\n"), "");
    place.done(&["key", "new", "--out", "b.key"]);
    let made = ["bundle", "make", "--key", "b.key", "--out", "stranger.bundle"];
    place.done(&made);
    server.put("/stranger", &place.read("stranger.bundle"));
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    for (source, exit, says) in [
        (server.url("/older"), 1, "bundle-rolled-back"),
        (server.url("/forked"), 1, "bundle-forked"),
        (server.url("/ended"), 2, "bundle-expired"),
        (server.url("/stranger"), 1, "bundle-untrusted"),
        (server.url("/page"), 1, "bundle-invalid"),
        (server.url("/cut"), 1, "bundle-invalid"),
        (server.url("/nothing"), 2, "[status]"),
        (server.url("/moved"), 2, "[redirect]"),
        ("http://issuer.example/trust.bundle".to_owned(), 64, "[not-https]"),
    ] {
        let (code, out, err) = run(&pull(&source, &policy));
        assert_eq!(code, exit, "{source}: {out}{err}");
        assert!((out + &err).contains(says), "{source}");
        assert_eq!(place.read("trust.bundle"), newer, "{source}");
    }
    // Nor is a page written in place of a bundle where nothing is verified.
    assert_eq!(run(&pull(&server.url("/page"), &[])).0, 1);
    assert_eq!(place.read("trust.bundle"), newer);
    let guarded = ["bundle", "pull", &url, "--out", "trust.bundle", "--ca-file", "root.pem"];
    place.fails(&guarded, 64, "[private-address]");
    assert_eq!(place.read("trust.bundle"), newer);
    // A file in place that is no bundle any more does not stand in the way of a good one.
    place.write("trust.bundle", "damaged");
    assert_eq!(run(&pull(&url, &["--if-ends-within", "1h", policy[0], policy[1]])).0, 0);
    assert_eq!(place.read("trust.bundle"), newer);
}
