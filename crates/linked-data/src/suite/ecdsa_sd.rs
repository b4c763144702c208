//! ecdsa-sd-2023 (ECDSA Cryptosuites 1.0, 3.4 to 3.6): each statement that is not always
//! disclosed is signed for itself with a key made for this proof, and the issuer signs that key
//! together with what is always disclosed.

use bonafide_core::json::Object;
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_proof::data_integrity::{
    Checked, DeriveInput, ProofError, Random, SignInput, Suite, VerifyInput, Work,
};
use bonafide_proof::{SecretKey, SignError, Signer, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{configuration, hash, unsecured};
use crate::contexts::{Contexts, Source};
use crate::disclosure::cbor::{Reader, Writer, decode};
use crate::disclosure::{
    HmacKey, Labelled, Labels, alone, by_choice, hash_lines, invalid, relabelled, relative_indexes,
    split_at_indexes, with_proof,
};
use crate::rdf::HashAlgorithm;

const BASE: [u8; 3] = [0xd9, 0x5d, 0x00];
const DERIVED: [u8; 3] = [0xd9, 0x5d, 0x01];

/// What one check with P-256 costs, in microseconds.
const SIGNATURE: usize = 200;

/// The suite.
#[derive(Clone, Copy)]
pub struct EcdsaSd2023<'c> {
    contexts: Source<'c>,
}

impl EcdsaSd2023<'_> {
    /// The same with a table for a single document.
    pub(crate) fn reading(contexts: &Contexts) -> EcdsaSd2023<'_> {
        EcdsaSd2023 { contexts: Source::Once(contexts) }
    }

    /// ecdsa-sd-2023 with these contexts.
    pub const fn new(contexts: fn() -> &'static Contexts) -> Self {
        Self { contexts: Source::Always(contexts) }
    }

    fn proof_hash(
        &self,
        document: &Object<'_>,
        options: &Object<'_>,
        work: &Work,
    ) -> Result<Vec<u8>, ProofError> {
        hash(&configuration(options, document)?, self.contexts.get(), HashAlgorithm::Sha256, work)
    }
}

/// What the issuer gives to the holder.
#[derive(Debug, PartialEq, Eq)]
pub struct BaseProof {
    /// The issuer's signature over proof options, key and what is always disclosed.
    pub base_signature: [u8; 64],
    /// The key made for this proof: multicodec and compressed point, 35 bytes.
    pub public_key: [u8; 35],
    /// What blank nodes are named with.
    pub hmac_key: HmacKey,
    /// One for each statement that is not always disclosed.
    pub signatures: Vec<[u8; 64]>,
    /// Pointers to what is always disclosed.
    pub mandatory_pointers: Vec<String>,
}

impl BaseProof {
    /// Reads a `proofValue`.
    pub fn parse(proof_value: &str) -> Result<Self, ProofError> {
        let (header, bytes) = decode(proof_value)?;
        if header != BASE {
            return Err(invalid("expected a base proof"));
        }
        let mut reader = Reader::array_of(&bytes, 5)?;
        let proof = Self {
            base_signature: reader.exactly()?,
            public_key: reader.exactly()?,
            hmac_key: reader.exactly()?,
            signatures: reader.array(Reader::exactly)?,
            mandatory_pointers: reader.texts()?,
        };
        reader.finish()?;
        Ok(proof)
    }

    /// The `proofValue`.
    pub fn to_proof_value(&self) -> String {
        let mut writer = Writer::array_of(BASE, 5);
        writer.bytes(&self.base_signature);
        writer.bytes(&self.public_key);
        writer.bytes(&self.hmac_key);
        writer.array(&self.signatures, |writer, signature| writer.bytes(signature));
        writer.array(&self.mandatory_pointers, |writer, pointer| writer.text(pointer));
        writer.finish()
    }
}

/// What the holder shows.
#[derive(Debug, PartialEq, Eq)]
pub struct DerivedProof {
    /// As in the base proof.
    pub base_signature: [u8; 64],
    /// As in the base proof.
    pub public_key: [u8; 35],
    /// Those of the statements that are shown by choice.
    pub signatures: Vec<[u8; 64]>,
    /// The HMAC that names each blank node, in the order of the canonical names.
    pub labels: Vec<[u8; 32]>,
    /// The places of what is always disclosed among the statements shown.
    pub mandatory_indexes: Vec<usize>,
}

