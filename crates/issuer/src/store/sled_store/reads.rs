//! What is read without waiting for anything.

use super::codec::decode_credential;
use super::{SledStore, decode, failed, key, transaction};
use crate::environment::Moment;
use crate::id::Id;
use crate::store::{
    AccessToken, Agent, Answer, Credential, Idempotency, Instance, KeyRecord, List, Page, Place,
    Status, StatusPlace, StoreError, StoredEvent, Token, Views,
};

/// How many records one look through the store reads at most.
const MOST_READ: usize = 10_000;

/// Shows `views` all that is kept in memory.
pub(super) fn show(tree: &sled::Tree, views: &dyn Views) -> Result<(), StoreError> {
    for item in tree.scan_prefix([key::INSTANCE]) {
        views.instance(&decode::<Instance>(&item.map_err(failed)?.1)?);
    }
    for item in tree.scan_prefix([key::KEY]) {
        views.key(&decode::<KeyRecord>(&item.map_err(failed)?.1)?);
    }
    for item in tree.scan_prefix([key::LIST]) {
        let list: List = decode(&item.map_err(failed)?.1)?;
        let used = tree.get(key::list_used(list.number)).map_err(failed)?;
        let used =
            used.and_then(|used| used.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes);
        views.list(&list, used);
    }
    for item in tree.scan_prefix([key::STATUS]) {
        let (at, status) = item.map_err(failed)?;
        let place = key::status_place(&at).ok_or_else(|| super::unreadable(&at))?;
        let status = status_from_byte(&status).ok_or_else(|| super::unreadable(&at))?;
        views.status(place, status);
    }
    for item in tree.scan_prefix([key::TOKEN]) {
        views.token(&decode::<Token>(&item.map_err(failed)?.1)?);
    }
    Ok(())
}

pub(super) fn status_to_byte(status: Status) -> u8 {
    match status {
        Status::Valid => 0,
        Status::Revoked => 1,
        Status::Suspended => 2,
    }
}

fn status_from_byte(bytes: &[u8]) -> Option<Status> {
    match bytes {
        [0] => Some(Status::Valid),
        [1] => Some(Status::Revoked),
        [2] => Some(Status::Suspended),
        _ => None,
    }
}

