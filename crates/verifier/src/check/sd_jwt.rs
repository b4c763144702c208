//! Credentials that are SD-JWTs (RFC 9901): their disclosures, and the key that binds them to this
//! request.

use std::borrow::Cow;
use std::time::Duration;

use bonafide_core::Malformed;
use bonafide_core::attestation::AttestationType;
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::PublicKey;
use bonafide_core::sd_jwt_vc::{NEVER_SELECTIVE, from_claims};
use bonafide_core::status::TokenStatusReference;
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{DC_SD_JWT, Enveloped, Unverified};
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::{Hiding, KeyBinding, SdJwt, SdJwtError};

use super::Context;
use super::channel;
use super::confirmation::Confirmation;
use super::credential::{CredentialReport, JwtClaims, judge, out_of_time, payload, unreadable};
use super::link::is_delegation;
use super::presentation::{PresentationFindings, checks_of, compare};
use super::proof::{Proofs, jose_reason};
use crate::evidence::{Keys, short};
use crate::verdict::{Check, CheckName, Note, Part};
use crate::{Effect, Reason};

/// How old a key binding may be (RFC 9901, 7.3), besides the policy's skew.
const OLDEST_BINDING: Duration = Duration::from_secs(600);

/// What [`NEVER_SELECTIVE`] is for the data model.
const NEVER_SELECTIVE_IN_MODEL: [&str; 7] = [
    "@context",
    "type",
    "issuer",
    "validFrom",
    "validUntil",
    "credentialSchema",
    "credentialStatus",
];

/// Claims in which nothing may be hidden: a part of them left out, or one of several chosen, and
/// the token would be of another kind, bound to another key or revoked by another entry.
const NOTHING_HIDDEN_IN: [&str; 9] = [
    "@context",
    "type",
    "issuer",
    "credentialSchema",
    "credentialStatus",
    "iss",
    "vct",
    "cnf",
    "status",
];

/// What a `dc+sd-jwt` of a type that is not built in has to show if it hides claims at its top.
const SHOWN_IN_PART: [&str; 3] = ["/validFrom", "/validUntil", "/credentialStatus"];

/// An SD-JWT taken apart, with its disclosures in place.
pub(crate) struct Opened<'t> {
    token: SdJwt<'t>,
    token_type: TokenType,
    /// What was found of the issuer's signature.
    proofs: Proofs,
    /// What the token says, disclosures in place.
    claims: Object<'static>,
    /// The same as a credential of the data model.
    credential: Value<'static>,
    /// The key that it is bound to.
    confirmation: Option<Confirmation>,
    /// The first claim that has to be shown beside what is hidden, and is not.
    missing: Option<&'static str>,
}

/// Why a token was not taken apart.
pub(crate) enum Unopened {
    /// It can't be read.
    Unreadable(Reason),
    /// The issuer's signature is not good, so the disclosures were not looked at.
    NotSigned(Vec<Reason>),
}

impl From<Reason> for Unopened {
    fn from(reason: Reason) -> Self {
        Self::Unreadable(reason)
    }
}

/// Takes a credential apart: a `vc+sd-jwt` or a `dc+sd-jwt` in compact form; without `expected`
/// its own `typ` says which of them.
pub(crate) fn open<'t>(
    text: &'t str,
    expected: Option<TokenType>,
    context: &Context<'_>,
) -> Result<Opened<'t>, Unopened> {
    let limit = context.policy.limits.credential;
    Reason::within("the credential", text.len(), limit)?;
    let token_type = expected.unwrap_or_else(|| match SdJwt::peek_typ(text).as_deref() {
        Some(typ) if typ == TokenType::DC_SD_JWT.typ => TokenType::DC_SD_JWT,
        _ => TokenType::VC_SD_JWT,
    });
    let token = SdJwt::parse(text, token_type).map_err(|error| reason(error, ""))?;
    // Before the disclosures, which are the most work. Where the key alone is not known, the rest
    // may still say more.
    let mut proofs = context.checker().compact(token.issuer_jws(), Relationship::AssertionMethod);
    if proofs.reasons.iter().any(|reason| reason.effect() == Effect::Rejects) {
        return Err(Unopened::NotSigned(proofs.reasons));
    }
    let (claims, hiding) = disclosed(&token, token_type)?;
    let confirmation = Confirmation::read(&claims).map_err(Reason::malformed)?;
    let credential = match token_type {
        TokenType::DC_SD_JWT => from_claims(&claims).map_err(Reason::malformed)?,
        _ => without_envelope_claims(claims.clone()).map_err(Reason::malformed)?.into(),
    };
    let mut missing = None;
    match (is_built_in(&credential), token_type) {
        (true, _) => proofs.partial = hiding.is_any(),
        // Its schema is that of its `vct`, which stands in it for all to see.
        (false, TokenType::DC_SD_JWT) if hiding.at_top => {
            missing =
                SHOWN_IN_PART.into_iter().find(|pointer| credential.pointer(pointer).is_none());
        }
        (false, TokenType::DC_SD_JWT) => {}
        // What is asked of it stands at its top.
        (false, _) => proofs.partial = hiding.at_top,
    }
    Ok(Opened { token, token_type, proofs, claims, credential, confirmation, missing })
}

