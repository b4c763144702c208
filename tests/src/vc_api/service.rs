//! A service in a process of its own, and requests to it over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::binary;

/// Stops when it is dropped.
pub(super) struct Service {
    child: Child,
    port: u16,
    token: Option<String>,
    /// Each instance: its name, its DID.
    pub(super) issuers: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

/// An answer: its status, its media type, its body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: String,
    pub(super) body: Value,
}

impl Service {
    /// As operators run it; requests carry the administrator's token.
    pub(super) fn start() -> Self {
        Self::with(tempfile::tempdir().unwrap(), &[])
    }

    /// As test suites meet it.
    pub(super) fn conformance() -> Self {
        Self::with(tempfile::tempdir().unwrap(), &["--conformance"])
    }

    /// As operators run it, with these settings.
    pub(super) fn configured(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, settings).unwrap();
        Self::with(folder, &["--config", path.to_str().unwrap()])
    }

    fn with(folder: tempfile::TempDir, arguments: &[&str]) -> Self {
        // Nobody else takes it in the meantime: the system hands ports out in turn.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(binary())
            .args(["--json", "serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(folder.path().join("data"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut text = String::new();
        let said: Value = loop {
            text += &lines.next().unwrap().unwrap();
            if let Ok(said) = serde_json::from_str(&text) {
                break said;
            }
        };
        let issuers = said["issuers"].as_array().unwrap().iter().map(|issuer| {
            let text = |name: &str| issuer[name].as_str().unwrap().to_owned();
            (text("name"), text("did"))
        });
        let issuers = issuers.collect();
        let token =
            said["administratorToken"].as_str().filter(|_| !arguments.contains(&"--conformance"));
        let token = token.map(ToOwned::to_owned);
        let service = Self { child, port, token, issuers, _folder: folder };
        let answers = (0..1_000).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(answers, "the service does not answer");
        service
    }

    pub(super) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The DID of an instance.
    pub(super) fn did(&self, name: &str) -> &str {
        &self.issuers.iter().find(|(known, _)| known == name).unwrap().1
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, None, &body.to_string())
    }

    pub(super) fn get(&self, path: &str, accept: Option<&str>) -> Answer {
        self.request("GET", path, accept, "")
    }

    fn request(&self, method: &str, path: &str, accept: Option<&str>, body: &str) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        if let Some(token) = &self.token {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        if let Some(accept) = accept {
            head += &format!("accept: {accept}\r\n");
        }
        head += "connection: close\r\ncontent-type: application/json\r\n";
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let media_type = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
        });
        Answer {
            status,
            media_type: media_type.unwrap_or_default(),
            body: serde_json::from_str(body).unwrap_or_else(|_| body.into()),
        }
    }

    /// Issues by an instance, which has to go well.
    #[track_caller]
    pub(super) fn issue(&self, instance: &str, credential: &Value) -> Value {
        self.issue_with(instance, credential, &json!({}))
    }

    #[track_caller]
    pub(super) fn issue_with(&self, instance: &str, credential: &Value, options: &Value) -> Value {
        let body = json!({"credential": credential, "options": options});
        let mut answer = self.post(&format!("/issuers/{instance}/credentials/issue"), &body);
        assert_eq!(answer.status, 201, "{instance}: {}", answer.body);
        answer.body["verifiableCredential"].take()
    }

    /// Sets a status; gives the status of the answer.
    pub(super) fn set_status(&self, id: &str, purpose: &str, value: bool) -> u16 {
        let entry = json!({"type": "BitstringStatusListEntry", "statusPurpose": purpose});
        let body = json!({"credentialId": id, "credentialStatus": entry, "status": value});
        self.post("/credentials/status", &body).status
    }

    /// The status of the answer, and the titles of what is not good.
    pub(super) fn verify(&self, credential: &Value, options: &Value) -> (u16, Vec<String>) {
        let body = json!({"verifiableCredential": credential, "options": options});
        self.post("/credentials/verify", &body).verdict()
    }
}

impl Answer {
    /// The status, and the titles of what is not good.
    #[track_caller]
    pub(super) fn verdict(&self) -> (u16, Vec<String>) {
        let problems = self.body["problemDetails"].as_array();
        let problems = problems.unwrap_or_else(|| panic!("no verdict: {}", self.body));
        assert_eq!(self.body["verified"], problems.is_empty(), "{}", self.body);
        let title = |problem: &Value| problem["title"].as_str().unwrap().to_owned();
        (self.status, problems.iter().map(title).collect())
    }

    /// The places in the request that are wrong.
    pub(super) fn pointers(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
