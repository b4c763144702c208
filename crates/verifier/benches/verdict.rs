//! From bytes to verdict, and to a signature, beside the bare signature check or signing of the
//! same bytes with the same decoded key, in the same run. Prints ratios; run it with
//! `cargo bench -p bonafide-verifier`.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use bonafide_core::attestation::AttestationType;
use bonafide_core::encoding::decode_base64url;
use bonafide_core::json::{Limits, Value, canonicalize, parse};
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_core::status::{BitstringStatusEntry, StatusBits};
use bonafide_core::vc::Unverified;
use bonafide_proof::{SignatureCheck, Signer, Unremembered, VerifyingKey};
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, Scene, key, now, scene};
use bonafide_verifier::{Bundle, Evidence, Outcome, Policy, Request, SignatureCache, verify};

/// Key, message and signature.
type Call = (VerifyingKey, Vec<u8>, Vec<u8>);

/// Notes what a verdict asks the signature check to do, so that the floor is the same work.
#[derive(Default)]
struct Recorder(std::sync::Mutex<Vec<Call>>);

impl SignatureCheck for Recorder {
    fn is_good(&self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        let call = (key.clone(), message.to_vec(), signature.to_vec());
        self.0.lock().unwrap().push(call);
        Unremembered.is_good(key, message, signature)
    }
}

/// The median time of one call in microseconds, of `rounds` batches of each closure in turn, so
/// that all see the same noise; and the median over the rounds of how the second compares with the
/// first.
#[allow(clippy::disallowed_methods, clippy::cast_precision_loss)]
fn medians(rounds: usize, batch: usize, work: &mut [&mut dyn FnMut()]) -> (Vec<f64>, f64) {
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
        let policy = Policy::from_toml(&scene.policy_toml()).unwrap();
        let bundle = Bundle::open(scene.bundle().as_bytes(), &policy).unwrap();
        Self { scene, policy, bundle }
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence::new().with_bundle(&self.bundle)
    }

    /// What the verdict over `input` checks.
    fn floor(&self, input: &[u8], request: &Request) -> Vec<Call> {
        let recorder = Recorder::default();
        let evidence = self.evidence().with_signature_check(&recorder);
        let verdict = verify(input, request, &evidence, &self.policy, now());
        assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
        recorder.0.into_inner().unwrap()
    }

    fn compare(&self, name: &str, input: &[u8], request: &Request, rounds: usize) {
        let calls = self.floor(input, request);
        let evidence = self.evidence();
        let mut floor = || {
            for (key, message, signature) in &calls {
                assert!(black_box(key.verify(black_box(message), signature)));
            }
        };
        let mut verdict = || {
            let verdict = verify(black_box(input), request, &evidence, &self.policy, now());
            assert_eq!(black_box(verdict).outcome(), Outcome::Accepted);
        };
        let (times, ratio) = medians(rounds, 20, &mut [&mut floor, &mut verdict]);
        println!(
            "{name:<34} {:>6} B {:>9.1} us {:>9.1} us   {:>5.2}",
            input.len(),
            times[0],
            times[1],
            ratio
        );
    }
}

fn verifying(bench: &Bench) {
    println!("{:<34} {:>8} {:>12} {:>12}   ratio", "verify", "input", "signature", "verdict");
    let alone = Request::new();
    for format in Format::ALL {
        let credential = bench.scene.attest(Attested::PactScore, &bench.scene.platinum, format);
        let name = format!("PactScoreCredential {}", format.name());
        bench.compare(&name, credential.as_bytes(), &alone, 61);
    }
    let asked = Request::new().audience(AUDIENCE).nonce(NONCE);
    for format in [Format::DataIntegrity(KeyType::Ed25519), Format::Jwt(KeyType::Ed25519)] {
        let scene = &bench.scene;
        let credentials: Vec<String> = [Attested::Identity, Attested::Builder, Attested::PactScore]
            .map(|attested| scene.attest(attested, &scene.platinum, format))
            .to_vec();
        let presentation = scene.present(&credentials, &scene.platinum, format);
        let name = format!("presentation of three {}", format.name());
        bench.compare(&name, presentation.as_bytes(), &asked, 31);
    }
}

fn cached(bench: &Bench) {
    let cache = SignatureCache::new(1 << 12);
    let evidence = bench.evidence().with_cache(&cache);
    let format = Format::DataIntegrity(KeyType::Ed25519);
    let credential = bench.scene.attest(Attested::PactScore, &bench.scene.platinum, format);
    let request = Request::new();
    let mut run = || {
        let verdict = verify(credential.as_bytes(), &request, &evidence, &bench.policy, now());
        assert_eq!(black_box(verdict).outcome(), Outcome::Accepted);
    };
    let (times, _) = medians(61, 50, &mut [&mut run]);
    println!(
        "{:<34} {:>6} B {:>24.1} us",
        "  same, signature in the cache",
        credential.len(),
        times[0]
    );
}

type Named<'w> = (&'static str, Box<dyn FnMut() + 'w>);

/// The parts of one verdict over an eddsa-jcs-2022 PactScoreCredential, each on its own.
fn parts(bench: &Bench) {
    let scene = &bench.scene;
    let format = Format::DataIntegrity(KeyType::Ed25519);
    let text = scene.attest(Attested::PactScore, &scene.platinum, format);
    let token = scene.attest(Attested::PactScore, &scene.platinum, Format::Jwt(KeyType::Ed25519));
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
    let mut work: Vec<Named<'_>> = vec![
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
                use sha2::Digest;
                black_box(sha2::Sha256::digest(black_box(&canonical)));
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
            Box::new(|| {
                drop(black_box(bonafide_core::encoding::decode_base58btc(proof_value, 133)));
            }),
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
    let mut closures: Vec<&mut dyn FnMut()> = Vec::new();
    let mut names = Vec::new();
    for (name, closure) in &mut work {
        names.push(*name);
        closures.push(closure);
    }
    let (times, _) = medians(61, 50, &mut closures);
    println!("\n{:<40} {:>12}", "parts, PactScoreCredential", "each");
    for (name, time) in names.into_iter().zip(times) {
        println!("{name:<40} {time:>9.2} us");
    }
}

fn signing(bench: &Bench) {
    println!("\n{:<34} {:>8} {:>12} {:>12}   ratio", "sign", "output", "signature", "credential");
    let scene = &bench.scene;
    for format in Format::ALL {
        let unsigned = scene.attestation(Attested::PactScore, &scene.platinum);
        let (secret, method) = scene.scorer.key(format.key_type());
        let output = bonafide_testkit::secure(unsigned.clone(), &secret, &method, format);
        // The bytes that are signed: the same that a verdict hands to the signature check.
        let message = bench.floor(output.as_bytes(), &Request::new()).remove(0).1;
        let mut floor = || drop(black_box(secret.sign(black_box(&message))));
        let mut sign = || {
            let credential: Value<'static> = unsigned.clone();
            drop(black_box(bonafide_testkit::secure(credential, &secret, &method, format)));
        };
        let (times, ratio) = medians(31, 20, &mut [&mut floor, &mut sign]);
        println!(
            "{:<34} {:>6} B {:>9.1} us {:>9.1} us   {:>5.2}",
            format.name(),
            output.len(),
            times[0],
            times[1],
            ratio
        );
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
    verifying(&bench);
    cached(&bench);
    parts(&bench);
    signing(&bench);
}
