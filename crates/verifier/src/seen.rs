//! What has to be remembered between calls, outside of the pure function.

use std::collections::HashMap;
use std::time::Duration;

use bonafide_core::time::Timestamp;

use crate::verdict::{Check, CheckName, Note, Part};
use crate::{Outcome, Reason, Verdict};

/// Something a verdict rests on that must not go backwards or come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A trust bundle: its sequence never falls, and there is one bundle per number.
    Bundle {
        /// The signer's DID.
        signer: String,
        /// The number.
        sequence: u64,
        /// SHA-256 of the bundle in hexadecimal.
        digest: String,
    },
    /// A status list: it never gets older.
    StatusList {
        /// Its URL and its issuer.
        list: String,
        /// Its own date.
        stamp: Timestamp,
        /// When the bundle's maker fetched it.
        fetched_at: Timestamp,
        /// SHA-256 of the list in hexadecimal.
        digest: String,
    },
    /// The history of a did:webvh: it never gets shorter, and there is one version per number.
    DidHistory {
        /// The DID.
        did: String,
        /// The number of the newest version.
        number: u64,
        /// Its `versionId`.
        version_id: String,
    },
    /// A presentation's nonce: it is answered once.
    Nonce {
        /// Who asked.
        audience: String,
        /// What was answered.
        nonce: String,
    },
}

/// What is remembered of an observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Newer than all before, or never seen.
    New,
    /// Exactly what was seen last.
    Same,
    /// A newer bundle was seen, with this sequence.
    OlderBundle(u64),
    /// Another bundle with the same sequence was seen.
    ForkedBundle,
    /// A newer list was seen, valid from then.
    OlderList(Timestamp),
    /// A newer version of the DID was seen, with this id.
    OlderHistory(String),
    /// Another version of the DID with the same number was seen.
    ForkedHistory,
    /// The nonce was answered before.
    Replayed,
}

/// A memory that could not be read or written. The verdict is then undecided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SeenError(pub String);

/// A memory of observations. Looking and remembering are one step, so that of two simultaneous
/// presentations with one nonce only one is new.
pub trait Seen {
    /// Compares with what is remembered and, unless it is older or replayed, remembers it.
    fn observe(&mut self, observation: &Observation, now: Timestamp)
    -> Result<Sighting, SeenError>;
}

/// How long a nonce is remembered. Requests are to be answered far sooner.
const NONCE_MEMORY: Duration = Duration::from_secs(24 * 3600);

/// A memory that lasts as long as the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemorySeen {
    /// Newest sequence and digest by signer.
    pub bundles: HashMap<String, (u64, String)>,
    /// Newest date, when it was fetched, and the digest, by list.
    pub lists: HashMap<String, (Timestamp, Timestamp, String)>,
    /// Number and id of the newest version by the SCID of a did:webvh, which stays when it moves.
    pub histories: HashMap<String, (u64, String)>,
    /// Until when each audience's nonce is remembered.
    pub nonces: HashMap<(String, String), Timestamp>,
}

/// More nonces than this are not remembered: the next one is an error, so it is not believed.
const MOST_NONCES: usize = 1 << 20;

impl Seen for MemorySeen {
    fn observe(
        &mut self,
        observation: &Observation,
        now: Timestamp,
    ) -> Result<Sighting, SeenError> {
        Ok(match observation {
            Observation::Bundle { signer, sequence, digest } => match self.bundles.get(signer) {
                Some((newest, _)) if newest > sequence => Sighting::OlderBundle(*newest),
                Some((newest, seen)) if newest == sequence && seen != digest => {
                    Sighting::ForkedBundle
                }
                Some((newest, _)) if newest == sequence => Sighting::Same,
                _ => {
                    self.bundles.insert(signer.clone(), (*sequence, digest.clone()));
                    Sighting::New
                }
            },
            Observation::StatusList { list, stamp, fetched_at, digest } => {
                let new = (*stamp, *fetched_at, digest.clone());
                match self.lists.get(list) {
                    Some((newest, ..)) if newest > stamp => Sighting::OlderList(*newest),
                    // Two lists of one date: the one that was fetched first is the older, and of
                    // two that were fetched at once only the first seen is believed.
                    Some((newest, fetched, seen))
                        if newest == stamp && seen != digest && fetched >= fetched_at =>
                    {
                        Sighting::OlderList(*newest)
                    }
                    Some((newest, fetched, _)) if newest == stamp && fetched >= fetched_at => {
                        Sighting::Same
                    }
                    _ => {
                        self.lists.insert(list.clone(), new);
                        Sighting::New
                    }
                }
            }
            Observation::DidHistory { did, number, version_id } => {
                let scid = did.split(':').nth(2).unwrap_or_default();
                match self.histories.get(scid) {
                    Some((newest, id)) if newest > number => Sighting::OlderHistory(id.clone()),
                    Some((newest, id)) if newest == number && id != version_id => {
                        Sighting::ForkedHistory
                    }
                    Some((newest, _)) if newest == number => Sighting::Same,
                    _ => {
                        self.histories.insert(scid.to_owned(), (*number, version_id.clone()));
                        Sighting::New
                    }
                }
            }
            Observation::Nonce { audience, nonce } => {
                let id = (audience.clone(), nonce.clone());
                if self.nonces.get(&id).is_some_and(|until| *until > now) {
                    return Ok(Sighting::Replayed);
                }
                if self.nonces.len() >= MOST_NONCES {
                    self.nonces.retain(|_, until| *until > now);
                    if self.nonces.len() >= MOST_NONCES {
                        return Err(SeenError("too many nonces within a day".to_owned()));
                    }
                }
                self.nonces.insert(id, now.saturating_add(NONCE_MEMORY));
                Sighting::New
            }
        })
    }
}

