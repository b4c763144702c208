//! `bonafide serve` as a process of its own, for the tests of a wallet.

use std::process::{Child, Stdio};

use crate::place::{Ended, Place, ends};

/// Grants reading below one folder, to whoever is enrolled, for nobody or on behalf of somebody.
const GRANTS: &str = r#"version = 1
[[rule]]
name = "reports"
agents = ["*"]
principal = "none"
actions = ["files.read", "files.list"]
resources = ["https://files.example/reports"]
audience = ["https://files.example"]
max_depth = 3
"#;

pub(crate) const SERVICE: &str = "https://files.example";
pub(crate) const REPORTS: &str = "https://files.example/reports";

/// The running service. Whatever becomes of a test, its process ends with it.
pub(crate) struct Service {
    place: Place,
    process: Child,
    pub(crate) url: String,
    pub(crate) did: String,
    pub(crate) bundle_signer: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Service {
    pub(crate) fn start() -> Self {
        let place = Place::empty();
        place.write("grants.toml", GRANTS);
        place.write("bonafide.toml", "[grants]\npolicy = \"grants.toml\"\n");
        let port =
            std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let log = std::fs::File::create(place.path("serve.log")).unwrap();
        let arguments = ["serve", "--json", "--config", "bonafide.toml", "--listen", &listen];
        let mut process =
            place.bonafide(&arguments).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let out = process.stdout.take().unwrap();
        let said = serde_json::Deserializer::from_reader(out).into_iter().next();
        let said: serde_json::Value = said.and_then(Result::ok).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        place.write_private("admin.token", said["administratorToken"].as_str().unwrap());
        let (url, bundle_signer) = (text(&said["url"]), text(&said["bundleSigner"]));
        Self { did: text(&said["issuers"][0]["did"]), place, process, url, bundle_signer }
    }

    /// An operator's command.
    #[track_caller]
    pub(crate) fn operator(&self, arguments: &[&str]) -> Ended {
        let mut command = self.place.bonafide(arguments);
        command.args(["--url", &self.url, "--token-file", "admin.token"]);
        ends(&mut command, 0)
    }

    /// A link for an agent of this name.
    #[track_caller]
    pub(crate) fn link(&self, name: &str) -> String {
        // As in the claims of the fixtures.
        const MODEL: &str =
            "sha256:97ff8a35544dcf40ad84047074439dd6aa3a0be469ea578a1b1c017d939ec61c";
        const CODE: &str =
            "sha256:c1141b27cde2602d810c31a3457ed9f209e7814f2a41dfa1affb38be1616eb61";
        let file = format!("{name}.link");
        let told = self.operator(&[
            "agent",
            "link",
            "new",
            "--name",
            name,
            "--kind",
            "tool",
            "--version",
            "2.3.0",
            "--model-digest",
            MODEL,
            "--code-digest",
            CODE,
            "--sponsor",
            "did:web:acme.example",
            "--out",
            &file,
        ]);
        let link = self.place.read(&file).trim_end().to_owned();
        let (_, secret) = link.split_once('#').unwrap();
        assert!(!told.out.contains(secret), "{told:?}");
        link
    }

    /// A new wallet whose agent is enrolled.
    #[track_caller]
    pub(crate) fn agent(&self, name: &str) -> Place {
        let place = Place::new();
        place.ends(&["enrol", &self.link(name)], 0);
        place
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path(name)
    }
}

/// A grant of a wallet for reading the reports; its id.
#[track_caller]
pub(crate) fn grant(agent: &Place, more: &[&str]) -> String {
    let asked = [
        "grant",
        "--task",
        "read",
        "--action",
        "files.read",
        "--action",
        "files.list",
        "--resource",
        REPORTS,
        "--audience",
        SERVICE,
    ];
    agent.json(&[&asked[..], more].concat())["id"].as_str().unwrap().to_owned()
}
