//! The parts of one verdict over a PactScoreCredential, each on its own.

use std::hint::black_box;

use bonafide_core::attestation::AttestationType;
use bonafide_core::delegation::Rights;
use bonafide_core::encoding::{
    decode_base58btc, decode_base64url, encode_base58btc, encode_multibase_base64url,
};
use bonafide_core::json::{Limits, Object, Value, canonicalize, parse, to_canonical_string};
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_core::sd_jwt_vc::from_claims;
use bonafide_core::status::{BitstringStatusEntry, StatusBits};
use bonafide_core::vc::Unverified;
use bonafide_linked_data::contexts::Contexts;
use bonafide_linked_data::rdf::{HashAlgorithm, canonicalize as name_nodes};
use bonafide_linked_data::steps::{
    Bbs2023, BbsDerivedProof, DerivedProof, canonical, check, configuration, expanded, unsecured,
};
use bonafide_proof::data_integrity::{Work, proofs_of};
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::SdJwt;
use bonafide_proof::{Signer, Unremembered, VerifyingKey};
use bonafide_testkit::chain::chains;
use bonafide_testkit::{Format, json};
use bonafide_verifier::Request;
use sha2::{Digest, Sha256};

use crate::{Bench, medians};

type Named<'w> = (&'static str, Box<dyn FnMut() + 'w>);

/// The longest `proofValue` that is read as a signature.
const LONGEST_PROOF_VALUE: usize = 133;

pub(crate) fn all(bench: &Bench) {
    link();
    jcs(bench);
    rdf(bench);
    ecdsa_sd(bench);
    bbs(bench);
    sd_jwt(bench);
}

fn table(title: &str, mut work: Vec<Named<'_>>) {
    let mut closures: Vec<&mut dyn FnMut()> = Vec::new();
    let mut names = Vec::new();
    for (name, closure) in &mut work {
        names.push(*name);
        closures.push(closure);
    }
    let (times, _) = medians(61, &mut closures);
    println!("\n{title:<52} {:>12}", "each");
    for (name, time) in names.into_iter().zip(times) {
        println!("{name:<52} {time:>9.2} us");
    }
}

fn object(text: &str) -> Object<'static> {
    match json(text) {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

/// The parts of one link of a chain.
fn link() {
    let chains = chains();
    let links = chains.chain(2);
    let text = to_canonical_string(&links[1]);
    let limits = Limits::for_size(1 << 20);
    let value = parse(text.as_bytes(), &limits).unwrap();
    let known = AttestationType::by_name("DelegationCredential").unwrap();
    let subject = value.get("credentialSubject").unwrap().as_object().unwrap();
    let rights = |value: &Value<'_>| {
        let subject = value.get("credentialSubject").unwrap().as_object().unwrap();
        Rights::from_claims(subject).unwrap()
    };
    let (parent, child) = (rights(&links[0]), rights(&links[1]));
    let did = chains.agents[0].did.clone();
    let multikey = did.strip_prefix("did:key:").unwrap();
    let mut canonical = Vec::new();
    canonicalize(&value, &mut canonical);
    let mut out = Vec::with_capacity(4096);
    let work: Vec<Named<'_>> = vec![
        ("parse", Box::new(|| drop(black_box(parse(black_box(text.as_bytes()), &limits))))),
        (
            "canonicalize",
            Box::new(|| {
                out.clear();
                canonicalize(black_box(&value), &mut out);
            }),
        ),
        ("hash", Box::new(|| _ = black_box(Sha256::digest(black_box(&canonical))))),
        ("form", Box::new(|| drop(black_box(Unverified::from_value(black_box(&value)))))),
        ("schema", Box::new(|| drop(black_box(known.schema().check(black_box(&value)))))),
        ("claims", Box::new(|| drop(black_box(known.read(black_box(subject)))))),
        ("narrowing", Box::new(|| drop(black_box(child.widenings(black_box(&parent)))))),
        ("did:key", Box::new(|| drop(black_box(PublicKey::from_multikey(black_box(multikey)))))),
        (
            "base58 of a did:key",
            Box::new(|| drop(black_box(decode_base58btc(black_box(multikey), 136)))),
        ),
    ];
    table("a link of a chain", work);
}

