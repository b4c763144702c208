//! Restoring a backup into a new folder: all of it is checked before it is called done.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufReader, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use bonafide_linked_data::SUITES;

use super::manifest::{Manifest, Part, PartKind};
use super::write::{LogKeys, Progress, to_hex};
use super::{BackupError, BackupFile};
use crate::audit;
use crate::environment::Environment;
use crate::keys::seal::SealingKey;
use crate::log::tree::{Edge, record_hash};
use crate::log::{Checkpoint, LogError, LogKey, offline};
use crate::restored::{Restored, unfinished};
use crate::service::log_folder_of;
use crate::signer::Signers;
use crate::state::State;
use crate::store::{
    Event, Instance, KeyRecord, List, SledOptions, SledStore, Status, StatusPlace, Store as _,
    StoreError, Token, Views, load,
};

/// How to restore.
pub struct Options<'o> {
    /// Where to; new or empty.
    pub target: &'o Path,
    /// The key that seals the backup and the keys in it. Without it neither is looked at.
    pub sealing: Option<SealingKey>,
    /// A checkpoint of the log that was kept elsewhere, the newest there is.
    pub checkpoint: Option<&'o str>,
    /// Whether an old backup is good enough.
    pub accept_loss: bool,
    /// Whether the log goes on under its name: the operator knows that nothing was published after
    /// the backup. The checkpoint must not be older than the backup's.
    pub continue_log: bool,
    /// Clock and randomness.
    pub environment: &'o Environment,
}

/// How the backup stands to the checkpoint that was kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There was none.
    Nothing,
    /// It is of the backup's beginning, or of all of it: it says nothing of what came later.
    Older,
    /// It shows that so many entries are missing.
    Newer(u64),
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the backup said.
    pub manifest: Manifest,
    /// SHA-256 of its manifest.
    pub digest: [u8; 32],
    /// What the backup's log ends at.
    pub checkpoint: Checkpoint,
    /// What the checkpoint from elsewhere shows.
    pub kept: Kept,
    /// Whether the seal was looked at, and every key opened.
    pub sealed: bool,
    /// Whether the log will go on under another name.
    pub new_log: bool,
}

/// Restores a backup. What is in the target after an error is taken away again.
pub fn restore(
    backup: &mut BackupFile,
    options: Options<'_>,
    progress: &mut Progress<'_>,
) -> Result<Outcome, BackupError> {
    if let Some(sealing) = &options.sealing {
        backup.check_seal(sealing)?;
    }
    let manifest = backup.manifest().clone();
    let key = LogKey::parse(&manifest.log_key)?;
    let checkpoint = Checkpoint::verify(&manifest.checkpoint, &key)?;
    let elsewhere = options.checkpoint.map(|text| Checkpoint::verify(text, &key)).transpose()?;
    // What was committed and not on the log's files yet is on them after the next start.
    let (has, known) = (manifest.events, elsewhere.as_ref().map(Checkpoint::size));
    let kept = match known {
        None => Kept::Nothing,
        Some(known) if known > has => Kept::Newer(known - has),
        Some(_) => Kept::Older,
    };
    if let (Kept::Newer(_), Some(known)) = (kept, known)
        && !options.accept_loss
    {
        return Err(BackupError::Old { has, known });
    }
    if options.continue_log && known.is_none_or(|known| known < checkpoint.size()) {
        return Err(BackupError::OtherEnd { has, known: known.unwrap_or(0) });
    }
    let new_log = !options.continue_log;
    let restored = Restored {
        id: bonafide_core::encoding::hex(
            &options.environment.random::<16>().map_err(StoreError::from)?,
        ),
        at: options.environment.now(),
        backup: to_hex(backup.digest()),
        made_at: manifest.made_at,
        events: manifest.events,
        lost: known.map_or(0, |known| known.saturating_sub(has)),
        new_log,
    };
    let target = Target::take(options.target)?;
    let outcome = Outcome {
        digest: *backup.digest(),
        checkpoint,
        kept,
        sealed: options.sealing.is_some(),
        new_log,
        manifest,
    };
    unpack(backup, &outcome.manifest, options.target, progress)?;
    let reached = elsewhere.filter(|kept| kept.size() <= has);
    check(options, &outcome, &key, reached.as_ref(), progress)?;
    target.done(&restored)?;
    Ok(outcome)
}

