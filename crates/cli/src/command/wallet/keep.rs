//! Making, copying and changing a wallet: what needs no issuer.

use std::io::Write as _;
use std::path::PathBuf;

use bonafide_core::key::KeyType;
use bonafide_issuer::keys::AnyKey;
use bonafide_wallet::{Cost, KeyEntry, Wallet};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::passphrase::{Purpose, Source};
use super::place::{Place, failure, held};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::Draft;
use crate::human::shown;
use crate::{files, key_file};

const NEW: Purpose =
    Purpose { prompt: "New passphrase: ", options: "--passphrase-file FILE or --passphrase-fd N" };

const CHANGED: Purpose = Purpose {
    prompt: "New passphrase: ",
    options: "--new-passphrase-file FILE or --new-passphrase-fd N",
};

const COPY: Purpose = Purpose {
    prompt: "Passphrase of the copy: ",
    options: "--copy-passphrase-file FILE or --copy-passphrase-fd N",
};

const COPIED: Purpose = Purpose {
    prompt: "Passphrase of the copy: ",
    options: "--passphrase-file FILE or --passphrase-fd N",
};

/// What signs: the kinds of key that a wallet makes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Algorithm {
    Ed25519,
    P256,
    P384,
}

impl From<Algorithm> for KeyType {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Ed25519 => Self::Ed25519,
            Algorithm::P256 => Self::P256,
            Algorithm::P384 => Self::P384,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet create
  bonafide wallet create --wallet /srv/agent/wallet --passphrase-file pass.txt --alg p256
  bonafide wallet create --from-key agent.key

Whoever has the passphrase and the folder is the agent. Without the passphrase nothing opens it,
and there is no way around.")]
pub(super) struct Create {
    /// The name of its first key.
    #[arg(long, default_value = "agent")]
    name: String,
    /// What kind of key.
    #[arg(long, value_enum, default_value_t = Algorithm::Ed25519, conflicts_with = "from_key")]
    alg: Algorithm,
    /// Take in this key file instead of making a key. The file stays: remove it.
    #[arg(long, value_name = "FILE")]
    from_key: Option<PathBuf>,
}

impl Create {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let folder = place.new_folder()?;
        // Before anything is made: a wallet without its key would be in the way of the next try.
        let key = self.from_key.as_deref().map(key_file::load).transpose()?;
        let passphrase = place.source().read_new(&NEW)?;
        let mut random = app.random_source();
        let mut wallet = Wallet::in_memory();
        let key = match key {
            Some(AnyKey::Plain(secret)) => wallet.import_key(&self.name, secret, app.now),
            Some(_) => {
                return Err(Failure::usage("a BLS key signs no presentations")
                    .with_help("bonafide key new --out agent.key"));
            }
            None => wallet.new_key(&self.name, self.alg.into(), &mut random, app.now),
        };
        let key = key.map_err(failure)?.clone();
        // So that it is there with its key or not at all.
        let copy = wallet.export(&passphrase, Cost::DEFAULT, &mut random).map_err(failure)?;
        Wallet::import(&folder, &copy, &passphrase).map_err(failure)?;
        made(&folder.display().to_string(), Some(&key), app)
    }
}

