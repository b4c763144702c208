//! Making, copying, showing and removing: what needs nobody else.

use std::path::Path;

use bonafide_wallet::{Passphrase, Wallet};

use crate::place::{PASSPHRASE, Place, ends, fails, private};

#[test]
fn a_wallet_is_made_with_a_key() {
    let place = Place::empty();
    let told = place.ends(&["create"], 0);
    let mut lines = told.out.lines();
    assert!(lines.next().unwrap().ends_with("/wallet (for you alone)"), "{told:?}");
    assert!(lines.next().unwrap().starts_with("key agent, Ed25519: did:key:z6Mk"), "{told:?}");
    place.fails(&["create"], 64, "there is a wallet in");
    let told = place.ends(&["show", "--key", "agent"], 0);
    assert!(told.out.contains("type        Ed25519\ndid         did:key:z6Mk"), "{told:?}");
    let made = place.json(&["create", "--wallet", "other", "--name", "travel", "--alg", "p256"]);
    assert_eq!(made["wallet"], "other");
    assert_eq!(made["key"]["name"], "travel");
    assert!(made["key"]["did"].as_str().unwrap().starts_with("did:key:zDn"));
    let mut command = place.command(&["create", "--wallet", "third", "--name", "a b"]);
    fails(&mut command, 64, "\"a b\" is no name: take 1 to 64 letters");
    assert!(!place.path("third").exists());
    place.ends(&["create", "--wallet", "third"], 0);
}

#[test]
fn a_wallet_lies_in_the_data_folder_of_its_user() {
    let place = Place::empty();
    let arguments = ["wallet", "create", "--passphrase-file", "pass"];
    ends(&mut place.bonafide(&arguments), 0);
    assert!(place.path(".local/share/bonafide/wallet/wallet.bonafide").exists());
    ends(place.bonafide(&arguments).env("XDG_DATA_HOME", place.path("data")), 0);
    assert!(place.path("data/bonafide/wallet/wallet.bonafide").exists());
    // A relative one does not count (XDG Base Directory Specification).
    let mut again = place.bonafide(&arguments);
    fails(again.env("XDG_DATA_HOME", "data"), 64, "/.local/share/bonafide/wallet already");
    let mut nowhere = place.bonafide(&arguments);
    nowhere.env_remove("HOME");
    let told = fails(&mut nowhere, 64, "There is no home folder to look in");
    assert!(told.err.contains("try: --wallet FOLDER"), "{told:?}");
}

#[test]
fn a_key_is_taken_in_from_its_file() {
    let place = Place::empty();
    ends(&mut place.bonafide(&["key", "new", "--out", "agent.key"]), 0);
    let file: serde_json::Value = serde_json::from_str(&place.read("agent.key")).unwrap();
    let secret = file["secretKeyMultibase"].as_str().unwrap();
    let made = place.ends(&["create", "--from-key", "agent.key", "--json"], 0);
    let did = ends(&mut place.bonafide(&["key", "show", "agent.key", "--did"]), 0).out;
    assert_eq!(made.json()["key"]["did"], did.trim_end());
    // It is in the wallet, and in nothing that is shown of it.
    for arguments in [
        &["show", "--key", "agent", "--json"][..],
        &["status", "--json"],
        &["status"],
        &["list", "--json"],
    ] {
        assert!(!place.ends(arguments, 0).out.contains(secret), "{arguments:?}");
    }
    let from =
        |name: &str, to: &str| place.command(&["create", "--wallet", to, "--from-key", name]);
    fails(&mut from("missing.key", "w1"), 64, "can't read missing.key");
    place.write_private("not.key", "{}");
    fails(&mut from("not.key", "w1"), 64, "not.key is not a key file of bonafide");
    ends(&mut place.bonafide(&["key", "new", "--alg", "bls12381", "--out", "bls.key"]), 0);
    fails(&mut from("bls.key", "w1"), 64, "a BLS key signs no presentations");
    assert!(!place.path("w1").exists());
}

