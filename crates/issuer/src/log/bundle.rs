//! Entries in their wire form: a big-endian uint16 with the length, then that many bytes.

use super::{LONGEST_ENTRY, LogError, TILE_WIDTH};

/// No bundle is longer.
pub(crate) const LONGEST_BUNDLE: usize = TILE_WIDTH as usize * (LONGEST_ENTRY + 2);

/// The first entry of `bytes` and what follows it; `None` if it is not whole.
fn split_first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// The first `width` entries of `bytes` and how many bytes they take; `None` if there are fewer.
pub(crate) fn take(bytes: &[u8], width: u16) -> Option<(Vec<&[u8]>, usize)> {
    let mut entries = Vec::with_capacity(usize::from(width));
    let mut rest = bytes;
    for _ in 0..width {
        let (entry, after) = split_first(rest)?;
        entries.push(entry);
        rest = after;
    }
    Some((entries, bytes.len() - rest.len()))
}

/// The entries of `bytes`, which must be exactly `width`.
pub(crate) fn split(bytes: &[u8], bundle: u64, width: u16) -> Result<Vec<&[u8]>, LogError> {
    let malformed = |detail| LogError::BundleMalformed { bundle, detail };
    let (entries, used) =
        take(bytes, width).ok_or_else(|| malformed("an entry ends after the bundle does"))?;
    if used < bytes.len() {
        return Err(malformed("there are bytes after its last entry"));
    }
    Ok(entries)
}
