//! What the service takes from the machine it runs on: clock and randomness, as arguments.

use std::fmt;
use std::time::Duration;

use bonafide_core::time::Timestamp;
use bonafide_proof::SignError;
use serde::{Deserialize, Serialize};

/// Clock and randomness.
#[derive(Clone, Copy)]
pub struct Environment {
    /// Milliseconds since 1970.
    pub milliseconds: fn() -> u64,
    /// Fills a buffer with random bytes from the operating system.
    pub fill: fn(&mut [u8]) -> Result<(), NoRandomness>,
}

/// The operating system gave no randomness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no randomness: {0}")]
pub struct NoRandomness(pub String);

impl Environment {
    /// The time now.
    pub fn now(&self) -> Moment {
        Moment((self.milliseconds)())
    }

    /// Random bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills a buffer, with the error that signers know.
    pub fn fill_for_signing(&self, bytes: &mut [u8]) -> Result<(), SignError> {
        (self.fill)(bytes).map_err(|error| SignError(error.to_string()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// A point in time in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The same to the millisecond, as documents write it.
    pub fn timestamp(self) -> Timestamp {
        let seconds = i64::try_from(self.0 / 1000).unwrap_or(i64::MAX);
        Timestamp::from_unix_clamped(seconds).saturating_add(Duration::from_millis(self.0 % 1000))
    }

    /// The same in whole seconds, rounded down: what credentials say.
    pub fn second(self) -> Timestamp {
        Timestamp::from_unix_clamped(i64::try_from(self.0 / 1000).unwrap_or(i64::MAX))
    }

    /// This much later.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}
