//! `bonafide bundle pull`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::json::{Limits, Value, parse};
use bonafide_core::time::Timestamp;
use bonafide_fetch::Kind;
use bonafide_linked_data::SUITES;
use bonafide_proof::jose::CompactJws;
use bonafide_verifier::{BUNDLE_TOKEN, Bundle, Effect, Policy, Reason};
use clap::Args;
use serde_json::json;

use super::bundle::looks_like_bundle;
use super::duration;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};
use crate::human::{PLAIN, RED, shown};
use crate::network::{Network, failure};

#[derive(Debug, Args)]
#[command(
    after_help = "Example: bonafide bundle pull https://trust.example/trust.bundle --policy policy.toml --out trust.bundle

With --policy, a bundle that `verify` would not rely on, or that is older than the one in place, is
refused. Whatever goes wrong, the file in place stays as it is."
)]
pub(crate) struct Pull {
    /// Where it is published.
    url: String,
    /// Where to keep it.
    #[arg(long)]
    out: PathBuf,
    /// The policy that names who may sign bundles. Without it nothing is verified.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Keep the file in place, and fetch nothing, unless it ends within this time.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    if_ends_within: Option<Duration>,
    #[command(flatten)]
    network: Network,
}

/// What a bundle says of itself; verified if a policy was given.
struct Summary {
    /// `None` where nobody has checked it.
    signer: Option<String>,
    sequence: u64,
    issued_at: Timestamp,
    expires: Timestamp,
    digest: Option<String>,
}

impl Pull {
    pub(super) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        if files::is_standard_output(&self.out) {
            return Err(Failure::usage(
                "--out: a bundle is pulled into a file, to be compared with",
            ));
        }
        let policy = self.policy.as_deref().map(super::policy::load).transpose()?;
        if let Some(within) = self.if_ends_within {
            let soon = app.now.saturating_add(within);
            let current = self.in_place(policy.as_ref())?;
            if let Some(current) = current.filter(|current| current.expires > soon) {
                return self.kept(&current, app);
            }
        }
        let text = self.download(app.json)?;
        // Comparing and writing are one step, so that of two pulls the older can't win.
        let _lock = files::lock(&self.out)?;
        let new = match read(&text, policy.as_ref()) {
            Ok(new) => new,
            Err(reason) => return refused(&reason, app),
        };
        if policy.is_some() {
            let current = self.in_place(policy.as_ref())?;
            if let Some(reason) = not_usable(&new, current.as_ref(), app.now) {
                return refused(&reason, app);
            }
        }
        files::write(&self.out, &text, Access::Public)?;
        let out = self.out.display().to_string();
        if app.json {
            app.print_json(&json!({
                "pulled": true, "out": out, "verified": policy.is_some(), "signer": new.signer,
                "sequence": new.sequence, "issuedAt": new.issued_at.to_string(),
                "expires": new.expires.to_string(), "digest": new.digest,
            }))?;
            return Ok(Exit::Accepted);
        }
        let by = match &new.signer {
            Some(signer) => format!("signed by {}", shown(signer)),
            None => "not verified; see: bonafide bundle check".to_owned(),
        };
        writeln!(
            app.out,
            "bundle number {}, until {}, written to {out} ({by})",
            new.sequence, new.expires
        )?;
        Ok(Exit::Accepted)
    }

    /// The bundle in place, unless there is none or it is not one that counts.
    fn in_place(&self, policy: Option<&Policy>) -> Result<Option<Summary>, Failure> {
        if !self.out.exists() {
            return Ok(None);
        }
        let bytes = files::read(&self.out)?;
        Ok(std::str::from_utf8(&bytes).ok().and_then(|text| read(text, policy).ok()))
    }

    fn kept(&self, current: &Summary, app: &mut App<'_>) -> Result<Exit, Failure> {
        let (out, expires) = (self.out.display().to_string(), current.expires.to_string());
        if app.json {
            app.print_json(&json!({"pulled": false, "out": out, "expires": expires}))?;
        } else {
            writeln!(app.out, "{out} is good until {expires}; nothing fetched")?;
        }
        Ok(Exit::Accepted)
    }

    /// The text at the URL. What came so far is told on standard error, unless JSON is asked for.
    fn download(&self, quiet: bool) -> Result<String, Failure> {
        const STEP: u64 = 8 << 20;
        let fetcher = self.network.open()?;
        let mut next = STEP;
        let mut progress = |received: u64, total: Option<u64>| {
            if quiet || received < next {
                return;
            }
            next = received.saturating_add(STEP);
            let of = total.map(|total| format!(" of {}", total >> 20)).unwrap_or_default();
            // Whoever does not read it misses nothing.
            let _ = writeln!(std::io::stderr(), "{}{of} MiB", received >> 20);
        };
        let came = fetcher.bundle(&self.url, &mut progress).map_err(|error| failure(&error))?;
        if !quiet {
            let _ = writeln!(std::io::stderr(), "{} bytes fetched", came.body.len());
        }
        String::from_utf8(came.body).map_err(|_| Failure {
            exit: Exit::Rejected,
            message: format!("{} gave something that is no bundle: not UTF-8", came.url),
            help: None,
        })
    }
}

