//! bbs-2023 (Data Integrity BBS Cryptosuites, 3.3 and 3.4, the baseline): statements are signed
//! together, and a derived proof shows some of them without telling which signature they come
//! from.
//!
//! The scheme itself is zkryptium's. Deriving a proof draws its random scalars from the operating
//! system inside of that crate.

use bonafide_core::Malformed;
use bonafide_core::encoding::{decode_base58btc, encode_base58btc};
use bonafide_core::json::Object;
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_proof::data_integrity::{
    Checked, DeriveInput, Proof, ProofError, SignInput, Suite, VerifyInput, Work,
};
use bonafide_proof::{SignError, Signer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;
use zkryptium::bbsplus::ciphersuites::Bls12381Sha256;
use zkryptium::bbsplus::keys::{BBSplusPublicKey, BBSplusSecretKey};
use zkryptium::keys::pair::KeyPair;
use zkryptium::schemes::algorithms::BBSplus;
use zkryptium::schemes::generics::{PoKSignature, Signature};

use super::{configuration, hash, unsecured};
use crate::contexts::Contexts;
use crate::disclosure::cbor::{Reader, Writer, decode};
use crate::disclosure::{
    HmacKey, Labelled, Labels, alone, by_choice, check_indexes, hash_lines, invalid, relabelled,
    relative_indexes, split_at_indexes, with_proof,
};
use crate::rdf::HashAlgorithm;

type Scheme = BBSplus<Bls12381Sha256>;

const BASE: [u8; 3] = [0xd9, 0x5d, 0x02];
const DERIVED: [u8; 3] = [0xd9, 0x5d, 0x03];

/// A BBS proof: three points, three scalars and the challenge; each message that is not shown adds
/// a scalar of 32 bytes.
const SHORTEST_PROOF: usize = POINTS * G1 + 4 * 32;
const POINTS: usize = 3;
/// Length of a compressed point.
const G1: usize = 48;

/// What checking a proof costs, in microseconds: in any case, and for each message that was signed.
const PROOF: usize = 5_000;
const MESSAGE: usize = 450;

/// A BLS12-381 key that signs with BBS, wiped when dropped.
///
/// It has no `Debug` and can't be cloned or serialized:
///
/// ```compile_fail
/// fn print(key: &bonafide_linked_data::bbs::SecretKey) -> String { format!("{key:?}") }
/// ```
pub struct SecretKey {
    public: PublicKey,
    secret: Zeroizing<[u8; 32]>,
}

/// Multicodec of a BLS12-381 G2 secret key, as varint bytes.
const SECRET_MULTICODEC: [u8; 2] = [0x8a, 0x26];

impl SecretKey {
    /// A key from its scalar, 32 bytes, most significant first.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = || Malformed::new("secret key", "not a secret of BLS12-381 G2");
        let secret: [u8; 32] = bytes.try_into().map_err(|_| malformed())?;
        let secret = Zeroizing::new(secret);
        if secret.iter().all(|byte| *byte == 0) {
            return Err(malformed());
        }
        let key = BBSplusSecretKey::from_bytes(&secret[..]).map_err(|_| malformed())?;
        let public = PublicKey::from_bytes(KeyType::Bls12381G2, &key.public_key().to_bytes())?;
        Ok(Self { public, secret })
    }

    /// A key from at least 32 random bytes (BBS, `KeyGen`).
    pub fn generate(material: &[u8]) -> Result<Self, Malformed> {
        let pair = KeyPair::<Scheme>::generate(material, None, None)
            .map_err(|_| Malformed::new("key material", "expected at least 32 random bytes"))?;
        Self::from_bytes(&Zeroizing::new(pair.private_key().to_bytes())[..])
    }

    /// Reads the Multikey form, `z…` (Controlled Identifiers 1.0, 2.2.2).
    pub fn from_multikey(text: &str) -> Result<Self, Malformed> {
        let bytes = Zeroizing::new(decode_base58btc(text, 80)?);
        match bytes.strip_prefix(&SECRET_MULTICODEC) {
            Some(secret) => Self::from_bytes(secret),
            None => Err(Malformed::new("secret key", "not a secret Multikey of BLS12-381 G2")),
        }
    }

    /// The Multikey form. Whoever has this text has the key.
    pub fn to_multikey(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new([&SECRET_MULTICODEC[..], &self.secret[..]].concat());
        Zeroizing::new(encode_base58btc(&bytes))
    }
}

