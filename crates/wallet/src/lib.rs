//! The wallet that an agent embeds: its keys and its credentials, sealed at rest.
//!
//! A wallet lies in a folder of its own (or in memory, or in any [`Store`]): one file, sealed with a
//! passphrase, written anew and put into its place with each change, and a lock, so that one process
//! has it at a time. Clock and randomness are arguments.
//!
//! ```
//! use bonafide_core::key::KeyType;
//! use bonafide_core::time::Timestamp;
//! use bonafide_proof::{SignError, Signer};
//! use bonafide_wallet::{Cost, Passphrase, Wallet};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! # let folder = home.path().join("wallet");
//! # let now = Timestamp::parse("2026-01-31T12:00:00Z")?;
//! let mut random = |bytes: &mut [u8]| {
//!     getrandom::fill(bytes).map_err(|error| SignError(error.to_string()))
//! };
//! let passphrase = Passphrase::new("correct horse battery staple");
//! let mut wallet = Wallet::create(&folder, &passphrase, Cost::DEFAULT, &mut random)?;
//! let did = wallet.new_key("agent", KeyType::Ed25519, &mut random, now)?.did.clone();
//! assert!(did.starts_with("did:key:z6Mk"));
//!
//! // While it is open, nobody else opens it.
//! assert!(Wallet::open(&folder, &passphrase).is_err());
//! drop(wallet);
//! let wallet = Wallet::open(&folder, &passphrase)?;
//! assert_eq!(wallet.signer("agent")?.sign(b"hello")?.len(), 64);
//! # Ok(())
//! # }
//! ```

mod choose;
#[cfg(feature = "client")]
pub mod client;
mod content;
mod delegate;
mod error;
mod folder;
mod held;
mod keys;
mod package;
mod present;
mod reading;
mod receive;
mod record;
mod sealing;
mod standing;
mod store;
#[cfg(test)]
mod testing;
mod trust;
mod wallet;

pub use choose::{Missing, Wanted};
pub use content::MOST_CONTENT;
pub use delegate::DelegationOrder;
pub use error::{SealError, StoreError, WalletError};
pub use folder::SealedFolder;
pub use package::DelegationPackage;
pub use present::{Answer, HttpRequest, LONGEST_LIFE, PresentationForm, Shown, USUAL_LIFE};
pub use receive::Received;
pub use record::{Held, KeyEntry, KeyPlace, KeyState, KnownIssuer};
pub use sealing::{Cost, LONGEST_PASSPHRASE, Passphrase, SHORTEST_PASSPHRASE};
pub use standing::Standing;
pub use store::{MemoryStore, Store};
pub use wallet::Wallet;
