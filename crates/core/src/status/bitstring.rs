//! Bitstring Status List 1.0 (W3C Recommendation): one bit per credential, compressed.

use std::fmt;
use std::io::{Read, Write};
use std::time::Duration;

use crate::Malformed;
use crate::encoding::{decode_multibase_base64url, encode_multibase_base64url};
use crate::json::{Object, Value};
use crate::vc::Unverified;

/// No list is shorter, so that an index hides among others (Bitstring Status List, 6.1).
pub const FEWEST_ENTRIES: usize = 131_072;

/// The longest list that is read, in bytes after decompression (32 Mi entries of one bit).
pub const LARGEST_LIST_BYTES: usize = 4 << 20;

/// What a set bit means (Bitstring Status List, 2.1 and 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusPurpose {
    /// Ended for good.
    Revocation,
    /// Not valid for now.
    Suspension,
    /// A newer one is to be had; says nothing against this one.
    Refresh,
    /// Bits with a meaning of the issuer's own.
    Message,
}

impl StatusPurpose {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Revocation, Self::Suspension, Self::Refresh, Self::Message];

    /// The value of `statusPurpose`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Suspension => "suspension",
            Self::Refresh => "refresh",
            Self::Message => "message",
        }
    }

    /// The purpose with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

impl fmt::Display for StatusPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a list can't be read or an index not be found in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusListError {
    /// Not a Bitstring Status List.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Longer than the cap when decompressed.
    #[error("decompresses to more than {limit} bytes")]
    TooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// `STATUS_LIST_LENGTH_ERROR`: too few entries to hide an index among.
    #[error("{entries} entries, fewer than {FEWEST_ENTRIES}")]
    TooShort {
        /// How many there are.
        entries: usize,
    },
    /// `RANGE_ERROR`: the index lies beyond the list.
    #[error("index {index} is not among {entries} entries")]
    OutOfRange {
        /// The index.
        index: usize,
        /// How many entries there are.
        entries: usize,
    },
}

/// The bits of a list, decompressed. Index 0 is the left-most bit.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusBits {
    bytes: Vec<u8>,
}

impl StatusBits {
    /// A list of `entries` zeros, rounded up to whole bytes and to the fewest allowed.
    pub fn new(entries: usize) -> Self {
        Self { bytes: vec![0; entries.max(FEWEST_ENTRIES).div_ceil(8)] }
    }

    /// Decodes `encodedList`: `u`, base64url, gzip (Bitstring Status List, 3.3). Stops at
    /// [`LARGEST_LIST_BYTES`]; nothing may follow the gzip stream.
    pub fn decode(encoded: &str) -> Result<Self, StatusListError> {
        const WHAT: &str = "encodedList";
        let compressed =
            decode_multibase_base64url(encoded).map_err(|error| error.within(WHAT, ""))?;
        let mut decoder = flate2::bufread::GzDecoder::new(&compressed[..]);
        let mut bytes = Vec::new();
        let limit = LARGEST_LIST_BYTES;
        (&mut decoder)
            .take(limit as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|_| Malformed::new(WHAT, "not a whole gzip stream"))?;
        if bytes.len() > limit {
            return Err(StatusListError::TooLarge { limit });
        }
        if !decoder.into_inner().is_empty() {
            return Err(Malformed::new(WHAT, "something follows the gzip stream").into());
        }
        if bytes.len() * 8 < FEWEST_ENTRIES {
            return Err(StatusListError::TooShort { entries: bytes.len() * 8 });
        }
        Ok(Self { bytes })
    }

    /// Encodes as `encodedList`. The same bits give the same text.
    pub fn encode(&self) -> String {
        let mut encoder =
            flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::best());
        // Writing into a vector can't fail.
        let compressed =
            encoder.write_all(&self.bytes).and_then(|()| encoder.finish()).unwrap_or_default();
        encode_multibase_base64url(&compressed)
    }

    /// How many one-bit entries there are.
    pub fn entries(&self) -> usize {
        self.bytes.len() * 8
    }

    /// The entry at `index`.
    pub fn get(&self, index: usize) -> Result<bool, StatusListError> {
        match self.bytes.get(index / 8) {
            Some(byte) => Ok(byte & (0x80 >> (index % 8)) != 0),
            None => Err(StatusListError::OutOfRange { index, entries: self.entries() }),
        }
    }

    /// Sets the entry at `index`.
    pub fn set(&mut self, index: usize, value: bool) -> Result<(), StatusListError> {
        let entries = self.entries();
        let Some(byte) = self.bytes.get_mut(index / 8) else {
            return Err(StatusListError::OutOfRange { index, entries });
        };
        let mask = 0x80 >> (index % 8);
        *byte = if value { *byte | mask } else { *byte & !mask };
        Ok(())
    }

    /// The indexes of all entries that are set.
    pub fn set_indexes(&self) -> impl Iterator<Item = usize> {
        let bytes = self.bytes.iter().enumerate().filter(|(_, byte)| **byte != 0);
        bytes.flat_map(|(at, byte)| {
            (0..8).filter(move |bit| byte & (0x80 >> bit) != 0).map(move |bit| at * 8 + bit)
        })
    }
}

impl fmt::Debug for StatusBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusBits({} entries)", self.entries())
    }
}

