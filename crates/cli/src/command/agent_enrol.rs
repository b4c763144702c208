//! `bonafide agent enrol`.

use std::path::PathBuf;

use bonafide_core::json::{Object, Value};
use bonafide_fetch::Route;
use clap::Args;

use super::{agent, present};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::key_file;
use crate::remote::{Remote, body};

/// What an agent is enrolled as.
#[derive(Debug, Args)]
pub(super) struct Described {
    /// What it is called.
    #[arg(long)]
    name: String,
    /// What it is: tool, orchestrator, workflow or ephemeral.
    #[arg(long)]
    kind: String,
    /// Its version.
    #[arg(long)]
    version: String,
    /// The digest of its model, such as sha256:97ff….
    #[arg(long, value_name = "DIGEST")]
    model_digest: String,
    /// The digest of its code.
    #[arg(long, value_name = "DIGEST")]
    code_digest: String,
    /// Who answers for it.
    #[arg(long, value_name = "DID")]
    sponsor: String,
    /// Where its names come from, such as acme.example.
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<String>,
    /// Its SPIFFE id.
    #[arg(long, value_name = "URL")]
    spiffe_id: Option<String>,
}

impl Described {
    /// As the issuer is told.
    pub(super) fn body(&self) -> Object<'_> {
        body([
            ("name", Some(self.name.as_str())),
            ("kind", Some(&self.kind)),
            ("version", Some(&self.version)),
            ("modelDigest", Some(&self.model_digest)),
            ("codeDigest", Some(&self.code_digest)),
            ("sponsor", Some(&self.sponsor)),
            ("trustDomain", self.trust_domain.as_deref()),
            ("spiffeId", self.spiffe_id.as_deref()),
        ])
    }
}

#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
#[command(after_help = "Examples:
  bonafide agent enrol --name \"Payments agent\" --kind orchestrator --version 2.3.0 \\
      --model-digest sha256:97ff… --sponsor did:web:acme.example --key agent.key
  bonafide agent enrol --name \"Payments agent\" --kind orchestrator --version 2.3.0 \\
      --model-digest sha256:97ff… --sponsor did:web:acme.example \\
      --did did:web:acme.example:payments --proof answer.vp

With --key, a challenge is asked for and answered right away. Else bonafide agent challenge gets
one, which the agent answers where its key is.")]
pub(super) struct Enrol {
    #[command(flatten)]
    described: Described,
    /// The agent's key file. It is not sent; it signs the answer to a challenge.
    #[arg(long, value_name = "FILE", required_unless_present = "proof", conflicts_with = "proof")]
    key: Option<PathBuf>,
    /// Enrol it as the DID of this DID URL of the key instead of as its did:key.
    #[arg(long = "as", value_name = "DID_URL", conflicts_with = "proof")]
    method: Option<String>,
    /// The agent's DID; with --proof.
    #[arg(long, requires = "proof", conflicts_with = "key")]
    did: Option<String>,
    /// The agent's answer to a challenge: a presentation, JSON or a JWT.
    #[arg(long, value_name = "FILE", requires = "did")]
    proof: Option<PathBuf>,
}

impl Enrol {
    pub(super) fn run(self, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        let (did, proof) = self.proof(remote, app)?;
        let mut agent = self.described.body();
        agent.insert("did", did);
        agent.insert("proof", proof);
        remote.create(&Route::new(&["agents"]), agent, app)?.tell(app, agent::show)
    }

    /// The agent's DID, and its proof that it holds the key.
    fn proof(&self, remote: &Remote, app: &App<'_>) -> Result<(String, Value<'static>), Failure> {
        if let (Some(did), Some(path)) = (&self.did, &self.proof) {
            return Ok((did.clone(), files::read_secured(path)?));
        }
        let Some(key) = &self.key else {
            return Err(Failure::usage("whose agent is it? --key FILE, or --did DID --proof FILE"));
        };
        // First, so that no challenge is left over by a key that can't be read.
        let signer = key_file::signing(key, self.method.as_deref())?;
        let asked = remote.create(&Route::new(&["challenges"]), body([]), app)?;
        let (challenge, domain) = (asked.text("challenge")?, asked.text("domain")?);
        let proof = present::possession(challenge, domain, &signer, app)?;
        Ok((signer.did, proof))
    }
}
