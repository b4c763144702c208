//! The approval of witnesses (did:webvh 1.0, "Verifying Witness Proofs During Resolution").

use std::collections::BTreeMap;
use std::sync::Arc;

use bonafide_core::Malformed;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::time::Timestamp;

use super::entry::{check_proof, signer_of};
use super::error::WebvhError;
use super::parameters::Witnesses;
use super::{MOST_BYTES, Version};
use crate::algorithm::{SignatureCheck, VerifyingKey};
use crate::data_integrity::Proof;

const WHAT: &str = "did-witness.json";

/// A witness and the proofs that name it, unverified, each with the version that it approves.
struct Candidate<'c, 'v> {
    key: &'c VerifyingKey,
    proofs: Vec<(&'c Version, Proof<'v>)>,
}

/// Checks that enough witnesses approved each version that needs them.
///
/// A proof approves its own version and all before. So one good proof decides for a witness, that
/// of the newest version, and each proof in the file is checked at most once. Proofs of versions
/// that are not in this log say nothing: what is signed does not name the DID, and a proof from
/// another log would fit. A proof that is not good counts for nothing and does no harm.
pub(super) fn verify(
    versions: &[Version],
    file: Option<&[u8]>,
    now: Timestamp,
    check: &dyn SignatureCheck,
) -> Result<(), WebvhError> {
    let mut needed: Vec<(u64, Arc<Witnesses>)> = Vec::new();
    let mut previous = None;
    for version in versions {
        if let Some(witnesses) = version.parameters.witnessed_by(previous) {
            needed.push((version.number, witnesses));
        }
        previous = Some(&version.parameters);
    }
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
            let new = || Candidate { key, proofs: Vec::new() };
            candidates.entry(multikey).or_insert_with(new);
        }
    }
    gather(&value, versions, now, &mut candidates)?;
    let approved: BTreeMap<&str, u64> = candidates
        .iter()
        .map(|(multikey, candidate)| (*multikey, candidate.approved(check)))
        .collect();
    for (version, witnesses) in &needed {
        let approves = |(multikey, _): &&(String, VerifyingKey)| {
            approved.get(multikey.as_str()).is_some_and(|newest| newest >= version)
        };
        let found = witnesses.keys.iter().filter(approves).count();
        if found < witnesses.threshold {
            let (version, needed) = (*version, witnesses.threshold);
            return Err(WebvhError::WitnessThreshold { version, needed, found });
        }
    }
    Ok(())
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
            if let Some(candidate) = candidates.get_mut(multikey) {
                candidate.proofs.push((version, proof));
            }
        }
    }
    for candidate in candidates.values_mut() {
        candidate.proofs.sort_by_key(|(version, _)| std::cmp::Reverse(version.number));
    }
    Ok(())
}

impl Candidate<'_, '_> {
    /// The number of the newest version that the witness approved; 0 if there is none.
    fn approved(&self, check: &dyn SignatureCheck) -> u64 {
        let good = self.proofs.iter().find(|(version, proof)| {
            // What is signed is the versionId alone ("The Witness Proofs File").
            let document = Object::from([("versionId", version.id.as_str())]);
            check_proof(&document, proof, self.key, check, version.number).is_ok()
        });
        good.map_or(0, |(version, _)| version.number)
    }
}
