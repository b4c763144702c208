//! The way to the wallet's issuers.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_wallet::client::{ClientError, Connection};
use bonafide_wallet::{Missing, Wallet, WalletError};
use clap::Args;
use tokio::runtime::Runtime;

use super::place;
use crate::app::App;
use crate::command::duration;
use crate::failure::{Exit, Failure};
use crate::human::shown;
use crate::{files, network, problem};

/// How to reach issuers.
#[derive(Debug, Args)]
pub(super) struct Reach {
    /// Trust the root certificates in this PEM file as well.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How long a request may take.
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "30s")]
    timeout: Duration,
}

impl Reach {
    /// Makes ready to ask; nothing is sent yet.
    pub(super) fn open(&self) -> Result<(Connection, &'static Runtime), Failure> {
        let mut connection = Connection { timeout: self.timeout, ..Connection::default() };
        if let Some(path) = &self.ca {
            connection.roots.push(files::read(path)?);
        }
        Ok((connection, network::runtime()?))
    }
}

/// The issuer that is meant: the one of this name, or the only one that there is.
pub(super) fn issuer(wallet: &Wallet, name: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = name {
        let found = wallet.issuer(name).map(|issuer| issuer.name.clone());
        return found.ok_or_else(|| place::failure(WalletError::NoIssuer(name.to_owned())));
    }
    let mut all = wallet.issuers();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only.name.clone()),
        (None, _) => {
            Err(Failure::usage("this wallet knows no issuer")
                .with_help("bonafide wallet enrol LINK"))
        }
        (Some(_), Some(_)) => {
            let names: Vec<&str> = wallet.issuers().map(|known| known.name.as_str()).collect();
            Err(Failure::usage(format!("which issuer? {}", names.join(", ")))
                .with_help("--issuer NAME"))
        }
    }
}

/// Why an issuer did not do it, and what to do about that.
pub(super) fn failure(error: ClientError) -> Failure {
    match error {
        ClientError::Wallet(error) => place::failure(error),
        ClientError::Missing(missing) => lacking(&missing),
        ClientError::Unanswered { url, error } => problem::unanswered(&error, &url),
        ClientError::Refused(refusal) => {
            // An issuer that answers no, and one to whom nothing sensible was sent, or that broke.
            let exit = match refusal.status {
                401 | 403 => Exit::Rejected,
                400..=499 => Exit::Usage,
                _ => Exit::Fault,
            };
            let wait = refusal.retry_after.map(|wait| format!("again in {} s", wait.as_secs()));
            Failure { exit, message: refusal.to_string(), help: wait }
        }
        error @ ClientError::Foreign { .. } => Failure::fault(error.to_string()),
        error @ ClientError::NameTaken(_) => {
            Failure::usage(error.to_string()).with_help("--issuer-name NAME")
        }
        error @ (ClientError::OtherIssuer { .. } | ClientError::IssuerChanged { .. }) => {
            Failure { exit: Exit::Rejected, message: error.to_string(), help: None }
        }
        other => Failure::usage(other.to_string()),
    }
}

/// What can't be shown, since it is not there.
pub(super) fn lacking(missing: &Missing) -> Failure {
    let lines: Vec<String> =
        missing.what.iter().map(|line| format!("\n  {}", shown(line))).collect();
    let message = format!("what is asked for can't be shown:{}", lines.concat());
    Failure { exit: Exit::Undecided, message, help: Some("bonafide wallet status".to_owned()) }
}

/// What is not known of something that was received, each on a line.
pub(super) fn unknown(all: &[String], app: &mut App<'_>) -> Result<(), Failure> {
    for line in all {
        writeln!(app.out, "  not known: {}", shown(line))?;
    }
    Ok(())
}