/// A `BitstringStatusListEntry` of a credential (Bitstring Status List, 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitstringStatusEntry {
    /// What a set bit means.
    pub purpose: StatusPurpose,
    /// The place in the list.
    pub index: usize,
    /// The URL of the list's credential.
    pub list: String,
}

impl BitstringStatusEntry {
    /// The value of `type`.
    pub const TYPE: &'static str = "BitstringStatusListEntry";

    /// Reads an entry. One bit per entry; other sizes come with the message purpose and are
    /// refused.
    pub fn from_object(entry: &Object<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "status entry";
        let text = |member: &str| {
            entry
                .str(member)
                .ok_or_else(|| Malformed::at(WHAT, format!("/{member}"), "expected a string"))
        };
        let purpose = StatusPurpose::parse(text("statusPurpose")?)
            .ok_or_else(|| Malformed::at(WHAT, "/statusPurpose", "a purpose that is not known"))?;
        let index = text("statusListIndex")?;
        let canonical = index.bytes().all(|byte| byte.is_ascii_digit())
            && (index == "0" || !index.starts_with('0'));
        let index = index.parse().ok().filter(|_| canonical).ok_or_else(|| {
            Malformed::at(WHAT, "/statusListIndex", "expected a whole number as a string")
        })?;
        if entry.get("statusSize").is_some_and(|size| size.as_integer() != Some(1)) {
            return Err(Malformed::at(WHAT, "/statusSize", "only one bit per entry is read here"));
        }
        let list = text("statusListCredential")?;
        if !list.contains(':') || list.chars().any(char::is_whitespace) {
            return Err(Malformed::at(WHAT, "/statusListCredential", "expected a URL"));
        }
        Ok(Self { purpose, index, list: list.to_owned() })
    }

    /// The entry as it stands in a credential.
    pub fn to_object(&self) -> Object<'static> {
        Object::from([
            ("id", Value::from(format!("{}#{}", self.list, self.index))),
            ("type", Self::TYPE.into()),
            ("statusPurpose", self.purpose.name().into()),
            ("statusListIndex", self.index.to_string().into()),
            ("statusListCredential", self.list.clone().into()),
        ])
    }
}

/// What a `BitstringStatusListCredential` says (Bitstring Status List, 2.2), unverified.
#[derive(Clone, Debug)]
pub struct BitstringStatusListCredential {
    /// What set bits mean; one or more.
    pub purposes: Vec<StatusPurpose>,
    /// How long a copy may be used.
    pub ttl: Option<Duration>,
    /// The bits.
    pub bits: StatusBits,
}

impl BitstringStatusListCredential {
    /// The credential's type.
    pub const TYPE: &'static str = "BitstringStatusListCredential";

    /// Reads the claims of a list credential.
    pub fn from_unverified(credential: &Unverified<'_>) -> Result<Self, StatusListError> {
        const WHAT: &str = "status list";
        if !credential.claimed_types().contains(&Self::TYPE) {
            return Err(
                Malformed::at(WHAT, "/type", "BitstringStatusListCredential is missing").into()
            );
        }
        let &[subject] = credential.claimed_subjects() else {
            return Err(Malformed::at(WHAT, "/credentialSubject", "expected one subject").into());
        };
        let at = |member: &str, detail: &str| {
            Malformed::at(WHAT, format!("/credentialSubject/{member}"), detail)
        };
        if subject.str("type") != Some("BitstringStatusList") {
            return Err(at("type", "expected BitstringStatusList").into());
        }
        let purposes: Option<Vec<_>> = subject
            .get("statusPurpose")
            .map(Value::one_or_more)
            .unwrap_or_default()
            .iter()
            .map(|purpose| purpose.as_str().and_then(StatusPurpose::parse))
            .collect();
        let purposes = purposes
            .filter(|purposes| !purposes.is_empty())
            .ok_or_else(|| at("statusPurpose", "expected one or more known purposes"))?;
        let ttl = match subject.get("ttl") {
            None => None,
            Some(ttl) => match ttl.as_integer().map(u64::try_from) {
                Some(Ok(milliseconds)) => Some(Duration::from_millis(milliseconds)),
                _ => return Err(at("ttl", "expected a whole number of milliseconds").into()),
            },
        };
        let encoded =
            subject.str("encodedList").ok_or_else(|| at("encodedList", "expected a string"))?;
        Ok(Self { purposes, ttl, bits: StatusBits::decode(encoded)? })
    }

    /// The `credentialSubject` that says this.
    pub fn to_subject(&self, list: &str) -> Object<'static> {
        let mut subject = Object::from([
            ("id", Value::from(format!("{list}#list"))),
            ("type", "BitstringStatusList".into()),
            ("encodedList", self.bits.encode().into()),
        ]);
        let names: Vec<&'static str> = self.purposes.iter().map(|purpose| purpose.name()).collect();
        match names[..] {
            [one] => subject.insert("statusPurpose", one),
            _ => subject.insert("statusPurpose", names),
        };
        if let Some(ttl) = self.ttl {
            let milliseconds = u32::try_from(ttl.as_millis()).unwrap_or(u32::MAX);
            subject.insert("ttl", milliseconds);
        }
        subject
    }
}
