//! Signing keys of every kind, the DID URLs under which they sign, and how they are kept
//! ([`seal`]).

pub mod seal;

use bonafide_core::Malformed;
use bonafide_core::did::{DidUrl, did_jwk, did_key};
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_linked_data::bbs;
use bonafide_proof::data_integrity::Random;
use bonafide_proof::{SecretKey, SignError, Signer};
use zeroize::Zeroizing;

/// A secret key of any kind that signs here, wiped when dropped.
///
/// It has no `Debug` and can't be cloned or serialized:
///
/// ```compile_fail
/// fn print(key: &bonafide_issuer::keys::AnyKey) -> String { format!("{key:?}") }
/// ```
///
/// ```compile_fail
/// fn copy(key: &bonafide_issuer::keys::AnyKey) -> bonafide_issuer::keys::AnyKey { key.clone() }
/// ```
///
/// ```compile_fail
/// fn write(key: &bonafide_issuer::keys::AnyKey) -> String { serde_json::to_string(key).unwrap() }
/// ```
pub enum AnyKey {
    /// Ed25519, P-256, P-384.
    Plain(SecretKey),
    /// BLS12-381, which signs with bbs-2023 alone.
    Bbs(bbs::SecretKey),
}

/// Why no key was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// Keys of this type do not sign.
    #[error("{0} keys do not sign")]
    DoesNotSign(KeyType),
    /// The source of randomness failed.
    #[error("{}", .0.0)]
    Random(SignError),
    /// Draw after draw was no key: the source is not random.
    #[error("the source of randomness is not random")]
    NotRandom,
}

/// One draw in 2^32 is no scalar of P-256. So many in a row never happen.
const MOST_DRAWS: usize = 8;

impl AnyKey {
    /// A new key of this type.
    pub fn generate(key_type: KeyType, random: &mut Random<'_>) -> Result<Self, GenerateError> {
        let length = match key_type {
            // What `KeyGen` of BBS makes a scalar from.
            KeyType::Bls12381G2 => 48,
            _ => SecretKey::length(key_type).ok_or(GenerateError::DoesNotSign(key_type))?,
        };
        let mut seed = Zeroizing::new([0; 48]);
        let Some(seed) = seed.get_mut(..length) else {
            return Err(GenerateError::DoesNotSign(key_type));
        };
        for _ in 0..MOST_DRAWS {
            random(seed).map_err(GenerateError::Random)?;
            let key = match key_type {
                KeyType::Bls12381G2 => bbs::SecretKey::generate(seed).map(Self::Bbs),
                _ => SecretKey::from_bytes(key_type, seed).map(Self::Plain),
            };
            if let Ok(key) = key {
                return Ok(key);
            }
        }
        Err(GenerateError::NotRandom)
    }

    /// Reads the Multikey form of a secret key, `z…` (Controlled Identifiers 1.0, 2.2.2).
    pub fn from_multikey(text: &str) -> Result<Self, Malformed> {
        match SecretKey::from_multikey(text) {
            Ok(key) => Ok(Self::Plain(key)),
            Err(error) => bbs::SecretKey::from_multikey(text).map(Self::Bbs).map_err(|_| error),
        }
    }

    /// The Multikey form of the secret key. Whoever has this text has the key.
    pub fn to_multikey(&self) -> Zeroizing<String> {
        match self {
            Self::Plain(key) => key.to_multikey(),
            Self::Bbs(key) => key.to_multikey(),
        }
    }

    fn signer(&self) -> &dyn Signer {
        match self {
            Self::Plain(key) => key,
            Self::Bbs(key) => key,
        }
    }
}

impl Signer for AnyKey {
    fn public_key(&self) -> &PublicKey {
        self.signer().public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer().sign(message)
    }

    fn sign_messages(&self, header: &[u8], messages: &[Vec<u8>]) -> Result<Vec<u8>, SignError> {
        self.signer().sign_messages(header, messages)
    }
}

/// A key and the DID URL under which it signs.
///
/// It has no `Debug` and can't be cloned or serialized, as its key:
///
/// ```compile_fail
/// fn print(key: &bonafide_issuer::keys::SigningKey) -> String { format!("{key:?}") }
/// ```
pub struct SigningKey {
    /// The key.
    pub key: AnyKey,
    /// The DID that signs.
    pub did: String,
    /// The DID URL of the key.
    pub method: String,
}

/// Why a key does not sign under a DID URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MethodError {
    /// Not a DID URL with a fragment.
    #[error("not the DID URL of a key")]
    NotAKey,
    /// The DID URL of a did:key or did:jwk that holds another key.
    #[error("not this key")]
    AnotherKey,
}

impl SigningKey {
    /// The key under its did:key.
    pub fn as_did_key(key: AnyKey) -> Self {
        let did = did_key(key.public_key());
        let method = format!("{did}#{}", key.public_key().to_multikey());
        Self { key, did, method }
    }

    /// The key under a DID URL. Of methods whose DIDs hold no key themselves, whether the DID's
    /// document lists the key is not looked at.
    pub fn as_method(key: AnyKey, method: &str) -> Result<Self, MethodError> {
        let url = DidUrl::parse(method)
            .ok()
            .filter(|url| url.fragment.is_some_and(|fragment| !fragment.is_empty()))
            .ok_or(MethodError::NotAKey)?;
        let own = (did_key(key.public_key()), did_jwk(key.public_key()));
        let did = url.did.as_str();
        let other = match url.did.method() {
            "key" => did != own.0 || url.fragment != did.strip_prefix("did:key:"),
            "jwk" => own.1.as_deref() != Some(did) || url.fragment != Some("0"),
            _ => false,
        };
        if other {
            return Err(MethodError::AnotherKey);
        }
        let (did, method) = (did.to_owned(), method.to_owned());
        Ok(Self { key, did, method })
    }
}

#[cfg(test)]
mod tests;
