//! Is every signature good, made for this purpose, by a key that is good now?

use std::cell::Cell;

use bonafide_core::did::Relationship;
use bonafide_core::json::Object;
use bonafide_core::key::PublicKey;
use bonafide_core::time::Timestamp;
use bonafide_proof::SignatureCheck;
use bonafide_proof::data_integrity::{
    Checked, Proof, ProofError, Suites, VerifyInput, Work, matching_previous, proofs_of,
};
use bonafide_proof::jose::{CompactJws, JoseError};

use super::Context;
use super::confirmation::Confirmation;
use crate::evidence::{KeyLife, Keys, ResolvedKey, short};
use crate::verdict::Note;
use crate::{Policy, Reason};

/// Signatures that one verdict may check.
pub(crate) const MOST_SIGNATURES: u32 = 32;

/// Bytes that one verdict may hash.
const MOST_HASHED: usize = 16 << 20;

/// How much work one verdict may still do.
pub(crate) struct Budget {
    signatures: Cell<u32>,
    bytes: Cell<usize>,
    /// For suites that cost more than their bytes.
    work: Work,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            signatures: Cell::new(MOST_SIGNATURES),
            bytes: Cell::new(MOST_HASHED),
            work: Work::default(),
        }
    }

    /// Room for one more signature over `bytes` bytes, before anything of it is looked at.
    fn spend(&self, bytes: usize) -> Result<(), Reason> {
        let left = (self.signatures.get().checked_sub(1), self.bytes.get().checked_sub(bytes));
        let (Some(signatures), Some(bytes)) = left else {
            return Err(Reason::TooManySignatures { limit: MOST_SIGNATURES.into() });
        };
        self.signatures.set(signatures);
        self.bytes.set(bytes);
        Ok(())
    }
}

/// How proofs are checked.
pub(crate) struct Checker<'c> {
    pub(crate) keys: &'c dyn Keys,
    pub(crate) suites: Suites,
    pub(crate) check: &'c dyn SignatureCheck,
    pub(crate) budget: &'c Budget,
}

/// What was found of all proofs of one document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proofs {
    /// Why some proof is not good.
    pub(crate) reasons: Vec<Reason>,
    /// Who signed, for each good signature.
    pub(crate) signers: Vec<Signer>,
    /// The document's digest, once one signature is good.
    pub(crate) digest: Option<[u8; 32]>,
    /// Whether the holder may have left claims out.
    pub(crate) partial: bool,
}

/// A good signature, but for the time.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) controller: String,
    pub(crate) key: PublicKey,
    pub(crate) life: KeyLife,
    pub(crate) proof_expires: Option<Timestamp>,
}

impl Signer {
    fn new(resolved: ResolvedKey<'_>, proof_expires: Option<Timestamp>) -> Self {
        let key = resolved.key.public_key().clone();
        Self { controller: resolved.controller, key, life: resolved.life, proof_expires }
    }
}

impl Proofs {
    pub(crate) fn refused(reason: Reason) -> Self {
        Self { reasons: vec![reason], ..Self::default() }
    }

    /// The key that a credential is bound to has to be one of those that signed the presentation.
    pub(crate) fn require(
        &mut self,
        confirmation: Option<&Confirmation>,
        signers: &[PublicKey],
        context: &Context<'_>,
    ) {
        let mismatch = confirmation.and_then(|key| key.signed(signers, context).err());
        self.reasons.extend(mismatch);
    }

    /// Whether one of the signers is `did`.
    pub(crate) fn signed_by(&self, did: &str) -> bool {
        self.signers.iter().any(|signer| signer.controller == did)
    }

    /// What time does to the signatures.
    pub(crate) fn ended(&self, policy: &Policy, now: Timestamp) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for signer in &self.signers {
            reasons.extend(signer.life.ended(now));
            let over = |expires: &Timestamp| policy.has_ended(*expires, now);
            if let Some(expires) = signer.proof_expires.filter(over) {
                reasons.push(Reason::ProofExpired { expires, now });
            }
        }
        reasons
    }

    /// For people: who signed.
    pub(crate) fn note(&self) -> Note {
        if self.signers.is_empty() {
            return Note::Nothing;
        }
        let signed = |Signer { life, .. }: &Signer| (life.method.clone(), life.version.clone());
        Note::SignedBy(self.signers.iter().map(signed).collect())
    }
}

