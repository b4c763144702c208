//! A cache of signatures that were good. It never knows of time, status or trust.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bonafide_proof::{SignatureCheck, VerifyingKey};
use sha2::{Digest, Sha256};

/// Remembers which signatures were good, by key, message and signature. Bad ones are never kept.
#[derive(Debug)]
pub struct SignatureCache {
    capacity: usize,
    good: Mutex<HashSet<[u8; 32]>>,
}

impl SignatureCache {
    /// A cache of at most `capacity` signatures, 32 bytes each; it starts anew when it is full.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, good: Mutex::new(HashSet::new()) }
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
