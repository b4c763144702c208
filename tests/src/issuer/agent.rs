//! An agent as its operator sees it: enrolled, attested, and shown to a service that asks.

use bonafide_issuer::format::Format;
use serde_json::{Value, json};

use super::service::{Issuer, now};

pub(crate) const IDENTITY: &str = "AgentIdentityCredential";
pub(crate) const BUILDER: &str = "AgentBuilderCredential";
pub(crate) const CERTIFICATION: &str = "AgentCertificationCredential";
pub(crate) const SCORE: &str = "PactScoreCredential";

/// Every type, in the order in which they can be issued.
pub(crate) const TYPES: [&str; 4] = [IDENTITY, BUILDER, CERTIFICATION, SCORE];

pub(crate) const MODEL: &str =
    "sha256:97ff8a35544dcf40ad84047074439dd6aa3a0be469ea578a1b1c017d939ec61c";
pub(crate) const CODE: &str =
    "sha256:85b0a65f2ebf06fc8bad4bba2417ae4f6a3fcb3ef974a6f79aec1181c2afd349";

/// An agent with a key file of its own.
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) did: String,
    pub(crate) key: String,
}

/// A credential as the agent holds it.
pub(crate) struct Held {
    /// Its id at the service.
    pub(crate) id: String,
    pub(crate) format: Format,
    /// The file with what the issuer signed.
    pub(crate) whole: String,
    /// The file with what is shown of it: a part, where its format can hide something.
    pub(crate) shown: String,
}

/// What a type says of the agent; an identity takes it from the enrolment.
pub(crate) fn claims(name: &str) -> Value {
    let file = |text: &str| serde_json::from_str(text).unwrap();
    match name {
        BUILDER => file(include_str!("../../../fixtures/claims/builder.json")),
        CERTIFICATION => file(include_str!("../../../fixtures/claims/certification.json")),
        SCORE => {
            let mut claims: Value =
                file(include_str!("../../../fixtures/claims/pact-score-platinum.json"));
            // Nobody believes a score of the future, and one of the past decays.
            claims["computedAt"] = now().to_string().into();
            claims
        }
        _ => json!({}),
    }
}

/// What the agent shows of a type besides what is always disclosed.
fn reveal(name: &str) -> &'static [&'static str] {
    match name {
        SCORE => &["/credentialSubject/value", "/credentialSubject/tier"],
        IDENTITY => &["/credentialSubject/name"],
        _ => &[],
    }
}

/// The verdict over one input: its outcome, the level it earns, and the codes of its reasons.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: String,
    pub(crate) level: Option<String>,
    pub(crate) codes: Vec<String>,
}

impl Verdict {
    #[track_caller]
    pub(crate) fn is_accepted(&self) {
        assert_eq!((self.outcome.as_str(), self.codes.len()), ("accepted", 0), "{self:?}");
    }

    /// Rejected, for this reason and no other.
    #[track_caller]
    pub(crate) fn is_rejected(&self, code: &str) {
        assert_eq!(self.outcome, "rejected", "{self:?}");
        assert!(!self.codes.is_empty() && self.codes.iter().all(|found| found == code), "{self:?}");
        assert_eq!(self.level, None);
    }
}

impl Agent {
    /// Makes a key and enrols its agent, which shows that it holds it.
    pub(crate) fn enrol(issuer: &Issuer, name: &str) -> Self {
        let key = format!("{name}.key");
        issuer.done(&["key", "new", "--out", &key]);
        let did = issuer.done(&["key", "show", &key, "--did"]).trim().to_owned();
        let enrolled = issuer.told(&[
            "agent",
            "enrol",
            "--name",
            name,
            "--kind",
            "orchestrator",
            "--version",
            "2.3.0",
            "--model-digest",
            MODEL,
            "--code-digest",
            CODE,
            "--sponsor",
            "did:web:acme.example",
            "--key",
            &key,
        ]);
        assert_eq!(enrolled["state"], "enrolled");
        assert_eq!(enrolled["did"], did);
        Self { id: enrolled["id"].as_str().unwrap().to_owned(), did, key }
    }

    /// An agent with an identity in the issuer's own format.
    pub(crate) fn attested(issuer: &Issuer, name: &str) -> (Self, Held) {
        let agent = Self::enrol(issuer, name);
        let identity = agent.attest(issuer, IDENTITY, Format::EddsaJcs2022);
        (agent, identity)
    }

    fn place(&self) -> String {
        format!("/agents/{}/attestations", self.id)
    }

