//! Fixed clock, seeded keys and one small world of issuers and agents, for tests, benchmarks and
//! the fixture writer. Never part of a release: everybody can compute these keys.

pub mod chain;
pub mod fixtures;
mod format;
mod scene;
mod webvh;

pub use format::{
    Format, derive, present, secure, secure_base, secure_presentation, token_list_of,
};
pub use scene::{AUDIENCE, Agent, Attested, Issuer, NONCE, Scene, scene};
pub use webvh::{WebvhLog, multikey, webvh_document, webvh_key_hash, webvh_witness_file};

use bonafide_core::did::did_key;
use bonafide_core::json::{Limits, Value, parse};
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_linked_data::bbs;
use bonafide_proof::{SecretKey, Signer};
use sha2::{Digest, Sha384};

/// The time at which everything here happens.
pub const NOW: &str = "2026-11-22T12:00:00Z";

/// [`NOW`] as a point in time.
pub fn now() -> Timestamp {
    at(NOW)
}

/// A point in time from its text.
///
/// # Panics
/// If the text is not a date-time.
pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a date-time")
}

/// The key that belongs to `name`; the same on every run.
///
/// # Panics
/// Never for the types that sign.
pub fn key(name: &str, key_type: KeyType) -> SecretKey {
    let seed = Sha384::digest(format!("bonafide testkit {key_type} {name}").as_bytes());
    let length = SecretKey::length(key_type).expect("a type that signs");
    SecretKey::from_bytes(key_type, &seed[..length]).expect("a scalar below the order")
}

/// The BBS key that belongs to `name`; the same on every run.
///
/// # Panics
/// Never: a digest is enough to make a key from.
pub fn bbs_key(name: &str) -> bbs::SecretKey {
    let seed = Sha384::digest(format!("bonafide testkit BLS12-381 {name}").as_bytes());
    bbs::SecretKey::generate(&seed).expect("enough bytes")
}

/// The did:key of a key, and the DID URL of its one method.
pub fn did_key_of(key: &SecretKey) -> (String, String) {
    let did = did_key(key.public_key());
    let method = format!("{did}#{}", key.public_key().to_multikey());
    (did, method)
}

/// Parses JSON that is known to be good.
///
/// # Panics
/// If it is not strict JSON.
pub fn json(text: &str) -> Value<'static> {
    parse(text.as_bytes(), &Limits::for_size(64 << 20)).expect("strict JSON").into_owned()
}
