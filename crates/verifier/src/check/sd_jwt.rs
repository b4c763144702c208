//! Credentials that are SD-JWTs (RFC 9901): their disclosures, and the key that binds them to this
//! request.

use std::borrow::Cow;

use bonafide_core::Malformed;
use bonafide_core::attestation::AttestationType;
use bonafide_core::did::Relationship;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::key::PublicKey;
use bonafide_core::sd_jwt_vc::{NEVER_SELECTIVE, from_claims};
use bonafide_core::status::TokenStatusReference;
use bonafide_core::time::Timestamp;
use bonafide_core::vc::Unverified;
use bonafide_proof::jose::TokenType;
use bonafide_proof::sd_jwt::{KeyBinding, SdJwt, SdJwtError};

use super::Context;
use super::credential::{CredentialReport, JwtClaims, judge, out_of_time, payload, unreadable};
use super::presentation::{PresentationFindings, checks_of, compare};
use super::proof::{Proofs, jose_reason};
use crate::Reason;
use crate::evidence::{Keys, short};
use crate::verdict::Part;

/// An SD-JWT taken apart, with its disclosures in place. Nothing of it is verified.
pub(crate) struct Opened<'t> {
    token: SdJwt<'t>,
    token_type: TokenType,
    /// What the token says, disclosures in place.
    claims: Object<'static>,
    /// The same as a credential of the data model.
    credential: Value<'static>,
    /// Whether the holder may have hidden what is asked of this credential. Of types that are not
    /// built in that is status, dates and schema: they stand in a `dc+sd-jwt` for all to see, and in
    /// a `vc+sd-jwt` whose payload hides nothing at its top.
    partial: bool,
}

/// Takes a credential apart: a `vc+sd-jwt` or a `dc+sd-jwt` in compact form.
pub(crate) fn open<'t>(text: &'t str, context: &Context<'_>) -> Result<Opened<'t>, Reason> {
    let limit = context.policy.limits.credential;
    Reason::within("the credential", text.len(), limit)?;
    let token_type = match SdJwt::peek_typ(text).as_deref() {
        Some(typ) if typ == TokenType::DC_SD_JWT.typ => TokenType::DC_SD_JWT,
        _ => TokenType::VC_SD_JWT,
    };
    let token = SdJwt::parse(text, token_type).map_err(|error| reason(error, ""))?;
    let (claims, shown) = disclosed(&token)?;
    let credential = match token_type {
        TokenType::DC_SD_JWT => from_claims(&claims).map_err(Reason::malformed)?,
        _ => with_status_claim(claims.clone()).map_err(Reason::malformed)?.into(),
    };
    let types = credential.get("type").map(Value::one_or_more).unwrap_or_default();
    let built_in = |name: &Value<'_>| name.as_str().and_then(AttestationType::by_name).is_some();
    let partial =
        types.iter().any(built_in) || (token_type != TokenType::DC_SD_JWT && shown.contains("_sd"));
    Ok(Opened { token, token_type, claims, credential, partial })
}

/// The claims of an SD-JWT with its disclosures in place, and its payload as it was signed.
pub(crate) fn disclosed(token: &SdJwt<'_>) -> Result<(Object<'static>, Object<'static>), Reason> {
    let method = token.issuer_jws().kid().unwrap_or_default();
    let claims = token.disclose().map_err(|error| reason(error, method))?;
    let shown = token.issuer_jws().decode_payload().map_err(|error| jose_reason(error, method))?;
    let shown = parse(&shown, &Limits::for_size(shown.len()))
        .map_err(|error| Reason::malformed(Malformed::json("SD-JWT", &error)))?;
    let Value::Object(shown) = shown.into_owned() else {
        return Err(Reason::malformed(Malformed::new("SD-JWT", "expected an object")));
    };
    // What decides about the token itself stands in it for everybody to see.
    let hidden = |name: &&str| claims.contains(name) && !shown.contains(name);
    if let Some(name) = NEVER_SELECTIVE.into_iter().find(hidden) {
        let detail = format!("{name} may not be disclosed selectively");
        return Err(Reason::DisclosureInvalid { method: short(method), detail });
    }
    Ok((claims, shown))
}

/// The credential in a JWT's payload: `cnf` is the envelope's, and a `status` claim is one more
/// entry of `credentialStatus` (Token Status List, 6.2).
pub(crate) fn with_status_claim(
    mut payload: Object<'static>,
) -> Result<Object<'static>, Malformed> {
    payload.remove("cnf");
    let Some(status) = payload.remove("status") else { return Ok(payload) };
    let entry = TokenStatusReference::from_claim(&status)?
        .ok_or_else(|| Malformed::at("status claim", "/status", "a mechanism that is not known"))?;
    let mut entries = match payload.remove("credentialStatus") {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(one) => vec![one],
    };
    entries.push(entry.to_object().into());
    payload.insert("credentialStatus", entries);
    Ok(payload)
}

/// Checks a credential that stands in an envelope of a presentation, which binds it; a key binding
/// of its own would be one that nobody asked for.
pub(crate) fn enveloped(part: Part, text: &str, context: &Context<'_>) -> CredentialReport {
    match open(text, context) {
        Ok(opened) if opened.token.key_binding().is_some() => {
            let detail = "the presentation binds it; a key binding of its own is out of place";
            let error = Malformed::new("SD-JWT", detail);
            unreadable(part, Reason::malformed(error), Proofs::default())
        }
        Ok(opened) => check(part, &opened, context),
        Err(reason) => unreadable(part, reason, Proofs::default()),
    }
}

/// Checks the credential itself.
pub(crate) fn check(part: Part, opened: &Opened<'_>, context: &Context<'_>) -> CredentialReport {
    let jws = opened.token.issuer_jws();
    let mut proofs = context.checker().compact(jws, Relationship::AssertionMethod);
    proofs.partial = opened.partial;
    if opened.token_type != TokenType::DC_SD_JWT {
        return payload(part, jws, &opened.credential, proofs, context);
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
        let Some(cnf) = self.claims.get("cnf") else {
            return Ok(binding.jws().kid().unwrap_or_default().to_owned());
        };
        let malformed = |detail| Reason::malformed(Malformed::at("SD-JWT", "/cnf", detail));
        let cnf = cnf.as_object().ok_or_else(|| malformed("expected an object"))?;
        match (cnf.get("kid"), cnf.get("jwk")) {
            (Some(Value::String(kid)), None) => Ok(kid.as_ref().to_owned()),
            (None, Some(Value::Object(jwk))) => {
                let key = PublicKey::from_jwk(jwk).map_err(Reason::malformed)?;
                let subject = self.subject().unwrap_or_default();
                let found = context.evidence.method_of(subject, &key, Relationship::Authentication);
                found.ok_or_else(|| Reason::HolderMismatch {
                    holder: short(subject),
                    signer: key.to_multikey(),
                })
            }
            _ => Err(malformed("expected either kid or jwk")),
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
        let time = |seconds| Some(Timestamp::from_unix_clamped(seconds));
        let begins =
            [time(binding.claimed_issued_at()), binding.claimed_not_before().and_then(time)];
        let ends = binding.claimed_expires().and_then(time);
        proofs.reasons.extend(out_of_time(begins, ends, context));
        if !binding.fits() {
            let method = short(jws.kid().unwrap_or_default());
            let detail = "the key binding was made over another token or other disclosures";
            proofs.reasons.push(Reason::DisclosureInvalid { method, detail: detail.to_owned() });
        }
        let answers =
            compare(Some(binding.claimed_nonce()), &[binding.claimed_audience()], context.request);
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
