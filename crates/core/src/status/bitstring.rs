//! Bitstring Status List 1.0 (W3C Recommendation): one or a few bits per credential, compressed.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use super::{decimal_index, integer, unfold};
use crate::Malformed;
use crate::encoding::{decode_multibase_base64url, encode_multibase_base64url};
use crate::json::{Object, Value};
use crate::time::Timestamp;
use crate::vc::{CREDENTIALS_V2, Unverified, is_url};

/// No list is shorter, so that an index hides among others (Bitstring Status List, 6.1).
pub const FEWEST_ENTRIES: usize = 131_072;

/// The longest list that is read, in bytes after decompression (32 Mi entries of one bit).
pub const LARGEST_LIST_BYTES: usize = 4 << 20;

/// The most bits of one entry. The Recommendation sets no end; an entry of this size already
/// carries 256 messages.
pub const LARGEST_STATUS_SIZE: usize = 8;

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
    /// A list of `entries` zeros of one bit, rounded up to whole bytes and to the fewest allowed.
    /// For entries of more bits, ask for so many times more.
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
        let bytes = unfold(&mut decoder, || Malformed::new(WHAT, "not a whole gzip stream"))?;
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

    /// The value at `index` of a list whose entries have `size` bits (1 to 8), the left-most bit
    /// first (Bitstring Status List, 3.2). Fails with `STATUS_LIST_LENGTH_ERROR` where there are
    /// too few entries of that size, and with `RANGE_ERROR` beyond the last whole one.
    pub fn value(&self, index: usize, size: usize) -> Result<u8, StatusListError> {
        let first = self.first_bit(index, size)?;
        let is_set = |bit: usize| self.bytes[bit / 8] & (0x80 >> (bit % 8)) != 0;
        Ok((first..first + size).fold(0_u8, |value, bit| (value << 1) | u8::from(is_set(bit))))
    }

    /// Sets the value at `index` of a list whose entries have `size` bits; see [`Self::value`].
    pub fn set_value(
        &mut self,
        index: usize,
        size: usize,
        value: u8,
    ) -> Result<(), StatusListError> {
        let first = self.first_bit(index, size)?;
        if size < 8 && value >> size != 0 {
            return Err(Malformed::new("status value", "does not fit into so many bits").into());
        }
        for place in 0..size {
            let bit = first + place;
            let mask = 0x80 >> (bit % 8);
            let byte = &mut self.bytes[bit / 8];
            let on = (value >> (size - 1 - place)) & 1 == 1;
            *byte = if on { *byte | mask } else { *byte & !mask };
        }
        Ok(())
    }

    /// Where the entry at `index` begins, in bits; the whole entry lies within the list.
    fn first_bit(&self, index: usize, size: usize) -> Result<usize, StatusListError> {
        if !(1..=LARGEST_STATUS_SIZE).contains(&size) {
            return Err(Malformed::new("status size", "expected 1 to 8 bits").into());
        }
        let entries = self.entries() / size;
        if entries < FEWEST_ENTRIES {
            return Err(StatusListError::TooShort { entries });
        }
        if index >= entries {
            return Err(StatusListError::OutOfRange { index, entries });
        }
        Ok(index * size)
    }

    /// The indexes of all entries of one bit that are set.
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
    /// How many bits an entry of the list has (`statusSize`), 1 to 8.
    pub size: usize,
    /// What each value means (`statusMessage`), in the order of the values: none, or 2^`size`.
    pub messages: Vec<String>,
    /// Where more can be read of what the values mean (`statusReference`): URLs.
    pub references: Vec<String>,
}

/// No entry names more URLs of further material.
const MOST_REFERENCES: usize = 16;

/// What is read, in errors.
const ENTRY: &str = "status entry";

impl BitstringStatusEntry {
    /// The value of `type`.
    pub const TYPE: &'static str = "BitstringStatusListEntry";

    /// An entry of one bit.
    pub fn new(purpose: StatusPurpose, index: usize, list: impl Into<String>) -> Self {
        let list = list.into();
        Self { purpose, index, list, size: 1, messages: Vec::new(), references: Vec::new() }
    }

    /// Reads an entry. One of more than one bit names a message for each value, whatever its
    /// purpose.
    pub fn from_object(entry: &Object<'_>) -> Result<Self, Malformed> {
        let text = |member: &str| {
            entry
                .str(member)
                .ok_or_else(|| Malformed::at(ENTRY, format!("/{member}"), "expected a string"))
        };
        let purpose = StatusPurpose::parse(text("statusPurpose")?)
            .ok_or_else(|| Malformed::at(ENTRY, "/statusPurpose", "a purpose that is not known"))?;
        let index = decimal_index(text("statusListIndex")?).ok_or_else(|| {
            Malformed::at(ENTRY, "/statusListIndex", "expected a whole number as a string")
        })?;
        let size = match entry.get("statusSize") {
            None => 1,
            Some(size) => size
                .as_integer()
                .and_then(|size| usize::try_from(size).ok())
                .filter(|size| (1..=LARGEST_STATUS_SIZE).contains(size))
                .ok_or_else(|| Malformed::at(ENTRY, "/statusSize", "expected 1 to 8"))?,
        };
        let list = text("statusListCredential")?;
        if !list.contains(':') || list.chars().any(char::is_whitespace) {
            return Err(Malformed::at(ENTRY, "/statusListCredential", "expected a URL"));
        }
        let messages = messages(entry, size)?;
        let references = references(entry)?;
        Ok(Self { purpose, index, list: list.to_owned(), size, messages, references })
    }

