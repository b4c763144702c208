//! Which wallet, and how it is opened.

use std::path::PathBuf;

use bonafide_core::json::{Limits, parse};
use bonafide_linked_data::SUITES;
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_wallet::{Held, SealError, StoreError, Wallet, WalletError};
use clap::Args;

use super::passphrase::{Source, WALLET};
use crate::failure::{Exit, Failure};
use crate::human::shown;

/// Which wallet, and where its passphrase is.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The wallet's folder; if left out, bonafide/wallet in XDG_DATA_HOME or in ~/.local/share.
    #[arg(long, env = "BONAFIDE_WALLET", hide_env_values = true, value_name = "FOLDER")]
    #[arg(global = true, help_heading = "Wallet")]
    wallet: Option<PathBuf>,
    /// The file that holds the passphrase, on one line. It is asked for on the terminal, if left
    /// out.
    #[arg(long, env = "BONAFIDE_PASSPHRASE_FILE", hide_env_values = true, value_name = "FILE")]
    #[arg(global = true, help_heading = "Wallet")]
    passphrase_file: Option<PathBuf>,
    /// The file descriptor from which to read the passphrase, rather than from a file.
    #[arg(long, value_name = "N", global = true, help_heading = "Wallet")]
    passphrase_fd: Option<u32>,
}

impl Place {
    pub(super) fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.wallet {
            return Ok(folder.clone());
        }
        #[allow(clippy::disallowed_methods)] // this is the binary
        let absolute = |name: &str| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let data = absolute("XDG_DATA_HOME")
            .or_else(|| Some(absolute("HOME")?.join(".local").join("share")));
        let data = data.ok_or_else(|| {
            Failure::usage("where is the wallet? There is no home folder to look in")
                .with_help("--wallet FOLDER")
        })?;
        Ok(data.join("bonafide").join("wallet"))
    }

    /// The folder of a wallet that is not there yet.
    pub(super) fn new_folder(&self) -> Result<PathBuf, Failure> {
        let folder = self.folder()?;
        match Wallet::is_in(&folder) {
            true => Err(failure(StoreError::Exists { folder }.into())),
            false => Ok(folder),
        }
    }

    /// Where the wallet's passphrase comes from.
    pub(super) fn source(&self) -> Source {
        Source::of(self.passphrase_file.as_deref(), self.passphrase_fd)
    }

    /// Opens the wallet. Nobody is asked for the passphrase of a wallet that is not there.
    pub(super) fn open(&self) -> Result<Wallet, Failure> {
        let folder = self.folder()?;
        if !Wallet::is_in(&folder) {
            return Err(failure(StoreError::Missing { folder }.into()));
        }
        let passphrase = self.source().read(&WALLET)?;
        let mut wallet = Wallet::open(&folder, &passphrase).map_err(failure)?;
        wallet.use_suites(SUITES);
        Ok(wallet)
    }
}

/// The credential that is meant by its id, or by the end of it.
pub(super) fn held<'w>(wallet: &'w Wallet, name: &str) -> Result<&'w Held, Failure> {
    const SHORTEST: usize = 4;
    if let Some(held) = wallet.get(name) {
        return Ok(held);
    }
    let mut found = wallet.list().iter().filter(|held| held.id.ends_with(name));
    match (found.next(), found.next()) {
        (Some(held), None) if name.len() >= SHORTEST => Ok(held),
        (Some(_), Some(_)) if name.len() >= SHORTEST => Err(Failure::usage(format!(
            "more than one credential ends in {}; write more of its id",
            shown(name)
        ))),
        _ => Err(Failure::usage(format!("there is no credential {} in this wallet", shown(name)))
            .with_help("bonafide wallet list")),
    }
}

/// The grant or delegation of this wallet's own that is meant by its task, or by its id as any other
/// credential.
pub(super) fn granted<'w>(wallet: &'w Wallet, name: &str) -> Result<&'w Held, Failure> {
    let of_task = |held: &&Held| held.key.is_some() && task(held).as_deref() == Some(name);
    let mut found = wallet.list().iter().filter(of_task);
    match (found.next(), found.next()) {
        (Some(held), None) => Ok(held),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "there is more than one grant for {}; name it by its id",
            shown(name)
        ))
        .with_help("bonafide wallet list")),
        (None, _) => held(wallet, name),
    }
}

/// The task that a grant or delegation is for.
fn task(held: &Held) -> Option<String> {
    let payload = if held.bytes.starts_with(b"{") {
        held.bytes.clone()
    } else {
        let text = std::str::from_utf8(&held.bytes).ok()?;
        CompactJws::parse(text, TokenType::VC).ok()?.decode_payload().ok()?
    };
    let value = parse(&payload, &Limits::for_size(payload.len())).ok()?;
    Some(value.get("credentialSubject")?.get("task")?.as_str()?.to_owned())
}

/// What the wallet has against it, and what to do about it.
#[allow(clippy::needless_pass_by_value)] // for map_err
pub(super) fn failure(error: WalletError) -> Failure {
    let (exit, help) = match &error {
        WalletError::Store(error) => of_store(error),
        WalletError::Random(_) => (Exit::Fault, None),
        // What was looked at and does not count.
        WalletError::Refused(_)
        | WalletError::NotOurs(_)
        | WalletError::Widens(_)
        | WalletError::OutlivesParent { .. }
        | WalletError::NoDelegationLeft
        | WalletError::NoStatusLeft
        | WalletError::NotPresentable { .. }
        | WalletError::BundleForeign(_)
        | WalletError::BundleOlder { .. } => (Exit::Rejected, None),
        WalletError::NoKey(_) | WalletError::NoIssuer(_) => {
            (Exit::Usage, Some("bonafide wallet status"))
        }
        WalletError::NoCredential(_) => (Exit::Usage, Some("bonafide wallet list")),
        _ => (Exit::Usage, None),
    };
    Failure { exit, message: error.to_string(), help: help.map(ToOwned::to_owned) }
}

fn of_store(error: &StoreError) -> (Exit, Option<&'static str>) {
    match error {
        StoreError::Missing { .. } => (Exit::Usage, Some("bonafide wallet create")),
        StoreError::Exists { .. } => (Exit::Usage, Some("--wallet FOLDER")),
        StoreError::Io { error, .. } => match error.kind() {
            std::io::ErrorKind::NotFound
            | std::io::ErrorKind::PermissionDenied
            | std::io::ErrorKind::NotADirectory
            | std::io::ErrorKind::AlreadyExists => (Exit::Usage, None),
            _ => (Exit::Fault, None),
        },
        StoreError::Stopped | StoreError::Seal(SealError::NoMemory | SealError::Random(_)) => {
            (Exit::Fault, None)
        }
        _ => (Exit::Usage, None),
    }
}
