//! Decentralized identifiers: DIDs, DID URLs, DID documents, and the methods that need no network.

mod document;
mod key_methods;
mod web;

use std::fmt;

pub use document::{DidDocument, Relationship, VerificationMethod};
pub use key_methods::{did_jwk, did_key, resolve_self_certifying};
pub use web::{web_document_url, webvh_urls};

use crate::Malformed;

/// No DID or DID URL here is longer.
pub const LONGEST_DID_URL: usize = 2048;

/// A DID (DID 1.0, 3.1): ASCII only, compared byte for byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Did<'a>(&'a str);

impl<'a> Did<'a> {
    /// Parses a DID without path, query or fragment.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let url = DidUrl::parse(text)?;
        if url.did.0.len() != text.len() {
            return Err(Malformed::new("DID", "expected a DID without path, query or fragment"));
        }
        Ok(url.did)
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The method's name: `key` in `did:key:…`.
    pub fn method(self) -> &'a str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    /// What follows `did:method:`.
    pub fn method_specific_id(self) -> &'a str {
        self.0.splitn(3, ':').nth(2).unwrap_or_default()
    }
}

impl fmt::Display for Did<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Did<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A DID URL (DID 1.0, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DidUrl<'a> {
    /// The DID that it starts with.
    pub did: Did<'a>,
    /// With its leading slash; empty if there is none.
    pub path: &'a str,
    /// Without the question mark.
    pub query: Option<&'a str>,
    /// Without the number sign.
    pub fragment: Option<&'a str>,
}

impl<'a> DidUrl<'a> {
    /// Parses a DID URL; the characters are those of RFC 3986 and no others.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let malformed = |detail| Malformed::new("DID", detail);
        if text.len() > LONGEST_DID_URL {
            return Err(malformed("longer than 2048 bytes"));
        }
        let (rest, fragment) = split_off(text, '#');
        let (rest, query) = split_off(rest, '?');
        let (did, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let mut parts = did.splitn(3, ':');
        let (scheme, method, id) = (parts.next(), parts.next(), parts.next());
        let (Some("did"), Some(method), Some(id)) = (scheme, method, id) else {
            return Err(malformed("expected did:method:identifier"));
        };
        let method_ok = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if method.is_empty() || !method.bytes().all(method_ok) {
            return Err(malformed("a method's name is made of a-z and 0-9"));
        }
        if id.is_empty() || id.ends_with(':') || !all_allowed(id, b"._-:") {
            return Err(malformed("an identifier is made of A-Z a-z 0-9 . _ - : and %XX"));
        }
        let url_ok = |part: &str| all_allowed(part, b"-._~!$&'()*+,;=:@/?");
        if !url_ok(path) || !query.is_none_or(url_ok) || !fragment.is_none_or(url_ok) {
            return Err(malformed("a character that a URL may not hold"));
        }
        Ok(Self { did: Did(did), path, query, fragment })
    }
}

fn split_off(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn all_allowed(text: &str, punctuation: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'%' {
            let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
            if !hex(bytes.get(at + 1)) || !hex(bytes.get(at + 2)) {
                return false;
            }
            at += 3;
        } else if byte.is_ascii_alphanumeric() || punctuation.contains(&byte) {
            at += 1;
        } else {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;