    /// What a value means: its message, or "unset" and "set" for one bit without messages.
    pub fn message(&self, value: u8) -> Option<&str> {
        match (self.messages.get(usize::from(value)), value) {
            (Some(message), _) => Some(message.as_str()),
            (None, 0) if self.messages.is_empty() => Some("unset"),
            (None, 1) if self.messages.is_empty() => Some("set"),
            (None, _) => None,
        }
    }

    /// The entry as it stands in a credential.
    pub fn to_object(&self) -> Object<'static> {
        let mut entry = Object::from([
            ("id", Value::from(format!("{}#{}", self.list, self.index))),
            ("type", Self::TYPE.into()),
            ("statusPurpose", self.purpose.name().into()),
            ("statusListIndex", self.index.to_string().into()),
            ("statusListCredential", self.list.clone().into()),
        ]);
        if self.size != 1 {
            entry.insert("statusSize", integer(self.size));
        }
        if !self.messages.is_empty() {
            let message = |(value, message): (usize, &String)| {
                Object::from([("status", format!("{value:#x}")), ("message", message.clone())])
            };
            let messages: Vec<Object<'static>> =
                self.messages.iter().enumerate().map(message).collect();
            entry.insert("statusMessage", messages);
        }
        match &self.references[..] {
            [] => {}
            [one] => drop(entry.insert("statusReference", one.clone())),
            many => drop(entry.insert("statusReference", many.to_vec())),
        }
        entry
    }
}

/// `statusMessage`, in the order of the values (Bitstring Status List, 2.1): exactly one for each
/// value that `size` bits can have.
fn messages(entry: &Object<'_>, size: usize) -> Result<Vec<String>, Malformed> {
    let malformed = |detail: &str| Malformed::at(ENTRY, "/statusMessage", detail);
    let Some(listed) = entry.get("statusMessage") else {
        return match size {
            1 => Ok(Vec::new()),
            _ => Err(malformed("has to be there if statusSize is over 1")),
        };
    };
    let count = 1_usize << size;
    let listed = listed
        .as_array()
        .filter(|listed| listed.len() == count)
        .ok_or_else(|| malformed("expected a list with one message for each value"))?;
    let mut messages: Vec<Option<String>> = vec![None; count];
    for item in listed {
        let value = item.get("status").and_then(Value::as_str).and_then(hexadecimal);
        let message = item.get("message").and_then(Value::as_str);
        let (Some(value), Some(message)) = (value, message) else {
            return Err(malformed("expected objects with a status like 0x1 and a message"));
        };
        match messages.get_mut(value).filter(|place| place.is_none()) {
            Some(place) => *place = Some(message.to_owned()),
            None => return Err(malformed("a status is beyond statusSize or occurs twice")),
        }
    }
    // As many as there are values and none twice: no place is empty.
    Ok(messages.into_iter().flatten().collect())
}

/// A number like `0x1f`.
fn hexadecimal(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("0x")?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    usize::from_str_radix(digits, 16).ok().filter(|_| plain)
}

/// `statusReference`: one or more URLs, if it is there.
fn references(entry: &Object<'_>) -> Result<Vec<String>, Malformed> {
    let Some(value) = entry.get("statusReference") else { return Ok(Vec::new()) };
    let malformed = || Malformed::at(ENTRY, "/statusReference", "expected one to 16 URLs");
    let listed = value.one_or_more();
    if !(1..=MOST_REFERENCES).contains(&listed.len()) {
        return Err(malformed());
    }
    let url = |url: &Value<'_>| url.as_str().filter(|url| is_url(url)).map(ToOwned::to_owned);
    let urls: Option<Vec<String>> = listed.iter().map(url).collect();
    urls.ok_or_else(malformed)
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

    /// Reads the claims of a list credential, which is one of version 2.0 of the data model.
    pub fn from_unverified(credential: &Unverified<'_>) -> Result<Self, StatusListError> {
        const WHAT: &str = "status list";
        credential.require_v2()?;
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

    /// The credential of the list at `list`, still without a proof.
    pub fn to_credential(
        &self,
        list: &str,
        issuer: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Value<'static> {
        Object::from([
            ("@context", Value::from(vec![CREDENTIALS_V2])),
            ("id", list.to_owned().into()),
            ("type", vec!["VerifiableCredential", Self::TYPE].into()),
            ("issuer", issuer.to_owned().into()),
            ("validFrom", from.to_string().into()),
            ("validUntil", until.to_string().into()),
            ("credentialSubject", self.to_subject(list).into()),
        ])
        .into()
    }
}
