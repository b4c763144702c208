//! The presentation as a whole: who holds it, and does it answer this very request?

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::PublicKey;
use bonafide_core::vc::UnverifiedPresentation;
use bonafide_proof::data_integrity::Proof;
use bonafide_proof::jose::CompactJws;

use super::Context;
use super::channel;
use super::credential::{CredentialReport, JwtClaims};
use super::link::Link;
use super::proof::Proofs;
use crate::effective::Chain;
use crate::evidence::short;
use crate::verdict::{Check, CheckName, CheckOutcome, Note, Part};
use crate::{Reason, Request};

/// How the presentation is secured.
pub(crate) enum Envelope<'e> {
    /// Of a document of so many bytes.
    DataIntegrity(usize),
    Jwt(&'e CompactJws<'e>),
}

/// What was found of the presentation itself.
#[derive(Debug)]
pub(crate) struct PresentationFindings {
    pub(crate) checks: Vec<Check>,
    /// The DID that controls the key which signed, if proof and holder passed.
    pub(crate) presenter: Option<String>,
    /// The keys of the good signatures.
    pub(crate) keys: Vec<PublicKey>,
    /// The DID URLs of those keys.
    pub(crate) methods: Vec<String>,
    /// The presentation's own id, where it is used once by that and not by a nonce.
    pub(crate) jti: Option<String>,
}

pub(crate) fn check(
    presentation: &UnverifiedPresentation<'_>,
    envelope: &Envelope<'_>,
    context: &Context<'_>,
) -> PresentationFindings {
    let (policy, now) = (context.policy, context.now);
    let document = presentation.unverified_document();
    let mut binding = Vec::new();
    let mut form = Vec::new();
    let mut proofs = match envelope {
        Envelope::DataIntegrity(bytes) => {
            // Only a token has claims that bind it to an HTTP request.
            binding.extend(channel::check(&Object::new(), context.request));
            let purpose = Relationship::Authentication;
            form.extend(JwtClaims::refuse_in(document).err().map(Reason::malformed));
            context.checker().embedded(document, *bytes, purpose, |proof| {
                binding.extend(proof_binding(proof, context.request));
            })
        }
        Envelope::Jwt(jws) => {
            let mut proofs = context.checker().compact(jws, Relationship::Authentication);
            match JwtClaims::read(document) {
                Ok(claims) => proofs.reasons.extend(claims.out_of_time(context)),
                Err(error) => form.push(Reason::malformed(error)),
            }
            form.extend(presentation.require_v2().err().map(Reason::malformed));
            binding.extend(claim_binding(document, context.request));
            binding.extend(channel::check(document, context.request));
            proofs
        }
    };
    proofs.reasons.extend(proofs.ended(policy, now));
    if presentation.held().is_empty() {
        form.push(Reason::PresentationEmpty {});
    }
    let (presenter, holder) = holder(presentation, envelope, document, &proofs);
    let own = matches!(envelope, Envelope::Jwt(_)) && context.request.nonce.is_none();
    let jti = channel::jti(document).filter(|_| own).map(ToOwned::to_owned);
    let count = presentation.held().len();
    let findings = checks_of(count, form, proofs, holder, presenter, binding, context);
    PresentationFindings { jti, ..findings }
}

/// Puts together what was found of a presentation, however it is secured.
pub(crate) fn checks_of(
    count: usize,
    form: Vec<Reason>,
    proofs: Proofs,
    holder: Vec<Reason>,
    presenter: Option<String>,
    mut binding: Vec<Reason>,
    context: &Context<'_>,
) -> PresentationFindings {
    if !context.request.binds() {
        binding.push(Reason::PresentationUnbound {});
    }
    let part = Part::Presentation;
    let keys = proofs.signers.iter().map(|signer| signer.key.clone()).collect();
    let methods = proofs.signers.iter().map(|signer| signer.life.method.clone()).collect();
    let proof = Check::of(part, CheckName::Proof, proofs.note(), proofs.reasons);
    let signed = proof.outcome == CheckOutcome::Passed;
    // What an unsigned presentation says of itself earns no tick.
    let if_signed = |name, note: Note, reasons: Vec<Reason>| match signed || !reasons.is_empty() {
        true => Check::of(part, name, note, reasons),
        false => Check::not_made(part, name, "the proof is not good"),
    };
    let certain = signed && holder.is_empty();
    let noted = presenter.clone().map_or(Note::Nothing, Note::Text);
    let binding_note = match (&context.request.audience, &context.request.nonce) {
        (Some(audience), Some(nonce)) => {
            Note::Answers { nonce: nonce.clone(), audience: audience.clone() }
        }
        (Some(_), None) => match (&context.request.method, &context.request.uri) {
            (Some(method), Some(uri)) => Note::Text(format!("made for {method} {uri}")),
            _ => Note::Nothing,
        },
        _ => Note::Nothing,
    };
    let checks = vec![
        Check::of(part, CheckName::Form, Note::PresentationOf(count), form),
        proof,
        if_signed(CheckName::Holder, noted, holder),
        if_signed(CheckName::Binding, binding_note, binding),
    ];
    let presenter = presenter.filter(|_| certain);
    PresentationFindings { checks, presenter, keys, methods, jti: None }
}

