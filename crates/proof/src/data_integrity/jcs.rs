//! eddsa-jcs-2022 (EdDSA Cryptosuites 1.0, 3.3) and ecdsa-jcs-2019 (ECDSA Cryptosuites 1.0, 3.3):
//! the signed bytes are the hash of the canonical proof options and the hash of the canonical
//! document, one after the other.

use bonafide_core::encoding::{decode_base58btc, encode_base58btc};
use bonafide_core::json::{Object, Sink, Value, canonical_members};
use bonafide_core::key::KeyType;
use sha2::{Digest, Sha256, Sha384};

use super::{Checked, ProofError, SignInput, Suite, VerifyInput};

pub(super) struct JcsSuite {
    name: &'static str,
    key_types: &'static [KeyType],
}

pub(super) static EDDSA_JCS_2022: JcsSuite =
    JcsSuite { name: "eddsa-jcs-2022", key_types: &[KeyType::Ed25519] };

pub(super) static ECDSA_JCS_2019: JcsSuite =
    JcsSuite { name: "ecdsa-jcs-2019", key_types: &[KeyType::P256, KeyType::P384] };

/// The longest signature is 96 bytes: at most 132 characters of base58btc and its `z`.
const LONGEST_PROOF_VALUE: usize = 133;

impl Suite for JcsSuite {
    fn name(&self) -> &'static str {
        self.name
    }

    fn key_types(&self) -> &'static [KeyType] {
        self.key_types
    }

    fn carries_context(&self) -> bool {
        true
    }

    fn verify(&self, input: VerifyInput<'_>) -> Result<Checked, ProofError> {
        let key_type = input.key.public_key().key_type();
        self.accepts(key_type)?;
        let VerifyInput { document, proof, previous, key, check, .. } = input;
        let signature = decode_base58btc(proof.proof_value, LONGEST_PROOF_VALUE)
            .map_err(|error| error.within("proof", "/proofValue"))?;
        if key.algorithm().is_none_or(|known| known.signature_length != signature.len()) {
            return Err(ProofError::SignatureInvalid);
        }
        // The proof was made over its own context; the document may only have added to it.
        let context = proof.object.get("@context");
        if !context.is_none_or(|signed| starts_with(document.get("@context"), signed)) {
            return Err(ProofError::ContextMismatch);
        }
        let options = proof.object.iter().filter(|(name, _)| *name != "proofValue");
        let as_signed = AsSigned { document, context, previous: chained(previous) };
        let signed = as_signed.hash(options, key_type);
        if !check.is_good(key, &signed, &signature) {
            return Err(ProofError::SignatureInvalid);
        }
        // Where the document was hashed alone with SHA-256, that is its digest.
        let digest = match signed.last_chunk::<32>() {
            Some(digest) if key_type != KeyType::P384 && as_signed.previous.is_none() => *digest,
            _ => digest_under(document, context),
        };
        Ok(Checked { digest, partial: false, by_choice: Vec::new() })
    }

    fn sign(&self, input: SignInput<'_>) -> Result<String, ProofError> {
        let SignInput { document, options, previous, signer, .. } = input;
        let key_type = signer.public_key().key_type();
        self.accepts(key_type)?;
        let as_signed = AsSigned { document, context: None, previous: chained(previous) };
        let signed = as_signed.hash(options.iter(), key_type);
        Ok(encode_base58btc(&signer.sign(&signed)?))
    }
}

/// The previous proofs as they stand in the document that is hashed.
fn chained(previous: Vec<Value<'_>>) -> Option<Value<'_>> {
    (!previous.is_empty()).then_some(Value::Array(previous))
}

/// A document as it is hashed: without its proofs but for those that the proof builds on, under
/// the context that was signed.
struct AsSigned<'s, 'a> {
    document: &'s Object<'a>,
    context: Option<&'s Value<'a>>,
    previous: Option<Value<'a>>,
}

impl<'a> AsSigned<'_, 'a> {
    /// The bytes to sign.
    fn hash<'o>(
        &self,
        options: impl Iterator<Item = (&'o str, &'o Value<'a>)>,
        key_type: KeyType,
    ) -> Vec<u8>
    where
        'a: 'o,
    {
        match key_type {
            KeyType::P384 => self.concatenated::<Sha384>(options),
            _ => self.concatenated::<Sha256>(options),
        }
    }

    fn concatenated<'o, D: Digest>(
        &self,
        options: impl Iterator<Item = (&'o str, &'o Value<'a>)>,
    ) -> Vec<u8>
    where
        'a: 'o,
    {
        let mut hasher = HashSink::<D>::new();
        canonical_members(options, &mut hasher);
        let mut signed = hasher.finish();
        let members = self.document.iter().filter_map(|(name, value)| match name {
            "proof" => self.previous.as_ref().map(|previous| (name, previous)),
            "@context" => Some((name, self.context.unwrap_or(value))),
            _ => Some((name, value)),
        });
        let mut hasher = HashSink::<D>::new();
        canonical_members(members, &mut hasher);
        signed.extend(hasher.finish());
        signed
    }
}

/// SHA-256 of the document's canonical form without its proofs: the digest by which a credential
/// is known. It stays the same when a proof is made again.
pub fn document_digest(document: &Object<'_>) -> [u8; 32] {
    digest_under(document, None)
}

/// The digest under the context that was signed, so that adding to the context changes nothing.
fn digest_under(document: &Object<'_>, context: Option<&Value<'_>>) -> [u8; 32] {
    let alone = AsSigned { document, context, previous: None };
    let digest = alone.concatenated::<Sha256>(std::iter::empty());
    digest.last_chunk().copied().unwrap_or_default()
}

/// Whether `whole`, one or more contexts, starts with `start`.
fn starts_with(whole: Option<&Value<'_>>, start: &Value<'_>) -> bool {
    let whole = whole.map(Value::one_or_more).unwrap_or_default();
    let start = start.one_or_more();
    !start.is_empty() && whole.starts_with(start)
}

/// Hashes what is written, gathering small pieces first.
struct HashSink<D> {
    digest: D,
    gathered: [u8; 1024],
    filled: usize,
}

impl<D: Digest> HashSink<D> {
    fn new() -> Self {
        Self { digest: D::new(), gathered: [0; 1024], filled: 0 }
    }

    fn flush(&mut self) {
        self.digest.update(&self.gathered[..self.filled]);
        self.filled = 0;
    }

    fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.digest.finalize().to_vec()
    }
}

impl<D: Digest> Sink for HashSink<D> {
    fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > self.gathered.len() - self.filled {
            self.flush();
            if bytes.len() > self.gathered.len() {
                self.digest.update(bytes);
                return;
            }
        }
        self.gathered[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }
}
