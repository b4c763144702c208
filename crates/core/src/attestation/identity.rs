//! `AgentIdentityCredential`: a registrar enrolled this agent on behalf of a sponsor.

use super::{Attestation, AttestationType, Claims, built_in};
use crate::Malformed;
use crate::json::Object;

const NAME: &str = "AgentIdentityCredential";
const SCHEMA: &str = include_str!("../../../../schemas/agent-identity-v1.json");

pub(super) static TYPE: AttestationType = AttestationType::new(
    NAME,
    "https://w3id.org/bonafide/schemas/agent-identity/v1",
    SCHEMA,
    &["/credentialSubject/agentVersion", "/credentialSubject/modelDigest"],
    |subject| Identity::read(subject).map(Attestation::Identity),
    || built_in(SCHEMA),
);

/// Who the agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name, for people.
    pub name: String,
    /// What kind of agent it is.
    pub kind: AgentKind,
    /// Its version; a changed one needs a new attestation.
    pub agent_version: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub model_digest: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub code_digest: String,
    /// The DID of who answers for it.
    pub sponsor: String,
    /// The domain in which its workload identity is valid.
    pub trust_domain: String,
    /// Its SPIFFE id, if it has one.
    pub spiffe_id: Option<String>,
}

/// Kinds of agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentKind {
    /// Serves others.
    Tool,
    /// Directs others.
    Orchestrator,
    /// Runs a fixed course.
    Workflow,
    /// Lives for one task.
    Ephemeral,
}

impl Identity {
    fn read(subject: &Object<'_>) -> Result<Self, Malformed> {
        let claims = Claims { what: NAME, object: subject };
        Ok(Self {
            name: claims.text("name")?.to_owned(),
            kind: match claims.text("kind")? {
                "tool" => AgentKind::Tool,
                "orchestrator" => AgentKind::Orchestrator,
                "workflow" => AgentKind::Workflow,
                "ephemeral" => AgentKind::Ephemeral,
                _ => return claims.fail("kind", "a kind that is not known"),
            },
            agent_version: claims.text("agentVersion")?.to_owned(),
            model_digest: claims.text("modelDigest")?.to_owned(),
            code_digest: claims.text("codeDigest")?.to_owned(),
            sponsor: claims.text("sponsor")?.to_owned(),
            trust_domain: claims.text("trustDomain")?.to_owned(),
            spiffe_id: claims.optional_text("spiffeId"),
        })
    }
}
