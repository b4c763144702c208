//! Signing keys. They are never printed and never serialized except by [`SecretKey::to_multikey`].

use bonafide_core::Malformed;
use bonafide_core::encoding::{decode_base58btc, encode_base58btc};
use bonafide_core::key::{KeyType, PublicKey};
use p256::ecdsa::signature::Signer as _;
use zeroize::Zeroizing;

/// Something that signs: a key in memory, in another process, in a token, in a KMS.
pub trait Signer {
    /// The public key that its signatures verify with.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` with the one algorithm of the key's type (see
    /// [`ALGORITHMS`](crate::algorithm::ALGORITHMS)); ECDSA in P1363 form.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Signs several messages under a header, so that some can later be disclosed without the
    /// others (BBS, BLS12-381-SHA-256). Other keys can't.
    fn sign_messages(&self, _header: &[u8], _messages: &[Vec<u8>]) -> Result<Vec<u8>, SignError> {
        Err(SignError(format!("{} keys do not sign with BBS", self.public_key().key_type())))
    }
}

/// A signer that did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signer did not sign: {0}")]
pub struct SignError(pub String);

/// A signing key in memory, wiped when dropped.
///
/// It has no `Debug` and can't be cloned or serialized:
///
/// ```compile_fail
/// fn print(key: &bonafide_proof::SecretKey) -> String { format!("{key:?}") }
/// ```
///
/// ```compile_fail
/// fn copy(key: &bonafide_proof::SecretKey) -> bonafide_proof::SecretKey { key.clone() }
/// ```
pub struct SecretKey {
    public: PublicKey,
    secret: Secret,
}

// Each of these wipes itself when dropped.
enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

/// Multicodec prefixes of secret keys, as varint bytes.
const SECRET_MULTICODECS: [(KeyType, [u8; 2]); 3] = [
    (KeyType::Ed25519, [0x80, 0x26]),
    (KeyType::P256, [0x86, 0x26]),
    (KeyType::P384, [0x87, 0x26]),
];

impl SecretKey {
    /// How many bytes a secret of this type has; `None` for types that do not sign here.
    pub fn length(key_type: KeyType) -> Option<usize> {
        match key_type {
            KeyType::Ed25519 | KeyType::P256 => Some(32),
            KeyType::P384 => Some(48),
            KeyType::X25519 | KeyType::Bls12381G2 => None,
        }
    }

    /// A key from its secret bytes: an Ed25519 seed, or an ECDSA scalar from 1 to n - 1. Random
    /// bytes that are no such scalar are refused; draw again.
    pub fn from_bytes(key_type: KeyType, bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = || Malformed::new("secret key", format!("not a secret of {key_type}"));
        let (secret, public) = match key_type {
            KeyType::Ed25519 => {
                let seed = Zeroizing::new(<[u8; 32]>::try_from(bytes).map_err(|_| malformed())?);
                let key = Box::new(ed25519_dalek::SigningKey::from_bytes(&seed));
                let public = key.verifying_key().to_bytes().to_vec();
                (Secret::Ed25519(key), public)
            }
            KeyType::P256 => {
                let key = p256::ecdsa::SigningKey::from_slice(bytes).map_err(|_| malformed())?;
                let public = key.verifying_key().to_sec1_point(true).as_bytes().to_vec();
                (Secret::P256(key), public)
            }
            KeyType::P384 => {
                let key = p384::ecdsa::SigningKey::from_slice(bytes).map_err(|_| malformed())?;
                let public = key.verifying_key().to_sec1_point(true).as_bytes().to_vec();
                (Secret::P384(key), public)
            }
            KeyType::X25519 | KeyType::Bls12381G2 => return Err(malformed()),
        };
        Ok(Self { public: PublicKey::from_bytes(key_type, &public)?, secret })
    }

    /// Reads the Multikey form of a secret key, `z…` (Controlled Identifiers 1.0, 2.2.2).
    pub fn from_multikey(text: &str) -> Result<Self, Malformed> {
        let bytes = Zeroizing::new(decode_base58btc(text, 80)?);
        let known = bytes.split_first_chunk::<2>().and_then(|(prefix, secret)| {
            let known = SECRET_MULTICODECS.iter().find(|(_, multicodec)| multicodec == prefix)?;
            Some((known.0, secret))
        });
        match known {
            Some((key_type, secret)) => Self::from_bytes(key_type, secret),
            None => Err(Malformed::new("secret key", "not a secret Multikey known here")),
        }
    }

    /// The Multikey form of the secret key. Whoever has this text has the key.
    pub fn to_multikey(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(match &self.secret {
            Secret::Ed25519(key) => key.to_bytes().to_vec(),
            Secret::P256(key) => key.to_bytes().to_vec(),
            Secret::P384(key) => key.to_bytes().to_vec(),
        });
        let key_type = self.public.key_type();
        let prefix = SECRET_MULTICODECS.iter().find(|(known, _)| *known == key_type);
        let prefix = prefix.map_or([0, 0], |(_, prefix)| *prefix);
        let bytes = Zeroizing::new([&prefix[..], &secret].concat());
        Zeroizing::new(encode_base58btc(&bytes))
    }
}

impl Signer for SecretKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Deterministic: RFC 8032, or RFC 6979 for ECDSA.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(match &self.secret {
            Secret::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Secret::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        })
    }
}
