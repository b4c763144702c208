//! Opening the database so that it opens after every crash, and never twice at once.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::StoreError;

/// How often the database is tried whose own lock is still taken, and how long apart: a second.
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// Where the parts of the data folder lie.
pub(super) struct Layout {
    pub(super) database: PathBuf,
    pub(super) values: PathBuf,
    lock: PathBuf,
}

impl Layout {
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            database: folder.join("state"),
            values: folder.join("values"),
            lock: folder.join("lock"),
        }
    }
}

/// A folder that only its owner can look into, whatever lies in it.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// Takes the folder for this process alone, until the file is dropped.
pub(super) fn lock(folder: &Path, layout: &Layout) -> Result<File, StoreError> {
    let failed = |error: io::Error| StoreError::Stopped(format!("{}: {error}", folder.display()));
    private_folder(folder).map_err(failed)?;
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&layout.lock)
        .map_err(failed)?;
    if file.try_lock().is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        let holder = match holder.trim() {
            "" => "another process".to_owned(),
            pid => format!("process {pid}"),
        };
        return Err(StoreError::Stopped(format!("{} is in use by {holder}", folder.display())));
    }
    file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(file)
}

/// Opens the database.
///
/// A kill while it opens can leave a half-written `snap.*.generating`, which the next opening would
/// take for the newest snapshot and never get past; without it, the one before is used. A flipped
/// bit makes it panic, which is said as what it is.
pub(super) fn database(layout: &Layout, cache: u64) -> Result<sled::Db, StoreError> {
    let failed =
        |error: io::Error| StoreError::Stopped(format!("{}: {error}", layout.database.display()));
    std::fs::create_dir_all(&layout.database).map_err(failed)?;
    for entry in std::fs::read_dir(&layout.database).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            std::fs::remove_file(&path).map_err(failed)?;
        }
    }
    File::open(&layout.database).and_then(|folder| folder.sync_all()).map_err(failed)?;
    let config =
        sled::Config::new().path(&layout.database).cache_capacity(cache).flush_every_ms(None);
    let damaged = |detail: String| {
        StoreError::Damaged(format!(
            "{}: {detail}. Restore a backup: bonafide restore",
            layout.database.display()
        ))
    };
    let mut tries = 1;
    loop {
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(database)) => return Ok(database),
            Ok(Err(sled::Error::Io(error))) if tries < LOCK_TRIES && is_locked(&error) => {
                tries += 1;
                std::thread::sleep(LOCK_WAIT);
            }
            Ok(Err(sled::Error::Io(error))) => return Err(failed(error)),
            Ok(Err(error)) => return Err(damaged(error.to_string())),
            Err(_) => return Err(damaged("its content is not what was written".to_owned())),
        }
    }
}

/// Whether sled found its own lock taken, which it tells in words alone.
///
/// Ours on the folder is held by now, so nobody else uses the database: a database that was dropped
/// a moment ago lets its lock go only when its last thread has ended.
fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().contains("could not acquire lock")
}
