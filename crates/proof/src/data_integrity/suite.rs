//! Cryptosuites, in one table that a caller hands to the verifier.

use bonafide_core::Malformed;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;

use super::Proof;
use super::jcs::{ECDSA_JCS_2019, EDDSA_JCS_2022};
use super::work::{TooComplex, Work};
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
    /// A JSON-LD context that is not known here, is written into the document, or redefines
    /// protected terms.
    #[error("the context is refused: {detail}")]
    ContextRefused {
        /// Which, and why.
        detail: String,
    },
    /// `DATA_LOSS_DETECTION_ERROR`: something in the document would not be signed, or could be
    /// spelled in another way under the same signature.
    #[error("not all of the document is signed: {detail}")]
    DataLoss {
        /// What.
        detail: String,
    },
    /// Checking the document asks for more work than is done for anybody.
    #[error(transparent)]
    TooComplex(#[from] TooComplex),
    /// The document is larger than this suite reads.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A proof of selective disclosure whose parts do not fit together or the document.
    #[error("the disclosure is not good: {detail}")]
    DisclosureInvalid {
        /// What does not fit.
        detail: String,
    },
    /// A base proof, made for the holder, where a derived one is due.
    #[error("a base proof is for the holder alone; present one derived from it")]
    BaseProof,
    /// The suite discloses everything or nothing.
    #[error("{cryptosuite} can't disclose a part")]
    NotSelective {
        /// The suite's name.
        cryptosuite: &'static str,
    },
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
    /// What may still be spent.
    pub work: &'i Work,
}

/// What a good proof says of its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The digest by which the document is known. It depends neither on the signature nor on which
    /// claims were disclosed (see [`document_digest`](super::document_digest)).
    pub digest: [u8; 32],
    /// Whether claims may have been left out by the holder.
    pub partial: bool,
    /// The members `credentialStatus` and `credentialSchema`, as far as they are shown by the
    /// holder's choice: there may be more of them than is shown.
    pub by_choice: Vec<&'static str>,
}

/// Fills a buffer with random bytes that nobody can foresee.
pub type Random<'r> = dyn FnMut(&mut [u8]) -> Result<(), SignError> + 'r;

/// What a suite signs.
pub struct SignInput<'i> {
    /// The document; its `proof` is left out but for `previous`.
    pub document: &'i Object<'i>,
    /// The proof without its value.
    pub options: &'i Object<'i>,
    /// The proofs that it builds on.
    pub previous: Vec<Value<'i>>,
    /// RFC 6901 pointers to what every derived proof has to disclose; for selective suites alone.
    pub mandatory: &'i [&'i str],
    /// The key.
    pub signer: &'i dyn Signer,
    /// For suites whose proofs need it.
    pub random: &'i mut Random<'i>,
}

/// What a holder derives from.
pub struct DeriveInput<'i> {
    /// The secured document.
    pub document: &'i Object<'i>,
    /// Its base proof.
    pub proof: &'i Proof<'i>,
    /// RFC 6901 pointers to what is disclosed besides what always is.
    pub reveal: &'i [&'i str],
    /// Bound into the proof by suites that can, against replay (BBS); else empty.
    pub presentation_header: &'i [u8],
}

/// A cryptosuite.
pub trait Suite: Sync {
    /// Its name in `cryptosuite`.
    fn name(&self) -> &'static str;

    /// The `type` of its proofs.
    fn proof_type(&self) -> &'static str {
        DATA_INTEGRITY_PROOF
    }

    /// The key types that it signs with.
    fn key_types(&self) -> &'static [KeyType];

    /// Whether a new proof holds a copy of the document's context (EdDSA Cryptosuites, 3.3.1).
    fn carries_context(&self) -> bool {
        false
    }

    /// Whether holders can derive proofs that disclose a part.
    fn is_selective(&self) -> bool {
        false
    }

    /// Checks a proof.
    fn verify(&self, input: VerifyInput<'_>) -> Result<Checked, ProofError>;

    /// Signs a document; returns `proofValue`.
    fn sign(&self, input: SignInput<'_>) -> Result<String, ProofError>;

    /// Derives a document that discloses a part.
    fn derive(&self, _input: DeriveInput<'_>) -> Result<Object<'static>, ProofError> {
        Err(ProofError::NotSelective { cryptosuite: self.name() })
    }

    /// That the suite signs with keys of this type.
    fn accepts(&self, key_type: KeyType) -> Result<(), ProofError> {
        if self.key_types().contains(&key_type) {
            return Ok(());
        }
        Err(ProofError::KeyMismatch { cryptosuite: self.name(), key_type })
    }
}

/// The one proof type of Data Integrity 1.0.
pub const DATA_INTEGRITY_PROOF: &str = "DataIntegrityProof";

/// The suites that a verifier knows.
#[derive(Clone, Copy)]
pub struct Suites(pub &'static [&'static dyn Suite]);

impl Suites {
    /// The suites of this crate: eddsa-jcs-2022 and ecdsa-jcs-2019.
    pub const JCS: Self = Self(&[&EDDSA_JCS_2022, &ECDSA_JCS_2019]);

    /// Every suite in the table.
    pub fn iter(self) -> impl Iterator<Item = &'static dyn Suite> {
        self.0.iter().copied()
    }

    /// The suite called `name`.
    pub fn by_name(self, name: &str) -> Result<&'static dyn Suite, ProofError> {
        let suite = self.0.iter().find(|suite| suite.name() == name);
        suite.copied().ok_or_else(|| ProofError::SuiteUnknown {
            cryptosuite: name.chars().take(64).collect(),
        })
    }

    /// The suite of a proof: the one with its `cryptosuite` and its `type`.
    pub fn of_proof(self, proof: &Proof<'_>) -> Result<&'static dyn Suite, ProofError> {
        let suite = self.by_name(proof.cryptosuite)?;
        if proof.object.str("type") == Some(suite.proof_type()) {
            return Ok(suite);
        }
        Err(ProofError::SuiteUnknown { cryptosuite: proof.cryptosuite.chars().take(64).collect() })
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