impl DerivedProof {
    /// Reads a `proofValue`.
    pub fn parse(proof_value: &str) -> Result<Self, ProofError> {
        let (header, bytes) = decode(proof_value)?;
        match header {
            DERIVED => {}
            BASE => return Err(ProofError::BaseProof),
            _ => return Err(invalid("expected a derived proof")),
        }
        let mut reader = Reader::array_of(&bytes, 5)?;
        let proof = Self {
            base_signature: reader.exactly()?,
            public_key: reader.exactly()?,
            signatures: reader.array(Reader::exactly)?,
            labels: reader.numbered(Reader::exactly)?,
            mandatory_indexes: reader.numbers()?,
        };
        reader.finish()?;
        Ok(proof)
    }

    /// The `proofValue`.
    pub fn to_proof_value(&self) -> String {
        let mut writer = Writer::array_of(DERIVED, 5);
        writer.bytes(&self.base_signature);
        writer.bytes(&self.public_key);
        writer.array(&self.signatures, |writer, signature| writer.bytes(signature));
        writer.numbered(&self.labels, |writer, label| writer.bytes(label));
        writer.array(&self.mandatory_indexes, |writer, index| writer.number(*index));
        writer.finish()
    }
}

/// The bytes that the issuer signs.
fn base_message(proof_hash: &[u8], public_key: &[u8], mandatory_hash: &[u8]) -> Vec<u8> {
    [proof_hash, public_key, mandatory_hash].concat()
}

/// A key for one proof; drawn again in the rare case that it is no scalar of the curve.
fn fresh_key(random: &mut Random<'_>) -> Result<SecretKey, SignError> {
    for _ in 0..8 {
        let mut secret = Zeroizing::new([0; 32]);
        random(&mut secret[..])?;
        if let Ok(key) = SecretKey::from_bytes(KeyType::P256, &secret[..]) {
            return Ok(key);
        }
    }
    Err(SignError("the source of randomness gives no usable key".to_owned()))
}

