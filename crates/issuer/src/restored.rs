//! A service that goes on from a restored backup: what was given out after the backup was made is
//! not known here, so nothing of it may be given out a second time, and no second log may be signed
//! under the name of the first.
//!
//! Restoring leaves a file in the data folder. The next start takes it up, in one transaction: new
//! status lists, so that no index of an old one is drawn again; the event `restored`; and, unless a
//! checkpoint showed that nothing is missing, a log under a new name. The new log begins with the
//! events of the backup; the old one stays beside it, to be read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bonafide_core::key::KeyType;
use serde::{Deserialize, Serialize};

use crate::environment::{Environment, Moment};
use crate::event::{Caller, EventDraft};
use crate::service::{StartError, new_list};
use crate::settings::Settings;
use crate::signer::{Issuing, LOG_INSTANCE, Signers};
use crate::state::State;
use crate::store::{Instance, KeyRecord, List, Opened, SledStore, StoreError, With};

/// What restoring leaves for the next start.
const MARKER: &str = "restored.json";
/// What says that restoring is not done.
const UNFINISHED: &str = "restore.unfinished";

/// How far new status lists begin after the last one known: others may have been made since, and
/// theirs is a number in between.
const LIST_NUMBERS: u32 = 1 << 26;

/// A restored backup, as the next start and the store are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Restored {
    /// Drawn when it was restored, in hexadecimal.
    pub(crate) id: String,
    /// When it was restored.
    pub(crate) at: Moment,
    /// SHA-256 of the backup's manifest, in hexadecimal.
    pub(crate) backup: String,
    /// When the backup was made.
    pub(crate) made_at: Moment,
    /// How many events it has.
    pub(crate) events: u64,
    /// How many entries of the log are known to be lost; that was accepted.
    pub(crate) lost: u64,
    /// Whether the log goes on under another name.
    pub(crate) new_log: bool,
}

impl Restored {
    /// Puts it into a data folder.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let text = serde_json::to_string(self).map_err(std::io::Error::other)?;
        std::fs::write(folder.join(MARKER), text)?;
        std::fs::File::open(folder.join(MARKER))?.sync_all()
    }

    /// How many entries a checkpoint from elsewhere may be of.
    pub(crate) fn known(&self) -> u64 {
        self.events.saturating_add(self.lost)
    }

    /// How many numbers of keys are left out, so that none is one of those that were lost.
    pub(crate) fn skipped_keys(&self) -> usize {
        let digits = self.id.get(..4).and_then(|digits| usize::from_str_radix(digits, 16).ok());
        digits.unwrap_or(0) + 1
    }
}

/// Marks a folder into which something is being restored: no service opens it.
pub(crate) fn unfinished(folder: &Path) -> PathBuf {
    folder.join(UNFINISHED)
}

/// What the folder and the store say of a restored backup.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Restored, and not taken up yet.
    pub(crate) pending: Option<Restored>,
    /// The last that was taken up.
    pub(crate) noted: Option<Restored>,
}

impl Found {
    /// The newest.
    pub(crate) fn last(&self) -> Option<&Restored> {
        self.pending.as_ref().or(self.noted.as_ref())
    }
}

/// Refuses a folder into which something is being restored.
pub(crate) fn check_finished(folder: &Path) -> Result<(), StartError> {
    if !unfinished(folder).exists() {
        return Ok(());
    }
    Err(StartError::Diverged(format!(
        "restoring a backup into {} did not come to its end. Remove the folder and restore again",
        folder.display()
    )))
}

