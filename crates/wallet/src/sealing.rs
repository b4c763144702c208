//! A wallet at rest: XChaCha20-Poly1305 under a key that Argon2id (RFC 9106) makes of a passphrase.
//!
//! The first line is the header, canonical JSON: version, algorithms, cost, salt, and a check by
//! which a wrong passphrase is told from a damaged file. Then come the nonce, what is sealed, and
//! the tag, which vouches for the header as well.
//!
//! The nonce is the HMAC-SHA-256 of the content under a key of its own (as in RFC 5297), so that it
//! is another one for whatever else is written: even after a folder was restored from a copy, and
//! without randomness, which nobody has to hand in for each write.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_proof::data_integrity::Random;
use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::content::MOST_CONTENT;
use crate::error::SealError;

/// The shortest passphrase with which something new is sealed, in characters.
pub const SHORTEST_PASSPHRASE: usize = 8;

/// The longest passphrase, in bytes.
pub const LONGEST_PASSPHRASE: usize = 1024;

const FORMAT: &str = "bonafide-wallet";
const VERSION: u32 = 1;
const KDF: &str = "argon2id";
const AEAD: &str = "xchacha20poly1305";

const SALT: usize = 16;
const NONCE: usize = 24;
const TAG: usize = 16;
/// The longest header, with its line end.
const LONGEST_HEADER: usize = 512;

/// No sealed wallet is longer, in bytes.
pub(crate) const LONGEST_SEALED: usize = LONGEST_HEADER + NONCE + MOST_CONTENT + TAG;

/// A passphrase, taken as it is, character for character; wiped when dropped.
///
/// It has no `Debug`, and can't be cloned or serialized:
///
/// ```compile_fail
/// fn print(passphrase: &bonafide_wallet::Passphrase) -> String { format!("{passphrase:?}") }
/// ```
///
/// ```compile_fail
/// use bonafide_wallet::Passphrase;
/// fn copy(passphrase: &Passphrase) -> Passphrase { passphrase.clone() }
/// ```
///
/// ```compile_fail
/// use bonafide_wallet::Passphrase;
/// fn write(passphrase: &Passphrase) -> String { serde_json::to_string(passphrase).unwrap() }
/// ```
pub struct Passphrase(Zeroizing<String>);

impl ZeroizeOnDrop for Passphrase {}

impl Passphrase {
    /// A copy of a text. Whoever asked for the text had better use [`From`], which makes none.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl From<Zeroizing<String>> for Passphrase {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

/// How much work a passphrase takes, for us and for whoever guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB; at least eight a lane.
    pub memory_kib: u32,
    /// How often all of it is passed over.
    pub passes: u32,
    /// Lanes, which are worked on one after the other here.
    pub lanes: u32,
}

impl Cost {
    /// What new passphrases should cost: a few tenths of a second and 64 MiB.
    pub const DEFAULT: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };

    /// The most that is spent (1 GiB): else whoever can write the file could have any amount of
    /// memory asked for.
    pub const MOST: Self = Self { memory_kib: 1 << 20, passes: 16, lanes: 16 };

    /// The least that Argon2 knows. For tests: it holds off nobody who guesses.
    pub const LEAST: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };

    fn check(self) -> Result<Self, SealError> {
        let within =
            |part: fn(Self) -> u32| (part(Self::LEAST)..=part(Self::MOST)).contains(&part(self));
        let allowed = within(|cost| cost.memory_kib)
            && within(|cost| cost.passes)
            && within(|cost| cost.lanes)
            && self.memory_kib >= 8 * self.lanes;
        if allowed { Ok(self) } else { Err(SealError::CostRefused) }
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The three keys that follow from a passphrase, in a box: moving it leaves no copies.
struct Keys(Box<Zeroizing<[u8; 96]>>);

impl Keys {
    fn derive(passphrase: &Passphrase, cost: Cost, salt: &[u8; SALT]) -> Result<Self, SealError> {
        if passphrase.0.len() > LONGEST_PASSPHRASE {
            return Err(SealError::PassphraseLong);
        }
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(96))
            .map_err(|_| SealError::CostRefused)?;
        // Allocated here, so that too little memory is an error and what was in it is wiped.
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(params.block_count()).map_err(|_| SealError::NoMemory)?;
        memory.resize(params.block_count(), Block::new());
        let mut keys = Self(Box::new(Zeroizing::new([0; 96])));
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                passphrase.0.as_bytes(),
                salt,
                &mut keys.0[..],
                &mut memory[..],
            )
            .map_err(|_| SealError::CostRefused)?;
        Ok(keys)
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, SealError> {
        XChaCha20Poly1305::new_from_slice(&self.0[..32]).map_err(|_| SealError::CostRefused)
    }

    fn nonce(&self, content: &[u8]) -> Result<[u8; NONCE], SealError> {
        let mac = hmac(&self.0[32..64], content)?.finalize().into_bytes();
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&mac[..NONCE]);
        Ok(nonce)
    }

    fn check(&self, header: &Header) -> Result<Hmac<Sha256>, SealError> {
        hmac(&self.0[64..], to_canonical_string(&header.unchecked().into()).as_bytes())
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Result<Hmac<Sha256>, SealError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SealError::CostRefused)?;
    mac.update(message);
    Ok(mac)
}

/// What stands in the clear.
struct Header {
    cost: Cost,
    salt: [u8; SALT],
    check: [u8; 32],
}