fn is_built_in(credential: &Value<'_>) -> bool {
    let types = credential.get("type").map(Value::one_or_more).unwrap_or_default();
    types.iter().any(|name| name.as_str().and_then(AttestationType::by_name).is_some())
}

/// The claims of an SD-JWT with its disclosures in place, and where in them something may be
/// hidden: nowhere where it would change what kind of token this is, or when it ends.
pub(crate) fn disclosed(
    token: &SdJwt<'_>,
    token_type: TokenType,
) -> Result<(Object<'static>, Hiding), Reason> {
    let method = token.issuer_jws().kid().unwrap_or_default();
    let (claims, hiding) = token.disclose_and_locate().map_err(|error| reason(error, method))?;
    match amiss(&hiding, token_type) {
        None => Ok((claims, hiding)),
        Some(detail) => Err(Reason::DisclosureInvalid { method: short(method), detail }),
    }
}

/// What is hidden where nothing may be, if anything is.
fn amiss(hiding: &Hiding, token_type: TokenType) -> Option<String> {
    let in_model = token_type != TokenType::DC_SD_JWT;
    let never = |name: &&String| {
        let name = name.as_str();
        NEVER_SELECTIVE.contains(&name) || (in_model && NEVER_SELECTIVE_IN_MODEL.contains(&name))
    };
    if let Some(name) = hiding.disclosed.iter().find(never) {
        return Some(format!("{name} may not be disclosed selectively"));
    }
    let decisive = |name: &&String| NOTHING_HIDDEN_IN.contains(&name.as_str());
    if let Some(name) = hiding.inside.iter().find(decisive) {
        return Some(format!("nothing in {name} may be hidden"));
    }
    let several = hiding.lists.iter().any(|name| name == "credentialSubject");
    several.then(|| "none of several subjects may be hidden".to_owned())
}

/// The credential in a JWT's payload: `cnf` is the envelope's, and a `status` claim is more
/// entries of `credentialStatus` (Token Status List, 6.2).
pub(crate) fn without_envelope_claims(
    mut payload: Object<'static>,
) -> Result<Object<'static>, Malformed> {
    payload.remove("cnf");
    let Some(status) = payload.remove("status") else { return Ok(payload) };
    let mut entries = match payload.remove("credentialStatus") {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(one) => vec![one],
    };
    let claimed = TokenStatusReference::entries_from_claim(&status)?;
    entries.extend(claimed.into_iter().map(Value::from));
    payload.insert("credentialStatus", entries);
    Ok(payload)
}

/// Checks a credential that stands in an envelope of a presentation signed with the keys `signers`.
/// The presentation binds it; a key binding of its own would be one that nobody asked for.
pub(crate) fn enveloped(
    part: Part,
    enveloped: &Enveloped<'_>,
    signers: &[PublicKey],
    context: &Context<'_>,
) -> CredentialReport {
    let expected = match enveloped.media_type {
        DC_SD_JWT => TokenType::DC_SD_JWT,
        _ => TokenType::VC_SD_JWT,
    };
    match open(enveloped.data, Some(expected), context) {
        Ok(opened) if opened.token.key_binding().is_some() => {
            let detail = "the presentation binds it; a key binding of its own is out of place";
            let error = Malformed::new("SD-JWT", detail);
            unreadable(part, Reason::malformed(error), Proofs::default())
        }
        Ok(opened) => check(part, &opened, signers, context),
        Err(Unopened::Unreadable(reason)) => unreadable(part, reason, Proofs::default()),
        Err(Unopened::NotSigned(reasons)) => {
            let checks = vec![Check::of(part, CheckName::Proof, Note::Nothing, reasons)];
            CredentialReport { checks, ..CredentialReport::default() }
        }
    }
}

/// Checks the credential itself.
pub(crate) fn check(
    part: Part,
    opened: &Opened<'_>,
    signers: &[PublicKey],
    context: &Context<'_>,
) -> CredentialReport {
    let jws = opened.token.issuer_jws();
    let mut proofs = opened.proofs.clone();
    let types = opened.credential.get("type").map(Value::one_or_more).unwrap_or_default();
    let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
    if is_delegation(&types) {
        // Its key was asked for as one that makes claims.
        let detail = "a delegation is secured by a proof inside or as vc+jwt";
        return unreadable(part, Reason::malformed(Malformed::new("SD-JWT", detail)), proofs);
    }
    proofs.require(opened.confirmation.as_ref(), signers, context);
    if opened.token_type != TokenType::DC_SD_JWT {
        return payload(part, jws, &opened.credential, proofs, context);
    }
    if let Some(pointer) = opened.missing {
        let credential_type = "VerifiableCredential";
        return unreadable(part, Reason::ClaimsMissing { credential_type, pointer }, proofs);
    }
    let credential = match Unverified::from_value(&opened.credential) {
        Ok(credential) => credential,
        Err(error) => return unreadable(part, Reason::malformed(error), proofs),
    };
    let claims = match JwtClaims::read_for_everybody(&opened.claims) {
        Ok(claims) => claims,
        Err(error) => return unreadable(part, Reason::malformed(error), proofs),
    };
    let claimed = credential.claimed_issuer();
    if let Some(named) = jws.header_issuer().filter(|named| *named != claimed) {
        let reason = Reason::IssuerMismatch { issuer: short(claimed), signer: short(named) };
        return unreadable(part, reason, proofs);
    }
    judge(part, &credential, &opened.credential, proofs, &claims, context)
}

