//! Reading a log while it grows: what was published, and never more.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::bundle;
use super::files::{
    CHECKPOINT, LogFiles, OFFSET_SIZE, STORED_HASH_SIZE, read_checkpoint, width_in,
};
use super::proof::InclusionProof;
use super::tree::{Edge, Kept, Node, first_stored, has_hash, record_hash, stored_hash_count};
use super::{Checkpoint, Hash, LogError, LogKey, TILE_WIDTH};

/// Reads what is published of a log. Cheap to share; any number of threads at once.
#[derive(Debug)]
pub struct LogReader {
    files: LogFiles,
    published: RwLock<Published>,
}

/// The state of the log that readers see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    pub(crate) size: u64,
    /// The byte in `entries` after the last entry.
    pub(crate) entries_end: u64,
    /// Its signed note. A log that never published has none.
    pub(crate) checkpoint: Option<Arc<str>>,
}

impl LogReader {
    /// A log's folder as it is at this moment, without a writer: for tools. The checkpoint is
    /// checked, and its root against the right edge of the hashes; not every entry, which
    /// [`verify`](super::offline::verify) does.
    pub fn open(folder: &Path, key: &LogKey) -> Result<Self, LogError> {
        let text = read_checkpoint(&folder.join(CHECKPOINT))?
            .ok_or_else(|| LogError::CheckpointMissing { folder: folder.to_owned() })?;
        let checkpoint = Checkpoint::verify(&text, key)?;
        let reader = Self::at_size(folder, checkpoint.size(), text)?;
        reader.check_edge(&checkpoint)?;
        Ok(reader)
    }

    /// The files up to a size, which they must reach.
    pub(crate) fn at_size(folder: &Path, size: u64, text: String) -> Result<Self, LogError> {
        let files = LogFiles::open(folder)?;
        files.offsets.require(size.div_ceil(TILE_WIDTH.into()) * OFFSET_SIZE)?;
        files.hashes.require(stored_hash_count(size) * STORED_HASH_SIZE)?;
        let entries_end = entries_end(&files, size)?;
        let published = Published { size, entries_end, checkpoint: Some(text.into()) };
        Ok(Self { files, published: RwLock::new(published) })
    }

    /// New files, of which nothing is published.
    pub(crate) fn empty(folder: &Path) -> Result<Self, LogError> {
        Ok(Self { files: LogFiles::open(folder)?, published: RwLock::default() })
    }

    /// Checks the root, and that the last entries are those of the last hashes: the ends of the
    /// files, which a crash may reach. Gives the right edge.
    pub(crate) fn check_edge(&self, checkpoint: &Checkpoint) -> Result<Edge, LogError> {
        let size = checkpoint.size();
        let edge = self.files.edge(size)?;
        checkpoint.check_root(edge.root())?;
        if let Some(last) = size.checked_sub(1) {
            let entry = self.entry(last)?.ok_or(LogError::NotInLog { index: last, size })?;
            if record_hash(&entry) != self.files.hash(first_stored(last))? {
                return Err(LogError::EntryChanged { index: last });
            }
        }
        Ok(edge)
    }

    /// How many entries are published.
    pub fn size(&self) -> u64 {
        self.published().size
    }

    /// The latest checkpoint; `None` before the first.
    pub fn checkpoint(&self) -> Option<Arc<str>> {
        self.published().checkpoint
    }

    /// The latest checkpoint, and up to where the files of entries, offsets and hashes belong to it.
    pub(crate) fn ends(&self) -> Option<(Arc<str>, [u64; 3])> {
        let Published { size, entries_end, checkpoint } = self.published();
        let offsets = size.div_ceil(TILE_WIDTH.into()) * OFFSET_SIZE;
        let hashes = stored_hash_count(size) * STORED_HASH_SIZE;
        Some((checkpoint?, [entries_end, offsets, hashes]))
    }

