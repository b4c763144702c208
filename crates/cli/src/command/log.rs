//! `bonafide log`: the issuer's log, from files alone.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bonafide_issuer::log::offline::{self, Entries};
use bonafide_issuer::log::{Checkpoint, InclusionProof, LogError, LogKey, LogReader};
use bonafide_issuer::log_folder;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};
use crate::human::{DIM, GREEN, PLAIN, RED, shown};
use crate::progress::Progress;

#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Hash every entry and compare all that is kept with what was signed.
    #[command(
        after_help = "Example: bonafide log verify /var/lib/bonafide --key 'issuer.example/log+1a2b3c4d+AQ…' --checkpoint kept.checkpoint

Without an older checkpoint, kept where the operator can't reach it, nobody sees that the last
entries were dropped or the whole log replaced."
    )]
    Verify {
        /// A service's data folder, its log, or a copy in tiles.
        folder: PathBuf,
        #[command(flatten)]
        key: Key,
        /// An older checkpoint, which must be of the beginning of this log. May be repeated.
        #[arg(long, value_name = "OLDER")]
        checkpoint: Vec<PathBuf>,
    },
    /// Prove that an entry is on the log, for somebody who does not have it.
    #[command(
        after_help = "Example: bonafide log prove /var/lib/bonafide --index 17 --key … --out 17.proof --entry 17.entry"
    )]
    Prove {
        /// A service's data folder, its log, or a copy in tiles.
        folder: PathBuf,
        #[command(flatten)]
        key: Key,
        /// The entry's place on the log, from 0: the sequence of its audit record.
        #[arg(long, value_name = "N")]
        index: u64,
        /// Where to write the proof (c2sp.org/tlog-proof).
        #[arg(long, default_value = "-")]
        out: PathBuf,
        /// Where to write the entry itself, byte for byte.
        #[arg(long, value_name = "FILE")]
        entry: Option<PathBuf>,
    },
    /// Check a proof of an entry, without the log.
    #[command(after_help = "Example: bonafide log check 17.proof --entry 17.entry --key …")]
    Check {
        /// The proof (c2sp.org/tlog-proof).
        proof: PathBuf,
        /// The entry, byte for byte.
        #[arg(long, value_name = "FILE")]
        entry: PathBuf,
        #[command(flatten)]
        key: Key,
    },
    /// Write the log as files for any web server (c2sp.org/tlog-tiles).
    #[command(after_help = "Example: bonafide log export /var/lib/bonafide /srv/www/log --key …

Run it again to bring the copy up to date.")]
    Export {
        /// A service's data folder, or its log.
        data: PathBuf,
        /// Where to write.
        out: PathBuf,
        #[command(flatten)]
        key: Key,
    },
}

/// Whose log it is.
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// The log's key, as bonafide serve prints it and GET /log/key gives it, or a file that holds
    /// it. Have it from elsewhere than the log.
    #[arg(long, value_name = "VKEY")]
    key: String,
}

impl Key {
    pub(crate) fn read(&self) -> Result<LogKey, Failure> {
        let text = match Path::new(&self.key) {
            path if path.is_file() => files::read_text(path)?,
            _ => self.key.clone(),
        };
        LogKey::parse(text.trim())
            .map_err(|error| Failure::usage(format!("--key: {error} [{}]", error.code())))
    }
}

impl Log {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Verify { folder, key, checkpoint } => verify(&folder, &key, &checkpoint, app),
            Self::Prove { folder, key, index, out, entry } => {
                prove(&folder, &key, index, &out, entry.as_deref(), app)
            }
            Self::Check { proof, entry, key } => check(&proof, &entry, &key, app),
            Self::Export { data, out, key } => export(&data, &out, &key, app),
        }
    }
}

/// The log at this place: the folder itself, or the one that a service keeps in it.
pub(crate) fn find(folder: &Path) -> Result<PathBuf, Failure> {
    if !folder.is_dir() {
        return Err(Failure::usage(format!("{} is no folder", folder.display())));
    }
    if ["checkpoint", "entries", "tile"].iter().any(|name| folder.join(name).exists()) {
        return Ok(folder.to_owned());
    }
    let inside = log_folder(folder);
    Ok(if inside.is_dir() { inside } else { folder.to_owned() })
}

fn verify(folder: &Path, key: &Key, older: &[PathBuf], app: &mut App<'_>) -> Result<Exit, Failure> {
    let (key, folder) = (key.read()?, find(folder)?);
    let mut known = Vec::new();
    for path in older {
        match Checkpoint::verify(&files::read_text(path)?, &key) {
            Ok(checkpoint) => known.push(checkpoint),
            Err(error) => return bad(&error, Some(path), app),
        }
    }
    let mut progress = Progress::new("entries checked", 1 << 20, app.json);
    let report =
        match offline::verify_telling(&folder, &key, &known, &mut |n, of| progress.tell(n, of)) {
            Ok(report) => report,
            Err(error) => return bad(&error, None, app),
        };
    let checkpoint = &report.checkpoint;
    if app.json {
        app.print_json(&json!({
            "good": true, "origin": checkpoint.origin(), "size": checkpoint.size(),
            "root": checkpoint.root_text(), "consistentWith": report.consistent_with,
            "unpublishedBytes": report.unpublished,
        }))?;
        return Ok(Exit::Accepted);
    }
    writeln!(app.out, "{GREEN}✓ good{PLAIN} all {} entries are those signed", checkpoint.size())?;
    tell(checkpoint, app)?;
    match report.consistent_with {
        0 => writeln!(
            app.out,
            "{DIM}held against no older checkpoint: dropped entries would not be seen{PLAIN}"
        )?,
        1 => writeln!(app.out, "the older checkpoint is of its beginning")?,
        n => writeln!(app.out, "all {n} older checkpoints are of its beginning")?,
    }
    if report.unpublished > 0 {
        writeln!(
            app.out,
            "{DIM}{} bytes of entries are not published yet{PLAIN}",
            report.unpublished
        )?;
    }
    Ok(Exit::Accepted)
}

