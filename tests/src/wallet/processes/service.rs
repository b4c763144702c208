//! A service that asks nobody: it has a policy and a bundle on its disk, reads the header
//! `Bonafide-Presentation` of each request, and has `bonafide verify` decide, a process each time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::issuer::http::{self, Answer};
use crate::issuer::service::Issuer;
use crate::world::binary;

/// How the service names itself; whoever stands in front of it ends TLS.
pub(super) const FILES: &str = "https://files.example";

/// What it allows for clocks that differ.
pub(super) const SKEW: Duration = Duration::from_secs(1);

/// The running service.
pub(super) struct Service {
    folder: tempfile::TempDir,
    port: u16,
    stop: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // So that it looks.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

impl Service {
    /// One that believes this issuer, once it has its bundle.
    pub(super) fn start(issuer: &Issuer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (did, signer) = (issuer.did(), &issuer.announced["bundleSigner"]);
        let policy = format!(
            r#"version = 1
clock_skew = "1s"
[bundle]
signers = [{signer}]
[status]
max_age = "15m"
[[issuer]]
did = "{did}"
attests = ["AgentIdentityCredential", "TaskGrantCredential"]
grants = {{ actions = ["files.read", "files.list"], resources = ["{FILES}"] }}
[[level]]
name = "reader"
credentials = ["AgentIdentityCredential"]
grant = true
actions = ["files.read", "files.list"]
"#
        );
        std::fs::write(folder.path().join("policy.toml"), policy).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = Arc::new(AtomicBool::new(false));
        let (place, stopped) = (folder.path().to_owned(), Arc::clone(&stop));
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                serve(&place, stream.unwrap());
            }
        });
        Self { folder, port, stop, listening: Some(listening) }
    }

    /// Gets the newest bundle, as a timer beside the service would.
    #[track_caller]
    pub(super) fn pull(&self, issuer: &Issuer) {
        let url = format!("{}/bundle", issuer.url());
        let pulled = Command::new(binary())
            .current_dir(self.folder.path())
            .args(["bundle", "pull", &url, "--policy", "policy.toml", "--out", "trust.bundle"])
            .arg("--allow-private")
            .output()
            .unwrap();
        assert!(pulled.status.success(), "{pulled:?}");
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it answers to a request with this presentation.
    pub(super) fn asked(
        &self,
        method: &str,
        path: &str,
        presentation: &str,
        body: &[u8],
    ) -> Decision {
        let header = [("bonafide-presentation", presentation.trim_end())];
        let header = if presentation.is_empty() { &[][..] } else { &header[..] };
        Decision(http::send(self.port, method, path, header, body).unwrap())
    }
}

/// What the service answered; its body is the verdict.
pub(super) struct Decision(Answer);

impl Decision {
    #[track_caller]
    pub(super) fn is_accepted(&self) -> Value {
        let verdict = self.0.is(200);
        assert_eq!(
            (&verdict["outcome"], &verdict["level"]),
            (&"accepted".into(), &"reader".into())
        );
        verdict
    }

    /// Refused, for this reason and no other.
    #[track_caller]
    pub(super) fn is_refused(&self, code: &str) {
        let verdict = self.0.is(403);
        assert_eq!(verdict["outcome"], "rejected");
        let reasons = verdict["reasons"].as_array().unwrap();
        let codes: Vec<&str> =
            reasons.iter().map(|reason| reason["code"].as_str().unwrap()).collect();
        let allowed = |found: &&str| *found == code;
        assert!(codes.contains(&code) && codes.iter().all(allowed), "{code}: {codes:?}");
        assert_eq!(verdict["effective"]["actions"], serde_json::json!([]));
    }

    /// Sent away without a look, since nothing was presented.
    #[track_caller]
    pub(super) fn asks_for_a_presentation(&self) {
        assert_eq!(self.0.status, 401, "{}", self.0.text());
    }
}

/// Reads a request, decides, answers.
fn serve(folder: &Path, stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut presentation, mut length) = (String::new(), None, 0);
    // Whoever connects and says nothing gets no answer.
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut words = line.split(' ').map(ToOwned::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "bonafide-presentation" => presentation = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, answer) = match presentation {
        None => ("401 Unauthorized", "{}".to_owned()),
        Some(presentation) => decided(folder, &method, &path, &presentation, &body),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        answer.len()
    );
    let mut stream = reader.into_inner();
    // Whoever hung up misses it.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(answer.as_bytes()));
}

/// Asks a process of its own, which never uses the network.
fn decided(
    folder: &Path,
    method: &str,
    path: &str,
    presentation: &str,
    body: &[u8],
) -> (&'static str, String) {
    let uri = format!("{FILES}{path}");
    let action = if path.ends_with('/') { "files.list" } else { "files.read" };
    let mut command = Command::new(binary());
    command
        .current_dir(folder)
        .args(["verify", "-", "--json", "--policy", "policy.toml", "--bundle", "trust.bundle"])
        .args(["--state", "state", "--http", method, &uri, "--service", FILES])
        .args(["--action", action, "--resource", uri.trim_end_matches('/')]);
    if !body.is_empty() {
        std::fs::write(folder.join("body"), body).unwrap();
        command.args(["--body", "body"]);
    }
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(presentation.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let verdict = String::from_utf8(output.stdout).unwrap();
    match output.status.code() {
        Some(0) => ("200 OK", verdict),
        Some(1 | 2) => ("403 Forbidden", verdict),
        other => panic!("{other:?}: {verdict}"),
    }
}
