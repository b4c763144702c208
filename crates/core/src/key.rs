//! Public keys as data: Multikey and JSON Web Key, checked on the way in.

use std::fmt;

use crate::Malformed;
use crate::encoding::{decode_base58btc, decode_base64url, encode_base58btc, encode_base64url};
use crate::json::Object;

/// The kinds of key that DIDs here may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Ed25519 (RFC 8032), signs.
    Ed25519,
    /// NIST P-256, signs.
    P256,
    /// NIST P-384, signs.
    P384,
    /// X25519 (RFC 7748), agrees on keys and never signs.
    X25519,
    /// BLS12-381 in G2, signs with BBS.
    Bls12381G2,
}

struct KeyForm {
    key_type: KeyType,
    name: &'static str,
    /// Multicodec of the public key, as the varint bytes that stand in front of it.
    multicodec: [u8; 2],
    /// Length of the public key: raw, or a compressed point.
    length: usize,
    jwk: Option<(&'static str, &'static str)>,
}

/// The one place that lists what is known of each key type.
const KEY_FORMS: [KeyForm; 5] = [
    KeyForm {
        key_type: KeyType::Ed25519,
        name: "Ed25519",
        multicodec: [0xed, 0x01],
        length: 32,
        jwk: Some(("OKP", "Ed25519")),
    },
    KeyForm {
        key_type: KeyType::P256,
        name: "P-256",
        multicodec: [0x80, 0x24],
        length: 33,
        jwk: Some(("EC", "P-256")),
    },
    KeyForm {
        key_type: KeyType::P384,
        name: "P-384",
        multicodec: [0x81, 0x24],
        length: 49,
        jwk: Some(("EC", "P-384")),
    },
    KeyForm {
        key_type: KeyType::X25519,
        name: "X25519",
        multicodec: [0xec, 0x01],
        length: 32,
        jwk: Some(("OKP", "X25519")),
    },
    KeyForm {
        key_type: KeyType::Bls12381G2,
        name: "BLS12-381 G2",
        multicodec: [0xeb, 0x01],
        length: 96,
        jwk: None,
    },
];

impl KeyType {
    fn form(self) -> &'static KeyForm {
        // The table holds every type; the first stands in for what can't happen.
        KEY_FORMS.iter().find(|form| form.key_type == self).unwrap_or(&KEY_FORMS[0])
    }

    /// The multicodec prefix of a public key of this type, as varint bytes.
    pub fn multicodec(self) -> [u8; 2] {
        self.form().multicodec
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form().name)
    }
}

/// A public key that is a valid point of its curve, in its one canonical encoding.
///
/// BLS12-381 keys are checked for length and form only; their suite checks the point.
#[derive(Clone)]
pub struct PublicKey {
    key_type: KeyType,
    bytes: Vec<u8>,
    point: Point,
}

