//! `bonafide backup`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use bonafide_fetch::Route;
use bonafide_issuer::backup::{self, BackupError, BackupFile};
use bonafide_issuer::keys::seal::{self, SealingKey};
use bonafide_issuer::log::{Checkpoint, LogKey};
use bonafide_issuer::store::StoreError;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::audit_files::not_opened;
use super::log;
use super::serve::environment;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::Draft;
use crate::human::{BOLD, DIM, GREEN, PLAIN, RED, shown};
use crate::progress::Progress;
use crate::remote::Connection;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide backup --url https://issuer.example --token-file admin.token --out 2026-01-31.backup
  bonafide backup --data /var/lib/bonafide --out 2026-01-31.backup     (the service is stopped)

The key that seals the signing keys, seal.key, is not in the backup: keep a copy of it elsewhere.")]
pub(crate) struct Backup {
    /// The data folder of a service that is stopped; without it, the service at --url is asked.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Where to write; a new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    seal: SealFiles,
    #[command(flatten)]
    connection: Connection,
}

/// Where the sealing key is.
#[derive(Debug, Args)]
pub(crate) struct SealFiles {
    /// The key that seals the signing keys; with --data seal.key in it, if left out.
    #[arg(long, value_name = "FILE")]
    pub(crate) seal_key: Option<PathBuf>,
    /// The file with the passphrase, where that is what keys are sealed with.
    #[arg(long, value_name = "FILE", conflicts_with = "seal_key")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

impl SealFiles {
    /// The passphrase.
    pub(crate) fn passphrase(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let Some(path) = &self.passphrase_file else { return Ok(None) };
        let mut text = Zeroizing::new(crate::files::read_secret(path)?);
        let length = text.trim_ascii_end().len();
        text.truncate(length);
        Ok(Some(text))
    }

    /// The key from its file.
    pub(crate) fn key(&self) -> Result<Option<SealingKey>, Failure> {
        self.seal_key.as_deref().map(read_key).transpose()
    }

    /// The key of a data folder, if it is to be had.
    fn of_folder(&self, data: &Path) -> Result<Option<SealingKey>, Failure> {
        if let Some(passphrase) = self.passphrase()? {
            let header = data.join("seal.json");
            let key = seal::read_passphrase_file(&header, &passphrase);
            return key
                .map(Some)
                .map_err(|error| Failure::usage(format!("{}: {error}", header.display())));
        }
        let inside = data.join("seal.key");
        match &self.seal_key {
            None if inside.exists() => read_key(&inside).map(Some),
            _ => self.key(),
        }
    }
}

fn read_key(path: &Path) -> Result<SealingKey, Failure> {
    seal::read_key_file(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

impl Backup {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let mut draft = Draft::begin(&self.out, true)?;
        let mut progress = Progress::new("bytes", 256 << 20, app.json);
        if let Some(data) = &self.data {
            let sealing = self.seal.of_folder(data)?;
            let telling = &mut |n, of| progress.tell(n, of);
            backup::of_folder(data, sealing.as_ref(), &environment(), &mut draft, telling)
                .map_err(|error| failed(&error))?;
        } else {
            self.download(&mut draft, &mut progress)?;
        }
        draft.flush()?;
        // Read back as a restore will, before it is called a backup.
        let mut file = BackupFile::open(draft.place()).map_err(|error| failed(&error))?;
        file.verify(&mut |_, _| ()).map_err(|error| failed(&error))?;
        draft.finish()?;
        tell(&file, &self.out, app)
    }

    fn download(&self, draft: &mut Draft, progress: &mut Progress) -> Result<(), Failure> {
        let remote = self.connection.open()?;
        let (mut failure, mut came) = (None, 0);
        let mut keep = |bytes: &[u8]| {
            came += bytes.len() as u64;
            progress.tell(came, u64::MAX);
            match draft.write_all(bytes) {
                Ok(()) => true,
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        };
        let downloaded = remote.download(&Route::new(&["backup"]), &mut keep);
        if let Some(error) = failure {
            return Err(Failure::fault(format!("can't write {}: {error}", self.out.display())));
        }
        downloaded
    }
}

/// Tells what a backup holds.
fn tell(file: &BackupFile, out: &Path, app: &mut App<'_>) -> Result<Exit, Failure> {
    let manifest = file.manifest();
    let checkpoint = LogKey::parse(&manifest.log_key)
        .and_then(|key| Checkpoint::verify(&manifest.checkpoint, &key))
        .map_err(|error| Failure::fault(format!("the backup's checkpoint: {error}")))?;
    let digest = backup::to_hex(file.digest());
    if app.json {
        app.print_json(&json!({
            "out": out, "bytes": file.bytes(), "events": manifest.events, "sealed": file.is_sealed(),
            "digest": digest, "logKey": manifest.log_key, "origin": checkpoint.origin(),
            "size": checkpoint.size(), "root": checkpoint.root_text(),
            "checkpoint": manifest.checkpoint,
        }))?;
        return Ok(Exit::Accepted);
    }
    let (shown_out, bytes) = (out.display(), file.bytes());
    writeln!(
        app.out,
        "{GREEN}✓ backup{PLAIN} of {} events, {bytes} bytes, written to {shown_out}",
        manifest.events
    )?;
    log::tell(&checkpoint, app)?;
    if !file.is_sealed() {
        writeln!(
            app.out,
            "{DIM}without the sealing key there is no seal on it: whoever can change it is not found out{PLAIN}"
        )?;
    }
    writeln!(
        app.out,
        "{BOLD}The sealing key is not in it.{PLAIN} Keep a copy of seal.key, or the passphrase, elsewhere: without it no signing key opens."
    )?;
    Ok(Exit::Accepted)
}

/// Why there is no backup.
pub(crate) fn failed(error: &BackupError) -> Failure {
    match error {
        BackupError::NoData(_) | BackupError::Throwaway(_) => Failure::usage(error.to_string()),
        BackupError::Store(store @ StoreError::Stopped(_)) => not_opened(store),
        _ => Failure::fault(format!("{error} [{}]", error.code())),
    }
}

/// A backup that is refused: told with its code.
pub(crate) fn refused(error: &BackupError, app: &mut App<'_>) -> Result<Exit, Failure> {
    let help = match error {
        BackupError::Io { .. } | BackupError::Store(StoreError::Stopped(_)) => {
            return Err(failed(error));
        }
        BackupError::NotEmpty(_) => {
            return Err(Failure::usage(format!("{error} [{}]", error.code())));
        }
        BackupError::Old { .. } => {
            "What was issued, revoked or changed since is not in it. To restore it all the same: --accept-loss"
        }
        _ => "",
    };
    let (code, message) = (error.code(), error.to_string());
    if app.json {
        let reasons = json!([{"code": code, "message": message}]);
        app.print_json(&json!({"restored": false, "reasons": reasons}))?;
        return Ok(Exit::Rejected);
    }
    writeln!(app.out, "{RED}✗ not restored{PLAIN} {} {RED}[{code}]{PLAIN}", shown(&message))?;
    if !help.is_empty() {
        writeln!(app.out, "{help}")?;
    }
    Ok(Exit::Rejected)
}
