//! Reading and writing files: sizes are bounded, secrets are private, nothing is half written.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use bonafide_core::did::DidDocument;
use bonafide_core::json::{Limits, Value, parse};

use crate::failure::Failure;

/// The longest file that a command reads, a bundle's cap.
const LONGEST: u64 = 256 << 20;

/// Reads a file, or standard input for `-`. A key file is refused: what is read here may be shown.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read_secret(path)?;
    if holds_secret(&bytes) {
        let shown = path.display();
        return Err(Failure::usage(format!("{shown} is a key file; it belongs to --key alone")));
    }
    Ok(bytes)
}

/// No key file is longer.
const LONGEST_KEY_FILE: u64 = 8192;

/// Whether this is a key file, however broken. What has the word elsewhere is none.
fn holds_secret(bytes: &[u8]) -> bool {
    const NAME: &str = "secretKeyMultibase";
    if bytes.len() as u64 > LONGEST_KEY_FILE {
        return false;
    }
    match parse(bytes, &Limits::for_size(8 << 20)) {
        Ok(value) => value.get(NAME).is_some(),
        Err(_) => bytes.windows(NAME.len()).any(|name| name == NAME.as_bytes()),
    }
}

/// Reads a file that may hold a secret.
pub(crate) fn read_secret(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let unreadable = |error| Failure::usage(format!("can't read {shown}: {error}"));
    let reader: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(fs::File::open(path).map_err(unreadable)?)
    };
    let mut bytes = Vec::new();
    reader.take(LONGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::usage(format!("{shown} is longer than 256 MiB")));
    }
    Ok(bytes)
}

/// Reads text.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?)
        .map_err(|_| Failure::usage(format!("{} is not UTF-8 text", path.display())))
}

/// Reads strict JSON.
pub(crate) fn read_json(path: &Path) -> Result<Value<'static>, Failure> {
    let bytes = read(path)?;
    match parse(&bytes, &Limits::for_size(8 << 20)) {
        Ok(value) => Ok(value.into_owned()),
        Err(error) => {
            let before = &bytes[..error.offset.min(bytes.len())];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let shown = path.display();
            Err(Failure::usage(format!("{shown}, line {line}: not strict JSON: {error}")))
        }
    }
}

/// Reads a DID document.
pub(crate) fn read_document(path: &Path) -> Result<DidDocument, Failure> {
    DidDocument::from_value(read_json(path)?)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// A credential file: JSON, or a compact JWT or SD-JWT kept as a string.
pub(crate) fn read_secured(path: &Path) -> Result<Value<'static>, Failure> {
    let text = read_text(path)?;
    if text.trim_start().starts_with('{') {
        return read_json(path);
    }
    let token = text.trim();
    let jwt = token.split('~').next().unwrap_or_default();
    if jwt.split('.').count() == 3 && !token.contains(char::is_whitespace) {
        return Ok(Value::from(token.to_owned()));
    }
    Err(Failure::usage(format!("{} is neither JSON nor a compact JWT or SD-JWT", path.display())))
}

/// Whether `--out` names standard output.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == "-" || path.as_os_str() == "/dev/stdout"
}

/// Who may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, or whoever could read the file before.
    Public,
    /// Its owner, or whoever could read the file before.
    Holder,
    /// Its owner alone.
    Owner,
}

impl Access {
    fn mode(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Holder | Self::Owner => 0o600,
        }
    }
}

/// Writes a file in one step: a reader sees the old one or the new one, whole. Never over a key.
/// Into what is no file, a pipe or a device, it simply writes.
pub(crate) fn write(path: &Path, content: &str, access: Access) -> Result<(), Failure> {
    let path = &behind(path);
    let shown = path.display();
    let unwritable = |error: std::io::Error| {
        let message = format!("can't write {shown}: {}", error.kind());
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::IsADirectory => {
                Failure::usage(message)
            }
            _ => Failure::fault(message),
        }
    };
    let old = fs::metadata(path).ok();
    if old.as_ref().is_some_and(|old| !old.is_file() && !old.is_dir()) {
        let file = fs::OpenOptions::new().write(true).open(path);
        return file.and_then(|mut file| file.write_all(content.as_bytes())).map_err(unwritable);
    }
    if old.as_ref().is_some_and(fs::Metadata::is_file) && is_key_file(path) {
        let message = format!("{shown} is a key file, and a key is never overwritten");
        return Err(Failure::usage(message).with_help("choose another name for --out"));
    }
    let kept = old.filter(|old| old.is_file() && access != Access::Owner);
    replace(path, content, access.mode(), kept.as_ref()).map_err(unwritable)
}

/// The file itself, where `path` is a symbolic link: that one is written, and locked.
fn behind(path: &Path) -> PathBuf {
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let target = is_link.then(|| fs::canonicalize(path).ok()).flatten();
    target.unwrap_or_else(|| path.to_owned())
}

/// Looks no further into a file than a key file is long.
fn is_key_file(path: &Path) -> bool {
    let mut start = Vec::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(LONGEST_KEY_FILE).read_to_end(&mut start));
    read.is_ok() && holds_secret(&start)
}

