//! Ids of agents, credentials and tokens: UUIDs of version 7 (RFC 9562), which sort by the time at
//! which they were made, so that new ones lie side by side in the store.

use std::fmt;
use std::str::FromStr;

use bonafide_core::encoding::hex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::environment::{Environment, NoRandomness};

/// An id of something that the service keeps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 16]);

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a UUID in lower case, such as 0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31")]
pub struct NoId;

impl Id {
    /// A new one.
    pub fn new(environment: &Environment) -> Result<Self, NoRandomness> {
        let mut bytes = environment.random::<16>()?;
        bytes[..6].copy_from_slice(&environment.now().0.to_be_bytes()[2..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Ok(Self(bytes))
    }

    /// As the store keys it.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From a key of the store.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// `urn:uuid:…`, the id of a credential that has no other.
    pub fn to_urn(self) -> String {
        format!("urn:uuid:{self}")
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = hex(&self.0);
        let groups = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        f.write_str(&groups.join("-"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let bytes = text.as_bytes();
        let dashes = [8, 13, 18, 23];
        if bytes.len() != 36 || dashes.iter().any(|at| bytes[*at] != b'-') {
            return Err(NoId);
        }
        let mut id = [0_u8; 16];
        let mut digits =
            bytes.iter().enumerate().filter(|(at, _)| !dashes.contains(at)).map(|(_, byte)| {
                match byte {
                    b'0'..=b'9' => Some(byte - b'0'),
                    b'a'..=b'f' => Some(byte - b'a' + 10),
                    _ => None,
                }
            });
        for byte in &mut id {
            let (high, low) = (digits.next().flatten(), digits.next().flatten());
            let (Some(high), Some(low)) = (high, low) else { return Err(NoId) };
            *byte = high << 4 | low;
        }
        Ok(Self(id))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
