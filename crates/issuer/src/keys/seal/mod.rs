//! Secrets at rest: sealed with XChaCha20-Poly1305 under one key of 32 bytes.
//!
//! The key is drawn at random and lies in a file of its own, or it follows from a passphrase, of
//! which a file holds what it takes to find it again ([`PassphraseSeal`]). Either way it is had
//! once, when a store is opened; what is sealed knows nothing of passphrases.

mod file;
mod passphrase;

use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_proof::SignError;
use bonafide_proof::data_integrity::Random;
use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use zeroize::{ZeroizeOnDrop, Zeroizing};

pub use file::{
    FileError, create_key_file, create_passphrase_file, read_key_file, read_passphrase_file,
};
pub use passphrase::{Cost, LONGEST_PASSPHRASE, PassphraseSeal, SHORTEST_PASSPHRASE};

use super::AnyKey;

/// How a sealed text begins: what it is, and the version of all that follows, the cipher included.
const SEALED: &str = "bonafide-sealed-1.";

/// How the text of a sealing key begins.
const KEY: &str = "bonafide-sealing-key-1.";

/// The longest secret that is sealed, in bytes.
pub const LONGEST_SECRET: usize = 64 << 10;

/// The longest sealed text, in bytes.
const LONGEST_SEALED: usize = SEALED.len() + (NONCE + LONGEST_SECRET + TAG).div_ceil(3) * 4;

const NONCE: usize = 24;
const TAG: usize = 16;

/// Why nothing was sealed or opened. Says nothing of what is sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Another key or passphrase, another use, or a text that is not what was written.
    #[error("does not open: the key or passphrase is another one, or something was changed")]
    Refused,
    /// A passphrase that costs more than is spent, or less than it must.
    #[error("the cost of the passphrase lies outside of what is allowed")]
    CostRefused,
    /// The passphrase is too short or too long.
    #[error("a passphrase has {SHORTEST_PASSPHRASE} to {LONGEST_PASSPHRASE} bytes")]
    PassphraseRefused,
    /// There is no memory for the work that the passphrase costs.
    #[error("not enough memory for the passphrase")]
    NoMemory,
    /// More than [`LONGEST_SECRET`].
    #[error("more than {LONGEST_SECRET} bytes to seal")]
    TooLong,
    /// The source of randomness failed.
    #[error("{}", .0.0)]
    Random(SignError),
}

/// The key that seals all others, wiped when dropped.
///
/// It has no `Debug` and can't be cloned or serialized:
///
/// ```compile_fail
/// fn print(key: &bonafide_issuer::keys::seal::SealingKey) -> String { format!("{key:?}") }
/// ```
///
/// ```compile_fail
/// use bonafide_issuer::keys::seal::SealingKey;
/// fn copy(key: &SealingKey) -> SealingKey { key.clone() }
/// ```
///
/// ```compile_fail
/// use bonafide_issuer::keys::seal::SealingKey;
/// fn write(key: &SealingKey) -> String { serde_json::to_string(key).unwrap() }
/// ```
// In a box, so that moving it leaves no copies.
pub struct SealingKey(Box<Zeroizing<[u8; 32]>>);

impl ZeroizeOnDrop for SealingKey {}

impl SealingKey {
    /// A new key.
    pub fn generate(random: &mut Random<'_>) -> Result<Self, SealError> {
        let mut key = Self::zero();
        random(&mut key.0[..]).map_err(SealError::Random)?;
        // No source draws this but a broken one.
        if key.0.iter().all(|byte| *byte == 0) {
            let message = "the source of randomness is not random".to_owned();
            return Err(SealError::Random(SignError(message)));
        }
        Ok(key)
    }