impl Suite for EcdsaSd2023<'_> {
    fn name(&self) -> &'static str {
        "ecdsa-sd-2023"
    }

    fn key_types(&self) -> &'static [KeyType] {
        &[KeyType::P256]
    }

    fn is_selective(&self) -> bool {
        true
    }

    fn verify(&self, input: VerifyInput<'_>) -> Result<Checked, ProofError> {
        let VerifyInput { document, proof, previous, key, check, work } = input;
        self.accepts(key.public_key().key_type())?;
        alone(&previous)?;
        let derived = DerivedProof::parse(proof.proof_value)?;
        let document = unsecured(document, Vec::new());
        let proof_hash = self.proof_hash(&document, proof.object, work)?;
        let labels: Vec<String> = derived
            .labels
            .iter()
            .map(|label| format!("u{}", bonafide_core::encoding::encode_base64url(label)))
            .collect();
        let lines = relabelled(&document, self.contexts.get(), &labels, work)?;
        let (mandatory, chosen) = split_at_indexes(lines, &derived.mandatory_indexes)?;
        if chosen.len() != derived.signatures.len() {
            return Err(invalid("there is not one signature for each statement"));
        }
        work.spend((1 + chosen.len()) * SIGNATURE)?;
        let message = base_message(&proof_hash, &derived.public_key, &hash_lines(&mandatory));
        if !check.is_good(key, &message, &derived.base_signature) {
            return Err(ProofError::SignatureInvalid);
        }
        let proof_key = proof_key(&derived.public_key)?;
        for (line, signature) in chosen.iter().zip(&derived.signatures) {
            if !check.is_good(&proof_key, line.as_bytes(), signature) {
                return Err(ProofError::SignatureInvalid);
            }
        }
        let digest = Sha256::digest(&message).into();
        Ok(Checked { digest, partial: true, by_choice: by_choice(&mandatory, &chosen) })
    }

    fn sign(&self, input: SignInput<'_>) -> Result<String, ProofError> {
        let SignInput { document, options, previous, mandatory, signer, random } = input;
        self.accepts(signer.public_key().key_type())?;
        alone(&previous)?;
        let contexts = self.contexts.get();
        let document = unsecured(document, Vec::new()).into_owned();
        // Whoever is shown everything has as much to check.
        let work = Work::default();
        let proof_hash = self.proof_hash(&document, options, &work)?;
        let mut hmac_key = HmacKey::default();
        random(&mut hmac_key)?;
        let labelled = Labelled::new(&document, contexts, Labels::Hmac, &hmac_key, &work)?;
        let always = labelled.select(mandatory, contexts)?.indexes;
        let mandatory_hash = hash_lines(always.iter().map(|index| &labelled.lines[*index]));
        work.spend((1 + labelled.lines.len() - always.len()) * SIGNATURE)?;
        let key = fresh_key(random)?;
        let mut signatures = Vec::new();
        for (index, line) in labelled.lines.iter().enumerate() {
            if !always.contains(&index) {
                signatures.push(fixed(key.sign(line.as_bytes())?)?);
            }
        }
        let public_key = encoded(key.public_key())?;
        let message = base_message(&proof_hash, &public_key, &mandatory_hash);
        let proof = BaseProof {
            base_signature: fixed(signer.sign(&message)?)?,
            public_key,
            hmac_key,
            signatures,
            mandatory_pointers: mandatory.iter().map(|pointer| (*pointer).to_owned()).collect(),
        };
        Ok(proof.to_proof_value())
    }

    fn derive(&self, input: DeriveInput<'_>) -> Result<Object<'static>, ProofError> {
        let base = BaseProof::parse(input.proof.proof_value)?;
        let contexts = self.contexts.get();
        let document = unsecured(input.document, Vec::new()).into_owned();
        let work = Work::default();
        let labelled = Labelled::new(&document, contexts, Labels::Hmac, &base.hmac_key, &work)?;
        let mandatory: Vec<&str> = base.mandatory_pointers.iter().map(String::as_str).collect();
        let both = [&mandatory[..], input.reveal].concat();
        let always = labelled.select(&mandatory, contexts)?.indexes;
        let shown = labelled.select(&both, contexts)?;
        let optional = (0..labelled.lines.len()).filter(|index| !always.contains(index));
        if base.signatures.len() != optional.clone().count() {
            return Err(invalid("there is not one signature for each statement"));
        }
        let signatures = optional
            .zip(&base.signatures)
            .filter(|(index, _)| shown.indexes.contains(index))
            .map(|(_, signature)| *signature)
            .collect();
        let labels = labelled.label_map(&shown)?;
        let labels: Result<Vec<[u8; 32]>, ProofError> = labels.iter().map(|l| hmac_of(l)).collect();
        let derived = DerivedProof {
            base_signature: base.base_signature,
            public_key: base.public_key,
            signatures,
            labels: labels?,
            mandatory_indexes: relative_indexes(&always, &shown.indexes),
        };
        with_proof(&document, &both, input.proof, derived.to_proof_value())
    }
}

fn fixed(signature: Vec<u8>) -> Result<[u8; 64], ProofError> {
    let length = signature.len();
    signature
        .try_into()
        .map_err(|_| SignError(format!("the signer made a signature of {length} bytes")).into())
}

fn encoded(key: &PublicKey) -> Result<[u8; 35], ProofError> {
    let bytes = [&key.key_type().multicodec()[..], key.as_bytes()].concat();
    bytes.try_into().map_err(|_| invalid("the key for the proof is not one of P-256"))
}

/// The key that was made for the proof.
fn proof_key(bytes: &[u8; 35]) -> Result<VerifyingKey, ProofError> {
    let key = bytes
        .strip_prefix(&KeyType::P256.multicodec())
        .ok_or_else(|| invalid("the key of the proof is not one of P-256"))?;
    let key = PublicKey::from_bytes(KeyType::P256, key)?;
    VerifyingKey::new(key).ok_or_else(|| invalid("the key of the proof does not sign"))
}

fn hmac_of(label: &str) -> Result<[u8; 32], ProofError> {
    let bytes = bonafide_core::encoding::decode_multibase_base64url(label)?;
    bytes.try_into().map_err(|_| invalid("a label is not an HMAC"))
}
