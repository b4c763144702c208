//! Caches of signatures that were good and of keys that were decoded. They never know of time,
//! status or trust.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock};

use bonafide_core::Malformed;
use bonafide_core::key::PublicKey;

use bonafide_proof::{SignatureCheck, VerifyingKey};
use sha2::{Digest, Sha256};

/// Remembers which signatures were good, by key, message and signature, and which key a did:key
/// holds. Bad ones are never kept.
#[derive(Debug)]
pub struct SignatureCache {
    capacity: usize,
    good: Mutex<HashSet<[u8; 32]>>,
    pub(crate) keys: KeyCache,
}

/// Remembers the keys that did:key DIDs hold: to decode one takes a square root on its curve.
#[derive(Debug)]
pub struct KeyCache {
    capacity: usize,
    known: RwLock<HashMap<String, VerifyingKey>>,
}

impl KeyCache {
    /// A cache of at most `capacity` keys, some hundred bytes each; it starts anew when it is full.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, known: RwLock::default() }
    }

    /// The key of a Multikey; `None` if its type does not sign.
    pub(crate) fn decode(&self, multikey: &str) -> Result<Option<VerifyingKey>, Malformed> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.get(multikey) {
            return Ok(Some(key.clone()));
        }
        drop(known);
        let key = VerifyingKey::new(PublicKey::from_multikey(multikey)?);
        if let Some(key) = key.as_ref().filter(|_| self.capacity > 0) {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= self.capacity {
                known.clear();
            }
            known.insert(multikey.to_owned(), key.clone());
        }
        Ok(key)
    }
}

impl SignatureCache {
    /// A cache of at most `capacity` signatures, 32 bytes each, and as many keys; it starts anew
    /// when it is full.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, good: Mutex::new(HashSet::new()), keys: KeyCache::new(capacity) }
    }

    /// How many signatures it remembers.
    pub fn len(&self) -> usize {
        self.good.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether it remembers none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl SignatureCheck for SignatureCache {
    fn is_good(&self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        let mut digest = Sha256::new();
        // Each part has its length in front, so that no two triples hash alike.
        let multicodec = key.public_key().key_type().multicodec();
        for part in [&multicodec[..], key.public_key().as_bytes(), signature, message] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let id: [u8; 32] = digest.finalize().into();
        let locked = || self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if locked().contains(&id) {
            return true;
        }
        if !key.verify(message, signature) {
            return false;
        }
        let mut good = locked();
        if good.len() >= self.capacity {
            good.clear();
        }
        if self.capacity > 0 {
            good.insert(id);
        }
        true
    }
}
