//! One credential, from its proof to its status.

use bonafide_core::Malformed;
use bonafide_core::attestation::{Attestation, AttestationType};
use bonafide_core::did::Relationship;
use bonafide_core::encoding::hex;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::key::PublicKey;
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{Enveloped, Unverified, VC_JWT};
use bonafide_proof::jose::{CompactJws, TokenType, numeric_date};

use super::confirmation::Confirmation;
use super::link::{Link, is_delegation};
use super::proof::{Checker, Proofs, jose_reason};
use super::sd_jwt::{self, Opened};
use super::{Context, schema, status};
use crate::evidence::short;
use crate::verdict::{Check, CheckName, Note, Part};
use crate::{Observation, Reason};

/// A credential that passed every check. Only the verifier makes these, and only claims in them
/// count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    id: Option<String>,
    issuer: String,
    subject: Option<String>,
    types: Vec<String>,
    attestation: Option<Attestation>,
    status_as_of: Option<Timestamp>,
}

impl Verified {
    /// Its id.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Of whom it speaks; `None` if it names nobody, or several.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Who issued it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its types, without `VerifiableCredential`.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// What it attests, if it is one of the built-in attestations.
    pub fn attestation(&self) -> Option<&Attestation> {
        self.attestation.as_ref()
    }

    /// As of when it is known not to be revoked; `None` if it can't be revoked.
    pub fn status_as_of(&self) -> Option<Timestamp> {
        self.status_as_of
    }
}

