//! `bonafide bundle make`.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::did::Did;
use bonafide_core::json::{Limits, Value, parse};
use bonafide_core::time::Timestamp;
use bonafide_fetch::Kind;
use bonafide_linked_data::SUITES;
use bonafide_verifier::{Bundle, BundleContent, BundleDraft, Policy, Reason};
use clap::Args;

use super::{duration, secure, timestamp};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::key_file;
use crate::network::{Fetcher, Network, document_of, failure};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide bundle make --key operator.key --did-document scorer.did.json \\
      --status-list status.json --out trust.bundle
  bonafide bundle make --key operator.key --from did:web:scorer.example \\
      --from https://scorer.example/status/1 --out trust.bundle

Only --from uses the network.")]
pub(crate) struct Make {
    /// The key of somebody whom policies name as signers of bundles.
    #[arg(long)]
    key: PathBuf,
    /// A DID document; may be repeated.
    #[arg(long, value_name = "FILE")]
    did_document: Vec<PathBuf>,
    /// A status list credential; may be repeated.
    #[arg(long, value_name = "FILE")]
    status_list: Vec<PathBuf>,
    /// Fetch this: a did:web, a did:webvh, or the https URL of a status list; may be repeated.
    #[arg(long, value_name = "DID_OR_URL")]
    from: Vec<String>,
    /// Its number, higher than that of the last; milliseconds since 1970, if left out.
    #[arg(long)]
    sequence: Option<u64>,
    /// When the files were fetched; now, if left out.
    #[arg(long, value_parser = timestamp, value_name = "TIME")]
    fetched_at: Option<Timestamp>,
    /// How long verifiers may use it.
    #[arg(long, value_parser = duration, default_value = "24h")]
    valid_for: Duration,
    /// Where to write it.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    network: Network,
}

impl Make {
    pub(super) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let signer = key_file::signing(&self.key, None)?;
        secure::refuse_bls(&signer)?;
        let fetched_at = self.fetched_at.unwrap_or(app.now);
        let mut content = Vec::new();
        for path in &self.did_document {
            let document = files::read_document(path)?.as_value().clone();
            content.push(BundleContent::Document { document, fetched_at });
        }
        for path in &self.status_list {
            let credential = files::read_secured(path)?;
            content.push(BundleContent::StatusList { credential, fetched_at });
        }
        if !self.from.is_empty() {
            let fetcher = self.network.open()?;
            for place in &self.from {
                content.push(match place.starts_with("did:") {
                    true => evidence_of_did(place, &fetcher, app.now)?,
                    false => status_list(place, &fetcher, app.now)?,
                });
            }
        }
        let sequence = self.sequence.unwrap_or(app.milliseconds);
        let expires = app.now.saturating_add(self.valid_for);
        let draft = BundleDraft { sequence, issued_at: app.now, expires, content };
        let token = draft
            .sign(&signer.method, &signer.key)
            .map_err(|error| Failure::fault(error.to_string()))?;
        usable(&token, &signer.did)?;
        secure::deliver("bundle", &format!("{token}\n"), Some(&self.out), app)
    }
}

/// What came is not what it has to be.
fn refused(place: &str, detail: &str) -> Failure {
    let message = format!("{place} gave something that can't be used: {detail}");
    Failure { exit: Exit::Rejected, message, help: None }
}

/// A document or a history, as the DID's method has it.
fn evidence_of_did(
    text: &str,
    fetcher: &Fetcher,
    fetched_at: Timestamp,
) -> Result<BundleContent, Failure> {
    let did = Did::parse(text).map_err(|error| Failure::usage(format!("--from: {error}")))?;
    match did.method() {
        "web" => {
            let came = fetcher.did_web(did).map_err(|error| failure(&error))?;
            let document = document_of(did, &came.body)
                .map_err(|error| refused(&came.url, &error.to_string()))?;
            Ok(BundleContent::Document { document: document.as_value().clone(), fetched_at })
        }
        "webvh" => {
            let (log, witnesses) = fetcher.did_webvh(did).map_err(|error| failure(&error))?;
            let witnesses = witnesses.map(|came| utf8(came.body, &came.url)).transpose()?;
            let (did, log) = (text.to_owned(), utf8(log.body, &log.url)?);
            Ok(BundleContent::History { did, log, witnesses, fetched_at })
        }
        "key" | "jwk" => {
            Err(Failure::usage(format!("--from: {text} holds its own key; leave it out")))
        }
        method => Err(Failure::usage(format!("--from: did:{method} can't be fetched here"))
            .with_help("--did-document FILE")),
    }
}

/// A status list of either kind, told by what it is: JSON, or a compact JWT.
fn status_list(
    url: &str,
    fetcher: &Fetcher,
    fetched_at: Timestamp,
) -> Result<BundleContent, Failure> {
    let came = fetcher.status_list(url).map_err(|error| failure(&error))?;
    let text = utf8(came.body, &came.url)?;
    let token = text.trim();
    let credential = if token.starts_with('{') {
        let limits = Limits::for_size(Kind::StatusList.cap());
        let value = parse(text.as_bytes(), &limits)
            .map_err(|error| refused(&came.url, &format!("not strict JSON: {error}")))?;
        value.into_owned()
    } else if token.split('.').count() == 3 && !token.contains(char::is_whitespace) {
        Value::from(token.to_owned())
    } else {
        return Err(refused(&came.url, "a status list is JSON or a compact JWT"));
    };
    Ok(BundleContent::StatusList { credential, fetched_at })
}

fn utf8(body: Vec<u8>, url: &str) -> Result<String, Failure> {
    String::from_utf8(body).map_err(|_| refused(url, "not UTF-8"))
}

/// Opens a new bundle as a verifier will: one that it would refuse is not written. A DID that
/// ended or moved may be in it, so that verifiers get to know.
fn usable(token: &str, signer: &str) -> Result<(), Failure> {
    let policy = format!("version = 1\n[bundle]\nsigners = [{signer:?}]\n");
    let policy = Policy::from_toml(&policy).map_err(|error| Failure::fault(error.to_string()))?;
    let bundle = Bundle::open_with(token.as_bytes(), &policy, SUITES)
        .map_err(|reason| Failure::usage(reason.to_string()))?;
    let broken = |(_, reason): &(&str, &Reason)| reason.code() == "did-document-invalid";
    if let Some((did, reason)) = bundle.unusable_dids().into_iter().find(broken) {
        let failure = Failure::usage(reason.to_string());
        return Err(match did.starts_with("did:webvh:") {
            true => failure.with_help(format!("--from {did}")),
            false => failure,
        });
    }
    let Some(reason) = bundle.status_lists().find_map(|(_, _, reason)| reason) else {
        return Ok(());
    };
    let message = reason.to_string();
    // The reason of a list repeats the one of its key.
    let lacks_document = message.ends_with("is not in the bundle");
    let failure = Failure::usage(message);
    Err(match lacks_document {
        true => failure
            .with_help("give the DID document of each list's issuer with --did-document or --from"),
        false => failure,
    })
}
