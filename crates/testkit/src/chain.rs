//! Chains: a grant of the registrar and delegations under it, whole or with one link changed.

use bonafide_core::attestation::{AttestationType, Draft};
use bonafide_core::delegation::{
    ChildStatus, Constraint, Grant, ParentLink, Principal, Resource, Rights,
};
use bonafide_core::did::Relationship;
use bonafide_core::encoding::hex;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::status::{BitstringStatusEntry, StatusPurpose};
use bonafide_core::time::Timestamp;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof, document_digest};
use bonafide_proof::{SecretKey, Signer};

use crate::{Agent, Attested, Format, Scene, scene};

/// What the grant is for.
pub const TASK: &str = "report-4711";

/// The service before which it counts.
pub const SERVICE: &str = "https://files.example";

/// An action that it allows.
pub const ACTION: &str = "files.read";

/// A resource that it allows.
pub const RESOURCE: &str = "https://files.example/reports/2026";

/// The index of the grant's own status.
const ROOT_INDEX: u64 = 20_000;

/// The world with a row of agents, each of which may hand on what it was granted to the next.
pub struct Chains {
    /// The world; its registrar grants.
    pub scene: Scene,
    /// The first holds the grant.
    pub agents: Vec<Agent>,
}

/// What the grant allows.
///
/// # Panics
/// Never: the names are canonical.
pub fn rights() -> Rights {
    let resource = |name| Resource::parse(name).expect("a canonical name");
    Rights {
        actions: vec![ACTION.to_owned(), "files.list".to_owned(), "files.write".to_owned()],
        resources: vec![
            resource("https://files.example/reports"),
            resource("https://files.example/drafts"),
        ],
        audience: vec![SERVICE.to_owned(), "https://archive.example".to_owned()],
        constraints: vec![
            Constraint::Budget { unit: "EUR".to_owned(), amount: 5_000 },
            Constraint::TimeOfDay { from: 8 * 60, until: 18 * 60 },
        ],
        max_depth: 9,
    }
}

/// The row of agents.
pub fn chains() -> Chains {
    const NAMES: [&str; 12] = [
        "planner", "worker", "tool", "agent-3", "agent-4", "agent-5", "agent-6", "agent-7",
        "agent-8", "agent-9", "agent-10", "agent-11",
    ];
    Chains { scene: scene(), agents: NAMES.map(Agent::new).into() }
}

/// A link before it is signed.
#[derive(Clone, Debug)]
pub struct LinkDraft {
    /// Its id.
    pub id: String,
    /// Who signs it off.
    pub issuer: String,
    /// Who receives.
    pub subject: String,
    /// What it says.
    pub grant: Grant,
    /// Begin and end.
    pub span: (Timestamp, Timestamp),
    /// The list and the index of its status.
    pub status: (String, u64),
}

impl LinkDraft {
    /// The unsigned credential.
    ///
    /// # Panics
    /// If the claims do not fit their schema.
    pub fn unsigned(&self) -> Value<'static> {
        let name = match self.grant.parent {
            None => "TaskGrantCredential",
            Some(_) => "DelegationCredential",
        };
        let (list, index) = &self.status;
        let index = usize::try_from(*index).expect("an index");
        let entry = BitstringStatusEntry::new(StatusPurpose::Revocation, index, list.clone());
        let draft = Draft {
            attestation_type: AttestationType::by_name(name).expect("a known type"),
            id: &self.id,
            issuer: &self.issuer,
            subject: &self.subject,
            claims: self.grant.to_claims(),
            valid_from: self.span.0,
            valid_until: self.span.1,
            status: vec![entry.to_object()],
        };
        draft.into_credential().expect("claims that fit")
    }
}