impl Signer for SecretKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignError> {
        Err(SignError("a BLS12-381 key signs with bbs-2023 alone".to_owned()))
    }

    fn sign_messages(&self, header: &[u8], messages: &[Vec<u8>]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError("BBS failed".to_owned());
        let secret = BBSplusSecretKey::from_bytes(&self.secret[..]).map_err(failed)?;
        let public = secret.public_key();
        let signature = Signature::<Scheme>::sign(Some(messages), &secret, &public, Some(header));
        Ok(signature.map_err(failed)?.to_bytes().to_vec())
    }
}

/// The suite.
pub struct Bbs2023 {
    contexts: fn() -> &'static Contexts,
}

/// What the issuer gives to the holder.
#[derive(Debug, PartialEq, Eq)]
pub struct BaseProof {
    /// The signature, 80 bytes.
    pub signature: [u8; 80],
    /// The hash of the proof options and the hash of what is always disclosed.
    pub header: [u8; 64],
    /// The issuer's key, 96 bytes.
    pub public_key: [u8; 96],
    /// What blank nodes are named with.
    pub hmac_key: HmacKey,
    /// Pointers to what is always disclosed.
    pub mandatory_pointers: Vec<String>,
}

impl BaseProof {
    /// Reads a `proofValue`.
    pub fn parse(proof_value: &str) -> Result<Self, ProofError> {
        let (header, bytes) = decode(proof_value)?;
        if header != BASE {
            return Err(invalid("expected a base proof of the baseline"));
        }
        let mut reader = Reader::array_of(&bytes, 5)?;
        let proof = Self {
            signature: reader.exactly()?,
            header: reader.exactly()?,
            public_key: reader.exactly()?,
            hmac_key: reader.exactly()?,
            mandatory_pointers: reader.texts()?,
        };
        reader.finish()?;
        if is_identity(&proof.signature) {
            return Err(invalid("not a BBS signature"));
        }
        Ok(proof)
    }

    /// The `proofValue`.
    pub fn to_proof_value(&self) -> String {
        let mut writer = Writer::array_of(BASE, 5);
        writer.bytes(&self.signature);
        writer.bytes(&self.header);
        writer.bytes(&self.public_key);
        writer.bytes(&self.hmac_key);
        writer.array(&self.mandatory_pointers, |writer, pointer| writer.text(pointer));
        writer.finish()
    }
}

/// What the holder shows.
#[derive(Debug, PartialEq, Eq)]
pub struct DerivedProof {
    /// The proof of knowledge of a signature.
    pub proof: Vec<u8>,
    /// The number in each blank node's name, in the order of the canonical names.
    pub labels: Vec<usize>,
    /// The places of what is always disclosed among the statements shown.
    pub mandatory_indexes: Vec<usize>,
    /// The places of what is shown by choice among the messages signed.
    pub selective_indexes: Vec<usize>,
    /// What the proof is bound to, against replay.
    pub presentation_header: Vec<u8>,
}

impl DerivedProof {
    /// Reads a `proofValue`.
    pub fn parse(proof_value: &str) -> Result<Self, ProofError> {
        let (header, bytes) = decode(proof_value)?;
        match header {
            DERIVED => {}
            BASE => return Err(ProofError::BaseProof),
            _ => return Err(invalid("expected a derived proof of the baseline")),
        }
        let mut reader = Reader::array_of(&bytes, 5)?;
        let proof = Self {
            proof: reader.bytes()?.to_vec(),
            labels: reader.numbered(Reader::label)?,
            mandatory_indexes: reader.numbers()?,
            selective_indexes: reader.numbers()?,
            presentation_header: reader.bytes()?.to_vec(),
        };
        reader.finish()?;
        Ok(proof)
    }

    /// How many messages the proof tells nothing of.
    fn hidden(&self) -> usize {
        self.proof.len().saturating_sub(SHORTEST_PROOF) / 32
    }

    /// The `proofValue`.
    pub fn to_proof_value(&self) -> String {
        let mut writer = Writer::array_of(DERIVED, 5);
        writer.bytes(&self.proof);
        writer.numbered(&self.labels, |writer, label| writer.number(*label));
        writer.array(&self.mandatory_indexes, |writer, index| writer.number(*index));
        writer.array(&self.selective_indexes, |writer, index| writer.number(*index));
        writer.bytes(&self.presentation_header);
        writer.finish()
    }
}

