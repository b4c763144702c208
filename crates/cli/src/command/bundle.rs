//! `bonafide bundle show` and `check`; `make` and `pull` have files of their own.

use std::path::PathBuf;

use bonafide_core::json::{Value, to_pretty_string};
use bonafide_core::time::Timestamp;
use bonafide_linked_data::SUITES;
use bonafide_verifier::{Bundle as TrustBundle, Reason};
use clap::Subcommand;
use serde_json::json;

use super::inspect::payload_of;
use super::{bundle_make, bundle_pull, timestamp};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::{DIM, GREEN, PLAIN, RED, shown, shown_lines};

#[derive(Debug, Subcommand)]
pub(crate) enum Bundle {
    /// Sign DID documents, histories and status lists into one file that verifiers rely on.
    Make(bundle_make::Make),
    /// Fetch a bundle from where it is published, and check it before it takes the old one's place.
    Pull(bundle_pull::Pull),
    /// Show what a bundle holds. Verifies nothing.
    #[command(after_help = "Example: bonafide bundle show trust.bundle")]
    Show {
        /// The bundle.
        file: PathBuf,
    },
    /// Check a bundle as `verify` would: its signer, its signature, all that is in it.
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
            Self::Make(make) => make.run(app),
            Self::Pull(pull) => pull.run(app),
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

fn check(
    bytes: &[u8],
    policy: &bonafide_verifier::Policy,
    now: Timestamp,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let bundle = match TrustBundle::open_with(bytes, policy, SUITES) {
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
    let (versions, unusable) = (bundle.did_versions(), bundle.unusable_dids());
    // That a DID ended or moved is no fault of the bundle: it is what a bundle is there to say.
    let broken = |reason: &Reason| reason.code() == "did-document-invalid";
    let good = lists.iter().all(|(.., reason)| reason.is_none())
        && !unusable.iter().any(|(_, reason)| broken(reason));
    if app.json {
        let lists: Vec<_> = lists
            .iter()
            .map(|(id, as_of, reason)| {
                json!({"list": id, "asOf": as_of.to_string(), "good": reason.is_none(),
                       "reason": reason.map(ToString::to_string)})
            })
            .collect();
        let versions: Vec<_> = versions
            .iter()
            .map(|version| {
                json!({"did": version.did, "versionId": version.id,
                       "versionTime": version.time.to_string()})
            })
            .collect();
        let unusable: Vec<_> = unusable
            .iter()
            .map(|(did, reason)| {
                json!({"did": did, "code": reason.code(), "reason": reason.to_string()})
            })
            .collect();
        app.print_json(&json!({
            "good": good && timely, "signer": bundle.signer(), "sequence": bundle.sequence(),
            "issuedAt": bundle.issued_at().to_string(), "expires": bundle.expires().to_string(),
            "didDocuments": bundle.document_count(), "didVersions": versions,
            "unusableDids": unusable, "statusLists": lists, "digest": bundle.digest(),
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
        for version in versions {
            let (did, id) = (shown(&version.did), &version.id);
            writeln!(app.out, "{GREEN}✓{PLAIN} {did}, version {id} of {}", version.time)?;
        }
        for (_, reason) in unusable {
            let (style, mark) = if broken(reason) { (RED, '✗') } else { (DIM, '·') };
            writeln!(app.out, "{style}{mark}{PLAIN} {}", shown(&reason.to_string()))?;
        }
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