#[test]
fn what_is_not_there_is_named_with_what_helps() {
    let place = Place::empty();
    for command in [
        &["list"][..],
        &["status"],
        &["show", "x"],
        &["remove", "x"],
        &["change-passphrase"],
        &["export", "--out", "copy"],
        &["update"],
        &["complete", "x"],
        &["present", "--nonce", "1", "--audience", "https://a.example"],
    ] {
        let told = place.fails(command, 64, "there is no wallet in");
        assert!(told.err.contains("try: bonafide wallet create"), "{told:?}");
    }
    place.ends(&["create"], 0);
    for (command, says, help) in [
        (&["show", "urn:uuid:1"][..], "there is no credential urn:uuid:1", "bonafide wallet list"),
        (&["remove", "urn:uuid:1"], "there is no credential urn:uuid:1", "bonafide wallet list"),
        (&["complete", "urn:uuid:1"], "there is no credential urn:uuid:1", "bonafide wallet list"),
        (&["show", "--key", "b"], "there is no key b", "bonafide wallet status"),
        (&["show", "--issuer", "b"], "there is no issuer b", "bonafide wallet status"),
        (&["remove", "--key", "b"], "there is no key b", "bonafide wallet status"),
        (&["remove", "--issuer", "b"], "there is no issuer b", "bonafide wallet status"),
        (&["update", "--issuer", "b"], "there is no issuer b", "bonafide wallet status"),
    ] {
        let told = place.fails(command, 64, says);
        assert!(told.err.contains(&format!("try: {help}")), "{told:?}");
    }
    assert_eq!(place.ends(&["show"], 64).out, "");
    assert_eq!(place.ends(&["remove"], 64).out, "");
    // Nothing that came on the command line paints.
    place.fails(&["show", "\u{1b}[31m\u{202e}"], 64, "\\u{1b}[31m\\u{202e}");
}

#[test]
fn a_wallet_shows_what_it_holds() {
    let place = Place::new();
    let told = place.ends(&["status"], 0);
    assert!(told.out.contains("agent  Ed25519  default  did:key:z6Mk"), "{told:?}");
    assert!(told.out.ends_with("\nno credentials\n"), "{told:?}");
    let status = place.json(&["status"]);
    assert_eq!(status["keys"][0]["default"], true);
    for empty in ["credentials", "issuers", "care"] {
        assert_eq!(status[empty], serde_json::json!([]), "{empty}");
    }
    assert_eq!(place.json(&["list"]), serde_json::json!({"items": []}));
    assert_eq!(place.ends(&["update"], 0).out, "this wallet knows no issuer; nothing to update\n");
    let told = place.ends(&["remove", "--key", "agent"], 0);
    assert_eq!(told.out, "key agent is removed from the wallet\n");
    assert!(!place.ends(&["status"], 0).out.contains("did:key"));
}

#[test]
fn one_process_has_a_wallet_at_a_time() {
    let place = Place::new();
    let wallet = Wallet::open(&place.path("wallet"), &Passphrase::new(PASSPHRASE)).unwrap();
    let says = format!("in use by process {}", std::process::id());
    place.fails(&["list"], 64, &says);
    drop(wallet);
    place.ends(&["list"], 0);
}

#[test]
fn a_damaged_wallet_says_so() {
    let place = Place::new();
    let file = Path::new("wallet/wallet.bonafide");
    let whole = std::fs::read(place.folder().join(file)).unwrap();
    let put = |bytes: &[u8], says: &str| {
        place.write("wallet/wallet.bonafide", bytes);
        place.fails(&["list"], 64, says);
    };
    put(&whole[..whole.len() - 1], "was changed or cut since it was written; take your copy");
    put(b"something else", "not a sealed wallet, or its header is damaged");
    put(b"", "not a sealed wallet, or its header is damaged");
    place.write("wallet/wallet.bonafide", &whole);
    place.ends(&["list"], 0);
    if cfg!(unix) {
        private(&place.path("wallet"), 0o755);
        place.fails(&["list"], 64, "others than its owner can get at");
        private(&place.path("wallet"), 0o700);
        private(&place.folder().join(file), 0o640);
        place.fails(&["list"], 64, "others than its owner can get at");
    }
}

#[test]
fn a_copy_becomes_a_wallet() {
    let place = Place::new();
    place.write_private("safe", "canary for the safe\n");
    let export = ["export", "--out", "copy", "--copy-passphrase-file", "safe"];
    let told = place.ends(&export, 0);
    assert_eq!(told.out, "sealed copy written to copy; keep it and its passphrase apart\n");
    place.fails(&export, 64, "copy exists, and is not overwritten");
    place.fails(&["export", "--out", "-"], 64, "--out: expected a file");

    let import = |to: &str, file: &str, pass: &str| {
        place.bare(&["import", file, "--wallet", to, "--passphrase-file", pass])
    };
    fails(&mut import("new", "copy", "pass"), 64, "the passphrase is wrong");
    fails(&mut import("new", "pass", "safe"), 64, "not a sealed wallet");
    fails(&mut import("new", "missing", "safe"), 64, "can't read missing");
    assert!(!place.path("new").exists());
    fails(&mut import("wallet", "copy", "safe"), 64, "there is a wallet in");
    let told = ends(&mut import("new", "copy", "safe"), 0);
    assert!(told.out.contains(&place.did()), "{told:?}");
    ends(&mut place.bare(&["list", "--wallet", "new", "--passphrase-file", "safe"]), 0);
    if cfg!(unix) {
        use std::os::unix::fs::MetadataExt;
        for name in ["copy", "new/wallet.bonafide"] {
            assert_eq!(place.path(name).metadata().unwrap().mode() & 0o777, 0o600, "{name}");
        }
    }
}