/// The decoded point, so that it is decoded once. For `bonafide-proof` alone.
#[doc(hidden)]
#[derive(Clone)]
#[allow(missing_docs)]
pub enum Point {
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    NotDecoded,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.key_type == other.key_type && self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

/// No Multikey is longer: 98 bytes in base58btc with its `z`.
const LONGEST_MULTIKEY: usize = 136;

impl PublicKey {
    /// A key from its raw bytes (Ed25519, X25519) or compressed point (P-256, P-384, BLS12-381).
    ///
    /// Refuses other lengths, points off the curve, non-canonical encodings, and the Ed25519
    /// points of small order, whose "signatures" fit any message.
    pub fn from_bytes(key_type: KeyType, bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = |detail: &str| Err(Malformed::new("public key", detail));
        if bytes.len() != key_type.form().length {
            return malformed(&format!(
                "a {key_type} key has {} bytes, not {}",
                key_type.form().length,
                bytes.len()
            ));
        }
        let point = match key_type {
            KeyType::Ed25519 => {
                let decoded = bytes
                    .first_chunk()
                    .filter(|bytes| is_canonical_ed25519(bytes))
                    .and_then(|bytes| ed25519_dalek::VerifyingKey::from_bytes(bytes).ok());
                let Some(key) = decoded else {
                    return malformed("not the canonical encoding of a point of Ed25519");
                };
                if key.is_weak() {
                    return malformed("an Ed25519 point of small order");
                }
                Point::Ed25519(Box::new(key))
            }
            KeyType::P256 => match p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes) {
                Ok(key) if matches!(bytes[0], 2 | 3) => Point::P256(Box::new(key)),
                _ => return malformed("not a compressed point of P-256"),
            },
            KeyType::P384 => match p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes) {
                Ok(key) if matches!(bytes[0], 2 | 3) => Point::P384(Box::new(key)),
                _ => return malformed("not a compressed point of P-384"),
            },
            KeyType::X25519 => Point::NotDecoded,
            // Compressed, not infinity (the flags of the compressed form).
            KeyType::Bls12381G2 if bytes[0] & 0xC0 == 0x80 => Point::NotDecoded,
            KeyType::Bls12381G2 => return malformed("not a compressed BLS12-381 G2 point"),
        };
        Ok(Self { key_type, bytes: bytes.to_vec(), point })
    }

    /// The decoded point.
    #[doc(hidden)]
    pub fn point(&self) -> &Point {
        &self.point
    }

    /// Parses a Multikey, `z6Mk…`, `zDn…` and so on (Controlled Identifiers 1.0, 2.2.2).
    pub fn from_multikey(text: &str) -> Result<Self, Malformed> {
        let bytes = decode_base58btc(text, LONGEST_MULTIKEY)?;
        let Some((prefix, key)) = bytes.split_first_chunk::<2>() else {
            return Err(Malformed::new("Multikey", "too short to hold a key"));
        };
        match KEY_FORMS.iter().find(|form| form.multicodec == *prefix) {
            Some(form) => Self::from_bytes(form.key_type, key),
            None => Err(Malformed::new("Multikey", "a key type that is not known here")),
        }
    }

    /// The Multikey form, `z…`.
    pub fn to_multikey(&self) -> String {
        encode_base58btc(&[&self.key_type.multicodec()[..], &self.bytes].concat())
    }

    /// Parses a public JSON Web Key (RFC 7517, 7518, 8037). One that holds private members is
    /// refused: whoever published it lost it.
    pub fn from_jwk(jwk: &Object<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "JSON Web Key";
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            if jwk.contains(private) {
                return Err(Malformed::at(WHAT, format!("/{private}"), "holds a private key"));
            }
        }
        let text = |name: &str| {
            jwk.str(name)
                .ok_or_else(|| Malformed::at(WHAT, format!("/{name}"), "expected a string"))
        };
        let pair = (text("kty")?, text("crv")?);
        let form = KEY_FORMS
            .iter()
            .find(|form| form.jwk == Some(pair))
            .ok_or_else(|| Malformed::new(WHAT, "a key type that is not known here"))?;
        let coordinate = |name: &str, length: usize| {
            let bytes = decode_base64url(text(name)?)
                .map_err(|error| error.within(WHAT, &format!("/{name}")))?;
            if bytes.len() == length {
                return Ok(bytes);
            }
            Err(Malformed::at(WHAT, format!("/{name}"), format!("expected {length} bytes")))
        };
        if pair.0 == "OKP" {
            return Self::from_bytes(form.key_type, &coordinate("x", form.length)?);
        }
        let x = coordinate("x", form.length - 1)?;
        let y = coordinate("y", form.length - 1)?;
        let compressed = [&[2 + (y[y.len() - 1] & 1)], &x[..]].concat();
        let key = Self::from_bytes(form.key_type, &compressed)?;
        // The sign of y alone does not show that (x, y) is on the curve.
        if key.uncompressed_y().is_some_and(|expected| expected == y) {
            return Ok(key);
        }
        Err(Malformed::at(WHAT, "/y", "not a point of its curve"))
    }

    fn uncompressed_y(&self) -> Option<Vec<u8>> {
        match &self.point {
            Point::P256(key) => Some(key.to_sec1_point(false).y()?.to_vec()),
            Point::P384(key) => Some(key.to_sec1_point(false).y()?.to_vec()),
            Point::Ed25519(_) | Point::NotDecoded => None,
        }
    }

    /// The public JSON Web Key; `None` for types that have no registered form.
    pub fn to_jwk(&self) -> Option<Object<'static>> {
        let (kty, crv) = self.key_type.form().jwk?;
        let mut jwk = Object::from([("kty", kty), ("crv", crv)]);
        let y = self.uncompressed_y();
        let x = if y.is_some() { &self.bytes[1..] } else { &self.bytes[..] };
        jwk.insert("x", encode_base64url(x));
        if let Some(y) = y {
            jwk.insert("y", encode_base64url(&y));
        }
        Some(jwk)
    }

    /// Which kind of key it is.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The raw bytes, or the compressed point.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.key_type, self.to_multikey())
    }
}

/// Whether the y coordinate is below 2^255 - 19. (The other non-canonical encodings, a negative
/// zero for x, are of small order.)
fn is_canonical_ed25519(bytes: &[u8; 32]) -> bool {
    let reaches_the_prime = bytes[0] >= 0xed
        && bytes[1..31].iter().all(|byte| *byte == 0xff)
        && bytes[31] & 0x7f == 0x7f;
    !reaches_the_prime
}

/// The key of a verification method of this type, if it is whole and of a kind known here.
pub(crate) fn of_verification_method(method_type: &str, method: &Object<'_>) -> Option<PublicKey> {
    let multikey = || PublicKey::from_multikey(method.str("publicKeyMultibase")?).ok();
    let forms = ["publicKeyMultibase", "publicKeyJwk"].map(|member| method.contains(member));
    match (method_type, forms) {
        ("Multikey", [true, false]) => multikey(),
        ("Ed25519VerificationKey2020", [true, false]) => {
            multikey().filter(|key| key.key_type == KeyType::Ed25519)
        }
        ("JsonWebKey" | "JsonWebKey2020", [false, true]) => {
            PublicKey::from_jwk(method.get("publicKeyJwk")?.as_object()?).ok()
        }
        _ => None,
    }
}
