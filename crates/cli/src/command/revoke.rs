//! `bonafide revoke`.

use bonafide_core::json::Value;
use bonafide_fetch::Route;
use clap::Args;

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::human::{BOLD, PLAIN};
use crate::remote::{Connection, body};
use crate::table::cell;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide revoke urn:uuid:0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31 --reason \"wrong claims\"
  bonafide revoke urn:uuid:0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31 --suspend --reason \"under review\"
  bonafide revoke --agent did:key:z6Mk… --type PactScoreCredential

Revoking is for good. What is only in doubt is suspended: --suspend, and --resume lifts it.")]
pub(crate) struct Revoke {
    /// The credential: its id at the service, or the id in it.
    #[arg(required_unless_present_any = ["agent", "attestation"])]
    #[arg(conflicts_with_all = ["agent", "attestation"])]
    credential: Option<String>,
    /// Every credential of this agent: its id, or its DID.
    #[arg(long)]
    agent: Option<String>,
    /// Every credential of this type; with --agent, the agent's.
    #[arg(long = "type", value_name = "TYPE")]
    attestation: Option<String>,
    /// Why, for the records.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Suspend the credential instead.
    #[arg(long, conflicts_with_all = ["agent", "attestation", "resume"])]
    suspend: bool,
    /// Lift its suspension instead.
    #[arg(long, conflicts_with_all = ["agent", "attestation"])]
    resume: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Revoke {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let remote = self.connection.open()?;
        let reason = ("reason", self.reason.as_deref());
        if let Some(name) = &self.credential {
            let step = match (self.suspend, self.resume) {
                (true, _) => "suspend",
                (_, true) => "resume",
                _ => "revoke",
            };
            let answer = remote.post(&Route::new(&["credentials", name, step]), body([reason]))?;
            return answer.tell(app, outcome);
        }
        let route = match &self.agent {
            Some(agent) => Route::new(&["agents", &remote.agent(agent)?, "revoke"]),
            None => Route::new(&["credentials", "revoke"]),
        };
        let answer = remote.post(&route, body([("type", self.attestation.as_deref()), reason]))?;
        answer.tell(app, |told| format!("revoked for good: {}\n", cell(told, "revoked")))
    }
}

fn outcome(credential: &Value<'_>) -> String {
    let status = cell(credential, "status");
    let more = match status.as_str() {
        "revoked" => ", for good",
        "suspended" => "; --resume lifts it",
        _ => "",
    };
    format!("{} is {BOLD}{status}{PLAIN}{more}\n", cell(credential, "credentialId"))
}
