//! `bonafide attest`.

use std::path::PathBuf;

use bonafide_core::json::{Value, to_canonical_string};
use bonafide_fetch::Route;
use clap::Args;

use super::{attest_batch, secure, written_duration};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};
use crate::human::shown_json;
use crate::remote::{Answer, Connection, body};
use crate::table::cell;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide attest did:key:z6Mk… --type AgentIdentityCredential --out identity.vc
  bonafide attest did:key:z6Mk… --type PactScoreCredential --claims score.json --valid-for 7d
  bonafide attest --batch scores.jsonl --out results.jsonl

A batch is JSON lines, or one array, of {\"agent\": ID, \"type\": TYPE, \"claims\": {…}, …}. Each
result is a line, in the order of the items. The exit code is 1 if any failed.")]
pub(crate) struct Attest {
    /// The agent: its id, or its DID.
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    agent: Option<String>,
    /// The attestation type.
    #[arg(long = "type", value_name = "TYPE")]
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    attestation: Option<String>,
    /// The claims about the agent as JSON; - for standard input. An AgentIdentityCredential takes
    /// them from the enrolment.
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    claims: Option<PathBuf>,
    /// How to secure it, as for bonafide issue; the service's default, if left out.
    #[arg(long, conflicts_with = "batch")]
    format: Option<String>,
    /// Which of the service's issuers signs it, by name; the default one, if left out.
    #[arg(long, conflicts_with = "batch")]
    instance: Option<String>,
    /// For how long it is valid, such as 30d; the service's default, if left out.
    #[arg(long, value_parser = written_duration, value_name = "TIME", conflicts_with = "batch")]
    valid_for: Option<String>,
    /// A JSON pointer to something that its holder can't hide, besides what its type says; may be
    /// repeated. For formats of selective disclosure.
    #[arg(long, value_name = "POINTER", conflicts_with = "batch")]
    mandatory: Vec<String>,
    /// Digests of nothing in each object of an SD-JWT, so that what is hidden can't be counted.
    #[arg(long, value_name = "N", conflicts_with = "batch")]
    decoys: Option<u32>,
    /// Attest all that is in this file, a thousand at a time; - for standard input.
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// Leave out the first items of the batch: to go on where one broke off.
    #[arg(long, value_name = "N", requires = "batch", default_value_t = 0)]
    skip: usize,
    /// Where to write it, or the results of a batch; standard output, if left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Attest {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        if let Some(batch) = &self.batch {
            let items = attest_batch::items(batch)?;
            let remote = self.connection.open()?;
            return attest_batch::run(&items, self.skip, self.out.as_deref(), &remote, app);
        }
        let mut request = body([
            ("type", self.attestation.as_deref()),
            ("format", self.format.as_deref()),
            ("instance", self.instance.as_deref()),
            ("validFor", self.valid_for.as_deref()),
        ]);
        if let Some(claims) = &self.claims {
            request.insert("claims", files::read_json(claims)?);
        }
        if !self.mandatory.is_empty() {
            request.insert("mandatory", self.mandatory.clone());
        }
        if let Some(decoys) = self.decoys {
            request.insert("decoys", decoys);
        }
        let remote = self.connection.open()?;
        let id = remote.agent(self.agent.as_deref().unwrap_or_default())?;
        let answer = remote.create(&Route::new(&["agents", &id, "attestations"]), request, app)?;
        deliver(&answer, self.out, app)
    }
}

/// Writes the credential of an answer to a file and says so, or prints it.
fn deliver(answer: &Answer, out: Option<PathBuf>, app: &mut App<'_>) -> Result<Exit, Failure> {
    let credential = credential(&answer.value)?;
    let out = out.filter(|path| !files::is_standard_output(path));
    if let Some(path) = &out {
        files::write(path, &secure::to_text(credential), Access::Holder)?;
    }
    answer.tell(app, |told| match &out {
        Some(path) => {
            let (name, id) = (cell(told, "type"), cell(told, "id"));
            format!("{name} {id} written to {}\n", path.display())
        }
        None => printable(credential),
    })
}

/// The credential in an answer: a document, or a token.
pub(super) fn credential<'a>(answer: &'a Value<'a>) -> Result<&'a Value<'a>, Failure> {
    let found = answer.get("verifiableCredential");
    let usable = found.filter(|found| match found {
        Value::String(token) => token.bytes().all(|byte| byte.is_ascii_graphic()),
        other => other.as_object().is_some(),
    });
    usable.ok_or_else(|| Failure::fault("the service's answer holds no credential"))
}

/// The credential as it may be shown on a terminal: the same JSON, or the token.
fn printable(credential: &Value<'_>) -> String {
    shown_json(&secure::to_text(credential))
}

/// A value as one line that may be shown on a terminal.
pub(super) fn line(value: &Value<'_>) -> String {
    shown_json(&to_canonical_string(value)) + "\n"
}