/// Signs a link with a key for handing capabilities on.
///
/// # Panics
/// Never: a key in memory signs.
pub fn sign_delegation(unsigned: Value<'static>, key: &SecretKey, method: &str) -> Value<'static> {
    let options = ProofOptions::new(method, Relationship::CapabilityDelegation);
    let suite = Suites::JCS.for_key(key.public_key().key_type()).expect("a suite for the key");
    add_proof(unsigned, &options, suite, key).expect("a signature")
}

/// The digest by which a child names its parent.
///
/// # Panics
/// If it is not an object.
pub fn digest_of(credential: &Value<'_>) -> String {
    let document = credential.as_object().expect("an object");
    format!("sha256:{}", hex(&document_digest(document)))
}

impl Chains {
    /// The grant to the first agent, before it is signed; indexes are set aside for nine links.
    pub fn grant(&self) -> LinkDraft {
        let holder = &self.agents[0];
        let registrar = &self.scene.registrar;
        let child_status = ChildStatus {
            list: registrar.list.clone(),
            indexes: (1..20).map(|child| ROOT_INDEX + child).collect(),
        };
        let principal = Principal {
            issuer: "https://idp.example".to_owned(),
            subject: "alice".to_owned(),
            digest: format!("sha256:{}", "ab".repeat(32)),
        };
        LinkDraft {
            id: "urn:bonafide:grant:0".to_owned(),
            issuer: registrar.did.clone(),
            subject: holder.did.clone(),
            grant: Grant {
                task: TASK.to_owned(),
                rights: rights(),
                holder_key: holder.method.clone(),
                principal: Some(principal),
                parent: None,
                child_status: Some(child_status),
            },
            span: (crate::at("2026-11-22T11:50:00Z"), crate::at("2026-11-22T12:10:00Z")),
            status: (registrar.list.clone(), ROOT_INDEX),
        }
    }

    /// The grant, signed by the registrar.
    ///
    /// # Panics
    /// If it does not fit its schema.
    pub fn signed_grant(&self, draft: &LinkDraft) -> Value<'static> {
        let format = Format::DataIntegrity(KeyType::Ed25519);
        crate::json(&self.scene.secure(draft.unsigned(), &self.scene.registrar, format))
    }

    /// What the agent `from` hands on to the next, as wide as may be, before it is signed.
    ///
    /// # Panics
    /// If there is no next agent.
    pub fn delegation(&self, from: usize, parent: &LinkDraft, signed: &Value<'_>) -> LinkDraft {
        let (delegator, receiver) = (&self.agents[from], &self.agents[from + 1]);
        let mut grant = parent.grant.clone();
        grant.holder_key.clone_from(&receiver.method);
        grant.principal = None;
        grant.rights.max_depth = grant.rights.max_depth.saturating_sub(1);
        grant.parent = Some(ParentLink { id: parent.id.clone(), digest: digest_of(signed) });
        let mut index = ROOT_INDEX;
        if let Some(status) = &mut grant.child_status {
            index = status.indexes.remove(0);
        }
        LinkDraft {
            id: format!("urn:bonafide:delegation:{from}"),
            issuer: delegator.did.clone(),
            subject: receiver.did.clone(),
            grant,
            span: parent.span,
            status: (self.scene.registrar.list.clone(), index),
        }
    }

    /// A good chain of so many credentials, from the grant down.
    pub fn chain(&self, length: usize) -> Vec<Value<'static>> {
        self.changed_chain(length, |_, _| ())
    }

    /// A chain of which each draft was shown to `change`, with its place, before it was signed.
    pub fn changed_chain(
        &self,
        length: usize,
        mut change: impl FnMut(usize, &mut LinkDraft),
    ) -> Vec<Value<'static>> {
        let mut draft = self.grant();
        change(0, &mut draft);
        let mut links = vec![self.signed_grant(&draft)];
        for from in 0..length - 1 {
            draft = self.delegation(from, &draft, &links[from]);
            change(from + 1, &mut draft);
            let delegator = &self.agents[from];
            links.push(sign_delegation(draft.unsigned(), &delegator.key, &delegator.method));
        }
        links
    }

    /// The identity credentials of the first agents.
    pub fn identities(&self, count: usize) -> Vec<Value<'static>> {
        let format = Format::DataIntegrity(KeyType::Ed25519);
        let attest = |agent| crate::json(&self.scene.attest(Attested::Identity, agent, format));
        self.agents[..count].iter().map(attest).collect()
    }

    /// A presentation of these credentials by an agent, for [`SERVICE`] and [`NONCE`](crate::NONCE).
    pub fn present(&self, credentials: &[Value<'_>], agent: &Agent) -> String {
        let texts: Vec<String> = credentials.iter().map(to_canonical_string).collect();
        let format = Format::DataIntegrity(KeyType::Ed25519);
        crate::present(&texts, agent, format.envelope(), crate::NONCE, SERVICE)
    }

    /// A good presentation of a chain of so many credentials, with everybody's identity.
    pub fn presentation(&self, length: usize) -> String {
        let mut credentials = self.chain(length);
        credentials.extend(self.identities(length));
        self.present(&credentials, &self.agents[length - 1])
    }

    /// The service's policy.
    pub fn policy_toml(&self) -> String {
        format!(
            r#"version = 1
[bundle]
signers = ["{}"]
[limits]
credentials = 24
[[issuer]]
did = "{}"
attests = ["AgentIdentityCredential", "TaskGrantCredential"]
grants = {{ actions = ["files.read", "files.list"], resources = ["https://files.example"] }}
[[level]]
name = "work"
credentials = ["AgentIdentityCredential"]
grant = true
actions = ["files.read", "files.list"]
[[level]]
name = "known"
credentials = ["AgentIdentityCredential"]
"#,
            self.scene.bundler.did, self.scene.registrar.did,
        )
    }
}

/// Claims of a link, to be changed by hand.
///
/// # Panics
/// If it has no subject.
pub fn subject_of<'v>(link: &'v mut Object<'static>) -> &'v mut Object<'static> {
    match link.get_mut("credentialSubject") {
        Some(Value::Object(subject)) => subject,
        _ => panic!("no subject"),
    }
}
