//! One `DataIntegrityProof` as data (Data Integrity 1.0, 2.1).

use bonafide_core::Malformed;
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::time::Timestamp;

use super::{DATA_INTEGRITY_PROOF, ProofError};

/// More proofs than this on one document are refused before any is looked at.
pub const MOST_PROOFS: usize = 8;

/// A proof, unverified.
#[derive(Clone, Debug)]
pub struct Proof<'v> {
    /// The proof as it stands in the document.
    pub object: &'v Object<'v>,
    /// Its id; others name it in `previousProof`.
    pub id: Option<&'v str>,
    /// The name of its suite, or the type of a proof that has none.
    pub cryptosuite: &'v str,
    /// What the key was used for.
    pub purpose: &'v str,
    /// The DID URL of the key.
    pub verification_method: &'v str,
    /// When the signer says that it signed. Never relied on.
    pub created: Option<Timestamp>,
    /// From when on the proof is no longer good.
    pub expires: Option<Timestamp>,
    /// Whom it is meant for; empty if it does not say.
    pub domains: Vec<&'v str>,
    /// What it answers to.
    pub challenge: Option<&'v str>,
    /// The ids of the proofs that it builds on.
    pub previous: Vec<&'v str>,
    /// The signature, in multibase.
    pub proof_value: &'v str,
}

impl<'v> Proof<'v> {
    pub(crate) fn from_value(value: &'v Value<'v>) -> Result<Self, ProofError> {
        const WHAT: &str = "proof";
        let Value::Object(object) = value else {
            return Err(Malformed::new(WHAT, "expected an object").into());
        };
        let optional = |member: &str| match object.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_ref())),
            Some(_) => Err(Malformed::at(WHAT, format!("/{member}"), "expected a string")),
        };
        let required = |member: &str| {
            optional(member)?.ok_or_else(|| Malformed::at(WHAT, format!("/{member}"), "is missing"))
        };
        let list = |member: &str| {
            let items = object.get(member).map(Value::one_or_more).unwrap_or_default();
            let strings: Option<Vec<&'v str>> = items.iter().map(Value::as_str).collect();
            strings.filter(|strings| strings.len() <= 16).ok_or_else(|| {
                Malformed::at(WHAT, format!("/{member}"), "expected up to 16 strings")
            })
        };
        let time = |member: &str| match optional(member)? {
            None => Ok(None),
            Some(text) => Timestamp::parse(text)
                .map(Some)
                .map_err(|error| error.within(WHAT, &format!("/{member}"))),
        };
        // An older kind of proof is named by its type and says nothing of a suite.
        let cryptosuite = match (required("type")?, object.contains("cryptosuite")) {
            (DATA_INTEGRITY_PROOF, _) => required("cryptosuite")?,
            (proof_type, false) => proof_type,
            (proof_type, true) => {
                return Err(ProofError::SuiteUnknown { cryptosuite: proof_type.to_owned() });
            }
        };
        Ok(Self {
            object,
            id: optional("id")?,
            cryptosuite,
            purpose: required("proofPurpose")?,
            verification_method: required("verificationMethod")?,
            created: time("created")?,
            expires: time("expires")?,
            domains: list("domain")?,
            challenge: optional("challenge")?,
            previous: list("previousProof")?,
            proof_value: required("proofValue")?,
        })
    }

    /// The relationship that `proofPurpose` names, if it is one.
    pub fn relationship(&self) -> Option<Relationship> {
        Relationship::ALL.into_iter().find(|known| known.name() == self.purpose)
    }
}

/// The proofs of a document: one or a set, at least one, at most [`MOST_PROOFS`].
pub fn proofs_of<'v>(document: &'v Object<'v>) -> Result<Vec<Proof<'v>>, ProofError> {
    let items = document.get("proof").map(Value::one_or_more).unwrap_or_default();
    match items.len() {
        0 => Err(ProofError::Missing),
        1..=MOST_PROOFS => items.iter().map(Proof::from_value).collect(),
        _ => Err(ProofError::TooMany { limit: MOST_PROOFS }),
    }
}
