//! `bonafide credential`.

use std::path::PathBuf;

use bonafide_core::json::Value;
use bonafide_fetch::Route;
use clap::{Args, Subcommand};

use super::{attest, secure};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};
use crate::remote::{Connection, Remote};
use crate::table;

#[derive(Debug, Args)]
pub(crate) struct Credential {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what was signed.
    #[command(
        after_help = "Example: bonafide credential list --agent did:key:z6Mk… --status valid"
    )]
    List(List),
    /// Show a credential and its status.
    #[command(
        after_help = "Example: bonafide credential show urn:uuid:0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31 --out score.vc"
    )]
    Show {
        /// The credential: its id at the service, or the id in it.
        credential: String,
        /// Write the credential itself to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct List {
    /// Those of this agent: its id, or its DID.
    #[arg(long)]
    agent: Option<String>,
    /// Those of this type.
    #[arg(long = "type", value_name = "TYPE")]
    attestation: Option<String>,
    /// Those with this status.
    #[arg(long, value_parser = ["valid", "suspended", "revoked"])]
    status: Option<String>,
    /// Those after this id.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
}

impl Credential {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let remote = self.connection.open()?;
        match self.action {
            Action::List(list) => list.run(&remote, app),
            Action::Show { credential, out } => {
                let answer = remote.get(&Route::new(&["credentials", &credential]))?;
                if let Some(path) = &out {
                    let credential = attest::credential(&answer.value)?;
                    files::write(path, &secure::to_text(credential), Access::Holder)?;
                }
                answer.tell(app, |told| {
                    let written = out.map(|path| format!("written to {}\n", path.display()));
                    show(told) + &written.unwrap_or_default()
                })
            }
        }
    }
}

impl List {
    fn run(self, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        let agent = self.agent.map(|agent| remote.agent(&agent)).transpose()?;
        let route = Route::new(&["credentials"])
            .with("agent", agent)
            .with("type", self.attestation)
            .with("status", self.status)
            .with("after", self.after)
            .with("limit", self.limit);
        let columns = [
            ("id", "id"),
            ("status", "status"),
            ("type", "type"),
            ("format", "format"),
            ("prepared", "preparedAt"),
            ("valid until", "validUntil"),
            ("agent", "agent"),
        ];
        remote.get(&route)?.tell(app, |page| table::page(page, "credentials", &columns, "--after"))
    }
}

fn show(credential: &Value<'_>) -> String {
    let names = [
        ("id", "id"),
        ("credential", "credentialId"),
        ("status", "status"),
        ("type", "type"),
        ("format", "format"),
        ("agent", "agent"),
        ("instance", "instance"),
        ("key", "key"),
        ("prepared", "preparedAt"),
        ("valid until", "validUntil"),
        ("status list", "statusList"),
        ("index", "statusIndex"),
    ];
    table::fields(credential, &names)
}
