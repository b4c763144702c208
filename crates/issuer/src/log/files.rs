//! The four files of a log's folder: their names, reading at a place, writing at the end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tlog_tiles::tlog::HASH_SIZE;

use super::bundle::LONGEST_BUNDLE;
use super::checkpoint::LONGEST_CHECKPOINT;
use super::tree::{Edge, Node, sub_tree_index};
use super::{Hash, LogError, TILE_WIDTH};

pub(crate) const ENTRIES: &str = "entries";
pub(crate) const OFFSETS: &str = "offsets";
pub(crate) const HASHES: &str = "hashes";
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// A checkpoint until it takes the place of the last one.
pub(crate) const NEXT_CHECKPOINT: &str = "checkpoint.next";

/// One offset, in bytes.
pub(crate) const OFFSET_SIZE: u64 = 8;
/// One hash, in bytes.
pub(crate) const STORED_HASH_SIZE: u64 = HASH_SIZE as u64;

/// What is written is gathered up to this many bytes.
const BUFFERED: usize = 1 << 20;

/// How many of `size` entries, or hashes of a level, are in tile `index`: 0 to 256.
pub(crate) fn width_in(size: u64, index: u64) -> u16 {
    let width = u64::from(TILE_WIDTH);
    let rest = size.saturating_sub(index.saturating_mul(width)).min(width);
    u16::try_from(rest).unwrap_or(TILE_WIDTH)
}

/// A file that is read at any place, by any thread.
#[derive(Debug)]
pub(crate) struct ReadFile {
    file: File,
    path: PathBuf,
}

impl ReadFile {
    fn open(path: PathBuf) -> Result<Self, LogError> {
        let file = File::open(&path).map_err(LogError::at(&path))?;
        Ok(Self { file, path })
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> Result<u64, LogError> {
        Ok(self.file.metadata().map_err(LogError::at(&self.path))?.len())
    }

    /// Refuses a file that is shorter.
    pub(crate) fn require(&self, expected: u64) -> Result<(), LogError> {
        let found = self.length()?;
        if found >= expected {
            return Ok(());
        }
        Err(self.truncated(found, expected))
    }

    pub(crate) fn truncated(&self, found: u64, expected: u64) -> LogError {
        LogError::Truncated { path: self.path.clone(), found, expected }
    }

    /// Fills `buffer` from the place on.
    pub(crate) fn read_at(&self, buffer: &mut [u8], place: u64) -> Result<(), LogError> {
        self.file.read_exact_at(buffer, place).map_err(LogError::at(&self.path))
    }
}

/// The files of a log, for reading. How much of them counts is for others to say.
#[derive(Debug)]
pub(crate) struct LogFiles {
    pub(crate) entries: ReadFile,
    pub(crate) offsets: ReadFile,
    pub(crate) hashes: ReadFile,
}

impl LogFiles {
    pub(crate) fn open(folder: &Path) -> Result<Self, LogError> {
        let open = |name| ReadFile::open(folder.join(name));
        Ok(Self { entries: open(ENTRIES)?, offsets: open(OFFSETS)?, hashes: open(HASHES)? })
    }

    /// The byte at which a bundle begins.
    pub(crate) fn offset(&self, bundle: u64) -> Result<u64, LogError> {
        let mut offset = [0; 8];
        self.offsets.read_at(&mut offset, bundle * OFFSET_SIZE)?;
        Ok(u64::from_le_bytes(offset))
    }

    /// The bytes of `entries` from a bundle's beginning to `end`, no more than a bundle may have.
    pub(crate) fn bundle_until(&self, bundle: u64, end: u64) -> Result<Vec<u8>, LogError> {
        let start = self.offset(bundle)?;
        let length = end.checked_sub(start).and_then(|length| usize::try_from(length).ok());
        let length =
            length.filter(|length| *length <= LONGEST_BUNDLE).ok_or(LogError::BundleMalformed {
                bundle,
                detail: "the offsets around it do not fit",
            })?;
        let mut bytes = vec![0; length];
        self.entries.read_at(&mut bytes, start)?;
        Ok(bytes)
    }

