//! What came out: version 1 of the verdict, and its JSON (`schemas/verdict-v1.json`).

use std::fmt;

use bonafide_core::delegation::{Principal, Rights};
use bonafide_core::json::{Object, Value, to_pretty_string};
use bonafide_core::time::{Timestamp, format_duration};

use crate::effective::{Chain, ChainLink, Effective, Obligation, principal_json};
use crate::{Effect, Observation, Reason, Verified};

/// The JSON Schema of the verdict's JSON.
pub const VERDICT_SCHEMA: &str = include_str!("../../../schemas/verdict-v1.json");

/// Whether to believe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every check passed.
    Accepted,
    /// At least one check failed.
    Rejected,
    /// Nothing is known to be wrong, but something is missing. Never as good as accepted.
    Undecided,
}

impl Outcome {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Undecided => "undecided",
        }
    }
}

/// Whether the service acts on verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// It only reports what enforcement would have done.
    Audit,
}

/// What a check looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The trust bundle.
    Bundle,
    /// The presentation as a whole.
    Presentation,
    /// A credential, by its place in the presentation; 0 when it came alone.
    Credential(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle => f.write_str("bundle"),
            Self::Presentation => f.write_str("presentation"),
            Self::Credential(index) => write!(f, "credential/{index}"),
        }
    }
}

/// What is checked, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are the documentation; see `question`
pub enum CheckName {
    Bundle,
    Form,
    Proof,
    Issuer,
    Time,
    Schema,
    Status,
    Holder,
    Binding,
    OneAgent,
    Chain,
    Rights,
    Level,
    Seen,
}

impl CheckName {
    /// The word in JSON, and the question it answers.
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Bundle => ("bundle", "is the evidence signed, and of today?"),
            Self::Form => ("form", "is it what it claims to be?"),
            Self::Proof => ("proof", "is every signature good, by a key that may sign this?"),
            Self::Issuer => ("issuer", "did a trusted issuer attest it?"),
            Self::Time => ("time", "is it within its time?"),
            Self::Schema => ("schema", "does it say all it must, and nothing odd?"),
            Self::Status => ("status", "is it revoked or suspended, as far as is known?"),
            Self::Holder => ("holder", "does the holder control the key?"),
            Self::Binding => ("binding", "does it answer this very request?"),
            Self::OneAgent => ("one-agent", "does it speak of the agent that presents it?"),
            Self::Chain => ("chain", "does the chain only narrow, down to who presents it?"),
            Self::Rights => ("rights", "does the chain allow this very request?"),
            Self::Level => ("level", "which permission level follows?"),
            Self::Seen => ("seen", "is it new, as far as is remembered?"),
        }
    }

    /// The word in JSON.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The question that the check answers.
    pub fn question(self) -> &'static str {
        self.row().1
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It passed.
    Passed,
    /// It failed; the reasons say why.
    Failed,
    /// It could not be decided; the reasons say what is missing.
    Unknown,
    /// It was not asked for, or could not be made after an earlier failure.
    NotChecked,
}

impl CheckOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NotChecked => "not-checked",
        }
    }
}

/// The version of a did:webvh under which something was signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DidVersion {
    /// The DID.
    pub did: String,
    /// `versionId`: `<number>-<hash>`.
    pub id: String,
    /// `versionTime`: from when on it holds, as the DID's controller says.
    pub time: Timestamp,
}

impl DidVersion {
    fn to_json(&self) -> Object<'static> {
        Object::from([
            ("did", self.did.clone()),
            ("versionId", self.id.clone()),
            ("versionTime", self.time.to_string()),
        ])
    }
}

/// What a check found. Put into words only when somebody reads it.
///
/// Who signed stands with the version of the did:webvh that lists the key; status lists with those
/// versions `under` which they were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Nothing,
    Said(&'static str),
    Text(String),
    Bundle { sequence: u64, issued_at: Timestamp },
    PresentationOf(usize),
    ChainOf(usize),
    Obliges(usize),
    SignedBy(Vec<(String, Option<DidVersion>)>),
    Answers { nonce: String, audience: String },
    Issuer { name: Option<String>, did: String },
    Until(Timestamp),
    Fits(String),
    StatusAsOf { as_of: Timestamp, now: Timestamp, messages: Vec<String>, under: Vec<DidVersion> },
}

