//! The pipeline, top to bottom: bundle, presentation, each credential, one agent, level.

use bonafide_core::Malformed;
use bonafide_core::delegation::LONGEST_CHAIN;
use bonafide_core::json::{Limits, Value, canonical_length, parse};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{Held, Unverified, UnverifiedPresentation};
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_proof::sd_jwt::SdJwt;

use crate::check::credential::{self, CredentialReport, Source};
use crate::check::link::{self, Link};
use crate::check::presentation::{self, Envelope, PresentationFindings};
use crate::check::proof::{Budget, jose_reason};
use crate::check::sd_jwt::{self, Unopened};
use crate::check::{Context, chain, level};
use crate::effective::{Effective, Obligation};
use crate::evidence::short;
use crate::input::Input;
use crate::verdict::{Check, CheckName, CheckOutcome, Note, Outcome, Part, Verdict};
use crate::{Bundle, Evidence, Observation, Policy, Reason, Request};

/// Decides whether to believe `input`, and what its presenter may therefore do.
///
/// `input` is a credential or a presentation: JSON with Data Integrity proofs, an enveloped
/// object, or a compact `vc+jwt` or `vp+jwt`. Pure: the same arguments give the same verdict. All
/// checks are made and reported, within a budget: sizes are looked at before parsing, numbers of
/// credentials and signatures before checking them.
///
/// A credential alone can be accepted as authentic but earns no level. A level takes a
/// presentation that answers a `request` with nonce and audience.
pub fn verify(
    input: &[u8],
    request: &Request,
    evidence: &Evidence<'_>,
    policy: &Policy,
    now: Timestamp,
) -> Verdict {
    let context = Context { request, evidence, policy, now, budget: Budget::new() };
    let mut verdict = empty_verdict(&context);
    let (bundle_check, bundle_seen) = bundle(evidence.bundle, &context);
    verdict.checks.push(bundle_check);
    match Input::read(input, &policy.limits) {
        Err(reason) => unreadable(reason, &context, &mut verdict),
        Ok(Input::Credential(value)) => match Unverified::from_value(&value) {
            Ok(credential) => {
                let source = Source::Embedded(&value, &credential, input.len());
                alone(&source, &context, &mut verdict);
            }
            Err(error) => unreadable(Reason::malformed(error), &context, &mut verdict),
        },
        Ok(Input::CredentialJwt(token)) => alone(&Source::Jwt(&token), &context, &mut verdict),
        Ok(Input::CredentialSdJwt(token)) => sd_jwt(&token, &context, &mut verdict),
        Ok(Input::Presentation(value)) => {
            let envelope = Envelope::DataIntegrity(input.len());
            presented(&value, input.len(), &envelope, &context, &mut verdict);
        }
        Ok(Input::PresentationJwt(token)) => presented_jwt(&token, &context, &mut verdict),
        Ok(Input::PresentationSdJwt(token)) => presented_sd_jwt(&token, &context, &mut verdict),
    }
    verdict.checks.push(Check::not_made(
        Part::Presentation,
        CheckName::Seen,
        "no memory of earlier presentations was given",
    ));
    match bundle_seen {
        Some(seen) => verdict.observations.insert(0, seen),
        // Nothing of a bundle that is not relied on is remembered.
        None => verdict.observations.retain(|seen| matches!(seen, Observation::Nonce { .. })),
    }
    verdict.settle();
    verdict
}

fn empty_verdict(context: &Context<'_>) -> Verdict {
    Verdict {
        outcome: Outcome::Undecided,
        level: None,
        mode: context.policy.mode,
        checks: Vec::with_capacity(16),
        ladder: Vec::new(),
        presenter: None,
        chain: None,
        effective: Effective::default(),
        as_of: context.now,
        status_as_of: None,
        credential_digests: Vec::new(),
        bundle_digest: context.evidence.bundle.map(|bundle| bundle.digest().to_owned()),
        policy_digest: context.policy.digest.clone(),
        request_id: context.request.id.clone(),
        observations: Vec::new(),
        verified: Vec::new(),
    }
}

impl Verdict {
    /// The verdict where the bundle itself could not be opened: nothing else is looked at.
    pub fn without_bundle(
        reason: Reason,
        request: &Request,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let evidence = Evidence::new();
        let context = Context { request, evidence: &evidence, policy, now, budget: Budget::new() };
        let mut verdict = empty_verdict(&context);
        verdict.checks.push(Check::of(
            Part::Bundle,
            CheckName::Bundle,
            Note::Nothing,
            vec![reason],
        ));
        verdict.settle();
        verdict
    }
}

