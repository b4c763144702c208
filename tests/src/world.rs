//! The scene with a policy and an open bundle, asked through the library and the command line.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, Scene, json, now, scene};
use bonafide_verifier::{Bundle, Evidence, Outcome, Policy, Request, Verdict, verify};

pub(crate) const DI: Format = Format::DataIntegrity(KeyType::Ed25519);
pub(crate) const JWT: Format = Format::Jwt(KeyType::Ed25519);

pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) policy_toml: String,
    pub(crate) policy: Policy,
    pub(crate) bundle_text: String,
    pub(crate) bundle: Bundle,
}

/// Nothing asked: a credential is only authentic or not.
pub(crate) fn nothing() -> Request {
    Request::new()
}

/// What the scene's presentations answer.
pub(crate) fn asked() -> Request {
    Request::new().nonce(NONCE).audience(AUDIENCE)
}

impl World {
    pub(crate) fn new() -> Self {
        let bundle = scene().bundle();
        Self::with(|policy| policy, bundle)
    }

    /// With a changed policy and another bundle.
    pub(crate) fn with(policy: impl FnOnce(String) -> String, bundle_text: String) -> Self {
        let scene = scene();
        let policy_toml = policy(scene.policy_toml());
        let policy = Policy::from_toml(&policy_toml).unwrap();
        let bundle = Bundle::open(bundle_text.as_bytes(), &policy).unwrap();
        Self { scene, policy_toml, policy, bundle_text, bundle }
    }

    pub(crate) fn evidence(&self) -> Evidence<'_> {
        Evidence::new().with_suites(bonafide_linked_data::SUITES).with_bundle(&self.bundle)
    }

    pub(crate) fn verdict_at(&self, input: &[u8], request: &Request, now: Timestamp) -> Verdict {
        verify(input, request, &self.evidence(), &self.policy, now)
    }

    pub(crate) fn verdict(&self, input: &str, request: &Request) -> Verdict {
        self.verdict_at(input.as_bytes(), request, now())
    }

    /// The verdict of the library, which the command line must repeat byte for byte.
    pub(crate) fn both(&self, input: &[u8], request: &Request, now: Timestamp) -> Verdict {
        let verdict = self.verdict_at(input, request, now);
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.display().to_string()
        };
        let now = now.to_string();
        let (input, policy, bundle) = (
            write("input", input),
            write("policy.toml", self.policy_toml.as_bytes()),
            write("bundle", self.bundle_text.as_bytes()),
        );
        let mut arguments = vec!["verify", &input, "--policy", &policy, "--bundle", &bundle];
        arguments.extend(["--at", &now, "--json"]);
        if *request == asked() {
            arguments.extend(["--nonce", NONCE, "--audience", AUDIENCE]);
        } else {
            assert_eq!(*request, nothing(), "this helper knows two requests");
        }
        let output = bonafide(&arguments);
        assert_eq!(String::from_utf8_lossy(&output.stdout), verdict.to_json());
        let code = match verdict.outcome() {
            Outcome::Accepted => 0,
            Outcome::Rejected => 1,
            Outcome::Undecided => 2,
        };
        assert_eq!(output.status.code(), Some(code));
        verdict
    }

    /// Refused for this reason, through the library and the command line.
    #[track_caller]
    pub(crate) fn refused(&self, input: &str, request: &Request, code: &str) {
        let verdict = self.both(input.as_bytes(), request, now());
        assert!(verdict.has_reason(code), "expected {code}:\n{}", verdict.to_json());
        assert_eq!(verdict.outcome(), Outcome::Rejected, "{}", verdict.to_json());
        assert_eq!(verdict.level(), None);
    }

    /// Undecided for this reason, through the library and the command line.
    #[track_caller]
    pub(crate) fn undecided(&self, input: &str, request: &Request, code: &str) {
        let verdict = self.both(input.as_bytes(), request, now());
        assert!(verdict.has_reason(code), "expected {code}:\n{}", verdict.to_json());
        assert_eq!(verdict.outcome(), Outcome::Undecided, "{}", verdict.to_json());
        assert_eq!(verdict.level(), None);
    }

    #[track_caller]
    pub(crate) fn accepted(&self, input: &str, request: &Request, level: Option<&str>) {
        let verdict = self.both(input.as_bytes(), request, now());
        assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
        assert_eq!(verdict.level(), level);
    }

    /// Platinum's score.
    pub(crate) fn score(&self, format: Format) -> String {
        self.scene.attest(Attested::PactScore, &self.scene.platinum, format)
    }

    /// Platinum's presentation of everything.
    pub(crate) fn presentation(&self, format: Format) -> String {
        self.scene.present(
            &self.scene.credentials(&self.scene.platinum, format),
            &self.scene.platinum,
            format,
        )
    }
}

/// The command line's binary, built once for all tests.
pub(crate) fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "bonafide-cli", "--bin", "bonafide"])
            .args(["--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success());
        let mut folder = std::env::current_exe().unwrap();
        // target/debug/deps/e2e-…: the binary is two folders up.
        folder.pop();
        folder.pop();
        let binary = folder.join("bonafide");
        assert!(binary.exists(), "{}", binary.display());
        binary
    })
}

pub(crate) fn bonafide(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

/// Changes a JSON document and writes it compactly.
pub(crate) fn edited(text: &str, change: impl FnOnce(&mut Object<'static>)) -> String {
    let Value::Object(mut object) = json(text) else { panic!("not an object") };
    change(&mut object);
    to_canonical_string(&object.into())
}
