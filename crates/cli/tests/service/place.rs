//! A folder with a token and a key, in which commands run against a server.

use std::path::PathBuf;
use std::process::Command;

use crate::server::{Answer, Server};

/// Whoever prints it has failed.
pub(crate) const TOKEN: &str = "canary-token-1f0c9d";

pub(crate) struct Place {
    pub(crate) server: Server,
    folder: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new(answers: Vec<Answer>) -> Self {
        let place = Self { server: Server::start(answers), folder: tempfile::tempdir().unwrap() };
        place.write("me.token", &format!("{TOKEN}\n"));
        private(&place.path("me.token"), 0o600);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program in this folder, which knows the server and no token.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bonafide"));
        command.current_dir(self.folder.path()).args(arguments);
        for name in ["BONAFIDE_TOKEN", "BONAFIDE_TOKEN_FILE"] {
            command.env_remove(name);
        }
        command.env("BONAFIDE_URL", self.server.url());
        command
    }

    /// Runs with the token of the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).env("BONAFIDE_TOKEN_FILE", "me.token"))
    }

    /// Ends with this exit code.
    #[track_caller]
    pub(crate) fn ends(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        ended
    }

    /// Ends with this exit code, and says this on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, says: &str) -> Ended {
        let ended = self.ends(arguments, code);
        assert!(ended.err.contains(says), "{arguments:?} does not say {says}: {ended:?}");
        ended
    }
}

/// Runs a command. None may print the token, or anything that paints.
#[track_caller]
pub(crate) fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    for text in [&out, &err] {
        assert!(!text.contains(TOKEN), "{text}");
        let paints = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(paints), "{text:?}");
    }
    Ended { code: output.status.code().unwrap(), out, err }
}

#[cfg(unix)]
pub(crate) fn private(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn private(_: &std::path::Path, _: u32) {}
