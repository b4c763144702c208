//! Row 28 at the wallet: its keys, its passphrase and the links by which it enrolled are in nothing
//! that it prints, and in no file but the sealed one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bonafide_core::encoding::{encode_base64url, hex};
use bonafide_core::key::KeyType;
use bonafide_proof::{SecretKey, Signer};
use bonafide_wallet::{Cost, Passphrase, Wallet};

use super::tokens::{files, holding};
use crate::issuer::client::{provider_token, start};
use crate::issuer::service::now;
use crate::wallet::processes::folder::{Ended, PASSPHRASE, WalletFolder, link};

const SEED: &[u8; 32] = b"canary canary canary canary cana";

/// Other passphrases than the wallet's.
const COPY: &str = "canary-copy-7f3a";
const CHANGED: &str = "canary-changed-7f3a";
const WRONG: &str = "canary-wrong-7f3a";

const REPORTS: &str = "https://files.example/reports";
/// Somebody.
const OTHER: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

const FILES: &str = "https://files.example";

/// What must not be seen, in every spelling.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn of_key() -> Self {
        let key = SecretKey::from_bytes(KeyType::Ed25519, SEED).unwrap();
        let multikey = key.to_multikey().as_str().to_owned();
        let text = String::from_utf8(SEED.to_vec()).unwrap();
        Self(vec![
            ("the key's end", multikey[5..].to_owned()),
            ("the key in hexadecimal", hex(SEED)),
            ("the key in base64url", encode_base64url(SEED)),
            // As bytes are shown by Debug.
            ("the key as numbers", format!("{:?}", &SEED[..8]).trim_matches(['[', ']']).to_owned()),
            ("the key", text[..16].to_owned()),
        ])
    }

    fn with(mut self, what: &'static str, text: &str) -> Self {
        assert!(text.len() >= 12, "{what}: {text}");
        self.0.push((what, text.to_owned()));
        self
    }

    #[track_caller]
    fn not_in(&self, shown: &str) {
        for (what, text) in &self.0 {
            assert!(!shown.contains(text), "{what} in {shown}");
        }
    }

    #[track_caller]
    fn not_told(&self, ended: &Ended) {
        self.not_in(&ended.out);
        self.not_in(&ended.err);
    }

    /// In no file below a folder.
    #[track_caller]
    fn not_below(&self, folder: &Path) {
        for (what, text) in &self.0 {
            assert_eq!(holding(folder, text.as_bytes()), [] as [std::path::PathBuf; 0], "{what}");
        }
    }
}

