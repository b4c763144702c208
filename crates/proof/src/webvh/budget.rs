//! How much the check of one history may cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use bonafide_core::key::{KeyType, PublicKey};

use super::error::WebvhError;
use super::{MOST_BYTES, MOST_ENTRIES};
use crate::algorithm::VerifyingKey;

/// More proofs than this on one entry are refused.
pub const MOST_ENTRY_PROOFS: usize = 4;

/// More signatures than this are not checked for one history: two for each entry of the longest
/// log, and 512 of witnesses, of whom one good proof each decides.
pub const MOST_SIGNATURES: usize = 2 * MOST_ENTRIES + 512;

/// More different keys than this are not decoded for one history: as many as could have signed.
pub const MOST_KEYS: usize = MOST_SIGNATURES;

/// More bytes of entries than this are not hashed for one history. An entry is hashed for its
/// versionId and for each proof, the first also for the SCID: enough for a log of [`MOST_BYTES`]
/// with two proofs on each entry.
pub const MOST_HASHED_BYTES: usize = 4 * MOST_BYTES;

/// What was spent on a history so far, each thing before it is done.
#[derive(Default)]
pub(super) struct Budget {
    signatures: usize,
    hashed: usize,
    keys: BTreeMap<String, Arc<VerifyingKey>>,
}

impl Budget {
    /// One signature will be checked.
    pub(super) fn signature(&mut self) -> Result<(), WebvhError> {
        self.signatures += 1;
        within(self.signatures, MOST_SIGNATURES, "signatures")
    }

    /// An entry of so many bytes will be hashed.
    pub(super) fn hash(&mut self, bytes: usize) -> Result<(), WebvhError> {
        self.hashed = self.hashed.saturating_add(bytes);
        within(self.hashed, MOST_HASHED_BYTES, "bytes to hash")
    }

    /// The key of a Multikey, if it is one that signs here; each is decoded once.
    pub(super) fn key(&mut self, multikey: &str) -> Result<Option<Arc<VerifyingKey>>, WebvhError> {
        if let Some(known) = self.keys.get(multikey) {
            return Ok(Some(Arc::clone(known)));
        }
        within(self.keys.len() + 1, MOST_KEYS, "keys")?;
        let key = ed25519(multikey).map(Arc::new);
        if let Some(key) = &key {
            self.keys.insert(multikey.to_owned(), Arc::clone(key));
        }
        Ok(key)
    }
}

fn within(spent: usize, limit: usize, what: &'static str) -> Result<(), WebvhError> {
    if spent > limit {
        return Err(WebvhError::TooMuchWork { what, limit });
    }
    Ok(())
}

/// The key of a Multikey in its one spelling, if it is one that eddsa-jcs-2022 signs with.
fn ed25519(multikey: &str) -> Option<VerifyingKey> {
    let key = PublicKey::from_multikey(multikey).ok()?;
    if key.key_type() != KeyType::Ed25519 || key.to_multikey() != multikey {
        return None;
    }
    VerifyingKey::new(key)
}
