//! What an auditor does with files alone, without the service: over the log's own folder, or over
//! a copy in the layout of tlog-tiles (`checkpoint`, `tile/…`) as a mirror downloads it.

use std::path::{Path, PathBuf};

use tlog_tiles::tile::Tile;
use tlog_tiles::tlog::HASH_SIZE;

use super::bundle::{LONGEST_BUNDLE, split, take};
use super::checkpoint::Checkpoint;
use super::files::{
    CHECKPOINT, ENTRIES, HASHES, OFFSETS, create_folder, read_bounded, read_checkpoint,
    replace_checkpoint, width_in,
};
use super::proof::InclusionProof;
use super::tree::{Edge, Kept, Node, record_hash};
use super::{LogError, LogKey, LogReader, TILE_WIDTH, TileKind, TilePath};

/// The height of a tile.
const HEIGHT: u8 = 8;

/// What was found of a log that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The size and root that every entry was checked against.
    pub checkpoint: Checkpoint,
    /// How many earlier checkpoints were shown to be its beginnings.
    pub consistent_with: usize,
    /// Bytes of entries beyond the checkpoint: of a service that runs, or that crashed.
    pub unpublished: u64,
}

/// Hashes every entry, compares every kept hash and the root with what comes out, and compares
/// every earlier checkpoint with the tree as it was at its size. Reads the log once, a bundle at a
/// time.
///
/// Without an earlier checkpoint from elsewhere, entries dropped from the end by whoever has the
/// key can't be seen, nor that the log is another one.
pub fn verify(folder: &Path, key: &LogKey, older: &[Checkpoint]) -> Result<Report, LogError> {
    verify_telling(folder, key, older, &mut |_, _| ())
}

/// Told now and then how many entries are done, and of how many.
pub type Progress<'p> = dyn FnMut(u64, u64) + 'p;

/// [`verify`], telling how far it is.
pub fn verify_telling(
    folder: &Path,
    key: &LogKey,
    older: &[Checkpoint],
    progress: &mut Progress<'_>,
) -> Result<Report, LogError> {
    let largest = older.iter().map(Checkpoint::size).max();
    let Some(text) = read_checkpoint(&folder.join(CHECKPOINT))? else {
        return Err(match largest {
            Some(older) => LogError::RolledBack { size: 0, older },
            None => LogError::CheckpointMissing { folder: folder.to_owned() },
        });
    };
    let checkpoint = Checkpoint::verify(&text, key)?;
    older.iter().try_for_each(|older| checkpoint.check_not_before(older))?;
    let source = Source::open(folder, checkpoint.size(), text)?;
    let mut audit = Audit::new(older);
    for bundle in 0..checkpoint.size().div_ceil(TILE_WIDTH.into()) {
        let checked = audit.check_bundle(bundle, &source);
        // A changed length spoils what follows it, so the first fault is the one to tell of.
        checked.map_err(|error| audit.changed_entry().unwrap_or(error))?;
        progress(audit.edge.size(), checkpoint.size());
    }
    audit.check_last_tiles(&source)?;
    audit.conclude(&checkpoint)?;
    let unpublished = source.unpublished()?;
    Ok(Report { checkpoint, consistent_with: older.len(), unpublished })
}

/// Writes a log in the layout of tlog-tiles, for any static file server. The checkpoint comes
/// last, so a copy that was interrupted still is what its checkpoint says.
pub fn export(reader: &LogReader, target: &Path) -> Result<(), LogError> {
    export_telling(reader, target, &mut |_, _| ())
}

/// [`export`], telling how far it is.
pub fn export_telling(
    reader: &LogReader,
    target: &Path,
    progress: &mut Progress<'_>,
) -> Result<(), LogError> {
    let published = reader.published();
    let checkpoint = published
        .checkpoint
        .ok_or_else(|| LogError::CheckpointMissing { folder: target.to_owned() })?;
    create_folder(target)?;
    for level in 0..=63 {
        let hashes = published.size.checked_shr(u32::from(level) * 8).unwrap_or(0);
        for index in 0..hashes.div_ceil(TILE_WIDTH.into()) {
            let width = width_in(hashes, index);
            let write = |kind, bytes: Option<Vec<u8>>| match bytes {
                Some(bytes) => write_tile(target, TilePath { kind, index, width }, &bytes),
                None => Err(LogError::NotInLog { index, size: published.size }),
            };
            write(TileKind::Hashes(level), reader.tile(level, index, width)?)?;
            if level == 0 {
                write(TileKind::Entries, reader.entries(index, width)?)?;
                let done = index * u64::from(TILE_WIDTH) + u64::from(width);
                progress(done, published.size);
            }
        }
    }
    replace_checkpoint(target, &checkpoint)
}

