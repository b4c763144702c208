//! `bonafide restore`.

use std::path::PathBuf;

use bonafide_issuer::backup::{self, BackupFile, Kept, Options, Outcome};
use bonafide_issuer::keys::seal::SealingKey;
use clap::Args;
use serde_json::json;

use super::backup::{SealFiles, refused};
use super::log;
use super::serve::environment;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::{BOLD, DIM, GREEN, PLAIN, YELLOW};
use crate::progress::Progress;

#[derive(Debug, Args)]
#[command(
    after_help = "Example: bonafide restore 2026-01-31.backup --data /var/lib/bonafide --seal-key seal.key --checkpoint kept.checkpoint

All of the backup is checked before it is called restored. At the next start the service begins new
status lists and a log under a new name, since nobody can tell here what came after the backup.
Only if nothing did, as when a stopped service moves, --continue-log lets the log go on."
)]
pub(crate) struct Restore {
    /// The backup.
    backup: PathBuf,
    /// The new data folder; must not exist, or be empty.
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    #[command(flatten)]
    seal: SealFiles,
    /// The newest checkpoint of the log that was kept elsewhere: it shows whether entries are
    /// missing.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Restore although entries are missing.
    #[arg(long, requires = "checkpoint")]
    accept_loss: bool,
    /// Nothing was published after this backup: the log goes on under its name. The checkpoint
    /// must not be older than the backup's.
    #[arg(long, requires = "checkpoint", conflicts_with = "accept_loss")]
    continue_log: bool,
}

impl Restore {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let checkpoint = self.checkpoint.as_deref().map(files::read_text).transpose()?;
        if !self.backup.is_file() {
            return Err(Failure::usage(format!("{} is no file", self.backup.display())));
        }
        let mut file = match BackupFile::open(&self.backup) {
            Ok(file) => file,
            Err(error) => return refused(&error, app),
        };
        let sealing = match self.sealing(&mut file) {
            Ok(sealing) => sealing?,
            Err(error) => return refused(&error, app),
        };
        let environment = environment();
        let options = Options {
            target: &self.data,
            sealing,
            checkpoint: checkpoint.as_deref(),
            accept_loss: self.accept_loss,
            continue_log: self.continue_log,
            environment: &environment,
        };
        let mut progress = Progress::new("done", 64 << 20, app.json);
        let restored = backup::restore(&mut file, options, &mut |n, of| progress.tell(n, of));
        let outcome = match restored {
            Ok(outcome) => outcome,
            Err(error) => return refused(&error, app),
        };
        let key_in_place = match &self.seal.seal_key {
            Some(from) => {
                let text = files::read_secret(from).map(zeroize::Zeroizing::new)?;
                let text = std::str::from_utf8(&text).unwrap_or_default();
                files::write_secret(&self.data.join("seal.key"), text)?;
                true
            }
            None => false,
        };
        self.tell(&outcome, key_in_place, app)
    }

    /// The sealing key: what can't be read is a failure, what does not open a refusal.
    #[allow(clippy::type_complexity)]
    fn sealing(
        &self,
        file: &mut BackupFile,
    ) -> Result<Result<Option<SealingKey>, Failure>, backup::BackupError> {
        match self.seal.passphrase() {
            Ok(None) => Ok(self.seal.key()),
            Ok(Some(passphrase)) => Ok(Ok(Some(file.sealing_key(&passphrase)?))),
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn tell(&self, outcome: &Outcome, key: bool, app: &mut App<'_>) -> Result<Exit, Failure> {
        let (manifest, checkpoint) = (&outcome.manifest, &outcome.checkpoint);
        let lost = match outcome.kept {
            Kept::Newer(lost) => Some(lost),
            Kept::Nothing | Kept::Older => None,
        };
        if app.json {
            app.print_json(&json!({
                "restored": true, "data": self.data, "events": manifest.events,
                "digest": backup::to_hex(&outcome.digest), "sealChecked": outcome.sealed,
                "origin": checkpoint.origin(), "size": checkpoint.size(),
                "root": checkpoint.root_text(), "checkpoint": manifest.checkpoint,
                "lostEntries": lost, "newLog": outcome.new_log, "sealKeyInPlace": key,
            }))?;
            return Ok(Exit::Accepted);
        }
        let data = self.data.display();
        writeln!(
            app.out,
            "{GREEN}✓ restored{PLAIN} {} events into {data}, of {}; all digests, the log and every audit record are good",
            manifest.events, manifest.made_at
        )?;
        log::tell(checkpoint, app)?;
        match outcome.kept {
            Kept::Newer(lost) => writeln!(
                app.out,
                "{YELLOW}{lost} entries of the log are lost.{PLAIN} What was issued is not known here, and what was revoked is valid again: go through what you know of that time."
            )?,
            Kept::Older if outcome.new_log => writeln!(
                app.out,
                "The checkpoint is not newer than the backup: it says nothing of what came later."
            )?,
            Kept::Older => {}
            Kept::Nothing => writeln!(
                app.out,
                "{BOLD}Compare this with a checkpoint that was kept elsewhere{PLAIN} (log.checkpoint_copy, a witness, an auditor): if that one is larger, entries are lost."
            )?,
        }
        if outcome.new_log {
            writeln!(
                app.out,
                "At the next start the log goes on under a new name and key; tell whoever follows it."
            )?;
        }
        writeln!(app.out, "At the next start new status lists begin.")?;
        match (outcome.sealed, key) {
            (_, true) => writeln!(app.out, "The sealing key was copied to {data}/seal.key.")?,
            (true, false) => {}
            (false, false) => writeln!(
                app.out,
                "{DIM}The seal was not checked, for want of the key. Before the start put seal.key into {data}, or name key or passphrase in the settings.{PLAIN}"
            )?,
        }
        Ok(Exit::Accepted)
    }
}