/// A folder into which something is being restored: emptied again unless it is said to be done.
struct Target<'t> {
    folder: &'t Path,
    created: bool,
    done: bool,
}

impl<'t> Target<'t> {
    fn take(folder: &'t Path) -> Result<Self, BackupError> {
        let at = || BackupError::at(&folder.display());
        let created = match std::fs::read_dir(folder) {
            Ok(mut entries) => {
                // A disk of its own has this one.
                let other = |entry: &std::io::Result<std::fs::DirEntry>| {
                    entry.as_ref().map_or(true, |entry| entry.file_name() != "lost+found")
                };
                if entries.any(|entry| other(&entry)) {
                    return Err(BackupError::NotEmpty(folder.display().to_string()));
                }
                false
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at())?;
                true
            }
            Err(error) => return Err(at()(error)),
        };
        let target = Self { folder, created, done: false };
        create(&unfinished(folder))?;
        Ok(target)
    }

    fn done(mut self, restored: &Restored) -> Result<(), BackupError> {
        let at = || BackupError::at(&self.folder.display());
        restored.write(self.folder).map_err(at())?;
        sync(self.folder)?;
        std::fs::remove_file(unfinished(self.folder)).map_err(at())?;
        sync(self.folder)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        // Nothing was there before, so all of it is ours. What can't be removed is marked as not
        // done, and no service opens it.
        if self.created {
            let _ = std::fs::remove_dir_all(self.folder);
            return;
        }
        for entry in std::fs::read_dir(self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name() == "lost+found" || path == unfinished(self.folder) {
                continue;
            }
            let _ = match path.is_dir() {
                true => std::fs::remove_dir_all(&path),
                false => std::fs::remove_file(&path),
            };
        }
        let _ = std::fs::remove_file(unfinished(self.folder));
    }
}

/// A new file for its owner alone; never over another, and never through a link.
fn create(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(BackupError::at(&path.display()))
}

fn sync(folder: &Path) -> Result<(), BackupError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(BackupError::at(&folder.display()))
}

fn unpack(
    backup: &mut BackupFile,
    manifest: &Manifest,
    target: &Path,
    progress: &mut Progress<'_>,
) -> Result<(), BackupError> {
    let (total, mut done) = (backup.bytes(), 0);
    for part in &manifest.parts {
        match part.kind.path(target) {
            None => load_state(backup, part, manifest.records, target, &mut |n, of| {
                // Records are as good a measure as bytes.
                progress(done + part.bytes / of.max(1) * n, total);
            })?,
            Some(path) => {
                let folder = path.parent().unwrap_or(target);
                if !folder.is_dir() {
                    DirBuilder::new()
                        .mode(0o700)
                        .create(folder)
                        .map_err(BackupError::at(&folder.display()))?;
                }
                let mut file = create(&path)?;
                backup.copy(part, &mut file, &mut |n| progress(done + n, total))?;
                file.flush()
                    .and_then(|()| file.sync_all())
                    .map_err(BackupError::at(&path.display()))?;
                sync(folder)?;
            }
        }
        done += part.bytes;
    }
    sync(target)
}

fn load_state(
    backup: &mut BackupFile,
    part: &Part,
    records: u64,
    target: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), BackupError> {
    backup.read(part, |dump| {
        let mut dump = BufReader::with_capacity(1 << 18, dump);
        Ok(load(target, &mut dump, records, progress)?)
    })
}

