//! Reading and writing files: sizes are bounded, secrets are private, nothing is half written.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

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

/// Whether this is a key file, however broken.
fn holds_secret(bytes: &[u8]) -> bool {
    const NAME: &[u8] = b"secretKeyMultibase";
    bytes.len() < 8192 && bytes.windows(NAME.len()).any(|window| window == NAME)
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

/// Writes a file in one step: a reader sees the old one or the new one, whole. Never over a key.
pub(crate) fn write(path: &Path, content: &str) -> Result<(), Failure> {
    replace(path, content, 0o644)
}

/// Writes a file in one step that only its owner can read.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<(), Failure> {
    replace(path, content, 0o600)
}

fn replace(path: &Path, content: &str, mode: u32) -> Result<(), Failure> {
    let shown = path.display();
    if fs::read(path).is_ok_and(|old| holds_secret(&old)) {
        return Err(Failure::usage(format!(
            "{shown} is a key file, and a key is never overwritten"
        ))
        .with_help("choose another name for --out"));
    }
    let unwritable = |error: std::io::Error| {
        let message = format!("can't write {shown}: {}", error.kind());
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::IsADirectory => {
                Failure::usage(message)
            }
            _ => Failure::fault(message),
        }
    };
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = file.tempfile_in(folder).map_err(unwritable)?;
    file.write_all(content.as_bytes()).map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist(path).map_err(|error| unwritable(error.error))?;
    // The new name has to last as well.
    #[cfg(unix)]
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
    Ok(())
}

/// Waits for and holds the lock that goes with a file, until it is dropped.
pub(crate) fn lock(path: &Path) -> Result<fs::File, Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |error| Failure::usage(format!("can't lock {}: {error}", path.display()));
    let lock = fs::File::create(name).map_err(failed)?;
    lock.lock().map_err(failed)?;
    Ok(lock)
}

/// Writes a secret to a new file that only its owner can read. Never overwrites.
pub(crate) fn write_secret(path: &Path, content: &str) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let shown = path.display();
    let mut file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::usage(format!("{shown} exists, and a key is never overwritten"))
                .with_help("choose another name for --out")
        }
        _ => Failure::usage(format!("can't write {shown}: {error}")),
    })?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::fault(format!("can't write {shown}: {error}")))
}
