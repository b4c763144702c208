//! One credential, from its proof to its status.

use bonafide_core::attestation::{Attestation, AttestationType};
use bonafide_core::did::Relationship;
use bonafide_core::encoding::hex;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::Unverified;
use bonafide_core::Malformed;
use bonafide_proof::jose::{CompactJws, TokenType, numeric_date};

use super::proof::{Checker, Proofs, jose_reason};
use super::{Context, schema, status};
use crate::evidence::short;
use crate::verdict::{Check, CheckName, Part};
use crate::{Observation, Reason};

/// A credential that passed every check. Only the verifier makes these, and only claims in them
/// count.
#[derive(Clone, Debug)]
pub struct Verified {
    issuer: String,
    types: Vec<String>,
    attestation: Option<Attestation>,
    status_as_of: Option<Timestamp>,
}

impl Verified {
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
    /// Secured by a proof inside; its form is known to be right.
    Embedded(&'s Value<'s>, &'s Unverified<'s>),
    Jwt(&'s str),
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
}

/// Checks one credential; `index` is its place in the presentation.
pub(crate) fn check(index: usize, source: &Source<'_>, context: &Context<'_>) -> CredentialReport {
    let part = Part::Credential(index);
    match source {
        Source::Embedded(value, credential) => {
            let document = credential.unverified_document();
            let proofs =
                context.checker().embedded(document, Relationship::AssertionMethod, |_| Vec::new());
            judge(part, credential, value, proofs, Vec::new(), context)
        }
        Source::Jwt(token) => jwt(part, token, context),
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
fn unreadable(part: Part, reason: Reason, proofs: Proofs) -> CredentialReport {
    let mut checks = vec![Check::of(part, CheckName::Form, String::new(), vec![reason])];
    if !proofs.reasons.is_empty() {
        checks.push(Check::of(part, CheckName::Proof, String::new(), proofs.reasons));
    }
    CredentialReport { checks, ..CredentialReport::default() }
}

fn jwt(part: Part, token: &str, context: &Context<'_>) -> CredentialReport {
    let limit = context.policy.limits.credential;
    if token.len() > limit {
        let (bytes, limit) = (token.len() as u64, limit as u64);
        let reason = Reason::TooLarge { what: "the credential", bytes, limit };
        return unreadable(part, reason, Proofs::default());
    }
    let jws = match CompactJws::parse(token, TokenType::VC) {
        Ok(jws) => jws,
        Err(error) => {
            let checks =
                vec![Check::of(part, CheckName::Proof, String::new(), vec![jose_reason(error, "")])];
            return CredentialReport { checks, ..CredentialReport::default() };
        }
    };
    let proofs = context.checker().compact(&jws, Relationship::AssertionMethod);
    let payload = match jws.decode_payload() {
        Ok(payload) => payload,
        Err(error) => return unreadable(part, jose_reason(error, ""), proofs),
    };
    let value = match parse(&payload, &Limits::for_size(limit)) {
        Ok(value) => value,
        Err(error) => {
            let reason = Reason::malformed(Malformed::json("credential", &error));
            return unreadable(part, reason, proofs);
        }
    };
    let credential = match Unverified::from_value(&value) {
        Ok(credential) => credential,
        Err(error) => return unreadable(part, Reason::malformed(error), proofs),
    };
    let claims = JwtClaims::read(credential.unverified_document());
    let claims = match claims {
        Ok(claims) => claims,
        Err(error) => return unreadable(part, Reason::malformed(error), proofs),
    };
    let mut early = claims.out_of_time(context);
    let claimed = credential.claimed_issuer();
    let named = [claims.issuer, jws.header_issuer()];
    for issuer in named.into_iter().flatten().filter(|issuer| *issuer != claimed) {
        early.push(Reason::IssuerMismatch { issuer: short(claimed), signer: short(issuer) });
    }
    judge(part, &credential, &value, proofs, early, context)
}

/// The registered claims of a JWT credential or presentation (RFC 7519, 4.1).
pub(crate) struct JwtClaims<'v> {
    pub(crate) issuer: Option<&'v str>,
    expires: Option<i64>,
    not_before: Option<i64>,
    issued_at: Option<i64>,
}

impl<'v> JwtClaims<'v> {
    /// Reads them strictly: a claim of the wrong type is an error, never as good as absent.
    pub(crate) fn read(document: &'v Object<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "JWT claims";
        for old in ["vc", "vp"] {
            if document.contains(old) {
                return Err(Malformed::at(WHAT, format!("/{old}"), "must not be there"));
            }
        }
        let issuer = match document.get("iss") {
            None => None,
            Some(Value::String(issuer)) => Some(issuer.as_ref()),
            Some(_) => return Err(Malformed::at(WHAT, "/iss", "expected a string")),
        };
        Ok(Self {
            issuer,
            expires: numeric_date(document, "exp")?,
            not_before: numeric_date(document, "nbf")?,
            issued_at: numeric_date(document, "iat")?,
        })
    }

    /// A date that no clock reaches is as good as never, and one before all clocks as always.
    fn time(seconds: Option<i64>) -> Option<Timestamp> {
        let clamped = seconds?.clamp(-62_135_596_800, 253_402_300_799);
        Timestamp::from_unix(clamped)
    }

    pub(crate) fn out_of_time(&self, context: &Context<'_>) -> Vec<Reason> {
        out_of_time(
            [Self::time(self.not_before), Self::time(self.issued_at)],
            Self::time(self.expires),
            context,
        )
    }
}

fn out_of_time(
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
fn judge(
    part: Part,
    credential: &Unverified<'_>,
    document: &Value<'_>,
    mut proofs: Proofs,
    early: Vec<Reason>,
    context: &Context<'_>,
) -> CredentialReport {
    let (policy, now) = (context.policy, context.now);
    let known = credential.claimed_types().iter().find_map(|name| AttestationType::by_name(name));
    let type_name = own_types(credential).collect::<Vec<_>>().join(", ");
    proofs.reasons.extend(proofs.ended(|expires| policy.has_ended(expires, now), now));

    let (mismatches, early): (Vec<_>, Vec<_>) =
        early.into_iter().partition(|reason| matches!(reason, Reason::IssuerMismatch { .. }));
    let mut issuer_reasons = mismatches;
    issuer_reasons.extend(issuer(credential, &proofs, context));

    let mut time_reasons =
        out_of_time([credential.claimed_valid_from()], credential.claimed_valid_until(), context);
    time_reasons.extend(early);
    let time_note = match credential.claimed_valid_until() {
        Some(until) => format!("until {until}"),
        None => "it has no end".to_owned(),
    };
    let schema = schema::check(credential, document, known, context);
    let status = status::check(credential, known, context);

    let issuer_did = credential.claimed_issuer();
    let issuer_note = match policy.issuer_name(issuer_did) {
        Some(name) => format!("{name} ({})", short(issuer_did)),
        None => short(issuer_did),
    };
    let checks = vec![
        Check::of(part, CheckName::Form, type_name, Vec::new()),
        Check::of(part, CheckName::Proof, proofs.note(), proofs.reasons),
        Check::of(part, CheckName::Issuer, issuer_note, issuer_reasons),
        Check::of(part, CheckName::Time, time_note, time_reasons),
        Check::of(part, CheckName::Schema, schema.note, schema.reasons),
        Check::of(part, CheckName::Status, status.note, status.reasons),
    ];
    let good = checks.iter().all(|check| check.reasons.is_empty());
    let verified = good.then(|| Verified {
        issuer: issuer_did.to_owned(),
        types: own_types(credential).map(ToOwned::to_owned).collect(),
        attestation: schema.attestation,
        status_as_of: status.as_of,
    });
    let subject_id = |subject: &&Object<'_>| subject.str("id").map(short);
    CredentialReport {
        checks,
        verified,
        subjects: credential.claimed_subjects().iter().map(subject_id).collect(),
        digest: proofs.digest.map(|digest| hex(&digest)),
        status_as_of: status.as_of,
        observations: status.observations,
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
    let mut types: Vec<&str> = own_types(credential).collect();
    if types.is_empty() {
        types.push("VerifiableCredential");
    }
    for credential_type in types {
        match context.policy.trusts(issuer, credential_type) {
            None => reasons.push(Reason::IssuerUntrusted {
                issuer: short(issuer),
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