/// The key as a key file.
fn key_file() -> String {
    let key = SecretKey::from_bytes(KeyType::Ed25519, SEED).unwrap();
    format!(
        "{{\"type\":\"bonafide-key\",\"publicKeyMultibase\":\"{}\",\"secretKeyMultibase\":\"{}\"}}",
        key.public_key().to_multikey(),
        key.to_multikey().as_str()
    )
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What is the wallet's own, and nobody else's to read.
#[track_caller]
fn is_private(folder: &Path) {
    assert_eq!(mode(folder), 0o700, "{}", folder.display());
    let all = files(folder);
    assert!(all.iter().any(|file| file.ends_with("wallet.bonafide")), "{all:?}");
    for file in &all {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
}

#[test]
fn row_28_no_command_of_a_wallet_tells_its_secrets() {
    let issuer = start("");
    let agent = WalletFolder::empty();
    // The secrets lie outside of what is searched.
    let outside = tempfile::tempdir().unwrap();
    let place = |name: &str, text: &str| {
        let path = outside.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let link = link(&issuer, "one");
    let secret = link.split_once('#').unwrap().1;
    let token = provider_token("JWT", &[]);
    let secrets = Secrets::of_key()
        .with("the passphrase", PASSPHRASE)
        .with("the passphrase of the copy", COPY)
        .with("the new passphrase", CHANGED)
        .with("a wrong passphrase", WRONG)
        .with("the link's secret", secret)
        .with("the token of the person", token.rsplit('.').next().unwrap());
    let pass = place("pass", PASSPHRASE);
    let (copy, changed) = (place("copy", COPY), place("changed", CHANGED));
    let (wrong, key) = (place("wrong", WRONG), place("agent.key", &key_file()));
    let broken = place("broken.key", &key_file().replace("bonafide-key", "other"));
    let person = place("alice.jwt", &token);
    std::fs::remove_file(agent.path("pass")).unwrap();
    let run = |passphrase: &str, arguments: &[&str], code: i32| {
        let ended = agent.run(&[arguments, &["--passphrase-file", passphrase]].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        secrets.not_told(&ended);
        secrets.not_below(agent.folder());
        ended.out
    };
    let good = |arguments: &[&str]| run(&pass, arguments, 0);

    run(&pass, &["create", "--from-key", &broken], 64);
    // The key in the place of what is no key.
    run(&key, &["create", "--from-key", &broken], 64);
    good(&["create", "--from-key", &key]);
    run(&pass, &["create", "--from-key", &key], 64);
    let wrong_secret = link.replacen(secret, &"A".repeat(secret.len()), 1);
    run(&pass, &["enrol", &wrong_secret], 1);
    good(&["enrol", &link]);
    run(&pass, &["enrol", &link], 64);
    let asked = ["grant", "--task", "report", "--action", "files.read", "--resource", REPORTS];
    let before = ["--audience", FILES, "--max-depth", "1", "--principal-token"];
    let refused = [&asked[..], &["--action", "files.write"], &before, &[&person]].concat();
    run(&pass, &refused, 1);
    good(&[&asked[..], &before, &[&person]].concat());
    run(&pass, &[&asked[..], &before, &[&key]].concat(), 1);
    let grants = good(&["list", "--type", "TaskGrantCredential", "--json"]);
    let grants: serde_json::Value = serde_json::from_str(&grants).unwrap();
    let grant = grants["items"][0]["id"].as_str().unwrap().to_owned();
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["status"],
        &["status", "--json"],
        &["show", "--key", "agent"],
        &["show", "--key", "agent", "--json"],
        &["show", &grant],
        &["show", &grant, "--raw"],
        &["update"],
        &["present", "--want", "AgentIdentityCredential", "--nonce", "1", "--audience", FILES],
        &["present", "--credential", &grant, "--for", "GET", "https://files.example/reports/1"],
        &["delegate", &grant, "--to", OTHER, "--out", "part.delegation"],
        &["revoke", "--package", "part.delegation"],
    ] {
        good(arguments);
        run(&wrong, arguments, 64);
    }
    for file in [&key, &pass] {
        run(&pass, &["receive", file], 64);
        run(&pass, &["show", file], 64);
    }
    run(&pass, &["revoke", "--package", &key], 64);
    good(&["complete", &grant, "--outcome", "done"]);
    good(&["export", "--out", "agent.copy", "--copy-passphrase-file", &copy]);
    run(&pass, &["export", "--out", "agent.copy", "--copy-passphrase-file", &copy], 64);
    run(&wrong, &["import", "agent.copy", "--wallet", "other"], 64);
    run(&copy, &["import", "agent.copy", "--wallet", "other"], 0);
    good(&["change-passphrase", "--new-passphrase-file", &changed]);
    run(&pass, &["list"], 64);
    run(&changed, &["list"], 0);
    run(&changed, &["remove", "--key", "agent"], 64);

    is_private(&agent.path("wallet"));
    is_private(&agent.path("other"));
    assert_eq!(mode(&agent.path("agent.copy")), 0o600);
    // Nor did the issuer's side repeat what it was sent.
    secrets.not_in(&issuer.log());
    let audit = issuer.done(&["audit", "list", "--limit", "1000", "--json"]);
    secrets.not_in(&audit);
}

#[test]
fn row_28_nothing_secret_is_shown_of_a_wallet_in_memory() {
    let secrets = Secrets::of_key().with("the passphrase", PASSPHRASE);
    let key = || SecretKey::from_bytes(KeyType::Ed25519, SEED).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut fill = crate::wallet::random(1);
    let passphrase = Passphrase::new(PASSPHRASE);
    let place = folder.path().join("wallet");
    let mut wallet = Wallet::create(&place, &passphrase, Cost::DEFAULT, &mut fill).unwrap();
    wallet.import_key("agent", key(), now()).unwrap();
    let entry = wallet.default_key().unwrap();
    secrets.not_in(&format!("{entry:?}"));
    for error in [
        wallet.import_key("agent", key(), now()).err().unwrap(),
        wallet.import_key("a b", key(), now()).err().unwrap(),
        Wallet::create(&place, &passphrase, Cost::DEFAULT, &mut fill).err().unwrap(),
        Wallet::open(&place, &Passphrase::new(WRONG)).err().unwrap(),
    ] {
        secrets.not_in(&format!("{error} {error:?}"));
    }
    drop(wallet);
    secrets.not_below(folder.path());
    is_private(&place);
    let again = Wallet::open(&place, &passphrase).unwrap();
    assert_eq!(again.keys().len(), 1);
}
