//! Appending to a log and publishing it. There is one writer, owned by one thread.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bonafide_proof::Signer;

use super::files::{
    CHECKPOINT, ENTRIES, GrowingFile, HASHES, NEXT_CHECKPOINT, OFFSET_SIZE, OFFSETS,
    STORED_HASH_SIZE, create_folder, read_checkpoint, replace_checkpoint, sync_folder,
    take_next_checkpoint,
};
use super::reader::Published;
use super::tree::{Edge, record_hash, stored_hash_count};
use super::{Checkpoint, Hash, LONGEST_ENTRY, LogError, LogKey, LogReader, TILE_WIDTH};

/// The one writer of a log.
///
/// After an error of the files it takes nothing more: what is on the disk is not known then, and a
/// second fsync would say "done" about pages that the first one lost. Opening anew finds out.
#[derive(Debug)]
pub struct LogWriter {
    folder: PathBuf,
    key: LogKey,
    entries: GrowingFile,
    offsets: GrowingFile,
    hashes: GrowingFile,
    edge: Edge,
    reader: Arc<LogReader>,
    dropped: u64,
    stopped: bool,
}

impl LogWriter {
    /// Opens a log, or begins one in a new or empty folder. The root is recomputed from the right
    /// edge of the hashes and compared with the checkpoint, and what lies beyond it is cut off:
    /// that was never published.
    ///
    /// Publish at once after the first opening. From then on a missing checkpoint is a fault and
    /// never taken for a log that has not begun.
    pub fn open(folder: &Path, key: LogKey) -> Result<(Self, Arc<LogReader>), LogError> {
        create_folder(folder)?;
        let file = |name| GrowingFile::open(folder.join(name));
        let entries = file(ENTRIES)?;
        if !entries.lock()? {
            return Err(LogError::InUse { folder: folder.to_owned() });
        }
        let (offsets, hashes) = (file(OFFSETS)?, file(HASHES)?);
        sync_folder(folder)?;
        let (reader, edge) = match recover(folder, &key)? {
            Some(recovered) => recovered,
            None if entries.length() + offsets.length() + hashes.length() > 0 => {
                return Err(LogError::CheckpointMissing { folder: folder.to_owned() });
            }
            None => (LogReader::empty(folder)?, Edge::default()),
        };
        let reader = Arc::new(reader);
        let mut writer = Self {
            folder: folder.to_owned(),
            key,
            entries,
            offsets,
            hashes,
            edge,
            reader: Arc::clone(&reader),
            dropped: 0,
            stopped: false,
        };
        writer.cut_back()?;
        Ok((writer, reader))
    }

    fn cut_back(&mut self) -> Result<(), LogError> {
        let Published { size, entries_end, .. } = self.reader.published();
        self.dropped = self.entries.cut(entries_end)?;
        self.offsets.cut(size.div_ceil(TILE_WIDTH.into()) * OFFSET_SIZE)?;
        self.hashes.cut(stored_hash_count(size) * STORED_HASH_SIZE)?;
        Ok(())
    }

    /// How many bytes of entries that were never published opening cut off. More than a batch says
    /// that somebody put back an older checkpoint.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many entries there are with those not yet published.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root with those not yet published.
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Appends entries and gives their indexes. All or, if one is too long, none. They are neither
    /// durable nor visible before [`publish`](Self::publish).
    pub fn append(&mut self, entries: &[impl AsRef<[u8]>]) -> Result<Range<u64>, LogError> {
        self.check_not_stopped()?;
        let mut lengths = entries.iter().map(|entry| entry.as_ref().len()).enumerate();
        if let Some((position, bytes)) = lengths.find(|(_, bytes)| *bytes > LONGEST_ENTRY) {
            return Err(LogError::EntryTooLarge { position, bytes });
        }
        let first = self.edge.size();
        for entry in entries {
            let appended = self.append_one(entry.as_ref());
            self.note_failure(appended)?;
        }
        Ok(first..self.edge.size())
    }

