//! ecdsa-sd-2023 and bbs-2023: the most statements, and CBOR that promises more than it holds.

use bonafide_core::encoding::encode_multibase_base64url;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_linked_data::steps::{BbsDerivedProof, DerivedProof};
use bonafide_testkit::{
    AUDIENCE, Attested, Format, NONCE, derive, json, present, scene, secure, secure_base,
};

use crate::Inputs;

/// About as many statements shown by choice as one verdict may check.
const STATEMENTS: usize = 370;

/// The same with BBS.
const MESSAGES: usize = 150;

/// As many bytes of CBOR as a proof value can hold.
const CBOR: usize = 380_000;

/// The object that is the member `name`.
fn inside<'v>(document: &'v mut Value<'static>, name: &str) -> &'v mut Object<'static> {
    let Value::Object(document) = document else { panic!("not an object") };
    match document.get_mut(name) {
        Some(Value::Object(inside)) => inside,
        _ => panic!("no {name}"),
    }
}

/// An unsigned score with so many digests, each of which is a statement.
fn with_digests(count: usize) -> Value<'static> {
    let scene = scene();
    let mut credential = scene.attestation(Attested::PactScore, &scene.platinum);
    let digests: Vec<String> = (0..count).map(|number| format!("sha256:{number:064x}")).collect();
    inside(&mut credential, "credentialSubject").insert("evidenceDigests", digests);
    credential
}

/// Secured, everything shown.
fn whole(count: usize, format: Format) -> String {
    let (signer, method) = scene().scorer.signer(format.key_type());
    secure(with_digests(count), &*signer, &method, format)
}

fn proof_value(text: &str) -> String {
    json(text).pointer("/proof/proofValue").unwrap().as_str().unwrap().to_owned()
}

/// How many statements are shown by choice.
fn chosen(text: &str, format: Format) -> usize {
    match format {
        Format::Bbs => BbsDerivedProof::parse(&proof_value(text)).unwrap().selective_indexes.len(),
        _ => DerivedProof::parse(&proof_value(text)).unwrap().signatures.len(),
    }
}

/// How many digests a score needs so that it has just as many statements as are checked.
fn digests_for(statements: usize, format: Format) -> usize {
    statements - (chosen(&whole(1, format), format) - 1)
}

/// The credential with another proof value.
fn with_value(text: &str, value: String) -> Vec<u8> {
    let mut document = json(text);
    inside(&mut document, "proof").insert("proofValue", value);
    to_canonical_string(&document).into_bytes()
}

fn ecdsa_sd(statements: usize, labels: usize, indexes: usize) -> String {
    let mut public_key = [2; 35];
    public_key[..2].copy_from_slice(&KeyType::P256.multicodec());
    let proof = DerivedProof {
        base_signature: [7; 64],
        public_key,
        signatures: vec![[7; 64]; statements],
        labels: vec![[7; 32]; labels],
        mandatory_indexes: vec![0; indexes],
    };
    proof.to_proof_value()
}

fn bbs(labels: usize, indexes: usize) -> String {
    let proof = BbsDerivedProof {
        proof: vec![7; 272],
        labels: vec![0; labels],
        mandatory_indexes: Vec::new(),
        selective_indexes: vec![0; indexes],
        presentation_header: Vec::new(),
    };
    proof.to_proof_value()
}

/// A derived proof of ecdsa-sd-2023 whose part number `part` announces 2^64 - 1 of what `major`
/// says.
fn announcing(part: usize, major: u8) -> String {
    let base_signature: Vec<u8> = [&[0x58, 64][..], &[7; 64]].concat();
    let public_key: Vec<u8> = [&[0x58, 35][..], &[7; 35]].concat();
    let mut cbor: Vec<u8> = vec![0xd9, 0x5d, 0x01, 0x85];
    for before in [base_signature, public_key, vec![0x80]].iter().take(part) {
        cbor.extend(before);
    }
    cbor.push((major << 5) | 0x1b);
    cbor.extend([0xff; 8]);
    encode_multibase_base64url(&cbor)
}

/// 16 credentials with a good proof around them.
fn presented(credential: &str) -> Vec<u8> {
    let held = vec![credential.to_owned(); 16];
    let format = Format::DataIntegrity(KeyType::Ed25519);
    present(&held, &scene().platinum, format, NONCE, AUDIENCE).into_bytes()
}

pub(crate) fn inputs() -> Inputs {
    let (sd, bbs_format) = (Format::EcdsaSd, Format::Bbs);
    let sd_digests = digests_for(STATEMENTS, sd);
    let bbs_digests = digests_for(MESSAGES, bbs_format);
    let (signer, method) = scene().scorer.signer(KeyType::Bls12381G2);
    let hidden = secure_base(with_digests(bbs_digests), &*signer, &method, bbs_format);
    let small = scene().attest(Attested::PactScore, &scene().platinum, sd);
    let small_bbs = scene().attest(Attested::PactScore, &scene().platinum, bbs_format);
    let sd_with = |value: String| with_value(&small, value);
    vec![
        ("ecdsa-sd: the most statements", whole(sd_digests, sd).into_bytes()),
        ("ecdsa-sd: 10,000 signatures", sd_with(ecdsa_sd(10_000, 0, 0))),
        ("ecdsa-sd: the longest CBOR, signatures", sd_with(ecdsa_sd(CBOR / 66, 0, 0))),
        ("ecdsa-sd: the longest CBOR, labels", sd_with(ecdsa_sd(0, CBOR / 37, 0))),
        ("ecdsa-sd: the longest CBOR, indexes", sd_with(ecdsa_sd(0, 0, CBOR))),
        ("ecdsa-sd: a text of 2^64 bytes", sd_with(announcing(0, 2))),
        ("ecdsa-sd: an array of 2^64", sd_with(announcing(2, 4))),
        ("ecdsa-sd: a map of 2^64", sd_with(announcing(3, 5))),
        ("ecdsa-sd: a presentation of 16", presented(&small)),
        ("bbs: the most messages", whole(bbs_digests, bbs_format).into_bytes()),
        ("bbs: the most messages, hidden", derive(&hidden, &[]).into_bytes()),
        ("bbs: the longest CBOR, labels", with_value(&small_bbs, bbs(CBOR / 6, 0))),
        ("bbs: the longest CBOR, indexes", with_value(&small_bbs, bbs(0, CBOR))),
        ("bbs: a presentation of 16", presented(&small_bbs)),
    ]
}