/// Is the evidence of today? And what to remember of the bundle, if it may be relied on.
fn bundle(bundle: Option<&Bundle>, context: &Context<'_>) -> (Check, Option<Observation>) {
    let Some(bundle) = bundle else {
        let none = Check::not_made(Part::Bundle, CheckName::Bundle, "no bundle was given");
        return (none, None);
    };
    let (policy, now) = (context.policy, context.now);
    let mut reasons = Vec::new();
    let newest = bundle.newest();
    // The bundle may have been opened under another policy, or this one may have changed since.
    if !policy.names_signer(bundle.signer()) {
        reasons.push(Reason::BundleUntrusted { signer: short(bundle.signer()) });
    }
    if !policy.has_begun(newest, now) {
        reasons.push(Reason::BundleFromFuture { issued_at: newest, now });
    }
    // One that has ended is still the newest that was seen.
    let seen = reasons.is_empty().then(|| Observation::Bundle {
        signer: bundle.signer().to_owned(),
        sequence: bundle.sequence(),
        digest: bundle.digest().to_owned(),
    });
    if policy.has_ended(bundle.expires(), now) {
        reasons.push(Reason::BundleExpired { expires: bundle.expires(), now });
    }
    let note = Note::Bundle { sequence: bundle.sequence(), issued_at: bundle.issued_at() };
    (Check::of(Part::Bundle, CheckName::Bundle, note, reasons), seen)
}

/// Input that can't be read: a caller that asked for a presentation is told so in terms of one.
fn unreadable(reason: Reason, context: &Context<'_>, verdict: &mut Verdict) {
    let part = match context.request.wants_presentation() {
        true => Part::Presentation,
        false => Part::Credential(0),
    };
    verdict.checks.push(Check::of(part, CheckName::Form, Note::Nothing, vec![reason]));
}

/// The longest presentation whose credentials are not measured one by one.
const SHORT: usize = 64 << 10;

/// A credential that came without a presentation.
fn alone(source: &Source<'_>, context: &Context<'_>, verdict: &mut Verdict) {
    let mut report = credential::check(0, source, context);
    let is_delegation = report.link.as_ref().is_some_and(|link| !link.is_root);
    verdict.verified.extend(report.verified.take());
    take(verdict, report);
    let part = Part::Credential(0);
    if is_delegation {
        let reasons = vec![Reason::ChainRootMissing {}];
        verdict.checks.push(Check::of(part, CheckName::Chain, Note::Nothing, reasons));
    }
    verdict.checks.push(if context.request.wants_presentation() {
        let reasons = vec![Reason::PresentationRequired {}];
        Check::of(part, CheckName::Binding, Note::Nothing, reasons)
    } else {
        Check::not_made(part, CheckName::Binding, "a credential alone earns no level")
    });
}

fn take(verdict: &mut Verdict, report: CredentialReport) {
    verdict.checks.extend(report.checks);
    verdict.credential_digests.extend(report.digest);
    verdict.status_as_of = verdict.status_as_of.into_iter().chain(report.status_as_of).min();
    for observation in report.observations {
        if !verdict.observations.contains(&observation) {
            verdict.observations.push(observation);
        }
    }
}

/// An SD-JWT for itself: with a key binding it is presented, without one it came alone. Whether it
/// has to be presented is the request's matter, never its own.
fn sd_jwt(token: &str, context: &Context<'_>, verdict: &mut Verdict) {
    let opened = match sd_jwt::open(token, None, context) {
        Ok(opened) => opened,
        Err(Unopened::Unreadable(reason)) => return unreadable(reason, context, verdict),
        Err(Unopened::NotSigned(reasons)) => {
            let part = Part::Credential(0);
            let check = Check::of(part, CheckName::Proof, Note::Nothing, reasons);
            return verdict.checks.push(check);
        }
    };
    let source = Source::OpenSdJwt(&opened);
    let Some(binding) = opened.key_binding() else { return alone(&source, context, verdict) };
    let findings = opened.bound(binding, context);
    conclude(findings, vec![credential::check(0, &source, context)], context, verdict);
}

