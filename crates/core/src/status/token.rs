//! Token Status List (draft-ietf-oauth-status-list): one value per token, compressed, in a JWT.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use super::{LARGEST_LIST_BYTES, StatusBits, StatusListError, decimal_index, integer, unfold};
use crate::Malformed;
use crate::encoding::{decode_base64url, encode_base64url};
use crate::json::{MAX_SAFE_INTEGER, Number, Object, Value};
use crate::time::Timestamp;
use crate::vc::is_url;

/// The status of one token, 0 to 255 (Token Status List, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenStatus(u8);

impl TokenStatus {
    /// Nothing is said against it.
    pub const VALID: Self = Self(0);
    /// Ended for good.
    pub const INVALID: Self = Self(1);
    /// Not valid for now.
    pub const SUSPENDED: Self = Self(2);

    /// The status with this value.
    pub fn new(value: u8) -> Self {
        Self(value)
    }

    /// The value.
    pub fn value(self) -> u8 {
        self.0
    }

    /// Whether the meaning is an application's own. What is neither this nor one of the constants
    /// is reserved.
    pub fn is_application_specific(self) -> bool {
        matches!(self.0, 0x03 | 0x0c..=0x0f)
    }
}

impl fmt::Display for TokenStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::VALID => f.write_str("valid"),
            Self::INVALID => f.write_str("invalid"),
            Self::SUSPENDED => f.write_str("suspended"),
            other if other.is_application_specific() => {
                write!(f, "application specific ({:#04x})", other.0)
            }
            other => write!(f, "reserved ({:#04x})", other.0),
        }
    }
}

/// The values of a list, decompressed (Token Status List, 4.1). Index 0 is in the least
/// significant bits of the first byte.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenStatusBits {
    /// Bits of an entry: 1, 2, 4 or 8.
    size: usize,
    bytes: Vec<u8>,
}

/// What is read, in errors.
const LST: &str = "lst";

impl TokenStatusBits {
    /// A list of `entries` valid tokens, rounded up to whole bytes; `size` is 1, 2, 4 or 8 bits an
    /// entry. Fails where nobody would read so long a list.
    pub fn new(entries: usize, size: usize) -> Result<Self, StatusListError> {
        check_size(size)?;
        let length = entries.div_ceil(8 / size);
        if length > LARGEST_LIST_BYTES {
            return Err(StatusListError::TooLarge { limit: LARGEST_LIST_BYTES });
        }
        Ok(Self { size, bytes: vec![0; length] })
    }

    /// The same state as bitstring lists: what is revoked is invalid, and what is else suspended
    /// is suspended. Two bits an entry, and as many entries as the longer list has.
    pub fn project(
        revoked: &StatusBits,
        suspended: Option<&StatusBits>,
    ) -> Result<Self, StatusListError> {
        let entries = suspended.map_or(0, StatusBits::entries).max(revoked.entries());
        let mut list = Self::new(entries, 2)?;
        for index in suspended.into_iter().flat_map(StatusBits::set_indexes) {
            list.set(index, TokenStatus::SUSPENDED)?;
        }
        // Later, so that what is both is invalid.
        for index in revoked.set_indexes() {
            list.set(index, TokenStatus::INVALID)?;
        }
        Ok(list)
    }

    /// Decodes `lst`: base64url, ZLIB (Token Status List, 4.2); `size` is the list's `bits`. Stops
    /// at [`LARGEST_LIST_BYTES`]; nothing may follow the ZLIB stream.
    pub fn decode(encoded: &str, size: usize) -> Result<Self, StatusListError> {
        check_size(size)?;
        let compressed = decode_base64url(encoded).map_err(|error| error.within(LST, ""))?;
        Self::from_zlib(&compressed, size)
    }

    /// Decodes the ZLIB stream alone, as it stands in a CWT (Token Status List, 4.3).
    pub fn from_zlib(compressed: &[u8], size: usize) -> Result<Self, StatusListError> {
        check_size(size)?;
        let mut decoder = flate2::bufread::ZlibDecoder::new(compressed);
        let bytes = unfold(&mut decoder, || Malformed::new(LST, "not a whole ZLIB stream"))?;
        if !decoder.into_inner().is_empty() {
            return Err(Malformed::new(LST, "something follows the ZLIB stream").into());
        }
        Ok(Self { size, bytes })
    }

    /// Encodes as `lst`. The same values give the same text.
    pub fn encode(&self) -> String {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        // Writing into a vector can't fail.
        let compressed =
            encoder.write_all(&self.bytes).and_then(|()| encoder.finish()).unwrap_or_default();
        encode_base64url(&compressed)
    }

