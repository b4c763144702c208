//! Signing a credential.

use bonafide_core::Malformed;
use bonafide_core::attestation::{AttestationType, mandatory_pointers};
use bonafide_core::did::{Did, Relationship, resolve_self_certifying};
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_core::sd_jwt_vc;
use bonafide_core::time::Timestamp;
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{
    ProofError, ProofOptions, Random, Suite, Suites, add_proof_with,
};
use bonafide_proof::jose::{self, TokenType};
use bonafide_proof::sd_jwt::{SdJwtDraft, SdJwtError};
use bonafide_proof::{SignError, Signer};

use super::Format;
use crate::keys::SigningKey;

/// Digests of nothing that one object may have.
pub const MOST_DECOYS: usize = 64;

/// Why a credential was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecureError {
    /// Something was to be always disclosed in a format that discloses everything.
    #[error("nothing can be hidden in this format")]
    NothingToHide,
    /// Decoys for what is no SD-JWT.
    #[error("only SD-JWTs have decoys")]
    NoDecoys,
    /// More decoys than [`MOST_DECOYS`].
    #[error("expected at most {MOST_DECOYS} decoys")]
    TooManyDecoys,
    /// A pointer to what is always disclosed leads nowhere.
    #[error("the pointer {pointer} leads nowhere")]
    MandatoryUnknown {
        /// The pointer.
        pointer: String,
    },
    /// A BLS12-381 key, which has no algorithm for JWTs.
    #[error("a BLS12-381 key signs credentials with bbs-2023, and nothing else")]
    BbsAlone,
    /// What no verifier takes in the payload of a credential's token.
    #[error("/{member}: every verifier would refuse a token with this in it")]
    RefusedInToken {
        /// The name of the member.
        member: &'static str,
    },
    /// The document has a `cnf` of its own.
    #[error("/cnf: which key binds the credential follows from its subject")]
    ConfirmationGiven,
    /// The document is no JSON object.
    #[error("a credential is an object")]
    NotAnObject,
    /// No format goes with keys of this type.
    #[error("no suite signs with {key_type} keys")]
    NoSuite {
        /// The type of the key.
        key_type: KeyType,
    },
    /// The format does not go with the key.
    #[error("{suite} does not sign with {key_type} keys")]
    KeyMismatch {
        /// The name of the suite.
        suite: &'static str,
        /// The type of the key.
        key_type: KeyType,
        /// The name of a format that does.
        fitting: &'static str,
    },
    /// The credential can't be said in the claims of an SD-JWT VC.
    #[error(transparent)]
    Claims(Malformed),
    /// The suite refused the document, or the signer failed.
    #[error(transparent)]
    Proof(ProofError),
    /// The SD-JWT could not be made, or the signer failed.
    #[error(transparent)]
    SdJwt(SdJwtError),
    /// The signer failed.
    #[error(transparent)]
    Sign(SignError),
    /// No salt could be drawn.
    #[error("{}", .0.0)]
    Random(SignError),
}

impl SecureError {
    /// Whether the signer or the source of randomness failed, so that nothing is wrong with what
    /// was asked for.
    pub fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Proof(ProofError::Sign(_))
                | Self::SdJwt(SdJwtError::NotSigned(_))
                | Self::Sign(_)
                | Self::Random(_)
        )
    }
}

/// What only formats of selective disclosure need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selective {
    /// RFC 6901 pointers to what is always disclosed, besides what the type says.
    pub mandatory: Vec<String>,
    /// Digests of nothing in each object of an SD-JWT that hides something.
    pub decoys: usize,
    /// The ids of proofs that the new one builds on.
    pub previous: Vec<String>,
}

impl Selective {
    /// Refuses what a format has no use for: it would be left out without a word.
    pub fn check(&self, format: Format) -> Result<(), SecureError> {
        if !self.mandatory.is_empty() && !format.is_selective() {
            return Err(SecureError::NothingToHide);
        }
        if self.decoys > 0 && !format.is_sd_jwt() {
            return Err(SecureError::NoDecoys);
        }
        if self.decoys > MOST_DECOYS {
            return Err(SecureError::TooManyDecoys);
        }
        Ok(())
    }
}

/// Signs a credential: gives the document with its proof, or the token as a string.
///
/// Only what a format would lose or every verifier would refuse is looked for here; whether the
/// document is a credential, of a [version](Format::check_version) that goes with the format, is
/// its maker's matter. `random` is drawn from by the formats of selective disclosure alone.
pub fn secure(
    document: Value<'static>,
    format: Format,
    selective: &Selective,
    signer: &SigningKey,
    now: Timestamp,
    random: &mut Random<'_>,
) -> Result<Value<'static>, SecureError> {
    secure_with(SUITES, document, format, selective, signer, now, random)
}

