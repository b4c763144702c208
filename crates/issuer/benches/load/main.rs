//! How many credentials a second the service issues, each answered only when durable, beside what
//! the machine itself can do: `cargo bench -p bonafide-issuer --bench load`.
//!
//! `LOAD_SECONDS` is how long each way is measured (10), `LOAD_STORED` how many credentials there are
//! when start and memory are looked at (50000; the promise is for 1000000), `LOAD_FOLDER` where the
//! data lies (a temporary folder). Service and clients share the machine's cores.

#![allow(clippy::unwrap_used)] // a benchmark ends where something is wrong

mod client;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_issuer::environment::Environment;
use bonafide_issuer::keys::{AnyKey, SigningKey};
use bonafide_issuer::settings::{LogLevel, Settings, Telemetry};
use bonafide_issuer::{Service, Started};
use bonafide_proof::Signer as _;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use serde_json::{Value as Json, json};

use self::client::{Client, Measured};

// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CLAIMS: &str = include_str!("../../../../fixtures/claims/pact-score-platinum.json");

#[allow(clippy::disallowed_methods)]
fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[allow(clippy::disallowed_methods)]
fn environment() -> Environment {
    Environment {
        milliseconds: || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            u64::try_from(since.unwrap().as_millis()).unwrap()
        },
        fill: |bytes| {
            getrandom::fill(bytes).unwrap();
            Ok(())
        },
    }
}

fn settings(folder: &Path, port: u16) -> Settings {
    let mut settings = Settings { data: folder.to_owned(), ..Settings::default() };
    settings.listen.set_port(port);
    settings.limits.requests_per_second = 10_000_000;
    settings.limits.burst = 10_000_000;
    settings.limits.anonymous_per_second = 10_000_000;
    settings
}

/// The service in this process, until it is stopped.
struct Running {
    runtime: tokio::runtime::Runtime,
    service: Option<Arc<Service>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
    port: u16,
    administrator: Option<String>,
}

impl Running {
    fn start(folder: &Path, port: u16) -> Self {
        let listener = bonafide_issuer::listen(settings(folder, port).listen).unwrap();
        let port = listener.local_addr().unwrap().port();
        let opened = Service::open(settings(folder, port), environment(), |why| panic!("{why}"));
        let Started { service, administrator } = opened.unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = Arc::clone(&service);
        let served = runtime.spawn(async move {
            let until = async { drop(stopped.await) };
            bonafide_issuer::serve(serving, listener, until).await.unwrap();
        });
        Self {
            runtime,
            service: Some(service),
            stop: Some(stop),
            served: Some(served),
            port,
            administrator: administrator.map(|token| token.to_string()),
        }
    }

    fn stop(mut self) {
        drop(self.stop.take());
        self.runtime.block_on(self.served.take().unwrap()).unwrap();
        self.runtime.shutdown_timeout(Duration::from_secs(5));
        self.service.take().unwrap().close();
    }
}

fn main() {
    let quiet = Telemetry { level: LogLevel::Warn, ..Telemetry::default() };
    bonafide_issuer::start_telemetry(&quiet);
    #[allow(clippy::disallowed_methods)]
    if let Ok(folder) = std::env::var("LOAD_REOPEN") {
        return reopen(Path::new(&folder));
    }
    let seconds = Duration::from_secs(number("LOAD_SECONDS", 10));
    let temporary = tempfile::tempdir().unwrap();
    #[allow(clippy::disallowed_methods)]
    let folder = std::env::var("LOAD_FOLDER")
        .map_or_else(|_| temporary.path().to_owned(), std::path::PathBuf::from)
        .join("data");
    println!("floors");
    println!("  append of 512 bytes and fdatasync   {:>9.0} a second", fsyncs(temporary.path()));
    println!("  bare Ed25519 signatures, one core   {:>9.0} a second", signatures());

    let running = Running::start(&folder, 0);
    let token = running.administrator.clone().unwrap();
    let client = Client::new(running.port, &token);
    let agent = attested_agent(&client, running.port);
    let claims: Json = serde_json::from_str(CLAIMS).unwrap();
    let one = json!({"type": "PactScoreCredential", "claims": claims}).to_string();
    let path = format!("/agents/{agent}/attestations");
    println!("issued and durable, over HTTP, {} s each", seconds.as_secs());
    show("singly, 128 connections", &client.load(&path, &one, 128, 1, seconds));
    for (size, connections) in [(100, 8), (1000, 4)] {
        let item = json!({"agent": agent, "type": "PactScoreCredential", "claims": claims});
        let batch = json!({"items": vec![item; size]}).to_string();
        let measured = client.load("/attestations", &batch, connections, size, seconds);
        show(&format!("batches of {size}, {connections} connections"), &measured);
    }

    let wanted = number("LOAD_STORED", 50_000);
    let item = json!({"agent": agent, "type": "PactScoreCredential", "claims": claims});
    let batch = json!({"items": vec![item; 1000]}).to_string();
    let mut stored = client.issued();
    while stored < wanted {
        client.load("/attestations", &batch, 4, 1000, Duration::from_secs(2));
        stored = client.issued();
    }
    println!("with {stored} credentials stored");
    println!("  memory while issuing, clients included {:>6.0} MiB", resident());
    let port = running.port;
    running.stop();
    // In a process of its own, whose memory holds nothing of what went before.
    let reopened = std::process::Command::new(std::env::current_exe().unwrap())
        .env("LOAD_REOPEN", &folder)
        .env("LOAD_PORT", port.to_string())
        .status();
    assert!(reopened.unwrap().success());
}

