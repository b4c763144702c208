//! The service as a process of its own over a real folder, to be started and killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use bonafide_issuer::log::LogKey;
use serde_json::Value;

use super::http::Http;

/// Under which the service is reached, whatever port it listens at.
pub(super) const URL: &str = "http://issuer.example";

#[allow(clippy::disallowed_methods)] // a test is a binary
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A folder for the service, and how to start it there.
pub(super) struct Place {
    folder: tempfile::TempDir,
    port: u16,
    /// Variables for the service's process.
    pub(super) variables: Vec<(String, String)>,
}

impl Place {
    pub(super) fn new() -> Self {
        // On the disk that is built on: a temporary folder may be memory alone, and is fast there.
        let mut target = std::env::current_exe().unwrap();
        target.pop();
        let folder = tempfile::Builder::new().prefix("durability-").tempdir_in(target).unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let place = Self { folder, port, variables: Vec::new() };
        // This runs for long, and another build may put another binary in the place of this one.
        let binary = variable("BONAFIDE_CRASH_BINARY").map(PathBuf::from);
        let binary = binary.as_ref().unwrap_or_else(|| crate::world::binary());
        std::fs::hard_link(binary, place.path("bonafide")).unwrap();
        let data = place.data().display().to_string();
        let settings = format!(
            "listen = \"127.0.0.1:{port}\"\npublic_url = \"{URL}\"\ndata = \"{data}\"\n\
             [limits]\nrequests_per_second = 1000000\nburst = 1000000\n\
             anonymous_per_second = 1000000\n\
             [log]\npublish_milliseconds = 20\n[telemetry]\nlevel = \"warn\"\n"
        );
        std::fs::write(place.path("bonafide.toml"), settings).unwrap();
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(super) fn http(&self, token: &str) -> Http {
        Http::new(self.port, token)
    }

    /// What the last process said on standard error.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    /// Whether it said that something went wrong.
    pub(super) fn has_failed(&self) -> bool {
        let said = self.said();
        said.contains("error") || said.contains("ERROR") || said.contains("panicked")
    }

    fn spawn(&self, stdout: Stdio) -> Child {
        Command::new(self.path("bonafide"))
            .args(["--json", "serve", "--config"])
            .arg(self.path("bonafide.toml"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(File::create(self.path("stderr")).unwrap())
            .spawn()
            .unwrap()
    }

    /// Kills it after a time that may be too short for it to come to anything.
    pub(super) fn start_and_kill(&self, after: Duration) {
        let mut child = self.spawn(Stdio::null());
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!self.has_failed(), "it failed to start: {}", self.said());
    }

    /// Starts it and waits until it answers.
    #[track_caller]
    pub(super) fn start(&self) -> Running {
        self.try_start().unwrap_or_else(|said| panic!("it does not start: {said}"))
    }

    pub(super) fn try_start(&self) -> Result<Running, String> {
        let mut child = self.spawn(Stdio::piped());
        let mut text = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            text.push_str(&line.unwrap());
            if text.ends_with('}') && serde_json::from_str::<Value>(&text).is_ok() {
                break;
            }
        }
        let mut running = Running { child, announced: Value::Null };
        let Ok(announced) = serde_json::from_str(&text) else {
            running.child.wait().unwrap();
            return Err(self.said());
        };
        running.announced = announced;
        // It listens before it announces; what is asked meanwhile waits.
        match self.http("").get("/readyz") {
            Ok(answer) if answer.is_good() => Ok(running),
            other => Err(format!("{other:?}: {}", self.said())),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("its folder is kept: {}", self.folder.path().display());
        }
    }
}

/// A service that runs, until it is dropped.
pub(super) struct Running {
    child: Child,
    announced: Value,
}

impl Running {
    /// The administrator's token, at the first start alone.
    pub(super) fn token(&self) -> Option<String> {
        self.announced["administratorToken"].as_str().map(ToOwned::to_owned)
    }

    pub(super) fn log_key(&self) -> LogKey {
        LogKey::parse(self.announced["logKey"].as_str().unwrap()).unwrap()
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(super) fn stop(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// How it ended, if it does so in this time.
    pub(super) fn ended_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let step = Duration::from_millis(5);
        for _ in 0..time.as_millis() / step.as_millis() {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(step);
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
