//! The pipeline, top to bottom: bundle, presentation, each credential, one agent, level.

use std::borrow::Cow;

use bonafide_core::Malformed;
use bonafide_core::json::{Limits, Value, canonical_length, parse};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{Enveloped, Held, Unverified, UnverifiedPresentation};
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_proof::sd_jwt::SdJwt;

use crate::check::credential::{self, CredentialReport, Source};
use crate::check::presentation::{self, Envelope};
use crate::check::proof::{Budget, jose_reason};
use crate::check::sd_jwt::{self, Unopened};
use crate::check::{Context, level};
use crate::evidence::short;
use crate::policy::Sizes;
use crate::verdict::{Check, CheckName, CheckOutcome, Effective, Note, Outcome, Part, Verdict};
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

/// What was sent, told apart by its own types.
enum Input<'i> {
    Credential(Value<'i>),
    CredentialJwt(Cow<'i, str>),
    /// With or without a key binding, which makes it a presentation.
    CredentialSdJwt(Cow<'i, str>),
    Presentation(Value<'i>),
    PresentationJwt(Cow<'i, str>),
    PresentationSdJwt(Cow<'i, str>),
}

impl<'i> Input<'i> {
    fn read(input: &'i [u8], sizes: &Sizes) -> Result<Self, Reason> {
        let most = sizes.presentation.max(sizes.credential);
        Reason::within("the input", input.len(), most)?;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if input.iter().find(|byte| !blank(byte)) != Some(&b'{') {
            let token = Self::text(input)?.trim_matches([' ', '\t', '\n', '\r']);
            return Self::of_token(Cow::Borrowed(token), sizes);
        }
        // A short input is granted no more values than a credential may hold.
        let values = Limits::for_size(input.len().max(sizes.credential)).values;
        let value = parse(input, &Limits { values, ..Limits::for_size(most) })
            .map_err(|error| Reason::malformed(Malformed::json("input", &error)))?;
        if let Some(enveloped) = Enveloped::from_value(&value) {
            let enveloped = enveloped.map_err(Reason::malformed)?;
            credential::same_type(&enveloped)?;
            return Self::of_token(Cow::Owned(enveloped.data.to_owned()), sizes);
        }
        // A JWS in one of its JSON forms, which only SD-JWTs have here (RFC 9901, 8).
        if value.get("payload").is_some() && value.get("@context").is_none() {
            let token = sd_jwt::compacted(Self::text(input)?)?.into_owned();
            return Self::of_token(Cow::Owned(token), sizes);
        }
        let types = value.get("type").map(Value::one_or_more).unwrap_or_default();
        if types.iter().any(|name| name.as_str() == Some("VerifiablePresentation")) {
            Reason::within("the presentation", input.len(), sizes.presentation)?;
            return Ok(Self::Presentation(value));
        }
        Reason::within("the credential", input.len(), sizes.credential)?;
        Ok(Self::Credential(value))
    }

    fn text(input: &'i [u8]) -> Result<&'i str, Reason> {
        std::str::from_utf8(input)
            .map_err(|_| Reason::malformed(Malformed::new("input", "not UTF-8")))
    }

    /// A token is what its own `typ` says.
    fn of_token(token: Cow<'i, str>, sizes: &Sizes) -> Result<Self, Reason> {
        let selective = token.contains('~');
        let typ = match selective {
            true => SdJwt::peek_typ(&token),
            false => CompactJws::peek_typ(&token),
        };
        let presentation =
            |token: &str| Reason::within("the presentation", token.len(), sizes.presentation);
        match (typ.as_deref(), selective) {
            (Some(typ), false) if typ == TokenType::VP.typ => {
                presentation(&token)?;
                Ok(Self::PresentationJwt(token))
            }
            (Some(typ), true) if typ == TokenType::VP_SD_JWT.typ => {
                presentation(&token)?;
                Ok(Self::PresentationSdJwt(token))
            }
            (Some(typ), true)
                if [TokenType::VC_SD_JWT.typ, TokenType::DC_SD_JWT.typ].contains(&typ) =>
            {
                Ok(Self::CredentialSdJwt(token))
            }
            (Some(typ), false) if typ == TokenType::VC.typ => Ok(Self::CredentialJwt(token)),
            (Some(typ), selective) => {
                let expected = match selective {
                    true => [TokenType::VC_SD_JWT, TokenType::VP_SD_JWT],
                    false => [TokenType::VC, TokenType::VP],
                };
                Err(Reason::TypMismatch {
                    expected: expected.map(|known| known.typ).join(" or "),
                    found: Some(typ.chars().take(64).collect()),
                })
            }
            (None, true) => Ok(Self::CredentialSdJwt(token)),
            (None, false) if token.bytes().filter(|byte| *byte == b'.').take(3).count() == 2 => {
                Ok(Self::CredentialJwt(token))
            }
            (None, false) => Err(Reason::malformed(Malformed::new(
                "input",
                "expected a JSON object, a compact JWT or an SD-JWT",
            ))),
        }
    }
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
    verdict.verified.extend(report.verified.take());
    take(verdict, report);
    let part = Part::Credential(0);
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
    verdict.checks.extend(findings.checks);
    let mut verified = Vec::new();
    held(0, &source, findings.presenter.as_deref(), &mut verified, context, verdict);
    verdict.presenter = findings.presenter;
    grant(&verified, context, verdict);
    verdict.verified = verified;
}

/// Checks one credential of a presentation; it counts if it passed and speaks of the presenter.
fn held(
    index: usize,
    source: &Source<'_>,
    presenter: Option<&str>,
    verified: &mut Vec<crate::Verified>,
    context: &Context<'_>,
    verdict: &mut Verdict,
) {
    let mut report = credential::check(index, source, context);
    let one_agent = presentation::one_agent(index, &report, presenter);
    // A credential of somebody else says nothing of the presenter's level.
    let theirs = one_agent.outcome == CheckOutcome::Passed;
    report.checks.push(one_agent);
    verified.extend(report.verified.take().filter(|_| theirs));
    take(verdict, report);
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
    let findings = presentation::check(&presentation, envelope, context);
    verdict.checks.extend(findings.checks);

    let mut verified = Vec::new();
    for (index, one) in presentation.held().iter().enumerate() {
        let source = match one {
            Held::Embedded(value, credential) => {
                // No part of a short presentation is long; of another it has to be measured.
                let short = SHORT.min(context.policy.limits.credential);
                let bytes = if bytes <= short { bytes } else { canonical_length(value) };
                Source::Embedded(value, credential, bytes)
            }
            Held::Enveloped(enveloped) => Source::Enveloped(enveloped, &findings.keys),
        };
        let presenter = findings.presenter.as_deref();
        held(index, &source, presenter, &mut verified, context, verdict);
    }
    verdict.presenter = findings.presenter;
    grant(&verified, context, verdict);
    verdict.verified = verified;
}

/// Grants the first rung that holds, if nothing speaks against the presentation.
fn grant(verified: &[crate::Verified], context: &Context<'_>, verdict: &mut Verdict) {
    let spotless = verdict
        .checks
        .iter()
        .all(|check| matches!(check.outcome, CheckOutcome::Passed | CheckOutcome::NotChecked));
    verdict.ladder = level::climb(verified, context);
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
    verdict.effective.actions = action.clone().map_or(allowed, |action| vec![action]);
    // Rungs do not judge resources: the service has to.
    let unjudged = |resource| format!("decide whether level {granted} may touch {resource}");
    verdict.effective.obligations = resource.iter().map(unjudged).collect();
    verdict.checks.push(Check::of(
        Part::Presentation,
        CheckName::Level,
        Note::Text(granted.clone()),
        Vec::new(),
    ));
    verdict.level = Some(granted);
    if let (Some(audience), Some(nonce)) = (audience.clone(), nonce.clone()) {
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
    ProofReport { outcome: verdict.outcome, checks: verdict.checks }
}
