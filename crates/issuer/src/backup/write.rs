//! Making a backup: of a folder that no service has open, or of a service that goes on.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bonafide_core::key::PublicKey;
use sha2::{Digest, Sha256};

use super::BackupError;
use super::manifest::{
    FIRST_LINE, LAST_LINE, LogFile, Manifest, Part, PartKind, digest, sealed_for,
};
use crate::environment::{Environment, Moment};
use crate::first_start::CONFORMANCE;
use crate::keys::seal::{SealError, SealingKey, seal};
use crate::log::{LogError, LogKey, LogReader, LogWriter};
use crate::restored::log_instance;
use crate::service::log_folder_of;
use crate::store::{
    Event, Frozen, Instance, KeyRecord, List, SledOptions, SledStore, Status, StatusPlace,
    StoreError, Token, Views,
};

/// Where the database is written before it is handed on, so that nobody who reads slowly holds the
/// service up.
const SPOOL: &str = "backup.spool";

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What is in it.
    pub manifest: Manifest,
    /// SHA-256 of the manifest.
    pub digest: [u8; 32],
    /// Whether it has a seal.
    pub sealed: bool,
}

/// Told how many bytes are done, and of how many.
pub(super) type Progress<'p> = dyn FnMut(u64, u64) + 'p;

/// The log as far as it was published at the moment of the backup.
pub(crate) struct LogState {
    pub(crate) number: u32,
    pub(crate) key: LogKey,
    pub(crate) checkpoint: Arc<str>,
    /// Bytes of entries, offsets and hashes.
    pub(crate) lengths: [u64; 3],
}

/// A service at one moment.
pub(crate) struct Live {
    pub(crate) folder: PathBuf,
    pub(crate) frozen: Frozen,
    pub(crate) log: LogState,
    pub(crate) made_at: Moment,
}

/// Puts the seal on a manifest; without a key there is none.
pub(crate) type Sealer<'s> = dyn Fn(&[u8]) -> Result<Option<String>, SealError> + 's;

/// Backs up a folder that no service has open, and keeps it closed for as long.
pub fn of_folder(
    folder: &Path,
    sealing: Option<&SealingKey>,
    environment: &Environment,
    out: &mut dyn Write,
    progress: &mut Progress<'_>,
) -> Result<Made, BackupError> {
    if !SledStore::is_at(folder) {
        return Err(BackupError::NoData(folder.display().to_string()));
    }
    // Restored, they would pass for real ones.
    if folder.join(CONFORMANCE).exists() {
        return Err(BackupError::Throwaway(folder.display().to_string()));
    }
    let keys = Arc::new(LogKeys::default());
    let options =
        SledOptions { folder: folder.to_owned(), cache: 64 << 20, on_stop: Box::new(|_| ()) };
    let (store, _) = SledStore::open(options, Arc::clone(&keys) as Arc<_>)?;
    let (number, key) = keys.present()?;
    // Opened as the service does it: what a crash left half done is put in order.
    let (writer, reader) = LogWriter::open(&log_folder_of(folder, number), key.clone())?;
    let state = LogState::of(&reader, number, key)?;
    let (frozen, log) = store.freeze(move || state).wait()?;
    let live = Live { folder: folder.to_owned(), frozen, log, made_at: environment.now() };
    let sealer = |associated: &[u8]| {
        let mut random = |bytes: &mut [u8]| environment.fill_for_signing(bytes);
        sealing.map(|key| seal(key, b"", associated, &mut random)).transpose()
    };
    let made = live.write(&sealer, out, progress)?;
    drop(writer);
    Ok(made)
}

impl LogState {
    /// What is published now.
    pub(crate) fn of(reader: &LogReader, number: u32, key: LogKey) -> Result<Self, BackupError> {
        let (checkpoint, lengths) = reader
            .ends()
            .ok_or_else(|| LogError::CheckpointMissing { folder: PathBuf::from("the log") })?;
        Ok(Self { number, key, checkpoint, lengths })
    }
}

impl Live {
    /// Writes the backup.
    pub(crate) fn write(
        self,
        sealer: &Sealer<'_>,
        out: &mut dyn Write,
        progress: &mut Progress<'_>,
    ) -> Result<Made, BackupError> {
        let spooled = |error: std::io::Error| BackupError::at(&SPOOL)(error);
        let mut spool = self.spool().map_err(spooled)?;
        let mut buffered = BufWriter::with_capacity(1 << 18, &mut spool);
        let records = self.frozen.dump(&mut buffered)?;
        buffered.flush().map_err(spooled)?;
        drop(buffered);
        let length = spool.stream_position().map_err(spooled)?;
        spool.rewind().map_err(spooled)?;

        let mut sources: Vec<(PartKind, u64, Box<dyn Read>)> = Vec::new();
        sources.push((PartKind::State, length, Box::new(spool)));
        for (number, path, length) in self.frozen.value_files()? {
            sources.push((PartKind::Values { number }, length, open(&path)?));
        }
        for number in 1..=self.log.number {
            self.log_files(number, &mut sources)?;
        }
        let header = self.folder.join("seal.json");
        if header.exists() {
            let bytes = std::fs::read(&header).map_err(BackupError::at(&header.display()))?;
            sources.push((
                PartKind::SealHeader,
                bytes.len() as u64,
                Box::new(std::io::Cursor::new(bytes)),
            ));
        }

        let written = BackupError::at(&"the backup");
        out.write_all(FIRST_LINE).map_err(written)?;
        let total = sources.iter().map(|(_, bytes, _)| bytes).sum();
        let (mut parts, mut done) = (Vec::new(), 0);
        for (kind, bytes, mut source) in sources {
            let sha256 = copy(&mut *source, bytes, out, &mut |n| progress(done + n, total))?;
            done += bytes;
            parts.push(Part { kind, bytes, sha256: to_hex(&sha256) });
        }
        let manifest = Manifest {
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: self.made_at,
            events: self.frozen.next_event(),
            records,
            log: self.log.number,
            log_key: self.log.key.to_string(),
            checkpoint: self.log.checkpoint.to_string(),
            parts,
        };
        finish(manifest, sealer, out)
    }

