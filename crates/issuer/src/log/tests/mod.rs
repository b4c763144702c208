use std::path::{Path, PathBuf};
use std::sync::Arc;

use bonafide_core::key::KeyType;
use bonafide_proof::{SecretKey, Signer};
use tempfile::TempDir;

use super::*;

mod audit;
mod known;
mod recovery;
mod text;
mod tiles;

const ORIGIN: &str = "issuer.example/log";

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes(KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn key() -> LogKey {
    LogKey::new(ORIGIN, secret(1).public_key()).unwrap()
}

/// A log in a folder of its own, begun and empty.
struct Stage {
    folder: TempDir,
    writer: LogWriter,
    reader: Arc<LogReader>,
}

impl Stage {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (mut writer, reader) = LogWriter::open(&folder.path().join("log"), key()).unwrap();
        writer.publish(&secret(1)).unwrap();
        Self { folder, writer, reader }
    }

    /// With entries of a few bytes.
    fn with(count: u64) -> Self {
        let mut stage = Self::new();
        stage.grow(count);
        stage
    }

    fn grow(&mut self, count: u64) -> Checkpoint {
        let first = self.writer.size();
        self.append(&(first..first + count).map(entry).collect::<Vec<_>>())
    }

    fn append(&mut self, entries: &[Vec<u8>]) -> Checkpoint {
        self.writer.append(entries).unwrap();
        Checkpoint::verify(&self.writer.publish(&secret(1)).unwrap(), &key()).unwrap()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The folder once the writer is gone.
    fn close(self) -> Closed {
        let path = self.path();
        Closed { path, _folder: self.folder }
    }
}

struct Closed {
    path: PathBuf,
    _folder: TempDir,
}

impl Closed {
    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn reopen(&self) -> Result<(LogWriter, Arc<LogReader>), LogError> {
        LogWriter::open(&self.path, key())
    }

    fn checkpoint(&self) -> Checkpoint {
        let text = std::fs::read_to_string(self.file("checkpoint")).unwrap();
        Checkpoint::verify(&text, &key()).unwrap()
    }

    /// Changes one byte of a file, counted from its end if negative.
    fn flip(&self, name: &str, place: i64) {
        flip(&self.file(name), place);
    }
}

fn flip(path: &Path, place: i64) {
    let mut bytes = std::fs::read(path).unwrap();
    let from = if place < 0 { bytes.len() } else { 0 };
    bytes[from.strict_add_signed(isize::try_from(place).unwrap())] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// The code of what must be refused.
fn code<T>(result: Result<T, LogError>) -> &'static str {
    result.err().map_or("accepted", |error| error.code())
}
