//! w3c/vc-di-eddsa, w3c/vc-di-ecdsa and w3c/vc-di-bbs: every suite with every intermediate step.

mod chains;
mod selective;
mod whole;

use std::sync::{LazyLock, Mutex};

use bonafide_core::json::{Object, Value};
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_linked_data::contexts::{Contexts, PINNED};
use bonafide_linked_data::steps::{Bbs2023, EcdsaSd2023, RdfcSuite};
use bonafide_proof::data_integrity::{
    ProofError, Suite, Suites, VerifyInput, Work, matching_previous, proofs_of,
};
use bonafide_proof::{SignatureCheck, VerifyingKey};

use super::Folder;

/// The pinned contexts and those that only the vectors use.
static CONTEXTS: LazyLock<Contexts> = LazyLock::new(|| {
    let mut contexts = PINNED.to_vec();
    contexts.push((
        "https://w3id.org/citizenship/v4rc1",
        include_str!("../../../../fixtures/contexts/citizenship-v4rc1.jsonld"),
        "15ca37d6ed55aee696cb2c8ca747d889418756c66188a47734c15e092ffef869",
    ));
    contexts.push((
        WINDSURF,
        include_str!("../../../../fixtures/contexts/windsurf.jsonld"),
        "3bdf0a12a078e31e7a8e6f00c08aeca076dd1ef8b715915c1201b69eadc3e37c",
    ));
    Contexts::new(&contexts).unwrap()
});

/// Where the vectors write a context into the document, this URL stands for the same context.
const WINDSURF: &str = "https://windsurf.grotto-networking.com/selective";

fn contexts() -> &'static Contexts {
    &CONTEXTS
}

static EDDSA_RDFC: RdfcSuite<'static> = RdfcSuite::eddsa_rdfc_2022(contexts);
static ECDSA_RDFC: RdfcSuite<'static> = RdfcSuite::ecdsa_rdfc_2019(contexts);
static SIGNATURE_2020: RdfcSuite<'static> = RdfcSuite::ed25519_signature_2020(contexts);
static ECDSA_SD: EcdsaSd2023<'static> = EcdsaSd2023::new(contexts);
static BBS: Bbs2023 = Bbs2023::new(contexts);
static TABLE: [&dyn Suite; 7] = [
    Suites::JCS.0[0],
    Suites::JCS.0[1],
    &EDDSA_RDFC,
    &ECDSA_RDFC,
    &SIGNATURE_2020,
    &ECDSA_SD,
    &BBS,
];

/// The suites of the product, with the contexts of the vectors.
const SUITES: Suites = Suites(&TABLE);

/// Remembers what it was asked to check.
#[derive(Default)]
struct Recorder(Mutex<Vec<(Vec<u8>, Vec<u8>)>>);

impl SignatureCheck for Recorder {
    fn is_good(&self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        self.0.lock().unwrap().push((message.to_vec(), signature.to_vec()));
        key.verify(message, signature)
    }
}

fn key_of(method: &str) -> VerifyingKey {
    let multikey = method.split_once('#').unwrap().1;
    VerifyingKey::new(PublicKey::from_multikey(multikey).unwrap()).unwrap()
}

fn verify_all(
    document: &Value<'_>,
    suites: Suites,
    check: &dyn SignatureCheck,
) -> Result<(), ProofError> {
    let document = document.as_object().unwrap();
    let proofs = proofs_of(document)?;
    for proof in &proofs {
        let previous = matching_previous(proof, &proofs)?;
        let key = key_of(proof.verification_method);
        let work = Work::default();
        let input = VerifyInput { document, proof, previous, key: &key, check, work: &work };
        suites.of_proof(proof)?.verify(input)?;
    }
    Ok(())
}

fn object(value: Value<'static>) -> Object<'static> {
    let Value::Object(object) = value else { panic!("expected an object") };
    object
}

#[test]
fn vc_di_eddsa() {
    let mut folder = Folder::open("vc-di-eddsa");
    whole::eddsa(&mut folder);
    chains::published(&mut folder);
    chains::our_own(&mut folder);
    folder.finish();
}

#[test]
fn vc_di_ecdsa() {
    let mut folder = Folder::open("vc-di-ecdsa");
    whole::ecdsa(&mut folder);
    selective::ecdsa_sd(&mut folder);
    folder.finish();
}

#[test]
fn vc_di_bbs() {
    let mut folder = Folder::open("vc-di-bbs");
    selective::bbs(&mut folder);
    folder.finish();
}

#[test]
fn the_suites_of_the_product_are_these() {
    let names = |suites: Suites| -> Vec<&str> {
        let mut names: Vec<&str> = suites.iter().map(Suite::name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(bonafide_linked_data::SUITES), names(SUITES));
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384] {
        let default = bonafide_linked_data::SUITES.for_key(key_type).unwrap().name();
        assert_eq!(Suites::JCS.for_key(key_type).unwrap().name(), default);
    }
}
