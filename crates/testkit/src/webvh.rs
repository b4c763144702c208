//! did:webvh DIDs of our own, with every key derived from a name.

use bonafide_core::did::Relationship;
use bonafide_core::encoding::encode_base58btc;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_proof::{SecretKey, Signer};
use sha2::{Digest, Sha256};

use crate::{at, did_key_of, json};

/// A did:webvh log as its controller writes it. It signs what it is given, sound or not.
#[derive(Clone, Debug)]
pub struct WebvhLog {
    did: String,
    entries: Vec<Value<'static>>,
}

impl WebvhLog {
    /// The first entry, at `place` (`example.com:agents:a`), signed by `signer`, whose key is the
    /// one update key and the one key of the document.
    ///
    /// `parameters` is a JSON object of further parameters; what it gives goes before what is set
    /// here. `{SCID}` in it, or in `state` if there is one, becomes the SCID.
    ///
    /// # Panics
    /// If `parameters` is not JSON, or `time` not a date-time.
    pub fn create(
        place: &str,
        signer: &SecretKey,
        time: &str,
        parameters: &str,
        state: Option<Value<'static>>,
    ) -> Self {
        let did = format!("did:webvh:{{SCID}}:{place}");
        let mut all = Object::from([
            ("method", Value::from("did:webvh:1.0")),
            ("scid", "{SCID}".into()),
            ("updateKeys", vec![multikey(signer)].into()),
        ]);
        for (name, value) in json(parameters).as_object().expect("an object").iter() {
            all.insert(name.to_owned(), value.clone());
        }
        let state = state.unwrap_or_else(|| webvh_document(&did, signer));
        let preliminary = to_canonical_string(&entry("{SCID}", time, all.into(), state));
        let scid = multihash(preliminary.as_bytes());
        // The versionId of the preliminary entry becomes the SCID too, as the hash wants it.
        let replaced = json(&preliminary.replace("{SCID}", &scid));
        let mut log = Self { did: did.replace("{SCID}", &scid), entries: Vec::new() };
        log.push(replaced, signer, time);
        log
    }

    /// Appends an entry with these parameters and this document, signed by `signer`.
    ///
    /// # Panics
    /// If `parameters` is not JSON, or `time` not a date-time.
    pub fn append(
        &mut self,
        signer: &SecretKey,
        time: &str,
        parameters: &str,
        state: Value<'static>,
    ) {
        let previous = self.version_id(self.entries.len());
        self.push(entry(&previous, time, json(parameters), state), signer, time);
    }

    /// Appends an entry that changes parameters alone.
    ///
    /// # Panics
    /// If `parameters` is not JSON, or `time` not a date-time.
    pub fn update(&mut self, signer: &SecretKey, time: &str, parameters: &str) {
        let state = self.entries.last().and_then(|last| last.get("state"));
        let state = state.expect("a document").clone();
        self.append(signer, time, parameters, state);
    }

    /// Puts number, hash and proof on an entry whose versionId is that of its predecessor.
    fn push(&mut self, entry: Value<'static>, signer: &SecretKey, time: &str) {
        let hash = multihash(to_canonical_string(&entry).as_bytes());
        let Value::Object(mut entry) = entry else { unreachable!("an entry is an object") };
        entry.insert("versionId", format!("{}-{hash}", self.entries.len() + 1));
        self.entries.push(signed(entry, signer, time).into());
    }

    /// The DID of the first entry.
    pub fn did(&self) -> &str {
        &self.did
    }

    /// The versionId of version `number`, from 1.
    ///
    /// # Panics
    /// If there is no such version.
    pub fn version_id(&self, number: usize) -> String {
        self.entries[number - 1].get("versionId").and_then(Value::as_str).expect("an id").to_owned()
    }

    /// `did.jsonl`.
    pub fn jsonl(&self) -> String {
        self.entries.iter().map(|entry| to_canonical_string(entry) + "\n").collect()
    }
}

/// `did-witness.json`: for each versionId the witnesses that approve it.
pub fn webvh_witness_file(approvals: &[(&str, &[&SecretKey])], time: &str) -> String {
    let items: Vec<Value<'static>> = approvals
        .iter()
        .map(|(version_id, witnesses)| {
            let statement = Object::from([("versionId", (*version_id).to_owned())]);
            let proofs: Vec<Value<'static>> = witnesses
                .iter()
                .flat_map(|witness| {
                    match signed(statement.clone(), witness, time).remove("proof") {
                        Some(Value::Array(proofs)) => proofs,
                        _ => Vec::new(),
                    }
                })
                .collect();
            let mut item = statement;
            item.insert("proof", Value::Array(proofs));
            item.into()
        })
        .collect();
    to_canonical_string(&Value::Array(items))
}

/// A document with one key, `#key-1`, for authentication and claims.
pub fn webvh_document(did: &str, key: &SecretKey) -> Value<'static> {
    let id = format!("{did}#key-1");
    let method = Object::from([
        ("id", Value::from(id.clone())),
        ("type", "Multikey".into()),
        ("controller", did.to_owned().into()),
        ("publicKeyMultibase", multikey(key).into()),
    ]);
    Object::from([
        ("@context", Value::from(vec!["https://www.w3.org/ns/cid/v1"])),
        ("id", did.to_owned().into()),
        ("verificationMethod", vec![method].into()),
        ("authentication", vec![id.clone()].into()),
        ("assertionMethod", vec![id].into()),
    ])
    .into()
}

/// The Multikey of a key.
pub fn multikey(key: &SecretKey) -> String {
    key.public_key().to_multikey()
}

/// What `nextKeyHashes` holds for a key.
pub fn webvh_key_hash(key: &SecretKey) -> String {
    multihash(multikey(key).as_bytes())
}

fn entry(
    version_id: &str,
    time: &str,
    parameters: Value<'static>,
    state: Value<'static>,
) -> Value<'static> {
    Object::from([
        ("versionId", Value::from(version_id.to_owned())),
        ("versionTime", time.to_owned().into()),
        ("parameters", parameters),
        ("state", state),
    ])
    .into()
}

/// The object with one proof, in a list as did:webvh has it.
fn signed(object: Object<'static>, signer: &SecretKey, time: &str) -> Object<'static> {
    let (_, method) = did_key_of(signer);
    let options = ProofOptions {
        created: Some(at(time)),
        ..ProofOptions::new(&method, Relationship::AssertionMethod)
    };
    let suite = Suites::JCS.for_key(KeyType::Ed25519).expect("a suite for Ed25519");
    let secured = add_proof(object.into(), &options, suite, signer).expect("an Ed25519 key");
    let Value::Object(mut secured) = secured else { unreachable!("an object was given") };
    let proof = secured.remove("proof").expect("a proof was added");
    secured.insert("proof", vec![proof]);
    secured
}

fn multihash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    encode_base58btc(&[&[0x12, 0x20], &digest[..]].concat()).split_off(1)
}
