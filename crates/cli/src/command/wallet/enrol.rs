//! `bonafide wallet enrol`, `update` and `receive`: what comes into a wallet.

use std::io::Read as _;
use std::path::PathBuf;

use bonafide_wallet::Received;
use bonafide_wallet::client::Enrolment;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::keep::Algorithm;
use super::place::{self, Place};
use super::reach::{self, Reach, unknown};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::shown;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet enrol 'https://issuer.example/enrol/0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31#…'
  bonafide wallet enrol - < link.txt

The link is good once and holds a secret. Others on this machine may see the arguments of a
command: with -, it is read from standard input.")]
pub(super) struct Enrol {
    /// The link that the operator gave you; - to read it from standard input.
    link: String,
    /// The key whose DID is enrolled; the default one, if left out.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Make a key of this name first, and enrol its DID.
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    new_key: Option<String>,
    /// What kind of key to make.
    #[arg(long, value_enum, requires = "new_key", default_value_t = Algorithm::Ed25519)]
    alg: Algorithm,
    /// What to call the issuer; its host, if left out.
    #[arg(long, value_name = "NAME")]
    issuer_name: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Enrol {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let link = link(self.link)?;
        let mut wallet = place.open()?;
        let (connection, runtime) = self.reach.open()?;
        let mut random = app.random_source();
        let key = match &self.new_key {
            Some(name) => {
                let made = wallet.new_key(name, self.alg.into(), &mut random, app.now);
                Some(made.map_err(place::failure)?.name.clone())
            }
            None => self.key,
        };
        let order = Enrolment { key, issuer_name: self.issuer_name };
        let enrolling = wallet.enrol(&link, &order, &connection, &mut random, app.now);
        let enrolled = runtime.block_on(enrolling).map_err(reach::failure)?;
        if app.json {
            let received: Vec<_> = enrolled.received.iter().map(as_json).collect();
            app.print_json(&json!({
                "agent": enrolled.agent, "did": enrolled.did, "issuer": enrolled.issuer,
                "received": received,
            }))?;
            return Ok(Exit::Accepted);
        }
        let (did, issuer) = (shown(&enrolled.did), shown(&enrolled.issuer));
        writeln!(app.out, "{did} is enrolled with {issuer} as {}", shown(&enrolled.agent))?;
        for received in &enrolled.received {
            tell(received, app)?;
        }
        Ok(Exit::Accepted)
    }
}

fn link(given: String) -> Result<Zeroizing<String>, Failure> {
    const LONGEST: u64 = 4096;
    if given != "-" {
        return Ok(Zeroizing::new(given));
    }
    let mut link = Zeroizing::new(String::new());
    std::io::stdin()
        .lock()
        .take(LONGEST)
        .read_to_string(&mut link)
        .map_err(|error| Failure::usage(format!("can't read standard input: {error}")))?;
    Ok(link)
}

#[derive(Debug, Args)]
#[command(after_help = "Example: bonafide wallet update

Gets what each issuer publishes, so that it is known what was revoked since, and renews identities
that end soon.")]
pub(super) struct Update {
    /// Ask this issuer alone.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Update {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let mut wallet = place.open()?;
        let issuers = match &self.issuer {
            Some(_) => vec![reach::issuer(&wallet, self.issuer.as_deref())?],
            None => wallet.issuers().map(|issuer| issuer.name.clone()).collect(),
        };
        let (connection, runtime) = self.reach.open()?;
        let mut random = app.random_source();
        let (mut updated, mut renewed, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for issuer in issuers {
            let asking = async {
                wallet.pull(&issuer, &connection, app.now).await?;
                wallet.renew(&issuer, &connection, &mut random, app.now).await
            };
            // One that is away keeps nobody from the others.
            match runtime.block_on(asking) {
                Ok(more) => {
                    renewed.extend(more);
                    updated.push(issuer);
                }
                Err(error) => failed.push((issuer, reach::failure(error))),
            }
        }
        if app.json {
            let renewed: Vec<_> = renewed.iter().map(as_json).collect();
            let failed: Vec<_> = failed.iter().map(|(issuer, _)| issuer).collect();
            let told = json!({"updated": updated, "renewed": renewed, "failed": failed});
            app.print_json(&told)?;
        } else {
            match (updated.is_empty(), failed.is_empty()) {
                (true, true) => {
                    writeln!(app.out, "this wallet knows no issuer; nothing to update")?;
                }
                (true, false) => {}
                _ => writeln!(app.out, "up to date with {}", shown(&updated.join(", ")))?,
            }
            for received in &renewed {
                tell(received, app)?;
            }
        }
        match failed.into_iter().next() {
            None => Ok(Exit::Accepted),
            Some((issuer, failure)) => {
                let message = format!("{issuer}: {}", failure.message);
                Err(Failure { message, ..failure })
            }
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide wallet receive score.vc
  bonafide wallet receive worker.delegation

A credential has to speak of one of the wallet's DIDs, and its issuer to be known (bonafide wallet
enrol). What does not verify is refused with every reason, and not kept.")]
pub(super) struct Receive {
    /// A credential (JSON, a JWT or an SD-JWT) or a delegation that was handed to you; - for
    /// standard input.
    file: PathBuf,
}

impl Receive {
    pub(super) fn run(self, place: &Place, app: &mut App<'_>) -> Result<Exit, Failure> {
        let bytes = files::read(&self.file)?;
        let mut wallet = place.open()?;
        let received = match is_package(&bytes) {
            true => wallet.receive_package(&bytes, app.now),
            false => wallet.receive(&bytes, app.now),
        };
        let received = received.map_err(place::failure)?;
        if app.json {
            app.print_json(&as_json(&received))?;
        } else {
            tell(&received, app)?;
        }
        Ok(Exit::Accepted)
    }
}

fn is_package(bytes: &[u8]) -> bool {
    let limits = bonafide_core::json::Limits::for_size(8 << 20);
    let value = bonafide_core::json::parse(bytes, &limits).ok();
    value.is_some_and(|value| {
        value.get("type").and_then(bonafide_core::json::Value::as_str) == Some("DelegationPackage")
    })
}

pub(super) fn as_json(received: &Received) -> serde_json::Value {
    json!({
        "id": received.id, "types": received.types,
        "validUntil": received.valid_until.map(|until| until.to_string()),
        "notKnown": received.unknown,
    })
}

pub(super) fn tell(received: &Received, app: &mut App<'_>) -> Result<(), Failure> {
    let until = received.valid_until.map(|until| format!(", until {until}")).unwrap_or_default();
    let (kinds, id) = (shown(&received.types.join(", ")), shown(&received.id));
    writeln!(app.out, "received {kinds} {id}{until}")?;
    unknown(&received.unknown, app)
}
