//! The key that a credential is bound to by its `cnf` claim (RFC 7800).

use bonafide_core::Malformed;
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::PublicKey;

use super::Context;
use crate::Reason;
use crate::evidence::Keys;

/// What `cnf` says.
#[derive(Debug)]
pub(crate) enum Confirmation {
    /// The DID URL of a key.
    Method(String),
    /// The key itself.
    Key(PublicKey),
}

impl Confirmation {
    /// Reads the `cnf` among these claims, if there is one. It names one key in one way: of two,
    /// nobody could say which one binds.
    pub(crate) fn read(claims: &Object<'_>) -> Result<Option<Self>, Malformed> {
        let malformed = |detail| Malformed::at("credential", "/cnf", detail);
        let Some(cnf) = claims.get("cnf") else { return Ok(None) };
        let cnf = cnf.as_object().ok_or_else(|| malformed("expected an object"))?;
        match cnf.iter().next().filter(|_| cnf.len() == 1) {
            Some(("kid", Value::String(kid))) => Ok(Some(Self::Method(kid.as_ref().to_owned()))),
            Some(("jwk", Value::Object(jwk))) => Ok(Some(Self::Key(PublicKey::from_jwk(jwk)?))),
            _ => Err(malformed("expected either kid or jwk, and nothing else")),
        }
    }

    /// Whether the key is one of those that signed the presentation around the credential; `signers`
    /// is empty where there is none, or none that is signed.
    pub(crate) fn signed(
        &self,
        signers: &[PublicKey],
        context: &Context<'_>,
    ) -> Result<(), Reason> {
        let Some(first) = signers.first() else { return Ok(()) };
        let key = match self {
            Self::Key(key) => key.clone(),
            Self::Method(method) => {
                let resolved = context.evidence.resolve(method, Relationship::Authentication)?;
                resolved.key.public_key().clone()
            }
        };
        if signers.contains(&key) {
            return Ok(());
        }
        Err(Reason::HolderMismatch { holder: key.to_multikey(), signer: first.to_multikey() })
    }
}