fn write_tile(target: &Path, path: TilePath, bytes: &[u8]) -> Result<(), LogError> {
    let path = target.join(path.to_string());
    // What is there already may be in use: it is not written again.
    if read_bounded(&path, bytes.len())?.is_some_and(|found| found == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(LogError::at(folder))?;
    }
    std::fs::write(&path, bytes).map_err(LogError::at(&path))
}

/// Proves an entry under the folder's checkpoint. The proof was checked; the rest of the log was
/// not.
pub fn prove(folder: &Path, key: &LogKey, index: u64) -> Result<InclusionProof, LogError> {
    let text = read_checkpoint(&folder.join(CHECKPOINT))?
        .ok_or_else(|| LogError::CheckpointMissing { folder: folder.to_owned() })?;
    let size = Checkpoint::verify(&text, key)?.size();
    if index >= size {
        return Err(LogError::NotInLog { index, size });
    }
    let source = Source::open(folder, size, text.clone())?;
    let hashes = source.inclusion(index, size)?;
    let proof = InclusionProof { extra: None, index, hashes, checkpoint: text };
    proof.check(Entries::new(source).get(index)?, key)?;
    Ok(proof)
}

/// The entries of a log, to be read in any order. Whether they are those that were signed, only
/// [`verify`] shows.
pub struct Entries {
    source: Source,
    /// The last bundle that was read, and its number.
    bundle: Option<(u64, Vec<u8>)>,
}

impl Entries {
    /// Opens a log's folder, or a copy in tiles, at its checkpoint.
    pub fn open(folder: &Path, key: &LogKey) -> Result<Self, LogError> {
        let text = read_checkpoint(&folder.join(CHECKPOINT))?
            .ok_or_else(|| LogError::CheckpointMissing { folder: folder.to_owned() })?;
        let size = Checkpoint::verify(&text, key)?.size();
        Ok(Self::new(Source::open(folder, size, text)?))
    }

    fn new(source: Source) -> Self {
        Self { source, bundle: None }
    }

    /// How many there are.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// The entry at this place.
    pub fn get(&mut self, index: u64) -> Result<&[u8], LogError> {
        let size = self.source.size();
        if index >= size {
            return Err(LogError::NotInLog { index, size });
        }
        let bundle = index / u64::from(TILE_WIDTH);
        let width = width_in(size, bundle);
        let (_, bytes) = match self.bundle.take().filter(|(read, _)| *read == bundle) {
            Some(read) => self.bundle.insert(read),
            None => self.bundle.insert((bundle, self.source.entries(bundle, width)?)),
        };
        let place = usize::try_from(index % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
        let entries = split(bytes, bundle, width)?;
        entries.get(place).copied().ok_or(LogError::NotInLog { index, size })
    }
}

/// Where a log's data come from.
enum Source {
    /// The service's own folder.
    Service(Box<LogReader>),
    /// Tiles, of a log of this size.
    Tiles { folder: PathBuf, size: u64 },
}

impl Source {
    fn open(folder: &Path, size: u64, text: String) -> Result<Self, LogError> {
        if [ENTRIES, OFFSETS, HASHES].iter().any(|name| folder.join(name).exists()) {
            return Ok(Self::Service(Box::new(LogReader::at_size(folder, size, text)?)));
        }
        Ok(Self::Tiles { folder: folder.to_owned(), size })
    }

    fn size(&self) -> u64 {
        match self {
            Self::Service(reader) => reader.size(),
            Self::Tiles { size, .. } => *size,
        }
    }

