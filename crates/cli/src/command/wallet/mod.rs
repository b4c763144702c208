//! `bonafide wallet`.

mod delegate;
mod enrol;
mod grant;
mod keep;
mod passphrase;
mod place;
mod present;
mod reach;
mod show;
mod standing;

use clap::{Args, Subcommand};

use self::place::Place;
use crate::app::App;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct Wallet {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a wallet with a key.
    Create(keep::Create),
    /// Enrol with an issuer by a link that its operator made.
    Enrol(enrol::Enrol),
    /// Get what the issuers publish, and renew identities that end soon.
    Update(enrol::Update),
    /// List the credentials and how they stand.
    List(show::List),
    /// Show a credential, a key (without its secret) or an issuer.
    Show(show::Show),
    /// Show all that there is, and what has to be seen to.
    #[command(after_help = "Example: bonafide wallet status

Its keys, what it holds and how that stands, the issuers and how old what is known of them is, and
what has to be seen to. The exit code is 2 if anything has.")]
    Status,
    /// Keep a credential, or a delegation that was handed to you, after verifying it.
    Receive(enrol::Receive),
    /// Present the least that answers what is asked.
    Present(present::Present),
    /// Ask an issuer for a grant for one task.
    Grant(grant::Ask),
    /// Say that the task of a grant is done, which ends it.
    Complete(grant::Complete),
    /// Hand a narrower part of a grant to another agent.
    Delegate(delegate::Delegate),
    /// Take back what was delegated.
    Revoke(grant::Revoke),
    /// Remove a credential, a key or an issuer.
    Remove(keep::Remove),
    /// Seal the wallet with another passphrase.
    ChangePassphrase(keep::ChangePassphrase),
    /// Write a sealed copy of everything.
    Export(keep::Export),
    /// Make a wallet from a sealed copy.
    Import(keep::Import),
}

impl Wallet {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let place = &self.place;
        match self.action {
            Action::Create(create) => create.run(place, app),
            Action::Enrol(enrol) => enrol.run(place, app),
            Action::Update(update) => update.run(place, app),
            Action::Receive(receive) => receive.run(place, app),
            Action::Present(present) => present.run(place, app),
            Action::Grant(ask) => ask.run(place, app),
            Action::Complete(complete) => complete.run(place, app),
            Action::Delegate(delegate) => delegate.run(place, app),
            Action::Revoke(revoke) => revoke.run(place, app),
            Action::List(list) => list.run(place, app),
            Action::Show(show) => show.run(place, app),
            Action::Status => show::status(place, app),
            Action::Remove(remove) => remove.run(place, app),
            Action::ChangePassphrase(change) => change.run(place, app),
            Action::Export(export) => export.run(place, app),
            Action::Import(import) => import.run(place, app),
        }
    }
}
