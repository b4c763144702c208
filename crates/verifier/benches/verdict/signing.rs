//! Signing in each format beside the bare signings, and deriving a part in the selective ones.

use std::cell::RefCell;
use std::hint::black_box;

use bonafide_core::key::PublicKey;
use bonafide_linked_data::steps::BaseProof;
use bonafide_proof::{SignError, Signer};
use bonafide_testkit::{Attested, Format, derive, json, secure_base};

use crate::{Bench, medians};

/// What a key is asked to sign.
enum Asked {
    One(Vec<u8>),
    Many(Vec<u8>, Vec<Vec<u8>>),
}

impl Asked {
    fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        match self {
            Self::One(message) => signer.sign(black_box(message)),
            Self::Many(header, messages) => signer.sign_messages(header, black_box(messages)),
        }
    }
}

/// Notes what its key is asked to sign, so that the floor is the same work.
struct Noting<'s> {
    signer: &'s dyn Signer,
    asked: RefCell<Vec<Asked>>,
}

impl Signer for Noting<'_> {
    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.asked.borrow_mut().push(Asked::One(message.to_vec()));
        self.signer.sign(message)
    }

    fn sign_messages(&self, header: &[u8], messages: &[Vec<u8>]) -> Result<Vec<u8>, SignError> {
        self.asked.borrow_mut().push(Asked::Many(header.to_vec(), messages.to_vec()));
        self.signer.sign_messages(header, messages)
    }
}

/// How many statements of a base proof are signed one by one, with a key of the proof's own.
fn statements(base: &str, format: Format) -> usize {
    if format != Format::EcdsaSd {
        return 0;
    }
    let document = json(base);
    let proof_value = document.pointer("/proof/proofValue").unwrap().as_str().unwrap();
    BaseProof::parse(proof_value).unwrap().signatures.len()
}

pub(crate) fn signing(bench: &Bench) {
    println!(
        "\n{:<40} {:>8} {:>4} {:>13} {:>13} {:>7}",
        "sign", "output", "sigs", "signatures", "credential", "ratio"
    );
    let scene = &bench.scene;
    for format in Format::ALL {
        let unsigned = scene.attestation(Attested::PactScore, &scene.platinum);
        let (signer, method) = scene.scorer.signer(format.key_type());
        let noting = Noting { signer: &*signer, asked: RefCell::default() };
        let output = secure_base(unsigned.clone(), &noting, &method, format);
        let mut asked = noting.asked.into_inner();
        // The key of the proof is not seen here; one of the same type is as quick.
        for _ in 0..statements(&output, format) {
            asked.push(Asked::One(vec![7; 128]));
        }
        let mut floor = || {
            for asked in &asked {
                drop(black_box(asked.sign(&*signer)));
            }
        };
        let mut sign = || drop(black_box(secure_base(unsigned.clone(), &*signer, &method, format)));
        let (times, ratio) = medians(31, &mut [&mut floor, &mut sign]);
        println!(
            "{:<40} {:>6} B {:>4} {:>10.1} us {:>10.1} us {ratio:>7.2}",
            format.name(),
            output.len(),
            asked.len(),
            times[0],
            times[1]
        );
    }
}

/// Showing one claim and what is always shown.
pub(crate) fn deriving(bench: &Bench) {
    println!("\n{:<40} {:>8} {:>8} {:>13}", "derive: the tier alone", "input", "output", "each");
    let scene = &bench.scene;
    for format in Format::ALL.into_iter().filter(|format| format.is_selective()) {
        let unsigned = scene.attestation(Attested::PactScore, &scene.platinum);
        let (signer, method) = scene.scorer.signer(format.key_type());
        let base = secure_base(unsigned, &*signer, &method, format);
        let pointer = match format {
            Format::DcSdJwt(_) => "/tier",
            _ => "/credentialSubject/tier",
        };
        let mut run = || drop(black_box(derive(black_box(&base), &[pointer])));
        let (times, _) = medians(31, &mut [&mut run]);
        println!(
            "{:<40} {:>6} B {:>6} B {:>10.1} us",
            format.name(),
            base.len(),
            derive(&base, &[pointer]).len(),
            times[0]
        );
    }
}
