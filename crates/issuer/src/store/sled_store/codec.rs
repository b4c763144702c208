//! How records are written: JSON, and before that of a credential its two places, which are known
//! only once its bytes are staged.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key::{PLACE, place_from_bytes, place_to_bytes};
use crate::store::{Credential, Place, StoreError};

pub(super) fn encode(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value)
        .map_err(|error| StoreError::Damaged(format!("a record can't be written: {error}")))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StoreError::Damaged(format!("a record can't be read: {error}")))
}

/// The bytes of a credential whose JSON was written before.
pub(super) fn credential_with_places(
    json: &[u8],
    payload: Place,
    secured: Option<Place>,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * PLACE + json.len());
    bytes.extend_from_slice(&place_to_bytes(payload));
    bytes.extend_from_slice(&place_to_bytes(secured.unwrap_or_default()));
    bytes.extend_from_slice(json);
    bytes
}

pub(super) fn encode_credential(credential: &Credential) -> Result<Vec<u8>, StoreError> {
    let json = encode(credential)?;
    Ok(credential_with_places(&json, credential.payload, credential.secured))
}

pub(super) fn decode_credential(bytes: &[u8]) -> Result<Credential, StoreError> {
    let (payload, secured) = places_of(bytes)?;
    let mut credential: Credential = decode(&bytes[2 * PLACE..])?;
    (credential.payload, credential.secured) = (payload, secured);
    Ok(credential)
}

/// The places of a credential: of its payload, and of what was signed.
pub(super) fn places_of(bytes: &[u8]) -> Result<(Place, Option<Place>), StoreError> {
    let damaged = || StoreError::Damaged("a credential's record is too short".to_owned());
    let (payload, rest) = bytes.split_first_chunk::<PLACE>().ok_or_else(damaged)?;
    let (secured, _) = rest.split_first_chunk::<PLACE>().ok_or_else(damaged)?;
    let payload = place_from_bytes(payload).ok_or_else(damaged)?;
    Ok((payload, place_from_bytes(secured).filter(|place| place.file > 0)))
}
