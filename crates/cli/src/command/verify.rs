//! `bonafide verify`.

use std::path::PathBuf;

use bonafide_core::json::{Object, Value, to_pretty_string};
use bonafide_core::time::Timestamp;
use bonafide_linked_data::SUITES;
use bonafide_verifier::{
    Bundle, Check, CheckName, CheckOutcome, Evidence, Outcome, Policy, ProofReport, Reason,
    Request, Verdict, verify, verify_proof,
};
use clap::Args;
use sha2::{Digest, Sha256};

use super::present::Binding;
use super::timestamp;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::seen_file::FileSeen;
use crate::{files, human};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide verify presentation.json --policy policy.toml --bundle trust.bundle \\
      --challenge 9f1c2d --domain https://pay.example --action payments.execute
  bonafide verify score.vc --policy policy.toml --bundle trust.bundle
  bonafide verify score.vc --proof-only --did-document scorer.did.json
  bonafide verify header.jwt --policy policy.toml --bundle trust.bundle --action files.read \\
      --http GET https://files.example/reports/1 --service https://files.example \\
      --resource https://files.example/reports/1

Never uses the network. Without --state, replays and rolled-back bundles can't be noticed, and the
verdict says so.")]
pub(crate) struct Verify {
    /// A credential or presentation: JSON, a compact JWT or an SD-JWT; - for standard input.
    file: PathBuf,
    /// Whom to believe what, and what follows: a TOML file.
    #[arg(long, required_unless_present = "proof_only")]
    policy: Option<PathBuf>,
    /// DID documents and status lists, signed: what `bonafide bundle make` wrote.
    #[arg(long, requires = "policy")]
    bundle: Option<PathBuf>,
    /// A DID document that you vouch for; may be repeated.
    #[arg(long, value_name = "FILE")]
    did_document: Vec<PathBuf>,
    /// Decide as of this time instead of now.
    #[arg(long, value_parser = timestamp, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    binding: Binding,
    /// What the agent wants to do.
    #[arg(long)]
    action: Option<String>,
    /// What it wants to do it to, in canonical form.
    #[arg(long)]
    resource: Option<String>,
    /// An argument of the action; may be repeated. A grant may say what it has to be.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    argument: Vec<(String, String)>,
    /// The HTTP request that the presentation came with; needs --service, and no nonce.
    #[arg(long, num_args = 2, value_names = ["METHOD", "URI"], requires = "service")]
    http: Vec<String>,
    /// How the service that is called names itself: the presentation's audience.
    #[arg(long, value_name = "AUDIENCE", requires = "http")]
    #[arg(conflicts_with_all = ["audience", "domain"])]
    service: Option<String>,
    /// The body of that request.
    #[arg(long, value_name = "FILE", requires = "http")]
    body: Option<PathBuf>,
    /// An id for your records, repeated in the verdict.
    #[arg(long)]
    request_id: Option<String>,
    /// Remember nonces, bundles and status lists in this folder, and refuse what was seen before.
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Ask only whether the proof is good, and answers the nonce if there is one; nothing about
    /// trust.
    #[arg(long, conflicts_with_all = ["policy", "bundle", "action", "resource", "state"])]
    proof_only: bool,
}