impl Checker<'_> {
    /// Checks every proof of a document of at most `bytes` bytes: one bad proof fails the whole.
    /// Each is shown to `look`, good or not.
    pub(crate) fn embedded(
        &self,
        document: &Object<'_>,
        bytes: usize,
        purpose: Relationship,
        mut look: impl FnMut(&Proof<'_>),
    ) -> Proofs {
        let proofs = match proofs_of(document) {
            Ok(proofs) => proofs,
            Err(error) => return Proofs::refused(reason(error, "")),
        };
        let mut found = Proofs::default();
        for proof in &proofs {
            look(proof);
            match self.one(document, bytes, proof, &proofs, purpose) {
                Ok((signer, checked)) => {
                    found.signers.push(signer);
                    found.digest.get_or_insert(checked.digest);
                    found.partial |= checked.partial;
                    found.reasons.extend(checked.by_choice.iter().map(|member| {
                        let detail = format!(
                            "{member} is shown by choice, so there may be more that is hidden; its issuer \
                             has to make it mandatory"
                        );
                        Reason::DisclosureInvalid { method: short(proof.verification_method), detail }
                    }));
                }
                Err(reason @ (Reason::TooManySignatures { .. } | Reason::TooComplex { .. })) => {
                    found.reasons.push(reason);
                    break;
                }
                Err(reason) => found.reasons.push(reason),
            }
        }
        found
    }

    fn one(
        &self,
        document: &Object<'_>,
        bytes: usize,
        proof: &Proof<'_>,
        all: &[Proof<'_>],
        purpose: Relationship,
    ) -> Result<(Signer, Checked), Reason> {
        let method = proof.verification_method;
        let failed = |error| reason(error, method);
        self.budget.spend(bytes)?;
        if proof.purpose != purpose.name() {
            return Err(Reason::PurposeMismatch {
                expected: purpose.name(),
                found: short(proof.purpose),
            });
        }
        let suite = self.suites.of_proof(proof).map_err(failed)?;
        let previous = matching_previous(proof, all).map_err(failed)?;
        let resolved = self.keys.resolve(method, purpose)?;
        let input = VerifyInput {
            document,
            proof,
            previous,
            key: &resolved.key,
            check: self.check,
            work: &self.budget.work,
        };
        let checked = suite.verify(input).map_err(failed)?;
        Ok((Signer::new(resolved, proof.expires), checked))
    }

    /// Checks the signature of a compact JWS whose header names its key.
    pub(crate) fn compact(&self, jws: &CompactJws<'_>, purpose: Relationship) -> Proofs {
        self.compact_by(jws, jws.kid().unwrap_or_default(), purpose)
    }

    /// Checks the signature of a compact JWS against a key that something else names.
    pub(crate) fn compact_by(
        &self,
        jws: &CompactJws<'_>,
        method: &str,
        purpose: Relationship,
    ) -> Proofs {
        let signed = || {
            self.budget.spend(0)?;
            let resolved = self.keys.resolve(method, purpose)?;
            jws.verify(&resolved.key, self.check).map_err(|error| jose_reason(error, method))?;
            Ok(resolved)
        };
        match signed() {
            Ok(resolved) => Proofs {
                reasons: Vec::new(),
                signers: vec![Signer::new(resolved, None)],
                digest: Some(jws.digest()),
                partial: false,
            },
            Err(reason) => Proofs::refused(reason),
        }
    }
}

fn reason(error: ProofError, method: &str) -> Reason {
    match error {
        ProofError::Missing => Reason::ProofMissing {},
        ProofError::Malformed(error) => Reason::malformed(error),
        ProofError::SuiteUnknown { cryptosuite } => {
            Reason::SuiteUnknown { cryptosuite: short(&cryptosuite) }
        }
        ProofError::PreviousMissing { id } => Reason::PreviousProofMissing { id: short(&id) },
        ProofError::PreviousCycle { id } => Reason::PreviousProofCycle { id: short(&id) },
        ProofError::TooMany { limit } => Reason::TooManySignatures { limit: limit as u64 },
        ProofError::ContextRefused { detail } => {
            Reason::ContextRefused { method: short(method), detail }
        }
        ProofError::DataLoss { detail } => Reason::DataLoss { method: short(method), detail },
        ProofError::TooComplex(_) => Reason::TooComplex { method: short(method) },
        ProofError::DisclosureInvalid { detail } => {
            Reason::DisclosureInvalid { method: short(method), detail }
        }
        ProofError::BaseProof => Reason::BaseProof { method: short(method) },
        other => Reason::ProofInvalid { method: short(method), detail: other.to_string() },
    }
}

/// The reason behind a JOSE error; `method` is the key that the token names.
pub(crate) fn jose_reason(error: JoseError, method: &str) -> Reason {
    match error {
        JoseError::Malformed(error) => Reason::malformed(error),
        JoseError::AlgorithmRefused { alg } => Reason::AlgorithmRefused { alg },
        JoseError::AlgorithmMismatch { header, key } => Reason::AlgorithmMismatch { header, key },
        JoseError::HeaderRefused { member } => Reason::HeaderRefused { member },
        JoseError::TypeMismatch { expected, found, .. } => {
            Reason::TypMismatch { expected: expected.to_owned(), found }
        }
        other => Reason::ProofInvalid { method: short(method), detail: other.to_string() },
    }
}
