//! `bonafide agent`.

use bonafide_core::json::Value;
use bonafide_fetch::Route;
use clap::{Args, Subcommand};

use super::agent_enrol::Enrol;
use super::agent_link::Link;
use super::audit;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::human::{BOLD, PLAIN};
use crate::remote::{Connection, Remote, body};
use crate::table::{self, cell};

#[derive(Debug, Args)]
pub(crate) struct Agent {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Ask for a challenge, for an agent whose key is elsewhere.
    #[command(after_help = "Example: bonafide agent challenge

The agent answers where its key is, and sends back answer.vp:
  bonafide present --key agent.key --challenge CHALLENGE --domain DOMAIN --out answer.vp
  bonafide agent enrol --did DID --proof answer.vp …")]
    Challenge,
    /// Make an agent known to the service, which sees that it holds its key.
    Enrol(Enrol),
    /// Make, list and take back links by which agents enrol themselves.
    #[command(subcommand)]
    Link(Link),
    /// List the agents.
    #[command(after_help = "Example: bonafide agent list --state active")]
    List(List),
    /// Show an agent.
    #[command(after_help = "Example: bonafide agent show did:key:z6Mk…")]
    Show {
        /// The agent: its id, or its DID.
        agent: String,
    },
    /// Change what is known of an agent.
    #[command(disable_version_flag = true)]
    #[command(
        after_help = "Example: bonafide agent change did:key:z6Mk… --version 2.4.0 --model-digest sha256:97ff…"
    )]
    Change(Change),
    /// Suspend an agent; resume lifts it.
    #[command(
        after_help = "Example: bonafide agent suspend did:key:z6Mk… --reason \"under review\""
    )]
    Suspend(Step),
    /// Lift the suspension of an agent.
    #[command(after_help = "Example: bonafide agent resume did:key:z6Mk…")]
    Resume(Step),
    /// Retire an agent, for good.
    #[command(after_help = "Example: bonafide agent retire did:key:z6Mk… --reason replaced")]
    Retire(Step),
    /// Show what happened to an agent.
    #[command(after_help = "Example: bonafide agent history did:key:z6Mk…")]
    History {
        /// The agent: its id, or its DID.
        agent: String,
        /// Begin with this record.
        #[arg(long, value_name = "SEQUENCE")]
        from: Option<u64>,
        /// How many records at most.
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
    },
}

#[derive(Debug, Args)]
struct List {
    /// Those in this state.
    #[arg(long, value_parser = ["enrolled", "active", "suspended", "retired"])]
    state: Option<String>,
    /// Those of this sponsor.
    #[arg(long, value_name = "DID")]
    sponsor: Option<String>,
    /// The one with this DID.
    #[arg(long)]
    did: Option<String>,
    /// Those of this name.
    #[arg(long)]
    name: Option<String>,
    /// Those after this id.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
}

#[derive(Debug, Args)]
struct Change {
    /// The agent: its id, or its DID.
    agent: String,
    #[command(flatten)]
    to: ChangeTo,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct ChangeTo {
    /// What it is called.
    #[arg(long)]
    name: Option<String>,
    /// Its version.
    #[arg(long)]
    version: Option<String>,
    /// The digest of its model.
    #[arg(long, value_name = "DIGEST")]
    model_digest: Option<String>,
    /// The digest of its code.
    #[arg(long, value_name = "DIGEST")]
    code_digest: Option<String>,
}

#[derive(Debug, Args)]
struct Step {
    /// The agent: its id, or its DID.
    agent: String,
    /// Why, for the records.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Agent {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let remote = self.connection.open()?;
        match self.action {
            Action::Challenge => {
                let answer = remote.create(&Route::new(&["challenges"]), body([]), app)?;
                answer.tell(app, |challenge| {
                    let names =
                        [("challenge", "challenge"), ("domain", "domain"), ("until", "expiresAt")];
                    table::fields(challenge, &names)
                })
            }
            Action::Enrol(enrol) => enrol.run(&remote, app),
            Action::Link(link) => link.run(&remote, app),
            Action::List(list) => list.run(&remote, app),
            Action::Show { agent } => {
                let id = remote.agent(&agent)?;
                remote.get(&Route::new(&["agents", &id]))?.tell(app, show)
            }
            Action::Change(change) => change.run(&remote, app),
            Action::Suspend(step) => step.take("suspend", &remote, app),
            Action::Resume(step) => step.take("resume", &remote, app),
            Action::Retire(step) => step.take("retire", &remote, app),
            Action::History { agent, from, limit } => {
                let id = remote.agent(&agent)?;
                let route = Route::new(&["agents", &id, "history"]);
                let answer = remote.get(&route.with("from", from).with("limit", limit))?;
                answer.tell(app, audit::records)
            }
        }
    }
}

impl List {
    fn run(self, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        let route = Route::new(&["agents"])
            .with("state", self.state)
            .with("sponsor", self.sponsor)
            .with("did", self.did)
            .with("name", self.name)
            .with("after", self.after)
            .with("limit", self.limit);
        let names = ["id", "state", "kind", "name", "version", "did"];
        let columns = names.map(|name| (name, name));
        remote.get(&route)?.tell(app, |page| table::page(page, "agents", &columns, "--after"))
    }
}

impl Change {
    fn run(self, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        let id = remote.agent(&self.agent)?;
        let to = body([
            ("name", self.to.name.as_deref()),
            ("version", self.to.version.as_deref()),
            ("modelDigest", self.to.model_digest.as_deref()),
            ("codeDigest", self.to.code_digest.as_deref()),
        ]);
        remote.patch(&Route::new(&["agents", &id]), to)?.tell(app, show)
    }
}

impl Step {
    fn take(self, step: &str, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        let id = remote.agent(&self.agent)?;
        let reason = body([("reason", self.reason.as_deref())]);
        let answer = remote.post(&Route::new(&["agents", &id, step]), reason)?;
        answer.tell(app, |agent| {
            format!("{} is {BOLD}{}{PLAIN}\n", cell(agent, "did"), cell(agent, "state"))
        })
    }
}

/// An agent, all of it.
pub(super) fn show(agent: &Value<'_>) -> String {
    let names = [
        ("id", "id"),
        ("did", "did"),
        ("state", "state"),
        ("name", "name"),
        ("kind", "kind"),
        ("version", "version"),
        ("model digest", "modelDigest"),
        ("code digest", "codeDigest"),
        ("sponsor", "sponsor"),
        ("trust domain", "trustDomain"),
        ("SPIFFE id", "spiffeId"),
        ("identity attested", "identityAttested"),
        ("enrolled", "enrolledAt"),
        ("changed", "changedAt"),
    ];
    table::fields(agent, &names)
}
