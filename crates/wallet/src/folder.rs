//! A wallet in a folder: one sealed file, written anew with each change, and a lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bonafide_proof::data_integrity::Random;
use zeroize::Zeroizing;

use crate::error::{SealError, StoreError};
use crate::sealing::{Cost, LONGEST_SEALED, Passphrase, Sealing};
use crate::store::Store;

const FILE: &str = "wallet.bonafide";
/// What a crash may leave; never read.
const NEW: &str = "wallet.bonafide.new";
const LOCK: &str = "lock";

/// Keeps a wallet in a folder of its own, sealed with a passphrase.
///
/// The folder is for its owner alone. While this lives, nobody else opens it: the file `lock` in it
/// is locked. An older copy that somebody put in the file's place opens as well as the newest one.
pub struct SealedFolder {
    folder: PathBuf,
    sealing: Sealing,
    /// Whether it is unknown what is on the disk.
    stopped: bool,
    _lock: File,
}

impl SealedFolder {
    /// Makes the folder, if need be, and the file in it, with this content.
    pub fn create(
        folder: &Path,
        passphrase: &Passphrase,
        cost: Cost,
        random: &mut Random<'_>,
        content: &[u8],
    ) -> Result<Self, StoreError> {
        let sealing = Sealing::create(passphrase, cost, random)?;
        Self::create_with(folder, sealing, content)
    }

    pub(crate) fn create_with(
        folder: &Path,
        sealing: Sealing,
        content: &[u8],
    ) -> Result<Self, StoreError> {
        private_folder(folder).map_err(failed(folder))?;
        let lock = lock(folder)?;
        let file = folder.join(FILE);
        if file.try_exists().map_err(failed(&file))? {
            return Err(StoreError::Exists { folder: folder.to_owned() });
        }
        let folder = folder.to_owned();
        let mut new = Self { folder, sealing, stopped: false, _lock: lock };
        new.save(content)?;
        let above = new.folder.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or_else(|| Path::new("."));
        sync_folder(above).map_err(failed(above))?;
        Ok(new)
    }

    /// Whether the folder holds a wallet.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Opens the folder of a wallet. Takes as long as the passphrase's [`Cost`] says.
    pub fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        if !file.try_exists().map_err(failed(&file))? {
            return Err(StoreError::Missing { folder: folder.to_owned() });
        }
        refuse_if_exposed(folder)?;
        let lock = lock(folder)?;
        remove_new(&folder.join(NEW))?;
        let sealing = Sealing::of(&read(&file)?, passphrase)?;
        Ok(Self { folder: folder.to_owned(), sealing, stopped: false, _lock: lock })
    }

    /// Under its own name the file is whole, the old one or the new one.
    fn write(&mut self, sealed: &[u8]) -> Result<(), StoreError> {
        if self.stopped {
            return Err(StoreError::Stopped);
        }
        let (file, new) = (self.folder.join(FILE), self.folder.join(NEW));
        remove_new(&new)?;
        if let Err(error) = write_new(&new, sealed) {
            let _ = fs::remove_file(&new);
            return Err(failed(&new)(error));
        }
        // From here on an error leaves it open which of the two a crash would leave.
        self.stopped = true;
        fs::rename(&new, &file).map_err(failed(&file))?;
        sync_folder(&self.folder).map_err(failed(&self.folder))?;
        self.stopped = false;
        Ok(())
    }
}

impl Store for SealedFolder {
    fn load(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(Some(self.sealing.open(&read(&self.folder.join(FILE))?)?))
    }

    fn save(&mut self, content: &[u8]) -> Result<(), StoreError> {
        let sealed = self.sealing.seal(content)?;
        self.write(&sealed)
    }

    fn reseal(
        &mut self,
        content: &[u8],
        passphrase: &Passphrase,
        cost: Cost,
        random: &mut Random<'_>,
    ) -> Result<(), StoreError> {
        let sealing = Sealing::create(passphrase, cost, random)?;
        self.write(&sealing.seal(content)?)?;
        self.sealing = sealing;
        Ok(())
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::Io { path, error }
}

/// Takes the folder for this process alone, until the file is dropped.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    for_owner(&mut options);
    let mut file = options.open(&path).map_err(failed(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::Error(error)) => return Err(failed(&path)(error)),
        Err(fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = (&mut file).take(20).read_to_string(&mut holder);
            let holder = match holder.trim().parse::<u32>() {
                Ok(pid) => format!("process {pid}"),
                Err(_) => "another process".to_owned(),
            };
            return Err(StoreError::InUse { folder: folder.to_owned(), holder });
        }
    }
    file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(failed(&path))?;
    Ok(file)
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    refuse_if_exposed(path)?;
    let file = File::open(path).map_err(failed(path))?;
    let mut bytes = Vec::new();
    file.take(LONGEST_SEALED as u64 + 1).read_to_end(&mut bytes).map_err(failed(path))?;
    if bytes.len() > LONGEST_SEALED {
        return Err(SealError::TooLong.into());
    }
    Ok(bytes)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    for_owner(&mut options);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn remove_new(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn for_owner(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

/// A folder that only its owner can look into.
#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(unix)]
fn refuse_if_exposed(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_err(failed(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(StoreError::Exposed { path: path.to_owned() });
    }
    Ok(())
}

/// A name lasts when its folder was written.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

// Elsewhere the folders of a user are private by default, and folders can't be synced.
#[cfg(not(unix))]
fn for_owner(_: &mut OpenOptions) {}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn refuse_if_exposed(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
