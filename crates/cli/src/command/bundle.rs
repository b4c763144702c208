//! `bonafide bundle make`, `show` and `check`.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::json::{Value, to_pretty_string};
use bonafide_core::time::Timestamp;
use bonafide_verifier::{Bundle as TrustBundle, BundleContent, BundleDraft};
use clap::Subcommand;
use serde_json::json;

use super::inspect::payload_of;
use super::{duration, secure, timestamp};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::{GREEN, PLAIN, RED, shown, shown_lines};
use crate::key_file;

#[derive(Debug, Subcommand)]
pub(crate) enum Bundle {
    /// Sign DID documents and status lists into one file that verifiers rely on.
    #[command(
        after_help = "Example: bonafide bundle make --key operator.key --did-document scorer.did.json --status-list status.json --out trust.bundle"
    )]
    Make {
        /// The key of somebody whom policies name as signers of bundles.
        #[arg(long)]
        key: PathBuf,
        /// A DID document; may be repeated.
        #[arg(long, value_name = "FILE")]
        did_document: Vec<PathBuf>,
        /// A status list credential; may be repeated.
        #[arg(long, value_name = "FILE")]
        status_list: Vec<PathBuf>,
        /// Its number, higher than that of the last; milliseconds since 1970, if left out.
        #[arg(long)]
        sequence: Option<u64>,
        /// When the documents and lists were fetched; now, if left out.
        #[arg(long, value_parser = timestamp, value_name = "TIME")]
        fetched_at: Option<Timestamp>,
        /// How long verifiers may use it.
        #[arg(long, value_parser = duration, default_value = "24h")]
        valid_for: Duration,
        /// Where to write it.
        #[arg(long)]
        out: PathBuf,
    },
    /// Show what a bundle holds. Verifies nothing.
    #[command(after_help = "Example: bonafide bundle show trust.bundle")]
    Show {
        /// The bundle.
        file: PathBuf,
    },
    /// Check a bundle as `verify` would: its signer, its signature, each list in it.
    #[command(after_help = "Example: bonafide bundle check trust.bundle --policy policy.toml")]
    Check {
        /// The bundle.
        file: PathBuf,
        /// The policy that names who may sign bundles.
        #[arg(long)]
        policy: PathBuf,
        /// Check as of this time instead of now.
        #[arg(long, value_parser = timestamp, value_name = "TIME")]
        at: Option<Timestamp>,
    },
}

impl Bundle {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Make { key, did_document, status_list, sequence, fetched_at, valid_for, out } => {
                let signer = key_file::signing(&key, None)?;
                let fetched_at = fetched_at.unwrap_or(app.now);
                let mut content = Vec::new();
                for path in &did_document {
                    let document = files::read_document(path)?.as_value().clone();
                    content.push(BundleContent::Document { document, fetched_at });
                }
                for path in &status_list {
                    let credential = files::read_secured(path)?;
                    content.push(BundleContent::StatusList { credential, fetched_at });
                }
                let sequence = sequence.unwrap_or(app.milliseconds);
                let expires = app.now.saturating_add(valid_for);
                let draft = BundleDraft { sequence, issued_at: app.now, expires, content };
                let token = draft
                    .sign(&signer.method, &signer.key)
                    .map_err(|error| Failure::fault(error.to_string()))?;
                usable(&token, &signer.did)?;
                secure::deliver("bundle", &format!("{token}\n"), Some(&out), app)
            }
            Self::Show { file } => {
                let payload = payload_of(&files::read_secured(&file)?)?;
                if !app.json {
                    writeln!(app.out, "Nothing here is verified; see: bonafide bundle check")?;
                }
                write!(app.out, "{}", shown_lines(&to_pretty_string(&payload)))?;
                Ok(Exit::Accepted)
            }
            Self::Check { file, policy, at } => {
                let policy = super::policy::load(&policy)?;
                check(&files::read(&file)?, &policy, at.unwrap_or(app.now), app)
            }
        }
    }
}

/// Opens a new bundle as a verifier will: one that it would refuse is not written.
fn usable(token: &str, signer: &str) -> Result<(), Failure> {
    let policy = format!("version = 1\n[bundle]\nsigners = [{signer:?}]\n");
    let policy = bonafide_verifier::Policy::from_toml(&policy)
        .map_err(|error| Failure::fault(error.to_string()))?;
    let bundle = TrustBundle::open(token.as_bytes(), &policy)
        .map_err(|reason| Failure::usage(reason.to_string()))?;
    match bundle.status_lists().find_map(|(_, _, reason)| reason) {
        None => Ok(()),
        Some(reason) => Err(Failure::usage(reason.to_string())
            .with_help("give the DID document of each list's issuer with --did-document")),
    }
}

fn check(
    bytes: &[u8],
    policy: &bonafide_verifier::Policy,
    now: Timestamp,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let bundle = match TrustBundle::open(bytes, policy) {
        Ok(bundle) => bundle,
        Err(reason) => {
            if app.json {
                app.print_json(&json!({"good": false, "reasons": [{"code": reason.code(), "message": reason.to_string()}]}))?;
            } else {
                writeln!(
                    app.out,
                    "{RED}✗ refused{PLAIN} {reason} {RED}[{}]{PLAIN}",
                    reason.code()
                )?;
            }
            return Ok(Exit::Rejected);
        }
    };
    let mut lists: Vec<_> = bundle.status_lists().collect();
    lists.sort_by_key(|(id, ..)| *id);
    let timely = bundle.issued_at() <= now && now < bundle.expires();
    let good = lists.iter().all(|(.., reason)| reason.is_none());
    if app.json {
        let lists: Vec<_> = lists
            .iter()
            .map(|(id, as_of, reason)| {
                json!({"list": id, "asOf": as_of.to_string(), "good": reason.is_none(),
                       "reason": reason.map(ToString::to_string)})
            })
            .collect();
        app.print_json(&json!({
            "good": good && timely, "signer": bundle.signer(), "sequence": bundle.sequence(),
            "issuedAt": bundle.issued_at().to_string(), "expires": bundle.expires().to_string(),
            "didDocuments": bundle.document_count(), "statusLists": lists, "digest": bundle.digest(),
        }))?;
    } else {
        writeln!(app.out, "{GREEN}✓{PLAIN} signed by {}", bundle.signer())?;
        let (style, mark) = if timely { (GREEN, '✓') } else { (RED, '?') };
        writeln!(
            app.out,
            "{style}{mark}{PLAIN} number {}, from {} until {}",
            bundle.sequence(),
            bundle.issued_at(),
            bundle.expires()
        )?;
        writeln!(app.out, "{GREEN}✓{PLAIN} {} DID documents", bundle.document_count())?;
        for (id, as_of, reason) in lists {
            match reason {
                None => writeln!(app.out, "{GREEN}✓{PLAIN} {}, as of {as_of}", shown(id))?,
                Some(reason) => {
                    let text = shown(&format!("{id}: {reason}"));
                    writeln!(app.out, "{RED}✗{PLAIN} {text}")?;
                }
            }
        }
    }
    Ok(match (good, timely) {
        (false, _) => Exit::Rejected,
        (true, false) => Exit::Undecided,
        (true, true) => Exit::Accepted,
    })
}

/// Whether a value is a bundle's payload, for `inspect`.
pub(crate) fn looks_like_bundle(payload: &Value<'_>) -> bool {
    payload.get("didDocuments").is_some() && payload.get("statusLists").is_some()
}
