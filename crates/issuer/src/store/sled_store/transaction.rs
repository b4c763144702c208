//! One transaction after the other, gathered into groups that become durable at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{decode, decode_credential, encode, encode_credential};
use super::frozen::Aside;
use super::key;
use super::values::Writer;
use crate::environment::Moment;
use crate::id::Id;
use crate::store::{
    Agent, Answer, Credential, Event, Idempotency, KeyRecord, KeyState, List, Place, Status,
    StatusPlace, StoreError, Token, With, record,
};

/// What those who read from memory are told once a group is durable.
pub(super) enum Effect {
    Status(StatusPlace, Status),
    List(List, u64),
    Token(Token),
    Instance(record::Instance),
    Key(KeyRecord),
    Agent(Agent),
}

/// What a group of transactions has done so far.
pub(super) struct Group<'g> {
    tree: &'g sled::Tree,
    values: &'g mut Writer,
    written: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) effects: Vec<Effect>,
    pub(super) events: Vec<Event>,
    /// Where each of the events lies.
    places: Vec<Place>,
    first_event: u64,
    /// Agents as they are with what this group did: each is asked for again and again.
    agents: HashMap<Id, Agent>,
    /// Whether keys sign, likewise.
    keys: HashMap<(String, String), bool>,
    /// Who wants to know what is overwritten.
    aside: Option<Arc<Aside>>,
}

impl<'g> Group<'g> {
    pub(super) fn new(
        tree: &'g sled::Tree,
        values: &'g mut Writer,
        first_event: u64,
        aside: Option<Arc<Aside>>,
    ) -> Self {
        Self {
            tree,
            values,
            written: BTreeMap::new(),
            effects: Vec::new(),
            events: Vec::new(),
            places: Vec::new(),
            first_event,
            agents: HashMap::new(),
            keys: HashMap::new(),
            aside,
        }
    }

    /// Does one transaction: all of it, or nothing.
    pub(super) fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_, 'g>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mark = (self.values.mark(), self.effects.len(), self.events.len());
        let mut transaction = Transaction { group: self, written: BTreeMap::new() };
        match work(&mut transaction) {
            Ok(outcome) => {
                let written = transaction.written;
                self.written.extend(written);
                Ok(outcome)
            }
            Err(error) => {
                self.values.back_to(mark.0);
                self.effects.truncate(mark.1);
                self.events.truncate(mark.2);
                self.places.truncate(mark.2);
                self.agents.clear();
                self.keys.clear();
                Err(error)
            }
        }
    }

    /// Makes all of it durable: first the value files, then the database that points into them.
    pub(super) fn write(mut self) -> Result<Written, NotWritten> {
        if self.written.is_empty() && self.places.is_empty() {
            return Ok(Written { effects: self.effects, events: self.events });
        }
        let mut first = self.first_event;
        for chunk in self.places.chunks(key::EVENTS_IN_A_CHUNK) {
            let places: Vec<u8> =
                chunk.iter().flat_map(|place| key::place_to_bytes(*place)).collect();
            self.written.insert(key::event(first), Some(places));
            first += chunk.len() as u64;
        }
        let next = self.first_event + self.events.len() as u64;
        self.written.insert(key::NEXT_EVENT.to_vec(), Some(next.to_be_bytes().to_vec()));
        let end = self.values.staged_end().to_bytes();
        self.written.insert(key::VALUES_END.to_vec(), Some(end));
        if let Some(aside) = self.aside.take() {
            aside.keep(self.tree, self.written.keys())?;
        }
        self.values.write()?;
        let mut batch = sled::Batch::default();
        for (key, value) in self.written {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch)?;
        self.tree.flush()?;
        Ok(Written { effects: self.effects, events: self.events })
    }
}

/// What could not be written.
pub(super) enum NotWritten {
    /// The value files; the error says where they are.
    Values(std::io::Error),
    /// The database.
    State(sled::Error),
}

impl From<std::io::Error> for NotWritten {
    fn from(error: std::io::Error) -> Self {
        Self::Values(error)
    }
}

impl From<sled::Error> for NotWritten {
    fn from(error: sled::Error) -> Self {
        Self::State(error)
    }
}

/// What a durable group did.
pub(super) struct Written {
    pub(super) effects: Vec<Effect>,
    pub(super) events: Vec<Event>,
}

/// One transaction: reads see what was done before it.
pub(super) struct Transaction<'t, 'g> {
    group: &'t mut Group<'g>,
    written: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Transaction<'_, '_> {
    pub(super) fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.written.get(key).or_else(|| self.group.written.get(key)) {
            return Ok(value.clone());
        }
        let found = self.group.tree.get(key).map_err(super::failed)?;
        Ok(found.map(|value| value.to_vec()))
    }