    /// Has something attested, and takes it as the agent holds it.
    #[track_caller]
    pub(crate) fn attest(&self, issuer: &Issuer, name: &str, format: Format) -> Held {
        let (whole, shown) = (issuer.new_name(), issuer.new_name());
        issuer.write(&shown, &claims(name).to_string());
        let told = issuer.done(&[
            "attest",
            &self.did,
            "--type",
            name,
            "--claims",
            &shown,
            "--format",
            format.alias().unwrap_or(format.name()),
            "--out",
            &whole,
        ]);
        let id = told.split(' ').nth(1).unwrap().to_owned();
        let shown = if format.is_selective() {
            let pointers = reveal(name);
            let reveal = if pointers.is_empty() { None } else { Some("--reveal") };
            let derive = ["derive", &whole, "--out", &shown];
            let mut arguments = derive.to_vec();
            arguments.extend(reveal);
            arguments.extend(pointers);
            issuer.done(&arguments);
            shown
        } else {
            whole.clone()
        };
        Held { id, format, whole, shown }
    }

    /// Asks for something that must be refused.
    #[track_caller]
    pub(crate) fn attest_refused(&self, issuer: &Issuer, name: &str, status: u16, code: &str) {
        let answer = issuer.post(&self.place(), &json!({"type": name, "claims": claims(name)}));
        answer.refused(status, code);
    }

    /// What the agent's state is now.
    pub(crate) fn state(&self, issuer: &Issuer) -> Value {
        issuer.told(&["agent", "show", &self.did])
    }

    /// Presents what it holds to somebody who asked.
    pub(crate) fn present(&self, issuer: &Issuer, held: &[&Held]) -> String {
        let name = issuer.new_name();
        let mut arguments = vec!["present"];
        arguments.extend(held.iter().map(|held| held.shown.as_str()));
        arguments.extend(["--key", &self.key, "--out", &name]);
        arguments.extend(ASKED);
        issuer.done(&arguments);
        name
    }
}

/// What a service asks of whoever presents.
const ASKED: [&str; 4] = ["--challenge", "9f1c2d", "--domain", "https://pay.example"];

impl Issuer {
    /// A policy that believes this issuer everything, and nobody else.
    fn policy(&self) -> String {
        let (did, signer) = (self.did(), self.announced["bundleSigner"].as_str().unwrap());
        format!(
            r#"
version = 1
clock_skew = "30s"
[bundle]
signers = ["{signer}"]
[status]
max_age = "15m"
[[issuer]]
did = "{did}"
attests = {TYPES:?}
[[level]]
name = "trusted"
credentials = {TYPES:?}
tier = "platinum"
score = 90
certifications = [{{ scheme = "ISO/IEC 42001", level = "certified" }}]
actions = ["payments.execute"]
[[level]]
name = "known"
credentials = ["{IDENTITY}"]
actions = ["payments.read"]
"#
        )
    }

    /// Pulls the trust bundle: what a verifier knows from now on.
    #[track_caller]
    pub(crate) fn pull(&self) {
        self.write("policy.toml", &self.policy());
        let url = format!("{}/bundle", self.url());
        let pull = ["bundle", "pull", &url, "--out", "trust.bundle", "--policy", "policy.toml"];
        self.done(&[&pull[..], &["--allow-private"]].concat());
    }

    /// The verdict over a file, offline, with the bundle that was pulled last.
    #[track_caller]
    pub(crate) fn verdict(&self, file: &str, more: &[&str]) -> Verdict {
        let verify = ["verify", file, "--policy", "policy.toml", "--bundle", "trust.bundle"];
        let (exit, out, err) = self.run(&[&verify[..], &["--json"], more].concat());
        let found: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
        let outcome = found["outcome"].as_str().unwrap().to_owned();
        let expected = ["accepted", "rejected", "undecided"];
        assert_eq!(expected.iter().position(|name| *name == outcome), usize::try_from(exit).ok());
        let reasons = found["reasons"].as_array().unwrap();
        let code = |reason: &Value| reason["code"].as_str().unwrap().to_owned();
        Verdict {
            outcome,
            level: found["level"].as_str().map(ToOwned::to_owned),
            codes: reasons.iter().map(code).collect(),
        }
    }

    /// The verdict over one credential alone.
    #[track_caller]
    pub(crate) fn judged(&self, held: &Held) -> Verdict {
        self.verdict(&held.shown, &[])
    }

    /// The verdict over a presentation that answers what was asked.
    #[track_caller]
    pub(crate) fn answered(&self, presentation: &str) -> Verdict {
        self.verdict(presentation, &ASKED)
    }
}
