//! `bonafide wallet delegate`.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::delegation::Constraint;
use bonafide_wallet::DelegationOrder;
use clap::Args;
use serde_json::json;

use super::grant::constraint;
use super::place::{self, Place, granted};
use crate::app::App;
use crate::command::duration;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};
use crate::human::shown;

#[derive(Debug, Args)]
#[command(
    after_help = "Example: bonafide wallet delegate book-travel-4711 --to did:key:z6Mk… --action files.read \\
      --resource https://files.example/reports/2026 --valid-for 2m --out worker.delegation

Whatever is left out is as in the parent; nothing can be wider. No issuer is asked. The file is no
secret: nobody but the receiver, who takes it in with bonafide wallet receive, can use it. Keep a
copy: bonafide wallet revoke --package takes the delegation back."
)]
pub(super) struct Delegate {
    /// The grant or delegation to hand on: its task, its id, or the end of that.
    parent: String,
    /// The DID of the agent that receives.
    #[arg(long, value_name = "DID")]
    to: String,
    /// The DID URL of its key; if left out, the one key of its did:key.
    #[arg(long, value_name = "DID_URL")]
    to_key: Option<String>,
    /// An action; may be repeated.
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// A resource, with all that lies below it; may be repeated.
    #[arg(long = "resource", value_name = "URL")]
    resources: Vec<String>,
    /// A service before which it counts; may be repeated.
    #[arg(long, value_name = "URL")]
    audience: Vec<String>,
    /// What it is held to besides what its parent is, as JSON; may be repeated.
    #[arg(long = "constraint", value_name = "JSON", value_parser = constraint)]
    constraints: Vec<Constraint>,
    /// How many delegations there may be under it, one below the other.
    #[arg(long, value_name = "N")]
    max_depth: Option<u8>,
    /// For how long; until the parent ends, if left out.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    valid_for: Option<Duration>,
    /// Which part of the task it is for: a name.
    #[arg(long, value_name = "NAME")]
    part: Option<String>,
    /// How many delegations the receiver may make in all.
    #[arg(long, value_name = "N", default_value_t = 0)]
    children: usize,
    /// Where to write it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Delegate {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        if files::is_standard_output(&self.out) {
            return Err(Failure::usage("--out: expected a file, which takes the delegation back"));
        }
        let mut wallet = place.open()?;
        let parent = granted(&wallet, &self.parent)?.id.clone();
        let some = |all: Vec<String>| if all.is_empty() { None } else { Some(all) };
        let order = DelegationOrder {
            to: self.to,
            key: self.to_key,
            actions: some(self.actions),
            resources: some(self.resources),
            audience: some(self.audience),
            constraints: self.constraints,
            max_depth: self.max_depth,
            valid_for: self.valid_for,
            part: self.part,
            children: self.children,
        };
        let mut random = app.random_source();
        let package =
            wallet.delegate(&parent, &order, &mut random, app.now).map_err(place::failure)?;
        let text = package.to_json().map_err(place::failure)?;
        files::write(&self.out, &format!("{text}\n"), Access::Holder)?;
        let (out, index) = (self.out.display().to_string(), package.taken_back_by());
        let index = index.map(|(_, index)| index);
        if app.json {
            app.print_json(&json!({"out": out, "to": order.to, "parent": parent, "index": index}))?;
        } else {
            let at = index.map(|index| format!(" (index {index})")).unwrap_or_default();
            writeln!(app.out, "delegation to {} written to {out}{at}", shown(&order.to))?;
        }
        Ok(Exit::Accepted)
    }
}
