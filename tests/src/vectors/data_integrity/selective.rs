//! ecdsa-sd-2023 and bbs-2023 with every intermediate value.

use std::collections::BTreeSet;

use bonafide_core::did::Relationship;
use bonafide_core::encoding::{decode_base58btc, encode_base64url, hex};
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_linked_data::bbs;
use bonafide_linked_data::rdf::HashAlgorithm;
use bonafide_linked_data::steps::{
    BaseProof, BbsBaseProof, BbsDerivedProof, DerivedProof, Labelled, Labels, canonical,
    configuration, relabelled, select, unsecured,
};
use bonafide_proof::data_integrity::{
    DeriveInput, ProofError, ProofOptions, VerifyInput, Work, add_proof_with, proofs_of,
};
use bonafide_proof::{SecretKey, Signer, Unremembered};

use super::super::{Folder, unhex};
use super::{SUITES, WINDSURF, contexts, key_of, object, verify_all};

fn texts(value: &Value<'_>) -> Vec<String> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn numbers(value: &Value<'_>) -> Vec<usize> {
    let items = value.as_array().unwrap().iter();
    items.map(|item| usize::try_from(item.as_integer().unwrap()).unwrap()).collect()
}

fn text(value: &Value<'_>, member: &str) -> String {
    value.get(member).unwrap().as_str().unwrap().to_owned()
}

/// `{dataType: Map, value: [[key, value], …]}` or the bare list of pairs.
fn pairs<'v>(value: &'v Value<'static>) -> Vec<&'v [Value<'static>]> {
    let list = value.get("value").unwrap_or(value).as_array().unwrap();
    list.iter().map(|pair| pair.as_array().unwrap()).collect()
}

/// Statements with their places.
fn placed(value: &Value<'static>) -> Vec<(usize, String)> {
    let pair = |pair: &[Value<'static>]| {
        let index = usize::try_from(pair[0].as_integer().unwrap()).unwrap();
        (index, pair[1].as_str().unwrap().to_owned())
    };
    pairs(value).into_iter().map(pair).collect()
}

fn placed_at(lines: &[String], indexes: &BTreeSet<usize>, inside: bool) -> Vec<(usize, String)> {
    let all = lines.iter().cloned().enumerate();
    all.filter(|(index, _)| indexes.contains(index) == inside).collect()
}

/// The label of each canonical name, in order.
fn label_map(value: &Value<'static>) -> Vec<String> {
    let mut map: Vec<(usize, String)> = pairs(value)
        .into_iter()
        .map(|pair| {
            let number = pair[0].as_str().unwrap().strip_prefix("c14n").unwrap();
            (number.parse().unwrap(), pair[1].as_str().unwrap().to_owned())
        })
        .collect();
    map.sort();
    map.into_iter().map(|(_, label)| label).collect()
}