fn jcs(bench: &Bench) {
    let scene = &bench.scene;
    let text = bench.attest(Format::DataIntegrity(KeyType::Ed25519));
    let token = bench.attest(Format::Jwt(KeyType::Ed25519));
    let limits = Limits::for_size(1 << 20);
    let value = parse(text.as_bytes(), &limits).unwrap();
    let mut canonical = Vec::new();
    canonicalize(&value, &mut canonical);
    let known = AttestationType::by_name("PactScoreCredential").unwrap();
    let unverified = Unverified::from_value(&value).unwrap();
    let entry = unverified.claimed_status()[0].entry;
    let bits = StatusBits::new(0);
    let (secret, _) = scene.scorer.key(KeyType::Ed25519);
    let public = secret.public_key();
    let verifying = VerifyingKey::new(public.clone()).unwrap();
    let signature = secret.sign(&[7; 64]).unwrap();
    let multikey = public.to_multikey();
    let payload = token.split('.').nth(1).unwrap();
    let proof_value = value.pointer("/proof/proofValue").unwrap().as_str().unwrap();
    let mut out = Vec::with_capacity(4096);
    let work: Vec<Named<'_>> = vec![
        ("parse", Box::new(|| drop(black_box(parse(black_box(text.as_bytes()), &limits))))),
        (
            "canonicalize",
            Box::new(|| {
                out.clear();
                canonicalize(black_box(&value), &mut out);
                black_box(&out);
            }),
        ),
        (
            "hash (SHA-256)",
            Box::new(|| {
                black_box(Sha256::digest(black_box(&canonical)));
            }),
        ),
        (
            "signature (verify_strict, 64 B)",
            Box::new(|| {
                black_box(verifying.verify(black_box(&[7; 64]), &signature));
            }),
        ),
        (
            "form (VCDM 2.0)",
            Box::new(|| drop(black_box(Unverified::from_value(black_box(&value))))),
        ),
        ("schema", Box::new(|| drop(black_box(known.schema().check(black_box(&value)))))),
        (
            "status (read entry, look up bit)",
            Box::new(|| {
                let entry = BitstringStatusEntry::from_object(black_box(entry)).unwrap();
                black_box(bits.get(entry.index).unwrap());
            }),
        ),
        ("claims", Box::new(|| drop(black_box(known.read(unverified.claimed_subjects()[0]))))),
        (
            "proofValue (base58)",
            Box::new(|| drop(black_box(decode_base58btc(proof_value, LONGEST_PROOF_VALUE)))),
        ),
        ("payload (base64url, vc+jwt)", Box::new(|| drop(black_box(decode_base64url(payload))))),
        (
            "decode a key (did:key; not in bundle)",
            Box::new(|| {
                let key = PublicKey::from_multikey(black_box(&multikey)).unwrap();
                black_box(VerifyingKey::new(key));
            }),
        ),
    ];
    table("parts, eddsa-jcs-2022", work);
}