impl Header {
    /// Reads exactly what [`to_line`](Self::to_line) wrote, and gives what comes after it. Refuses a
    /// cost outside of what is allowed, before any of it is spent.
    fn read(sealed: &[u8]) -> Result<(Self, &[u8]), SealError> {
        let end = sealed.iter().take(LONGEST_HEADER).position(|byte| *byte == b'\n');
        let (line, rest) = sealed.split_at(end.ok_or(SealError::Header)?);
        let value =
            parse(line, &Limits::for_size(LONGEST_HEADER)).map_err(|_| SealError::Header)?;
        let object = value.as_object().ok_or(SealError::Header)?;
        if object.str("format") != Some(FORMAT) {
            return Err(SealError::Header);
        }
        match object.get("version").and_then(Value::as_integer) {
            Some(version) if version == i64::from(VERSION) => {}
            Some(version) => return Err(SealError::Version(version)),
            None => return Err(SealError::Header),
        }
        let header = Self::from_object(object).ok_or(SealError::Header)?;
        // One spelling, so that nothing in it can be other than it was.
        let rest = match header.to_line().as_bytes().split_last() {
            Some((_, written)) if written == line => &rest[1..],
            _ => return Err(SealError::Header),
        };
        header.cost.check()?;
        Ok((header, rest))
    }

    fn from_object(object: &Object<'_>) -> Option<Self> {
        let number = |name| u32::try_from(object.get(name)?.as_integer()?).ok();
        let bytes = |name| decode_base64url(object.str(name)?).ok();
        let cost = Cost {
            memory_kib: number("memoryKiB")?,
            passes: number("passes")?,
            lanes: number("lanes")?,
        };
        let (salt, check) = (bytes("salt")?, bytes("check")?);
        Some(Self { cost, salt: salt.try_into().ok()?, check: check.try_into().ok()? })
    }

    fn to_line(&self) -> String {
        let mut object = self.unchecked();
        object.insert("check", encode_base64url(&self.check));
        format!("{}\n", to_canonical_string(&object.into()))
    }

    fn unchecked(&self) -> Object<'static> {
        Object::from([
            ("aead", Value::from(AEAD)),
            ("format", FORMAT.into()),
            ("kdf", KDF.into()),
            ("lanes", self.cost.lanes.into()),
            ("memoryKiB", self.cost.memory_kib.into()),
            ("passes", self.cost.passes.into()),
            ("salt", encode_base64url(&self.salt).into()),
            ("version", VERSION.into()),
        ])
    }
}

/// A header and the keys that belong to it. Had once, when a wallet is made or opened.
pub(crate) struct Sealing {
    line: String,
    keys: Keys,
}

impl Sealing {
    /// For something new.
    pub(crate) fn create(
        passphrase: &Passphrase,
        cost: Cost,
        random: &mut Random<'_>,
    ) -> Result<Self, SealError> {
        let mut salt = [0; SALT];
        random(&mut salt).map_err(SealError::Random)?;
        if passphrase.0.chars().count() < SHORTEST_PASSPHRASE {
            return Err(SealError::PassphraseShort);
        }
        let keys = Keys::derive(passphrase, cost.check()?, &salt)?;
        let mut header = Header { cost, salt, check: [0; 32] };
        header.check = keys.check(&header)?.finalize().into_bytes().into();
        Ok(Self { line: header.to_line(), keys })
    }

    /// For something sealed. Takes as long as the [`Cost`] in its header says.
    pub(crate) fn of(sealed: &[u8], passphrase: &Passphrase) -> Result<Self, SealError> {
        let (header, _) = Header::read(sealed)?;
        let keys = Keys::derive(passphrase, header.cost, &header.salt)?;
        // In constant time.
        keys.check(&header)?.verify_slice(&header.check).map_err(|_| SealError::WrongPassphrase)?;
        Ok(Self { line: header.to_line(), keys })
    }

    pub(crate) fn seal(&self, content: &[u8]) -> Result<Vec<u8>, SealError> {
        if content.len() > MOST_CONTENT {
            return Err(SealError::TooLong);
        }
        let (line, nonce) = (self.line.as_bytes(), self.keys.nonce(content)?);
        let begin = line.len() + NONCE;
        // Room for all of it at once; what is not sealed yet is wiped if something fails.
        let mut sealed = Zeroizing::new(Vec::with_capacity(begin + content.len() + TAG));
        sealed.extend_from_slice(line);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(content);
        let encrypted = (&mut sealed[begin..]).into();
        let tag = self.keys.cipher()?.encrypt_inout_detached(&XNonce::from(nonce), line, encrypted);
        sealed.extend_from_slice(&tag.map_err(|_| SealError::TooLong)?);
        Ok(std::mem::take(&mut *sealed))
    }

    pub(crate) fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let line = self.line.as_bytes();
        let body = sealed.strip_prefix(line).ok_or(SealError::Changed)?;
        let (nonce, rest) = body.split_first_chunk::<NONCE>().ok_or(SealError::Changed)?;
        let (encrypted, tag) = rest.split_last_chunk::<TAG>().ok_or(SealError::Changed)?;
        let mut content = Zeroizing::new(encrypted.to_vec());
        let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
        self.keys
            .cipher()?
            .decrypt_inout_detached(&nonce, line, content.as_mut_slice().into(), &tag)
            .map_err(|_| SealError::Changed)?;
        Ok(content)
    }
}

#[cfg(test)]
mod tests;