/// Where the document brings a context of its own, the URL that stands for it.
fn pinned(document: Value<'static>) -> Value<'static> {
    let Value::Object(mut document) = document else { return document };
    if let Some(Value::Array(context)) = document.get_mut("@context") {
        for part in context.iter_mut().filter(|part| part.as_object().is_some()) {
            assert_eq!(
                part.get("@vocab").and_then(Value::as_str),
                Some("https://windsurf.grotto-networking.com/selective#")
            );
            *part = WINDSURF.into();
        }
    }
    document.into()
}

/// One published example.
struct Example {
    unsigned: Object<'static>,
    base: Value<'static>,
    revealed: Value<'static>,
    mandatory: Vec<String>,
    selective: Vec<String>,
    hmac_key: [u8; 32],
    proof_hash: [u8; 32],
    mandatory_hash: [u8; 32],
    labelled: Labelled,
}

impl Example {
    /// Reads an example and checks what both suites do alike.
    fn open(folder: &mut Folder, path: &str, files: [&str; 3], labels: Labels) -> Self {
        let [unsigned, mandatory, selective] =
            files.map(|name| pinned(folder.json(&format!("{name}.json"))));
        let mut unsigned = object(unsigned);
        if path.ends_with("prc/") {
            // The steps were made with another wording than the document beside them.
            unsigned.insert("description", "Permanent Resident Card from Government of Utopia.");
        }
        let (mandatory, selective) = (texts(&mandatory), texts(&selective));
        let mut file = |name: &str| pinned(folder.json(&format!("{path}{name}.json")));
        let transform = file("addBaseTransform");
        assert_eq!(texts(transform.get("mandatoryPointers").unwrap()), mandatory);
        let hmac_key: [u8; 32] = unhex(&text(&transform, "hmacKeyString")).try_into().unwrap();

        let form =
            canonical(&unsigned, contexts(), HashAlgorithm::Sha256, &Work::default()).unwrap();
        assert_eq!(form.lines, texts(&file("addBaseDocCanon")));
        let labelled =
            Labelled::new(&unsigned, contexts(), labels, &hmac_key, &Work::default()).unwrap();
        assert_eq!(labelled.lines, texts(&file("addBaseDocHMACCanon")));
        let pointers: Vec<&str> = mandatory.iter().map(String::as_str).collect();
        let always = labelled.select(&pointers, contexts()).unwrap().indexes;
        let inside = placed_at(&labelled.lines, &always, true);
        assert_eq!(inside, placed(transform.get("mandatory").unwrap()));
        let outside = placed_at(&labelled.lines, &always, false);
        assert_eq!(outside, placed(transform.get("nonMandatory").unwrap()));

        let hashes = file("addHashData");
        let hash = |name| <[u8; 32]>::try_from(unhex(&text(&hashes, name))).unwrap();
        let (proof_hash, mandatory_hash) = (hash("proofHash"), hash("mandatoryHash"));
        let lines: String = inside.into_iter().map(|(_, line)| line).collect();
        assert_eq!(HashAlgorithm::Sha256.digest(lines.as_bytes()), mandatory_hash);
        let base = file("addSignedSDBase");
        let revealed = file("derivedRevealDocument");
        let shown = file("derivedUnsignedReveal");
        let values = file("addPointerValues");
        let groups = file("derivedGroupIndexes");
        let whole: Value<'static> = unsigned.clone().into();
        for value in values.as_array().unwrap() {
            // Some of these pointers are older than the document around them.
            let pointer = text(value, "pointer");
            let found = whole.pointer(&pointer);
            let found = found.or_else(|| whole.pointer(&format!("/credentialSubject{pointer}")));
            assert_eq!(found, value.get("value"), "{pointer}");
        }

        let options = object(folder.json(&format!("{path}addProofConfig.json")));
        let options = {
            let mut options = options;
            options.remove("@context");
            configuration(&options, &unsigned).unwrap()
        };
        let form = canonical(&options, contexts(), HashAlgorithm::Sha256, &Work::default())
            .unwrap()
            .lines
            .concat();
        assert_eq!(form, folder.text(&format!("{path}addProofConfigCanon.txt")));
        assert_eq!(HashAlgorithm::Sha256.digest(form.as_bytes()), proof_hash);

        let example = Self {
            unsigned,
            base,
            revealed,
            mandatory,
            selective,
            hmac_key,
            proof_hash,
            mandatory_hash,
            labelled,
        };
        let pointers: Vec<&str> = example.mandatory.iter().map(String::as_str).collect();
        let both = example.both();
        let selected = select(&example.unsigned.clone().into(), &both).unwrap().unwrap();
        assert_eq!(Value::Object(selected), shown);
        let indexes = |pointers: &[&str]| -> Vec<usize> {
            let selection = example.labelled.select(pointers, contexts()).unwrap();
            selection.indexes.into_iter().collect()
        };
        assert_eq!(indexes(&both), numbers(groups.get("combinedIndexes").unwrap()));
        assert_eq!(indexes(&pointers), numbers(groups.get("mandatoryIndexes").unwrap()));
        let selective: Vec<&str> = example.selective.iter().map(String::as_str).collect();
        assert_eq!(indexes(&selective), numbers(groups.get("selectiveIndexes").unwrap()));
        let all: BTreeSet<usize> = indexes(&pointers).into_iter().collect();
        let others: Vec<usize> =
            (0..example.labelled.lines.len()).filter(|index| !all.contains(index)).collect();
        assert_eq!(others, numbers(groups.get("nonMandatoryIndexes").unwrap()));
        example
    }

    fn both(&self) -> Vec<&str> {
        self.mandatory.iter().chain(&self.selective).map(String::as_str).collect()
    }

    /// `derivedAllGroupData`, where it is published.
    fn groups(&self, folder: &mut Folder, path: &str) {
        let data = folder.json(&format!("{path}derivedAllGroupData.json"));
        assert_eq!(texts(data.get("nquads").unwrap()), self.labelled.lines);
        let mandatory: Vec<&str> = self.mandatory.iter().map(String::as_str).collect();
        let selective: Vec<&str> = self.selective.iter().map(String::as_str).collect();
        let groups =
            [("mandatory", mandatory), ("selective", selective), ("combined", self.both())];
        for (name, pointers) in groups {
            let group = data.pointer(&format!("/groups/{name}")).unwrap();
            let indexes = self.labelled.select(&pointers, contexts()).unwrap().indexes;
            let lines = &self.labelled.lines;
            assert_eq!(placed_at(lines, &indexes, true), placed(group.get("matching").unwrap()));
            let others = placed(group.get("nonMatching").unwrap());
            assert_eq!(placed_at(lines, &indexes, false), others);
        }
    }

    /// Signs the document anew with the published keys.
    fn sign(&self, signer: &dyn Signer, random: &[&[u8]]) -> Value<'static> {
        let published = self.base.as_object().unwrap();
        let proof = &proofs_of(published).unwrap()[0];
        let pointers: Vec<&str> = self.mandatory.iter().map(String::as_str).collect();
        let options = ProofOptions {
            created: proof.created,
            mandatory: &pointers,
            ..ProofOptions::new(proof.verification_method, Relationship::AssertionMethod)
        };
        let mut draws = random.iter();
        let mut random = |bytes: &mut [u8]| {
            bytes.copy_from_slice(draws.next().unwrap());
            Ok(())
        };
        let suite = SUITES.by_name(proof.cryptosuite).unwrap();
        let unsigned = self.unsigned.clone().into();
        add_proof_with(unsigned, &options, suite, signer, &mut random).unwrap()
    }

    fn derive(&self, base: &Value<'static>, header: &[u8]) -> Result<Value<'static>, ProofError> {
        let document = base.as_object().unwrap();
        let proof = &proofs_of(document)?[0];
        let reveal: Vec<&str> = self.selective.iter().map(String::as_str).collect();
        let input = DeriveInput { document, proof, reveal: &reveal, presentation_header: header };
        SUITES.of_proof(proof)?.derive(input).map(Value::from)
    }
}

fn proof_value(document: &Value<'static>) -> String {
    document.pointer("/proof/proofValue").unwrap().as_str().unwrap().to_owned()
}

pub(super) fn ecdsa_sd(folder: &mut Folder) {
    let keys = folder.json("ecdsa-sd-2023/SDKeyMaterial.json");
    let secret = |pair: &str| {
        let text = keys.pointer(&format!("/{pair}/secretKeyMultibase")).unwrap().as_str().unwrap();
        let bytes = decode_base58btc(text, 80).unwrap();
        (SecretKey::from_multikey(text).unwrap(), bytes[2..].to_vec())
    };
    let (issuer, _) = secret("baseKeyPair");
    let (proof_key, proof_secret) = secret("proofKeyPair");
    let cases = [
        ("employ", ["employmentAuth", "employMandatory", "employSelective"]),
        ("prc", ["prCredUnsigned", "prCredMandatory", "prCredSelective"]),
    ];
    for (name, files) in cases {
        let path = format!("ecdsa-sd-2023/{name}/");
        let example = Example::open(folder, &path, files, Labels::Hmac);
        example.groups(folder, &path);
        let mut file = |name: &str| folder.json(&format!("{path}{name}.json"));

        // The base proof, part by part.
        let base = BaseProof::parse(&proof_value(&example.base)).unwrap();
        assert_eq!(base.to_proof_value(), proof_value(&example.base));
        let raw = file("addRawBaseSignatureInfo");
        assert_eq!(hex(&base.base_signature), text(&raw, "baseSignature"));
        let multikey = proof_key.public_key().to_multikey();
        assert_eq!(multikey, text(&raw, "publicKey"));
        assert_eq!(decode_base58btc(&multikey, 80).unwrap(), base.public_key);
        let signatures: Vec<String> = base.signatures.iter().map(|bytes| hex(bytes)).collect();
        assert_eq!(signatures, texts(raw.get("signatures").unwrap()));
        assert_eq!(base.mandatory_pointers, example.mandatory);
        let recovered = file("derivedRecoveredBaseData");
        assert_eq!(hex(&base.hmac_key), text(&recovered, "hmacKey").to_lowercase());
        assert_eq!(base.hmac_key, example.hmac_key);
        for member in ["baseSignature", "signatures", "mandatoryPointers"] {
            assert_eq!(recovered.get(member), raw.get(member));
        }
        assert_eq!(text(&recovered, "proofPublicKey"), multikey);
        let message = [&example.proof_hash[..], &base.public_key, &example.mandatory_hash].concat();
        let key = bonafide_proof::VerifyingKey::new(issuer.public_key().clone()).unwrap();
        assert!(key.verify(&message, &base.base_signature));

        // Ours differs from it in nothing but the signatures, which need not be RFC 6979's there.
        let ours = example.sign(&issuer, &[&example.hmac_key, &proof_secret]);
        let our_base = BaseProof::parse(&proof_value(&ours)).unwrap();
        assert_eq!(our_base.public_key, base.public_key);
        assert_eq!(our_base.hmac_key, base.hmac_key);
        assert_eq!(our_base.mandatory_pointers, base.mandatory_pointers);
        assert_eq!(our_base.signatures.len(), base.signatures.len());
        verify_all(&example.derive(&ours, b"").unwrap(), SUITES, &Unremembered).unwrap();

        // Deriving is deterministic: the published document comes out.
        let derived = example.derive(&example.base, b"").unwrap();
        assert_eq!(derived, example.revealed);
        let parts = DerivedProof::parse(&proof_value(&derived)).unwrap();
        assert_eq!(parts.to_proof_value(), proof_value(&example.revealed));
        let shown = file("derivedDisclosureData");
        let adjusted = file("derivedAdjMandatoryIndexes");
        assert_eq!(parts.mandatory_indexes, numbers(adjusted.get("adjMandatoryIndexes").unwrap()));
        assert_eq!(parts.mandatory_indexes, numbers(shown.get("mandatoryIndexes").unwrap()));
        let signatures: Vec<String> = parts.signatures.iter().map(|bytes| hex(bytes)).collect();
        assert_eq!(signatures, texts(shown.get("signatures").unwrap()));
        let adjusted = file("derivedAdjSignatures");
        assert_eq!(adjusted.get("filteredSignatures"), shown.get("signatures"));
        let places = numbers(adjusted.get("adjSignatureIndexes").unwrap());
        let kept: Vec<_> = places.iter().map(|index| base.signatures[*index]).collect();
        assert_eq!(kept, parts.signatures);
        let labels: Vec<String> =
            parts.labels.iter().map(|label| format!("u{}", encode_base64url(label))).collect();
        assert_eq!(labels, label_map(shown.get("labelMap").unwrap()));

        // And the way back.
        let verified = file("verifyDerivedProofValue");
        assert_eq!(labels, label_map(verified.get("labelMap").unwrap()));
        for member in ["baseSignature", "publicKey", "signatures", "mandatoryIndexes"] {
            assert_eq!(verified.get(member), shown.get(member), "{member}");
        }
        let document = unsecured(derived.as_object().unwrap(), Vec::new());
        let lines = relabelled(&document, contexts(), &labels, &Work::default()).unwrap();
        assert_eq!(lines, texts(&file("verifyNQuads")));
        let data = file("verifyCreateVerifyData");
        assert_eq!(text(&data, "proofHash"), hex(&example.proof_hash));
        assert_eq!(text(&data, "mandatoryHash"), hex(&example.mandatory_hash));
        let optional: Vec<String> = lines
            .iter()
            .enumerate()
            .filter(|(index, _)| !parts.mandatory_indexes.contains(index))
            .map(|(_, line)| line.clone())
            .collect();
        assert_eq!(optional, texts(data.get("nonMandatory").unwrap()));
        verify_all(&derived, SUITES, &Unremembered).unwrap();
        let refused = verify_all(&example.base, SUITES, &Unremembered);
        assert_eq!(refused, Err(ProofError::BaseProof));
    }
}

pub(super) fn bbs(folder: &mut Folder) {
    let keys = folder.json("BBSKeyMaterial.json");
    let derive = folder.json("BBSDeriveMaterial.json");
    let header = unhex(&text(&derive, "presentationHeaderHex"));
    let issuer = bbs::SecretKey::from_bytes(&unhex(&text(&keys, "privateKeyHex"))).unwrap();
    assert_eq!(hex(issuer.public_key().as_bytes()), text(&keys, "publicKeyHex"));
    assert_eq!(issuer.public_key().key_type(), KeyType::Bls12381G2);

    let cases = [
        ("", ["windDoc", "windMandatory", "windSelective"]),
        ("prc/", ["prCredUnsigned", "prCredMandatory", "prCredSelective"]),
    ];
    for (path, files) in cases {
        let example = Example::open(folder, path, files, Labels::Shuffled);
        let mut file = |name: &str| folder.json(&format!("{path}{name}.json"));

        let base = BbsBaseProof::parse(&proof_value(&example.base)).unwrap();
        assert_eq!(base.to_proof_value(), proof_value(&example.base));
        let raw = file("addRawBaseSignatureInfo");
        assert_eq!(hex(&base.signature), text(&raw, "bbsSignature"));
        assert_eq!(base.header, [example.proof_hash, example.mandatory_hash].concat()[..]);
        assert_eq!(base.public_key, issuer.public_key().as_bytes());
        assert_eq!(base.mandatory_pointers, example.mandatory);
        let recovered = file("derivedRecoveredBaseData");
        assert_eq!(hex(&base.hmac_key), text(&recovered, "hmacKey").to_lowercase());
        assert_eq!(recovered.get("bbsSignature"), raw.get("bbsSignature"));
        assert_eq!(recovered.get("mandatoryPointers"), raw.get("mandatoryPointers"));
        // Signing is deterministic.
        let ours = example.sign(&issuer, &[&example.hmac_key]);
        assert_eq!(proof_value(&ours), proof_value(&example.base));

        // Deriving draws random scalars: everything but the proof itself is as published.
        let derived = example.derive(&example.base, &header).unwrap();
        let parts = BbsDerivedProof::parse(&proof_value(&derived)).unwrap();
        let published = BbsDerivedProof::parse(&proof_value(&example.revealed)).unwrap();
        assert_eq!(published.to_proof_value(), proof_value(&example.revealed));
        assert_eq!(parts.proof.len(), published.proof.len());
        assert_ne!(parts.proof, published.proof);
        let with = |mut parts: BbsDerivedProof| {
            parts.proof = Vec::new();
            parts
        };
        let adjusted = file("derivedAdjIndexes");
        let shown = file("derivedDisclosureData");
        assert_eq!(hex(&published.proof), text(&shown, "bbsProof"));
        let labels: Vec<String> = parts.labels.iter().map(|label| format!("b{label}")).collect();
        assert_eq!(labels, label_map(shown.get("labelMap").unwrap()));
        for value in [&adjusted, &shown] {
            let selective = numbers(value.get("adjSelectiveIndexes").unwrap());
            assert_eq!(parts.selective_indexes, selective);
        }
        assert_eq!(parts.mandatory_indexes, numbers(adjusted.get("adjMandatoryIndexes").unwrap()));
        assert_eq!(parts.mandatory_indexes, numbers(shown.get("mandatoryIndexes").unwrap()));
        assert_eq!(parts.presentation_header, header);
        assert_eq!(with(parts), with(published));

        verify_all(&example.revealed, SUITES, &Unremembered).unwrap();
        verify_all(&derived, SUITES, &Unremembered).unwrap();
        let refused = verify_all(&example.base, SUITES, &Unremembered);
        assert_eq!(refused, Err(ProofError::BaseProof));
        if path == "prc/" {
            example.groups(folder, path);
            let document = unsecured(derived.as_object().unwrap(), Vec::new());
            let lines = relabelled(&document, contexts(), &labels, &Work::default()).unwrap();
            let mut file = |name: &str| folder.json(&format!("{path}{name}.json"));
            assert_eq!(lines, texts(&file("verifyNQuads")));
            let verified = file("verifyDerivedProofValue");
            assert_eq!(label_map(verified.get("labelMap").unwrap()), labels);
            assert_eq!(verified.get("bbsProof"), shown.get("bbsProof"));
        }
    }
    other_features(folder);
}

/// Holder binding and pseudonyms are features of bbs-2023 that are not spoken here: their proofs
/// are refused, and nothing else of these folders is used.
fn other_features(folder: &mut Folder) {
    let features = ["HolderBinding/", "Pseudonym/", "PseudonymHB/", "FeatureInputs/"];
    for feature in features {
        for path in folder.below(feature) {
            let text = folder.text(&path);
            if !path.ends_with("addSignedSDBase.json")
                && !path.ends_with("derivedRevealDocument.json")
            {
                continue;
            }
            let document = bonafide_testkit::json(&text);
            let object = document.as_object().unwrap();
            let proof = &proofs_of(object).unwrap()[0];
            let key = key_of(proof.verification_method);
            let input = VerifyInput {
                document: object,
                proof,
                previous: Vec::new(),
                key: &key,
                check: &Unremembered,
                work: &Work::default(),
            };
            let refused = SUITES.of_proof(proof).unwrap().verify(input).unwrap_err();
            assert!(matches!(refused, ProofError::DisclosureInvalid { .. }), "{path}: {refused:?}");
        }
    }
}