/// What follows from a presentation and its credentials together: whose they are, what their chain
/// gives, which level is reached.
fn conclude(
    findings: PresentationFindings,
    mut reports: Vec<CredentialReport>,
    context: &Context<'_>,
    verdict: &mut Verdict,
) {
    verdict.checks.extend(findings.checks);
    let presenter = findings.presenter.as_deref();
    let links: Vec<Link> = reports.iter_mut().filter_map(|report| report.link.take()).collect();
    let walked =
        (!links.is_empty()).then(|| chain::walk(&links, presenter, &findings.methods, context));
    let (walk, chain) = walked.map_or((None, None), |(check, chain)| (Some(check), chain));
    let mut verified = Vec::new();
    for (index, mut report) in reports.into_iter().enumerate() {
        let one_agent = presentation::one_agent(index, &report, presenter, &links, chain.as_ref());
        // A credential of somebody else says nothing of the presenter's level.
        let theirs = one_agent.outcome == CheckOutcome::Passed;
        report.checks.push(one_agent);
        verified.extend(report.verified.take().filter(|_| theirs));
        take(verdict, report);
    }
    verdict.checks.extend(walk);
    let mut obligations = Vec::new();
    if let Some(chain) = chain.as_ref().filter(|_| !context.request.shows_chain) {
        let (check, open) = chain::allows(chain, context);
        verdict.checks.push(check);
        obligations = open;
    }
    verdict.presenter = findings.presenter;
    verdict.chain = chain;
    award(&verified, obligations, findings.jti, context, verdict);
    verdict.verified = verified;
}

/// A presentation that is an SD-JWT signed by the holder (VC-JOSE-COSE, 3.2.2).
fn presented_sd_jwt(token: &str, context: &Context<'_>, verdict: &mut Verdict) {
    let opened = SdJwt::parse(token, TokenType::VP_SD_JWT)
        .map_err(|error| sd_jwt::reason(error, ""))
        .and_then(|token| {
            if token.key_binding().is_some() {
                let detail = "the holder signs it; a key binding is out of place";
                return Err(Reason::malformed(Malformed::new("SD-JWT presentation", detail)));
            }
            let (claims, _) = sd_jwt::disclosed(&token, TokenType::VP_SD_JWT)?;
            Ok((Value::Object(claims), token))
        });
    match opened {
        Ok((value, opened)) => {
            let envelope = Envelope::Jwt(opened.issuer_jws());
            presented(&value, token.len(), &envelope, context, verdict);
        }
        Err(reason) => unreadable(reason, context, verdict),
    }
}

fn presented_jwt(token: &str, context: &Context<'_>, verdict: &mut Verdict) {
    let refuse = |name, reason| Check::of(Part::Presentation, name, Note::Nothing, vec![reason]);
    let jws = match CompactJws::parse(token, TokenType::VP) {
        Ok(jws) => jws,
        Err(error) => return verdict.checks.push(refuse(CheckName::Proof, jose_reason(error, ""))),
    };
    let payload = match jws.decode_payload() {
        Ok(payload) => payload,
        Err(error) => return verdict.checks.push(refuse(CheckName::Form, jose_reason(error, ""))),
    };
    match parse(&payload, &Limits::for_size(context.policy.limits.presentation)) {
        Ok(value) => presented(&value, payload.len(), &Envelope::Jwt(&jws), context, verdict),
        Err(error) => {
            let reason = Reason::malformed(Malformed::json("presentation", &error));
            verdict.checks.push(refuse(CheckName::Form, reason));
        }
    }
}

fn presented(
    value: &Value<'_>,
    bytes: usize,
    envelope: &Envelope<'_>,
    context: &Context<'_>,
    verdict: &mut Verdict,
) {
    let most = context.policy.limits.credentials;
    let presentation = match UnverifiedPresentation::from_value(value, most) {
        Ok(presentation) => presentation,
        Err(error) => {
            let reasons = vec![Reason::malformed(error)];
            let check = Check::of(Part::Presentation, CheckName::Form, Note::Nothing, reasons);
            return verdict.checks.push(check);
        }
    };
    if let Some(check) = too_long(&presentation) {
        return verdict.checks.push(check);
    }
    let findings = presentation::check(&presentation, envelope, context);
    let reports = presentation.held().iter().enumerate().map(|(index, one)| {
        let source = match one {
            Held::Embedded(value, credential) => {
                // No part of a short presentation is long; of another it has to be measured.
                let short = SHORT.min(context.policy.limits.credential);
                let bytes = if bytes <= short { bytes } else { canonical_length(value) };
                Source::Embedded(value, credential, bytes)
            }
            Held::Enveloped(enveloped) => Source::Enveloped(enveloped, &findings.keys),
        };
        credential::check(index, &source, context)
    });
    let reports = reports.collect();
    conclude(findings, reports, context, verdict);
}

