//! The embedded store: state and indexes in sled, what is large in append-only files beside it.

mod agents;
mod changes;
mod codec;
mod committer;
mod frozen;
mod key;
mod open;
mod reads;
#[cfg(test)]
mod tests;
mod transaction;
mod transactions;
mod values;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::frozen::{Frozen, load, values_path};

use self::agents::Agents;
use self::codec::decode;
use self::committer::{Committer, OnStop, Work};
pub(crate) use self::open::private_folder;
use self::values::{End, Reader, Writer};
use crate::store::{StoreError, Views};

/// The version of what is on disk.
const VERSION: u64 = 1;

/// How to open the store.
pub struct SledOptions {
    /// The data folder.
    pub folder: PathBuf,
    /// How many bytes the database may keep in memory.
    pub cache: u64,
    /// Told once, when the store stops for good.
    pub on_stop: OnStop,
}

/// The store, over one folder that no other process has open.
pub struct SledStore {
    // Dropped first: it works off what waits.
    committer: Committer,
    tree: sled::Db,
    values: Reader,
    agents: Arc<Agents>,
    _lock: File,
}

/// What was found when the store was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Whether the folder was new.
    pub new: bool,
    /// The sequence that the next event gets.
    pub next_event: u64,
    /// Size and root of the log's files as of their last mention.
    pub log: Option<(u64, [u8; 32])>,
    /// What was noted of the last restored backup.
    pub restored: Option<Vec<u8>>,
}

impl SledStore {
    /// Takes the folder and opens the database. `views` learns all that is to be kept in memory
    /// before this returns.
    pub fn open(options: SledOptions, views: Arc<dyn Views>) -> Result<(Self, Opened), StoreError> {
        let layout = open::Layout::of(&options.folder);
        let lock = open::lock(&options.folder, &layout)?;
        let tree = open::database(&layout, options.cache)?;
        let number = |key: &[u8]| -> Result<Option<u64>, StoreError> {
            let Some(bytes) = tree.get(key).map_err(failed)? else { return Ok(None) };
            let bytes = bytes.as_ref().try_into().map_err(|_| unreadable(key))?;
            Ok(Some(u64::from_be_bytes(bytes)))
        };
        let version = number(key::VERSION)?;
        if version.is_some_and(|version| version > VERSION) {
            return Err(StoreError::Damaged(format!(
                "{} was written by a newer version of bonafide",
                options.folder.display()
            )));
        }
        let next_event = number(key::NEXT_EVENT)?.unwrap_or(0);
        let end = match tree.get(key::VALUES_END).map_err(failed)? {
            Some(bytes) => End::from_bytes(&bytes).ok_or_else(|| unreadable(key::VALUES_END))?,
            None => End::START,
        };
        let log = match tree.get(key::LOG_WRITTEN).map_err(failed)? {
            Some(bytes) => {
                Some(log_from_bytes(&bytes).ok_or_else(|| unreadable(key::LOG_WRITTEN))?)
            }
            None => None,
        };
        let values = Writer::open(&layout.values, end)?;
        let path = layout.database.join("db");
        let database = File::open(&path)
            .map_err(|error| StoreError::Stopped(format!("{}: {error}", path.display())))?;
        if version.is_none() {
            tree.insert(key::VERSION, &VERSION.to_be_bytes()).map_err(failed)?;
        }
        reads::show(&tree, views.as_ref())?;
        let agents = Arc::new(Agents::default());
        let work = Work {
            agents: Arc::clone(&agents),
            tree: tree.clone(),
            database,
            path,
            values,
            next_event,
            views,
            on_stop: Some(options.on_stop),
        };
        let committer = Committer::start(work)?;
        let values = Reader::new(&layout.values);
        let restored = tree.get(key::RESTORED).map_err(failed)?.map(|noted| noted.to_vec());
        let opened = Opened { new: version.is_none(), next_event, log, restored };
        Ok((Self { committer, tree, values, agents, _lock: lock }, opened))
    }

    /// Whether it still writes.
    pub fn is_running(&self) -> bool {
        self.committer.is_running()
    }

    /// How many bytes the database takes on disk.
    pub fn size_on_disk(&self) -> u64 {
        self.tree.size_on_disk().unwrap_or(0)
    }

    /// Whether `folder` holds a store.
    pub fn is_at(folder: &Path) -> bool {
        open::Layout::of(folder).database.join("db").exists()
    }
}

fn log_from_bytes(bytes: &[u8]) -> Option<(u64, [u8; 32])> {
    let (size, root) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*size), root.try_into().ok()?))
}

fn failed(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Damaged(error.to_string()),
        other => StoreError::Stopped(other.to_string()),
    }
}

fn unreadable(key: &[u8]) -> StoreError {
    StoreError::Damaged(format!("the value of {:?} can't be read", String::from_utf8_lossy(key)))
}
