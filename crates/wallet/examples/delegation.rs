//! A person's authority on its way: a person lets a planner act for them, the planner hands a part
//! to a worker, the worker a part of that to a tool. A service then decides the tool's request
//! offline, and sees the chain, on whose behalf it is, and what may effectively be done.
//!
//! With an issuer whose grant policy is examples/grants.toml (the README has the commands), and
//! three links for the three agents:
//!
//! ```sh
//! cargo run -p bonafide-wallet --features client --example delegation -- \
//!     "$(cat planner.link)" "$(cat worker.link)" "$(cat tool.link)"
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_proof::{SecretKey, SignError};
use bonafide_verifier::{Bundle, Evidence, Policy, Request, Verdict, verify};
use bonafide_wallet::client::{self, Connection, Enrolment, GrantOrder, PrincipalProof};
use bonafide_wallet::{
    DelegationOrder, HttpRequest, KnownIssuer, PresentationForm, Shown, Wallet, Wanted,
};

const SERVICE: &str = "https://files.example";
const REPORTS: &str = "https://files.example/reports";
const REPORT: &str = "https://files.example/reports/2026/q3";

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let links: Vec<String> = std::env::args().skip(1).collect();
    let [planner, worker, tool] = &links[..] else {
        return Err("three links, please: of the planner, the worker and the tool".into());
    };
    let connection = Connection::default();
    let (mut planner, issuer) = enrolled(planner, &connection).await?;
    let (mut worker, _) = enrolled(worker, &connection).await?;
    let (mut tool, _) = enrolled(tool, &connection).await?;

    // The person shows the issuer that the task is theirs: an answer to a challenge of its. (The
    // issuer's policy names this person; for once it is a key that everybody knows.)
    let mut person = Wallet::in_memory();
    let key = SecretKey::from_bytes(KeyType::Ed25519, b"the person of bonafide's example")?;
    println!("{} lets a planner act", person.import_key("me", key, now()?)?.did);
    let challenge = client::challenge(&issuer.url, &connection).await?;
    let word = person.present(&[], &challenge, PresentationForm::Jwt, now()?)?;

    // The planner gets the grant, on the person's behalf.
    let order = GrantOrder {
        task: "summarize-reports".to_owned(),
        actions: vec!["files.list".to_owned(), "files.read".to_owned()],
        resources: vec![REPORTS.to_owned()],
        audience: vec![SERVICE.to_owned()],
        max_depth: 2,
        principal: Some(PrincipalProof::Presentation(word)),
        ..GrantOrder::default()
    };
    let granted =
        planner.request_grant(&issuer.name, &order, &connection, &mut random, now()?).await?;

    // To the worker: this year's reports, and one more delegation.
    let order = DelegationOrder {
        to: did(&worker)?,
        resources: Some(vec![format!("{REPORTS}/2026")]),
        part: Some("read".to_owned()),
        children: 1,
        ..DelegationOrder::default()
    };
    let package = planner.delegate(&granted.received.id, &order, &mut random, now()?)?;
    let part = worker.receive_package(package.to_json()?.as_bytes(), now()?)?;

    // To the tool: reading alone, one report, for a minute.
    let order = DelegationOrder {
        to: did(&tool)?,
        actions: Some(vec!["files.read".to_owned()]),
        resources: Some(vec![REPORT.to_owned()]),
        valid_for: Some(Duration::from_secs(60)),
        ..DelegationOrder::default()
    };
    let package = worker.delegate(&part.id, &order, &mut random, now()?)?;
    tool.receive_package(package.to_json()?.as_bytes(), now()?)?;

    // The tool's request. What it shows is chosen by what it wants to do.
    let wanted = Wanted {
        action: Some("files.read".to_owned()),
        resource: Some(REPORT.to_owned()),
        audience: Some(SERVICE.to_owned()),
        ..Wanted::default()
    };
    let shown: Vec<Shown> = tool.choose(&wanted, now()?)?.into_iter().map(Shown::whole).collect();
    let call = HttpRequest::new(SERVICE, "GET", REPORT);
    let header = tool.present_request(&shown, &call, &mut random, now()?)?;

    // The service has the issuer's bundle on its disk and asks nobody.
    tool.pull(&issuer.name, &connection, now()?).await?;
    let bundle = tool.issuer(&issuer.name).and_then(|known| known.bundle.clone());
    let service = Service::new(&issuer, &bundle.ok_or("no bundle")?)?;
    tell(&service.decide(&header, "files.read", "GET", REPORT)?);
    println!("\nThe same presentation, for another report:");
    tell(&service.decide(&header, "files.read", "GET", &format!("{REPORTS}/2025/q4"))?);
    Ok(())
}

