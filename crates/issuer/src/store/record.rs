//! What is kept: agents, credentials, lists, keys, tokens, events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::environment::Moment;
use crate::id::Id;

/// Where an agent stands: enrolled -> active -> suspended -> active … -> retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// Known, but nobody has attested its identity yet.
    Enrolled,
    /// Its identity is attested.
    Active,
    /// Nothing is issued to it, and what was is suspended.
    Suspended,
    /// For good: all that was issued to it is revoked.
    Retired,
}

/// An enrolled agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Its id here.
    #[schema(value_type = String, example = "0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31")]
    pub id: Id,
    /// Its DID; it has shown that it holds the key.
    pub did: String,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
    /// Where it stands.
    pub state: AgentState,
    /// Whether an identity attestation says what it is now: its version and digests.
    pub identity_attested: bool,
    /// When that attestation ends, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_until: Option<i64>,
    /// When it got the DID that it has now, if it had another before; what was issued to that one
    /// is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub rekeyed_at: Option<Moment>,
    /// When it was enrolled, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub enrolled_at: Moment,
    /// When it last changed, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub changed_at: Moment,
}

impl Agent {
    /// Whether an identity attestation that has not ended says what it is now.
    pub fn has_identity(&self, now: Moment) -> bool {
        let ended = |until: i64| now.second().unix() >= until;
        self.identity_attested && !self.identity_until.is_some_and(ended)
    }
}

/// What may be changed of an agent. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentChange {
    /// Another state.
    pub state: Option<AgentState>,
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Digest of its model.
    pub model_digest: Option<String>,
    /// Digest of its code.
    pub code_digest: Option<String>,
}

/// The state of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Neither of the others.
    Valid,
    /// For a time.
    Suspended,
    /// For good.
    Revoked,
}

impl Status {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }
}

/// How far an issuance has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// What will be signed is on disk and announced on the log.
    Prepared,
    /// Signed, checked and stored.
    Issued,
    /// Given up before it left; revoked.
    Abandoned,
}

/// Where bytes lie in the value files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The number of the file; 0 is no place.
    pub file: u32,
    /// Where the record begins in it.
    pub at: u64,
    /// How many bytes of content it has.
    pub length: u32,
}

/// An entry of a status list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusPlace {
    /// The list's number.
    #[serde(rename = "l")]
    pub list: u32,
    /// The index in it.
    #[serde(rename = "i")]
    pub index: u32,
}

/// A credential that was prepared or issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// Its id here, and in `urn:uuid:…` if it has no other.
    pub id: Id,
    /// Its id in the document, if that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// The agent it speaks of, if enrolled here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Id>,
    /// Its narrowest type.
    #[serde(rename = "type")]
    pub credential_type: String,
    /// The issuing instance.
    pub instance: String,
    /// The key that signs it, within its instance.
    pub key: String,
    /// How it is secured.
    pub format: String,
    /// Its entry in a status list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_place: Option<StatusPlace>,
    /// For a grant: the indexes of the same list that are set aside for what is delegated under it.
    #[serde(default, rename = "children", skip_serializing_if = "Vec::is_empty")]
    pub child_indexes: Vec<u32>,
    /// How far it has come.
    pub phase: Phase,
    /// Its state.
    pub status: Status,
    /// Whether it is suspended for itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended_itself: bool,
    /// Whether it is suspended because its agent is, and comes back with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended_with_agent: bool,
    /// Whether it attests the identity of its agent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attests_identity: bool,
    /// When its agent had last changed, as it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_as_of: Option<Moment>,
    /// When it was prepared.
    pub prepared_at: Moment,
    /// When it ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<i64>,
    /// What was to be signed.
    #[serde(skip)]
    pub payload: Place,
    /// What was signed.
    #[serde(skip)]
    pub secured: Option<Place>,
}

impl Credential {
    /// Its id in the document.
    pub fn document_id(&self) -> String {
        self.document_id.clone().unwrap_or_else(|| self.id.to_urn())
    }