/// Reads a bundle: as `verify` would, or, without a policy, for what it claims to be.
fn read(text: &str, policy: Option<&Policy>) -> Result<Summary, Reason> {
    if let Some(policy) = policy {
        let bundle = Bundle::open_with(text.as_bytes(), policy, SUITES)?;
        return Ok(Summary {
            signer: Some(bundle.signer().to_owned()),
            sequence: bundle.sequence(),
            issued_at: bundle.issued_at(),
            expires: bundle.expires(),
            digest: Some(bundle.digest().to_owned()),
        });
    }
    let invalid = |detail: String| Reason::BundleInvalid { detail };
    unverified(text).map_err(invalid)
}

/// When a bundle says that it was made, and when it ends. Nothing is verified.
pub(super) fn times(text: &str) -> Option<(Timestamp, Timestamp)> {
    unverified(text).ok().map(|summary| (summary.issued_at, summary.expires))
}

fn unverified(text: &str) -> Result<Summary, String> {
    let jws =
        CompactJws::parse(text.trim_end(), BUNDLE_TOKEN).map_err(|error| error.to_string())?;
    let payload = jws.decode_payload().map_err(|error| error.to_string())?;
    let value = parse(&payload, &Limits::for_size(Kind::Bundle.cap()))
        .map_err(|error| format!("not strict JSON: {error}"))?;
    claimed(&value).ok_or_else(|| "it lacks what every bundle has".to_owned())
}

fn claimed(payload: &Value<'_>) -> Option<Summary> {
    let time = |member: &str| Timestamp::parse(payload.get(member)?.as_str()?).ok();
    let sequence = payload.get("sequence")?.as_integer()?;
    looks_like_bundle(payload).then_some(Summary {
        signer: None,
        sequence: u64::try_from(sequence).ok()?,
        issued_at: time("issuedAt")?,
        expires: time("expires")?,
        digest: None,
    })
}

/// Why a good bundle does not take the place of the current one.
fn not_usable(new: &Summary, current: Option<&Summary>, now: Timestamp) -> Option<Reason> {
    if new.expires <= now {
        return Some(Reason::BundleExpired { expires: new.expires, now });
    }
    let current = current.filter(|current| current.signer == new.signer)?;
    if new.sequence < current.sequence {
        let (sequence, newest) = (new.sequence, current.sequence);
        return Some(Reason::BundleRolledBack { sequence, newest });
    }
    let forked = new.sequence == current.sequence && new.digest != current.digest;
    forked.then_some(Reason::BundleForked { sequence: new.sequence })
}

fn refused(reason: &Reason, app: &mut App<'_>) -> Result<Exit, Failure> {
    let (code, message) = (reason.code(), reason.to_string());
    if app.json {
        let reasons = json!([{"code": code, "message": message}]);
        app.print_json(&json!({"pulled": false, "reasons": reasons}))?;
    } else {
        let message = shown(&message);
        writeln!(app.out, "{RED}✗ refused{PLAIN} {message} {RED}[{code}]{PLAIN}")?;
    }
    Ok(match reason.effect() {
        Effect::Rejects => Exit::Rejected,
        Effect::LeavesUndecided => Exit::Undecided,
    })
}
