//! The cryptosuites.

pub mod bbs;
pub(crate) mod ecdsa_sd;
pub(crate) mod rdfc;

use bonafide_core::json::{Object, Value};
use bonafide_proof::data_integrity::ProofError;

use crate::contexts::Contexts;
use crate::document;
use crate::json_ld::to_dataset;
use crate::rdf::{Canonical, HashAlgorithm, canonicalize};

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
) -> Result<Canonical, ProofError> {
    document::check(document, contexts)?;
    let dataset = to_dataset(document, contexts)?;
    canonicalize(&dataset, hash).map_err(|_| ProofError::TooComplex)
}

/// The hash of a document's canonical form.
pub(crate) fn hash(
    document: &Object<'_>,
    contexts: &Contexts,
    hash: HashAlgorithm,
) -> Result<Vec<u8>, ProofError> {
    Ok(hash.digest(canonical(document, contexts, hash)?.lines.concat().as_bytes()))
}
