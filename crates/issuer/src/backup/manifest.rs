//! What is in a backup.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::BackupError;
use crate::environment::Moment;
use crate::service::log_folder_of;
use crate::store::values_path;

/// The first line of the file; the number is the version of all that follows.
pub(super) const FIRST_LINE: &[u8] = b"bonafide-backup-1\n";
/// The end of the file.
pub(super) const LAST_LINE: &[u8; 16] = b"bonafide-backup\n";
/// Length of manifest and seal, digest of the manifest, last line.
pub(super) const FOOTER: usize = 8 + 8 + 32 + 16;
/// The longest manifest, in bytes.
pub(super) const LONGEST_MANIFEST: u64 = 64 << 20;
/// The longest seal, in bytes.
pub(super) const LONGEST_SEAL: u64 = 1024;

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Manifest {
    /// The version of bonafide that made it.
    pub made_by: String,
    /// When it was made.
    pub made_at: Moment,
    /// How many events the store had.
    pub events: u64,
    /// How many records the database had.
    pub records: u64,
    /// The number of the present log.
    pub log: u32,
    /// Its key, as `origin+id+base64`.
    pub log_key: String,
    /// Its checkpoint.
    pub checkpoint: String,
    /// The parts, in the order in which they lie in the file.
    pub parts: Vec<Part>,
}

/// A part of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What it is.
    #[serde(flatten)]
    pub kind: PartKind,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// What a part is. Where it is put follows from this alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "kebab-case")]
pub enum PartKind {
    /// The database, record by record.
    State,
    /// A file of values.
    Values {
        /// Its number.
        number: u32,
    },
    /// A file of a log.
    Log {
        /// The number of the log.
        number: u32,
        /// Which of its files.
        file: LogFile,
    },
    /// What it takes to find the sealing key of a passphrase: `seal.json`. No secret.
    SealHeader,
}

/// A file of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFile {
    /// The entries.
    Entries,
    /// Where bundles begin.
    Offsets,
    /// The hashes.
    Hashes,
    /// The checkpoint.
    Checkpoint,
}

impl LogFile {
    pub(super) const ALL: [Self; 4] =
        [Self::Entries, Self::Offsets, Self::Hashes, Self::Checkpoint];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Offsets => "offsets",
            Self::Hashes => "hashes",
            Self::Checkpoint => "checkpoint",
        }
    }
}

impl PartKind {
    /// Where it belongs in a data folder; the database has its own way there.
    pub(super) fn path(self, folder: &Path) -> Option<PathBuf> {
        match self {
            Self::State => None,
            Self::Values { number } => Some(values_path(folder, number)),
            Self::Log { number, file } => Some(log_folder_of(folder, number).join(file.name())),
            Self::SealHeader => Some(folder.join("seal.json")),
        }
    }
}

impl Manifest {
    /// Refuses what no backup has.
    pub(super) fn check(&self) -> Result<(), BackupError> {
        let mut kinds: Vec<PartKind> = self.parts.iter().map(|part| part.kind).collect();
        kinds.sort_unstable();
        if kinds.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(BackupError::NotABackup("a part is there twice"));
        }
        let log = LogFile::ALL.map(|file| PartKind::Log { number: self.log, file });
        let needed = log.into_iter().chain([PartKind::State]);
        if needed.into_iter().any(|kind| kinds.binary_search(&kind).is_err()) {
            return Err(BackupError::NotABackup("a part is missing"));
        }
        // Another spelling of the same folder would let two parts meet in one file.
        let of_zero = |kind: &PartKind| matches!(kind, PartKind::Log { number: 0, .. });
        if kinds.iter().any(of_zero) {
            return Err(BackupError::NotABackup("logs are counted from 1"));
        }
        Ok(())
    }
}

/// What a seal is put on: it can't be that of anything else.
pub(super) fn sealed_for(digest: &[u8; 32]) -> Vec<u8> {
    [b"bonafide backup\0", &digest[..]].concat()
}

/// The digest of a manifest.
pub(super) fn digest(manifest: &[u8]) -> [u8; 32] {
    Sha256::digest(manifest).into()
}