impl Verdict {
    /// Holds the verdict against what was seen before, and remembers what it rests on.
    ///
    /// A nonce is used up only by a presentation that is otherwise accepted, so that nobody can
    /// burn another's nonce with a bad one.
    pub fn remembered(mut self, seen: &mut dyn Seen) -> Self {
        let now = self.as_of;
        let mut reasons = Vec::new();
        let histories = self.histories();
        let observations = std::mem::take(&mut self.observations);
        for observation in histories.iter().chain(&observations) {
            let is_nonce = matches!(observation, Observation::Nonce { .. });
            if is_nonce && (self.outcome != Outcome::Accepted || !reasons.is_empty()) {
                continue;
            }
            match seen.observe(observation, now) {
                Ok(sighting) => reasons.extend(reason(observation, sighting)),
                Err(error) => reasons.push(Reason::MemoryFailed { detail: error.to_string() }),
            }
        }
        self.observations = observations;
        self.checks.retain(|check| check.name != CheckName::Seen);
        let note = Note::Said("newer than, or the same as, all that was seen");
        self.checks.push(Check::of(Part::Presentation, CheckName::Seen, note, reasons));
        self.settle();
        self
    }

    /// The histories that it rests on, or that speak against it, if they come from a bundle that
    /// is relied on. One that ended counts as much as another: it must not come back to life.
    fn histories(&self) -> Vec<Observation> {
        let is_bundle = |seen: &Observation| matches!(seen, Observation::Bundle { .. });
        if !self.observations.iter().any(is_bundle) {
            return Vec::new();
        }
        let used = self.did_versions().into_iter().map(|version| (&version.did, &version.id));
        let ended = self.reasons().filter_map(|reason| match reason {
            Reason::DidDeactivated { did, version } | Reason::DidMoved { did, version, .. } => {
                Some((did, version))
            }
            _ => None,
        });
        let mut newest: Vec<(&String, &String)> = used.chain(ended).collect();
        newest.sort();
        newest.dedup();
        let observation = |(did, id): (&String, &String)| {
            let number = id.split('-').next()?.parse().ok()?;
            Some(Observation::DidHistory { did: did.clone(), number, version_id: id.clone() })
        };
        newest.into_iter().filter_map(observation).collect()
    }
}

fn reason(observation: &Observation, sighting: Sighting) -> Option<Reason> {
    Some(match (observation, sighting) {
        (Observation::Bundle { sequence, .. }, Sighting::OlderBundle(newest)) => {
            Reason::BundleRolledBack { sequence: *sequence, newest }
        }
        (Observation::Bundle { sequence, .. }, Sighting::ForkedBundle) => {
            Reason::BundleForked { sequence: *sequence }
        }
        (Observation::StatusList { list, stamp, .. }, Sighting::OlderList(newest)) => {
            Reason::StatusListRolledBack { list: list.clone(), stamp: *stamp, newest }
        }
        (Observation::DidHistory { did, version_id, .. }, Sighting::OlderHistory(newest)) => {
            let (did, version) = (did.clone(), version_id.clone());
            Reason::DidHistoryRolledBack { did, version, newest }
        }
        (Observation::DidHistory { did, version_id, .. }, Sighting::ForkedHistory) => {
            Reason::DidHistoryForked { did: did.clone(), version: version_id.clone() }
        }
        (Observation::Nonce { nonce, .. }, Sighting::Replayed) => {
            Reason::Replayed { nonce: nonce.clone() }
        }
        _ => return None,
    })
}
