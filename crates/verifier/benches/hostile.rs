//! Hostile input at the caps: each must end within 100 ms of CPU and take at most four times its
//! size in memory besides the input itself. Run it with
//! `cargo bench -p bonafide-verifier --bench hostile`; it fails if a limit is broken.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::status::StatusBits;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, did_key_of, json, key, now, scene};
use bonafide_verifier::{Bundle, Evidence, Outcome, Policy, Request, Verdict, verify};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The caps of the default policy, in bytes.
const CREDENTIAL: usize = 1 << 20;
const PRESENTATION: usize = 4 << 20;

/// The least that any verdict may take: small inputs have small allowances.
const LEAST_MEMORY: usize = 1 << 20;

fn filled(prefix: &str, unit: &str, suffix: &str, size: usize) -> String {
    let room = size - prefix.len() - suffix.len();
    let mut text = String::with_capacity(size);
    text.push_str(prefix);
    text.push_str(&unit.repeat(room / unit.len()));
    text.push_str(suffix);
    text
}

/// A credential whose member `x` of the subject is `inside`.
fn credential(inside: &str) -> (String, String) {
    let text = format!(
        r#"{{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:web:scorer.example","credentialSubject":{{"id":"did:x:y","x":{inside}<>}}}}"#
    );
    let (before, after) = text.split_once("<>").unwrap();
    (before.to_owned(), after.to_owned())
}

fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    let of = |open: &str, unit: &str, close: &str, size| {
        let (before, after) = credential(open);
        filled(&before, unit, &format!("{close}{after}"), size).into_bytes()
    };
    let mut inputs = vec![
        ("zeros", of("[0", ",0", "]", CREDENTIAL)),
        ("empty arrays", of("[[]", ",[]", "]", CREDENTIAL)),
        ("small objects", of("[0", r#",{"":0}"#, "]", CREDENTIAL)),
        ("one long string", of("\"", "x", "\"", CREDENTIAL)),
        ("escapes", of("\"", "\\n", "\"", CREDENTIAL)),
        ("surrogate pairs", of("\"", "\\ud83d\\ude00", "\"", CREDENTIAL)),
        ("long numbers", of("[0", ",1.7976931348623157e308", "]", CREDENTIAL)),
        ("a number of a million digits", of("0.", "1", "", CREDENTIAL)),
        ("spread values", of("[0", &format!(",\"{}\"", "y".repeat(60)), "]", CREDENTIAL)),
        ("dots", ".".repeat(CREDENTIAL).into_bytes()),
        ("brackets", "[".repeat(PRESENTATION).into_bytes()),
        ("zeros in a presentation", filled("{\"a\":[0", ",0", "]}", PRESENTATION).into_bytes()),
        ("not UTF-8", vec![0xff; PRESENTATION]),
        ("over the cap", vec![b' '; PRESENTATION + 1]),
    ];
    let names: Vec<String> = (0..60_000).rev().map(|n| format!("\"k{n:010}\":0")).collect();
    inputs.push(("unsorted names", format!("{{{}}}", names.join(",")).into_bytes()));
    let types = filled("{\"type\":[\"VerifiableCredential\"", ",\"a\"", "]}", CREDENTIAL);
    inputs.push(("types", types.into_bytes()));
    let header = bonafide_core::encoding::encode_base64url(
        br#"{"alg":"EdDSA","typ":"vc+jwt","kid":"did:web:scorer.example#ed25519"}"#,
    );
    let token = filled(&format!("{header}."), "A", &format!(".{}", "A".repeat(86)), CREDENTIAL);
    inputs.push(("a token of nothing", token.into_bytes()));
    inputs.push(("a big signed token", big_token()));
    inputs.push(("many proofs, P-384", many_proofs()));
    inputs.push(("a full presentation, P-384", full_presentation()));
    inputs.push(("base58 proof value", long_proof_value()));
    inputs
}

/// 16 credentials and a presentation, all with good P-384 signatures.
fn full_presentation() -> Vec<u8> {
    let scene = scene();
    let format = Format::Jwt(KeyType::P384);
    let credential = scene.attest(Attested::PactScore, &scene.platinum, format);
    let held = vec![credential; 16];
    scene.present(&held, &scene.platinum, Format::Jwt(KeyType::Ed25519)).into_bytes()
}

/// A token near the cap, of an issuer whose key is known, so that all of it is hashed and parsed.
fn big_token() -> Vec<u8> {
    let scene = scene();
    let (key, method) = scene.scorer.key(KeyType::P384);
    let (before, after) = credential("[0");
    let unit = format!(",\"{}\"", "z".repeat(90));
    let payload = filled(&before, &unit, &format!("]{after}"), CREDENTIAL * 3 / 4 - 1024);
    let token = bonafide_proof::jose::sign_bytes(
        payload.as_bytes(),
        bonafide_proof::jose::TokenType::VC,
        &method,
        &key,
    );
    token.unwrap().into_bytes()
}

/// A presentation near the cap with as many P-384 proofs as one may have, each by another did:key,
/// holding two credentials of the same kind.
fn many_proofs() -> Vec<u8> {
    let suite = Suites::JCS.for_key(KeyType::P384).unwrap();
    let proven = |mut document: Value<'static>, purpose| {
        for index in 0..8 {
            let key = key(&format!("hostile {index}"), KeyType::P384);
            let (_, method) = did_key_of(&key);
            let options = ProofOptions {
                challenge: Some(NONCE),
                domain: Some(AUDIENCE),
                ..ProofOptions::new(&method, purpose)
            };
            document = add_proof(document, &options, suite, &key).unwrap();
        }
        document
    };
    let big = |size| {
        let (before, after) = credential("\"");
        proven(
            json(&filled(&before, "w", &format!("\"{after}"), size)),
            bonafide_core::did::Relationship::AssertionMethod,
        )
    };
    let held = (0..3).map(|_| big(CREDENTIAL - 8_192)).collect();
    let mut presentation = bonafide_core::vc::new_presentation("did:x:y", held);
    if let Value::Object(object) = &mut presentation {
        object.insert("id", "urn:x:y");
    }
    let presentation = proven(presentation, bonafide_core::did::Relationship::Authentication);
    to_canonical_string(&presentation).into_bytes()
}