impl SledStore {
    fn find<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.tree.get(key).map_err(failed)?.map(|bytes| decode(&bytes)).transpose()
    }

    pub(super) fn read_agent(&self, id: Id) -> Result<Option<Agent>, StoreError> {
        self.agents.find(id, || self.find(&key::agent(id)))
    }

    pub(super) fn read_agent_by_did(&self, did: &str) -> Result<Option<Agent>, StoreError> {
        let index = key::agent_did(did);
        let Some(id) = self.tree.get(&index).map_err(failed)? else { return Ok(None) };
        let id = key::id_at_end(&id).ok_or_else(|| super::unreadable(&index))?;
        self.read_agent(id)
    }

    pub(super) fn read_credential(&self, id: Id) -> Result<Option<Credential>, StoreError> {
        self.find_credential(&key::credential(id))
    }

    fn find_credential(&self, key: &[u8]) -> Result<Option<Credential>, StoreError> {
        self.tree.get(key).map_err(failed)?.map(|bytes| decode_credential(&bytes)).transpose()
    }

    pub(super) fn read_credential_by_name(
        &self,
        name: &str,
    ) -> Result<Option<Credential>, StoreError> {
        if let Some(id) = name.strip_prefix("urn:uuid:").and_then(|id| id.parse().ok())
            && let Some(found) = self.read_credential(id)?
        {
            return Ok(Some(found));
        }
        let index = key::credential_name(name);
        let Some(id) = self.tree.get(&index).map_err(failed)? else { return Ok(None) };
        let id = key::id_at_end(&id).ok_or_else(|| super::unreadable(&index))?;
        self.read_credential(id)
    }

    /// The items under `prefix` after `after` that are wanted.
    pub(super) fn page<T>(
        &self,
        prefix: &[u8],
        after: Option<Id>,
        limit: usize,
        read: impl Fn(&[u8], &[u8]) -> Result<Option<T>, StoreError>,
        wanted: &dyn Fn(&T) -> bool,
    ) -> Result<Page<T>, StoreError> {
        let mut from = prefix.to_vec();
        from.extend(after.iter().flat_map(Id::as_bytes));
        let mut items = Vec::new();
        let mut last = None;
        for (number, item) in self.tree.range(from.clone()..).enumerate() {
            let (at, value) = item.map_err(failed)?;
            if !at.starts_with(prefix) {
                return Ok(Page { items, next: None });
            }
            if after.is_some() && at.as_ref() == from.as_slice() {
                continue;
            }
            // A page that is full, or a search that has gone on for long: go on from here.
            if items.len() == limit || number >= MOST_READ {
                return Ok(Page { items, next: last });
            }
            last = key::id_at_end(&at);
            if let Some(item) = read(&at, &value)?.filter(|item| wanted(item)) {
                items.push(item);
            }
        }
        Ok(Page { items, next: None })
    }

    pub(super) fn read_credentials(
        &self,
        agent: Option<Id>,
        after: Option<Id>,
        limit: usize,
        wanted: &dyn Fn(&Credential) -> bool,
    ) -> Result<Page<Credential>, StoreError> {
        match agent {
            Some(agent) => {
                let prefix = key::of_agent(agent, None);
                let read = |at: &[u8], _: &[u8]| match key::id_at_end(at) {
                    Some(id) => self.read_credential(id),
                    None => Ok(None),
                };
                self.page(&prefix, after, limit, read, wanted)
            }
            None => self.page(
                &[key::CREDENTIAL],
                after,
                limit,
                |_, value| decode_credential(value).map(Some),
                wanted,
            ),
        }
    }

    pub(super) fn read_place(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        self.values.read(place)
    }

    pub(super) fn read_access_token(&self, id: Id) -> Result<Option<AccessToken>, StoreError> {
        self.find(&key::access_token(id))
    }

    pub(super) fn read_event(&self, sequence: u64) -> Result<Option<StoredEvent>, StoreError> {
        let at = key::event(sequence);
        // The chunk that begins with it or before it.
        let chunk = self.tree.range(key::event(0)..=at.clone()).next_back().transpose();
        let Some((first, places)) = chunk.map_err(failed)? else { return Ok(None) };
        let first = key::number_at_end(&first).ok_or_else(|| super::unreadable(&at))?;
        let number = usize::try_from(sequence - first).unwrap_or(usize::MAX);
        let Some(place) = places.chunks_exact(key::PLACE).nth(number) else { return Ok(None) };
        let place = key::place_from_bytes(place).ok_or_else(|| super::unreadable(&at))?;
        let bytes = self.values.read(place)?;
        let parts = bytes.split_first_chunk::<2>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        });
        let (entry, record) = parts.ok_or_else(|| super::unreadable(&at))?;
        Ok(Some(StoredEvent { sequence, entry: entry.to_vec(), record: record.to_vec() }))
    }

    pub(super) fn read_history(
        &self,
        agent: Id,
        from: u64,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        let prefix = key::of_agent_history(agent);
        self.tree
            .range(key::history(agent, from)..)
            .map(|item| item.map_err(failed))
            .take_while(|item| item.as_ref().map_or(true, |(at, _)| at.starts_with(&prefix)))
            .take(limit)
            .map(|item| {
                let (at, _) = item?;
                key::number_at_end(&at).ok_or_else(|| super::unreadable(&at))
            })
            .collect()
    }

    pub(super) fn read_answer(
        &self,
        idempotency: &Idempotency,
    ) -> Result<Option<Answer>, StoreError> {
        let found: Option<transaction::Request> = self.find(&key::request(&idempotency.key))?;
        let Some(found) = found else { return Ok(None) };
        if found.fingerprint != bonafide_core::encoding::hex(&idempotency.fingerprint) {
            return Err(StoreError::OtherRequest);
        }
        match found.answer {
            None => Err(StoreError::InFlight),
            Some((status, place)) => Ok(Some(Answer { status, body: self.values.read(place)? })),
        }
    }

    pub(super) fn read_unsettled(&self) -> Result<Vec<Id>, StoreError> {
        self.tree
            .scan_prefix([key::UNSETTLED])
            .map(|item| {
                let (at, _) = item.map_err(failed)?;
                key::id_at_end(&at).ok_or_else(|| super::unreadable(&at))
            })
            .collect()
    }

    pub(super) fn read_unfinished(&self, before: Moment) -> Result<Vec<Credential>, StoreError> {
        let mut unfinished = Vec::new();
        for item in self.tree.scan_prefix([key::PREPARED]) {
            let credential = decode_credential(&item.map_err(failed)?.1)?;
            if credential.prepared_at < before {
                unfinished.push(credential);
            }
        }
        Ok(unfinished)
    }

    /// Whether a status is set otherwise than the record says; for checks of the whole store.
    pub fn status_at(&self, place: StatusPlace) -> Result<Status, StoreError> {
        let at = key::status(place);
        match self.tree.get(&at).map_err(failed)? {
            None => Ok(Status::Valid),
            Some(byte) => status_from_byte(&byte).ok_or_else(|| super::unreadable(&at)),
        }
    }
}
