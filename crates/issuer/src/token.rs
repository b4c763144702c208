//! API tokens: shown once, kept as a hash, compared in constant time.

use bonafide_core::encoding::{encode_base64url, hex};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::environment::{Environment, Moment, NoRandomness};
use crate::id::Id;
use crate::store::{Role, Token};

/// How every token begins, so that scanners for leaked secrets know it.
const PREFIX: &str = "bonafide_";

/// A new token and its text, which is shown once and kept nowhere.
pub(crate) fn make(
    name: String,
    role: Role,
    expires_at: Option<Moment>,
    environment: &Environment,
) -> Result<(Token, Zeroizing<String>), NoRandomness> {
    let id = Id::new(environment)?;
    let secret = Zeroizing::new(environment.random::<32>()?);
    let secret = Zeroizing::new(encode_base64url(&*secret));
    let text = Zeroizing::new(format!("{PREFIX}{}_{}", hex(id.as_bytes()), &*secret));
    let hash = hex(&Sha256::digest(text.as_bytes()));
    let created_at = environment.now();
    let token = Token { id, name, role, hash, created_at, expires_at, revoked_at: None };
    Ok((token, text))
}

/// The id that a token's text claims.
pub(crate) fn claimed_id(text: &str) -> Option<Id> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    if id.len() != 32 || secret.len() != 43 || !id.is_ascii() {
        return None;
    }
    let groups = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
    groups.join("-").parse().ok()
}

/// Whether this is the text of the token, and the token still counts.
pub(crate) fn is_good(token: &Token, text: &str, now: Moment) -> bool {
    let hash = hex(&Sha256::digest(text.as_bytes()));
    let same: bool = hash.as_bytes().ct_eq(token.hash.as_bytes()).into();
    same && token.revoked_at.is_none() && token.expires_at.is_none_or(|expires| now < expires)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENT: Environment = Environment {
        milliseconds: || 5_000,
        fill: |bytes| {
            bytes.fill(3);
            Ok(())
        },
    };

    #[test]
    fn a_token_is_kept_as_a_hash_and_known_again() {
        let expires = Some(Moment(9_000));
        let (mut token, text) =
            make("ops".to_owned(), Role::Auditor, expires, &ENVIRONMENT).unwrap();
        assert_eq!(claimed_id(&text), Some(token.id));
        assert!(is_good(&token, &text, Moment(8_999)));
        assert!(!is_good(&token, &text, Moment(9_000)), "ended");
        assert!(!is_good(&token, &text[..text.len() - 1], Moment(6_000)));
        assert!(!is_good(&token, &token.hash, Moment(6_000)), "the hash is no token");
        let kept = serde_json::to_string(&token).unwrap();
        let secret = text.rsplit('_').next().unwrap();
        assert!(!kept.contains(secret));
        token.revoked_at = Some(Moment(6_000));
        assert!(!is_good(&token, &text, Moment(6_001)), "revoked");
    }

    #[test]
    fn other_texts_claim_nothing() {
        for text in [
            "",
            "bonafide_",
            "bonafide_x_y",
            "Bearer",
            &format!("bonafide_{}_{}", "é".repeat(16), "a".repeat(43)),
        ] {
            assert_eq!(claimed_id(text), None, "{text}");
        }
    }
}