    /// Bits of an entry: 1, 2, 4 or 8.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.bytes.len() * self.per_byte()
    }

    /// The entry at `index`.
    pub fn get(&self, index: usize) -> Result<TokenStatus, StatusListError> {
        let (at, shift) = self.place(index)?;
        Ok(TokenStatus((self.bytes[at] >> shift) & self.mask()))
    }

    /// Sets the entry at `index`; the status has to fit into the list's bits.
    pub fn set(&mut self, index: usize, status: TokenStatus) -> Result<(), StatusListError> {
        let (at, shift) = self.place(index)?;
        let mask = self.mask();
        if status.0 > mask {
            return Err(Malformed::new("status value", "does not fit into so many bits").into());
        }
        let byte = &mut self.bytes[at];
        *byte = (*byte & !(mask << shift)) | (status.0 << shift);
        Ok(())
    }

    /// All entries that are not valid, with their indexes.
    pub fn set_entries(&self) -> impl Iterator<Item = (usize, TokenStatus)> {
        let (size, per_byte, mask) = (self.size, self.per_byte(), self.mask());
        let bytes = self.bytes.iter().copied().enumerate().filter(|(_, byte)| *byte != 0);
        let entries = bytes.flat_map(move |(at, byte)| {
            (0..per_byte).map(move |place| {
                let status = TokenStatus((byte >> (place * size)) & mask);
                (at * per_byte + place, status)
            })
        });
        entries.filter(|(_, status)| *status != TokenStatus::VALID)
    }

    fn per_byte(&self) -> usize {
        8 / self.size
    }

    /// As many ones as an entry has bits.
    fn mask(&self) -> u8 {
        u8::MAX >> (8 - self.size)
    }

    /// The byte that holds an entry, and how far up in it.
    fn place(&self, index: usize) -> Result<(usize, usize), StatusListError> {
        let entries = self.entries();
        if index >= entries {
            return Err(StatusListError::OutOfRange { index, entries });
        }
        Ok((index / self.per_byte(), index % self.per_byte() * self.size))
    }
}

impl fmt::Debug for TokenStatusBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenStatusBits({} entries of {} bits)", self.entries(), self.size)
    }
}

/// An entry never crosses a byte (Token Status List, 4.1).
fn check_size(size: usize) -> Result<(), Malformed> {
    match size {
        1 | 2 | 4 | 8 => Ok(()),
        _ => Err(Malformed::new("bits", "expected 1, 2, 4 or 8")),
    }
}

/// Where the status of a token is published (Token Status List, 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStatusReference {
    /// The place in the list.
    pub index: usize,
    /// The URI of the list's token.
    pub uri: String,
}

impl TokenStatusReference {
    /// The value of `type` where the reference stands in a `credentialStatus`, a form of this
    /// project's own.
    pub const TYPE: &'static str = "TokenStatusListEntry";

    /// Reads a `status` claim, `{"status_list": {"idx": 0, "uri": "https://…"}}` (Token Status
    /// List, 6.2). `None` where it names other mechanisms alone. Those that are named beside
    /// are left out; see [`Self::entries_from_claim`].
    pub fn from_claim(status: &Value<'_>) -> Result<Option<Self>, Malformed> {
        const WHAT: &str = "status claim";
        let Some(status) = status.as_object().filter(|status| !status.is_empty()) else {
            return Err(Malformed::new(WHAT, "expected an object with one mechanism or more"));
        };
        let Some(list) = status.get("status_list") else { return Ok(None) };
        let Some(list) = list.as_object() else {
            return Err(Malformed::at(WHAT, "/status_list", "expected an object"));
        };
        let index = list.get("idx").and_then(Value::as_integer);
        let index = index.and_then(|index| usize::try_from(index).ok()).ok_or_else(|| {
            Malformed::at(WHAT, "/status_list/idx", "expected a whole number, not below 0")
        })?;
        let uri = list
            .str("uri")
            .filter(|uri| is_url(uri))
            .ok_or_else(|| Malformed::at(WHAT, "/status_list/uri", "expected a URI"))?;
        Ok(Some(Self { index, uri: uri.to_owned() }))
    }

    /// The entries of a `credentialStatus` that say the same as a `status` claim, one for each
    /// mechanism. One that is not known becomes an entry of a type that is not known, never none.
    pub fn entries_from_claim(status: &Value<'_>) -> Result<Vec<Object<'static>>, Malformed> {
        let known = Self::from_claim(status)?;
        let names = status.as_object().into_iter().flat_map(Object::iter).map(|(name, _)| name);
        let unknown = names
            .filter(|name| *name != "status_list")
            .map(|name| Object::from([("type", name.to_owned())]));
        Ok(known.iter().map(Self::to_object).chain(unknown).collect())
    }

    /// The `status` claim that says this.
    pub fn to_claim(&self) -> Object<'static> {
        let list = Object::from([("idx", integer(self.index)), ("uri", self.uri.clone().into())]);
        Object::from([("status_list", list)])
    }