impl Verify {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        if self.proof_only {
            let input = files::read(&self.file)?;
            let now = self.at.unwrap_or(app.now);
            return proof_only(&input, &self.request()?, &self.evidence()?, now, app);
        }
        let (verdict, policy) = self.decide(app)?;
        print(&verdict, &policy, app)?;
        Ok(exit(verdict.outcome()))
    }

    /// The verdict, and the policy that it follows from.
    pub(crate) fn decide(&self, app: &App<'_>) -> Result<(Verdict, Policy), Failure> {
        let path = self.policy.as_ref().ok_or_else(|| Failure::usage("--policy is missing"))?;
        let policy = super::policy::load(path)?;
        let input = files::read(&self.file)?;
        let now = self.at.unwrap_or(app.now);
        let request = self.request()?;
        let evidence = self.evidence()?;
        let bundle = match &self.bundle {
            None => None,
            Some(path) => match Bundle::open_with(&files::read(path)?, &policy, SUITES) {
                Ok(bundle) => Some(bundle),
                Err(reason) => {
                    let verdict = Verdict::without_bundle(reason, &request, &policy, now);
                    return Ok((verdict, policy));
                }
            },
        };
        let evidence = bundle.iter().fold(evidence, Evidence::with_bundle);
        let verdict = verify(&input, &request, &evidence, &policy, now);
        let verdict = self.remembered(verdict, app)?;
        Ok((verdict, policy))
    }

    fn evidence<'e>(&self) -> Result<Evidence<'e>, Failure> {
        let evidence = Evidence::new().with_suites(SUITES);
        self.did_document.iter().try_fold(evidence, |evidence, path| {
            Ok(evidence.with_document(files::read_document(path)?))
        })
    }

    fn request(&self) -> Result<Request, Failure> {
        let mut request = Request::new();
        if let Some(nonce) = self.binding.nonce() {
            request = request.nonce(nonce);
        }
        if let Some(audience) = self.binding.audience() {
            request = request.audience(audience);
        }
        if let Some(action) = &self.action {
            request = request.action(action);
        }
        if let Some(resource) = &self.resource {
            request = request.resource(resource);
        }
        for (name, value) in &self.argument {
            request = request.argument(name, value);
        }
        if let [method, uri] = &self.http[..] {
            request = request.http(method, uri);
        }
        if let Some(service) = &self.service {
            request = request.audience(service);
        }
        if let Some(path) = &self.body {
            request = request.body_digest(Sha256::digest(files::read(path)?).into());
        }
        if let Some(id) = &self.request_id {
            request = request.id(id);
        }
        Ok(request)
    }

    /// Holds the verdict against the state folder. What can't be written is not believed.
    fn remembered(&self, verdict: Verdict, app: &App<'_>) -> Result<Verdict, Failure> {
        let Some(folder) = &self.state else { return Ok(verdict) };
        let mut seen = FileSeen::open(folder, app.now)?;
        let verdict = verdict.remembered(&mut seen);
        seen.save()?;
        Ok(verdict)
    }
}

fn print(verdict: &Verdict, policy: &Policy, app: &mut App<'_>) -> Result<(), Failure> {
    if app.json {
        app.out.write_all(verdict.to_json().as_bytes())?;
        return Ok(());
    }
    write!(app.out, "{}", human::verdict(verdict))?;
    let missing = verdict.reasons().any(|reason| {
        matches!(reason, Reason::DidDocumentMissing { .. } | Reason::StatusListMissing { .. })
    });
    if missing {
        let hint = match policy.bundle_signers().is_empty() {
            true => "the policy names no signer of bundles, so only --did-document can help",
            false => "give a bundle that holds it: --bundle FILE",
        };
        writeln!(app.out, "\n  try: {hint}")?;
    }
    Ok(())
}

fn proof_only(
    input: &[u8],
    request: &Request,
    evidence: &Evidence<'_>,
    now: Timestamp,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let report = verify_proof(input, request, evidence, now);
    if app.json {
        let reasons = report.checks.iter().flat_map(|check| &check.reasons);
        let reason = |reason: &Reason| {
            Object::from([
                ("code", Value::from(reason.code())),
                ("message", reason.to_string().into()),
                ("values", reason.values().into()),
            ])
        };
        let answer = Object::from([
            ("question", Value::from("proof-only")),
            ("outcome", report.outcome.name().into()),
            ("reasons", reasons.map(reason).collect::<Vec<_>>().into()),
            ("signedBy", signed_by(&report).into()),
            ("trust", "not judged".into()),
        ]);
        write!(app.out, "{}", to_pretty_string(&answer.into()))?;
    } else {
        write!(app.out, "{}", human::proof_report(&report))?;
    }
    Ok(exit(report.outcome))
}

/// For each part, who signed: nobody in particular has to.
fn signed_by(report: &ProofReport) -> Vec<String> {
    let good =
        |check: &&Check| check.name == CheckName::Proof && check.outcome == CheckOutcome::Passed;
    let proofs = report.checks.iter().filter(good);
    proofs.map(|check| format!("{}: {}", check.part, check.note())).collect()
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn exit(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Accepted => Exit::Accepted,
        Outcome::Rejected => Exit::Rejected,
        Outcome::Undecided => Exit::Undecided,
    }
}
