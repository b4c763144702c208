//! Adding a proof to a document (Data Integrity 1.0, 4.2 and 4.3).

use bonafide_core::Malformed;
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::time::Timestamp;

use super::suite::{DATA_INTEGRITY_PROOF, Random, SignInput};
use super::{MOST_PROOFS, ProofError, Suite, matching_previous, proofs_of};
use crate::signer::{SignError, Signer};

/// What a new proof says beside its signature.
#[derive(Clone, Debug)]
pub struct ProofOptions<'a> {
    /// The DID URL of the signing key.
    pub verification_method: &'a str,
    /// What the key is used for.
    pub purpose: Relationship,
    /// When it is signed.
    pub created: Option<Timestamp>,
    /// From when on the proof is no longer good.
    pub expires: Option<Timestamp>,
    /// Whom it is meant for.
    pub domain: Option<&'a str>,
    /// What it answers to.
    pub challenge: Option<&'a str>,
    /// An id, so that later proofs can build on this one.
    pub id: Option<&'a str>,
    /// The ids of proofs to build on.
    pub previous: &'a [&'a str],
    /// RFC 6901 pointers to what is always disclosed; for selective suites alone.
    pub mandatory: &'a [&'a str],
}

impl<'a> ProofOptions<'a> {
    /// Options with a key and a purpose, and nothing else.
    pub fn new(verification_method: &'a str, purpose: Relationship) -> Self {
        Self {
            verification_method,
            purpose,
            created: None,
            expires: None,
            domain: None,
            challenge: None,
            id: None,
            previous: &[],
            mandatory: &[],
        }
    }

    fn to_object(&self, suite: &dyn Suite, context: Option<Value<'a>>) -> Object<'a> {
        let mut options = Object::from([
            ("type", Value::from(suite.proof_type())),
            ("proofPurpose", self.purpose.name().into()),
            ("verificationMethod", self.verification_method.into()),
        ]);
        if suite.proof_type() == DATA_INTEGRITY_PROOF {
            options.insert("cryptosuite", suite.name());
        }
        let times = [("created", self.created), ("expires", self.expires)];
        for (name, time) in times.into_iter().filter_map(|(name, time)| Some((name, time?))) {
            options.insert(name, time.to_string());
        }
        let texts = [("domain", self.domain), ("challenge", self.challenge), ("id", self.id)];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            options.insert(name, text);
        }
        match self.previous {
            [] => {}
            [one] => {
                options.insert("previousProof", *one);
            }
            many => {
                options.insert("previousProof", many.to_vec());
            }
        }
        if let Some(context) = context {
            options.insert("@context", context);
        }
        options
    }
}

/// Adds a proof to `document`, beside those that it has, with a suite that needs no randomness.
pub fn add_proof(
    document: Value<'_>,
    options: &ProofOptions<'_>,
    suite: &dyn Suite,
    signer: &dyn Signer,
) -> Result<Value<'static>, ProofError> {
    let mut none = |_: &mut [u8]| Err(SignError("this suite needs randomness".to_owned()));
    add_proof_with(document, options, suite, signer, &mut none)
}

/// Adds a proof to `document`, beside those that it has.
pub fn add_proof_with(
    document: Value<'_>,
    options: &ProofOptions<'_>,
    suite: &dyn Suite,
    signer: &dyn Signer,
    random: &mut Random<'_>,
) -> Result<Value<'static>, ProofError> {
    let Value::Object(mut document) = document.into_owned() else {
        return Err(Malformed::new("document", "expected an object").into());
    };
    // The JCS suites carry the context along in the proof; the others take it from the document.
    let context = document.get("@context").filter(|_| suite.carries_context()).cloned();
    let mut proof = options.to_object(suite, context).into_owned();
    let mut proofs = match document.remove("proof") {
        None => Vec::new(),
        Some(Value::Array(proofs)) => proofs,
        Some(one) => vec![one],
    };
    if proofs.len() == MOST_PROOFS {
        return Err(ProofError::TooMany { limit: MOST_PROOFS });
    }
    let previous = previous_of(&proofs, &proof)?;
    if !previous.is_empty() {
        document.insert("proof", Value::Null);
    }
    let proof_value = suite.sign(SignInput {
        document: &document,
        options: &proof,
        previous,
        mandatory: options.mandatory,
        signer,
        random: &mut |bytes| random(bytes),
    })?;
    proof.insert("proofValue", proof_value);
    if proofs.is_empty() {
        document.insert("proof", proof);
    } else {
        proofs.push(proof.into());
        document.insert("proof", proofs);
    }
    Ok(document.into())
}

/// The proofs among `proofs` that the new one names.
fn previous_of(
    proofs: &[Value<'static>],
    proof: &Object<'static>,
) -> Result<Vec<Value<'static>>, ProofError> {
    if !proof.contains("previousProof") {
        return Ok(Vec::new());
    }
    let mut new = proof.clone();
    new.insert("proofValue", "");
    let mut all = proofs.to_vec();
    all.push(new.into());
    let holder = Object::from([("proof", Value::Array(all))]);
    let all = proofs_of(&holder)?;
    let Some(new) = all.last() else { return Err(ProofError::Missing) };
    Ok(matching_previous(new, &all)?.into_iter().map(Value::into_owned).collect())
}
