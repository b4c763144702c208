//! did:webvh 1.0: a DID whose whole history proves itself.
//!
//! The log holds every version of the DID document. The DID carries the hash of the first entry,
//! each entry the hash of the one before, and each is signed by a key that the entry before (or,
//! with pre-rotation, a hash in it) allows. So whoever has the file can check it, wherever it came
//! from. What it can't show is that there is no later entry.
//!
//! Stricter than the specification: `null` for a parameter, unknown members of an entry, a time
//! after `now` (add the tolerance to `now` if there is one), and one bad proof among several are
//! refused; a single bad entry refuses the whole log rather than the entries from it on.

mod budget;
mod entry;
mod error;
mod parameters;
mod resolution;
mod witness;

use bonafide_core::Malformed;
use bonafide_core::did::{Did, DidDocument, webvh_urls};
use bonafide_core::json::{Object, Value};
use bonafide_core::time::Timestamp;

pub use budget::{MOST_ENTRY_PROOFS, MOST_HASHED_BYTES, MOST_KEYS, MOST_SIGNATURES};
pub use error::WebvhError;
pub use parameters::{MOST_UPDATE_KEYS, MOST_WITNESSES, Parameters, Witnesses};

use crate::algorithm::SignatureCheck;
use budget::Budget;
use entry::Entry;
use error::excerpt;

/// The longest `did.jsonl` and the longest `did-witness.json`, in bytes.
pub const MOST_BYTES: usize = 4 << 20;

/// More entries than this are refused.
pub const MOST_ENTRIES: usize = 1024;

/// One verified version of a DID.
#[derive(Clone, Debug)]
pub struct Version {
    /// `versionId`: `<number>-<hash>`.
    pub id: String,
    /// Its number, from 1.
    pub number: u64,
    /// `versionTime`: from when on it holds, as the controller says.
    pub time: Timestamp,
    /// What holds from here on.
    pub parameters: Parameters,
    did: String,
    state: Object<'static>,
}

impl Version {
    /// The id of its document; another than that of the version before if the DID moved.
    pub fn did(&self) -> &str {
        &self.did
    }

    /// Its document, read anew on each call: keep it.
    ///
    /// That the log is good does not make each document in it one that can be used. A version is
    /// there for ever, so a broken document spoils only itself.
    pub fn document(&self) -> Result<DidDocument, Malformed> {
        DidDocument::from_value(self.state.clone().into())
    }
}

/// Which version of a DID is asked for ("Reading did:webvh DID URLs").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionQuery<'q> {
    /// `versionId`: the one with exactly this id.
    Id(&'q str),
    /// `versionTime`: the one that held at this time.
    Time(Timestamp),
    /// `versionNumber`: the one with this number.
    Number(u64),
}

/// The verified history of a did:webvh DID: at least one version.
#[derive(Clone, Debug)]
pub struct History {
    did: String,
    scid: String,
    /// Never empty.
    versions: Vec<Version>,
}

impl History {
    /// Verifies a whole log, `did.jsonl`, for the DID asked for, and the proofs of the witnesses,
    /// `did-witness.json`, where it asks for them ("Read (Resolve)").
    ///
    /// The DID must be the id of one of the versions, not of the newest: one that moved is still
    /// found under its old name (see [`moved_to`](Self::moved_to)).
    ///
    /// At most [`MOST_BYTES`] of each file, [`MOST_ENTRIES`] entries, [`MOST_UPDATE_KEYS`] keys and
    /// [`MOST_WITNESSES`] witnesses in an entry, [`MOST_ENTRY_PROOFS`] proofs on it; altogether
    /// [`MOST_SIGNATURES`] are checked, [`MOST_KEYS`] decoded, [`MOST_HASHED_BYTES`] of entries
    /// hashed. What asks for more is refused.
    pub fn verify(
        did: Did<'_>,
        log: &[u8],
        witnesses: Option<&[u8]>,
        now: Timestamp,
        check: &dyn SignatureCheck,
    ) -> Result<Self, WebvhError> {
        webvh_urls(did).map_err(WebvhError::Did)?;
        let scid = did.method_specific_id().split(':').next().unwrap_or_default();
        if log.len() > MOST_BYTES {
            let (file, bytes) = ("did.jsonl", log.len());
            return Err(WebvhError::TooLong { file, bytes, limit: MOST_BYTES });
        }
        if log.trim_ascii().is_empty() {
            return Err(WebvhError::Empty);
        }
        let lines = log.strip_suffix(b"\n").unwrap_or(log).split(|byte| *byte == b'\n');
        let entries = lines.clone().count();
        if entries > MOST_ENTRIES {
            return Err(WebvhError::TooManyEntries { entries, limit: MOST_ENTRIES });
        }
        let mut budget = Budget::default();
        let mut versions: Vec<Version> = Vec::with_capacity(entries);
        for line in lines {
            let version = next_version(versions.last(), line, scid, now, check, &mut budget)?;
            versions.push(version);
        }
        // Only what is otherwise good can have been approved.
        witness::verify(&versions, witnesses, now, check, &mut budget)?;
        let history = Self { did: did.as_str().to_owned(), scid: scid.to_owned(), versions };
        if !history.versions.iter().any(|version| version.did == history.did) {
            let newest = history.newest().did.clone();
            return Err(WebvhError::DidNotInLog { did: history.did, newest });
        }
        Ok(history)
    }

