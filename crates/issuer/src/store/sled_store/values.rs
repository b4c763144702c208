//! Append-only files for what is large: payloads, credentials, audit records. What lies in them
//! counts only as far as the database says.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{Place, StoreError};

/// A file that is longer than this is followed by a new one.
const FILE_SIZE: u64 = 256 << 20;
/// Length and checksum before each record.
const HEADER: u64 = 8;

/// How far the files have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) file: u32,
    pub(super) at: u64,
}

impl End {
    pub(super) const START: Self = Self { file: 1, at: 0 };

    pub(super) fn to_bytes(self) -> Vec<u8> {
        [&self.file.to_be_bytes()[..], &self.at.to_be_bytes()].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (file, at) = bytes.split_first_chunk::<4>()?;
        Some(Self { file: u32::from_be_bytes(*file), at: u64::from_be_bytes(at.try_into().ok()?) })
    }
}

/// Where the file of this number lies.
pub(super) fn path(folder: &Path, file: u32) -> PathBuf {
    folder.join(format!("{file:08}.values"))
}

/// Appends; there is one.
pub(super) struct Writer {
    folder: PathBuf,
    file: File,
    end: End,
    /// Staged and not yet written.
    buffer: Vec<u8>,
    /// Whether what lay behind the end has been cut off.
    cut: bool,
}

impl Writer {
    /// Opens the files at `end`. What a crash left behind it is cut off at the first write, and not
    /// before: until then nobody knows whether the database that says so is the newest.
    pub(super) fn open(folder: &Path, end: End) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| stopped(&error))?;
        let file = open_for_writing(folder, end.file).map_err(|error| stopped(&error))?;
        let length = file.metadata().map_err(|error| stopped(&error))?.len();
        if length < end.at {
            return Err(StoreError::Damaged(format!(
                "{} has {length} bytes where the database counts on {}",
                path(folder, end.file).display(),
                end.at
            )));
        }
        Ok(Self { folder: folder.to_owned(), file, end, buffer: Vec::new(), cut: false })
    }

    /// Cuts off what lies behind the end.
    fn cut(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.cut, true) {
            return Ok(());
        }
        self.file.set_len(self.end.at)?;
        let next = path(&self.folder, self.end.file.saturating_add(1));
        // Begun by a group that was never committed.
        if next.exists() { std::fs::remove_file(&next) } else { Ok(()) }
    }

    /// The folder of the files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts a record into the buffer.
    pub(super) fn stage(&mut self, parts: &[&[u8]]) -> Result<Place, StoreError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length)
            .map_err(|_| StoreError::Conflict("a record is at most 4 GiB long"))?;
        let at = self.end.at + self.buffer.len() as u64;
        let mut checksum = crc32fast::Hasher::new();
        for part in parts {
            checksum.update(part);
        }
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(&checksum.finalize().to_le_bytes());
        for part in parts {
            self.buffer.extend_from_slice(part);
        }
        Ok(Place { file: self.end.file, at, length })
    }

    /// How much is staged, to go back to.
    pub(super) fn mark(&self) -> usize {
        self.buffer.len()
    }

    /// Forgets what was staged after `mark`.
    pub(super) fn back_to(&mut self, mark: usize) {
        self.buffer.truncate(mark);
    }

    /// Where the files end with what is staged.
    pub(super) fn staged_end(&self) -> End {
        End { at: self.end.at + self.buffer.len() as u64, ..self.end }
    }

    /// Writes what is staged, down to the disk.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.cut()?;
        let written = self.file.write_all(&self.buffer).and_then(|()| self.file.sync_data());
        written.map_err(|error| self.failed(&error))?;
        self.end = self.staged_end();
        self.buffer.clear();
        // A large batch does not keep its room for good.
        self.buffer.shrink_to(1 << 20);
        Ok(())
    }

    /// Goes on in a new file if this one is long enough. Between two groups only.
    pub(super) fn roll(&mut self) -> io::Result<()> {
        if self.end.at < FILE_SIZE {
            return Ok(());
        }
        let end = End { file: self.end.file + 1, at: 0 };
        let begin = || {
            let file = open_for_writing(&self.folder, end.file)?;
            file.set_len(0)?;
            Ok(file)
        };
        self.file = begin().map_err(|error| self.failed(&error))?;
        self.end = end;
        Ok(())
    }

    /// An error that says where.
    fn failed(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.folder.display()))
    }
}

fn stopped(error: &io::Error) -> StoreError {
    StoreError::Stopped(format!("the value files: {error}"))
}

fn open_for_writing(folder: &Path, number: u32) -> io::Result<File> {
    let file =
        OpenOptions::new().create(true).append(true).mode(0o600).open(path(folder, number))?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// Reads; from any thread.
pub(super) struct Reader {
    folder: PathBuf,
    files: Mutex<HashMap<u32, Arc<File>>>,
}

impl Reader {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: Mutex::default() }
    }

    pub(super) fn read(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        let damaged = |what: &str| {
            let file = path(&self.folder, place.file);
            StoreError::Damaged(format!("{} at {}: {what}", file.display(), place.at))
        };
        let file = self.file(place.file).map_err(|error| damaged(&error.to_string()))?;
        let mut header = [0; 8];
        file.read_exact_at(&mut header, place.at).map_err(|error| damaged(&error.to_string()))?;
        let [l0, l1, l2, l3, c0, c1, c2, c3] = header;
        if u32::from_le_bytes([l0, l1, l2, l3]) != place.length {
            return Err(damaged("another length than the database has"));
        }
        let mut bytes = vec![0; place.length as usize];
        file.read_exact_at(&mut bytes, place.at + HEADER)
            .map_err(|error| damaged(&error.to_string()))?;
        if crc32fast::hash(&bytes) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(damaged("the checksum is wrong"));
        }
        Ok(bytes)
    }

    fn file(&self, number: u32) -> io::Result<Arc<File>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&number) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::open(path(&self.folder, number))?);
        files.insert(number, Arc::clone(&file));
        Ok(file)
    }
}
