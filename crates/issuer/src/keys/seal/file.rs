//! The files from which a sealing key comes: `seal.key` and `seal.json`, for their owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use bonafide_proof::data_integrity::Random;
use zeroize::Zeroizing;

use super::{Cost, PassphraseSeal, SealError, SealingKey};

/// No file here is longer.
const LONGEST_FILE: usize = 1024;

/// Why there is no sealing key. Says nothing of what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file can't be read or written, or is there already: none is ever overwritten.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Others than its owner may read it.
    #[error("others than its owner can read it")]
    Exposed,
    /// What is in it gives no sealing key.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Draws a sealing key and writes it to a new file.
pub fn create_key_file(path: &Path, random: &mut Random<'_>) -> Result<SealingKey, FileError> {
    let key = SealingKey::generate(random)?;
    create(path, &key.to_text())?;
    Ok(key)
}

/// Reads a sealing key.
pub fn read_key_file(path: &Path) -> Result<SealingKey, FileError> {
    let text = read(path)?;
    let text = std::str::from_utf8(&text).map_err(|_| SealError::Refused)?;
    Ok(SealingKey::from_text(text)?)
}

/// Makes a sealing key from a passphrase, and writes what it takes to find it again to a new file.
pub fn create_passphrase_file(
    path: &Path,
    passphrase: &[u8],
    cost: Cost,
    random: &mut Random<'_>,
) -> Result<SealingKey, FileError> {
    let (seal, key) = PassphraseSeal::create(passphrase, cost, random)?;
    create(path, &seal.to_text())?;
    Ok(key)
}

/// Finds the sealing key of a passphrase again. Takes as long as [`Cost`] says.
pub fn read_passphrase_file(path: &Path, passphrase: &[u8]) -> Result<SealingKey, FileError> {
    Ok(PassphraseSeal::parse(&read(path)?)?.open(passphrase)?)
}

/// Under its own name the file is whole or not there: whatever a crash leaves has another.
fn create(path: &Path, text: &str) -> Result<(), FileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let new = path.with_extension(format!("{}.new", std::process::id()));
    // Of a process that had the same number, and came to no end.
    let _ = fs::remove_file(&new);
    let mut file = options.open(&new)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        // Unlike a rename, this overwrites nothing.
        .and_then(|()| fs::hard_link(&new, path));
    let removed = fs::remove_file(&new);
    Ok(written.and(removed).and_then(|()| sync_folder(path))?)
}

/// What is sealed is lost without the key, so its name has to last as well.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new("."))).and_then(|folder| folder.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = File::open(path)?;
    refuse_if_exposed(&file)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_FILE + 1));
    file.take(LONGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST_FILE {
        return Err(SealError::Refused.into());
    }
    Ok(bytes)
}

#[cfg(unix)]
fn refuse_if_exposed(file: &File) -> Result<(), FileError> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(FileError::Exposed);
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_exposed(_: &File) -> Result<(), FileError> {
    Ok(())
}
