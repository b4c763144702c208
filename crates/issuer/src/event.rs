//! What goes on the log for each thing that happens: an entry without anybody's data, and the
//! private record that its commitment covers.

use std::net::IpAddr;

use bonafide_core::encoding::encode_base64url;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::environment::{Environment, Moment, NoRandomness};
use crate::id::Id;
use crate::store::{Event, Role};

/// Who asks, and with what request: a part of every audit record.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token; none for the service itself, and for an agent that shows its key.
    pub token: Option<Id>,
    /// The agent that showed its key, if one did.
    pub agent: Option<Id>,
    /// What the token is called, or what the service does by itself; an agent's DID.
    pub name: String,
    /// What it may do; an agent has no role.
    pub role: Option<Role>,
    /// Where the request came from.
    pub source: Option<IpAddr>,
    /// The request's id.
    pub request: String,
    /// When it came.
    pub at: Moment,
}

impl Caller {
    /// The service itself.
    pub fn service(what: &str, at: Moment) -> Self {
        Self {
            token: None,
            agent: None,
            name: what.to_owned(),
            role: Some(Role::Administrator),
            source: None,
            request: String::new(),
            at,
        }
    }
}

/// An event in the making (standards: who, what, on whose behalf, why, with which evidence).
#[derive(Clone, Debug)]
pub(crate) struct EventDraft {
    kind: &'static str,
    agent: Option<Id>,
    digest: Option<[u8; 32]>,
    members: Map<String, Value>,
}

impl EventDraft {
    /// An event of this kind, such as `credential-issued`.
    pub(crate) fn new(kind: &'static str) -> Self {
        Self { kind, agent: None, digest: None, members: Map::new() }
    }

    /// The agent whose history it belongs to.
    pub(crate) fn agent(mut self, id: Id) -> Self {
        self.agent = Some(id);
        self.with("agent", &id)
    }

    /// The SHA-256 of what was signed or is to be signed. It stands in the entry itself, so that
    /// whoever has the document can show that it is on the log.
    pub(crate) fn digest(mut self, digest: [u8; 32]) -> Self {
        self.digest = Some(digest);
        self
    }

    /// A member of the private record.
    pub(crate) fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value)
            && !value.is_null()
        {
            self.members.insert(name.to_owned(), value);
        }
        self
    }

    /// The event as it goes to the store.
    pub(crate) fn finish(
        self,
        caller: &Caller,
        environment: &Environment,
    ) -> Result<Event, NoRandomness> {
        let salt = environment.random::<16>()?;
        let mut record = self.members;
        let time = caller.at.to_string();
        record.insert("event".to_owned(), self.kind.into());
        record.insert("time".to_owned(), time.as_str().into());
        record.insert(
            "actor".to_owned(),
            json!({
                "token": caller.token.map(|id| id.to_string()),
                "agent": caller.agent.map(|id| id.to_string()),
                "name": caller.name,
                "role": caller.role,
            }),
        );
        record.entry("decision").or_insert_with(|| "allowed".into());
        if let Some(source) = caller.source {
            record.insert("source".to_owned(), source.to_string().into());
        }
        if !caller.request.is_empty() {
            record.insert("request".to_owned(), caller.request.as_str().into());
        }
        record.insert("salt".to_owned(), encode_base64url(&salt).into());
        let record = Value::Object(record).to_string().into_bytes();
        Ok(Event {
            agent: self.agent,
            entry: entry(self.kind, &time, self.digest, &record),
            record,
        })
    }
}

/// The log's entry for a record: JSON with its members in order and no spaces, so that an auditor
/// can make it again.
pub(crate) fn entry(kind: &str, time: &str, digest: Option<[u8; 32]>, record: &[u8]) -> Vec<u8> {
    let commitment = encode_base64url(&Sha256::digest(record));
    let digest = digest.map(|digest| format!("\"digest\":\"{}\",", encode_base64url(&digest)));
    format!(
        "{{\"commitment\":\"{commitment}\",{}\"event\":\"{kind}\",\"time\":\"{time}\",\"v\":1}}",
        digest.unwrap_or_default(),
    )
    .into_bytes()
}