/// The same with these cryptosuites.
#[allow(clippy::too_many_arguments)]
pub(crate) fn secure_with(
    suites: Suites,
    document: Value<'static>,
    format: Format,
    selective: &Selective,
    signer: &SigningKey,
    now: Timestamp,
    random: &mut Random<'_>,
) -> Result<Value<'static>, SecureError> {
    selective.check(format)?;
    let mandatory = mandatory(&document, selective)?;
    let mandatory: Vec<&str> = mandatory.iter().map(String::as_str).collect();
    let key_type = signer.key.public_key().key_type();
    if format.is_token() {
        if key_type == KeyType::Bls12381G2 {
            return Err(SecureError::BbsAlone);
        }
        refuse_in_payload(&document)?;
    }
    match format {
        Format::VcJwt => {
            let token = jose::sign(&document, TokenType::VC, &signer.method, &signer.key);
            Ok(token.map_err(SecureError::Sign)?.into())
        }
        Format::VcSdJwt => {
            let pointers = sd_jwt_vc::disclosable(&document, &mandatory);
            let cnf = holder_key(&document);
            let Value::Object(mut payload) = document else {
                return Err(SecureError::NotAnObject);
            };
            if payload.contains("cnf") {
                return Err(SecureError::ConfirmationGiven);
            }
            if let Some(cnf) = cnf {
                payload.insert("cnf", cnf);
            }
            sd_jwt(&payload, &pointers, TokenType::VC_SD_JWT, selective, signer, random)
        }
        Format::DcSdJwt => {
            let pointers: Vec<String> = sd_jwt_vc::disclosable(&document, &mandatory)
                .iter()
                .filter_map(|pointer| pointer.strip_prefix("/credentialSubject"))
                .map(ToOwned::to_owned)
                .collect();
            let payload = sd_jwt_vc::to_claims(&document, holder_key(&document))
                .map_err(SecureError::Claims)?;
            sd_jwt(&payload, &pointers, TokenType::DC_SD_JWT, selective, signer, random)
        }
        _ => {
            let suite = fitting_suite(suites, Some(format.name()), key_type)?;
            let previous: Vec<&str> = selective.previous.iter().map(String::as_str).collect();
            let options = ProofOptions {
                created: Some(now),
                previous: &previous,
                mandatory: if suite.is_selective() { &mandatory } else { &[] },
                ..ProofOptions::new(&signer.method, Relationship::AssertionMethod)
            };
            add_proof_with(document, &options, suite, &signer.key, random)
                .map_err(SecureError::Proof)
        }
    }
}

/// The named suite, or the one that goes with the key.
pub fn suite_for(name: Option<&str>, key_type: KeyType) -> Result<&'static dyn Suite, SecureError> {
    fitting_suite(SUITES, name, key_type)
}

fn fitting_suite(
    suites: Suites,
    name: Option<&str>,
    key_type: KeyType,
) -> Result<&'static dyn Suite, SecureError> {
    let suite = match name {
        Some(name) => suites.by_name(name).ok(),
        None => suites.for_key(key_type),
    };
    let suite = suite.ok_or(SecureError::NoSuite { key_type })?;
    if suite.accepts(key_type).is_ok() {
        return Ok(suite);
    }
    let fitting = SUITES.for_key(key_type).map_or(Format::VcJwt.name(), Suite::name);
    Err(SecureError::KeyMismatch { suite: suite.name(), key_type, fitting })
}

/// Refuses what no verifier takes in the payload of a credential's token.
fn refuse_in_payload(document: &Value<'_>) -> Result<(), SecureError> {
    let found = ["aud", "proof", "vc", "vp"].into_iter().find(|name| document.get(name).is_some());
    found.map_or(Ok(()), |member| Err(SecureError::RefusedInToken { member }))
}

/// What every derived credential has to disclose: what its type says and what was asked for.
fn mandatory(document: &Value<'_>, selective: &Selective) -> Result<Vec<String>, SecureError> {
    let types = document.get("type").map(Value::one_or_more).unwrap_or_default();
    let known = types.iter().find_map(|name| AttestationType::by_name(name.as_str()?));
    let always = match known {
        Some(known) => known.mandatory_pointers(document),
        None => mandatory_pointers(document),
    };
    let mut pointers: Vec<String> = always.into_iter().map(ToOwned::to_owned).collect();
    for pointer in &selective.mandatory {
        if document.pointer(pointer).is_none() {
            return Err(SecureError::MandatoryUnknown { pointer: pointer.clone() });
        }
        if !pointers.contains(pointer) {
            pointers.push(pointer.clone());
        }
    }
    Ok(pointers)
}

/// The `cnf` claim for a subject whose DID holds its own key.
fn holder_key(document: &Value<'_>) -> Option<Object<'static>> {
    let subject = document.get("credentialSubject")?.get("id")?.as_str()?;
    let resolved = resolve_self_certifying(Did::parse(subject).ok()?)?.ok()?;
    let jwk = resolved.methods().first()?.key.as_ref()?.to_jwk()?;
    Some(Object::from([("jwk", jwk)]))
}

fn sd_jwt(
    payload: &Object<'static>,
    disclosable: &[String],
    token_type: TokenType,
    selective: &Selective,
    signer: &SigningKey,
    random: &mut Random<'_>,
) -> Result<Value<'static>, SecureError> {
    let disclosable: Vec<&str> = disclosable.iter().map(String::as_str).collect();
    let draft = SdJwtDraft { payload, disclosable: &disclosable, decoys: selective.decoys };
    let mut failed = None;
    let mut salt = || {
        let mut salt = [0; 16];
        if let Err(error) = random(&mut salt) {
            failed = Some(error);
        }
        salt
    };
    let token = draft.issue(token_type, &signer.method, &signer.key, &mut salt);
    match failed {
        Some(error) => Err(SecureError::Random(error)),
        None => Ok(token.map_err(SecureError::SdJwt)?.into()),
    }
}