    /// `count` hashes from a place in their order on.
    pub(crate) fn hashes_from(&self, place: u64, count: usize) -> Result<Vec<Node>, LogError> {
        let mut bytes = vec![0; count * HASH_SIZE];
        self.hashes.read_at(&mut bytes, place * STORED_HASH_SIZE)?;
        Ok(bytes.as_chunks().0.iter().copied().map(Node).collect())
    }

    /// The hash at a place in their order.
    pub(crate) fn hash(&self, place: u64) -> Result<Node, LogError> {
        let mut hash = Hash::default();
        self.hashes.read_at(&mut hash, place * STORED_HASH_SIZE)?;
        Ok(Node(hash))
    }

    /// The right edge of the tree as it was at `size`.
    pub(crate) fn edge(&self, size: u64) -> Result<Edge, LogError> {
        let places = sub_tree_index(0, size, Vec::new());
        let roots = places.into_iter().map(|place| self.hash(place)).collect::<Result<_, _>>()?;
        Ok(Edge::new(size, roots))
    }
}

/// A file that grows at its end.
#[derive(Debug)]
pub(crate) struct GrowingFile {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    /// With what is still in the buffer.
    length: u64,
}

impl GrowingFile {
    pub(crate) fn open(path: PathBuf) -> Result<Self, LogError> {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(LogError::at(&path))?;
        let length = file.metadata().map_err(LogError::at(&path))?.len();
        Ok(Self { file, path, buffer: Vec::with_capacity(BUFFERED), length })
    }

    /// Keeps other writers away while this file is open; false if one is there.
    pub(crate) fn lock(&self) -> Result<bool, LogError> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(LogError::at(&self.path)(error)),
        }
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Drops what is beyond `length`, durably; how many bytes that were.
    pub(crate) fn cut(&mut self, length: u64) -> Result<u64, LogError> {
        let dropped = self.length.saturating_sub(length);
        if dropped > 0 {
            self.file.set_len(length).map_err(LogError::at(&self.path))?;
            self.file.sync_all().map_err(LogError::at(&self.path))?;
            self.length = length;
        }
        Ok(dropped)
    }

    /// Adds bytes, most often to the buffer alone.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.buffer.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.buffer.len() < BUFFERED { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.file.write_all(&self.buffer).map_err(LogError::at(&self.path))?;
        self.buffer.clear();
        Ok(())
    }

    /// Brings everything to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), LogError> {
        self.flush()?;
        self.file.sync_data().map_err(LogError::at(&self.path))
    }
}

/// Makes what was created or renamed in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), LogError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(LogError::at(folder))
}

/// Creates a folder, and those above it, if it is not there.
pub(crate) fn create_folder(folder: &Path) -> Result<(), LogError> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(LogError::at(folder))?;
    match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_folder(parent),
        None => Ok(()),
    }
}

/// Puts a checkpoint in the place of the last one: after a crash it is one or the other.
pub(crate) fn replace_checkpoint(folder: &Path, text: &str) -> Result<(), LogError> {
    let next = folder.join(NEXT_CHECKPOINT);
    let write = || {
        let mut file = File::create(&next)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(LogError::at(&next))?;
    take_next_checkpoint(folder)
}

/// The second half of [`replace_checkpoint`].
pub(crate) fn take_next_checkpoint(folder: &Path) -> Result<(), LogError> {
    let next = folder.join(NEXT_CHECKPOINT);
    std::fs::rename(&next, folder.join(CHECKPOINT)).map_err(LogError::at(&next))?;
    sync_folder(folder)
}

/// The text of a checkpoint file, `None` if there is none.
pub(crate) fn read_checkpoint(path: &Path) -> Result<Option<String>, LogError> {
    let Some(bytes) = read_bounded(path, LONGEST_CHECKPOINT)? else { return Ok(None) };
    let text = String::from_utf8(bytes);
    text.map(Some).map_err(|_| LogError::CheckpointMalformed { detail: "it is not UTF-8" })
}

/// The bytes of a file, at most one more than `longest`; `None` if there is no such file.
pub(crate) fn read_bounded(path: &Path, longest: usize) -> Result<Option<Vec<u8>>, LogError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::at(path)(error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(longest as u64 + 1).read_to_end(&mut bytes);
    read.map_err(LogError::at(path))?;
    Ok(Some(bytes))
}
