//! Multibase and base64url, strictly: one spelling for each sequence of bytes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Malformed;

/// Decodes base64url without padding (RFC 4648, 5). Non-zero trailing bits are refused.
pub fn decode_base64url(text: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Malformed::new("base64url", "not base64url without padding"))
}

/// Encodes as base64url without padding.
pub fn encode_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a `z…` text: base58btc multibase. The work is quadratic, so the caller gives the
/// longest text it can make use of.
pub fn decode_base58btc(text: &str, longest: usize) -> Result<Vec<u8>, Malformed> {
    let malformed = |detail| Malformed::new("multibase", detail);
    if text.len() > longest {
        return Err(malformed("longer than any value that belongs here"));
    }
    match multibase::decode(text) {
        Ok((multibase::Base::Base58Btc, bytes)) => Ok(bytes),
        Ok(_) => Err(malformed("expected base58btc, which starts with 'z'")),
        Err(_) => Err(malformed("not multibase base58btc")),
    }
}

/// Encodes as base58btc multibase, `z…`.
pub fn encode_base58btc(bytes: &[u8]) -> String {
    multibase::encode(multibase::Base::Base58Btc, bytes)
}

/// Decodes a `u…` text: base64url multibase without padding.
pub fn decode_multibase_base64url(text: &str) -> Result<Vec<u8>, Malformed> {
    let body = text
        .strip_prefix('u')
        .ok_or_else(|| Malformed::new("multibase", "expected base64url, which starts with 'u'"))?;
    decode_base64url(body)
}

/// Encodes as base64url multibase, `u…`.
pub fn encode_multibase_base64url(bytes: &[u8]) -> String {
    format!("u{}", encode_base64url(bytes))
}

/// Lower-case hexadecimal, as digests are shown.
pub fn hex(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}