/// What a document and its derived proof come down to: what is left is the scheme itself.
#[doc(hidden)]
pub struct Opened {
    derived: DerivedProof,
    public: BBSplusPublicKey,
    header: [u8; 64],
    messages: Vec<Vec<u8>>,
    by_choice: Vec<&'static str>,
}

impl Opened {
    /// Whether the BBS proof is good.
    pub fn is_good(&self) -> bool {
        let derived = &self.derived;
        if !is_proof(&derived.proof) {
            return false;
        }
        let good = PoKSignature::<Scheme>::from_bytes(&derived.proof).and_then(|proof| {
            proof.proof_verify(
                &self.public,
                Some(&self.messages),
                Some(&derived.selective_indexes),
                Some(&self.header),
                Some(&derived.presentation_header),
            )
        });
        good.is_ok()
    }

    /// How many messages were signed, shown or not.
    pub fn message_count(&self) -> usize {
        self.messages.len() + self.derived.hidden()
    }
}

impl Bbs2023 {
    /// bbs-2023 with these contexts.
    pub const fn new(contexts: fn() -> &'static Contexts) -> Self {
        Self { contexts }
    }

    /// Reads a document and its derived proof; whether the proof is good is not known yet.
    #[doc(hidden)]
    pub fn open(
        &self,
        document: &Object<'_>,
        proof: &Proof<'_>,
        key: &PublicKey,
        work: &Work,
    ) -> Result<Opened, ProofError> {
        let derived = DerivedProof::parse(proof.proof_value)?;
        let document = unsecured(document, Vec::new());
        let labels: Vec<String> = derived.labels.iter().map(|label| format!("b{label}")).collect();
        let lines = relabelled(&document, (self.contexts)(), &labels, work)?;
        let (mandatory, chosen) = split_at_indexes(lines, &derived.mandatory_indexes)?;
        let header = self.header(&document, proof.object, hash_lines(&mandatory), work)?;

        let hidden = derived.hidden();
        if derived.proof.len() != SHORTEST_PROOF + 32 * hidden {
            return Err(invalid("the BBS proof has no length that such a proof can have"));
        }
        check_indexes(&derived.selective_indexes, chosen.len() + hidden)?;
        if derived.selective_indexes.len() != chosen.len() {
            return Err(invalid("there is not one index for each statement"));
        }
        work.spend(PROOF + (chosen.len() + hidden) * MESSAGE)?;
        let by_choice = by_choice(&mandatory, &chosen);
        let messages = chosen.into_iter().map(String::into_bytes).collect();
        let public = public_key(key.as_bytes())?;
        Ok(Opened { derived, public, header, messages, by_choice })
    }

    fn header(
        &self,
        document: &Object<'_>,
        options: &Object<'_>,
        mandatory_hash: [u8; 32],
        work: &Work,
    ) -> Result<[u8; 64], ProofError> {
        let options = configuration(options, document)?;
        let hashed = hash(&options, (self.contexts)(), HashAlgorithm::Sha256, work)?;
        let header = [&hashed[..], &mandatory_hash].concat();
        header.try_into().map_err(|_| invalid("the header is not two hashes"))
    }
}

