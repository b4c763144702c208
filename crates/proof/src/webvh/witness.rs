//! The approval of witnesses (did:webvh 1.0, "Verifying Witness Proofs During Resolution").

use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::sync::Arc;

use bonafide_core::Malformed;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::time::Timestamp;

use super::budget::Budget;
use super::entry::{check_proof, signer_of};
use super::error::WebvhError;
use super::parameters::Witnesses;
use super::{MOST_BYTES, Version};
use crate::algorithm::{SignatureCheck, VerifyingKey};
use crate::data_integrity::Proof;

const WHAT: &str = "did-witness.json";

/// More proofs of one witness for one version than this are passed over.
const MOST_TRIED: usize = 2;

/// A witness and the proofs that name it.
struct Candidate<'c, 'v> {
    key: &'c VerifyingKey,
    /// By the number of the version that they would approve.
    untried: BTreeMap<u64, Vec<(&'c Version, Proof<'v>)>>,
    /// The number of the newest version that it is known to approve; 0 if of none.
    approved: u64,
}

/// Checks that enough witnesses approved each version that needs them.
///
/// A proof approves its own version and all before. So one good proof decides for a witness, that
/// of the newest version; each proof in the file is checked at most once, and none where enough
/// others were good. Proofs of versions that are not in this log say nothing: what is signed does
/// not name the DID, and a proof from another log would fit. A proof that is not good counts for
/// nothing and does no harm, unless there are so many that a good one is not reached.
pub(super) fn verify(
    versions: &[Version],
    file: Option<&[u8]>,
    now: Timestamp,
    check: &dyn SignatureCheck,
    budget: &mut Budget,
) -> Result<(), WebvhError> {
    let needed = needed(versions);
    let Some((first, _)) = needed.first() else { return Ok(()) };
    let Some(file) = file else {
        return Err(WebvhError::WitnessFileMissing { version: *first });
    };
    if file.len() > MOST_BYTES {
        let bytes = file.len();
        return Err(WebvhError::TooLong { file: WHAT, bytes, limit: MOST_BYTES });
    }
    let value = parse(file, &Limits::for_size(MOST_BYTES))
        .map_err(|error| WebvhError::WitnessFile(Malformed::json(WHAT, &error)))?;

    let mut candidates: BTreeMap<&str, Candidate<'_, '_>> = BTreeMap::new();
    for (_, witnesses) in &needed {
        for (multikey, key) in &witnesses.keys {
            let new = || Candidate { key, untried: BTreeMap::new(), approved: 0 };
            candidates.entry(multikey).or_insert_with(new);
        }
    }
    gather(&value, versions, now, &mut candidates)?;
    // The newest first, since who approves it approves all before; told of is the oldest.
    let mut short = None;
    for (version, witnesses) in needed.iter().rev() {
        let needed = witnesses.threshold;
        let mut found = 0;
        for (multikey, _) in &witnesses.keys {
            if found == needed {
                break;
            }
            if let Some(candidate) = candidates.get_mut(multikey.as_str()) {
                found += usize::from(candidate.approves(*version, check, budget)?);
            }
        }
        if found < needed {
            short = Some(WebvhError::WitnessThreshold { version: *version, needed, found });
        }
    }
    short.map_or(Ok(()), Err)
}

/// The versions that need witnesses, the oldest first, each with whose approval it needs.
fn needed(versions: &[Version]) -> Vec<(u64, Arc<Witnesses>)> {
    let mut needed = Vec::new();
    let mut previous = None;
    for version in versions {
        if let Some(witnesses) = version.parameters.witnessed_by(previous) {
            needed.push((version.number, witnesses));
        }
        previous = Some(&version.parameters);
    }
    needed
}

/// Sorts the proofs of the file by the witness that they name, those of no witness left out.
fn gather<'c, 'v>(
    file: &'v Value<'v>,
    versions: &'c [Version],
    now: Timestamp,
    candidates: &mut BTreeMap<&str, Candidate<'c, 'v>>,
) -> Result<(), WebvhError> {
    let malformed = |detail| WebvhError::WitnessFile(Malformed::new(WHAT, detail));
    let by_id: BTreeMap<&str, &'c Version> =
        versions.iter().map(|version| (version.id.as_str(), version)).collect();
    let Value::Array(items) = file else { return Err(malformed("expected a list")) };
    for item in items {
        let Some(item) = item.as_object() else {
            return Err(malformed("expected a list of objects"));
        };
        let Some(version_id) = item.str("versionId") else {
            return Err(malformed("expected a versionId in each item"));
        };
        let Some(&version) = by_id.get(version_id) else { continue };
        for proof in item.get("proof").map(Value::one_or_more).unwrap_or_default() {
            let Ok(proof) = Proof::from_value(proof) else { continue };
            let Ok(multikey) = signer_of(&proof, version.number, now) else { continue };
            let Some(candidate) = candidates.get_mut(multikey) else { continue };
            let untried = candidate.untried.entry(version.number).or_default();
            if untried.len() < MOST_TRIED {
                untried.push((version, proof));
            }
        }
    }
    Ok(())
}

impl Candidate<'_, '_> {
    /// Whether the witness approved this version or a later one.
    fn approves(
        &mut self,
        number: u64,
        check: &dyn SignatureCheck,
        budget: &mut Budget,
    ) -> Result<bool, WebvhError> {
        while self.approved < number {
            let newest = self.untried.last_entry().filter(|newest| *newest.key() >= number);
            let Some(proofs) = newest.map(OccupiedEntry::remove) else { return Ok(false) };
            for (version, proof) in &proofs {
                budget.signature()?;
                // What is signed is the versionId alone ("The Witness Proofs File").
                let document = Object::from([("versionId", version.id.as_str())]);
                if check_proof(&document, proof, self.key, check, version.number).is_ok() {
                    self.approved = version.number;
                    break;
                }
            }
        }
        Ok(true)
    }
}
