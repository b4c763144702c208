//! The keys of the one tree: a letter for what it is, then what it is found by.

use sha2::{Digest, Sha256};

use crate::id::Id;
use crate::store::{Place, StatusPlace};

pub(super) const AGENT: u8 = b'a';
pub(super) const AGENT_DID: u8 = b'd';
pub(super) const CREDENTIAL: u8 = b'c';
pub(super) const CREDENTIAL_NAME: u8 = b'n';
pub(super) const OF_AGENT: u8 = b'b';
pub(super) const PREPARED: u8 = b'p';
pub(super) const PREPARED_FOR: u8 = b'q';
pub(super) const UNSETTLED: u8 = b'w';
pub(super) const STATUS: u8 = b's';
pub(super) const LIST: u8 = b'l';
pub(super) const LIST_USED: u8 = b'u';
pub(super) const INSTANCE: u8 = b'i';
pub(super) const KEY: u8 = b'k';
pub(super) const TOKEN: u8 = b't';
pub(super) const LINK: u8 = b'j';
pub(super) const EVENT: u8 = b'e';
pub(super) const HISTORY: u8 = b'h';
pub(super) const REQUEST: u8 = b'r';
pub(super) const CHALLENGE: u8 = b'x';
pub(super) const ACCESS_TOKEN: u8 = b'o';

pub(super) const VERSION: &[u8] = b"m/version";
pub(super) const VALUES_END: &[u8] = b"m/values";
pub(super) const NEXT_EVENT: &[u8] = b"m/events";
pub(super) const LOG_WRITTEN: &[u8] = b"m/log";
pub(super) const RESTORED: &[u8] = b"m/restored";

fn of(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(33);
    key.push(kind);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

pub(super) fn agent(id: Id) -> Vec<u8> {
    of(AGENT, &[id.as_bytes()])
}

pub(super) fn agent_did(did: &str) -> Vec<u8> {
    of(AGENT_DID, &[&short_digest(did)])
}

pub(super) fn credential(id: Id) -> Vec<u8> {
    of(CREDENTIAL, &[id.as_bytes()])
}

pub(super) fn credential_name(name: &str) -> Vec<u8> {
    of(CREDENTIAL_NAME, &[&short_digest(name)])
}

pub(super) fn of_agent(agent: Id, credential: Option<Id>) -> Vec<u8> {
    match credential {
        Some(credential) => of(OF_AGENT, &[agent.as_bytes(), credential.as_bytes()]),
        None => of(OF_AGENT, &[agent.as_bytes()]),
    }
}

pub(super) fn prepared(id: Id) -> Vec<u8> {
    of(PREPARED, &[id.as_bytes()])
}

pub(super) fn prepared_for(id: Id) -> Vec<u8> {
    of(PREPARED_FOR, &[id.as_bytes()])
}

pub(super) fn unsettled(agent: Id) -> Vec<u8> {
    of(UNSETTLED, &[agent.as_bytes()])
}

pub(super) fn status(place: StatusPlace) -> Vec<u8> {
    of(STATUS, &[&place.list.to_be_bytes(), &place.index.to_be_bytes()])
}

pub(super) fn list(number: u32) -> Vec<u8> {
    of(LIST, &[&number.to_be_bytes()])
}

pub(super) fn list_used(number: u32) -> Vec<u8> {
    of(LIST_USED, &[&number.to_be_bytes()])
}

pub(super) fn instance(name: &str) -> Vec<u8> {
    of(INSTANCE, &[name.as_bytes()])
}

pub(super) fn key(instance: &str, name: &str) -> Vec<u8> {
    of(KEY, &[instance.as_bytes(), b"\0", name.as_bytes()])
}

pub(super) fn token(id: Id) -> Vec<u8> {
    of(TOKEN, &[id.as_bytes()])
}

pub(super) fn access_token(id: Id) -> Vec<u8> {
    of(ACCESS_TOKEN, &[id.as_bytes()])
}

pub(super) fn link(id: Id) -> Vec<u8> {
    of(LINK, &[id.as_bytes()])
}

pub(super) fn event(sequence: u64) -> Vec<u8> {
    of(EVENT, &[&sequence.to_be_bytes()])
}

pub(super) fn history(agent: Id, sequence: u64) -> Vec<u8> {
    of(HISTORY, &[agent.as_bytes(), &sequence.to_be_bytes()])
}

pub(super) fn of_agent_history(agent: Id) -> Vec<u8> {
    of(HISTORY, &[agent.as_bytes()])
}

pub(super) fn request(digest: &[u8; 16]) -> Vec<u8> {
    of(REQUEST, &[digest])
}

pub(super) fn challenge(digest: &[u8; 16]) -> Vec<u8> {
    of(CHALLENGE, &[digest])
}

/// Half of SHA-256: enough to tell texts apart that others choose.
fn short_digest(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(text)[..16]);
    short
}

/// The id at the end of a key.
pub(super) fn id_at_end(key: &[u8]) -> Option<Id> {
    key.last_chunk::<16>().map(|bytes| Id::from_bytes(*bytes))
}

/// The number at the end of a key.
pub(super) fn number_at_end(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The status place of a key.
pub(super) fn status_place(key: &[u8]) -> Option<StatusPlace> {
    let [_, l0, l1, l2, l3, i0, i1, i2, i3] = *key else { return None };
    let list = u32::from_be_bytes([l0, l1, l2, l3]);
    Some(StatusPlace { list, index: u32::from_be_bytes([i0, i1, i2, i3]) })
}

/// How many events one key stands for at most: the places of a group lie side by side under the
/// sequence of the first of them.
pub(super) const EVENTS_IN_A_CHUNK: usize = 256;

/// How many bytes a place takes.
pub(super) const PLACE: usize = 16;

pub(super) fn place_to_bytes(place: Place) -> [u8; PLACE] {
    let mut bytes = [0; PLACE];
    bytes[..4].copy_from_slice(&place.file.to_be_bytes());
    bytes[4..12].copy_from_slice(&place.at.to_be_bytes());
    bytes[12..].copy_from_slice(&place.length.to_be_bytes());
    bytes
}

pub(super) fn place_from_bytes(bytes: &[u8]) -> Option<Place> {
    let (file, rest) = bytes.split_first_chunk::<4>()?;
    let (at, length) = rest.split_first_chunk::<8>()?;
    Some(Place {
        file: u32::from_be_bytes(*file),
        at: u64::from_be_bytes(*at),
        length: u32::from_be_bytes(length.try_into().ok()?),
    })
}
