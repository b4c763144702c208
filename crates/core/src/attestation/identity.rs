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
    // Scores and certifications are held against both: hidden, those of another version would
    // count. The rest tells who the agent is and decides nothing.
    &["/credentialSubject/agentVersion", "/credentialSubject/modelDigest"],
    &[],
    |subject| Identity::read(subject).map(Attestation::Identity),
    || built_in(SCHEMA),
);

/// Who the agent is. What is `None` was not disclosed; a SPIFFE id may also not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name, for people.
    pub name: Option<String>,
    /// What kind of agent it is.
    pub kind: Option<AgentKind>,
    /// Its version; a changed one needs a new attestation.
    pub agent_version: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub model_digest: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub code_digest: Option<String>,
    /// The DID of who answers for it.
    pub sponsor: Option<String>,
    /// The domain in which its workload identity is valid.
    pub trust_domain: Option<String>,
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
            name: claims.optional("name", Claims::owned)?,
            kind: match claims.optional("kind", Claims::text)? {
                None => None,
                Some("tool") => Some(AgentKind::Tool),
                Some("orchestrator") => Some(AgentKind::Orchestrator),
                Some("workflow") => Some(AgentKind::Workflow),
                Some("ephemeral") => Some(AgentKind::Ephemeral),
                Some(_) => return claims.fail("kind", "a kind that is not known"),
            },
            agent_version: claims.owned("agentVersion")?,
            model_digest: claims.owned("modelDigest")?,
            code_digest: claims.optional("codeDigest", Claims::owned)?,
            sponsor: claims.optional("sponsor", Claims::owned)?,
            trust_domain: claims.optional("trustDomain", Claims::owned)?,
            spiffe_id: claims.optional("spiffeId", Claims::owned)?,
        })
    }
}