/// What a checkpoint says.
pub(crate) fn tell(checkpoint: &Checkpoint, app: &mut App<'_>) -> Result<(), Failure> {
    writeln!(app.out, "{DIM}log {PLAIN}  {}", shown(checkpoint.origin()))?;
    writeln!(app.out, "{DIM}size{PLAIN}  {}", checkpoint.size())?;
    writeln!(app.out, "{DIM}root{PLAIN}  {}", checkpoint.root_text())?;
    Ok(())
}

fn prove(
    folder: &Path,
    key: &Key,
    index: u64,
    out: &Path,
    entry: Option<&Path>,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let (key, folder) = (key.read()?, find(folder)?);
    let made = offline::prove(&folder, &key, index).and_then(|proof| {
        let mut entries = Entries::open(&folder, &key)?;
        let bytes = entries.get(index)?.to_vec();
        // The log may have grown in between; what it had stays.
        proof.check(&bytes, &key).map(|_| (proof, bytes))
    });
    let (proof, bytes) = match made {
        Ok(made) => made,
        Err(error) => return bad(&error, None, app),
    };
    if let Some(path) = entry {
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::fault("the entry is not UTF-8, as those of the service are"))?;
        files::write(path, &text, Access::Public)?;
    }
    if files::is_standard_output(out) {
        write!(app.out, "{proof}")?;
        return Ok(Exit::Accepted);
    }
    files::write(out, &proof.to_string(), Access::Public)?;
    if app.json {
        app.print_json(&json!({"index": index, "out": out, "entry": entry}))?;
    } else {
        writeln!(app.out, "proof of entry {index} written to {}", out.display())?;
    }
    Ok(Exit::Accepted)
}

fn check(proof: &Path, entry: &Path, key: &Key, app: &mut App<'_>) -> Result<Exit, Failure> {
    let key = key.read()?;
    let (text, bytes) = (files::read_text(proof)?, files::read(entry)?);
    let checked = InclusionProof::parse(&text).and_then(|proof| proof.check(&bytes, &key));
    let proven = match checked {
        Ok(proven) => proven,
        Err(error @ LogError::ProofInvalid { .. }) if bytes.ends_with(b"\n") => {
            let exit = bad(&error, None, app)?;
            if !app.json {
                writeln!(app.out, "{} ends with a line break; entries have none", entry.display())?;
            }
            return Ok(exit);
        }
        Err(error) => return bad(&error, None, app),
    };
    let checkpoint = &proven.checkpoint;
    if app.json {
        app.print_json(&json!({
            "good": true, "index": proven.index, "origin": checkpoint.origin(),
            "size": checkpoint.size(), "root": checkpoint.root_text(),
        }))?;
    } else {
        writeln!(app.out, "{GREEN}✓ good{PLAIN} this is entry {} of the log", proven.index)?;
        tell(checkpoint, app)?;
    }
    Ok(Exit::Accepted)
}

fn export(data: &Path, out: &Path, key: &Key, app: &mut App<'_>) -> Result<Exit, Failure> {
    let (key, folder) = (key.read()?, find(data)?);
    let mut progress = Progress::new("entries written", 1 << 20, app.json);
    let exported = LogReader::open(&folder, &key).and_then(|reader| {
        offline::export_telling(&reader, out, &mut |n, of| progress.tell(n, of))?;
        Ok(reader.size())
    });
    match exported {
        Ok(size) if app.json => app.print_json(&json!({"exported": size, "out": out}))?,
        Ok(size) => writeln!(app.out, "{size} entries written to {}", out.display())?,
        Err(error) => return bad(&error, None, app),
    }
    Ok(Exit::Accepted)
}

/// Tells what is not good, with its code. What can't be read at all is no verdict.
pub(crate) fn bad(error: &LogError, at: Option<&Path>, app: &mut App<'_>) -> Result<Exit, Failure> {
    if let LogError::Io { source, .. } = error {
        match source.kind() {
            ErrorKind::NotFound | ErrorKind::UnexpectedEof => {}
            ErrorKind::PermissionDenied => return Err(Failure::usage(error.to_string())),
            _ => return Err(Failure::fault(error.to_string())),
        }
    }
    let at = at.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    let (code, message) = (error.code(), format!("{at}{error}"));
    if app.json {
        let reasons = json!([{"code": code, "message": message}]);
        app.print_json(&json!({"good": false, "reasons": reasons}))?;
    } else {
        writeln!(app.out, "{RED}✗ not good{PLAIN} {} {RED}[{code}]{PLAIN}", shown(&message))?;
    }
    Ok(Exit::Rejected)
}
