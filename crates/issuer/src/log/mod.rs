//! The tamper-evident log: an append-only Merkle tree (RFC 6962) in the forms of C2SP, so that
//! tools of others read it: tlog-tiles, tlog-checkpoint, signed-note, tlog-proof.
//!
//! Its folder holds four files. `entries` has each entry behind its length (big-endian uint16),
//! which is the wire form of a bundle. `offsets` has a little-endian u64 for each bundle of 256:
//! the byte in `entries` at which it begins. `hashes` has every hash of the tree, 32 bytes each,
//! in the order in which they came to be. `checkpoint` is the signed size and root; whatever the
//! other files hold beyond it was never published.
//!
//! What a log can't show by itself: that it is all there. Whoever has the key can drop the last
//! entries, or all of them, and sign what is left. That is seen only with an earlier checkpoint
//! kept where the key's owner can't reach it: with an auditor or a witness.

mod bundle;
mod checkpoint;
mod error;
mod files;
pub mod offline;
mod path;
mod proof;
mod reader;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
mod writer;

pub use checkpoint::{Checkpoint, LogKey};
pub use error::LogError;
pub use path::{TileKind, TilePath};
pub use proof::{InclusionProof, Proven};
pub use reader::LogReader;
pub use writer::LogWriter;

/// A hash of the tree: SHA-256 of a leaf or of two hashes (RFC 6962, 2.1).
pub type Hash = [u8; 32];

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// No entry has more bytes: its length is written in two.
pub const LONGEST_ENTRY: usize = 65_535;
