//! Enrolment links: what an operator fixed of an agent that is still to enrol itself.

use serde::{Deserialize, Serialize};

use super::{Agent, AgentState};
use crate::environment::Moment;
use crate::id::Id;

/// How often a wrong secret may be tried; after that the link is dead.
pub const MOST_WRONG_TRIES: u8 = 10;

/// An agent as far as its operator knows it: all but its DID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentToBe {
    /// Its name, for people.
    pub name: String,
    /// What kind of agent it is: tool, orchestrator, workflow or ephemeral.
    pub kind: String,
    /// Its version.
    pub version: String,
    /// Digest of the model that it runs on: `sha256:` and 64 hexadecimal digits.
    pub model_digest: String,
    /// Digest of its code.
    pub code_digest: String,
    /// The DID of who answers for it.
    pub sponsor: String,
    /// The domain in which its workload identity is valid.
    pub trust_domain: String,
    /// Its SPIFFE id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
}

impl AgentToBe {
    /// The agent as it is enrolled with its DID.
    pub fn enrolled(self, id: Id, did: String, at: Moment) -> Agent {
        Agent {
            id,
            did,
            name: self.name,
            kind: self.kind,
            version: self.version,
            model_digest: self.model_digest,
            code_digest: self.code_digest,
            sponsor: self.sponsor,
            trust_domain: self.trust_domain,
            spiffe_id: self.spiffe_id,
            state: AgentState::Enrolled,
            identity_attested: false,
            identity_until: None,
            rekeyed_at: None,
            enrolled_at: at,
            changed_at: at,
        }
    }
}

/// A link by which one agent enrols itself, once. Its secret is never kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentLink {
    /// Its id, part of its URL.
    pub id: Id,
    /// SHA-256 of the secret's text, in hexadecimal.
    pub hash: String,
    /// Who enrols by it.
    pub agent: AgentToBe,
    /// Whether its identity is attested at once.
    pub attest_identity: bool,
    /// For how many seconds that attestation is valid; as the service usually does, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<u64>,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends.
    pub expires_at: Moment,
    /// How often a wrong secret was tried.
    #[serde(default)]
    pub wrong_tries: u8,
    /// The agent that used it, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<(Id, Moment)>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
}

/// Where a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// It can be used.
    Open,
    /// An agent enrolled by it.
    Used,
    /// Its operator took it back.
    Revoked,
    /// A wrong secret was tried too often.
    Locked,
    /// Its time is over.
    Ended,
}

impl EnrolmentLink {
    /// Where it stands at `now`.
    pub fn state(&self, now: Moment) -> LinkState {
        if self.used.is_some() {
            LinkState::Used
        } else if self.revoked_at.is_some() {
            LinkState::Revoked
        } else if self.wrong_tries >= MOST_WRONG_TRIES {
            LinkState::Locked
        } else if now >= self.expires_at {
            LinkState::Ended
        } else {
            LinkState::Open
        }
    }
}

/// What happens to a link besides that it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Its operator takes it back.
    Revoke,
    /// A wrong secret was tried.
    WrongTry,
}