impl<'t> Opened<'t> {
    /// The key binding JWT, if there is one.
    pub(crate) fn key_binding(&self) -> Option<&KeyBinding<'t>> {
        self.token.key_binding()
    }

    fn subject(&self) -> Option<&str> {
        self.credential.get("credentialSubject")?.get("id")?.as_str()
    }

    /// The DID URL of the key that has to have signed the key binding: the one that `cnf` names,
    /// or without `cnf` the one that the key binding names itself, which then has to be the
    /// subject's.
    fn holder_method(
        &self,
        binding: &KeyBinding<'_>,
        context: &Context<'_>,
    ) -> Result<String, Reason> {
        match &self.confirmation {
            None => binding.jws().kid().map(ToOwned::to_owned).ok_or_else(|| {
                let detail = "it names no key, and the credential has no cnf that names one";
                Reason::malformed(Malformed::new("key binding", detail))
            }),
            Some(Confirmation::Method(method)) => Ok(method.clone()),
            Some(Confirmation::Key(key)) => {
                let subject = self.subject().ok_or(Reason::SubjectMissing {})?;
                let found = context.evidence.method_of(subject, key, Relationship::Authentication);
                found.ok_or_else(|| Reason::HolderMismatch {
                    holder: short(subject),
                    signer: key.to_multikey(),
                })
            }
        }
    }

    /// Does the holder's key bind this credential to this very request (RFC 9901, 7.3)?
    pub(crate) fn bound(
        &self,
        binding: &KeyBinding<'_>,
        context: &Context<'_>,
    ) -> PresentationFindings {
        let jws = binding.jws();
        let mut proofs = match self.holder_method(binding, context) {
            Ok(method) => context.checker().compact_by(jws, &method, Relationship::Authentication),
            Err(reason) => Proofs::refused(reason),
        };
        proofs.reasons.extend(proofs.ended(context.policy, context.now));
        let time = Timestamp::from_unix_clamped;
        let made = time(binding.claimed_issued_at());
        let begins = [Some(made), binding.claimed_not_before().map(time)];
        let oldest = made.saturating_add(OLDEST_BINDING);
        let ends = Some(binding.claimed_expires().map_or(oldest, |ends| oldest.min(time(ends))));
        proofs.reasons.extend(out_of_time(begins, ends, context));
        if !binding.fits() {
            let method = short(jws.kid().unwrap_or_default());
            let detail = "the key binding was made over another token or other disclosures";
            proofs.reasons.push(Reason::DisclosureInvalid { method, detail: detail.to_owned() });
        }
        let mut answers =
            compare(Some(binding.claimed_nonce()), &[binding.claimed_audience()], context.request);
        // A key binding says nothing of any HTTP request.
        answers.extend(channel::check(&Object::new(), context.request));
        let presenter = proofs.signers.first().map(|signer| signer.controller.clone());
        checks_of(1, Vec::new(), proofs, Vec::new(), presenter, answers, context)
    }
}

/// The reason behind an error of an SD-JWT; `method` is the issuer's key.
pub(crate) fn reason(error: SdJwtError, method: &str) -> Reason {
    match error {
        SdJwtError::Malformed(error) => Reason::malformed(error),
        SdJwtError::Jose(error) | SdJwtError::KeyBinding(error) => jose_reason(error, method),
        SdJwtError::UnprotectedHeaderRefused { member } => {
            let pointer = format!("/header/{}", short(&member));
            Reason::malformed(Malformed::at("SD-JWT", pointer, "nobody signed this"))
        }
        error @ (SdJwtError::TooMany { .. } | SdJwtError::TooDeep { .. }) => {
            Reason::malformed(Malformed::new("SD-JWT", error.to_string()))
        }
        SdJwtError::HashRefused { found } => Reason::AlgorithmRefused { alg: found },
        other => Reason::DisclosureInvalid { method: short(method), detail: other.to_string() },
    }
}

/// Makes one form of three: the compact one as it is, the JSON ones turned into it.
pub(crate) fn compacted(text: &str) -> Result<Cow<'_, str>, Reason> {
    bonafide_proof::sd_jwt::compact(text).map_err(|error| reason(error, ""))
}
