//! An agent's wallet in a folder of its own, used by `bonafide wallet …`, a process each time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::issuer::agent::{CODE, MODEL};
use crate::issuer::service::Issuer;
use crate::world::binary;

/// Nothing that is printed or written may hold it.
pub(crate) const PASSPHRASE: &str = "canary-passphrase-7f3a";

/// A folder with a passphrase and, in `wallet`, a wallet.
pub(crate) struct WalletFolder {
    folder: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl WalletFolder {
    /// With the passphrase alone.
    pub(crate) fn empty() -> Self {
        let own = Self { folder: tempfile::tempdir().unwrap() };
        own.write_private("pass", PASSPHRASE);
        own
    }

    /// With a wallet whose agent is enrolled by a link.
    #[track_caller]
    pub(crate) fn enrolled(issuer: &Issuer, name: &str) -> Self {
        let own = Self::empty();
        own.done(&["create"]);
        own.done(&["enrol", &link(issuer, name)]);
        own
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A file that nobody else may read.
    pub(crate) fn write_private(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, text);
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.path(name), private).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `bonafide wallet …` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = Command::new(binary())
            .current_dir(self.folder())
            .env("BONAFIDE_WALLET", "wallet")
            .env("BONAFIDE_PASSPHRASE_FILE", "pass")
            .arg("wallet")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// What a command says that does its work.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended.out
    }

    /// The same as JSON.
    #[track_caller]
    pub(crate) fn told(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// A command that ends with this code, and says this.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str], code: i32, says: &str) {
        let ended = self.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(says), "{arguments:?}: {ended:?}");
    }

    /// The DID of its first key.
    #[track_caller]
    pub(crate) fn did(&self) -> String {
        self.told(&["show", "--key", "agent"])["did"].as_str().unwrap().to_owned()
    }
}

/// A link by which an agent of this name enrols, as the operator makes it.
#[track_caller]
pub(crate) fn link(issuer: &Issuer, name: &str) -> String {
    let file = format!("{name}.link");
    let made = ["agent", "link", "new", "--name", name, "--kind", "tool", "--version", "2.3.0"];
    let of = ["--model-digest", MODEL, "--code-digest", CODE, "--sponsor", "did:web:acme.example"];
    issuer.done(&[&made[..], &of, &["--out", &file]].concat());
    issuer.read(&file).trim_end().to_owned()
}