    /// A bundle of exactly `width` entries.
    fn entries(&self, bundle: u64, width: u16) -> Result<Vec<u8>, LogError> {
        match self {
            Self::Service(reader) => {
                let size = reader.size();
                reader.entries(bundle, width)?.ok_or(LogError::NotInLog { index: bundle, size })
            }
            Self::Tiles { folder, .. } => {
                let path = TilePath { kind: TileKind::Entries, index: bundle, width };
                let (mut bytes, width_found) = read_tile(folder, path, LONGEST_BUNDLE)?;
                if width < width_found
                    && let Some((_, used)) = take(&bytes, width)
                {
                    bytes.truncate(used);
                }
                Ok(bytes)
            }
        }
    }

    /// The audit path of an entry.
    fn inclusion(&self, index: u64, size: u64) -> Result<Vec<super::Hash>, LogError> {
        match self {
            Self::Service(reader) => reader.inclusion_proof(index, size),
            Self::Tiles { folder, size } => {
                let read = |place| hash_in_tiles(folder, *size, place);
                Kept::new(&read).inclusion(index, *size)
            }
        }
    }

    fn unpublished(&self) -> Result<u64, LogError> {
        match self {
            Self::Service(reader) => reader.unpublished(),
            Self::Tiles { .. } => Ok(0),
        }
    }
}

/// A hash by its place in the order in which they came to be, from the tile that it is in or that
/// is below it.
fn hash_in_tiles(folder: &Path, size: u64, place: u64) -> Result<Node, LogError> {
    let least = Tile::from_index(HEIGHT, place);
    let (level, index) = (least.level(), least.level_index());
    let hashes = size.checked_shr(u32::from(level) * 8).unwrap_or(0);
    let width = width_in(hashes, index);
    if u32::from(width) < least.width() {
        return Err(LogError::NotInLog { index, size });
    }
    let bytes = hash_tile(folder, level, index, width)?;
    let tile = Tile::new(HEIGHT, level, index, width.into(), false);
    tile.hash_at_index(&bytes, place).map_err(|_| LogError::NotInLog { index, size })
}

/// The bytes of a tile of hashes, exactly `width` of them.
fn hash_tile(folder: &Path, level: u8, index: u64, width: u16) -> Result<Vec<u8>, LogError> {
    let path = TilePath { kind: TileKind::Hashes(level), index, width };
    let longest = usize::from(TILE_WIDTH) * HASH_SIZE;
    let (mut bytes, width_found) = read_tile(folder, path, longest)?;
    let expected = usize::from(width_found) * HASH_SIZE;
    if bytes.len() != expected {
        let (path, found) = (folder.join(path.to_string()), bytes.len());
        return Err(LogError::TileMalformed { path, found, expected });
    }
    bytes.truncate(usize::from(width) * HASH_SIZE);
    Ok(bytes)
}

/// A tile's bytes and its width: what was asked for, or the full one that came after it, for which
/// mirrors may drop it.
fn read_tile(folder: &Path, path: TilePath, longest: usize) -> Result<(Vec<u8>, u16), LogError> {
    let full = TilePath { width: TILE_WIDTH, ..path };
    for path in [path, full] {
        if let Some(bytes) = read_bounded(&folder.join(path.to_string()), longest)? {
            return Ok((bytes, path.width));
        }
    }
    Err(LogError::TileMissing { path: folder.join(path.to_string()) })
}

/// The state of an audit.
struct Audit<'a> {
    edge: Edge,
    /// For each level of tiles, the hashes computed since its last full one.
    tiles: Vec<Vec<Node>>,
    /// The first kept hash that is not the one computed: level and index.
    fault: Option<(u8, u64)>,
    /// Earlier checkpoints not yet reached, the smallest last.
    older: Vec<&'a Checkpoint>,
    /// The size of the first earlier checkpoint that had another root.
    rewritten: Option<u64>,
}

