//! Published status of credentials: Bitstring Status List 1.0 and Token Status List.

mod bitstring;
mod token;

use std::io::Read;

pub use bitstring::{
    BitstringStatusEntry, BitstringStatusListCredential, FEWEST_ENTRIES, LARGEST_LIST_BYTES,
    LARGEST_STATUS_SIZE, StatusBits, StatusListError, StatusPurpose,
};
pub use token::{TokenStatus, TokenStatusBits, TokenStatusListClaims, TokenStatusReference};

use crate::Malformed;
use crate::json::{MAX_SAFE_INTEGER, Number, Value};

/// Reads what a list decompresses to. More than [`LARGEST_LIST_BYTES`] is an error, and so is a
/// stream that ends early: nothing is ever cut short.
fn unfold(
    stream: &mut impl Read,
    broken: impl FnOnce() -> Malformed,
) -> Result<Vec<u8>, StatusListError> {
    let limit = LARGEST_LIST_BYTES;
    let mut bytes = Vec::new();
    stream.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|_| broken())?;
    if bytes.len() > limit {
        return Err(StatusListError::TooLarge { limit });
    }
    Ok(bytes)
}

/// A whole number in decimal, in its one spelling.
fn decimal_index(text: &str) -> Option<usize> {
    let canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| canonical)
}

/// A number in JSON. What JSON can't hold is written as the largest that it can: an index so far
/// out is beyond every list, either way.
fn integer(number: usize) -> Value<'static> {
    let integer = i64::try_from(number).unwrap_or(MAX_SAFE_INTEGER).min(MAX_SAFE_INTEGER);
    Value::Number(Number::Integer(integer))
}

#[cfg(test)]
mod tests;