/// The store opens, its keys open, the log is what was signed, and every event is the log's.
fn check(
    options: Options<'_>,
    outcome: &Outcome,
    key: &LogKey,
    elsewhere: Option<&Checkpoint>,
    progress: &mut Progress<'_>,
) -> Result<(), BackupError> {
    let (manifest, checkpoint) = (&outcome.manifest, &outcome.checkpoint);
    let changed = |what: &str| Err(BackupError::Changed(what.to_owned()));
    let log = log_folder_of(options.target, manifest.log);
    let report = offline::verify_telling(&log, key, &[], progress)?;
    if report.checkpoint != *checkpoint {
        return changed("the log's checkpoint is not the one in the manifest");
    }
    let (events, _unheard) = channel();
    let views = Arc::new(Both {
        logs: LogKeys::default(),
        state: options.sealing.map(|sealing| State::new(Signers::new(sealing, SUITES), events)),
    });
    let store = SledOptions {
        folder: options.target.to_owned(),
        cache: 64 << 20,
        on_stop: Box::new(|_| ()),
    };
    let (store, opened) = SledStore::open(store, Arc::clone(&views) as Arc<_>)?;
    if let Some(broken) = views.state.as_ref().and_then(State::broken) {
        return Err(BackupError::Seal(broken));
    }
    let (number, present) = views.logs.present()?;
    if number != manifest.log || present.to_string() != manifest.log_key {
        return changed("the log's key is not the one in the store");
    }
    if opened.next_event != manifest.events {
        return changed("the store has another number of events");
    }
    for number in 1..manifest.log {
        let key = views.logs.key_of(number)?;
        offline::verify(&log_folder_of(options.target, number), &key, &[])?;
    }
    let mut tree = Edge::default();
    let reached = |tree: &Edge| match elsewhere {
        Some(kept) if kept.size() == tree.size() && kept.root() != tree.root() => {
            Err(LogError::Rewritten { older: kept.size() })
        }
        _ => Ok(()),
    };
    if checkpoint.size() > opened.next_event {
        return changed("the log has more entries than the store has events");
    }
    for sequence in 0..opened.next_event {
        let event = store.event(sequence)?;
        let event =
            event.ok_or_else(|| StoreError::Damaged(format!("the event {sequence} is missing")))?;
        tree.push(record_hash(&event.entry), &mut Vec::new());
        reached(&tree)?;
        if tree.size() == checkpoint.size() && tree.root() != checkpoint.root() {
            return changed("the events in the store are not those on the log");
        }
        if !audit::commits(&event.entry, &event.record) {
            return changed(&format!("the audit record {sequence} is not the one that was logged"));
        }
        progress(sequence + 1, opened.next_event);
    }
    Ok(())
}

/// Learns the keys of the logs and, with the sealing key, opens all of them.
struct Both {
    logs: LogKeys,
    state: Option<State>,
}

impl Views for Both {
    fn status(&self, place: StatusPlace, status: Status) {
        self.state.iter().for_each(|state| state.status(place, status));
    }
    fn list(&self, list: &List, used: u64) {
        self.state.iter().for_each(|state| state.list(list, used));
    }
    fn token(&self, token: &Token) {
        self.state.iter().for_each(|state| state.token(token));
    }
    fn instance(&self, instance: &Instance) {
        self.logs.instance(instance);
        self.state.iter().for_each(|state| state.instance(instance));
    }
    fn key(&self, key: &KeyRecord) {
        self.logs.key(key);
        self.state.iter().for_each(|state| state.key(key));
    }
    fn events(&self, _: u64, _: Vec<Event>) {}
}

impl std::fmt::Display for PartKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::State => f.write_str("the database"),
            Self::Values { number } => write!(f, "the file of values {number}"),
            Self::Log { number, file } => write!(f, "the file {} of log {number}", file.name()),
            Self::SealHeader => f.write_str("seal.json"),
        }
    }
}
