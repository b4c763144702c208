//! A credential of any form, read without believing it.

use std::borrow::Cow;

use bonafide_core::Malformed;
use bonafide_core::attestation::{Attestation, AttestationType};
use bonafide_core::delegation::Grant;
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_core::sd_jwt_vc::from_claims;
use bonafide_core::time::Timestamp;
use bonafide_core::vc::Unverified;
use bonafide_proof::data_integrity::{DeriveInput, Proof, Suite, Suites, proofs_of};
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_proof::sd_jwt::SdJwt;

use crate::error::WalletError;

/// The longest credential, in bytes.
pub(crate) const LONGEST: usize = 1 << 20;

const WHAT: &str = "credential";

/// How a credential is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A proof inside.
    Proof,
    /// A proof of a selective suite inside, from which its holder derives what it shows.
    Base,
    /// A `vc+jwt`.
    Jwt,
    /// An SD-JWT.
    SdJwt(TokenType),
}

impl Form {
    /// Its media type, without `application/`.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Proof | Self::Base => "vc",
            Self::Jwt => TokenType::VC.typ,
            Self::SdJwt(token_type) => token_type.typ,
        }
    }
}

/// What a credential says of itself.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) form: Form,
    pub(crate) id: Option<String>,
    pub(crate) types: Vec<String>,
    pub(crate) issuer: String,
    pub(crate) subject: Option<String>,
    pub(crate) valid_from: Option<Timestamp>,
    pub(crate) valid_until: Option<Timestamp>,
    /// For a link of a chain, what it allows.
    pub(crate) grant: Option<Grant>,
    /// As what it is signed, or what is derived from that and hides nothing.
    pub(crate) shown: Value<'static>,
}

impl Reading {
    /// Reads a credential as it was received: JSON with a proof, a compact JWT or an SD-JWT.
    pub(crate) fn of(bytes: &[u8], suites: Suites) -> Result<Self, WalletError> {
        let malformed = |detail: &str| WalletError::Credential(Malformed::new(WHAT, detail));
        if bytes.len() > LONGEST {
            return Err(malformed("longer than 1 MiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?.trim();
        match text.starts_with('{') {
            true => Self::of_document(text, suites),
            false => Self::of_token(text).map_err(WalletError::Credential),
        }
    }

    fn of_document(text: &str, suites: Suites) -> Result<Self, WalletError> {
        let value = json(text.as_bytes()).map_err(WalletError::Credential)?.into_owned();
        let Value::Object(document) = &value else {
            return Err(WalletError::Credential(Malformed::new(WHAT, "expected an object")));
        };
        if !document.contains("proof") {
            let error = Malformed::at(WHAT, "/proof", "is missing: it is not signed");
            return Err(WalletError::Credential(error));
        }
        let proofs = proofs_of(document).map_err(|error| WalletError::Proof(error.to_string()))?;
        let base = proofs.iter().any(|proof| is_base(proof, suites));
        let shown = match base {
            true => derived(document, &["/credentialSubject"], suites)?,
            false => value.clone(),
        };
        let form = if base { Form::Base } else { Form::Proof };
        Self::of_model(form, &value, shown).map_err(WalletError::Credential)
    }

    fn of_token(text: &str) -> Result<Self, Malformed> {
        let shown = Value::from(text.to_owned());
        let broken = |error: &dyn std::fmt::Display| Malformed::new(WHAT, error.to_string());
        if !text.contains('~') {
            let jws = CompactJws::parse(text, TokenType::VC).map_err(|error| broken(&error))?;
            let payload = jws.decode_payload().map_err(|error| broken(&error))?;
            let payload = json(&payload)?.into_owned();
            return Self::of_model(Form::Jwt, &without_envelope(payload), shown);
        }
        let typ = SdJwt::peek_typ(text).unwrap_or_default();
        let known = [TokenType::VC_SD_JWT, TokenType::DC_SD_JWT];
        let token_type = known.into_iter().find(|known| known.typ == typ).ok_or_else(|| {
            Malformed::new(WHAT, "expected an SD-JWT of type vc+sd-jwt or dc+sd-jwt")
        })?;
        let token = SdJwt::parse(text, token_type).map_err(|error| broken(&error))?;
        let claims = token.disclose().map_err(|error| broken(&error))?;
        let document = match token_type {
            TokenType::DC_SD_JWT => from_claims(&claims)?,
            _ => without_envelope(claims.into()),
        };
        Self::of_model(Form::SdJwt(token_type), &document, shown)
    }

    fn of_model(
        form: Form,
        document: &Value<'_>,
        shown: Value<'static>,
    ) -> Result<Self, Malformed> {
        let credential = Unverified::from_value(document)?;
        let subject = match credential.claimed_subjects() {
            [one] => Some(*one),
            _ => None,
        };
        let types = credential.claimed_types();
        let known = types.iter().find_map(|name| AttestationType::by_name(name));
        let attested =
            known.zip(subject).map(|(known, subject)| known.read(subject)).transpose()?;
        let grant = match attested {
            Some(Attestation::TaskGrant(grant) | Attestation::Delegation(grant)) => Some(grant),
            _ => None,
        };
        Ok(Self {
            form,
            id: credential.claimed_id().map(ToOwned::to_owned),
            types: types.iter().map(|name| (*name).to_owned()).collect(),
            issuer: credential.claimed_issuer().to_owned(),
            subject: subject.and_then(|subject| subject.str("id")).map(ToOwned::to_owned),
            valid_from: credential.claimed_valid_from(),
            valid_until: credential.claimed_valid_until(),
            grant,
            shown,
        })
    }

    /// What is shown, as a verifier takes it.
    pub(crate) fn shown_bytes(&self) -> Cow<'_, [u8]> {
        match &self.shown {
            Value::String(token) => Cow::Borrowed(token.as_bytes()),
            other => Cow::Owned(to_canonical_string(other).into_bytes()),
        }
    }
}

/// What is left of a credential with a base proof when what `reveal` leads to is shown, besides
/// what is mandatory.
pub(crate) fn derived(
    document: &Object<'_>,
    reveal: &[&str],
    suites: Suites,
) -> Result<Value<'static>, WalletError> {
    let failed = |error: &dyn std::fmt::Display| WalletError::Proof(error.to_string());
    let proofs = proofs_of(document).map_err(|error| failed(&error))?;
    let mut fitting = proofs.iter().filter(|proof| is_base(proof, suites));
    let (Some(proof), None) = (fitting.next(), fitting.next()) else {
        return Err(failed(&"expected one proof of a selective suite"));
    };
    let input = DeriveInput { document, proof, reveal, presentation_header: &[] };
    let derived = suites.of_proof(proof).and_then(|suite| suite.derive(input));
    Ok(derived.map_err(|error| failed(&error))?.into())
}

/// Whether holders derive from this proof. What came as derived is taken for a base proof too, and
/// fails where it is derived from.
fn is_base(proof: &Proof<'_>, suites: Suites) -> bool {
    suites.of_proof(proof).is_ok_and(Suite::is_selective)
}

pub(crate) fn json(bytes: &[u8]) -> Result<Value<'_>, Malformed> {
    parse(bytes, &Limits::for_size(LONGEST)).map_err(|error| Malformed::json(WHAT, &error))
}

/// The payload of a token without what belongs to the token alone.
fn without_envelope(mut payload: Value<'static>) -> Value<'static> {
    if let Value::Object(claims) = &mut payload {
        claims.remove("cnf");
        claims.remove("status");
    }
    payload
}
