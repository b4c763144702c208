//! What is published of a list, signed when it is asked for and kept until the list changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bonafide_core::encoding::hex;
use bonafide_core::json::{Value, to_canonical_string};
use bonafide_core::status::{
    BitstringStatusListCredential, StatusListError, StatusPurpose, TokenStatusBits,
    TokenStatusListClaims,
};
use bonafide_core::vc::VC_JWT;
use bonafide_proof::jose::{self, TokenType};
use sha2::{Digest, Sha256};

use super::StatusList;
use crate::environment::{Environment, Moment};
use crate::format::{Format, Selective, secure};
use crate::signer::Issuing;

/// How a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A Bitstring Status List with a Data Integrity proof.
    DataIntegrity(StatusPurpose),
    /// A Bitstring Status List as `vc+jwt`.
    Jwt(StatusPurpose),
    /// A Token Status List, `statuslist+jwt`.
    Token,
}

impl Form {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::DataIntegrity(_) => "application/vc",
            Self::Jwt(_) => VC_JWT,
            Self::Token => "application/statuslist+jwt",
        }
    }
}

/// A signed list.
#[derive(Debug)]
pub struct Published {
    /// What is handed out.
    pub bytes: Vec<u8>,
    /// Its entity tag, in quotes.
    pub etag: String,
    /// When it was signed.
    pub at: Moment,
    version: u64,
    /// The DID URL of the key that signed it.
    signed_with: String,
}

/// Why a list could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The instance has no key for lists.
    #[error("the instance has no key that signs status lists")]
    NoKey,
    /// Its purpose is not kept.
    #[error("the list has no such purpose")]
    NoPurpose,
    /// The list is not what it has to be.
    #[error(transparent)]
    List(#[from] StatusListError),
    /// It could not be signed.
    #[error("{0}")]
    Sign(String),
}

/// What is published of one list.
#[derive(Default)]
pub(crate) struct Publication {
    // Held while signing: of many who ask at once, one waits for the signature.
    forms: Mutex<HashMap<Form, Arc<Published>>>,
}

/// How long lists may be used and are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// How long a copy may be used.
    pub ttl: Duration,
    /// How long a list is valid.
    pub valid_for: Duration,
}

impl StatusList {
    /// The list as of now, in a form.
    pub fn published(
        &self,
        form: Form,
        issuing: &Issuing,
        lifetimes: Lifetimes,
        environment: &Environment,
    ) -> Result<Arc<Published>, PublishError> {
        let now = environment.now();
        let (key, _) = issuing.list_key().ok_or(PublishError::NoKey)?;
        let mut forms = self.publication.forms.lock().unwrap_or_else(PoisonError::into_inner);
        let before = forms.get(&form);
        let version = self.bits.read().unwrap_or_else(PoisonError::into_inner).version;
        // Signed anew while a copy that is taken now still lives for as long as it may be used, and
        // when the key changed: the last one may be compromised, and its list with it.
        let fresh = |published: &Published| {
            published.version == version
                && published.signed_with == key.method
                && now.since(published.at) <= lifetimes.ttl
        };
        if let Some(published) = before.filter(|published| fresh(published)) {
            return Ok(Arc::clone(published));
        }
        // Each is newer than the one before, whatever the clock does.
        let at = before.map_or(now, |before| now.max(Moment(before.at.0 + 1)));
        let published = Arc::new(self.sign(form, issuing, lifetimes, at, environment)?);
        forms.insert(form, Arc::clone(&published));
        Ok(published)
    }

    fn sign(
        &self,
        form: Form,
        issuing: &Issuing,
        lifetimes: Lifetimes,
        at: Moment,
        environment: &Environment,
    ) -> Result<Published, PublishError> {
        let (key, suite) = issuing.list_key().ok_or(PublishError::NoKey)?;
        let sign = |error: &dyn std::fmt::Display| PublishError::Sign(error.to_string());
        let bits = self.bits.read().unwrap_or_else(PoisonError::into_inner);
        let (version, until) = (bits.version, at.timestamp().saturating_add(lifetimes.valid_for));
        let secured = match form {
            Form::Token => {
                let claims = TokenStatusListClaims {
                    uri: self.url(None),
                    issued_at: at.second(),
                    expires: Some(until),
                    ttl: Some(lifetimes.ttl),
                    aggregation_uri: None,
                    bits: TokenStatusBits::project(&bits.revoked, Some(&bits.suspended))?,
                };
                drop(bits);
                let payload = claims.to_payload().into();
                jose::sign(&payload, TokenType::STATUS_LIST, &key.method, &key.key)
                    .map_err(|error| sign(&error))?
                    .into()
            }
            Form::DataIntegrity(purpose) | Form::Jwt(purpose) => {
                let of_purpose = match purpose {
                    StatusPurpose::Revocation => bits.revoked.clone(),
                    StatusPurpose::Suspension => bits.suspended.clone(),
                    _ => return Err(PublishError::NoPurpose),
                };
                drop(bits);
                let list = BitstringStatusListCredential {
                    purposes: vec![purpose],
                    ttl: Some(lifetimes.ttl),
                    bits: of_purpose,
                };
                let document =
                    list.to_credential(&self.url(Some(purpose)), &key.did, at.timestamp(), until);
                let format = if matches!(form, Form::Jwt(_)) { Format::VcJwt } else { suite };
                let mut random = |bytes: &mut [u8]| environment.fill_for_signing(bytes);
                secure(document, format, &Selective::default(), key, at.second(), &mut random)
                    .map_err(|error| sign(&error))?
            }
        };
        let bytes = match secured {
            Value::String(token) => token.into_owned().into_bytes(),
            other => to_canonical_string(&other).into_bytes(),
        };
        let etag = format!("\"{}\"", &hex(&Sha256::digest(&bytes))[..32]);
        Ok(Published { bytes, etag, at, version, signed_with: key.method.clone() })
    }
}
