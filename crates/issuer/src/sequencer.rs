//! Puts committed events on the log's files, in their order, and publishes checkpoints.

use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::log::{LogError, LogWriter};
use crate::signer::Issuing;
use crate::store::{Event, Store, StoreError};

/// What the sequencer works with.
pub(crate) struct Work {
    /// The log's files.
    pub writer: LogWriter,
    /// The instance that signs checkpoints.
    pub signer: Arc<Issuing>,
    /// Where events are kept until they are on the log, and after.
    pub store: Arc<dyn Store>,
    /// Committed events, each group with its first sequence.
    pub events: Receiver<(u64, Vec<Event>)>,
    /// How often a checkpoint is published at most.
    pub publish_every: Duration,
    /// Where a copy of each checkpoint goes.
    pub copy: Option<PathBuf>,
    /// Told once, if the log can't be written.
    pub on_stop: Box<dyn FnOnce(&str) + Send>,
}

/// Why the log could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SequencerError {
    /// The log's files.
    #[error("the log: {0}")]
    Log(#[from] LogError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy of the checkpoint.
    #[error("the copy of the checkpoint at {0}: {1}")]
    Copy(String, std::io::Error),
    /// The log's own key is gone.
    #[error("the log has no key")]
    NoKey,
}

/// How many events are read at once when catching up.
const CATCH_UP: u64 = 4096;

/// Brings the log up to date with the store, and goes on in a thread of its own.
pub(crate) fn start(mut work: Work) -> Result<JoinHandle<()>, SequencerError> {
    // A new log gets its checkpoint before its first entries: from then on, files without one are
    // a fault, and a kill while they are written must not look like it.
    publish(&mut work)?;
    let until = work.store.next_event()?;
    catch_up(&mut work, until)?;
    publish(&mut work)?;
    std::thread::Builder::new()
        .name("sequencer".to_owned())
        .spawn(move || run(work))
        .map_err(|error| StoreError::Stopped(error.to_string()).into())
}

/// Nobody may go on believing that something is on the log.
fn run(mut work: Work) {
    let outcome = catch_unwind(AssertUnwindSafe(|| follow(&mut work)));
    let why = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the log came upon something that it can't read".to_owned(),
    };
    (work.on_stop)(&why);
}

/// Until the store is closed: everything that is committed is published soon after.
fn follow(work: &mut Work) -> Result<(), SequencerError> {
    loop {
        let open = match work.events.recv_timeout(Duration::from_secs(3600)) {
            Ok((first, events)) => {
                take(work, first, &events)?;
                // Whatever else comes meanwhile shares the checkpoint.
                std::thread::sleep(work.publish_every);
                while let Ok((first, events)) = work.events.try_recv() {
                    take(work, first, &events)?;
                }
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        };
        publish(work)?;
        if !open {
            return Ok(());
        }
    }
}

fn take(work: &mut Work, first: u64, events: &[Event]) -> Result<(), SequencerError> {
    if first > work.writer.size() {
        catch_up(work, first)?;
    }
    // Some may have been read from the store already.
    let known = usize::try_from(work.writer.size().saturating_sub(first)).unwrap_or(usize::MAX);
    let new: Vec<&[u8]> = events.iter().skip(known).map(|event| event.entry.as_slice()).collect();
    work.writer.append(&new)?;
    Ok(())
}

fn catch_up(work: &mut Work, until: u64) -> Result<(), SequencerError> {
    while work.writer.size() < until {
        let first = work.writer.size();
        let last = until.min(first + CATCH_UP);
        let entries: Vec<Vec<u8>> = (first..last)
            .map(|sequence| match work.store.event(sequence)? {
                Some(event) => Ok(event.entry),
                None => Err(StoreError::Damaged(format!("the event {sequence} is missing"))),
            })
            .collect::<Result<_, _>>()?;
        work.writer.append(&entries)?;
    }
    Ok(())
}

fn publish(work: &mut Work) -> Result<(), SequencerError> {
    let key = work.signer.list_key().ok_or(SequencerError::NoKey)?.0;
    let checkpoint = work.writer.publish(&key.key)?;
    if let Some(copy) = &work.copy {
        write_copy(copy, &checkpoint)
            .map_err(|error| SequencerError::Copy(copy.display().to_string(), error))?;
    }
    // Not waited for: at the next start the files may be further than what is noted.
    drop(work.store.log_written(work.writer.size(), work.writer.root()));
    Ok(())
}

fn write_copy(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    std::fs::write(&temporary, text)?;
    // Checkpoints are for everybody: a witness may be somebody else.
    std::fs::set_permissions(&temporary, PermissionsExt::from_mode(0o644))?;
    std::fs::File::open(&temporary)?.sync_all()?;
    std::fs::rename(&temporary, path)
}