/// Who presents, and what speaks against it.
fn holder(
    presentation: &UnverifiedPresentation<'_>,
    envelope: &Envelope<'_>,
    document: &Object<'_>,
    proofs: &Proofs,
) -> (Option<String>, Vec<Reason>) {
    let Some(first) = proofs.signers.first() else { return (None, Vec::new()) };
    let presenter = &first.controller;
    let mut reasons = Vec::new();
    let mut must_be_presenter = |named: &str| {
        if named != presenter {
            let signer = presenter.clone();
            reasons.push(Reason::HolderMismatch { holder: short(named), signer });
        }
    };
    proofs.signers.iter().for_each(|signer| must_be_presenter(&signer.controller));
    presentation.claimed_holder().into_iter().for_each(&mut must_be_presenter);
    if let Envelope::Jwt(jws) = envelope {
        let issuers = [document.str("iss"), jws.header_issuer()];
        issuers.into_iter().flatten().for_each(&mut must_be_presenter);
    }
    (Some(presenter.clone()), reasons)
}

/// Data Integrity binds by `challenge` and `domain` (Data Integrity 1.0, 2.1).
fn proof_binding(proof: &Proof<'_>, request: &Request) -> Vec<Reason> {
    compare(proof.challenge, &proof.domains, request)
}

/// JOSE binds by `nonce` and `aud` (VC-JOSE-COSE, 3.1.2; RFC 7519, 4.1.3).
fn claim_binding(claims: &Object<'_>, request: &Request) -> Vec<Reason> {
    let audiences: Vec<&str> = claims
        .get("aud")
        .map(Value::one_or_more)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    compare(claims.str("nonce"), &audiences, request)
}

/// What is asked must be answered; an answer that is left out is a wrong one.
pub(crate) fn compare(nonce: Option<&str>, audiences: &[&str], request: &Request) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(expected) = request.nonce.as_ref().filter(|expected| nonce != Some(expected)) {
        reasons.push(Reason::NonceMismatch { expected: expected.clone(), found: nonce.map(short) });
    }
    let audience = request.audience.as_ref();
    if let Some(expected) = audience.filter(|expected| !audiences.contains(&expected.as_str())) {
        let found = (!audiences.is_empty()).then(|| short(&audiences.join(", ")));
        reasons.push(Reason::AudienceMismatch { expected: expected.clone(), found });
    }
    reasons
}

/// Does the credential speak of the agent that presents it, or of one of its `chain`, and of nobody
/// else?
pub(crate) fn one_agent(
    index: usize,
    report: &CredentialReport,
    presenter: Option<&str>,
    links: &[Link],
    chain: Option<&Chain>,
) -> Check {
    let part = Part::Credential(index);
    let in_chain = |subject: &str| links.iter().any(|link| link.subject == subject);
    let Some(presenter) = presenter else {
        return Check::not_made(part, CheckName::OneAgent, "who presents it is not known");
    };
    let reasons = match &report.subjects[..] {
        [] => return Check::not_made(part, CheckName::OneAgent, "its subject is not known"),
        [Some(subject)] if subject == presenter => Vec::new(),
        // What is wrong with the chain is said there, and nothing is accepted.
        [Some(subject)] if in_chain(subject) && chain.is_none() => {
            return Check::not_made(part, CheckName::OneAgent, "the chain is not good");
        }
        [Some(subject)] if in_chain(subject) => {
            let note = Note::Text(format!("{}, of the chain", short(subject)));
            return Check::of(part, CheckName::OneAgent, note, Vec::new());
        }
        [Some(subject)] => {
            vec![Reason::SubjectMismatch { subject: short(subject), presenter: short(presenter) }]
        }
        [None] => vec![Reason::SubjectMissing {}],
        many => vec![Reason::SubjectsMany { count: many.len() as u64 }],
    };
    Check::of(part, CheckName::OneAgent, Note::Text(presenter.to_owned()), reasons)
}