/// A credential as it came.
pub(crate) enum Source<'s> {
    /// Secured by a proof inside; its form is known to be right. At most so many bytes long.
    Embedded(&'s Value<'s>, &'s Unverified<'s>, usize),
    /// A `vc+jwt` that came for itself.
    Jwt(&'s str),
    /// A token in an envelope, and the keys that signed the presentation around it.
    Enveloped(&'s Enveloped<'s>, &'s [PublicKey]),
    /// An SD-JWT that came for itself.
    OpenSdJwt(&'s Opened<'s>),
}

/// What became of one credential.
#[derive(Debug, Default)]
pub(crate) struct CredentialReport {
    pub(crate) checks: Vec<Check>,
    pub(crate) verified: Option<Verified>,
    /// The subjects' ids, verified or not.
    pub(crate) subjects: Vec<Option<String>>,
    pub(crate) digest: Option<String>,
    pub(crate) status_as_of: Option<Timestamp>,
    pub(crate) observations: Vec<Observation>,
    /// What it is in a chain, if anything.
    pub(crate) link: Option<Link>,
}

/// Checks one credential; `index` is its place in the presentation.
pub(crate) fn check(index: usize, source: &Source<'_>, context: &Context<'_>) -> CredentialReport {
    let part = Part::Credential(index);
    match source {
        Source::Embedded(value, credential, bytes) => {
            let limit = context.policy.limits.credential;
            if let Err(reason) = Reason::within("the credential", *bytes, limit) {
                return unreadable(part, reason, Proofs::default());
            }
            let document = credential.unverified_document();
            if let Err(error) = JwtClaims::refuse_in(document) {
                return unreadable(part, Reason::malformed(error), Proofs::default());
            }
            let purpose = purpose(credential.claimed_types());
            let proofs = context.checker().embedded(document, *bytes, purpose, |_| ());
            judge(part, credential, value, proofs, &JwtClaims::default(), context)
        }
        Source::Jwt(token) => jwt(part, token, &[], context),
        Source::Enveloped(enveloped, signers) => match same_type(enveloped) {
            Err(reason) => unreadable(part, reason, Proofs::default()),
            Ok(()) if enveloped.media_type == VC_JWT => jwt(part, enveloped.data, signers, context),
            Ok(()) => sd_jwt::enveloped(part, enveloped, signers, context),
        },
        Source::OpenSdJwt(opened) => sd_jwt::check(part, opened, &[], context),
    }
}

impl<'c> Context<'c> {
    pub(crate) fn checker(&'c self) -> Checker<'c> {
        Checker {
            keys: self.evidence,
            suites: self.evidence.suites,
            check: self.evidence.check,
            budget: &self.budget,
        }
    }
}

/// A credential that can't be read any further.
pub(super) fn unreadable(part: Part, reason: Reason, proofs: Proofs) -> CredentialReport {
    let mut checks = vec![Check::of(part, CheckName::Form, Note::Nothing, vec![reason])];
    if !proofs.reasons.is_empty() {
        checks.push(Check::of(part, CheckName::Proof, Note::Nothing, proofs.reasons));
    }
    CredentialReport { checks, ..CredentialReport::default() }
}

/// What the key of a credential's issuer is for: a delegation is signed to hand rights on, every
/// other credential to make claims.
fn purpose(types: &[&str]) -> Relationship {
    match is_delegation(types) {
        true => Relationship::CapabilityDelegation,
        false => Relationship::AssertionMethod,
    }
}

/// An envelope's media type and the `typ` of the token in it say the same. A token without a `typ`
/// is refused where it is read.
pub(crate) fn same_type(enveloped: &Enveloped<'_>) -> Result<(), Reason> {
    let expected = enveloped.media_type.trim_start_matches("application/");
    let found = CompactJws::peek_typ(enveloped.data.split('~').next().unwrap_or_default());
    match found.filter(|found| found != expected) {
        None => Ok(()),
        Some(found) => {
            Err(Reason::TypMismatch { expected: expected.to_owned(), found: Some(short(&found)) })
        }
    }
}

fn jwt(part: Part, token: &str, signers: &[PublicKey], context: &Context<'_>) -> CredentialReport {
    let limit = context.policy.limits.credential;
    if let Err(reason) = Reason::within("the credential", token.len(), limit) {
        return unreadable(part, reason, Proofs::default());
    }
    let jws = match CompactJws::parse(token, TokenType::VC) {
        Ok(jws) => jws,
        Err(error) => {
            let checks = vec![Check::of(
                part,
                CheckName::Proof,
                Note::Nothing,
                vec![jose_reason(error, "")],
            )];
            return CredentialReport { checks, ..CredentialReport::default() };
        }
    };
    // What it is says for which purpose its key has to be.
    let opened = jws.decode_payload().map_err(|error| jose_reason(error, ""));
    let value = opened.as_deref().map_err(Clone::clone).and_then(|payload| {
        parse(payload, &Limits::for_size(limit))
            .map_err(|error| Reason::malformed(Malformed::json("credential", &error)))
    });
    let types = value.as_ref().ok().and_then(|value| value.get("type"));
    let types: Vec<&str> = types
        .map(Value::one_or_more)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut proofs = context.checker().compact(&jws, purpose(&types));
    let value = match value {
        Ok(value) => value,
        Err(reason) => return unreadable(part, reason, proofs),
    };
    let of_the_envelope =
        |payload: &&Object<'_>| ["cnf", "status"].into_iter().any(|claim| payload.contains(claim));
    let Some(claims) = value.as_object().filter(of_the_envelope) else {
        return self::payload(part, &jws, &value, proofs, context);
    };
    let read = Confirmation::read(claims).and_then(|confirmation| {
        let document = sd_jwt::without_envelope_claims(claims.clone().into_owned())?;
        Ok((confirmation, document))
    });
    match read {
        Ok((confirmation, document)) => {
            proofs.require(confirmation.as_ref(), signers, context);
            self::payload(part, &jws, &document.into(), proofs, context)
        }
        Err(error) => unreadable(part, Reason::malformed(error), proofs),
    }
}

/// A credential that is the payload of a JWT (VC-JOSE-COSE, 3.1.1).
pub(super) fn payload(
    part: Part,
    jws: &CompactJws<'_>,
    value: &Value<'_>,
    proofs: Proofs,
    context: &Context<'_>,
) -> CredentialReport {
    let credential = match Unverified::from_value(value) {
        Ok(credential) => credential,
        Err(error) => return unreadable(part, Reason::malformed(error), proofs),
    };
    if let Err(error) = credential.require_v2() {
        return unreadable(part, Reason::malformed(error), proofs);
    }
    let claims = match JwtClaims::read_for_everybody(credential.unverified_document()) {
        Ok(claims) => claims,
        Err(error) => return unreadable(part, Reason::malformed(error), proofs),
    };
    let claimed = credential.claimed_issuer();
    let named = [claims.issuer, jws.header_issuer()].into_iter().flatten();
    if let Some(named) = named.into_iter().find(|named| *named != claimed) {
        // VC-JOSE-COSE, 3.3.1: not a matter of trust.
        let reason = Reason::IssuerMismatch { issuer: short(claimed), signer: short(named) };
        return unreadable(part, reason, proofs);
    }
    // VC-JOSE-COSE, 3.3.2: the claims that a JWT repeats must say the same.
    let document = credential.unverified_document();
    let subject = match credential.claimed_subjects() {
        [one] => one.str("id"),
        _ => None,
    };
    for (claim, own) in [("sub", subject), ("jti", credential.claimed_id())] {
        if document.str(claim).is_some_and(|repeated| own != Some(repeated)) {
            let error =
                Malformed::at("JWT claims", format!("/{claim}"), "contradicts the credential");
            return unreadable(part, Reason::malformed(error), proofs);
        }
    }
    judge(part, &credential, value, proofs, &claims, context)
}

/// The registered claims of a JWT credential or presentation (RFC 7519, 4.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct JwtClaims<'v> {
    pub(crate) issuer: Option<&'v str>,
    audience: bool,
    expires: Option<i64>,
    not_before: Option<i64>,
    issued_at: Option<i64>,
}

impl<'v> JwtClaims<'v> {
    /// Reads them strictly: a claim of the wrong type is an error, never as good as absent. The
    /// payload is the document itself, without the wrappers of older drafts and without a second,
    /// embedded proof that nobody would check.
    pub(crate) fn read(document: &'v Object<'_>) -> Result<Self, Malformed> {
        let malformed =
            |claim: &str, detail| Malformed::at("JWT claims", format!("/{claim}"), detail);
        for other in ["vc", "vp", "proof"] {
            if document.contains(other) {
                return Err(malformed(other, "must not be there"));
            }
        }
        for claim in ["iss", "sub", "jti", "nonce"] {
            if document.get(claim).is_some_and(|value| value.as_str().is_none()) {
                return Err(malformed(claim, "expected a string"));
            }
        }
        let audience = document.get("aud");
        let strings = |value: &Value<'_>| {
            value.one_or_more().iter().all(|audience| audience.as_str().is_some())
        };
        if !audience.is_none_or(strings) {
            return Err(malformed("aud", "expected a string or a list of strings"));
        }
        Ok(Self {
            issuer: document.str("iss"),
            audience: audience.is_some(),
            expires: numeric_date(document, "exp")?,
            not_before: numeric_date(document, "nbf")?,
            issued_at: numeric_date(document, "iat")?,
        })
    }

    /// The same of a credential, which is for everybody.
    pub(crate) fn read_for_everybody(document: &'v Object<'_>) -> Result<Self, Malformed> {
        let claims = Self::read(document)?;
        if claims.audience {
            return Err(Malformed::at("credential", "/aud", "a credential is for everybody"));
        }
        Ok(claims)
    }

    /// A document with a proof inside is no JWT: members that only a JWT's reader would heed are
    /// refused, so that no envelope changes what a document says.
    pub(crate) fn refuse_in(document: &Object<'_>) -> Result<(), Malformed> {
        const OF_TOKENS: [&str; 15] = [
            "iss", "sub", "aud", "jti", "exp", "nbf", "iat", "nonce", "vc", "vp", "status", "cnf",
            "vct", "_sd", "_sd_alg",
        ];
        for claim in OF_TOKENS {
            if document.contains(claim) {
                let detail = "belongs into a JWT alone";
                return Err(Malformed::at("document", format!("/{claim}"), detail));
            }
        }
        Ok(())
    }

    fn time(seconds: Option<i64>) -> Option<Timestamp> {
        seconds.map(Timestamp::from_unix_clamped)
    }

    /// `nbf` and `iat`.
    pub(crate) fn begins(&self) -> [Option<Timestamp>; 2] {
        [Self::time(self.not_before), Self::time(self.issued_at)]
    }

    /// `exp`.
    pub(crate) fn ends(&self) -> Option<Timestamp> {
        Self::time(self.expires)
    }

    pub(crate) fn out_of_time(&self, context: &Context<'_>) -> Vec<Reason> {
        out_of_time(self.begins(), self.ends(), context)
    }
}

