//! `bonafide wallet`.

mod keep;
mod passphrase;
mod place;
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
    /// List the credentials and how they stand.
    List(show::List),
    /// Show a credential, a key (without its secret) or an issuer.
    Show(show::Show),
    /// Show all that there is, and what has to be seen to.
    Status(show::Status),
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
            Action::List(list) => list.run(place, app),
            Action::Show(show) => show.run(place, app),
            Action::Status(status) => status.run(place, app),
            Action::Remove(remove) => remove.run(place, app),
            Action::ChangePassphrase(change) => change.run(place, app),
            Action::Export(export) => export.run(place, app),
            Action::Import(import) => import.run(place, app),
        }
    }
}
