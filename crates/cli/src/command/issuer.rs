//! `bonafide issuer`.

use bonafide_core::json::Value;
use bonafide_fetch::Route;
use clap::{Args, Subcommand};

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::human::{BOLD, PLAIN, shown};
use crate::remote::{Connection, Remote, body};
use crate::table::{self, cell};

#[derive(Debug, Args)]
pub(crate) struct Issuer {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the issuers and their keys.
    #[command(after_help = "Example: bonafide issuer list")]
    List,
    /// Give an issuer new keys to sign with. What the old ones signed stays good.
    #[command(after_help = "Example: bonafide issuer rotate scorer")]
    Rotate {
        /// The issuer's name.
        issuer: String,
        /// What kind of key, such as Ed25519; every kind that it has, if left out.
        #[arg(long, value_name = "TYPE")]
        key_type: Option<String>,
    },
    /// Say that somebody else has a key. All that it ever signed falls.
    #[command(
        after_help = "Example: bonafide issuer compromised scorer key-1 --reason \"stolen laptop\" --yes"
    )]
    Compromised(Compromised),
}

#[derive(Debug, Args)]
struct Compromised {
    /// The issuer's name.
    issuer: String,
    /// The name of its key.
    key: String,
    /// What happened, for the records.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Really.
    #[arg(long)]
    yes: bool,
}

impl Issuer {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let remote = self.connection.open()?;
        match self.action {
            Action::List => remote.get(&Route::new(&["issuers"]))?.tell(app, list),
            Action::Rotate { issuer, key_type } => {
                let request = body([("keyType", key_type.as_deref())]);
                let route = Route::new(&["issuers", &issuer, "rotate"]);
                remote.post(&route, request)?.tell(app, show)
            }
            Action::Compromised(compromised) => compromised.run(&remote, app),
        }
    }
}

impl Compromised {
    fn run(self, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        if !self.yes {
            let (key, issuer) = (shown(&self.key), shown(&self.issuer));
            let message = format!(
                "this is for good: every credential, status list and bundle that {key} of {issuer} \
                 ever signed\nis no longer good anywhere, honest ones included, and what is still \
                 right has to be signed anew\nwith another key. Nothing was changed"
            );
            return Err(Failure::usage(message).with_help("the same with --yes"));
        }
        let reason = body([("reason", self.reason.as_deref())]);
        let route = Route::new(&["issuers", &self.issuer, "keys", &self.key, "compromised"]);
        remote.post(&route, reason)?.tell(app, |issuer| {
            let falls = "what the compromised key signed is no longer good anywhere\n";
            show(issuer) + falls
        })
    }
}

fn list(page: &Value<'_>) -> String {
    let issuers = page.get("items").and_then(Value::as_array).unwrap_or_default();
    let shown: Vec<String> = issuers.iter().map(show).collect();
    if shown.is_empty() { "no issuers\n".to_owned() } else { shown.join("\n") }
}

/// An issuer with its keys.
fn show(issuer: &Value<'_>) -> String {
    let (name, did, format) = (cell(issuer, "name"), cell(issuer, "did"), cell(issuer, "format"));
    let keys = issuer.get("keys").and_then(Value::as_array).unwrap_or_default();
    let members = ["name", "type", "state", "createdAt", "publicKeyMultibase"];
    let rows: Vec<Vec<String>> =
        keys.iter().map(|key| members.map(|member| cell(key, member)).to_vec()).collect();
    let names = ["key", "type", "state", "made", "Multikey"];
    format!("{BOLD}{name}{PLAIN}  {did}  {format}\n{}", table::table(&names, &rows))
}