fn made(folder: &str, key: Option<&KeyEntry>, app: &mut App<'_>) -> Result<Exit, Failure> {
    if app.json {
        let key = key.map(|key| json!({"name": key.name, "did": key.did, "method": key.method}));
        app.print_json(&json!({"wallet": folder, "key": key}))?;
        return Ok(Exit::Accepted);
    }
    writeln!(app.out, "wallet in {} (for you alone)", shown(folder))?;
    if let Some(key) = key {
        writeln!(app.out, "key {}, {}: {}", key.name, key.public.key_type(), key.did)?;
    }
    Ok(Exit::Accepted)
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet remove urn:uuid:0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31
  bonafide wallet remove --key old
  bonafide wallet remove --issuer issuer.example

A key goes with its secret, for good, and not as long as credentials are bound to it.")]
pub(super) struct Remove {
    /// The credential: its id, or the end of it.
    #[arg(value_name = "ID", required_unless_present_any = ["key", "issuer"])]
    #[arg(conflicts_with_all = ["key", "issuer"])]
    credential: Option<String>,
    /// The key of this name.
    #[arg(long, value_name = "NAME", conflicts_with = "issuer")]
    key: Option<String>,
    /// The issuer of this name, with what is known of it.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
}

impl Remove {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let mut wallet = place.open()?;
        let removed = match (self.credential, self.key, self.issuer) {
            (Some(name), ..) => {
                let id = held(&wallet, &name)?.id.clone();
                wallet.remove(&id).map_err(failure)?;
                id
            }
            (_, Some(key), _) => {
                wallet.remove_key(&key).map_err(failure)?;
                format!("key {key}")
            }
            (_, _, Some(issuer)) => {
                wallet.remove_issuer(&issuer).map_err(failure)?;
                format!("issuer {issuer}")
            }
            _ => return Err(Failure::usage("what is to be removed?").with_help("an ID")),
        };
        if app.json {
            app.print_json(&json!({"removed": removed}))?;
        } else {
            writeln!(app.out, "{} is removed from the wallet", shown(&removed))?;
        }
        Ok(Exit::Accepted)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example: bonafide wallet change-passphrase

Copies that were made before still open with the old one.")]
pub(super) struct ChangePassphrase {
    /// The file that holds the new passphrase, on one line.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// The file descriptor from which to read the new passphrase.
    #[arg(long, value_name = "N", conflicts_with = "new_passphrase_file")]
    new_passphrase_fd: Option<u32>,
}

impl ChangePassphrase {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let mut wallet = place.open()?;
        let new = Source::of(self.new_passphrase_file.as_deref(), self.new_passphrase_fd);
        let new = new.read_new(&CHANGED)?;
        let mut random = app.random_source();
        wallet.change_passphrase(&new, Cost::DEFAULT, &mut random).map_err(failure)?;
        if app.json {
            app.print_json(&json!({"changed": true}))?;
        } else {
            writeln!(app.out, "the wallet opens with the new passphrase; its copies do not")?;
        }
        Ok(Exit::Accepted)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example: bonafide wallet export --out agent.wallet

The copy holds everything, keys included, and has a passphrase of its own.")]
pub(super) struct Export {
    /// Where to write it; never over another file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The file that holds the copy's passphrase, on one line.
    #[arg(long, value_name = "FILE")]
    copy_passphrase_file: Option<PathBuf>,
    /// The file descriptor from which to read the copy's passphrase.
    #[arg(long, value_name = "N", conflicts_with = "copy_passphrase_file")]
    copy_passphrase_fd: Option<u32>,
}

impl Export {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let wallet = place.open()?;
        let mut draft = Draft::begin(&self.out, true)?;
        let passphrase = Source::of(self.copy_passphrase_file.as_deref(), self.copy_passphrase_fd);
        let passphrase = passphrase.read_new(&COPY)?;
        let mut random = app.random_source();
        let copy = wallet.export(&passphrase, Cost::DEFAULT, &mut random).map_err(failure)?;
        draft.write_all(&copy)?;
        draft.finish()?;
        let out = self.out.display().to_string();
        if app.json {
            app.print_json(&json!({"out": out}))?;
        } else {
            writeln!(app.out, "sealed copy written to {out}; keep it and its passphrase apart")?;
        }
        Ok(Exit::Accepted)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example: bonafide wallet import agent.wallet --wallet /srv/agent/wallet

The new wallet has the passphrase of the copy. Two wallets that go on side by side may hand the
same place on a status list to two delegations: use one of them.")]
pub(super) struct Import {
    /// The copy, as bonafide wallet export wrote it.
    file: PathBuf,
}

impl Import {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let folder = place.new_folder()?;
        let copy = files::read(&self.file)?;
        let passphrase = place.source().read(&COPIED)?;
        let wallet = Wallet::import(&folder, &copy, &passphrase).map_err(failure)?;
        made(&folder.display().to_string(), wallet.default_key(), app)
    }
}