    /// A file without a name, which is gone when it is closed, whatever happens.
    fn spool(&self) -> std::io::Result<File> {
        let path = self.folder.join(SPOOL);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    }

    fn log_files(
        &self,
        number: u32,
        sources: &mut Vec<(PartKind, u64, Box<dyn Read>)>,
    ) -> Result<(), BackupError> {
        let folder = log_folder_of(&self.folder, number);
        for (place, file) in LogFile::ALL.into_iter().enumerate() {
            let (path, kind) = (folder.join(file.name()), PartKind::Log { number, file });
            if number == self.log.number && file == LogFile::Checkpoint {
                // The file may be newer by now.
                let text = std::io::Cursor::new(self.log.checkpoint.to_string());
                let length = self.log.checkpoint.len() as u64;
                sources.push((kind, length, Box::new(text)));
                continue;
            }
            let length = match self.log.lengths.get(place) {
                Some(length) if number == self.log.number => *length,
                // An older log grows no more.
                _ => std::fs::metadata(&path).map_err(BackupError::at(&path.display()))?.len(),
            };
            sources.push((kind, length, open(&path)?));
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, BackupError> {
    Ok(Box::new(File::open(path).map_err(BackupError::at(&path.display()))?))
}

/// Copies exactly so many bytes; gives their digest.
pub(super) fn copy(
    source: &mut dyn Read,
    bytes: u64,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<[u8; 32], BackupError> {
    let (mut hasher, mut left) = (Sha256::new(), bytes);
    let mut buffer = vec![0; 1 << 18];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = source.read(&mut buffer[..most]).map_err(BackupError::at(&"reading"))?;
        if read == 0 {
            return Err(BackupError::NotWhole(format!("a part lacks its last {left} bytes")));
        }
        hasher.update(&buffer[..read]);
        out.write_all(&buffer[..read]).map_err(BackupError::at(&"writing"))?;
        left -= read as u64;
        progress(bytes - left);
    }
    Ok(hasher.finalize().into())
}

fn finish(
    manifest: Manifest,
    sealer: &Sealer<'_>,
    out: &mut dyn Write,
) -> Result<Made, BackupError> {
    let text = serde_json::to_vec(&manifest)
        .map_err(|error| BackupError::at(&"the manifest")(std::io::Error::other(error)))?;
    let digest = digest(&text);
    let seal = sealer(&sealed_for(&digest))?;
    let sealed = seal.as_deref().unwrap_or_default().as_bytes();
    let (manifest_length, seal_length) = (text.len() as u64, sealed.len() as u64);
    let footer = [
        &text[..],
        sealed,
        &manifest_length.to_be_bytes(),
        &seal_length.to_be_bytes(),
        &digest,
        LAST_LINE,
    ];
    let written = footer.iter().try_for_each(|bytes| out.write_all(bytes));
    written.and_then(|()| out.flush()).map_err(BackupError::at(&"the backup"))?;
    Ok(Made { manifest, digest, sealed: seal.is_some() })
}

/// A digest as the manifest writes it.
pub fn to_hex(digest: &[u8; 32]) -> String {
    bonafide_core::encoding::hex(digest)
}

/// Learns the keys of the logs while a store is opened.
#[derive(Default)]
pub(super) struct LogKeys {
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    origins: BTreeMap<String, String>,
    keys: BTreeMap<String, String>,
}

impl LogKeys {
    /// Number and key of the present log.
    pub(super) fn present(&self) -> Result<(u32, LogKey), BackupError> {
        let found = self.found();
        let there = |number: &u32| found.origins.contains_key(&log_instance(*number));
        let number = (1..u32::MAX).take_while(there).last().unwrap_or(1);
        drop(found);
        Ok((number, self.key_of(number)?))
    }

    /// The key of the log of this number.
    pub(super) fn key_of(&self, number: u32) -> Result<LogKey, BackupError> {
        let (found, name) = (self.found(), log_instance(number));
        let lacks = || StoreError::Damaged("the log's key is missing".to_owned());
        let origin = found.origins.get(&name).ok_or_else(lacks)?;
        let public = found.keys.get(&name).and_then(|key| PublicKey::from_multikey(key).ok());
        Ok(LogKey::new(origin, &public.ok_or_else(lacks)?)?)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Views for LogKeys {
    fn status(&self, _: StatusPlace, _: Status) {}
    fn list(&self, _: &List, _: u64) {}
    fn token(&self, _: &Token) {}
    fn instance(&self, instance: &Instance) {
        // The origin stands in the place of the format.
        self.found().origins.insert(instance.name.clone(), instance.format.clone());
    }
    fn key(&self, key: &KeyRecord) {
        self.found().keys.entry(key.instance.clone()).or_insert_with(|| key.public.clone());
    }
    fn events(&self, _: u64, _: Vec<Event>) {}
}