    /// Reads what [`to_text`](Self::to_text) wrote; the line may lack its end.
    pub fn from_text(text: &str) -> Result<Self, SealError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let body = text.strip_prefix(KEY).filter(|body| body.len() == 43);
        let bytes = decode_base64url(body.ok_or(SealError::Refused)?);
        Self::from_slice(&Zeroizing::new(bytes.map_err(|_| SealError::Refused)?))
    }

    /// One line. Whoever has this text has every key.
    pub fn to_text(&self) -> Zeroizing<String> {
        let body = Zeroizing::new(encode_base64url(&self.0[..]));
        // Room for all of it at once: a text that moves would leave a copy of the secret.
        let mut text = Zeroizing::new(String::with_capacity(KEY.len() + body.len() + 1));
        for part in [KEY, body.as_str(), "\n"] {
            text.push_str(part);
        }
        text
    }

    fn from_slice(bytes: &[u8]) -> Result<Self, SealError> {
        let mut key = Self::zero();
        if bytes.len() != key.0.len() {
            return Err(SealError::Refused);
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    fn zero() -> Self {
        Self(Box::new(Zeroizing::new([0; 32])))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&**self.0).into())
    }
}

/// Seals a secret; gives one line of ASCII, without its end: `bonafide-sealed-1.`, and in base64url
/// the nonce, the encrypted secret and the tag.
///
/// `associated` says what the secret is for, such as its id and purpose, in a form in which no two
/// uses are the same bytes. It is not in the text; what was sealed for one use does not open for
/// another.
pub fn seal(
    key: &SealingKey,
    secret: &[u8],
    associated: &[u8],
    random: &mut Random<'_>,
) -> Result<String, SealError> {
    // At random and 192 bits long, so that nobody has to remember which were used.
    let mut nonce = [0; NONCE];
    random(&mut nonce).map_err(SealError::Random)?;
    seal_with_nonce(key, secret, associated, &nonce)
}

fn seal_with_nonce(
    key: &SealingKey,
    secret: &[u8],
    associated: &[u8],
    nonce: &[u8; NONCE],
) -> Result<String, SealError> {
    if secret.len() > LONGEST_SECRET {
        return Err(SealError::TooLong);
    }
    let mut sealed = Zeroizing::new(Vec::with_capacity(NONCE + secret.len() + TAG));
    sealed.extend_from_slice(nonce);
    sealed.extend_from_slice(secret);
    let bound = bound(nonce, associated);
    let encrypted = (&mut sealed[NONCE..]).into();
    let tag = key.cipher().encrypt_inout_detached(&XNonce::from(*nonce), &bound, encrypted);
    sealed.extend_from_slice(&tag.map_err(|_| SealError::TooLong)?);
    Ok(format!("{SEALED}{}", encode_base64url(&sealed)))
}

/// Opens what was sealed with this key for this use.
pub fn open(
    key: &SealingKey,
    sealed: &str,
    associated: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    if sealed.len() > LONGEST_SEALED {
        return Err(SealError::Refused);
    }
    let body = sealed.strip_prefix(SEALED).ok_or(SealError::Refused)?;
    let sealed = decode_base64url(body).map_err(|_| SealError::Refused)?;
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Refused)?;
    let (encrypted, tag) = rest.split_last_chunk::<TAG>().ok_or(SealError::Refused)?;
    let mut secret = Zeroizing::new(encrypted.to_vec());
    let (bound, tag) = (bound(nonce, associated), Tag::from(*tag));
    key.cipher()
        .decrypt_inout_detached(&XNonce::from(*nonce), &bound, secret.as_mut_slice().into(), &tag)
        .map_err(|_| SealError::Refused)?;
    Ok(secret)
}

/// What the tag vouches for besides the secret: everything else in the text, and the use.
fn bound(nonce: &[u8; NONCE], associated: &[u8]) -> Vec<u8> {
    [SEALED.as_bytes(), nonce, associated].concat()
}

/// Seals a signing key (see [`seal`]).
pub fn seal_key(
    sealing: &SealingKey,
    key: &AnyKey,
    associated: &[u8],
    random: &mut Random<'_>,
) -> Result<String, SealError> {
    seal(sealing, key.to_multikey().as_bytes(), associated, random)
}

/// Opens a signing key that was sealed for this use.
pub fn open_key(
    sealing: &SealingKey,
    sealed: &str,
    associated: &[u8],
) -> Result<AnyKey, SealError> {
    let secret = open(sealing, sealed, associated)?;
    let text = std::str::from_utf8(&secret).map_err(|_| SealError::Refused)?;
    AnyKey::from_multikey(text).map_err(|_| SealError::Refused)
}

#[cfg(test)]
mod tests;