    /// The entries that are set aside for its children.
    pub fn child_places(&self) -> impl Iterator<Item = StatusPlace> {
        let list = self.status_place.map(|place| place.list);
        let indexes = self.child_indexes.iter();
        indexes.filter_map(move |index| Some(StatusPlace { list: list?, index: *index }))
    }
}

/// A status list: one state for each index, published in several forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// Its number, part of its URL.
    pub number: u32,
    /// The issuing instance whose credentials it is for.
    pub instance: String,
    /// The URL that its forms begin with.
    pub url: String,
    /// The key of the permutation that indexes are drawn by, in hexadecimal.
    pub permutation: String,
}

/// An issuing instance: one DID, which signs in one format unless asked for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its name, part of its URL.
    pub name: String,
    /// Its DID.
    pub did: String,
    /// The format it signs in.
    pub format: String,
}

/// The state of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It signs.
    Active,
    /// It signs nothing any more; what it signed stays good.
    Retired,
    /// It is cut off, and all that it signed falls.
    Compromised,
}

/// A signing key of an instance, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    /// The instance.
    pub instance: String,
    /// Its name in the DID document, such as `key-1`.
    pub name: String,
    /// The public key as Multikey.
    pub public: String,
    /// Whether it signs.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Moment,
    /// When it was found to be compromised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compromised_at: Option<Moment>,
    /// The secret key, sealed. Empty once it is of no more use.
    pub sealed: String,
}

/// What an API token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Administrator,
    /// Enrols agents, changes their state, attests identity and builder.
    Registrar,
    /// Attests certifications.
    Certifier,
    /// Attests PactScores.
    Scorer,
    /// Reads everything, changes nothing.
    Auditor,
}

impl Role {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Registrar => "registrar",
            Self::Certifier => "certifier",
            Self::Scorer => "scorer",
            Self::Auditor => "auditor",
        }
    }
}

/// An API token. The secret itself is never kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its id, part of the token's text.
    pub id: Id,
    /// What it is for, in an operator's words.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the token's text, in hexadecimal.
    pub hash: String,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// When it was revoked, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
}

/// An access token of the token endpoint. Its text is never kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessToken {
    /// Its `jti`.
    pub id: Id,
    /// The DID of the client that it was given to.
    pub client: String,
    /// SHA-256 of what was signed, in hexadecimal.
    pub digest: String,
    /// The agents enrolled here that it rests on.
    pub agents: Vec<Id>,
    /// The ids of the credentials that it rests on.
    pub credentials: Vec<String>,
    /// Their statuses.
    pub places: Vec<StatusPlace>,
    /// Whether the grant policy decided: then the agent has to keep its identity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_policy: bool,
    /// When it was issued.
    pub issued_at: Moment,
    /// When it ends.
    pub expires_at: Moment,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
}

/// What is good for one use: an assertion, a proof, a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// What it is, as an error says it.
    pub what: &'static str,
    /// By what it is remembered.
    pub digest: [u8; 16],
    /// From when on it is not good anyway.
    pub until: Moment,
}

/// Something that happened, ready to be put on the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The agent whose history it belongs to.
    pub agent: Option<Id>,
    /// The entry of the log: digests and a commitment, nothing about anybody.
    pub entry: Vec<u8>,
    /// The private audit record that the commitment covers.
    pub record: Vec<u8>,
}

/// An event as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place on the log.
    pub sequence: u64,
    /// The log's entry.
    pub entry: Vec<u8>,
    /// The private audit record.
    pub record: Vec<u8>,
}

/// A client's promise that two requests are one: the key that it sent, and what it sent with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Digest of who asks and the key.
    pub key: [u8; 16],
    /// Digest of the request.
    pub fingerprint: [u8; 32],
    /// When it came.
    pub at: Moment,
}

/// The answer that a repeated request gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: Vec<u8>,
}
