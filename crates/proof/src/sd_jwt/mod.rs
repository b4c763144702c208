//! Selective disclosure for JWTs (RFC 9901).
//!
//! An SD-JWT is a JWS of the issuer whose payload holds digests in place of claims, the
//! disclosures of those claims that are shown, and perhaps a JWT with which the holder binds them
//! to an audience and a nonce. Here is what holds for every SD-JWT; what the claims mean, and
//! whether a key has to be bound, is for the caller to say.
//!
//! The order in which to read one: [`compact`] makes one form of three, [`SdJwt::parse`] takes it
//! apart, [`SdJwt::issuer_jws`] is verified, and then [`SdJwt::disclose`] gives the claims.
//! [`SdJwt::key_binding`] is verified with the holder's key, and has to fit.

mod disclose;
mod draft;
mod error;
mod json_form;
mod key_binding;
mod present;

pub use disclose::Hiding;
pub use draft::SdJwtDraft;
pub use error::SdJwtError;
pub use json_form::compact;
pub use key_binding::KeyBinding;

use bonafide_core::Malformed;
use bonafide_core::encoding::{decode_base64url, encode_base64url};
use sha2::{Digest, Sha256};

use crate::jose::{CompactJws, TokenType};

/// Disclosures that one SD-JWT may have.
pub const MOST_DISCLOSURES: usize = 1024;

/// The longest name of a claim that can be disclosed, in bytes.
pub const LONGEST_NAME: usize = 256;

/// How deep a payload may nest with its disclosures in place; as deep as JSON may.
const DEEPEST: usize = 128;

/// Where the digests of an object's members stand (RFC 9901, 4.2.4.1).
const DIGESTS: &str = "_sd";
/// Where the digest of an array's element stands (RFC 9901, 4.2.4.2).
const ELEMENT: &str = "...";
/// Which hash was used (RFC 9901, 4.1.1); only at the top.
const HASH: &str = "_sd_alg";
/// The one hash that is accepted.
const SHA_256: &str = "sha-256";

/// Names that no claim may have.
const RESERVED: [&str; 3] = [DIGESTS, ELEMENT, HASH];

/// An SD-JWT as it came, unverified.
#[derive(Debug)]
pub struct SdJwt<'a> {
    text: &'a str,
    /// The part of the text that `sd_hash` covers: `<JWT>~<disclosure>~…~`.
    unbound: &'a str,
    issuer_jws: CompactJws<'a>,
    disclosures: Vec<&'a str>,
    key_binding: Option<KeyBinding<'a>>,
}

impl<'a> SdJwt<'a> {
    /// Takes the compact form apart, `<JWT>~<disclosure>~…~[<key binding JWT>]` (RFC 9901, 4), and
    /// checks the headers of both JWTs. The disclosures are looked at by [`SdJwt::disclose`].
    pub fn parse(text: &'a str, expected: TokenType) -> Result<Self, SdJwtError> {
        const WHAT: &str = "SD-JWT";
        let (head, binding) = text
            .rsplit_once('~')
            .ok_or_else(|| Malformed::new(WHAT, "expected a tilde after the JWT"))?;
        let mut parts = head.split('~');
        let issuer_jws = CompactJws::parse(parts.next().unwrap_or_default(), expected)?;
        let disclosures: Vec<&str> = parts.take(MOST_DISCLOSURES + 1).collect();
        if disclosures.len() > MOST_DISCLOSURES {
            return Err(SdJwtError::TooMany { what: "disclosures", limit: MOST_DISCLOSURES });
        }
        if disclosures.contains(&"") {
            return Err(Malformed::new(WHAT, "an empty disclosure").into());
        }
        let unbound = &text[..=head.len()];
        let key_binding = match binding {
            "" => None,
            binding => {
                Some(KeyBinding::parse(binding, sha256(unbound)).map_err(SdJwtError::KeyBinding)?)
            }
        };
        Ok(Self { text, unbound, issuer_jws, disclosures, key_binding })
    }

    /// The `typ` of the issuer-signed JWT of a text that looks like a compact SD-JWT, unverified.
    pub fn peek_typ(text: &str) -> Option<String> {
        CompactJws::peek_typ(text.split_once('~')?.0)
    }

    /// The JWT that the issuer signed.
    pub fn issuer_jws(&self) -> &CompactJws<'a> {
        &self.issuer_jws
    }

    /// The JWT with which the holder bound a key; `None` if there is none. Whether there has to be
    /// one must never depend on whether there is (RFC 9901, 7.3).
    pub fn key_binding(&self) -> Option<&KeyBinding<'a>> {
        self.key_binding.as_ref()
    }

    /// How many disclosures there are.
    pub fn disclosure_count(&self) -> usize {
        self.disclosures.len()
    }

    /// The digest by which the token is known: SHA-256 of what the issuer signed. It depends
    /// neither on the signature nor on what is disclosed.
    pub fn digest(&self) -> [u8; 32] {
        self.issuer_jws.digest()
    }

    /// The compact form, as it was parsed.
    pub fn to_compact(&self) -> &'a str {
        self.text
    }

    fn issuer_text(&self) -> &'a str {
        self.unbound.split('~').next().unwrap_or_default()
    }
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The digest of a disclosure as it stands in the payload (RFC 9901, 4.2.3).
fn digest_text(disclosure: &str) -> String {
    encode_base64url(&sha256(disclosure))
}

/// Reads a digest: SHA-256 in base64url, in its one spelling.
fn digest_bytes(text: &str) -> Option<[u8; 32]> {
    decode_base64url(text).ok()?.try_into().ok()
}

fn within_depth(depth: usize) -> Result<(), SdJwtError> {
    if depth > DEEPEST {
        return Err(SdJwtError::TooDeep { limit: DEEPEST });
    }
    Ok(())
}

/// Appends a member's name or an element's index to an RFC 6901 pointer, and returns how long it
/// was before.
fn descend(pointer: &mut String, token: &str) -> usize {
    let before = pointer.len();
    pointer.push('/');
    for char in token.chars() {
        match char {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            plain => pointer.push(plain),
        }
    }
    before
}

/// What an error may repeat of a text of others.
fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
