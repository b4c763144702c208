//! The cryptosuites.

pub mod bbs;
pub(crate) mod ecdsa_sd;
pub(crate) mod rdfc;

use bonafide_core::json::{Object, Value};
use bonafide_proof::data_integrity::{ProofError, Work};

use crate::contexts::Contexts;
use crate::document;
use crate::json_ld::to_dataset;
use crate::rdf::{Canonical, Dataset, HashAlgorithm, canonicalize};

/// A document as it is signed: without its proofs, but for those that the proof builds on.
pub fn unsecured<'a>(document: &Object<'a>, previous: Vec<Value<'a>>) -> Object<'a> {
    let mut unsecured = document.clone();
    unsecured.remove("proof");
    if !previous.is_empty() {
        unsecured.insert("proof", Value::Array(previous));
    }
    unsecured
}

/// The proof options as they are signed (EdDSA Cryptosuites, 3.2.5): under the document's context,
/// without the value. A context of the proof's own may only repeat the document's.
pub fn configuration<'a>(
    options: &Object<'a>,
    document: &Object<'a>,
) -> Result<Object<'a>, ProofError> {
    let context = document.get("@context").cloned().unwrap_or(Value::Null);
    if options.get("@context").is_some_and(|own| *own != context) {
        return Err(ProofError::ContextMismatch);
    }
    let mut configuration = options.clone();
    configuration.remove("proofValue");
    configuration.insert("@context", context);
    Ok(configuration)
}

/// The canonical form of a document.
pub fn canonical(
    document: &Object<'_>,
    contexts: &Contexts,
    hash: HashAlgorithm,
    work: &Work,
) -> Result<Canonical, ProofError> {
    document::check(document, contexts, work)?;
    let dataset = to_dataset(document, contexts)?;
    let canonical = canonicalize(&dataset, hash, work)?;
    each_once(&canonical.lines, &dataset)?;
    Ok(canonical)
}

/// That no statement is made twice: a set can't tell how often.
pub(crate) fn each_once(lines: &[String], dataset: &Dataset) -> Result<(), ProofError> {
    if lines.len() == dataset.quads.len() {
        return Ok(());
    }
    Err(document::lost("a value stands twice in one array, which is signed as if it stood once"))
}

/// The hash of a document's canonical form.
pub(crate) fn hash(
    document: &Object<'_>,
    contexts: &Contexts,
    hash: HashAlgorithm,
    work: &Work,
) -> Result<Vec<u8>, ProofError> {
    Ok(hash.digest(canonical(document, contexts, hash, work)?.lines.concat().as_bytes()))
}