fn rdf(bench: &Bench) {
    let text = bench.attest(Format::Rdfc(KeyType::Ed25519));
    let contexts = Contexts::pinned();
    let limits = Limits::for_size(1 << 20);
    let secured = object(&text);
    let proofs = proofs_of(&secured).unwrap();
    let document = unsecured(&secured, Vec::new());
    let whole = Value::Object(document.clone());
    let options = configuration(proofs[0].object, &document).unwrap();
    let open = expanded(&whole, contexts).unwrap();
    let dataset = open.quads().unwrap();
    let form = name_nodes(&dataset, HashAlgorithm::Sha256, &Work::default()).unwrap();
    let lines = form.lines.concat();
    let (secret, _) = bench.scene.scorer.key(KeyType::Ed25519);
    let verifying = VerifyingKey::new(secret.public_key().clone()).unwrap();
    let signature = secret.sign(&[7; 64]).unwrap();
    let proof_value = encode_base58btc(&signature);
    let work: Vec<Named<'_>> = vec![
        ("parse", Box::new(|| drop(black_box(parse(black_box(text.as_bytes()), &limits))))),
        (
            "document: check",
            Box::new(|| drop(black_box(check(black_box(&document), contexts, &Work::default())))),
        ),
        (
            "document: conversion, JSON-LD expansion",
            Box::new(|| drop(black_box(expanded(black_box(&whole), contexts)))),
        ),
        ("document: quads", Box::new(|| drop(black_box(black_box(&open).quads())))),
        (
            "document: RDFC-1.0",
            Box::new(|| {
                drop(black_box(name_nodes(
                    black_box(&dataset),
                    HashAlgorithm::Sha256,
                    &Work::default(),
                )));
            }),
        ),
        (
            "document: hash (SHA-256)",
            Box::new(|| {
                black_box(Sha256::digest(black_box(lines.as_bytes())));
            }),
        ),
        (
            "proof options: all of these",
            Box::new(|| {
                drop(black_box(canonical(
                    &options,
                    contexts,
                    HashAlgorithm::Sha256,
                    &Work::default(),
                )));
            }),
        ),
        (
            "proofValue (base58)",
            Box::new(|| drop(black_box(decode_base58btc(&proof_value, LONGEST_PROOF_VALUE)))),
        ),
        (
            "signature (verify_strict, 64 B)",
            Box::new(|| {
                black_box(verifying.verify(black_box(&[7; 64]), &signature));
            }),
        ),
    ];
    table("parts, eddsa-rdfc-2022", work);
    println!(
        "({} statements in {} B, {} blank nodes)",
        form.lines.len(),
        lines.len(),
        form.labels.len()
    );
}

fn ecdsa_sd(bench: &Bench) {
    let text = bench.attest(Format::EcdsaSd);
    let contexts = Contexts::pinned();
    let limits = Limits::for_size(1 << 20);
    let secured = object(&text);
    let proofs = proofs_of(&secured).unwrap();
    let proof_value = proofs[0].proof_value;
    let derived = DerivedProof::parse(proof_value).unwrap();
    let document = unsecured(&secured, Vec::new());
    let whole = Value::Object(document.clone());
    let options = configuration(proofs[0].object, &document).unwrap();
    let open = expanded(&whole, contexts).unwrap();
    let dataset = open.quads().unwrap();
    let form = name_nodes(&dataset, HashAlgorithm::Sha256, &Work::default()).unwrap();
    let relabel = || {
        let labels: Vec<String> =
            derived.labels.iter().map(|label| encode_multibase_base64url(label)).collect();
        dataset.lines(|node| {
            let number: usize = form.labels[node]["c14n".len()..].parse().unwrap();
            labels[number].clone()
        })
    };
    let lines = relabel();
    let always: String =
        derived.mandatory_indexes.iter().map(|index| lines[*index].as_str()).collect();
    let checks = bench.floor(&text, &Request::new());
    let (base, statements) = checks.split_first().unwrap();
    let work: Vec<Named<'_>> = vec![
        ("parse", Box::new(|| drop(black_box(parse(black_box(text.as_bytes()), &limits))))),
        (
            "proofValue (CBOR)",
            Box::new(|| drop(black_box(DerivedProof::parse(black_box(proof_value))))),
        ),
        (
            "document: check",
            Box::new(|| drop(black_box(check(black_box(&document), contexts, &Work::default())))),
        ),
        (
            "document: conversion, JSON-LD expansion",
            Box::new(|| drop(black_box(expanded(black_box(&whole), contexts)))),
        ),
        ("document: quads", Box::new(|| drop(black_box(black_box(&open).quads())))),
        (
            "document: RDFC-1.0",
            Box::new(|| {
                drop(black_box(name_nodes(
                    black_box(&dataset),
                    HashAlgorithm::Sha256,
                    &Work::default(),
                )));
            }),
        ),
        ("document: labels, sorted statements", Box::new(|| drop(black_box(relabel())))),
        (
            "hash of what is always shown",
            Box::new(|| {
                black_box(Sha256::digest(black_box(always.as_bytes())));
            }),
        ),
        (
            "proof options: read, named, hashed",
            Box::new(|| {
                drop(black_box(canonical(
                    &options,
                    contexts,
                    HashAlgorithm::Sha256,
                    &Work::default(),
                )));
            }),
        ),
        ("base signature", Box::new(|| assert!(black_box(base.is_good())))),
        (
            "signatures of the statements",
            Box::new(|| assert!(statements.iter().all(|check| black_box(check.is_good())))),
        ),
    ];
    table("parts, ecdsa-sd-2023", work);
    println!("({} statements signed one by one of {})", statements.len(), lines.len());
}

