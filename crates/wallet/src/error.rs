//! What can go wrong. No error says anything that is secret.

use std::io;
use std::path::PathBuf;

use bonafide_core::Malformed;
use bonafide_core::delegation::Widening;
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_proof::SignError;
use bonafide_verifier::Reason;

use crate::content::MOST_CONTENT;
use crate::sealing::{LONGEST_PASSPHRASE, SHORTEST_PASSPHRASE};
use crate::standing::Standing;

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
    /// Not a credential, or not one that can be read.
    #[error("{0}")]
    Credential(Malformed),
    /// A proof was not made, or is not one that holders derive from.
    #[error("{0}")]
    Proof(String),
    /// The key did not sign.
    #[error("{}", .0.0)]
    Sign(SignError),
    /// It does not verify.
    #[error("it does not verify: {}", listed(.0))]
    Refused(Vec<Reason>),
    /// A credential about somebody else.
    #[error("it speaks of {0}, of which this wallet has no key")]
    NotOurs(String),
    /// An issuer whose DID or bundle signer is none.
    #[error("an issuer of this wallet can't be used: {0}")]
    IssuerUnusable(String),
    /// A bundle by somebody else.
    #[error("the bundle is signed by {0}, not by the issuer's signer of bundles")]
    BundleForeign(String),
    /// A bundle older than the one at hand.
    #[error("the bundle has number {sequence}; the one at hand has {newest}")]
    BundleOlder {
        /// Its number.
        sequence: u64,
        /// The number of the one at hand.
        newest: u64,
    },
    /// Two bundles with one number.
    #[error(
        "another bundle with number {0} is at hand; wait for the next one, and tell the issuer"
    )]
    BundleForked(u64),
    /// Another credential has the id.
    #[error("another credential has the id {0}; if it is not needed, remove it first")]
    IdTaken(String),
    /// A bundle from the future.
    #[error("the bundle is of {issued_at}, ahead of this clock ({now})")]
    BundleFromFuture {
        /// When it was made, as it says.
        issued_at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// It does not count any more, or not yet.
    #[error("{id} is not presented: {standing}")]
    NotPresentable {
        /// The credential.
        id: String,
        /// How it stands.
        standing: Standing,
    },
    /// Credentials that are bound to different keys.
    #[error("these are bound to two keys, {0} and {1}; present them apart")]
    SeveralKeys(String, String),
    /// A credential of which nothing can be hidden.
    #[error("nothing of {0} can be chosen: its format shows it whole")]
    NothingToChoose(String),
    /// A key binding is for one SD-JWT.
    #[error("a key is bound to one SD-JWT alone; present others as vp+jwt")]
    OneSdJwt,
    /// A presentation for one request lives from a second to five minutes.
    #[error("a presentation for one request lives from 1 second to 5 minutes")]
    LifeRefused,
    /// A grant in a format that hides claims, which no verifier takes.
    #[error("a grant is shown whole: ask for it with a proof that hides nothing, or as vc+jwt")]
    GrantHidden,
    /// Neither a grant nor a delegation, or its chain is not whole.
    #[error("it is no grant or delegation of this wallet with all that is above it")]
    NotAChain,
    /// The child would get more than there is.
    #[error("a delegation only narrows: {}", listed(.0))]
    Widens(Vec<Widening>),
    /// A constraint that no verifier knows.
    #[error("{0}: every verifier would refuse it")]
    ConstraintUnknown(String),
    /// There may be no delegation under it.
    #[error("it may not be delegated further (maxDepth is 0)")]
    NoDelegationLeft,
    /// All the statuses that were set aside are given out.
    #[error("no status is left for a child: ask for a grant with more children, or hand on fewer")]
    NoStatusLeft,
    /// The child's part would end after the whole.
    #[error("it would end at {wanted}, after its parent ({latest}); give it less time")]
    OutlivesParent {
        /// When it would end.
        wanted: Timestamp,
        /// When its parent ends.
        latest: Timestamp,
    },
    /// The receiver has a part of it already.
    #[error("{0} is in the chain already; every verifier would refuse it a second time")]
    InChain(String),
    /// A DID that does not say its key.
    #[error("{0} does not say which key it signs with; name the key's DID URL")]
    ReceiverKeyMissing(String),
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl From<SealError> for WalletError {
    fn from(error: SealError) -> Self {
        Self::Store(error.into())
    }
}
