//! An agent with a wallet: it enrols with the link that its operator gave it, gets a grant for one
//! task, makes a call with it, hands a narrower part to a child, and says that the task is done.
//!
//! With an issuer whose grant policy is examples/grants.toml (the README has the commands):
//!
//! ```sh
//! cargo run -p bonafide-wallet --features client --example agent -- "$(cat agent.link)"
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_proof::SignError;
use bonafide_wallet::client::{Connection, Enrolment, GrantOrder};
use bonafide_wallet::{Cost, DelegationOrder, HttpRequest, Passphrase, Shown, Wallet, Wanted};

const SERVICE: &str = "https://files.example";
const REPORTS: &str = "https://files.example/reports";

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

async fn run() -> Result<(), Box<dyn Error>> {
    let link = std::env::args().nth(1).ok_or("the link that the operator gave you, please")?;
    let (home, connection) = (tempfile::tempdir()?, Connection::default());

    // The wallet is a folder, sealed with a passphrase; the key never leaves it.
    let passphrase = Passphrase::new("correct horse battery staple");
    let mut wallet = Wallet::create(home.path(), &passphrase, Cost::DEFAULT, &mut random)?;
    wallet.new_key("agent", KeyType::Ed25519, &mut random, now()?)?;

    // Enrolled: the issuer has seen the key, and attests who this is.
    let enrolled =
        wallet.enrol(&link, &Enrolment::default(), &connection, &mut random, now()?).await?;
    println!("{} is enrolled with {}", enrolled.did, enrolled.issuer);

    // For one task, one grant: what to do, with what, before whom.
    let order = GrantOrder {
        task: "summarize-reports".to_owned(),
        actions: vec!["files.list".to_owned(), "files.read".to_owned()],
        resources: vec![REPORTS.to_owned()],
        audience: vec![SERVICE.to_owned()],
        max_depth: 1,
        ..GrantOrder::default()
    };
    let issuer = enrolled.issuer;
    let granted = wallet.request_grant(&issuer, &order, &connection, &mut random, now()?).await?;
    println!("granted by the rule {}: {}", granted.rule, granted.received.id);

    // Each call carries a presentation that is good for this call alone.
    let wanted = Wanted {
        action: Some("files.list".to_owned()),
        resource: Some(REPORTS.to_owned()),
        audience: Some(SERVICE.to_owned()),
        ..Wanted::default()
    };
    let shown: Vec<Shown> = wallet.choose(&wanted, now()?)?.into_iter().map(Shown::whole).collect();
    let call = HttpRequest::new(SERVICE, "GET", REPORTS);
    let header = wallet.present_request(&shown, &call, &mut random, now()?)?;
    println!("GET {REPORTS}\nBonafide-Presentation: {}…", &header[..40]);

    // A child gets less, for less long, from this agent itself: no issuer is asked.
    let mut child = Wallet::in_memory();
    let child_did = child.new_key("child", KeyType::Ed25519, &mut random, now()?)?.did.clone();
    let order = DelegationOrder {
        to: child_did,
        actions: Some(vec!["files.read".to_owned()]),
        valid_for: Some(Duration::from_secs(60)),
        part: Some("read".to_owned()),
        ..DelegationOrder::default()
    };
    let package = wallet.delegate(&granted.received.id, &order, &mut random, now()?)?;
    println!("handed to {}: {} bytes", order.to, package.to_json()?.len());

    // Done: the grant ends, and with it all that was handed on.
    wallet.complete(&granted.received.id, Some("done"), &connection, &mut random, now()?).await?;
    println!("the task is done, and nobody may anything any more");
    Ok(())
}

#[allow(clippy::disallowed_methods)] // here is where the clock is read, and randomness drawn
fn now() -> Result<Timestamp, Box<dyn Error>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seconds = i64::try_from(since.as_secs())?;
    Timestamp::from_unix(seconds).ok_or_else(|| "a clock beyond the year 9999".into())
}

#[allow(clippy::disallowed_methods)]
fn random(bytes: &mut [u8]) -> Result<(), SignError> {
    getrandom::fill(bytes).map_err(|error| SignError(error.to_string()))
}
