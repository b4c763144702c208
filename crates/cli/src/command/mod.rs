//! The commands, one a module.

mod agent;
mod agent_enrol;
mod agent_link;
mod attest;
mod attest_batch;
mod audit;
mod audit_files;
mod backup;
mod bundle;
mod bundle_make;
mod bundle_pull;
mod config;
mod credential;
mod derive;
mod did;
mod did_resolve;
mod inspect;
mod issue;
mod issuer;
mod key;
mod log;
mod policy;
mod present;
mod restore;
mod revoke;
mod secure;
mod serve;
mod status;
mod status_token;
mod token;
mod verify;
mod wallet;

use bonafide_core::time::{Timestamp, parse_duration};
use clap::{CommandFactory, Subcommand};

use crate::app::App;
use crate::arguments::Arguments;
use crate::demo;
use crate::failure::{Exit, Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole story: attest agents, make a bundle, verify offline, decide levels.
    Demo(demo::Demo),
    /// Make and show signing keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Sign a credential.
    Issue(issue::Issue),
    /// Show a part of a credential, as its holder.
    Derive(derive::Derive),
    /// Present credentials to somebody who asked.
    Present(present::Present),
    /// Decide, offline, whether to believe a credential or presentation, and which level follows.
    Verify(verify::Verify),
    /// Make, change and show status lists.
    #[command(subcommand)]
    Status(status::Status),
    /// Make, pull, show and check trust bundles.
    #[command(subcommand)]
    Bundle(bundle::Bundle),
    /// Start and check policies.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Resolve DIDs, offline unless told to fetch, and make DID documents.
    #[command(subcommand)]
    Did(did::Did),
    /// Run the issuer as a service.
    Serve(serve::Serve),
    /// Show and check the settings of the service.
    #[command(subcommand)]
    Config(config::Config),
    /// Decode a file and show what is in it. Verifies nothing.
    Inspect(inspect::Inspect),
    /// Enrol agents with the issuer's service, show and change them.
    Agent(agent::Agent),
    /// Have the issuer's service sign what it knows of an agent.
    Attest(attest::Attest),
    /// Revoke credentials of the issuer's service, or suspend one.
    Revoke(revoke::Revoke),
    /// List and show what the issuer's service has signed.
    Credential(credential::Credential),
    /// Make, list and revoke the tokens of the issuer's service.
    Token(token::Token),
    /// List the issuers of the service and change their keys.
    Issuer(issuer::Issuer),
    /// Read what the issuer's service has done, and for whom.
    Audit(audit::Audit),
    /// Back the issuer's service up: a folder that no service has open, or a service that runs.
    Backup(backup::Backup),
    /// Restore a backup of the issuer's service into a new folder.
    Restore(restore::Restore),
    /// Check the log of an issuer's service, and prove what is on it, from files alone.
    #[command(subcommand)]
    Log(log::Log),
    /// Keep an agent's keys and credentials, sealed, and use them.
    Wallet(wallet::Wallet),
    /// Print completions for a shell.
    #[command(
        after_help = "Example: bonafide completions bash > ~/.local/share/bash-completion/completions/bonafide"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

impl Command {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Demo(demo) => demo.run(app),
            Self::Key(key) => key.run(app),
            Self::Issue(issue) => issue.run(app),
            Self::Derive(derive) => derive.run(app),
            Self::Present(present) => present.run(app),
            Self::Verify(verify) => verify.run(app),
            Self::Status(status) => status.run(app),
            Self::Bundle(bundle) => bundle.run(app),
            Self::Policy(policy) => policy.run(app),
            Self::Did(did) => did.run(app),
            Self::Serve(serve) => serve.run(app),
            Self::Config(config) => config.run(app),
            Self::Inspect(inspect) => inspect.run(app),
            Self::Agent(agent) => agent.run(app),
            Self::Attest(attest) => attest.run(app),
            Self::Revoke(revoke) => revoke.run(app),
            Self::Credential(credential) => credential.run(app),
            Self::Token(token) => token.run(app),
            Self::Issuer(issuer) => issuer.run(app),
            Self::Audit(audit) => audit.run(app),
            Self::Backup(backup) => backup.run(app),
            Self::Restore(restore) => restore.run(app),
            Self::Log(log) => log.run(app),
            Self::Wallet(wallet) => wallet.run(app),
            Self::Completions { shell } => {
                let mut script = Vec::new();
                let mut command = Arguments::command();
                clap_complete::generate(shell, &mut command, "bonafide", &mut script);
                app.out.write_all(&script)?;
                Ok(Exit::Accepted)
            }
        }
    }
}

/// A length of time on the command line.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    parse_duration(text).map_err(|error| error.detail)
}

/// The same, as it was written: for whoever else reads it.
fn written_duration(text: &str) -> Result<String, String> {
    duration(text).map(|_| text.to_owned())
}

/// A point in time on the command line.
fn timestamp(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.detail)
}