/// Opens what another process has stored, and looks at what that takes.
fn reopen(folder: &Path) {
    let port = u16::try_from(number("LOAD_PORT", 0)).unwrap();
    #[allow(clippy::disallowed_methods)]
    let began = Instant::now();
    let running = Running::start(folder, port);
    let client = Client::new(port, "");
    client.wait_until_ready();
    println!("  start until ready                   {:>9.2} s", began.elapsed().as_secs_f64());
    println!("  memory after the start              {:>9.0} MiB", resident());
    // What everybody asks for: each list is signed once.
    for list in 1.. {
        if !client.has(&format!("/status/{list}/revocation")) {
            break;
        }
    }
    println!("  memory with its lists published     {:>9.0} MiB", resident());
    running.stop();
}

fn show(what: &str, measured: &Measured) {
    println!(
        "  {what:<36}{:>9.0} a second, p50 {:>6.1} ms, p99 {:>6.1} ms",
        measured.rate, measured.p50, measured.p99
    );
}

#[allow(clippy::disallowed_methods, clippy::cast_precision_loss)]
fn fsyncs(folder: &Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("fsync")).unwrap();
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < Duration::from_secs(2) {
        file.write_all(&[7; 512]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

#[allow(clippy::disallowed_methods)]
fn signatures() -> f64 {
    let key = key();
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < Duration::from_secs(1) {
        std::hint::black_box(key.sign(CLAIMS.as_bytes()).unwrap());
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

fn key() -> AnyKey {
    let mut random = |bytes: &mut [u8]| environment().fill_for_signing(bytes);
    AnyKey::generate(KeyType::Ed25519, &mut random).unwrap()
}

/// Enrols an agent and attests its identity, as anybody would.
fn attested_agent(client: &Client, port: u16) -> String {
    let key = SigningKey::as_did_key(key());
    let challenge = client.post("/challenges", "");
    let presentation = Object::from([
        ("@context", Value::from(vec!["https://www.w3.org/ns/credentials/v2"])),
        ("type", vec!["VerifiablePresentation"].into()),
        ("holder", key.did.clone().into()),
    ]);
    let domain = format!("http://localhost:{port}");
    let options = ProofOptions {
        challenge: challenge["challenge"].as_str(),
        domain: Some(&domain),
        ..ProofOptions::new(&key.method, Relationship::Authentication)
    };
    let suite = Suites::JCS.by_name("eddsa-jcs-2022").unwrap();
    let proof = add_proof(presentation.into(), &options, suite, &key.key).unwrap();
    let claims: Json = serde_json::from_str(CLAIMS).unwrap();
    let enrolment = json!({
        "did": key.did, "name": "Load", "kind": "tool", "version": claims["agentVersion"],
        "modelDigest": claims["modelDigest"], "codeDigest": claims["modelDigest"],
        "sponsor": "did:web:sponsor.example",
    });
    let text = enrolment.to_string();
    let proof = to_canonical_string(&proof);
    let body = format!("{},\"proof\":{proof}}}", text.strip_suffix('}').unwrap());
    let agent = client.post("/agents", &body)["id"].as_str().unwrap().to_owned();
    let identity = json!({"type": "AgentIdentityCredential"}).to_string();
    client.post(&format!("/agents/{agent}/attestations"), &identity);
    agent
}

/// Resident memory of this process, clients included, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
