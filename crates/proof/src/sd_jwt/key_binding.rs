//! The key binding JWT (RFC 9901, 4.3).

use bonafide_core::Malformed;
use bonafide_core::json::{Limits, parse};

use super::digest_bytes;
use crate::jose::{CompactJws, JoseError, TokenType, numeric_date};

/// A key binding JWT, unverified: its signature is for the caller to check, with the key that the
/// issuer named.
#[derive(Debug)]
pub struct KeyBinding<'a> {
    jws: CompactJws<'a>,
    issued_at: i64,
    not_before: Option<i64>,
    expires: Option<i64>,
    audience: String,
    nonce: String,
    sd_hash: [u8; 32],
    presented: [u8; 32],
}

impl<'a> KeyBinding<'a> {
    /// Reads `text`, which came with an SD-JWT whose hash is `presented`.
    pub(super) fn parse(text: &'a str, presented: [u8; 32]) -> Result<Self, JoseError> {
        const WHAT: &str = "key binding JWT";
        let jws = CompactJws::parse(text, TokenType::KB_JWT)?;
        let payload = jws.decode_payload()?;
        let claims = parse(&payload, &Limits::for_size(payload.len()))
            .map_err(|error| Malformed::json(WHAT, &error))?;
        let claims =
            claims.as_object().ok_or_else(|| Malformed::new(WHAT, "expected an object"))?;
        let string = |name: &str| {
            claims
                .str(name)
                .ok_or_else(|| Malformed::at(WHAT, format!("/{name}"), "expected a string"))
        };
        let issued_at = numeric_date(claims, "iat")?
            .ok_or_else(|| Malformed::at(WHAT, "/iat", "is missing"))?;
        let not_before = numeric_date(claims, "nbf")?;
        let expires = numeric_date(claims, "exp")?;
        let (audience, nonce) = (string("aud")?.to_owned(), string("nonce")?.to_owned());
        let sd_hash = digest_bytes(string("sd_hash")?)
            .ok_or_else(|| Malformed::at(WHAT, "/sd_hash", "expected SHA-256 in base64url"))?;
        Ok(Self { jws, issued_at, not_before, expires, audience, nonce, sd_hash, presented })
    }

    /// The JWT, to be verified with the holder's key.
    pub fn jws(&self) -> &CompactJws<'a> {
        &self.jws
    }

    /// Whether it was made over this issuer-signed JWT and exactly these disclosures (RFC 9901,
    /// 4.3.1).
    pub fn fits(&self) -> bool {
        self.sd_hash == self.presented
    }

    /// `iat`, in seconds since 1970.
    pub fn claimed_issued_at(&self) -> i64 {
        self.issued_at
    }

    /// `nbf`, in seconds since 1970, if it is there.
    pub fn claimed_not_before(&self) -> Option<i64> {
        self.not_before
    }

    /// `exp`, in seconds since 1970, if it is there.
    pub fn claimed_expires(&self) -> Option<i64> {
        self.expires
    }

    /// `aud`: whom it is meant for.
    pub fn claimed_audience(&self) -> &str {
        &self.audience
    }

    /// `nonce`: what it answers to.
    pub fn claimed_nonce(&self) -> &str {
        &self.nonce
    }
}
