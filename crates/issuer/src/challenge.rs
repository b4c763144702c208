//! Challenges that nobody has to keep: the service knows its own again, and remembers only those
//! that were answered.

use std::time::Duration;

use bonafide_core::encoding::{decode_base64url, encode_base64url};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::environment::{Environment, Moment, NoRandomness};

/// Makes and knows challenges.
pub struct Challenges {
    key: [u8; 32],
    answer_within: Duration,
}

/// A challenge that is the service's own and still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// By what it is remembered once it is answered.
    pub digest: [u8; 16],
    /// When it ends.
    pub until: Moment,
}

/// A challenge that can't be answered any more, or never could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKnown {
    /// Not one of this service.
    #[error("this challenge is not of this service; ask for one at POST /challenges")]
    Foreign,
    /// Too late.
    #[error("this challenge has ended; ask for a new one at POST /challenges")]
    Ended,
}

impl Challenges {
    /// With a key that every replica shares.
    pub fn new(key: [u8; 32], answer_within: Duration) -> Self {
        Self { key, answer_within }
    }

    /// A new challenge, and when it ends.
    pub fn make(&self, environment: &Environment) -> Result<(String, Moment), NoRandomness> {
        let until = environment.now().plus(self.answer_within);
        let body = [&environment.random::<16>()?[..], &until.0.to_be_bytes()].concat();
        let tag = self.tag(&body).finalize().into_bytes();
        Ok((encode_base64url(&[&body, &tag[..16]].concat()), until))
    }

    /// Whether a challenge is one of these, and when it ends.
    pub fn know(&self, challenge: &str, now: Moment) -> Result<Known, NotKnown> {
        // Sixteen random bytes, eight of time, sixteen of tag.
        let bytes = decode_base64url(challenge).ok().filter(|bytes| bytes.len() == 40);
        let bytes = bytes.ok_or(NotKnown::Foreign)?;
        let (body, tag) = bytes.split_at(24);
        // Compared in constant time.
        self.tag(body).verify_truncated_left(tag).map_err(|_| NotKnown::Foreign)?;
        let until = body.last_chunk::<8>().map_or(0, |until| u64::from_be_bytes(*until));
        if now.0 > until {
            return Err(NotKnown::Ended);
        }
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(&bytes)[..16]);
        Ok(Known { digest, until: Moment(until) })
    }

    fn tag(&self, body: &[u8]) -> Hmac<Sha256> {
        #[allow(clippy::expect_used)]
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(b"bonafide challenge");
        mac.update(body);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENT: Environment = Environment {
        milliseconds: || 1_000_000,
        fill: |bytes| {
            bytes.fill(9);
            Ok(())
        },
    };

    #[test]
    fn a_challenge_is_known_until_it_ends_and_no_other_is() {
        let challenges = Challenges::new([1; 32], Duration::from_secs(60));
        let (challenge, until) = challenges.make(&ENVIRONMENT).unwrap();
        assert_eq!(until, Moment(1_060_000));
        assert_eq!(challenges.know(&challenge, Moment(1_060_000)).unwrap().until, until);
        assert_eq!(challenges.know(&challenge, Moment(1_060_001)), Err(NotKnown::Ended));
        let other = Challenges::new([2; 32], Duration::from_secs(60));
        assert_eq!(other.know(&challenge, Moment(0)), Err(NotKnown::Foreign));
        for position in 0..challenge.len() {
            let mut changed = challenge.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(challenges.know(&changed, Moment(0)).is_err(), "{position}");
        }
        assert_eq!(challenges.know("", Moment(0)), Err(NotKnown::Foreign));
    }
}
