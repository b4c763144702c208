//! From bytes to verdict, and to a signature, beside the bare signature checks or signings of the
//! same bytes with the same decoded keys, in the same run. Prints ratios; run it with
//! `cargo bench -p bonafide-verifier --bench verdict`.

#![allow(clippy::unwrap_used)]

mod chains;
mod parts;
mod signing;

use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bonafide_core::json::Value;
use bonafide_core::key::KeyType;
use bonafide_linked_data::SUITES;
use bonafide_linked_data::contexts::Contexts;
use bonafide_linked_data::steps::{Bbs2023, BbsOpened};
use bonafide_proof::data_integrity::{Work, proofs_of};
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::SdJwt;
use bonafide_proof::{SignatureCheck, Unremembered, VerifyingKey};
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, Scene, json, key, now, scene};
use bonafide_verifier::{Bundle, Evidence, Outcome, Policy, Request, SignatureCache, verify};

/// How long the calls of one round take together, so that slow work does not take minutes.
const ROUND: Duration = Duration::from_millis(20);

/// A bare check, ready to be made.
enum Bare {
    /// Key, message and signature.
    Signature(VerifyingKey, Vec<u8>, Vec<u8>),
    /// A BBS proof, which its suite checks by itself.
    Bbs(Box<BbsOpened>),
}

impl Bare {
    fn is_good(&self) -> bool {
        match self {
            Self::Signature(key, message, signature) => key.verify(black_box(message), signature),
            Self::Bbs(opened) => black_box(opened).is_good(),
        }
    }
}

/// Notes what a verdict asks the signature check to do, so that the floor is the same work.
#[derive(Default)]
struct Recorder(Mutex<Vec<Bare>>);

impl SignatureCheck for Recorder {
    fn is_good(&self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        let call = Bare::Signature(key.clone(), message.to_vec(), signature.to_vec());
        self.0.lock().unwrap().push(call);
        Unremembered.is_good(key, message, signature)
    }
}

/// The median time of one call in microseconds, of `rounds` batches of each closure in turn, so
/// that all see the same noise; and the median over the rounds of how the second compares with the
/// first.
#[allow(clippy::disallowed_methods, clippy::cast_precision_loss)]
fn medians(rounds: usize, work: &mut [&mut dyn FnMut()]) -> (Vec<f64>, f64) {
    let mut once = Duration::ZERO;
    for _ in 0..2 {
        let start = Instant::now();
        for closure in &mut *work {
            closure();
        }
        once = start.elapsed();
    }
    let batch = usize::try_from(ROUND.as_nanos() / once.as_nanos().max(1)).unwrap_or(1);
    let batch = batch.clamp(1, 50);
    let mut samples = vec![Vec::with_capacity(rounds); work.len()];
    for round in 0..rounds + 3 {
        for (index, closure) in work.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..batch {
                closure();
            }
            if round >= 3 {
                samples[index].push(start.elapsed().as_secs_f64() * 1e6 / batch as f64);
            }
        }
    }
    let median = |mut sample: Vec<f64>| {
        sample.sort_by(f64::total_cmp);
        sample[sample.len() / 2]
    };
    let ratio = match &samples[..] {
        [first, second, ..] => median(second.iter().zip(first).map(|(b, a)| b / a).collect()),
        _ => 1.0,
    };
    (samples.into_iter().map(median).collect(), ratio)
}

struct Bench {
    scene: Scene,
    policy: Policy,
    bundle: Bundle,
}

impl Bench {
    fn new() -> Self {
        let scene = scene();
        // The last rung is for an identity that is presented alone.
        let rung = "\n[[level]]\nname = \"known\"\ncredentials = [\"AgentIdentityCredential\"]\n";
        let policy = Policy::from_toml(&(scene.policy_toml() + rung)).unwrap();
        let bundle = Bundle::open(scene.bundle().as_bytes(), &policy).unwrap();
        Self { scene, policy, bundle }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence::new().with_bundle(&self.bundle).with_suites(SUITES)
    }

    fn attest(&self, format: Format) -> String {
        self.scene.attest(Attested::PactScore, &self.scene.platinum, format)
    }

    /// The bare checks that the verdict over `input` makes.
    fn floor(&self, input: &str, request: &Request) -> Vec<Bare> {
        let recorder = Recorder::default();
        let evidence = self.evidence().with_signature_check(&recorder);
        let verdict = verify(input.as_bytes(), request, &evidence, &self.policy, now());
        assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
        let mut checks = recorder.0.into_inner().unwrap();
        checks.extend(self.bbs_of(input).map(|opened| Bare::Bbs(Box::new(opened))));
        checks
    }

