//! Backups: all that a service keeps as it was at one moment, in one file.
//!
//! The file has a first line, then its parts one after the other, then the manifest, and at last a
//! footer of fixed length that says where the manifest is. The manifest names each part with its
//! length and SHA-256; what it does not name is not there, and a part is known by what it is and
//! never by a path. Whoever holds the sealing key puts a seal on the manifest, so that nobody
//! without it can change the file: a store that others wrote would let in whom they like.
//!
//! The sealing key itself is not in the file. Without it no signing key opens.

mod live;
mod manifest;
mod read;
mod restore;
mod write;

pub use manifest::{LogFile, Manifest, Part, PartKind};
pub use read::BackupFile;
pub use restore::{Kept, Options, Outcome, restore};
pub use write::{Made, of_folder, to_hex};

use crate::keys::seal::SealError;
use crate::log::LogError;
use crate::store::StoreError;

/// Why there is no backup, or why it was not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The operating system failed.
    #[error("{what}: {error}")]
    Io {
        /// At what.
        what: String,
        /// What it said.
        error: std::io::Error,
    },
    /// There is no service's data in the folder.
    #[error("{0} holds no data of a service")]
    NoData(String),
    /// Its keys are for test suites.
    #[error("{0} was made by --conformance: its keys and data are thrown away, not kept")]
    Throwaway(String),
    /// Not a file that a backup was written to.
    #[error("this is no backup: {0}")]
    NotABackup(&'static str),
    /// It ends too early, or has grown.
    #[error("the backup is not whole: {0}")]
    NotWhole(String),
    /// Something in it is not what was written.
    #[error("the backup was changed: {0}")]
    Changed(String),
    /// Its seal is of another key, or it has none.
    #[error("{0}")]
    Seal(String),
    /// There is something in the target.
    #[error("{0} is not empty, and nothing is ever restored over anything")]
    NotEmpty(String),
    /// A checkpoint shows that entries are missing.
    #[error("the log had {known} entries, and the backup has {has}: {} are lost", known - has)]
    Old {
        /// Those of the backup.
        has: u64,
        /// Those that were signed.
        known: u64,
    },
    /// The log can't go on under its name by this checkpoint.
    #[error(
        "the checkpoint is of {known} entries, the backup has {has}: an older one does not show that the log may go on under its name"
    )]
    OtherEnd {
        /// Those of the backup.
        has: u64,
        /// Those of the checkpoint.
        known: u64,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error("the log: {0}")]
    Log(#[from] LogError),
}

impl BackupError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::NoData(_) => "no-data",
            Self::Throwaway(_) => "throwaway",
            Self::NotABackup(_) => "not-a-backup",
            Self::NotWhole(_) => "backup-not-whole",
            Self::Changed(_) => "backup-changed",
            Self::Seal(_) => "seal",
            Self::NotEmpty(_) => "target-not-empty",
            Self::Old { .. } => "backup-old",
            Self::OtherEnd { .. } => "checkpoint-not-the-end",
            Self::Store(_) => "store",
            Self::Log(error) => error.code(),
        }
    }

    fn at(what: &dyn std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let what = what.to_string();
        move |error| Self::Io { what, error }
    }
}

impl From<SealError> for BackupError {
    fn from(error: SealError) -> Self {
        Self::Seal(error.to_string())
    }
}
