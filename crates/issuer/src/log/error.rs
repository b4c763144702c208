//! The one error of the log.

use std::io;
use std::path::{Path, PathBuf};

use bonafide_proof::SignError;

/// Why the log, or something read from it, is not good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The operating system failed at a file or folder.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The files failed earlier. What they hold is known again once the log was opened anew.
    #[error("the log takes nothing more since its files failed; open it anew")]
    Stopped,
    /// Another writer has the folder.
    #[error("{} is in use by another writer", folder.display())]
    InUse {
        /// The log's folder.
        folder: PathBuf,
    },
    /// An entry is longer than two bytes can say.
    #[error("entry {position} of those to append has {bytes} bytes; at most 65535 are possible")]
    EntryTooLarge {
        /// Its place among the entries given, from 0.
        position: usize,
        /// Its length.
        bytes: usize,
    },
    /// An origin that can't name a key in a signed note.
    #[error("the origin {origin:?} is not 1 to 255 characters without spaces, controls and '+'")]
    OriginMalformed {
        /// Its beginning.
        origin: String,
    },
    /// Not an Ed25519 key of a log in the form `origin+id+base64`.
    #[error("the log's key is malformed: {detail}")]
    KeyMalformed {
        /// What is wrong.
        detail: &'static str,
    },
    /// The signer has another key than the log.
    #[error("the signer's key is not the key of the log {origin}")]
    WrongSigner {
        /// The log.
        origin: String,
    },
    /// The signer failed, or signed something else.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// There are files of a log, or there should be, but nothing signed.
    #[error("{} has no checkpoint", folder.display())]
    CheckpointMissing {
        /// The log's folder.
        folder: PathBuf,
    },
    /// Not a signed note that holds a checkpoint.
    #[error("the checkpoint is malformed: {detail}")]
    CheckpointMalformed {
        /// What is wrong.
        detail: &'static str,
    },
    /// A checkpoint of another log.
    #[error("the checkpoint is of the log {found:?}, not of {expected:?}")]
    OtherLog {
        /// The origin of the key.
        expected: String,
        /// What the checkpoint says.
        found: String,
    },
    /// The log's key did not sign the checkpoint.
    #[error("the checkpoint has no signature by the key {key}")]
    NotSigned {
        /// The key, as `origin+id+base64`.
        key: String,
    },
    /// The signature under the log's name does not fit.
    #[error("the signature of {origin} on the checkpoint is not good")]
    SignatureInvalid {
        /// The log.
        origin: String,
    },
    /// A file ends before what the checkpoint says must be there.
    #[error(
        "{} ends too early: it has {found} bytes, the checkpoint needs {expected}",
        path.display()
    )]
    Truncated {
        /// Which.
        path: PathBuf,
        /// Its bytes.
        found: u64,
        /// How many there must be at least.
        expected: u64,
    },
    /// A copy in tiles lacks one.
    #[error("{} is missing", path.display())]
    TileMissing {
        /// Which.
        path: PathBuf,
    },
    /// A tile of hashes has another length than its width says.
    #[error("{} has {found} bytes, not {expected}", path.display())]
    TileMalformed {
        /// Which.
        path: PathBuf,
        /// Its bytes, counted no further than a full tile's and one.
        found: usize,
        /// 32 for each hash.
        expected: usize,
    },
    /// Entries are not where they must be, or not in their form.
    #[error("the bundle {bundle} (entries from {}) is malformed: {detail}", bundle * 256)]
    BundleMalformed {
        /// Which bundle of 256.
        bundle: u64,
        /// What is wrong.
        detail: &'static str,
    },
    /// The entries as they are were not what was signed.
    #[error("the root of {size} entries is {computed}, but {signed} was signed")]
    RootMismatch {
        /// The checkpoint's size.
        size: u64,
        /// From the log's data, in base64.
        computed: String,
        /// From the checkpoint, in base64.
        signed: String,
    },
    /// An entry is not the one that was logged.
    #[error("entry {index} was changed: it does not have the hash that was logged for it")]
    EntryChanged {
        /// The first such entry.
        index: u64,
    },
    /// The entries are those signed, but a hash kept beside them is wrong.
    #[error("hash {index} of level {level} was changed: it is not that of the entries below it")]
    HashChanged {
        /// The height in the tree; 0 are the leaves.
        level: u8,
        /// The place in the level.
        index: u64,
    },
    /// The log is smaller than it was once known to be.
    #[error("the log was rolled back: it has {size} entries, and {older} were signed before")]
    RolledBack {
        /// The log's size.
        size: u64,
        /// The size of the earlier checkpoint.
        older: u64,
    },
    /// Two roots were signed for one size.
    #[error("the log was forked: another root of the same {size} entries was signed before")]
    Forked {
        /// The size of both.
        size: u64,
    },
    /// What was signed earlier is no beginning of the log.
    #[error("the log was rewritten: its first {older} entries are not those signed before")]
    Rewritten {
        /// The size of the earlier checkpoint.
        older: u64,
    },
    /// Asked for more than the log holds.
    #[error("the log of {size} entries does not reach to {index}")]
    NotInLog {
        /// The entry, or the size, asked for.
        index: u64,
        /// The log's size.
        size: u64,
    },
    /// Not a `c2sp.org/tlog-proof@v1`.
    #[error("the inclusion proof is malformed: {detail}")]
    ProofMalformed {
        /// What is wrong.
        detail: &'static str,
    },
    /// The hashes do not lead from the entry to the root.
    #[error("the proof does not show that this is entry {index} of the {size} that were signed")]
    ProofInvalid {
        /// Where the entry is said to be.
        index: u64,
        /// The checkpoint's size.
        size: u64,
    },
    /// Not the path of a tile or bundle.
    #[error("{path:?} is not the path of a tile")]
    PathMalformed {
        /// Its beginning.
        path: String,
    },
}

impl LogError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Stopped => "log-stopped",
            Self::InUse { .. } => "log-in-use",
            Self::EntryTooLarge { .. } => "entry-too-large",
            Self::OriginMalformed { .. } => "origin-malformed",
            Self::KeyMalformed { .. } => "log-key-malformed",
            Self::WrongSigner { .. } => "wrong-signer",
            Self::Sign(_) => "signer-failed",
            Self::CheckpointMissing { .. } => "checkpoint-missing",
            Self::CheckpointMalformed { .. } => "checkpoint-malformed",
            Self::OtherLog { .. } => "other-log",
            Self::NotSigned { .. } => "checkpoint-not-signed",
            Self::SignatureInvalid { .. } => "checkpoint-signature-invalid",
            Self::Truncated { .. } => "truncated",
            Self::TileMissing { .. } => "tile-missing",
            Self::TileMalformed { .. } => "tile-malformed",
            Self::BundleMalformed { .. } => "bundle-malformed",
            Self::RootMismatch { .. } => "root-mismatch",
            Self::EntryChanged { .. } => "entry-changed",
            Self::HashChanged { .. } => "hash-changed",
            Self::RolledBack { .. } => "rolled-back",
            Self::Forked { .. } => "forked",
            Self::Rewritten { .. } => "rewritten",
            Self::NotInLog { .. } => "not-in-log",
            Self::ProofMalformed { .. } => "proof-malformed",
            Self::ProofInvalid { .. } => "proof-invalid",
            Self::PathMalformed { .. } => "tile-path-malformed",
        }
    }

    /// For `map_err` at a file.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