    fn append_one(&mut self, entry: &[u8]) -> Result<(), LogError> {
        if self.edge.size().is_multiple_of(TILE_WIDTH.into()) {
            self.offsets.push(&self.entries.length().to_le_bytes())?;
        }
        // Longer entries were refused before.
        let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
        self.entries.push(&length.to_be_bytes())?;
        self.entries.push(entry)?;
        let mut hashes = Vec::with_capacity(8);
        self.edge.push(record_hash(entry), &mut hashes);
        hashes.iter().try_for_each(|hash| self.hashes.push(&hash.0))
    }

    /// Makes everything appended durable, signs its size and root, and shows it to the readers.
    /// Gives the checkpoint: the last one if there is nothing new.
    pub fn publish(&mut self, signer: &dyn Signer) -> Result<Arc<str>, LogError> {
        self.check_not_stopped()?;
        let last = self.reader.published();
        if let Some(checkpoint) = last.checkpoint.filter(|_| last.size == self.edge.size()) {
            return Ok(checkpoint);
        }
        let published = self.publish_new(signer);
        self.note_failure(published)
    }

    fn publish_new(&mut self, signer: &dyn Signer) -> Result<Arc<str>, LogError> {
        // What a checkpoint promises must be there first.
        self.entries.sync()?;
        self.offsets.sync()?;
        self.hashes.sync()?;
        let size = self.edge.size();
        let text: Arc<str> = Checkpoint::sign(size, self.edge.root(), &self.key, signer)?.into();
        replace_checkpoint(&self.folder, &text)?;
        self.reader.publish(Published {
            size,
            entries_end: self.entries.length(),
            checkpoint: Some(Arc::clone(&text)),
        });
        Ok(text)
    }

    fn check_not_stopped(&self) -> Result<(), LogError> {
        if self.stopped { Err(LogError::Stopped) } else { Ok(()) }
    }

    fn note_failure<T>(&mut self, result: Result<T, LogError>) -> Result<T, LogError> {
        self.stopped |= matches!(result, Err(LogError::Io { .. }));
        result
    }
}

/// The last state that was signed, if there is one.
fn recover(folder: &Path, key: &LogKey) -> Result<Option<(LogReader, Edge)>, LogError> {
    let last = match read_checkpoint(&folder.join(CHECKPOINT))? {
        Some(text) => Some((Checkpoint::verify(&text, key)?, text)),
        None => None,
    };
    // One that was signed before a crash but not put into place still counts: after it, no other
    // may be signed for its size.
    let next = folder.join(NEXT_CHECKPOINT);
    if let Some(text) = read_checkpoint(&next).or_else(not_whole)? {
        let signed = Checkpoint::verify(&text, key).ok();
        let is_new =
            |new: &Checkpoint| last.as_ref().is_none_or(|(old, _)| new.size() > old.size());
        if let Some(checkpoint) = signed.filter(is_new) {
            let recovered = reopen(folder, &checkpoint, text)?;
            take_next_checkpoint(folder)?;
            return Ok(Some(recovered));
        }
        std::fs::remove_file(&next).map_err(LogError::at(&next))?;
    }
    last.map(|(checkpoint, text)| reopen(folder, &checkpoint, text)).transpose()
}

fn reopen(
    folder: &Path,
    checkpoint: &Checkpoint,
    text: String,
) -> Result<(LogReader, Edge), LogError> {
    let reader = LogReader::at_size(folder, checkpoint.size(), text)?;
    let edge = reader.check_edge(checkpoint)?;
    Ok((reader, edge))
}

/// A file cut in the middle of a character is as good as none.
fn not_whole(error: LogError) -> Result<Option<String>, LogError> {
    match error {
        LogError::CheckpointMalformed { .. } => Ok(Some(String::new())),
        error => Err(error),
    }
}