impl Note {
    fn did_versions(&self) -> Vec<&DidVersion> {
        match self {
            Self::SignedBy(methods) => {
                methods.iter().filter_map(|(_, version)| version.as_ref()).collect()
            }
            Self::StatusAsOf { under, .. } => under.iter().collect(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Said(text) => f.write_str(text),
            Self::Text(text) => f.write_str(text),
            Self::Bundle { sequence, issued_at } => write!(f, "number {sequence} of {issued_at}"),
            Self::PresentationOf(count) => write!(f, "presentation of {count}"),
            Self::ChainOf(1) => f.write_str("a grant, not handed on"),
            Self::ChainOf(count) => write!(f, "a grant, handed on {} times", count - 1),
            Self::Obliges(0) => f.write_str("nothing is left to the service"),
            Self::Obliges(count) => write!(f, "{count} obligations are left to the service"),
            Self::SignedBy(methods) => {
                for (index, (method, version)) in methods.iter().enumerate() {
                    let before = if index == 0 { "signed by" } else { "," };
                    write!(f, "{before} {method}")?;
                    if let Some(DidVersion { id, time, .. }) = version {
                        write!(f, " (version {id} of {time})")?;
                    }
                }
                Ok(())
            }
            Self::Answers { nonce, audience } => write!(f, "answers {nonce} for {audience}"),
            Self::Issuer { name: Some(name), did } => write!(f, "{name} ({did})"),
            Self::Issuer { name: None, did } => f.write_str(did),
            Self::Until(until) => write!(f, "until {until}"),
            Self::Fits(schema) => write!(f, "fits {schema}"),
            Self::StatusAsOf { as_of, now, messages, .. } => {
                let age = format_duration(now.saturating_since(*as_of));
                write!(f, "as of {as_of}, {age} ago")?;
                messages.iter().try_for_each(|message| write!(f, "; {message}"))
            }
        }
    }
}

/// One check of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub part: Part,
    /// What was checked.
    pub name: CheckName,
    /// How it went.
    pub outcome: CheckOutcome,
    pub(crate) note: Note,
    /// Why it did not pass.
    pub reasons: Vec<Reason>,
}

impl Check {
    /// What was found, for people. Not stable.
    pub fn note(&self) -> String {
        self.note.to_string()
    }

    /// A check that passes if there are no reasons against it.
    pub(crate) fn of(part: Part, name: CheckName, note: Note, reasons: Vec<Reason>) -> Self {
        let rejects = reasons.iter().any(|reason| reason.effect() == Effect::Rejects);
        let outcome = match (reasons.is_empty(), rejects) {
            (true, _) => CheckOutcome::Passed,
            (false, true) => CheckOutcome::Failed,
            (false, false) => CheckOutcome::Unknown,
        };
        Self { part, name, outcome, note, reasons }
    }

    pub(crate) fn not_made(part: Part, name: CheckName, note: &'static str) -> Self {
        let outcome = CheckOutcome::NotChecked;
        Self { part, name, outcome, note: Note::Said(note), reasons: Vec::new() }
    }

    fn to_json(&self) -> Object<'static> {
        Object::from([
            ("part", Value::from(self.part.to_string())),
            ("check", self.name.name().into()),
            ("outcome", self.outcome.name().into()),
            ("note", self.note().into()),
            ("reasons", self.reasons.iter().map(reason_json).collect::<Vec<_>>().into()),
        ])
    }
}

fn reason_json(reason: &Reason) -> Object<'static> {
    let effect = match reason.effect() {
        Effect::Rejects => "rejects",
        Effect::LeavesUndecided => "leaves-undecided",
    };
    Object::from([
        ("code", Value::from(reason.code())),
        ("effect", effect.into()),
        ("message", reason.to_string().into()),
        ("values", reason.values().into()),
    ])
}

/// What a rung asked for and did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// What was asked for: `tier`, `score`, `certification`, …
    pub what: &'static str,
    /// What the rung needs.
    pub needs: String,
    /// What there is.
    pub has: String,
}

/// How one rung of the ladder fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RungReport {
    /// The level's name.
    pub level: String,
    /// What it lacked; empty if it holds.
    pub lacks: Vec<Lack>,
}

impl RungReport {
    fn to_json(&self) -> Object<'static> {
        let lack = |lack: &Lack| {
            Object::from([("what", lack.what), ("needs", &lack.needs), ("has", &lack.has)])
                .into_owned()
        };
        Object::from([
            ("level", Value::from(self.level.clone())),
            ("lacks", self.lacks.iter().map(lack).collect::<Vec<_>>().into()),
        ])
    }
}

/// The answer: the same bytes for the same input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) level: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) checks: Vec<Check>,
    pub(crate) ladder: Vec<RungReport>,
    pub(crate) presenter: Option<String>,
    pub(crate) chain: Option<Chain>,
    pub(crate) effective: Effective,
    pub(crate) as_of: Timestamp,
    pub(crate) status_as_of: Option<Timestamp>,
    pub(crate) credential_digests: Vec<String>,
    pub(crate) bundle_digest: Option<String>,
    pub(crate) policy_digest: String,
    pub(crate) request_id: Option<String>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) verified: Vec<Verified>,
}

impl Verdict {
    /// Whether to believe it.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The permission level granted; `None` unless a presentation that answers the request was
    /// accepted.
    pub fn level(&self) -> Option<&str> {
        self.level.as_deref()
    }

