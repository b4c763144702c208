//! Hostile input at the caps: each must end within 100 ms of CPU, and take at most four times its
//! size in memory besides the input itself. Run it with
//! `cargo bench -p bonafide-verifier --bench hostile`; it fails if a limit is broken.

#![allow(clippy::unwrap_used)]

mod json;
mod lists;
mod rdf;
mod sd_jwt;
mod selective;

use std::hint::black_box;
use std::time::Instant;

use bonafide_linked_data::SUITES;
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, now, scene};
use bonafide_verifier::{Bundle, Evidence, Outcome, Policy, Reason, Request, Verdict, verify};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The caps of the default policy, in bytes.
const CREDENTIAL: usize = 1 << 20;
const PRESENTATION: usize = 4 << 20;

/// The least that any verdict may take: small inputs have small allowances.
const LEAST_MEMORY: usize = 1 << 20;

/// The same where something is read as RDF. Such a document is at most a quarter as long as a
/// credential may be, and may take as much memory as the longest of those.
const LEAST_MEMORY_FOR_RDF: usize = 4 * CREDENTIAL;

/// What is sent, by what is odd about it.
type Inputs = Vec<(&'static str, Vec<u8>)>;

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

/// What an input may take.
#[derive(Clone, Copy)]
struct Limit {
    milliseconds: f64,
    memory: usize,
}

impl Limit {
    /// Of something that peers send.
    fn of(size: usize, least: usize) -> Self {
        Self { milliseconds: 100.0, memory: (4 * size).max(least) }
    }
}

/// The least CPU time of several runs; one thread, so its wall time but for what others took.
#[allow(clippy::disallowed_methods)]
fn milliseconds(run: &mut dyn FnMut()) -> f64 {
    let (mut least, mut spent) = (f64::INFINITY, 0.0);
    for _ in 0..7 {
        let start = Instant::now();
        run();
        let taken = start.elapsed().as_secs_f64() * 1e3;
        least = taken.min(least);
        spent += taken;
        // What is this slow is over every limit anyway.
        if spent > 1e3 {
            break;
        }
    }
    least
}

/// The most memory that a run takes at once.
fn peak(run: &mut dyn FnMut()) -> usize {
    let profiler = dhat::Profiler::builder().testing().build();
    run();
    let memory = dhat::HeapStats::get().max_bytes;
    drop(profiler);
    memory
}

/// Measures one input and says whether it kept to its limit.
fn measure(name: &str, found: &str, size: usize, limit: Limit, run: &mut dyn FnMut()) -> bool {
    let time = milliseconds(run);
    print!("{name:<44} {size:>8} B {time:>9.2} ms");
    // To follow each allocation takes far longer than to make it.
    if time > 3.0 * limit.milliseconds {
        println!(" {:>10}   {:>7}  {found}  BROKEN", "", "");
        return false;
    }
    let memory = peak(run);
    let good = time <= limit.milliseconds && memory <= limit.memory;
    #[allow(clippy::cast_precision_loss)]
    let ratio = memory as f64 / size as f64;
    println!(" {memory:>10} B {ratio:>7.2}  {found}{}", if good { "" } else { "  BROKEN" });
    good
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let scene = scene();
    let policy = Policy::from_toml(&scene.policy_toml()).unwrap();
    let bundle = Bundle::open(scene.bundle().as_bytes(), &policy).unwrap();
    let evidence = Evidence::new().with_bundle(&bundle).with_suites(SUITES);
    let request = Request::new().nonce(NONCE).audience(AUDIENCE);
    let decide = |input: &[u8]| -> Verdict {
        let verdict = verify(black_box(input), &request, &evidence, &policy, now());
        assert_ne!(verdict.outcome(), Outcome::Accepted);
        verdict
    };
    // Contexts and schemas are read once, at the first verdict that needs them.
    for format in Format::ALL {
        decide(scene.attest(Attested::PactScore, &scene.platinum, format).as_bytes());
    }
    println!(
        "{:<44} {:>10} {:>12} {:>12} {:>7}  the first reason",
        "input", "size", "CPU", "memory", "times"
    );
    let groups: [(fn() -> Inputs, usize); 4] = [
        (json::inputs, LEAST_MEMORY),
        (sd_jwt::inputs, LEAST_MEMORY),
        (rdf::inputs, LEAST_MEMORY_FOR_RDF),
        (selective::inputs, LEAST_MEMORY_FOR_RDF),
    ];
    let mut good = true;
    for (inputs, least) in groups {
        for (name, input) in inputs() {
            let found = decide(&input).reasons().next().map_or("", Reason::code);
            let mut run = || drop(black_box(decide(&input).to_json()));
            good &= measure(name, found, input.len(), Limit::of(input.len(), least), &mut run);
        }
    }
    for (name, input) in json::links() {
        let found = decide(&input).reasons().next().map_or("", Reason::code);
        let mut run = || drop(black_box(decide(&input).to_json()));
        // Ten thousand links are refused within 10 ms; not a signature of theirs is looked at. A short
        // input is granted as many values as a credential may hold.
        let limit = Limit { milliseconds: 10.0, ..Limit::of(input.len(), 4 * CREDENTIAL) };
        good &= measure(name, found, input.len(), limit, &mut run);
    }
    good &= rdf::graphs();
    good &= lists::bombs();
    good &= lists::webvh_log();
    std::process::exit(i32::from(!good));
}
