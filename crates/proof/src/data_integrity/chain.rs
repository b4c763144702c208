//! Proof chains (Data Integrity 1.0, 4.3 and 4.5): a proof that names previous ones signs the
//! document with those proofs in it.

use bonafide_core::json::Value;

use super::{Proof, ProofError};

/// The proofs that `proof` builds on, in the order of the document; empty where it names none.
///
/// Refuses a name that leads nowhere (the proof was stripped), an id that occurs twice, and a
/// cycle.
pub fn matching_previous<'v>(
    proof: &Proof<'v>,
    all: &[Proof<'v>],
) -> Result<Vec<Value<'v>>, ProofError> {
    if proof.previous.is_empty() {
        return Ok(Vec::new());
    }
    for name in &proof.previous {
        match all.iter().filter(|candidate| candidate.id == Some(name)).count() {
            0 => return Err(ProofError::PreviousMissing { id: (*name).to_owned() }),
            1 => {}
            _ => return Err(ProofError::PreviousAmbiguous { id: (*name).to_owned() }),
        }
    }
    if let Some(id) = in_cycle(proof, all) {
        return Err(ProofError::PreviousCycle { id });
    }
    let named =
        |candidate: &&Proof<'v>| candidate.id.is_some_and(|id| proof.previous.contains(&id));
    Ok(all.iter().filter(named).map(|previous| previous.object.clone().into()).collect())
}

/// Walks back from `proof`; at most [`MOST_PROOFS`](super::MOST_PROOFS) proofs exist, so marking
/// each as seen bounds the walk.
fn in_cycle(proof: &Proof<'_>, all: &[Proof<'_>]) -> Option<String> {
    let start = proof.id?;
    let mut seen = vec![false; all.len()];
    let mut waiting = proof.previous.clone();
    while let Some(name) = waiting.pop() {
        if name == start {
            return Some(start.to_owned());
        }
        for (index, candidate) in all.iter().enumerate() {
            if candidate.id == Some(name) && !seen[index] {
                seen[index] = true;
                waiting.extend(&candidate.previous);
            }
        }
    }
    None
}