impl Suite for Bbs2023 {
    fn name(&self) -> &'static str {
        "bbs-2023"
    }

    fn key_types(&self) -> &'static [KeyType] {
        &[KeyType::Bls12381G2]
    }

    fn is_selective(&self) -> bool {
        true
    }

    fn verify(&self, input: VerifyInput<'_>) -> Result<Checked, ProofError> {
        let VerifyInput { document, proof, previous, key, work, .. } = input;
        self.accepts(key.public_key().key_type())?;
        alone(&previous)?;
        let opened = self.open(document, proof, key.public_key(), work)?;
        if !opened.is_good() {
            return Err(ProofError::SignatureInvalid);
        }
        let digest = Sha256::digest(opened.header).into();
        Ok(Checked { digest, partial: true, by_choice: opened.by_choice })
    }

    fn sign(&self, input: SignInput<'_>) -> Result<String, ProofError> {
        let SignInput { document, options, previous, mandatory, signer, random } = input;
        self.accepts(signer.public_key().key_type())?;
        alone(&previous)?;
        let contexts = (self.contexts)();
        let document = unsecured(document, Vec::new()).into_owned();
        // Whoever checks a proof of it has as much to do.
        let work = Work::default();
        let mut hmac_key = HmacKey::default();
        random(&mut hmac_key)?;
        let labelled = Labelled::new(&document, contexts, Labels::Shuffled, &hmac_key, &work)?;
        let always = labelled.select(mandatory, contexts)?.indexes;
        let mandatory_hash = hash_lines(always.iter().map(|index| &labelled.lines[*index]));
        work.spend(PROOF + (labelled.lines.len() - always.len()) * MESSAGE)?;
        let header = self.header(&document, options, mandatory_hash, &work)?;
        let messages: Vec<Vec<u8>> = optional(&labelled, &always).map(|(_, line)| line).collect();
        let signature = signer.sign_messages(&header, &messages)?;
        let proof = BaseProof {
            signature: signature.try_into().map_err(|_| invalid("not a BBS signature"))?,
            header,
            public_key: signer
                .public_key()
                .as_bytes()
                .try_into()
                .map_err(|_| invalid("not a BLS12-381 key"))?,
            hmac_key,
            mandatory_pointers: mandatory.iter().map(|pointer| (*pointer).to_owned()).collect(),
        };
        Ok(proof.to_proof_value())
    }

    fn derive(&self, input: DeriveInput<'_>) -> Result<Object<'static>, ProofError> {
        let base = BaseProof::parse(input.proof.proof_value)?;
        let contexts = (self.contexts)();
        let document = unsecured(input.document, Vec::new()).into_owned();
        let work = Work::default();
        let labelled = Labelled::new(&document, contexts, Labels::Shuffled, &base.hmac_key, &work)?;
        let mandatory: Vec<&str> = base.mandatory_pointers.iter().map(String::as_str).collect();
        let both = [&mandatory[..], input.reveal].concat();
        let always = labelled.select(&mandatory, contexts)?.indexes;
        let shown = labelled.select(&both, contexts)?;
        let (places, messages): (Vec<usize>, Vec<Vec<u8>>) = optional(&labelled, &always).unzip();
        let selective_indexes: Vec<usize> =
            (0..places.len()).filter(|number| shown.indexes.contains(&places[*number])).collect();
        let proof = PoKSignature::<Scheme>::proof_gen(
            &public_key(&base.public_key)?,
            &base.signature,
            Some(&base.header),
            Some(input.presentation_header),
            Some(&messages),
            Some(&selective_indexes),
        )
        .map_err(|_| invalid("the base signature can't be read"))?;
        let labels: Option<Vec<usize>> = labelled
            .label_map(&shown)?
            .iter()
            .map(|label| label.strip_prefix('b')?.parse().ok())
            .collect();
        let derived = DerivedProof {
            proof: proof.to_bytes(),
            labels: labels.ok_or_else(|| invalid("a label is not a number"))?,
            mandatory_indexes: relative_indexes(&always, &shown.indexes),
            selective_indexes,
            presentation_header: input.presentation_header.to_vec(),
        };
        with_proof(&document, &both, input.proof, derived.to_proof_value())
    }
}

/// The statements that are not always shown, with their places.
fn optional<'l>(
    labelled: &'l Labelled,
    always: &'l std::collections::BTreeSet<usize>,
) -> impl Iterator<Item = (usize, Vec<u8>)> + 'l {
    let lines = labelled.lines.iter().enumerate();
    lines
        .filter(|(index, _)| !always.contains(index))
        .map(|(index, line)| (index, line.clone().into_bytes()))
}

/// Whether neither a point is the identity nor a scalar zero (`octets_to_proof` of the BBS draft).
/// The scheme's crate does not look, and with such a proof anybody would sign as anybody.
fn is_proof(bytes: &[u8]) -> bool {
    let Some((points, scalars)) = bytes.split_at_checked(POINTS * G1) else { return false };
    points.chunks(G1).all(|point| !is_identity(point))
        && scalars.chunks(32).all(|scalar| scalar.iter().any(|byte| *byte != 0))
}

/// Whether a compressed point is the identity, by its flag.
fn is_identity(point: &[u8]) -> bool {
    point.first().is_none_or(|byte| byte & 0x40 != 0)
}

fn public_key(bytes: &[u8]) -> Result<BBSplusPublicKey, ProofError> {
    if bytes.len() != 96 || is_identity(bytes) {
        return Err(invalid("not a BLS12-381 key"));
    }
    BBSplusPublicKey::from_bytes(bytes)
        .map_err(|_| Malformed::new("public key", "not a point of BLS12-381 G2").into())
}