fn bbs(bench: &Bench) {
    let text = bench.attest(Format::Bbs);
    let secured = object(&text);
    let proofs = proofs_of(&secured).unwrap();
    let proof = &proofs[0];
    let (signer, _) = bench.scene.scorer.signer(KeyType::Bls12381G2);
    let suite = Bbs2023::new(Contexts::pinned);
    let open =
        || suite.open(black_box(&secured), proof, signer.public_key(), &Work::default()).unwrap();
    let opened = open();
    let work: Vec<Named<'_>> = vec![
        (
            "proofValue (CBOR)",
            Box::new(|| drop(black_box(BbsDerivedProof::parse(black_box(proof.proof_value))))),
        ),
        ("all but the BBS proof, the key decoded", Box::new(|| drop(black_box(open())))),
        ("the BBS proof", Box::new(|| assert!(black_box(opened.is_good())))),
    ];
    table("parts, bbs-2023", work);
    println!("({} messages)", opened.message_count());
}

fn sd_jwt(bench: &Bench) {
    let text = bench.attest(Format::DcSdJwt(KeyType::Ed25519));
    let token = SdJwt::parse(&text, TokenType::DC_SD_JWT).unwrap();
    let jws = token.issuer_jws();
    let claims = token.disclose().unwrap();
    let credential = from_claims(&claims).unwrap();
    let known = AttestationType::by_name("PactScoreCredential").unwrap();
    let (secret, _) = bench.scene.scorer.key(KeyType::Ed25519);
    let verifying = VerifyingKey::new(secret.public_key().clone()).unwrap();
    let work: Vec<Named<'_>> = vec![
        (
            "parse (header, parts)",
            Box::new(|| drop(black_box(SdJwt::parse(black_box(&text), TokenType::DC_SD_JWT)))),
        ),
        (
            "payload, disclosures, digests in place",
            Box::new(|| drop(black_box(black_box(&token).disclose()))),
        ),
        (
            "payload once more, as it was signed",
            Box::new(|| {
                let payload = jws.decode_payload().unwrap();
                let limits = Limits::for_size(payload.len());
                drop(black_box(parse(&payload, &limits).map(Value::into_owned)));
            }),
        ),
        ("mapping to a credential", Box::new(|| drop(black_box(from_claims(black_box(&claims)))))),
        (
            "signature",
            Box::new(|| assert!(jws.verify(black_box(&verifying), &Unremembered).is_ok())),
        ),
        (
            "digest of what is signed",
            Box::new(|| {
                black_box(black_box(jws).digest());
            }),
        ),
        (
            "form (VCDM 2.0)",
            Box::new(|| drop(black_box(Unverified::from_value(black_box(&credential))))),
        ),
        (
            "schema of a part",
            Box::new(|| drop(black_box(known.partial_schema().check(black_box(&credential))))),
        ),
    ];
    table("parts, dc-sd-jwt-eddsa", work);
    println!("({} disclosures)", token.disclosure_count());
}