    /// The DID that was asked for.
    pub fn did(&self) -> &str {
        &self.did
    }

    /// The self-certifying identifier: the hash of the first entry. It stays when the DID moves.
    pub fn scid(&self) -> &str {
        &self.scid
    }

    /// Every version, the oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The newest version. Of a DID that is [deactivated](Self::is_deactivated) it must not be
    /// used.
    pub fn newest(&self) -> &Version {
        &self.versions[self.versions.len() - 1]
    }

    /// The version asked for, if there is one. A version stays one when the DID is deactivated
    /// later; whether that is good enough is the caller's decision.
    pub fn at(&self, query: VersionQuery<'_>) -> Option<&Version> {
        let mut newest_first = self.versions.iter().rev();
        newest_first.find(|version| match query {
            VersionQuery::Id(id) => version.id == id,
            VersionQuery::Time(time) => version.time <= time,
            VersionQuery::Number(number) => version.number == number,
        })
    }

    /// Whether the DID came to its end ("Deactivate (Revoke)").
    pub fn is_deactivated(&self) -> bool {
        self.newest().parameters.deactivated
    }

    /// The DID's name today, if it is another than the one asked for ("DID Portability"). What the
    /// old name says of a host is to be believed no longer, and may never have been true.
    pub fn moved_to(&self) -> Option<&str> {
        let newest = self.newest().did();
        (newest != self.did).then_some(newest)
    }

    /// How long the history may be kept before it is fetched again, in seconds; 0: not at all.
    pub fn ttl(&self) -> u32 {
        self.newest().parameters.ttl
    }
}

/// Verifies the entry after `previous`, all but its witnesses.
fn next_version(
    previous: Option<&Version>,
    line: &[u8],
    scid: &str,
    now: Timestamp,
    check: &dyn SignatureCheck,
    budget: &mut Budget,
) -> Result<Version, WebvhError> {
    let number = previous.map_or(1, |previous| previous.number + 1);
    let mut entry = Entry::read(line, number)?;
    if previous.is_some_and(|previous| previous.parameters.deactivated) {
        return Err(WebvhError::AfterDeactivation { version: number });
    }
    let before = previous.map(|previous| &previous.parameters);
    let parameters = Parameters::next(before, entry.parameters()?, number, scid, budget)?;
    let time = entry.time(previous.map(|previous| previous.time), now)?;
    let did = document_id(entry.state()?, previous, &parameters, number, scid)?;
    if previous.is_none() {
        entry.check_scid(scid, budget)?;
    }
    let id = entry.version_id(previous.map_or(scid, |before| before.id.as_str()), budget)?;
    entry.check_proofs(parameters.signers(before), now, check, budget)?;
    Ok(Version { id, number, time, parameters, did, state: entry.state()?.clone().into_owned() })
}

/// The id of a version's document: a did:webvh DID with the one SCID, and the DID of the version
/// before unless the DID may move ("Read", step 6, and "DID Portability").
fn document_id(
    state: &Object<'_>,
    previous: Option<&Version>,
    parameters: &Parameters,
    version: u64,
    scid: &str,
) -> Result<String, WebvhError> {
    const WHAT: &str = "DID document";
    let fault = |fault| WebvhError::DocumentId { version, fault };
    let Some(id) = state.str("id") else {
        return Err(fault(Malformed::at(WHAT, "/id", "expected a DID")));
    };
    let Some(rest) = id.strip_prefix("did:webvh:") else {
        return Err(fault(Malformed::at(WHAT, "/id", "expected did:webvh:…")));
    };
    let found = rest.split(':').next().unwrap_or_default();
    if found != scid {
        let (expected, found) = (scid.to_owned(), excerpt(found));
        return Err(WebvhError::ScidMismatch { version, expected, found });
    }
    Did::parse(id).and_then(webvh_urls).map_err(|error| fault(error.within(WHAT, "/id")))?;
    if let Some(previous) = previous.map(|previous| &previous.did).filter(|did| *did != id) {
        let previous = previous.clone();
        if !parameters.portable {
            return Err(WebvhError::NotPortable { version, id: id.to_owned(), previous });
        }
        let names = state.get("alsoKnownAs").and_then(Value::as_array).unwrap_or_default();
        if !names.iter().any(|name| name.as_str() == Some(previous.as_str())) {
            return Err(WebvhError::AlsoKnownAsMissing { version, previous });
        }
    }
    Ok(id.to_owned())
}