    /// Whether the policy enforces verdicts or only audits them.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Every check, in the order in which they were made.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Every reason, in the order of the checks.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.checks.iter().flat_map(|check| &check.reasons)
    }

    /// Whether some reason has this code.
    pub fn has_reason(&self, code: &str) -> bool {
        self.reasons().any(|reason| reason.code() == code)
    }

    /// How each rung of the ladder fared, strongest first, down to the one granted.
    pub fn ladder(&self) -> &[RungReport] {
        &self.ladder
    }

    /// The DID that presented; `None` if that is not known for sure.
    pub fn presenter(&self) -> Option<&str> {
        self.presenter.as_deref()
    }

    /// The chain of grant and delegations that was presented, from the grant down; empty if there
    /// was none or it is not good.
    pub fn chain(&self) -> &[ChainLink] {
        self.chain.as_ref().map(|chain| &chain.links[..]).unwrap_or_default()
    }

    /// The rights of each link of the chain, in the same order.
    pub fn chain_rights(&self) -> &[Rights] {
        self.chain.as_ref().map(|chain| &chain.rights[..]).unwrap_or_default()
    }

    /// On whose behalf the presenter acts, as the grant says.
    pub fn principal(&self) -> Option<&Principal> {
        self.chain.as_ref()?.principal.as_ref()
    }

    /// What the presenter may effectively do.
    pub fn effective(&self) -> &Effective {
        &self.effective
    }

    /// The credentials, whose claims may now be read; none unless the outcome is accepted.
    pub fn verified(&self) -> &[Verified] {
        &self.verified
    }

    /// The time at which all this holds.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// The oldest knowledge of revocation that it rests on.
    pub fn status_as_of(&self) -> Option<Timestamp> {
        self.status_as_of
    }

    /// Which version of each did:webvh it rests on, in the order of the DIDs.
    pub fn did_versions(&self) -> Vec<&DidVersion> {
        let notes = self.checks.iter().map(|check| &check.note);
        let mut versions: Vec<&DidVersion> = notes.flat_map(Note::did_versions).collect();
        versions.sort();
        versions.dedup();
        versions
    }

    /// SHA-256 of each credential in hexadecimal, independent of its signatures.
    pub fn credential_digests(&self) -> &[String] {
        &self.credential_digests
    }

    pub(crate) fn settle(&mut self) {
        let outcomes = || self.checks.iter().map(|check| check.outcome);
        self.outcome = if outcomes().any(|outcome| outcome == CheckOutcome::Failed) {
            Outcome::Rejected
        } else if outcomes().any(|outcome| outcome == CheckOutcome::Unknown) {
            Outcome::Undecided
        } else {
            Outcome::Accepted
        };
        if self.outcome != Outcome::Accepted {
            self.level = None;
            self.effective = Effective::default();
            self.chain = None;
            self.verified.clear();
        }
    }

    /// The verdict as JSON of version 1, indented, with a line feed at the end.
    pub fn to_json(&self) -> String {
        let strings = |items: &[String]| Value::from(items.to_vec());
        let mode = match self.mode {
            Mode::Enforce => "enforce",
            Mode::Audit => "audit",
        };
        let Effective { actions, resources, obligations } = &self.effective;
        let effective = Object::from([
            ("actions", strings(actions)),
            ("resources", strings(resources)),
            ("obligations", obligations.iter().map(Obligation::to_json).collect::<Vec<_>>().into()),
        ]);
        let digests = Object::from([
            ("credentials", strings(&self.credential_digests)),
            ("bundle", or_null(self.bundle_digest.as_ref())),
            ("policy", self.policy_digest.clone().into()),
        ]);
        let did_versions: Vec<_> =
            self.did_versions().into_iter().map(DidVersion::to_json).collect();
        let verdict = Object::from([
            ("version", Value::from(1_u32)),
            ("outcome", self.outcome.name().into()),
            ("level", or_null(self.level.as_ref())),
            ("mode", mode.into()),
            ("reasons", self.reasons().map(reason_json).collect::<Vec<_>>().into()),
            ("checks", self.checks.iter().map(Check::to_json).collect::<Vec<_>>().into()),
            ("ladder", self.ladder.iter().map(RungReport::to_json).collect::<Vec<_>>().into()),
            ("presenter", or_null(self.presenter.as_ref())),
            ("principal", self.principal().map_or(Value::Null, |who| principal_json(who).into())),
            ("chain", self.chain().iter().map(ChainLink::to_json).collect::<Vec<_>>().into()),
            ("effective", effective.into()),
            ("asOf", self.as_of.to_string().into()),
            ("statusAsOf", or_null(self.status_as_of.as_ref())),
            ("didVersions", did_versions.into()),
            ("digests", digests.into()),
            ("requestId", or_null(self.request_id.as_ref())),
        ]);
        to_pretty_string(&verdict.into())
    }
}

pub(crate) fn or_null(value: Option<&impl ToString>) -> Value<'static> {
    value.map_or(Value::Null, |value| value.to_string().into())
}