pub(super) fn out_of_time(
    begins: impl IntoIterator<Item = Option<Timestamp>>,
    ends: Option<Timestamp>,
    context: &Context<'_>,
) -> Vec<Reason> {
    let (policy, now) = (context.policy, context.now);
    let mut reasons = Vec::new();
    for valid_from in begins.into_iter().flatten().filter(|from| !policy.has_begun(*from, now)) {
        reasons.push(Reason::NotYetValid { valid_from, now });
    }
    if let Some(valid_until) = ends.filter(|until| policy.has_ended(*until, now)) {
        reasons.push(Reason::Expired { valid_until, now });
    }
    reasons
}

/// Everything that is judged once form and signatures are known.
pub(super) fn judge(
    part: Part,
    credential: &Unverified<'_>,
    document: &Value<'_>,
    mut proofs: Proofs,
    claims: &JwtClaims<'_>,
    context: &Context<'_>,
) -> CredentialReport {
    let (policy, now) = (context.policy, context.now);
    let known = credential.claimed_types().iter().find_map(|name| AttestationType::by_name(name));
    let type_name = own_types(credential).collect::<Vec<_>>().join(", ");
    proofs.reasons.extend(proofs.ended(policy, now));

    let issuer_reasons = issuer(credential, &proofs, context);
    let mut time_reasons =
        out_of_time([credential.claimed_valid_from()], credential.claimed_valid_until(), context);
    time_reasons.extend(claims.out_of_time(context));
    let time_note = match credential.claimed_valid_until() {
        Some(until) => Note::Until(until),
        None => Note::Said("it has no end"),
    };
    let schema = schema::check(credential, document, known, proofs.partial, context);
    let status = status::check(credential, known, context);

    let issuer_did = credential.claimed_issuer();
    let issuer_note = Note::Issuer {
        name: policy.issuer_name(issuer_did).map(ToOwned::to_owned),
        did: short(issuer_did),
    };
    let issuer_check = match issuer_reasons.is_empty() && proofs.signers.is_empty() {
        true => Check::not_made(part, CheckName::Issuer, "who signed is not known"),
        false => Check::of(part, CheckName::Issuer, issuer_note, issuer_reasons),
    };
    let checks = vec![
        Check::of(part, CheckName::Form, Note::Text(short(&type_name)), Vec::new()),
        Check::of(part, CheckName::Proof, proofs.note(), std::mem::take(&mut proofs.reasons)),
        issuer_check,
        Check::of(part, CheckName::Time, time_note, time_reasons),
        Check::of(part, CheckName::Schema, schema.note, schema.reasons),
        Check::of(part, CheckName::Status, status.note, status.reasons),
    ];
    let good = checks.iter().all(|check| check.reasons.is_empty());
    let known_status = (status.list_issuer, status.as_of);
    let attestation = schema.attestation.as_ref();
    let link = Link::of(credential, attestation, &proofs, claims.ends(), known_status, good);
    let subjects = credential.claimed_subjects();
    let subject_id = |subject: &&Object<'_>| subject.str("id").map(ToOwned::to_owned);
    let verified = good.then(|| Verified {
        id: credential.claimed_id().map(ToOwned::to_owned),
        subject: subjects.first().filter(|_| subjects.len() == 1).and_then(subject_id),
        issuer: issuer_did.to_owned(),
        types: own_types(credential).map(ToOwned::to_owned).collect(),
        attestation: schema.attestation,
        status_as_of: status.as_of,
    });
    CredentialReport {
        checks,
        verified,
        subjects: subjects.iter().map(subject_id).collect(),
        digest: proofs.digest.map(|digest| hex(&digest)),
        status_as_of: status.as_of,
        observations: status.observations,
        link,
    }
}