    /// The BBS proof of a credential that has one; no signature check is asked about it.
    fn bbs_of(&self, input: &str) -> Option<BbsOpened> {
        let document = Some(input).filter(|input| input.starts_with('{')).map(json)?;
        let Value::Object(document) = document else { return None };
        let proofs = proofs_of(&document).ok()?;
        let proof = proofs.first().filter(|proof| proof.cryptosuite == "bbs-2023")?;
        let (signer, _) = self.scene.scorer.signer(KeyType::Bls12381G2);
        let suite = Bbs2023::new(Contexts::pinned);
        suite.open(&document, proof, signer.public_key(), &Work::default()).ok()
    }

    #[allow(clippy::cast_precision_loss)]
    fn compare(&self, name: &str, input: &str, request: &Request) {
        let checks = self.floor(input, request);
        let evidence = self.evidence();
        let mut floor = || {
            for check in &checks {
                assert!(black_box(check.is_good()));
            }
        };
        let mut verdict = || {
            let input = black_box(input).as_bytes();
            let verdict = verify(input, request, &evidence, &self.policy, now());
            assert_eq!(black_box(verdict).outcome(), Outcome::Accepted);
        };
        let (times, ratio) = medians(61, &mut [&mut floor, &mut verdict]);
        let to_one = ratio * checks.len() as f64;
        println!(
            "{name:<40} {:>6} B {:>4} {:>10.1} us {:>10.1} us {ratio:>7.2} {to_one:>7.2}",
            input.len(),
            checks.len(),
            times[0],
            times[1]
        );
    }
}

fn verifying(bench: &Bench) {
    println!(
        "{:<40} {:>8} {:>4} {:>13} {:>13} {:>7} {:>7}",
        "verify", "input", "sigs", "signatures", "verdict", "to all", "to one"
    );
    let scene = &bench.scene;
    for format in Format::ALL {
        let name = format!("PactScoreCredential {}", format.name());
        bench.compare(&name, &bench.attest(format), &Request::new());
    }
    let asked = Request::new().audience(AUDIENCE).nonce(NONCE);
    let tokens = [
        (Format::VcSdJwt(KeyType::Ed25519), TokenType::VC_SD_JWT),
        (Format::DcSdJwt(KeyType::Ed25519), TokenType::DC_SD_JWT),
    ];
    for (format, token_type) in tokens {
        let token = scene.attest(Attested::Identity, &scene.platinum, format);
        let token = SdJwt::parse(&token, token_type).unwrap();
        let bound = token.bind_key(AUDIENCE, NONCE, now(), &scene.platinum.key).unwrap();
        let name = format!("identity, key binding {}", format.name());
        bench.compare(&name, &bound, &asked);
    }
    let formats = [
        Format::DataIntegrity(KeyType::Ed25519),
        Format::Jwt(KeyType::Ed25519),
        Format::Rdfc(KeyType::Ed25519),
        Format::EcdsaSd,
        Format::VcSdJwt(KeyType::Ed25519),
        Format::DcSdJwt(KeyType::Ed25519),
    ];
    for format in formats {
        let credentials: Vec<String> = [Attested::Identity, Attested::Builder, Attested::PactScore]
            .map(|attested| scene.attest(attested, &scene.platinum, format))
            .to_vec();
        let presentation = scene.present(&credentials, &scene.platinum, format);
        let name = format!("presentation of three {}", format.name());
        bench.compare(&name, &presentation, &asked);
    }
}

fn cached(bench: &Bench) {
    println!();
    let formats = [
        Format::DataIntegrity(KeyType::Ed25519),
        Format::Rdfc(KeyType::Ed25519),
        Format::EcdsaSd,
        Format::VcSdJwt(KeyType::Ed25519),
    ];
    for format in formats {
        let cache = SignatureCache::new(1 << 12);
        let evidence = bench.evidence().with_cache(&cache);
        let credential = bench.attest(format);
        let request = Request::new();
        let mut run = || {
            let verdict = verify(credential.as_bytes(), &request, &evidence, &bench.policy, now());
            assert_eq!(black_box(verdict).outcome(), Outcome::Accepted);
        };
        let (times, _) = medians(31, &mut [&mut run]);
        let name = format!("signatures in the cache {}", format.name());
        println!("{name:<40} {:>6} B {:>32.1} us", credential.len(), times[0]);
    }
}

fn main() {
    // `cargo test --benches` runs this without `--bench`: then there is nothing to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // The keys are in the bundle, decoded once; only the agent's did:key is decoded each time.
    let _ = key("warm-up", KeyType::Ed25519);
    let bench = Bench::new();
    chains::walking();
    chains::requests();
    verifying(&bench);
    cached(&bench);
    parts::all(&bench);
    signing::signing(&bench);
    signing::deriving(&bench);
}
