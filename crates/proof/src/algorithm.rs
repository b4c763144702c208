//! The signature algorithms, in one table.

use bonafide_core::key::{KeyType, Point, PublicKey};
use p256::ecdsa::signature::Verifier as _;

/// What is known of a signature algorithm. The key decides which one applies, never a header.
#[derive(Debug)]
pub struct Algorithm {
    /// The key type that goes with it; each has exactly one algorithm.
    pub key_type: KeyType,
    /// The `alg` of RFC 7518 and RFC 8037.
    pub jose_name: &'static str,
    /// Length of a signature in bytes; ECDSA in P1363 form.
    pub signature_length: usize,
}

/// Every algorithm.
pub const ALGORITHMS: [Algorithm; 3] = [
    Algorithm { key_type: KeyType::Ed25519, jose_name: "EdDSA", signature_length: 64 },
    Algorithm { key_type: KeyType::P256, jose_name: "ES256", signature_length: 64 },
    Algorithm { key_type: KeyType::P384, jose_name: "ES384", signature_length: 96 },
];

impl Algorithm {
    /// The algorithm of keys of this type; `None` for keys that do not sign here.
    pub fn of(key_type: KeyType) -> Option<&'static Self> {
        ALGORITHMS.iter().find(|algorithm| algorithm.key_type == key_type)
    }
}

/// A public key that checks signatures.
#[derive(Clone)]
pub struct VerifyingKey {
    public: PublicKey,
    algorithm: Option<&'static Algorithm>,
}

impl VerifyingKey {
    /// A key that checks signatures; `None` for X25519, which never signs.
    pub fn new(key: PublicKey) -> Option<Self> {
        let algorithm = Algorithm::of(key.key_type());
        let signs = algorithm.is_some() || key.key_type() == KeyType::Bls12381G2;
        signs.then_some(Self { public: key, algorithm })
    }

    /// The key that was decoded.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The one algorithm that goes with this key; `None` for BLS12-381, whose signatures (BBS)
    /// only their suite can check.
    pub fn algorithm(&self) -> Option<&'static Algorithm> {
        self.algorithm
    }

    /// Whether `signature` over `message` is good.
    ///
    /// Ed25519: RFC 8032 with the strict rules everywhere (S below the order, canonical R, no
    /// points of small order). ECDSA: SHA-256 with P-256, SHA-384 with P-384, P1363 form only. Both
    /// (r, s) and (r, n-s) are good; nothing may be identified by its signature.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.public.point() {
            Point::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Point::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Point::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Point::NotDecoded => false,
        }
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.public.fmt(f)
    }
}

/// Where signatures are checked: directly, or through something that remembers which were good.
pub trait SignatureCheck: Sync {
    /// Whether `key` signed `message` with `signature`.
    fn is_good(&self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool;
}

/// Checks every signature anew.
#[derive(Clone, Copy, Debug)]
pub struct Unremembered;

impl SignatureCheck for Unremembered {
    fn is_good(&self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        key.verify(message, signature)
    }
}