fn long_proof_value() -> Vec<u8> {
    let scene = scene();
    let text = scene.attest(Attested::PactScore, &scene.platinum, Format::ALL[0]);
    let Value::Object(mut document) = json(&text) else { return Vec::new() };
    let Some(Value::Object(mut proof)) = document.remove("proof") else { return Vec::new() };
    proof.insert("proofValue", format!("z{}", "z".repeat(1_000_000)));
    document.insert("proof", proof);
    to_canonical_string(&Object::into(document)).into_bytes()
}

/// The least CPU time of several runs; one thread, so its wall time but for what others took.
#[allow(clippy::disallowed_methods)]
fn milliseconds(mut run: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..7).map(time).fold(f64::INFINITY, f64::min)
}

fn report(name: &str, input: usize, time: f64, memory: usize) -> bool {
    let allowed = (4 * input).max(LEAST_MEMORY);
    let good = time <= 100.0 && memory <= allowed;
    #[allow(clippy::cast_precision_loss)]
    let ratio = memory as f64 / input as f64;
    let mark = if good { "" } else { "  BROKEN" };
    println!("{name:<32} {input:>9} B {time:>8.2} ms {memory:>10} B {ratio:>7.2}{mark}");
    good
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let scene = scene();
    let policy = Policy::from_toml(&scene.policy_toml()).unwrap();
    let bundle = Bundle::open(scene.bundle().as_bytes(), &policy).unwrap();
    let evidence = Evidence::new().with_bundle(&bundle);
    let request = Request::new().nonce(NONCE).audience(AUDIENCE);
    let decide = |input: &[u8]| -> Verdict {
        let verdict = verify(black_box(input), &request, &evidence, &policy, now());
        assert_ne!(verdict.outcome(), Outcome::Accepted);
        verdict
    };
    println!("{:<32} {:>11} {:>11} {:>12} {:>7}", "input", "size", "CPU", "memory", "times");
    let mut good = true;
    for (name, input) in inputs() {
        let time = milliseconds(|| drop(black_box(decide(&input))));
        let profiler = dhat::Profiler::builder().testing().build();
        let json = decide(&input).to_json();
        let memory = dhat::HeapStats::get().max_bytes;
        drop(profiler);
        drop(json);
        good &= report(name, input.len(), time, memory);
    }
    let bomb = bomb();
    let time = milliseconds(|| assert!(StatusBits::decode(black_box(&bomb)).is_err()));
    let profiler = dhat::Profiler::builder().testing().build();
    drop(StatusBits::decode(&bomb));
    let memory = dhat::HeapStats::get().max_bytes;
    drop(profiler);
    // A list that unfolds is let grow to its own cap and not a byte further.
    good &=
        time <= 100.0 && memory <= 4 * bomb.len() + 2 * bonafide_core::status::LARGEST_LIST_BYTES;
    println!(
        "{:<32} {:>9} B {time:>8.2} ms {memory:>10} B",
        "a list that unfolds to 1 GiB",
        bomb.len()
    );
    std::process::exit(i32::from(!good));
}

fn bomb() -> String {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        encoder.write_all(&zeros).unwrap();
    }
    bonafide_core::encoding::encode_multibase_base64url(&encoder.finish().unwrap())
}
