//! A folder with a passphrase, in which commands run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Whoever prints it has failed.
pub(crate) const PASSPHRASE: &str = "canary battery staple";

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Place {
    /// With nothing but the passphrase.
    pub(crate) fn empty() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write_private("pass", &format!("{PASSPHRASE}\n"));
        place
    }

    /// With a wallet.
    pub(crate) fn new() -> Self {
        let place = Self::empty();
        place.ends(&["create"], 0);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn write_private(&self, name: &str, text: &str) {
        self.write(name, text);
        private(&self.path(name), 0o600);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// `bonafide` in this folder, with nothing of the environment of whoever tests.
    pub(crate) fn bonafide(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bonafide"));
        command.current_dir(self.folder()).args(arguments).stdin(Stdio::null());
        for name in ["BONAFIDE_WALLET", "BONAFIDE_PASSPHRASE_FILE", "XDG_DATA_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder());
        command
    }

    /// `bonafide wallet …` without a passphrase, with the wallet in `wallet`.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = self.bonafide(&["wallet"]);
        command.args(arguments).env("BONAFIDE_WALLET", self.path("wallet"));
        command
    }

    /// The same with the passphrase of the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command.env("BONAFIDE_PASSPHRASE_FILE", self.path("pass"));
        command
    }

    /// Ends with this exit code.
    #[track_caller]
    pub(crate) fn ends(&self, arguments: &[&str], code: i32) -> Ended {
        ends(&mut self.command(arguments), code)
    }

    /// Ends with this exit code, and says this on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, says: &str) -> Ended {
        fails(&mut self.command(arguments), code, says)
    }

    /// What a command prints with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.ends(&[arguments, &["--json"]].concat(), 0).json()
    }

    /// The DID of the wallet's key.
    pub(crate) fn did(&self) -> String {
        self.ends(&["show", "--key", "agent", "--did"], 0).out.trim_end().to_owned()
    }
}

#[track_caller]
pub(crate) fn ends(command: &mut Command, code: i32) -> Ended {
    let ended = ended(command);
    assert_eq!(ended.code, code, "{command:?}: {ended:?}");
    ended
}

#[track_caller]
pub(crate) fn fails(command: &mut Command, code: i32, says: &str) -> Ended {
    let ended = ends(command, code);
    assert!(ended.err.contains(says), "{command:?} does not say {says}: {ended:?}");
    ended
}

/// Runs a command. None may print a passphrase, or anything that paints.
#[track_caller]
pub(crate) fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    for text in [&out, &err] {
        assert!(!text.contains("canary"), "{text}");
        let paints = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(paints), "{text:?}");
    }
    Ended { code: output.status.code().unwrap(), out, err }
}

#[cfg(unix)]
pub(crate) fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn private(_: &Path, _: u32) {}
