//! Opening the log: held against the store, and against the copy of its checkpoint.

use std::path::Path;
use std::sync::Arc;

use crate::log::{Checkpoint, LogError, LogKey, LogReader, LogWriter};
use crate::restored::{self, Found, Restored, TakeUp};
use crate::service::{StartError, first_key, log_folder_of};
use crate::signer::Issuing;
use crate::store::{Opened, Store, StoreError};

/// The log, and who signs it.
pub(crate) struct OpenLog {
    pub(crate) writer: LogWriter,
    pub(crate) log: Arc<LogReader>,
    pub(crate) log_key: LogKey,
    pub(crate) log_number: u32,
    pub(crate) signer: Arc<Issuing>,
}

/// Opens the log, holds it against all that is known of it, and begins another one if a restored
/// backup needs it.
pub(crate) fn open_log(
    take_up: &TakeUp<'_>,
    opened: &Opened,
    found: &Found,
) -> Result<OpenLog, StartError> {
    let (settings, signers) = (take_up.settings, &take_up.state.signers);
    let key_of = |signer: &Issuing| -> Result<LogKey, StartError> {
        Ok(LogKey::new(&signer.instance.format, first_key(signer)?)?)
    };
    let open = || -> Result<OpenLog, StartError> {
        let present = restored::present_log(signers);
        let (number, signer) =
            present.ok_or_else(|| StoreError::Damaged("the log's key is missing".to_owned()))?;
        let log_key = key_of(&signer)?;
        let (writer, log) =
            LogWriter::open(&log_folder_of(&settings.data, number), log_key.clone())?;
        Ok(OpenLog { writer, log, log_key, log_number: number, signer })
    };
    let open_log = open()?;
    let number = open_log.log_number;
    check_log(&open_log.log, opened, take_up.store)?;
    if let Some(copy) = &settings.log.checkpoint_copy {
        let known = |restored: &Option<Restored>| restored.as_ref().map_or(0, Restored::known);
        let (key, log) = (open_log.log_key.clone(), Arc::clone(&open_log.log));
        let mut held = vec![Held { key, log, known: known(&found.pending) }];
        // After a crash the copy may still be of the log before.
        if let Some((before, signer)) = restored::log_before(signers, number) {
            let key = key_of(&signer)?;
            let log = LogReader::open(&log_folder_of(&settings.data, before), &key)?;
            held.push(Held { key, log: Arc::new(log), known: known(&found.noted) });
        }
        check_copy(copy, &held)?;
    }
    let Some(restored) = &found.pending else { return Ok(open_log) };
    take_up.run(restored, number)?;
    if !restored.new_log {
        return Ok(open_log);
    }
    drop(open_log);
    open()
}

/// The store knows how far the log has come, and the log can't be further than the store: a store
/// that lost what it had acknowledged is found out here.
fn check_log(log: &LogReader, opened: &Opened, store: &dyn Store) -> Result<(), StartError> {
    if log.size() > opened.next_event {
        return Err(StartError::Diverged(format!(
            "the log has {} entries, but the store knows of {} events: the store went back to an earlier state. Restore a backup of the whole folder",
            log.size(),
            opened.next_event
        )));
    }
    let (size, root) = opened.log.unwrap_or((0, log.root_at(0)?));
    if log.size() < size {
        return Err(StartError::Diverged(format!(
            "the log has {} entries, but {size} were published: the log was cut. Restore a backup of the whole folder",
            log.size()
        )));
    }
    if log.root_at(size)? != root {
        return Err(StartError::Diverged(format!(
            "the first {size} entries of the log are not those that were published"
        )));
    }
    // What was published since the store last said so, is what the store has in that place.
    for sequence in size..log.size() {
        let stored = store.event(sequence)?.map(|event| event.entry);
        if stored.is_none() || stored != log.entry(sequence)? {
            return Err(StartError::Diverged(format!(
                "the entry {sequence} of the log is not what the store has there: the store went back to an earlier state and went on. Restore a backup of the whole folder"
            )));
        }
    }
    Ok(())
}

/// A log that a checkpoint may be of.
struct Held {
    key: LogKey,
    log: Arc<LogReader>,
    /// How many entries it may have had besides: those of a restored backup that were not on its
    /// files yet, and those whose loss was accepted.
    known: u64,
}

/// A copy of the checkpoint that is ahead of the log tells that an old backup was restored.
fn check_copy(path: &Path, logs: &[Held]) -> Result<(), StartError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StartError::Settings(format!("{}: {error}", path.display()))),
    };
    let mut refused: Option<LogError> = None;
    for held in logs {
        match Checkpoint::verify(&text, &held.key) {
            Ok(copy) => return check_held(path, &copy, held),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}

fn check_held(path: &Path, copy: &Checkpoint, held: &Held) -> Result<(), StartError> {
    let (shown, size) = (path.display(), held.log.size());
    if copy.size() > size.max(held.known) {
        return Err(StartError::Diverged(format!(
            "the checkpoint at {shown} is of {} entries, the log has {size}: this folder is older than what was published, as after restoring an old backup. What was issued or revoked since is not known here. Restore a newer backup, or this one anew with --checkpoint {shown} --accept-loss",
            copy.size(),
        )));
    }
    if copy.size() <= size && held.log.root_at(copy.size())? != copy.root() {
        return Err(StartError::Diverged(format!(
            "the checkpoint at {shown} is not of this log: the log was forked"
        )));
    }
    Ok(())
}
