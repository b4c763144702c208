//! What can go wrong. No error says anything that is secret.

use std::io;
use std::path::PathBuf;

use bonafide_core::Malformed;
use bonafide_core::key::KeyType;
use bonafide_proof::SignError;

use crate::content::MOST_CONTENT;
use crate::sealing::{LONGEST_PASSPHRASE, SHORTEST_PASSPHRASE};

/// Why nothing was sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// It does not begin as a sealed wallet does.
    #[error("not a sealed wallet, or its header is damaged; take your copy of it")]
    Header,
    /// Written by a later version of this library.
    #[error("a sealed wallet of version {0}, which is not known here; use a newer bonafide")]
    Version(i64),
    /// More work, or less, than is ever spent on a passphrase.
    #[error("the cost of the passphrase lies outside of what is allowed")]
    CostRefused,
    /// The passphrase of something new is too short.
    #[error("the passphrase is too short: take at least {SHORTEST_PASSPHRASE} characters")]
    PassphraseShort,
    /// The passphrase is too long.
    #[error("the passphrase is too long: it may have {LONGEST_PASSPHRASE} bytes")]
    PassphraseLong,
    /// The passphrase does not fit the header.
    #[error("the passphrase is wrong (or the wallet's header was changed)")]
    WrongPassphrase,
    /// The passphrase is right, and what it seals is not what was written.
    #[error("the wallet was changed or cut since it was written; take your copy of it")]
    Changed,
    /// There is no memory for the work that the passphrase costs.
    #[error("not enough memory for the passphrase")]
    NoMemory,
    /// More than a wallet holds.
    #[error("more than {MOST_CONTENT} bytes in one wallet; remove what is no longer needed")]
    TooLong,
    /// The source of randomness failed.
    #[error("{}", .0.0)]
    Random(SignError),
}

/// Why a store did not keep, or give back, what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody has the folder open.
    #[error("the wallet in {} is in use by {holder}; close it there first", .folder.display())]
    InUse {
        /// The wallet's folder.
        folder: PathBuf,
        /// "process 4711", or "another process".
        holder: String,
    },
    /// A new wallet does not take the place of another.
    #[error("there is a wallet in {} already; open it, or name another folder", .folder.display())]
    Exists {
        /// The wallet's folder.
        folder: PathBuf,
    },
    /// There is nothing to open.
    #[error("there is no wallet in {}; make one first", .folder.display())]
    Missing {
        /// The folder that was named.
        folder: PathBuf,
    },
    /// Others than its owner get at it.
    #[error("others than its owner can get at {0}; take that away: chmod go= {0}", .path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
    },
    /// The system refused. What was there before is still there.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The last step of an earlier change failed, so that nobody knows whether it is on the disk.
    #[error("the disk failed while the wallet was written; close it and open it again")]
    Stopped,
    /// A store that seals nothing has no passphrase to change.
    #[error("this wallet is kept without a passphrase")]
    NoPassphrase,
    /// Sealing or opening failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What any other store has to say.
    #[error("{0}")]
    Other(String),
}

/// Why the wallet did not do what it was asked to. It is then as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store gave back can't be read.
    #[error("the wallet's content can't be read: {0}")]
    Content(Malformed),
    /// Not a name.
    #[error("{0:?} is no name: take 1 to 64 letters, digits, dots, dashes and underscores")]
    NameRefused(String),
    /// There is no key of that name.
    #[error("there is no key {0}")]
    NoKey(String),
    /// There is a key of that name.
    #[error("there is a key {0} already")]
    KeyExists(String),
    /// Credentials are bound to the key.
    #[error("{credentials} credentials are bound to the key {name}; remove them first")]
    KeyInUse {
        /// The key.
        name: String,
        /// How many there are.
        credentials: usize,
    },
    /// The key is retired.
    #[error("the key {0} is retired")]
    Retired(String),
    /// The key lies outside of the wallet, and nobody has attached its signer.
    #[error("the key {0} lies outside of this wallet; attach its signer first")]
    NotAttached(String),
    /// Keys of this type do not sign.
    #[error("{0} keys do not sign")]
    DoesNotSign(KeyType),
    /// Draw after draw was no key, or nothing was drawn.
    #[error("no key was drawn: {}", .0.0)]
    Random(SignError),
    /// Not a DID and the DID URL of one of its keys.
    #[error("{method} is not the DID URL of a key of {did}")]
    NotAMethod {
        /// The DID.
        did: String,
        /// The verification method.
        method: String,
    },
    /// A did:key or did:jwk that holds another key.
    #[error("{did} holds another key")]
    AnotherKey {
        /// The DID.
        did: String,
    },
    /// There is no such credential.
    #[error("there is no credential {0}")]
    NoCredential(String),
    /// There is no issuer of that name.
    #[error("there is no issuer {0}")]
    NoIssuer(String),
    /// The status was given to another credential.
    #[error("the status {index} of {list} was given out before")]
    IndexUsed {
        /// The URL of the status list.
        list: String,
        /// The index on it.
        index: u64,
    },
}

impl From<SealError> for WalletError {
    fn from(error: SealError) -> Self {
        Self::Store(error.into())
    }
}