/// A new agent, enrolled, and its issuer.
async fn enrolled(link: &str, connection: &Connection) -> Outcome<(Wallet, KnownIssuer)> {
    let mut wallet = Wallet::in_memory();
    wallet.new_key("agent", KeyType::Ed25519, &mut random, now()?)?;
    let order = Enrolment::default();
    let enrolled = wallet.enrol(link, &order, connection, &mut random, now()?).await?;
    let issuer = wallet.issuer(&enrolled.issuer).cloned().ok_or("no issuer")?;
    Ok((wallet, issuer))
}

/// Whoever is asked, with its own policy.
struct Service {
    policy: Policy,
    bundle: Bundle,
}

impl Service {
    fn new(issuer: &KnownIssuer, bundle: &[u8]) -> Outcome<Self> {
        let signer = issuer.bundle_signer.as_deref().unwrap_or_default();
        let policy = format!(
            r#"
            version = 1
            [bundle]
            signers = ["{signer}"]
            [[issuer]]
            did = "{}"
            attests = ["AgentIdentityCredential", "TaskGrantCredential"]
            grants = {{ actions = ["files.list", "files.read"], resources = ["{SERVICE}"] }}
            [[level]]
            name = "reader"
            credentials = ["AgentIdentityCredential"]
            actions = ["files.list", "files.read"]
            "#,
            issuer.did
        );
        let policy = Policy::from_toml(&policy)?;
        let bundle = Bundle::open(bundle, &policy).map_err(|reason| reason.to_string())?;
        Ok(Self { policy, bundle })
    }

    fn decide(&self, header: &str, action: &str, method: &str, uri: &str) -> Outcome<Verdict> {
        let evidence = Evidence::new().with_bundle(&self.bundle);
        let request =
            Request::new().audience(SERVICE).action(action).resource(uri).http(method, uri);
        Ok(verify(header.as_bytes(), &request, &evidence, &self.policy, now()?))
    }
}

fn tell(verdict: &Verdict) {
    println!("{}, level {}", verdict.outcome().name(), verdict.level().unwrap_or("none"));
    for link in verdict.chain() {
        println!("  {} -> {}\n    for {}", link.issuer, link.subject, link.task);
    }
    if let Some(principal) = verdict.principal() {
        println!("  on behalf of {}, as {} says", principal.subject, principal.issuer);
    }
    let effective = verdict.effective();
    println!("  may {:?}\n  with {:?}", effective.actions, effective.resources);
    for obligation in &effective.obligations {
        println!("  the service has to {obligation}");
    }
    for reason in verdict.reasons() {
        println!("  {}: {reason}", reason.code());
    }
}

fn did(wallet: &Wallet) -> Outcome<String> {
    Ok(wallet.default_key().ok_or("no key")?.did.clone())
}

#[allow(clippy::disallowed_methods)] // here is where the clock is read, and randomness drawn
fn now() -> Outcome<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seconds = i64::try_from(since.as_secs())?;
    Timestamp::from_unix(seconds).ok_or_else(|| "a clock beyond the year 9999".into())
}

#[allow(clippy::disallowed_methods)]
fn random(bytes: &mut [u8]) -> Result<(), SignError> {
    getrandom::fill(bytes).map_err(|error| SignError(error.to_string()))
}
