//! `bonafide serve` as a process of its own, over a folder of its own, and who uses it.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

use bonafide_core::time::Timestamp;
use serde_json::{Value, json};

use super::http::{self, Answer, Feed};
use crate::world::binary;

/// What an operation may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running service. Whatever becomes of a test, its process ends with it.
pub(crate) struct Issuer {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    process: RefCell<Option<Child>>,
    /// What it said of itself when it was started first.
    pub(crate) announced: Value,
    number: Cell<u32>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(mut child) = self.process.borrow_mut().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody uses now.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

impl Issuer {
    /// A new service with no settings.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// A new service with these settings.
    pub(crate) fn with(settings: &str) -> Self {
        Self::with_files(settings, &[])
    }

    /// The same, with files of its operator's beside the settings.
    pub(crate) fn with_files(settings: &str, files: &[(&str, &str)]) -> Self {
        let mut issuer = Self {
            folder: tempfile::tempdir().unwrap(),
            port: free_port(),
            process: RefCell::default(),
            announced: Value::Null,
            number: Cell::new(0),
        };
        issuer.write("settings.toml", settings);
        for (name, text) in files {
            issuer.write_private(name, text);
        }
        issuer.announced = issuer.begin();
        let token = issuer.announced["administratorToken"].as_str().unwrap().to_owned();
        issuer.write_private("admin.token", &token);
        issuer
    }

    /// Starts the process, waits until it is ready, and gives what it says of itself.
    pub(crate) fn begin(&self) -> Value {
        let mut child = self.serve(self.port).stdout(Stdio::piped()).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let announced = serde_json::Deserializer::from_reader(out).into_iter().next();
        self.process.replace(Some(child));
        let announced = announced.and_then(Result::ok);
        let announced = announced.unwrap_or_else(|| {
            panic!("it did not start: {}", self.log().lines().last().unwrap_or_default())
        });
        // It listens already: this waits until it answers.
        assert_eq!(self.get("/readyz").status, 200);
        announced
    }

    fn serve(&self, port: u16) -> Command {
        let log = OpenOptions::new().create(true).append(true).open(self.path("serve.log"));
        let mut command = Command::new(binary());
        command
            .current_dir(self.folder.path())
            .args(["serve", "--json", "--config", "settings.toml", "--data", "data"])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stderr(log.unwrap());
        command
    }

    /// A start that must fail: its exit code and what it says.
    pub(crate) fn fails_to_start(&self) -> (i32, String) {
        self.fails_to_start_at(self.port)
    }

    /// The same at another port.
    pub(crate) fn fails_to_start_at(&self, port: u16) -> (i32, String) {
        let said = self.path("refused.log");
        let mut command = self.serve(port);
        let log = File::create(&said).unwrap();
        let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let status = ended(&mut child);
        (status.code().unwrap(), std::fs::read_to_string(said).unwrap())
    }

    /// Ends it as a supervisor would, and sees it end well.
    pub(crate) fn terminate(&self) {
        let mut child = self.process.borrow_mut().take().unwrap();
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = ended(&mut child);
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&self) {
        let mut child = self.process.borrow_mut().take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops and starts over the same folder, at the same port.
    pub(crate) fn restart(&self) {
        self.terminate();
        let again = self.begin();
        assert_eq!(again["administratorToken"], Value::Null, "the token is shown once");
        for same in ["bundleSigner", "logKey", "issuers", "url"] {
            assert_eq!(again[same], self.announced[same], "{same}");
        }
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("serve.log")).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A file that nobody else may read.
    pub(crate) fn write_private(&self, name: &str, text: &str) {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(true).write(true).mode(0o600);
        file.open(self.path(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The administrator's token.
    pub(crate) fn admin(&self) -> String {
        self.read("admin.token")
    }

    pub(crate) fn did(&self) -> &str {
        self.announced["issuers"][0]["did"].as_str().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// A name for a file that no other has.
    pub(crate) fn new_name(&self) -> String {
        self.number.set(self.number.get() + 1);
        format!("file-{}", self.number.get())
    }

    /// Asks for what anybody may read.
    pub(crate) fn get(&self, path: &str) -> Answer {
        http::send(self.port, "GET", path, &[], b"").unwrap()
    }

    /// Asks with a token.
    pub(crate) fn get_as(&self, token: &str, path: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        http::send(self.port, "GET", path, &[("authorization", &bearer)], b"").unwrap()
    }

    /// Sends JSON with a token and further headers.
    pub(crate) fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", &*bearer), ("content-type", "application/json")];
        all.extend(headers);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        http::send(self.port, method, path, &all, body.as_bytes()).unwrap()
    }

    /// Posts JSON as the administrator.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&self.admin(), "POST", path, body, &[])
    }

    pub(crate) fn follow(&self) -> Feed {
        Feed::follow(self.port, "/status/events")
    }

    /// The exit code and the output of a command in the folder, as the administrator.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(binary())
            .current_dir(self.folder.path())
            .env("BONAFIDE_URL", self.url())
            .env("BONAFIDE_TOKEN_FILE", "admin.token")
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    /// What a command says that does its work.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    /// The same as JSON.
    #[track_caller]
    pub(crate) fn told(&self, arguments: &[&str]) -> Value {
        let out = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap()
    }

    /// A command that is refused, and says this.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str], says: &str) {
        let (code, out, err) = self.run(arguments);
        assert_ne!(code, 0, "{arguments:?}: {out}");
        assert!((out.clone() + &err).contains(says), "{arguments:?}: {out}{err}");
    }

    /// A new token of this role.
    pub(crate) fn token(&self, role: &str) -> String {
        let made = self.post("/tokens", &json!({"name": role, "role": role})).is(201);
        made["token"].as_str().unwrap().to_owned()
    }
}

/// Waits for the end of a process.
fn ended(child: &mut Child) -> ExitStatus {
    let before = instant() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if instant() > before {
            let _ = child.kill();
            panic!("the process does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[allow(clippy::disallowed_methods)] // a test is a binary
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The time now, in whole seconds.
#[allow(clippy::disallowed_methods)] // a test is a binary
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap()).unwrap()
}