    pub(crate) fn published(&self) -> Published {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn publish(&self, published: Published) {
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = published;
    }

    /// A tile: `width` hashes (1 to 256) of 32 bytes, of the level 8 times `level`. `None` if not
    /// all of them are published.
    pub fn tile(&self, level: u8, index: u64, width: u16) -> Result<Option<Vec<u8>>, LogError> {
        let level = u32::from(level) * 8;
        let Some((first, last)) = range(index, width) else { return Ok(None) };
        if !has_hash(self.size(), level, last) {
            return Ok(None);
        }
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        let place = |index| tlog_tiles::tlog::stored_hash_index(level, index);
        if level > 0 {
            let hashes = (first..=last).map(|index| Ok(self.files.hash(place(index))?.0));
            return Ok(Some(hashes.collect::<Result<Vec<_>, LogError>>()?.concat()));
        }
        // Leaves lie close together, among the hashes that they completed.
        let start = place(first);
        let count = usize::try_from(place(last) - start + 1).unwrap_or(0);
        let hashes = self.files.hashes_from(start, count)?;
        let leaf = |index| usize::try_from(place(index) - start).ok().and_then(|n| hashes.get(n));
        Ok(Some((first..=last).filter_map(leaf).flat_map(|hash| hash.0).collect()))
    }

    /// A bundle of `width` entries (1 to 256) in their wire form. `None` if not all of them are
    /// published.
    pub fn entries(&self, index: u64, width: u16) -> Result<Option<Vec<u8>>, LogError> {
        let published = self.published();
        if range(index, width).is_none_or(|(_, last)| last >= published.size) {
            return Ok(None);
        }
        let is_last = width_in(published.size, index + 1) == 0;
        let end = if is_last { published.entries_end } else { self.files.offset(index + 1)? };
        let mut bytes = self.files.bundle_until(index, end)?;
        if width < width_in(published.size, index) {
            let (_, used) = bundle::take(&bytes, width).ok_or(LogError::BundleMalformed {
                bundle: index,
                detail: "an entry ends after the bundle does",
            })?;
            bytes.truncate(used);
        }
        Ok(Some(bytes))
    }

    /// An entry, `None` if it is not published.
    pub fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, LogError> {
        let bundle = index / u64::from(TILE_WIDTH);
        // At least 1: the entry is in its own bundle.
        let width = width_in(index.saturating_add(1), bundle);
        let Some(bytes) = self.entries(bundle, width)? else { return Ok(None) };
        let entries = bundle::split(&bytes, bundle, width)?;
        Ok(entries.last().map(|entry| entry.to_vec()))
    }

    /// The audit path of an entry in the tree of `size` entries, which must be published.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        self.check_size(size)?;
        Kept::new(&|place| self.files.hash(place)).inclusion(index, size)
    }

    /// That the first `old` of `size` published entries are still the same.
    pub fn consistency_proof(&self, old: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        self.check_size(size)?;
        Kept::new(&|place| self.files.hash(place)).consistency(old, size)
    }

    /// The root of the first `size` entries, which must be published.
    pub fn root_at(&self, size: u64) -> Result<Hash, LogError> {
        self.check_size(size)?;
        Ok(self.files.edge(size)?.root())
    }

    /// The proof of an entry under the latest checkpoint, for somebody without the log.
    pub fn prove(&self, index: u64) -> Result<InclusionProof, LogError> {
        let Published { size, checkpoint, .. } = self.published();
        let checkpoint = checkpoint.ok_or(LogError::NotInLog { index, size })?;
        let hashes = self.inclusion_proof(index, size)?;
        Ok(InclusionProof { extra: None, index, hashes, checkpoint: checkpoint.to_string() })
    }

    fn check_size(&self, size: u64) -> Result<(), LogError> {
        let published = self.size();
        if size <= published {
            return Ok(());
        }
        Err(LogError::NotInLog { index: size, size: published })
    }

    /// The hashes kept for the entries of a bundle, in their order, for the auditor.
    pub(crate) fn kept_with(&self, bundle: u64, count: usize) -> Result<Vec<Node>, LogError> {
        self.files.hashes_from(first_stored(bundle * u64::from(TILE_WIDTH)), count)
    }

    /// How many bytes of entries there are beyond what is published.
    pub(crate) fn unpublished(&self) -> Result<u64, LogError> {
        Ok(self.files.entries.length()?.saturating_sub(self.published().entries_end))
    }
}

/// The first and last of the `width` things in tile `index`.
fn range(index: u64, width: u16) -> Option<(u64, u64)> {
    let in_range = (1..=TILE_WIDTH).contains(&width);
    let first = index.checked_mul(TILE_WIDTH.into()).filter(|_| in_range)?;
    Some((first, first.checked_add(u64::from(width) - 1)?))
}

/// The byte after the last of `size` entries: found by walking the last bundle.
fn entries_end(files: &LogFiles, size: u64) -> Result<u64, LogError> {
    let Some(last) = size.checked_sub(1) else { return Ok(0) };
    let last = last / u64::from(TILE_WIDTH);
    let start = files.offset(last)?;
    files.entries.require(start)?;
    let length = files.entries.length()?;
    let end = length.min(start.saturating_add(bundle::LONGEST_BUNDLE as u64));
    let bytes = files.bundle_until(last, end)?;
    match bundle::take(&bytes, width_in(size, last)) {
        Some((_, used)) => Ok(start + used as u64),
        // The entry that is not whole says no more than: at least one byte.
        None => Err(files.entries.truncated(length, length + 1)),
    }
}
