//! What is good for one use, and by what it is remembered.

use bonafide_core::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::environment::Moment;
use crate::store::Once;

/// What a client authenticates with.
pub(crate) const ASSERTION: &str = "the client assertion";
/// A proof that the client holds a key.
pub(crate) const DPOP: &str = "the DPoP proof";
/// What is exchanged.
pub(crate) const SUBJECT: &str = "the subject token";
/// Who acts.
pub(crate) const ACTOR: &str = "the actor token";

/// `parts` tell it from all others of its kind.
pub(crate) fn once(what: &'static str, parts: &[&str], until: Timestamp) -> Once {
    // A presentation is used up whichever of the two it was sent as.
    let kind = if what == ACTOR { SUBJECT } else { what };
    let mut hash = Sha256::new().chain_update(kind);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash.finalize()[..16]);
    // The second is not over yet.
    let seconds = u64::try_from(until.unix()).unwrap_or(0).saturating_add(1);
    Once { what, digest, until: Moment(seconds.saturating_mul(1000)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_parts_are_different_things() {
        let until = Timestamp::from_unix(100).unwrap();
        let of = |what, parts: &[&str]| once(what, parts, until).digest;
        assert_eq!(of(DPOP, &["a", "b"]), of(DPOP, &["a", "b"]));
        assert_ne!(of(DPOP, &["a", "b"]), of(DPOP, &["ab", ""]));
        assert_ne!(of(DPOP, &["a", "b"]), of(ASSERTION, &["a", "b"]));
        assert_eq!(of(SUBJECT, &["a"]), of(ACTOR, &["a"]));
        assert_eq!(once(DPOP, &[], until).until, Moment(101_000));
    }
}
