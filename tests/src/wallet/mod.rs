//! The wallet: receiving, presenting, delegating, and that what it makes only narrows.

mod cross_protocol;
mod flow;
mod narrowing;
pub(crate) mod processes;

use bonafide_core::attestation::{AttestationType, Draft};
use bonafide_core::delegation::{ChildStatus, Grant, Principal, Rights};
use bonafide_core::key::KeyType;
use bonafide_core::status::{BitstringStatusEntry, StatusPurpose};
use bonafide_core::time::Timestamp;
use bonafide_proof::SignError;
use bonafide_testkit::{Attested, Format, Scene, at, now, scene};
use bonafide_verifier::{Bundle, Evidence, Policy, Request, Verdict, verify};
use bonafide_wallet::{DelegationPackage, KnownIssuer, Wallet};

/// The nonce of every presentation here.
const NONCE: &str = "n-1";

/// The index of the grant's own status.
const ROOT: usize = 30_000;

pub(crate) const DI: Format = Format::DataIntegrity(KeyType::Ed25519);

/// Seeded, so that every run is the same.
pub(crate) fn random(seed: u64) -> impl FnMut(&mut [u8]) -> Result<(), SignError> + Send {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |bytes| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[3];
        }
        Ok(())
    }
}

/// A registrar, its bundle, and the wallet of an agent that it granted something.
struct World {
    scene: Scene,
    bundle: String,
    policy: Policy,
}

impl World {
    fn new() -> Self {
        let scene = scene();
        let bundle = scene.bundle();
        let policy = Policy::from_toml(&format!(
            r#"version = 1
[bundle]
signers = ["{}"]
[limits]
credentials = 24
[delegation]
carried = "work"
[[issuer]]
did = "{}"
attests = ["AgentIdentityCredential", "TaskGrantCredential"]
grants = {{ actions = ["*"], resources = ["*"] }}
[[level]]
name = "work"
credentials = ["AgentIdentityCredential"]
actions = ["a", "b", "c", "d"]
"#,
            scene.bundler.did, scene.registrar.did
        ))
        .unwrap();
        Self { scene, bundle, policy }
    }

    /// A wallet with a key, which knows the registrar and its newest bundle.
    fn wallet(&self, seed: u64, key_type: KeyType) -> Wallet {
        let mut wallet = Wallet::in_memory();
        wallet.new_key("agent", key_type, &mut random(seed), now()).unwrap();
        self.introduce(&mut wallet);
        wallet
    }

    fn introduce(&self, wallet: &mut Wallet) {
        let issuer = KnownIssuer {
            name: "registrar".to_owned(),
            url: "https://registrar.example".to_owned(),
            did: self.scene.registrar.did.clone(),
            bundle_signer: Some(self.scene.bundler.did.clone()),
            bundle: None,
        };
        wallet.put_issuer(issuer).unwrap();
        wallet.update_bundle("registrar", self.bundle.clone().into_bytes(), now()).unwrap();
    }

    /// An identity credential of a wallet's agent.
    fn identity(&self, wallet: &Wallet) -> String {
        let key = wallet.default_key().unwrap();
        let scene = &self.scene;
        let identity = scene.attestation(Attested::Identity, &scene.platinum);
        let bonafide_core::json::Value::Object(mut identity) = identity else {
            panic!("an object")
        };
        identity.insert("id", format!("urn:x:identity:{}", &key.did[key.did.len() - 12..]));
        bonafide_testkit::chain::subject_of(&mut identity).insert("id", key.did.clone());
        scene.secure(identity.into(), &scene.registrar, DI)
    }

    /// A grant of the registrar to a wallet's agent, for twenty minutes around now.
    fn grant(&self, wallet: &Wallet, rights: Rights) -> String {
        let key = wallet.default_key().unwrap();
        let registrar = &self.scene.registrar;
        let grant = Grant {
            task: "task".to_owned(),
            rights,
            holder_key: key.method.clone(),
            principal: Some(Principal {
                issuer: "https://idp.example".to_owned(),
                subject: "alice".to_owned(),
                digest: format!("sha256:{}", "ab".repeat(32)),
            }),
            parent: None,
            child_status: Some(ChildStatus {
                list: registrar.list.clone(),
                indexes: (1..40).map(|child| ROOT as u64 + child).collect(),
            }),
        };
        let entry =
            BitstringStatusEntry::new(StatusPurpose::Revocation, ROOT, registrar.list.clone());
        let draft = Draft {
            attestation_type: AttestationType::by_name("TaskGrantCredential").unwrap(),
            id: "urn:x:grant",
            issuer: &registrar.did,
            subject: &key.did,
            claims: grant.to_claims(),
            valid_from: at("2026-11-22T11:50:00Z"),
            valid_until: at("2026-11-22T12:10:00Z"),
            status: vec![entry.to_object()],
        };
        self.scene.secure(draft.into_credential().unwrap(), registrar, DI)
    }

    fn verdict(&self, input: &str, request: &Request, now: Timestamp) -> Verdict {
        let bundle = Bundle::open(self.bundle.as_bytes(), &self.policy).unwrap();
        let evidence = Evidence::new().with_bundle(&bundle);
        verify(input.as_bytes(), request, &evidence, &self.policy, now)
    }
}

/// The DID of a wallet's agent.
fn did(wallet: &Wallet) -> String {
    wallet.default_key().unwrap().did.clone()
}

/// Hands a package over, as JSON.
fn hand_over(package: &DelegationPackage, to: &mut Wallet) -> String {
    let received = to.receive_package(package.to_json().unwrap().as_bytes(), now());
    received.unwrap_or_else(|error| panic!("{error}")).id
}
