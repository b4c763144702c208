//! `bonafide wallet grant`, `complete` and `revoke`: what an issuer grants for one task.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::delegation::Constraint;
use bonafide_core::json::{Limits, parse};
use bonafide_wallet::client::{GrantOrder, PrincipalProof};
use bonafide_wallet::{DelegationPackage, Shown};
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::enrol::{as_json, tell};
use super::place::{self, Place, granted, held};
use super::reach::{self, Reach};
use crate::app::App;
use crate::command::duration;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::shown;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet grant --task book-travel-4711 --action files.read \\
      --resource https://files.example/reports --audience https://files.example --valid-for 5m
  bonafide wallet grant --task book-travel-4711 --action payments.execute \\
      --resource https://pay.example/orders --audience https://pay.example \\
      --constraint '{\"type\":\"Budget\",\"unit\":\"EUR\",\"amount\":5000}' --max-depth 2 \\
      --principal-token alice.jwt

The exit code is 1 if the issuer's policy refuses, which it does by default.")]
pub(super) struct Ask {
    /// The task, in a name of your own.
    #[arg(long)]
    task: String,
    /// An action; may be repeated.
    #[arg(long = "action", value_name = "ACTION", required = true)]
    actions: Vec<String>,
    /// A resource, with all that lies below it; may be repeated.
    #[arg(long = "resource", value_name = "URL", required = true)]
    resources: Vec<String>,
    /// A service before which it has to count; may be repeated.
    #[arg(long, value_name = "URL", required = true)]
    audience: Vec<String>,
    /// What it is held to, as JSON; may be repeated.
    #[arg(long = "constraint", value_name = "JSON", value_parser = constraint)]
    constraints: Vec<Constraint>,
    /// How many delegations there may be under it, one below the other.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_depth: u8,
    /// For how long; as the issuer's policy says, if left out.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    valid_for: Option<Duration>,
    /// For how many delegations in all there is room; as the issuer likes, if left out.
    #[arg(long, value_name = "N")]
    children: Option<u8>,
    /// On whose behalf: a file with a token of an identity provider that the issuer trusts.
    #[arg(long, value_name = "FILE")]
    principal_token: Option<PathBuf>,
    /// On whose behalf: a file with a presentation of theirs that answers a challenge of the issuer.
    #[arg(long, value_name = "FILE", conflicts_with = "principal_token")]
    principal: Option<PathBuf>,
    /// Show this credential besides the identity: its id, or the end of it; may be
    /// repeated.
    #[arg(long, value_name = "ID")]
    show: Vec<String>,
    /// The key that asks; the default one, if left out.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Which issuer is asked; the only one, if left out.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Ask {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let principal = self.principal()?;
        let mut wallet = place.open()?;
        let issuer = reach::issuer(&wallet, self.issuer.as_deref())?;
        let show = self.show.iter().map(|name| Ok(Shown::whole(&held(&wallet, name)?.id)));
        let order = GrantOrder {
            show: show.collect::<Result<_, Failure>>()?,
            task: self.task,
            actions: self.actions,
            resources: self.resources,
            audience: self.audience,
            constraints: self.constraints,
            max_depth: self.max_depth,
            valid_for: self.valid_for,
            children: self.children,
            principal,
            key: self.key,
        };
        let (connection, runtime) = self.reach.open()?;
        let mut random = app.random_source();
        let asking = wallet.request_grant(&issuer, &order, &connection, &mut random, app.now);
        let given = runtime.block_on(asking).map_err(reach::failure)?;
        if app.json {
            let mut told = as_json(&given.received);
            told["rule"] = json!(given.rule);
            app.print_json(&told)?;
            return Ok(Exit::Accepted);
        }
        writeln!(app.out, "granted by the rule {}", shown(&given.rule))?;
        tell(&given.received, app)?;
        Ok(Exit::Accepted)
    }

    fn principal(&self) -> Result<Option<PrincipalProof>, Failure> {
        if let Some(path) = &self.principal_token {
            let token = Zeroizing::new(files::read_secret(path)?);
            let text = std::str::from_utf8(&token).unwrap_or_default().trim();
            if text.is_empty() {
                return Err(Failure::usage(format!("there is no token in {}", path.display())));
            }
            return Ok(Some(PrincipalProof::Token(Zeroizing::new(text.to_owned()))));
        }
        let read = |path: &PathBuf| files::read_text(path).map(PrincipalProof::Presentation);
        self.principal.as_ref().map(read).transpose()
    }
}

