//! Cryptosuites, in one table that a caller hands to the verifier.

use bonafide_core::Malformed;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;

use super::Proof;
use super::jcs::{ECDSA_JCS_2019, EDDSA_JCS_2022};
use crate::algorithm::{SignatureCheck, VerifyingKey};
use crate::signer::{SignError, Signer};

/// Why a proof is not good, or could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// There is no proof.
    #[error("there is no proof")]
    Missing,
    /// More proofs than are read.
    #[error("more than {limit} proofs")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The proof is not what Data Integrity 1.0 says a proof is.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A suite that is not in the table.
    #[error("the suite {cryptosuite:?} is not known")]
    SuiteUnknown {
        /// Its name.
        cryptosuite: String,
    },
    /// The suite does not go with the key.
    #[error("{cryptosuite} does not sign with {key_type} keys")]
    KeyMismatch {
        /// The suite's name.
        cryptosuite: &'static str,
        /// The type of the key.
        key_type: KeyType,
    },
    /// The document's context does not start with the one that was signed.
    #[error("the document's context does not start with the proof's")]
    ContextMismatch,
    /// `previousProof` names a proof that is not there.
    #[error("the previous proof {id:?} is not there")]
    PreviousMissing {
        /// The id that it names.
        id: String,
    },
    /// `previousProof` names an id that two proofs have.
    #[error("two proofs have the id {id:?}")]
    PreviousAmbiguous {
        /// The id.
        id: String,
    },
    /// Following `previousProof` comes back to where it began.
    #[error("the chain of previous proofs returns to {id:?}")]
    PreviousCycle {
        /// The id.
        id: String,
    },
    /// The signature does not fit the bytes.
    #[error("the signature is not good")]
    SignatureInvalid,
    /// The signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// What a suite checks.
pub struct VerifyInput<'i> {
    /// The secured document.
    pub document: &'i Object<'i>,
    /// The proof to check.
    pub proof: &'i Proof<'i>,
    /// The proofs that it builds on; they stay in the document that is hashed.
    pub previous: Vec<Value<'i>>,
    /// The resolved key.
    pub key: &'i VerifyingKey,
    /// Where the signature itself is checked.
    pub check: &'i dyn SignatureCheck,
}

/// A cryptosuite.
pub trait Suite: Sync {
    /// Its name in `cryptosuite`.
    fn name(&self) -> &'static str;

    /// The key types that it signs with.
    fn key_types(&self) -> &'static [KeyType];

    /// Checks a proof. Returns the digest by which the document is known, which does not depend
    /// on the proof (see [`document_digest`](super::document_digest)).
    fn verify(&self, input: VerifyInput<'_>) -> Result<[u8; 32], ProofError>;

    /// Signs `document`, whose `proof` is left out but for `previous`, under the proof `options`;
    /// returns `proofValue`.
    fn sign(
        &self,
        document: &Object<'_>,
        options: &Object<'_>,
        previous: Vec<Value<'_>>,
        signer: &dyn Signer,
    ) -> Result<String, ProofError>;
}

/// The suites that a verifier knows.
#[derive(Clone, Copy)]
pub struct Suites(pub &'static [&'static dyn Suite]);

impl Suites {
    /// The suites of this crate: eddsa-jcs-2022 and ecdsa-jcs-2019.
    pub const JCS: Self = Self(&[&EDDSA_JCS_2022, &ECDSA_JCS_2019]);

    /// The suite called `name`.
    pub fn by_name(self, name: &str) -> Result<&'static dyn Suite, ProofError> {
        let suite = self.0.iter().find(|suite| suite.name() == name);
        suite.copied().ok_or_else(|| ProofError::SuiteUnknown {
            cryptosuite: name.chars().take(64).collect(),
        })
    }

    /// The first suite that signs with keys of this type.
    pub fn for_key(self, key_type: KeyType) -> Option<&'static dyn Suite> {
        self.0.iter().find(|suite| suite.key_types().contains(&key_type)).copied()
    }
}

impl std::fmt::Debug for Suites {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|suite| suite.name())).finish()
    }
}