/// Puts a new file in the place of what is there; `old` is the file whose permissions stay.
fn replace(
    path: &Path,
    content: &str,
    mode: u32,
    old: Option<&fs::Metadata>,
) -> std::io::Result<()> {
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = file.tempfile_in(folder)?;
    #[cfg(unix)]
    if let Some(old) = old {
        file.as_file().set_permissions(old.permissions())?;
    }
    #[cfg(not(unix))]
    let _ = old;
    file.write_all(content.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name has to last as well.
    #[cfg(unix)]
    fs::File::open(folder).and_then(|folder| folder.sync_all())?;
    Ok(())
}

/// A file in the making, for its owner alone: it takes its name when it is whole, and is gone
/// otherwise.
pub(crate) struct Draft {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Draft {
    /// Begins a file. With `new`, one that is there already stays as it is.
    pub(crate) fn begin(path: &Path, new: bool) -> Result<Self, Failure> {
        let shown = path.display();
        if is_standard_output(path) {
            return Err(Failure::usage("--out: expected a file"));
        }
        if new && fs::symlink_metadata(path).is_ok() {
            return Err(Failure::usage(format!("{shown} exists, and is not overwritten"))
                .with_help("choose another name for --out"));
        }
        let path = behind(path);
        if is_key_file(&path) {
            let message = format!("{shown} is a key file, and a key is never overwritten");
            return Err(Failure::usage(message).with_help("choose another name for --out"));
        }
        let file = tempfile::NamedTempFile::new_in(folder_of(&path))
            .map_err(|error| Failure::usage(format!("can't write {shown}: {error}")))?;
        Ok(Self { file, path })
    }

    /// Where it is until it has its name.
    pub(crate) fn place(&self) -> &Path {
        self.file.path()
    }

    /// Gives it its name, once it lasts.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { file, path } = self;
        let failed = |error: std::io::Error| {
            Failure::fault(format!("can't write {}: {error}", path.display()))
        };
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        fs::File::open(folder_of(&path)).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    folder.unwrap_or_else(|| Path::new("."))
}

/// Waits for and holds the lock that goes with a file, until it is dropped. Standard output, pipes
/// and devices need none.
pub(crate) fn lock(path: &Path) -> Result<Option<fs::File>, Failure> {
    if is_standard_output(path) || fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Ok(None);
    }
    let mut name = behind(path).into_os_string();
    name.push(".lock");
    hold(Path::new(&name)).map(Some)
}

/// Opens a lock file, making it if it is not there, and waits for its lock. Nothing is ever written
/// to it: what is there under this name and is no lock, a key perhaps, stays as it is.
pub(crate) fn hold(path: &Path) -> Result<fs::File, Failure> {
    let shown = path.display();
    let failed = |error| Failure::usage(format!("can't lock {shown}: {error}"));
    let foreign = || {
        Failure::usage(format!("{shown} is kept for a lock, an empty file, and is something else"))
            .with_help(format!("move {shown} away; nothing was changed"))
    };
    let mut options = fs::OpenOptions::new();
    // A new file is never made through a symbolic link.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if !is_empty_file(&fs::symlink_metadata(path).map_err(failed)?) {
                return Err(foreign());
            }
            fs::OpenOptions::new().write(true).open(path).map_err(failed)?
        }
        opened => opened.map_err(failed)?,
    };
    // Once more, of what was opened.
    if !is_empty_file(&file.metadata().map_err(failed)?) {
        return Err(foreign());
    }
    file.lock().map_err(failed)?;
    Ok(file)
}

/// False for a symbolic link.
fn is_empty_file(metadata: &fs::Metadata) -> bool {
    metadata.is_file() && metadata.len() == 0
}

/// Writes a secret to a new file that only its owner can read. Never overwrites.
pub(crate) fn write_secret(path: &Path, content: &str) -> Result<(), Failure> {
    if is_standard_output(path) {
        return Err(Failure::usage("--out: a secret is written to a file and nowhere else"));
    }
    let mut file = create_private(path, "a key")?;
    append(&mut file, path, content)
}

/// Makes a file that only its owner can read. What is there already stays; `what` is not written
/// over it.
pub(crate) fn create_private(path: &Path, what: &str) -> Result<fs::File, Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let shown = path.display();
    options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::usage(format!("{shown} exists, and {what} is never overwritten"))
                .with_help("choose another name for --out")
        }
        _ => Failure::usage(format!("can't write {shown}: {error}")),
    })
}

/// Writes on in a file, and waits until it lasts.
pub(crate) fn append(file: &mut fs::File, path: &Path, content: &str) -> Result<(), Failure> {
    let failed = |error| Failure::fault(format!("can't write {}: {error}", path.display()));
    file.write_all(content.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// Refuses a file that everybody on this machine can read: it holds a secret.
pub(crate) fn refuse_if_open(path: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file);
        if found.is_some_and(|found| found.permissions().mode() & 0o007 != 0) {
            let shown = path.display();
            let message = format!("{shown} holds a secret and everybody here can read it");
            return Err(Failure::usage(message).with_help(format!("chmod 600 {shown}")));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