/// A chain that is too long is refused before any signature is looked at. Links in envelopes are
/// counted when they are read; how many credentials there are in all is limited in any case.
fn too_long(presentation: &UnverifiedPresentation<'_>) -> Option<Check> {
    let is_link = |one: &&Held<'_>| match one {
        Held::Embedded(_, credential) => link::is_link(credential.claimed_types()),
        Held::Enveloped(_) => false,
    };
    let links = presentation.held().iter().filter(is_link).count();
    (links > LONGEST_CHAIN).then(|| {
        let reason = Reason::ChainTooLong { links: links as u64, limit: LONGEST_CHAIN as u64 };
        Check::of(Part::Presentation, CheckName::Chain, Note::Nothing, vec![reason])
    })
}

/// Grants the first rung that holds, if nothing speaks against the presentation.
fn award(
    verified: &[crate::Verified],
    mut obligations: Vec<Obligation>,
    jti: Option<String>,
    context: &Context<'_>,
    verdict: &mut Verdict,
) {
    let spotless = verdict
        .checks
        .iter()
        .all(|check| matches!(check.outcome, CheckOutcome::Passed | CheckOutcome::NotChecked));
    let presenter = verdict.presenter.as_deref();
    verdict.ladder = level::climb(verified, presenter, verdict.chain.as_ref(), context);
    if !spotless {
        let why = "not judged: the presentation is not accepted";
        return verdict.checks.push(Check::not_made(Part::Presentation, CheckName::Level, why));
    }
    let granted = verdict.ladder.last().filter(|rung| rung.lacks.is_empty());
    let Some(granted) = granted.map(|rung| rung.level.clone()) else {
        let levels: Vec<&str> = context.policy.levels().collect();
        let reasons = vec![Reason::NoLevel { ladder: levels.join(", ") }];
        let check = Check::of(Part::Presentation, CheckName::Level, Note::Nothing, reasons);
        return verdict.checks.push(check);
    };
    let Request { action, resource, audience, nonce, .. } = context.request;
    let rung = context.policy.ladder.iter().find(|rung| rung.name == granted);
    let allowed = rung.map(|rung| rung.actions.clone()).unwrap_or_default();
    verdict.effective = if context.request.shows_chain {
        Effective::default()
    } else if let Some(chain) = &verdict.chain {
        chain::effective(chain, &allowed, obligations, context)
    } else {
        // Rungs do not judge resources: the service has to.
        let (level, resource) = (granted.clone(), resource.clone());
        obligations.extend(resource.map(|resource| Obligation::Resource { level, resource }));
        let actions = action.clone().map_or(allowed, |action| vec![action]);
        Effective { actions, resources: Vec::new(), obligations }
    };
    verdict.checks.push(Check::of(
        Part::Presentation,
        CheckName::Level,
        Note::Text(granted.clone()),
        Vec::new(),
    ));
    verdict.level = Some(granted);
    // What is used once: the nonce that was asked for, or the presentation's own id.
    let own = || jti.map(|jti| format!("jti:{jti}"));
    let once = nonce.clone().or_else(own);
    if let (Some(audience), Some(nonce)) = (audience.clone(), once) {
        verdict.observations.push(Observation::Nonce { audience, nonce });
    }
}

/// What [`verify_proof`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofReport {
    /// Whether form and proof are good, and the answer to the request if there is one. Nothing
    /// more.
    pub outcome: Outcome,
    /// The checks of form and proof, and of holder and binding if something was asked.
    pub checks: Vec<Check>,
    /// SHA-256 of each credential in hexadecimal, independent of its signatures: the digest by
    /// which a delegation names its parent.
    pub digests: Vec<String>,
}

/// Asks the narrower question whether form and proof are good, and whether the request is answered
/// if it names a nonce or an audience: not whether to trust who signed, nor what was revoked. A
/// presentation without credentials shows that its holder has the key, which is enough here.
pub fn verify_proof(
    input: &[u8],
    request: &Request,
    evidence: &Evidence<'_>,
    now: Timestamp,
) -> ProofReport {
    let asked = request.wants_presentation();
    let mut verdict = verify(input, request, evidence, &Policy::trusting_nobody(), now);
    verdict.checks.retain(|check| match check.name {
        CheckName::Form | CheckName::Proof => true,
        CheckName::Holder | CheckName::Binding => asked,
        _ => false,
    });
    for check in &mut verdict.checks {
        let empty = |reason: &Reason| matches!(reason, Reason::PresentationEmpty {});
        if check.reasons.iter().any(empty) {
            let mut reasons = std::mem::take(&mut check.reasons);
            reasons.retain(|reason| !empty(reason));
            *check = Check::of(check.part, check.name, check.note.clone(), reasons);
        }
    }
    verdict.settle();
    ProofReport {
        outcome: verdict.outcome,
        checks: verdict.checks,
        digests: verdict.credential_digests,
    }
}
