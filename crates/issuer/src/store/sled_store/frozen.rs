//! The store as it was at one moment, to be copied while it goes on.
//!
//! The database has no snapshots, and copying it while nothing is written would make everybody
//! wait. So from that moment on the committer puts aside what it is about to overwrite: whoever
//! walks through the tree takes that instead of what is there now. What is large lies in files that
//! only grow, of which the length at that moment is known.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use super::values::{self, End};
use super::{SledStore, failed, key, open};
use crate::store::{Pending, StoreError};

/// So many bytes are put aside at most; then writing waits until the walk is over.
const MOST_KEPT: usize = 64 << 20;
/// What an entry costs besides its bytes.
const ENTRY: usize = 96;
/// No key and no value in a dump is longer.
const LONGEST: u32 = 16 << 20;
/// How many bytes of records are written to a new database at once.
const BATCH: usize = 1 << 20;

/// What was put aside, `None` for what was not there.
#[derive(Default)]
struct Kept {
    before: HashMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
    done: bool,
}

/// Between the committer, which puts aside, and the one walk.
#[derive(Default)]
pub(super) struct Aside {
    kept: Mutex<Kept>,
    done: Condvar,
}

impl Aside {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before `keys` are written: keeps what they hold now.
    pub(super) fn keep<'k>(
        &self,
        tree: &sled::Tree,
        keys: impl Iterator<Item = &'k Vec<u8>>,
    ) -> Result<(), sled::Error> {
        let mut kept = self.kept();
        while kept.bytes > MOST_KEPT && !kept.done {
            kept = self.done.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
        for key in keys {
            if kept.done {
                break;
            }
            if kept.before.contains_key(key) {
                continue;
            }
            let value = tree.get(key)?.map(|value| value.to_vec());
            kept.bytes += ENTRY + key.len() + value.as_ref().map_or(0, Vec::len);
            kept.before.insert(key.clone(), value);
        }
        Ok(())
    }

    /// Nothing needs to be put aside any more. Gives what was.
    fn finish(&self) -> HashMap<Vec<u8>, Option<Vec<u8>>> {
        let mut kept = self.kept();
        kept.done = true;
        self.done.notify_all();
        std::mem::take(&mut kept.before)
    }
}

/// The store at one moment.
pub struct Frozen {
    tree: sled::Db,
    aside: Arc<Aside>,
    values: PathBuf,
    end: End,
    next_event: u64,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.aside.finish();
    }
}

impl Frozen {
    /// Between two groups, in the committer.
    pub(super) fn now(
        tree: &sled::Db,
        values: &Path,
        next_event: u64,
    ) -> Result<(Self, Weak<Aside>), StoreError> {
        let end = match tree.get(key::VALUES_END).map_err(failed)? {
            Some(bytes) => {
                End::from_bytes(&bytes).ok_or_else(|| super::unreadable(key::VALUES_END))?
            }
            None => End::START,
        };
        let aside = Arc::new(Aside::default());
        let weak = Arc::downgrade(&aside);
        let (tree, values) = (tree.clone(), values.to_owned());
        Ok((Self { tree, aside, values, end, next_event }, weak))
    }

    /// The sequence that the next event would have got.
    pub fn next_event(&self) -> u64 {
        self.next_event
    }

    /// The files of values: number, path, and how many bytes of each count.
    pub fn value_files(&self) -> Result<Vec<(u32, PathBuf, u64)>, StoreError> {
        let file = |number| {
            let path = values::path(&self.values, number);
            let length = match number == self.end.file {
                true => self.end.at,
                false => std::fs::metadata(&path).map_err(|error| at(&path, &error))?.len(),
            };
            Ok((number, path, length))
        };
        (1..=self.end.file).map(file).collect()
    }

    /// Writes every record: the lengths of key and value (big-endian uint32), then both. Once, since
    /// nothing is put aside after it. Gives how many records there are.
    pub fn dump(&self, out: &mut dyn Write) -> Result<u64, StoreError> {
        let mut count = 0;
        let mut write = |key: &[u8], value: &[u8]| -> Result<(), StoreError> {
            let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let (k, v) = (length(key), length(value));
            if k > LONGEST || v > LONGEST {
                return Err(StoreError::Damaged("a record is longer than any can be".to_owned()));
            }
            count += 1;
            [&k.to_be_bytes()[..], &v.to_be_bytes(), key, value]
                .iter()
                .try_for_each(|bytes| out.write_all(bytes))
                .map_err(|error| StoreError::Stopped(format!("the copy: {error}")))
        };
        for item in &*self.tree {
            let (key, value) = item.map_err(failed)?;
            // Asked after it was read: if this is newer than the moment, it was put aside before.
            if !self.aside.kept().before.contains_key(key.as_ref()) {
                write(&key, &value)?;
            }
        }
        // What was written before it was put aside comes a second time, as it was the first time.
        for (key, value) in self.aside.finish() {
            if let Some(value) = value {
                write(&key, &value)?;
            }
        }
        Ok(count)
    }
}

impl SledStore {
    /// The store as it is between two groups of transactions, with all that was acknowledged
    /// before. `with` runs at the same moment.
    pub fn freeze<T: Send + 'static>(
        &self,
        with: impl FnOnce() -> T + Send + 'static,
    ) -> Pending<(Frozen, T)> {
        self.committer.freeze(with)
    }
}