    /// Reads an entry of a `credentialStatus`; the index is a string there, as in a
    /// `BitstringStatusListEntry`.
    pub fn from_object(entry: &Object<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "status entry";
        let index = entry.str("statusListIndex").and_then(decimal_index).ok_or_else(|| {
            Malformed::at(WHAT, "/statusListIndex", "expected a whole number as a string")
        })?;
        let uri = entry
            .str("statusListCredential")
            .filter(|uri| is_url(uri))
            .ok_or_else(|| Malformed::at(WHAT, "/statusListCredential", "expected a URL"))?;
        Ok(Self { index, uri: uri.to_owned() })
    }

    /// The entry as it stands in a `credentialStatus`.
    pub fn to_object(&self) -> Object<'static> {
        Object::from([
            ("id", Value::from(format!("{}#{}", self.uri, self.index))),
            ("type", Self::TYPE.into()),
            ("statusListIndex", self.index.to_string().into()),
            ("statusListCredential", self.uri.clone().into()),
        ])
    }
}

/// The payload of a `statuslist+jwt` (Token Status List, 5.1), unverified. Other claims of the
/// JWT are not looked at here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStatusListClaims {
    /// `sub`: the URI under which the list is published.
    pub uri: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`: from then on it may not be relied on.
    pub expires: Option<Timestamp>,
    /// How long a copy may be used; whole seconds.
    pub ttl: Option<Duration>,
    /// Where all lists of the issuer are listed.
    pub aggregation_uri: Option<String>,
    /// The values.
    pub bits: TokenStatusBits,
}

impl TokenStatusListClaims {
    /// Reads a payload. Numbers are whole numbers, and a claim of the wrong type is an error,
    /// never as good as absent.
    pub fn from_payload(payload: &Object<'_>) -> Result<Self, StatusListError> {
        let uri = payload
            .str("sub")
            .filter(|uri| is_url(uri))
            .ok_or_else(|| malformed("/sub", "expected a URI"))?;
        let date = |name: &str| match payload.get(name) {
            None => Ok(None),
            Some(value) => match value.as_integer() {
                Some(seconds) => Ok(Some(Timestamp::from_unix_clamped(seconds))),
                None => Err(malformed(&format!("/{name}"), "expected whole seconds since 1970")),
            },
        };
        let issued_at = date("iat")?.ok_or_else(|| malformed("/iat", "is missing"))?;
        let expires = date("exp")?;
        let ttl = match payload.get("ttl") {
            None => None,
            Some(ttl) => match ttl.as_integer().map(u64::try_from) {
                Some(Ok(seconds)) if seconds > 0 => Some(Duration::from_secs(seconds)),
                _ => return Err(malformed("/ttl", "expected a number of seconds over 0").into()),
            },
        };
        let list = payload
            .get("status_list")
            .and_then(Value::as_object)
            .ok_or_else(|| malformed("/status_list", "expected an object"))?;
        let aggregation_uri = match list.get("aggregation_uri") {
            None => None,
            Some(Value::String(uri)) if is_url(uri) => Some(uri.to_string()),
            Some(_) => {
                return Err(malformed("/status_list/aggregation_uri", "expected a URI").into());
            }
        };
        let size = list.get("bits").and_then(Value::as_integer);
        let size = size
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| malformed("/status_list/bits", "expected 1, 2, 4 or 8"))?;
        let encoded =
            list.str("lst").ok_or_else(|| malformed("/status_list/lst", "expected a string"))?;
        let bits = TokenStatusBits::decode(encoded, size)?;
        Ok(Self { uri: uri.to_owned(), issued_at, expires, ttl, aggregation_uri, bits })
    }

    /// The payload that says this.
    pub fn to_payload(&self) -> Object<'static> {
        let mut list =
            Object::from([("bits", integer(self.bits.size())), ("lst", self.bits.encode().into())]);
        if let Some(uri) = &self.aggregation_uri {
            list.insert("aggregation_uri", uri.clone());
        }
        let mut payload = Object::from([
            ("sub", Value::from(self.uri.clone())),
            ("iat", Value::Number(Number::Integer(self.issued_at.unix()))),
            ("status_list", list.into()),
        ]);
        if let Some(expires) = self.expires {
            payload.insert("exp", Value::Number(Number::Integer(expires.unix())));
        }
        if let Some(ttl) = self.ttl {
            let seconds = i64::try_from(ttl.as_secs()).unwrap_or(MAX_SAFE_INTEGER);
            // Zero is not allowed: less than a second counts as one.
            let seconds = seconds.clamp(1, MAX_SAFE_INTEGER);
            payload.insert("ttl", Value::Number(Number::Integer(seconds)));
        }
        payload
    }
}

fn malformed(pointer: &str, detail: &str) -> Malformed {
    Malformed::at("status list token", pointer, detail)
}