/// Looks for a restored backup.
pub(crate) fn find(folder: &Path, opened: &Opened) -> Result<Found, StartError> {
    let read = |bytes: &[u8], what: &str| {
        serde_json::from_slice::<Restored>(bytes)
            .map_err(|error| StoreError::Damaged(format!("{what}: {error}")))
    };
    let noted = match &opened.restored {
        Some(bytes) => Some(read(bytes, "what is noted of the restored backup")?),
        None => None,
    };
    let path = folder.join(MARKER);
    let failed = |error: std::io::Error| {
        StartError::Store(StoreError::Stopped(format!("{}: {error}", path.display())))
    };
    let pending = match std::fs::read(&path) {
        Ok(bytes) => Some(read(&bytes, &path.display().to_string())?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let taken_up = |pending: &Restored| noted.as_ref().is_some_and(|noted| noted.id == pending.id);
    if pending.as_ref().is_some_and(taken_up) {
        // The last start got no further.
        std::fs::remove_file(&path).map_err(failed)?;
        return Ok(Found { pending: None, noted });
    }
    Ok(Found { pending, noted })
}

/// The name of the instance that signs the log of this number.
pub(crate) fn log_instance(number: u32) -> String {
    match number {
        0 | 1 => LOG_INSTANCE.to_owned(),
        number => format!("{LOG_INSTANCE}-{number}"),
    }
}

/// The number of the present log, and who signs it.
pub(crate) fn present_log(signers: &Signers) -> Option<(u32, Arc<Issuing>)> {
    (1..).map_while(|number| Some((number, signers.instance(&log_instance(number))?))).last()
}

/// Who signed the log before.
pub(crate) fn log_before(signers: &Signers, number: u32) -> Option<(u32, Arc<Issuing>)> {
    let before = number.checked_sub(1).filter(|before| *before > 0)?;
    Some((before, signers.instance(&log_instance(before))?))
}

/// What it takes to go on.
pub(crate) struct TakeUp<'t> {
    pub(crate) settings: &'t Settings,
    pub(crate) environment: &'t Environment,
    pub(crate) store: &'t SledStore,
    pub(crate) state: &'t State,
}

impl TakeUp<'_> {
    /// Takes a restored backup up; `number` is that of its log.
    pub(crate) fn run(&self, restored: &Restored, number: u32) -> Result<(), StartError> {
        let log = match restored.new_log {
            true => Some(self.next_log(number + 1)?),
            false => None,
        };
        let lists = self.lists()?;
        let numbers: Vec<u32> = lists.iter().map(|list| list.number).collect();
        let caller = Caller::service("restore", self.environment.now());
        let event = EventDraft::new("restored")
            .with("backup", &restored.backup)
            .with("backupTime", &restored.made_at.to_string())
            .with("restoredAt", &restored.at.to_string())
            .with("backupEvents", &restored.events)
            .with("lostEntries", &restored.lost)
            .with("log", &log.as_ref().map(|(instance, _)| &instance.format))
            .with("lists", &numbers)
            .finish(&caller, self.environment)?;
        let noted = serde_json::to_vec(restored)
            .map_err(|error| StoreError::Damaged(format!("can't be written: {error}")))?;
        let with = With { events: vec![event], ..With::default() };
        self.store.take_up_restored(noted, log, lists, with).wait()?;
        if let Some(broken) = self.state.broken() {
            return Err(StartError::Seal(broken));
        }
        let path = self.settings.data.join(MARKER);
        let failed = |error: std::io::Error| {
            StoreError::Stopped(format!("{}: {error}", self.settings.data.display()))
        };
        // What stays after a crash is found to be taken up at the next start.
        std::fs::remove_file(path).map_err(failed)?;
        tracing::warn!(
            backup = %restored.backup,
            "going on from a restored backup; what came after it is not known here"
        );
        Ok(())
    }

    fn next_log(&self, number: u32) -> Result<(Instance, Vec<KeyRecord>), StartError> {
        let first = self.state.signers.instance(LOG_INSTANCE);
        let first = first.ok_or_else(|| StoreError::Damaged("the log has no key".to_owned()))?;
        let (name, origin) = (log_instance(number), &first.instance.format);
        let key = self.state.signers.generate(&name, 1, KeyType::Ed25519, self.environment)?;
        let did = format!("did:key:{}", key.public);
        Ok((Instance { name, did, format: format!("{origin}/{number}") }, vec![key]))
    }

    /// A new list for each instance that has one.
    fn lists(&self) -> Result<Vec<List>, StartError> {
        let there = self.state.lists();
        let last = there.last().map_or(0, |list| list.list.number);
        let mut instances: Vec<&str> =
            there.iter().map(|list| list.list.instance.as_str()).collect();
        instances.sort_unstable();
        instances.dedup();
        let skipped = u32::from_be_bytes(self.environment.random::<4>()?) % LIST_NUMBERS;
        let first = last
            .checked_add(1 + skipped)
            .ok_or_else(|| StoreError::Damaged("there are no more numbers of lists".to_owned()))?;
        (first..)
            .zip(instances)
            .map(|(number, instance)| {
                Ok(new_list(self.settings, self.environment, instance, number)?)
            })
            .collect()
    }
}