impl<'a> Audit<'a> {
    fn new(older: &'a [Checkpoint]) -> Self {
        let mut older: Vec<_> = older.iter().collect();
        older.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size()));
        let mut audit =
            Self { edge: Edge::default(), tiles: Vec::new(), fault: None, older, rewritten: None };
        audit.compare_older();
        audit
    }

    /// Adds the entries of a bundle to the tree and compares what is complete with them.
    fn check_bundle(&mut self, bundle: u64, source: &Source) -> Result<(), LogError> {
        let width = width_in(source.size(), bundle);
        let bytes = source.entries(bundle, width)?;
        let first = self.edge.size();
        let mut computed = Vec::with_capacity(2 * usize::from(TILE_WIDTH));
        for entry in split(&bytes, bundle, width)? {
            self.edge.push(record_hash(entry), &mut computed);
            self.compare_older();
        }
        match source {
            Source::Service(reader) => {
                let kept = reader.kept_with(bundle, computed.len())?;
                let pairs = coordinates(first).zip(computed.iter().zip(&kept));
                let mut wrong = pairs.filter(|(_, (computed, kept))| computed != kept);
                self.fault = self.fault.or(wrong.next().map(|(place, _)| place));
                Ok(())
            }
            Source::Tiles { folder, .. } => {
                for ((level, index), hash) in coordinates(first).zip(computed) {
                    self.gather(folder, level, index, hash)?;
                }
                Ok(())
            }
        }
    }

    /// Compares the root with the earlier checkpoints of this size.
    fn compare_older(&mut self) {
        while let Some(older) = self.older.pop_if(|older| older.size() == self.edge.size()) {
            if older.root() != self.edge.root() {
                self.rewritten = self.rewritten.or(Some(older.size()));
            }
        }
    }

    /// Adds a hash to its tile, and compares the tile once it is full.
    fn gather(&mut self, folder: &Path, level: u8, index: u64, hash: Node) -> Result<(), LogError> {
        if !level.is_multiple_of(HEIGHT) {
            return Ok(());
        }
        let level = level / HEIGHT;
        let tile = usize::from(level);
        if self.tiles.len() <= tile {
            self.tiles.push(Vec::with_capacity(TILE_WIDTH.into()));
        }
        self.tiles[tile].push(hash);
        if self.tiles[tile].len() < usize::from(TILE_WIDTH) {
            return Ok(());
        }
        self.compare_tile(folder, level, index / u64::from(TILE_WIDTH))
    }

    fn compare_tile(&mut self, folder: &Path, level: u8, index: u64) -> Result<(), LogError> {
        let computed = std::mem::take(&mut self.tiles[usize::from(level)]);
        let width = u16::try_from(computed.len()).unwrap_or(TILE_WIDTH);
        let kept = hash_tile(folder, level, index, width)?;
        let kept = kept.as_chunks::<HASH_SIZE>().0;
        let wrong = computed.iter().zip(kept).position(|(computed, kept)| computed.0 != *kept);
        let wrong = wrong.map(|n| (level * HEIGHT, index * u64::from(TILE_WIDTH) + n as u64));
        self.fault = self.fault.or(wrong);
        Ok(())
    }

    /// Compares the tiles that are not full.
    fn check_last_tiles(&mut self, source: &Source) -> Result<(), LogError> {
        let Source::Tiles { folder, size } = source else { return Ok(()) };
        for level in 0..self.tiles.len() {
            if !self.tiles[level].is_empty() {
                let level = u8::try_from(level).unwrap_or(u8::MAX);
                let index = size.checked_shr((u32::from(level) + 1) * 8).unwrap_or(0);
                self.compare_tile(folder, level, index)?;
            }
        }
        Ok(())
    }

    fn changed_entry(&self) -> Option<LogError> {
        match self.fault {
            Some((0, index)) => Some(LogError::EntryChanged { index }),
            _ => None,
        }
    }

    /// Whether the entries, the hashes or the history are at fault: if the root is
    /// the one signed, the entries are good.
    fn conclude(&self, checkpoint: &Checkpoint) -> Result<(), LogError> {
        if let Err(error) = checkpoint.check_root(self.edge.root()) {
            return Err(self.changed_entry().unwrap_or(error));
        }
        if let Some(older) = self.rewritten {
            return Err(LogError::Rewritten { older });
        }
        match self.fault {
            Some((level, index)) => Err(LogError::HashChanged { level, index }),
            None => Ok(()),
        }
    }
}

/// Level and index of the hashes that come with leaf `first` and those after it, in their order.
fn coordinates(first: u64) -> impl Iterator<Item = (u8, u64)> {
    (first..).flat_map(|leaf| {
        let complete = u8::try_from(leaf.trailing_ones()).unwrap_or(u8::MAX);
        (0..=complete).map(move |level| (level, leaf >> level))
    })
}