fn own_types<'v>(credential: &Unverified<'v>) -> impl Iterator<Item = &'v str> {
    credential.claimed_types().iter().copied().filter(|name| *name != "VerifiableCredential")
}

/// Did the issuer itself sign, does the policy trust it for each type, did every cosigner sign?
fn issuer(credential: &Unverified<'_>, proofs: &Proofs, context: &Context<'_>) -> Vec<Reason> {
    let issuer = credential.claimed_issuer();
    let mut reasons = Vec::new();
    if !proofs.signers.is_empty() && !proofs.signed_by(issuer) {
        let signers: Vec<_> = proofs.signers.iter().map(|s| s.controller.as_str()).collect();
        reasons.push(Reason::IssuerMismatch {
            issuer: short(issuer),
            signer: short(&signers.join(", ")),
        });
    }
    // Of a delegation the chain decides who may have made it.
    if is_delegation(credential.claimed_types()) {
        return reasons;
    }
    let mut types: Vec<&str> = own_types(credential).collect();
    if types.is_empty() {
        types.push("VerifiableCredential");
    }
    let shown = short(issuer);
    for credential_type in types {
        match context.policy.trusts(issuer, credential_type) {
            None => reasons.push(Reason::IssuerUntrusted {
                issuer: shown.clone(),
                credential_type: short(credential_type),
            }),
            Some(trusted) => {
                let absent = trusted.cosigners.iter().filter(|did| !proofs.signed_by(did));
                reasons.extend(absent.map(|did| Reason::CosignerMissing { cosigner: did.clone() }));
            }
        }
    }
    reasons
}