/// A constraint on the command line.
pub(super) fn constraint(text: &str) -> Result<Constraint, String> {
    let value = parse(text.as_bytes(), &Limits::for_size(4096))
        .map_err(|error| format!("not strict JSON: {error}"))?;
    match Constraint::from_value(&value).map_err(|error| error.to_string())? {
        Constraint::Unknown { constraint_type } => {
            Err(format!("no verifier knows the constraint {}", shown(&constraint_type)))
        }
        known => Ok(known),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example: bonafide wallet complete book-travel-4711 --outcome \"booked\"

The issuer revokes the grant, and with it all that was delegated under it.")]
pub(super) struct Complete {
    /// The grant: its task, its id, or the end of that.
    grant: String,
    /// What became of the task, for the issuer's records.
    #[arg(long, value_name = "TEXT")]
    outcome: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Complete {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let mut wallet = place.open()?;
        let id = granted(&wallet, &self.grant)?.id.clone();
        let (connection, runtime) = self.reach.open()?;
        let mut random = app.random_source();
        let outcome = self.outcome.as_deref();
        let ending = wallet.complete(&id, outcome, &connection, &mut random, app.now);
        runtime.block_on(ending).map_err(reach::failure)?;
        if app.json {
            app.print_json(&json!({"completed": id}))?;
        } else {
            writeln!(
                app.out,
                "{} is done: revoked, with all that was delegated under it",
                shown(&id)
            )?;
        }
        Ok(Exit::Accepted)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet revoke --package worker.delegation --reason \"not needed any more\"
  bonafide wallet revoke book-travel-4711 --index 4711

Takes back what was delegated, and all that was delegated under it. A whole grant ends with
bonafide wallet complete.")]
pub(super) struct Revoke {
    /// The grant or delegation of this wallet under which it was made: its task, its id, or the end
    /// of that.
    #[arg(required_unless_present = "package", conflicts_with = "package", requires = "index")]
    parent: Option<String>,
    /// The status index of the delegation, as bonafide wallet delegate told it.
    #[arg(long, value_name = "N", conflicts_with = "package")]
    index: Option<u64>,
    /// The delegation, as bonafide wallet delegate wrote it.
    #[arg(long, value_name = "FILE")]
    package: Option<PathBuf>,
    /// Why, for the issuer's records.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Revoke {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let (parent, index) = match (&self.package, self.parent, self.index) {
            (Some(path), ..) => {
                let package = DelegationPackage::from_bytes(&files::read(path)?);
                let found = package.map_err(place::failure)?.taken_back_by();
                found.ok_or_else(|| {
                    Failure::usage(format!("{} holds no delegation", path.display()))
                })?
            }
            (None, Some(parent), Some(index)) => (parent, index),
            _ => return Err(Failure::usage("which delegation?").with_help("--package FILE")),
        };
        let mut wallet = place.open()?;
        let parent = granted(&wallet, &parent)?.id.clone();
        let (connection, runtime) = self.reach.open()?;
        let mut random = app.random_source();
        let reason = self.reason.as_deref();
        let revoking =
            wallet.revoke_child(&parent, index, reason, &connection, &mut random, app.now);
        runtime.block_on(revoking).map_err(reach::failure)?;
        if app.json {
            app.print_json(&json!({"parent": parent, "revoked": index}))?;
        } else {
            writeln!(app.out, "the delegation at index {index} is revoked, for good")?;
        }
        Ok(Exit::Accepted)
    }
}