    pub(super) fn has(&self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.bytes(key)?.is_some())
    }

    pub(super) fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.bytes(key)?.map(|bytes| decode(&bytes)).transpose()
    }

    pub(super) fn credential(&self, key: &[u8]) -> Result<Option<Credential>, StoreError> {
        self.bytes(key)?.map(|bytes| decode_credential(&bytes)).transpose()
    }

    pub(super) fn put_credential(&mut self, credential: &Credential) -> Result<(), StoreError> {
        self.put(key::credential(credential.id), encode_credential(credential)?);
        Ok(())
    }

    pub(super) fn agent(&mut self, id: Id) -> Result<&Agent, StoreError> {
        if !self.group.agents.contains_key(&id) {
            let agent = self.get(&key::agent(id))?.ok_or(StoreError::NotFound("agent"))?;
            self.group.agents.insert(id, agent);
        }
        self.group.agents.get(&id).ok_or(StoreError::NotFound("agent"))
    }

    /// Whether a key of an instance still signs.
    pub(super) fn key_signs(&mut self, instance: &str, name: &str) -> Result<bool, StoreError> {
        let id = (instance.to_owned(), name.to_owned());
        if let Some(signs) = self.group.keys.get(&id) {
            return Ok(*signs);
        }
        let record: Option<KeyRecord> = self.get(&key::key(instance, name))?;
        let signs = record.is_some_and(|record| record.state == KeyState::Active);
        self.group.keys.insert(id, signs);
        Ok(signs)
    }

    pub(super) fn put_key(&mut self, record: KeyRecord) -> Result<(), StoreError> {
        self.put_json(key::key(&record.instance, &record.name), &record)?;
        self.group.keys.clear();
        self.effect(Effect::Key(record));
        Ok(())
    }

    pub(super) fn put_agent(&mut self, agent: Agent) -> Result<(), StoreError> {
        self.put(key::agent(agent.id), encode(&agent)?);
        self.group.agents.insert(agent.id, agent.clone());
        self.effect(Effect::Agent(agent));
        Ok(())
    }

    /// The keys that begin with `prefix`, at most `limit` after `after`.
    pub(super) fn keys(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut found = BTreeMap::new();
        let from = after.unwrap_or(prefix).to_vec();
        let inside = |key: &[u8]| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        let changed = [&self.group.written, &self.written];
        let gone = changed.iter().map(|written| {
            written.range(from.clone()..).take_while(|(key, _)| key.starts_with(prefix)).count()
        });
        // Enough to be left with `limit` after what this group took away.
        let enough = limit + gone.sum::<usize>();
        for item in self.group.tree.range(from.clone()..) {
            let (key, _) = item.map_err(super::failed)?;
            if !key.starts_with(prefix) || found.len() == enough {
                break;
            }
            if inside(&key) {
                found.insert(key.to_vec(), true);
            }
        }
        for written in changed {
            let range = written.range(from.clone()..);
            for (key, value) in range.take_while(|(key, _)| key.starts_with(prefix)) {
                if inside(key) {
                    found.insert(key.clone(), value.is_some());
                }
            }
        }
        Ok(found.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).take(limit).collect())
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.written.insert(key, Some(value));
    }

    pub(super) fn put_json(
        &mut self,
        key: Vec<u8>,
        value: &impl Serialize,
    ) -> Result<(), StoreError> {
        self.put(key, encode(value)?);
        Ok(())
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.written.insert(key, None);
    }

    pub(super) fn remove_if_there(&mut self, key: Vec<u8>) -> Result<(), StoreError> {
        if self.has(&key)? {
            self.remove(key);
        }
        Ok(())
    }

    pub(super) fn stage(&mut self, parts: &[&[u8]]) -> Result<Place, StoreError> {
        self.group.values.stage(parts)
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.group.effects.push(effect);
    }

    /// Puts an event on the log: it gets the next sequence.
    pub(super) fn event(&mut self, event: Event) -> Result<(), StoreError> {
        let sequence = self.group.first_event + self.group.events.len() as u64;
        let length = u16::try_from(event.entry.len()).map_err(|_| {
            StoreError::Conflict("an entry of the log is at most 65,535 bytes long")
        })?;
        let place = self.stage(&[&length.to_be_bytes(), &event.entry, &event.record])?;
        self.group.places.push(place);
        if let Some(agent) = event.agent {
            self.put(key::history(agent, sequence), Vec::new());
        }
        self.group.events.push(event);
        Ok(())
    }

    /// What goes along with every change: the client's key first, so that a repetition does
    /// nothing, then the challenge and what is good for one use, then the events.
    pub(super) fn with(&mut self, with: &mut With) -> Result<(), StoreError> {
        if let Some(idempotency) = &with.idempotency {
            self.claim(idempotency, with.answer.as_ref())?;
        }
        if let Some((challenge, until)) = with.answers {
            self.redeem(&challenge, until)?;
        }
        for once in &with.uses {
            let key = key::challenge(&once.digest);
            if self.has(&key)? {
                return Err(StoreError::Used(once.what));
            }
            self.put(key, once.until.0.to_be_bytes().to_vec());
        }
        for event in std::mem::take(&mut with.events) {
            self.event(event)?;
        }
        Ok(())
    }

    /// Uses a challenge up.
    pub(super) fn redeem(&mut self, challenge: &[u8; 16], until: Moment) -> Result<(), StoreError> {
        let key = key::challenge(challenge);
        if self.has(&key)? {
            return Err(StoreError::Exists("this challenge was answered before"));
        }
        self.put(key, until.0.to_be_bytes().to_vec());
        Ok(())
    }

    fn claim(
        &mut self,
        idempotency: &Idempotency,
        answer: Option<&Answer>,
    ) -> Result<(), StoreError> {
        let key = key::request(&idempotency.key);
        if let Some(before) = self.get::<Request>(&key)? {
            if before.fingerprint != hex(&idempotency.fingerprint) {
                return Err(StoreError::OtherRequest);
            }
            // Of the request that is under way, this is the end; another one is a repetition.
            if before.answer.is_some() || answer.is_none() {
                return Err(StoreError::InFlight);
            }
        }
        let answer = match answer {
            None => None,
            Some(answer) => Some((answer.status, self.stage(&[&answer.body])?)),
        };
        let fingerprint = hex(&idempotency.fingerprint);
        let request = Request { fingerprint, at: idempotency.at, answer };
        self.put_json(key, &request)
    }
}

fn hex(bytes: &[u8]) -> String {
    bonafide_core::encoding::hex(bytes)
}

/// What is kept of a request with an idempotency key.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Request {
    pub(super) fingerprint: String,
    pub(super) at: Moment,
    /// HTTP status and body; none while it is under way.
    pub(super) answer: Option<(u16, Place)>,
}
