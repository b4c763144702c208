//! eddsa-rdfc-2022 (EdDSA Cryptosuites 1.0, 3.2), ecdsa-rdfc-2019 (ECDSA Cryptosuites 1.0, 3.2)
//! and the older Ed25519Signature2020: the signed bytes are the hash of the canonical proof
//! options and the hash of the canonical document, one after the other.

use bonafide_core::encoding::{decode_base58btc, encode_base58btc};
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_proof::data_integrity::{
    Checked, DATA_INTEGRITY_PROOF, ProofError, SignInput, Suite, VerifyInput, Work,
};

use super::{configuration, hash, unsecured};
use crate::contexts::{Contexts, Source};
use crate::rdf::HashAlgorithm;

/// A suite that signs the canonical RDF of a document as a whole.
#[derive(Clone, Copy)]
pub struct RdfcSuite<'c> {
    name: &'static str,
    proof_type: &'static str,
    key_types: &'static [KeyType],
    contexts: Source<'c>,
}

/// The longest signature is 96 bytes: at most 132 characters of base58btc and its `z`.
const LONGEST_PROOF_VALUE: usize = 133;

impl RdfcSuite<'_> {
    /// The same with a table for a single document.
    pub(crate) fn reading<'c>(&self, contexts: &'c Contexts) -> RdfcSuite<'c> {
        let Self { name, proof_type, key_types, .. } = *self;
        RdfcSuite { name, proof_type, key_types, contexts: Source::Once(contexts) }
    }

    /// eddsa-rdfc-2022 with these contexts.
    pub const fn eddsa_rdfc_2022(contexts: fn() -> &'static Contexts) -> Self {
        let (name, key_types) = ("eddsa-rdfc-2022", &[KeyType::Ed25519]);
        let contexts = Source::Always(contexts);
        Self { name, proof_type: DATA_INTEGRITY_PROOF, key_types, contexts }
    }

    /// ecdsa-rdfc-2019 with these contexts; SHA-384 all through with P-384 keys.
    pub const fn ecdsa_rdfc_2019(contexts: fn() -> &'static Contexts) -> Self {
        let (name, key_types) = ("ecdsa-rdfc-2019", &[KeyType::P256, KeyType::P384]);
        let contexts = Source::Always(contexts);
        Self { name, proof_type: DATA_INTEGRITY_PROOF, key_types, contexts }
    }

    /// Ed25519Signature2020 with these contexts (EdDSA Cryptosuites 1.0, appendix).
    pub const fn ed25519_signature_2020(contexts: fn() -> &'static Contexts) -> Self {
        let (name, key_types) = ("Ed25519Signature2020", &[KeyType::Ed25519]);
        let contexts = Source::Always(contexts);
        Self { name, proof_type: name, key_types, contexts }
    }

    fn algorithm(key_type: KeyType) -> HashAlgorithm {
        match key_type {
            KeyType::P384 => HashAlgorithm::Sha384,
            _ => HashAlgorithm::Sha256,
        }
    }

    fn signed_bytes(
        &self,
        document: &Object<'_>,
        options: &Object<'_>,
        previous: Vec<Value<'_>>,
        key_type: KeyType,
        work: &Work,
    ) -> Result<Vec<u8>, ProofError> {
        let contexts = self.contexts.get();
        let algorithm = Self::algorithm(key_type);
        let options = configuration(options, document)?;
        let mut signed = hash(&options, contexts, algorithm, work)?;
        signed.extend(hash(&unsecured(document, previous), contexts, algorithm, work)?);
        Ok(signed)
    }
}

impl Suite for RdfcSuite<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn proof_type(&self) -> &'static str {
        self.proof_type
    }

    fn key_types(&self) -> &'static [KeyType] {
        self.key_types
    }

    fn verify(&self, input: VerifyInput<'_>) -> Result<Checked, ProofError> {
        let VerifyInput { document, proof, previous, key, check, work } = input;
        let key_type = key.public_key().key_type();
        self.accepts(key_type)?;
        let signature = decode_base58btc(proof.proof_value, LONGEST_PROOF_VALUE)
            .map_err(|error| error.within("proof", "/proofValue"))?;
        if key.algorithm().is_none_or(|known| known.signature_length != signature.len()) {
            return Err(ProofError::SignatureInvalid);
        }
        let alone = previous.is_empty();
        let signed = self.signed_bytes(document, proof.object, previous, key_type, work)?;
        if !check.is_good(key, &signed, &signature) {
            return Err(ProofError::SignatureInvalid);
        }
        let digest = match signed.last_chunk::<32>() {
            Some(digest) if alone && key_type != KeyType::P384 => *digest,
            _ => {
                let document = unsecured(document, Vec::new());
                let digest = hash(&document, self.contexts.get(), HashAlgorithm::Sha256, work)?;
                digest.first_chunk().copied().unwrap_or_default()
            }
        };
        Ok(Checked { digest, partial: false, by_choice: Vec::new() })
    }

    fn sign(&self, input: SignInput<'_>) -> Result<String, ProofError> {
        let SignInput { document, options, previous, signer, .. } = input;
        let key_type = signer.public_key().key_type();
        self.accepts(key_type)?;
        let signed = self.signed_bytes(document, options, previous, key_type, &Work::default())?;
        Ok(encode_base58btc(&signer.sign(&signed)?))
    }
}
