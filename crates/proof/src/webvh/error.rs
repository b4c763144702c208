//! Why a did:webvh history is refused.

use bonafide_core::Malformed;
use bonafide_core::time::Timestamp;

use crate::data_integrity::ProofError;

/// Why a history is not to be believed. `version` is the number of the faulty entry, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebvhError {
    /// The DID asked for is not a did:webvh DID.
    #[error(transparent)]
    Did(Malformed),
    /// A file is longer than is read.
    #[error("the {file} has {bytes} bytes, more than {limit}")]
    TooLong {
        /// `did.jsonl` or `did-witness.json`.
        file: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More entries than are read.
    #[error("the log has {entries} entries, more than {limit}")]
    TooManyEntries {
        /// How many there are.
        entries: usize,
        /// The limit.
        limit: usize,
    },
    /// Checking the history takes more work than is done for any.
    #[error("the history asks for more than {limit} {what}")]
    TooMuchWork {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// There is no entry.
    #[error("the log is empty")]
    Empty,
    /// An entry is not what the specification says an entry is.
    #[error("version {version}: {fault}")]
    Entry {
        /// The entry.
        version: u64,
        /// What is wrong, and where.
        fault: Malformed,
    },
    /// A version of the specification that is not known here.
    #[error("version {version}: the method {found} is not did:webvh:1.0")]
    MethodUnknown {
        /// The entry.
        version: u64,
        /// The value, as JSON.
        found: String,
    },
    /// A parameter that did:webvh 1.0 does not define.
    #[error("version {version}: the parameter {name:?} is not known")]
    ParameterUnknown {
        /// The entry.
        version: u64,
        /// Its name.
        name: String,
    },
    /// A parameter has a value that it may not have here.
    #[error("version {version}: the parameter {name}: {detail}")]
    ParameterInvalid {
        /// The entry.
        version: u64,
        /// Its name.
        name: &'static str,
        /// What is wrong.
        detail: &'static str,
    },
    /// Two witnesses are the same one.
    #[error("version {version}: the witness {id} occurs twice")]
    WitnessDuplicate {
        /// The entry.
        version: u64,
        /// The id of the second.
        id: String,
    },
    /// A threshold that is zero, or more than there are witnesses.
    #[error("version {version}: a threshold of {threshold} with {witnesses} witnesses")]
    ThresholdOutOfRange {
        /// The entry.
        version: u64,
        /// The threshold.
        threshold: i64,
        /// How many witnesses there are.
        witnesses: usize,
    },
    /// The keys for the next entry were fixed, and the entry does not give what it then must.
    #[error("version {version}: with pre-rotation, {name} must be given")]
    PreRotationOmitted {
        /// The entry.
        version: u64,
        /// `updateKeys` or `nextKeyHashes`.
        name: &'static str,
    },
    /// A key that the entry before did not commit to.
    #[error("version {version}: {hash} of the key {key} is not in the nextKeyHashes before")]
    PreRotationMismatch {
        /// The entry.
        version: u64,
        /// The key.
        key: String,
        /// Its hash.
        hash: String,
    },
    /// Not the SCID of the DID asked for.
    #[error("version {version}: the SCID is {found:?}, not {expected:?}")]
    ScidMismatch {
        /// The entry.
        version: u64,
        /// That of the DID asked for.
        expected: String,
        /// That of the entry's parameters or document.
        found: String,
    },
    /// The SCID is not the hash of the first entry.
    #[error("the first entry hashes to {computed}, not to the SCID {claimed}")]
    ScidInvalid {
        /// What the DID says.
        claimed: String,
        /// What the entry hashes to.
        computed: String,
    },
    /// The first entry holds the text `{SCID}`, so that other entries would hash to the same SCID.
    #[error("the first entry holds the placeholder {{SCID}}")]
    ScidPlaceholder,
    /// The version numbers do not count up from 1.
    #[error("version {version}: the versionId {found:?} has another number")]
    VersionNumber {
        /// The number that it must have.
        version: u64,
        /// The versionId.
        found: String,
    },
    /// The entry is not the one that was hashed, or does not follow the one before.
    #[error("version {version}: the versionId says {claimed}, the entry hashes to {computed}")]
    EntryHash {
        /// The entry.
        version: u64,
        /// The hash of the versionId.
        claimed: String,
        /// What the entry hashes to.
        computed: String,
    },
    /// An entry that is not later than the one before.
    #[error("version {version}: {time} is not after {previous}")]
    TimeNotAfter {
        /// The entry.
        version: u64,
        /// Its time.
        time: Timestamp,
        /// The time of the entry before.
        previous: Timestamp,
    },
    /// An entry from the future.
    #[error("version {version}: {time} is after {now}")]
    TimeInFuture {
        /// The entry.
        version: u64,
        /// Its time.
        time: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// An entry after the one that deactivated the DID.
    #[error("version {version} comes after the DID was deactivated")]
    AfterDeactivation {
        /// The entry.
        version: u64,
    },
    /// The document's id is not a did:webvh DID.
    #[error("version {version}: {fault}")]
    DocumentId {
        /// The entry.
        version: u64,
        /// What is wrong.
        fault: Malformed,
    },
    /// The DID moved, and is not portable.
    #[error("version {version}: {id} is not {previous}, and the DID is not portable")]
    NotPortable {
        /// The entry.
        version: u64,
        /// The new id.
        id: String,
        /// The id before.
        previous: String,
    },
    /// The DID moved, and its document does not name the one before.
    #[error("version {version}: alsoKnownAs does not hold {previous}")]
    AlsoKnownAsMissing {
        /// The entry.
        version: u64,
        /// The id before.
        previous: String,
    },
    /// No entry is of the DID asked for.
    #[error("no version of the log has the id {did}; the newest has {newest}")]
    DidNotInLog {
        /// The DID asked for.
        did: String,
        /// The id of the newest version.
        newest: String,
    },
    /// The entry's proof is missing, malformed, or its signature is not good.
    #[error("version {version}: {fault}")]
    Proof {
        /// The entry.
        version: u64,
        /// What is wrong.
        fault: ProofError,
    },
    /// A proof of another suite, for another purpose, past its end, or part of a chain.
    #[error("version {version}: the proof's {member} is {found:?}")]
    ProofForm {
        /// The entry.
        version: u64,
        /// The member.
        member: &'static str,
        /// Its value.
        found: String,
    },
    /// A verification method that is not `did:key:X#X`.
    #[error("version {version}: {method:?} is not a did:key with its own key as fragment")]
    MethodMismatch {
        /// The entry.
        version: u64,
        /// The verification method.
        method: String,
    },
    /// The key that signed may not.
    #[error("version {version}: the key {key} is not an active update key")]
    KeyNotAuthorized {
        /// The entry.
        version: u64,
        /// The key.
        key: String,
    },
    /// Witnesses must have approved, and there is no file of their proofs.
    #[error("version {version} needs witnesses, and there is no did-witness.json")]
    WitnessFileMissing {
        /// The first entry that needs them.
        version: u64,
    },
    /// The file of witness proofs is not what the specification says it is.
    #[error(transparent)]
    WitnessFile(Malformed),
    /// Too few witnesses approved.
    #[error("version {version}: {found} of {needed} witnesses approved")]
    WitnessThreshold {
        /// The entry.
        version: u64,
        /// How many must.
        needed: usize,
        /// How many did.
        found: usize,
    },
}

impl WebvhError {
    /// A stable name of the kind of fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Did(_) => "did-malformed",
            Self::TooLong { .. } => "too-long",
            Self::TooManyEntries { .. } => "too-many-entries",
            Self::TooMuchWork { .. } => "too-much-work",
            Self::Empty => "log-empty",
            Self::Entry { .. } => "entry-malformed",
            Self::MethodUnknown { .. } => "method-unknown",
            Self::ParameterUnknown { .. } => "parameter-unknown",
            Self::ParameterInvalid { .. } => "parameter-invalid",
            Self::WitnessDuplicate { .. } => "witness-duplicate",
            Self::ThresholdOutOfRange { .. } => "threshold-out-of-range",
            Self::PreRotationOmitted { .. } => "pre-rotation-omitted",
            Self::PreRotationMismatch { .. } => "pre-rotation-mismatch",
            Self::ScidMismatch { .. } => "scid-mismatch",
            Self::ScidInvalid { .. } => "scid-invalid",
            Self::ScidPlaceholder => "scid-placeholder",
            Self::VersionNumber { .. } => "version-number",
            Self::EntryHash { .. } => "entry-hash",
            Self::TimeNotAfter { .. } => "time-not-after",
            Self::TimeInFuture { .. } => "time-in-future",
            Self::AfterDeactivation { .. } => "after-deactivation",
            Self::DocumentId { .. } => "document-id",
            Self::NotPortable { .. } => "not-portable",
            Self::AlsoKnownAsMissing { .. } => "also-known-as-missing",
            Self::DidNotInLog { .. } => "did-not-in-log",
            Self::Proof { fault: ProofError::SignatureInvalid, .. } => "signature-invalid",
            Self::Proof { .. } => "proof-malformed",
            Self::ProofForm { .. } => "proof-form",
            Self::MethodMismatch { .. } => "method-mismatch",
            Self::KeyNotAuthorized { .. } => "key-not-authorized",
            Self::WitnessFileMissing { .. } => "witness-file-missing",
            Self::WitnessFile(_) => "witness-file-malformed",
            Self::WitnessThreshold { .. } => "witness-threshold",
        }
    }
}

/// What of a stranger's text an error carries.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(128).collect()
}