/// Makes the database of a new data folder from a dump.
pub fn load(
    folder: &Path,
    dump: &mut dyn Read,
    records: u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), StoreError> {
    let layout = open::Layout::of(folder);
    let tree = open::database(&layout, 64 << 20)?;
    let cut = || StoreError::Damaged("the dump of the database ends too early".to_owned());
    let (mut batch, mut bytes) = (sled::Batch::default(), 0);
    for record in 0..records {
        let mut lengths = [0; 8];
        dump.read_exact(&mut lengths).map_err(|_| cut())?;
        let [k0, k1, k2, k3, v0, v1, v2, v3] = lengths;
        let (k, v) = (u32::from_be_bytes([k0, k1, k2, k3]), u32::from_be_bytes([v0, v1, v2, v3]));
        if k > LONGEST || v > LONGEST {
            return Err(StoreError::Damaged("a record is longer than any can be".to_owned()));
        }
        let (mut key, mut value) = (vec![0; k as usize], vec![0; v as usize]);
        dump.read_exact(&mut key).and_then(|()| dump.read_exact(&mut value)).map_err(|_| cut())?;
        bytes += key.len() + value.len();
        batch.insert(key, value);
        if bytes >= BATCH {
            tree.apply_batch(std::mem::take(&mut batch)).map_err(failed)?;
            bytes = 0;
            progress(record, records);
        }
    }
    if dump.read(&mut [0]).map_err(|_| cut())? > 0 {
        return Err(StoreError::Damaged("the dump has more than its records".to_owned()));
    }
    tree.apply_batch(batch).map_err(failed)?;
    tree.flush().map_err(failed)?;
    drop(tree);
    let file = layout.database.join("db");
    let synced = std::fs::File::open(&file).and_then(|file| file.sync_all());
    let folder = std::fs::File::open(&layout.database).and_then(|folder| folder.sync_all());
    synced.and(folder).map_err(|error| at(&file, &error))
}

/// Where a file of values lies in a data folder.
pub fn values_path(folder: &Path, number: u32) -> PathBuf {
    values::path(&open::Layout::of(folder).values, number)
}

fn at(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Stopped(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    /// A generator of numbers that is the same each time.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *state >> 33
    }

    #[test]
    fn a_dump_is_of_one_moment_while_everything_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let tree = sled::Config::new().path(folder.path()).open().unwrap();
        let key = |number: u64| number.to_be_bytes().to_vec();
        let mut state = 7;
        for number in 0..20_000 {
            tree.insert(key(number * 3), format!("{}", next(&mut state)).into_bytes()).unwrap();
        }
        for round in 0..5_u64 {
            let expected: BTreeMap<Vec<u8>, Vec<u8>> = tree
                .iter()
                .map(|item| item.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap())
                .collect();
            let (frozen, aside) = Frozen::now(&tree, folder.path(), 0).unwrap();
            let (stop, groups, mut dump) = (AtomicBool::new(false), AtomicU32::new(0), Vec::new());
            let count = std::thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    let mut state = round;
                    while !stop.load(Ordering::Relaxed) {
                        let mut written = BTreeMap::new();
                        for _ in 0..200 {
                            let value =
                                (!next(&mut state).is_multiple_of(4)).then(|| vec![9_u8; 20]);
                            written.insert(key(next(&mut state) % 60_000), value);
                        }
                        if let Some(aside) = aside.upgrade() {
                            aside.keep(&tree, written.keys()).unwrap();
                        }
                        let mut batch = sled::Batch::default();
                        for (key, value) in written {
                            match value {
                                Some(value) => batch.insert(key, value),
                                None => batch.remove(key),
                            }
                        }
                        tree.apply_batch(batch).unwrap();
                        groups.fetch_add(1, Ordering::Relaxed);
                    }
                });
                while groups.load(Ordering::Relaxed) == 0 {
                    std::thread::yield_now();
                }
                let count = frozen.dump(&mut dump).unwrap();
                stop.store(true, Ordering::Relaxed);
                writer.join().unwrap();
                count
            });
            let (mut found, mut rest, mut records) = (BTreeMap::new(), &dump[..], 0);
            while let Some((lengths, after)) = rest.split_first_chunk::<8>() {
                let length = |at: usize| {
                    u32::from_be_bytes(*lengths[at..].first_chunk::<4>().unwrap()) as usize
                };
                let (key, after) = after.split_at(length(0));
                let (value, after) = after.split_at(length(4));
                found.insert(key.to_vec(), value.to_vec());
                (rest, records) = (after, records + 1);
            }
            assert_eq!(records, count);
            assert!(found == expected, "round {round}, {groups:?} groups");
            // A new database from it holds the same.
            if round == 0 {
                let new = tempfile::tempdir().unwrap();
                load(new.path(), &mut &dump[..], count, &mut |_, _| ()).unwrap();
                let layout = open::Layout::of(new.path());
                let loaded = open::database(&layout, 1 << 20).unwrap();
                assert_eq!(loaded.len(), expected.len());
                assert!(
                    load(new.path(), &mut &dump[..dump.len() - 1], count, &mut |_, _| ()).is_err()
                );
            }
        }
    }

    #[test]
    fn whoever_writes_waits_for_a_walk_that_falls_behind_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let tree = sled::Config::new().path(folder.path()).open().unwrap();
        let (frozen, aside) = Frozen::now(&tree, folder.path(), 0).unwrap();
        let aside = aside.upgrade().unwrap();
        let keys: Vec<Vec<u8>> = vec![vec![1; MOST_KEPT], vec![2; 10]];
        aside.keep(&tree, keys[..1].iter()).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            aside.keep(&tree, keys[1..].iter()).unwrap();
            sender.send(()).unwrap();
        });
        let wait = std::time::Duration::from_millis(200);
        assert!(receiver.recv_timeout(wait).is_err());
        drop(frozen);
        receiver.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    }
}
