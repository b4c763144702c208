//! To which key an access token is bound, and how the client shows that it holds it.

use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_core::json::Object;
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_proof::dpop::Proven;
use bonafide_proof::jose::thumbprint;

use super::error::OAuthError;

/// The certificate that a client showed on its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerCertificate {
    /// SHA-256 of the certificate in DER: `x5t#S256` (RFC 8705, 3.1).
    pub(crate) digest: [u8; 32],
    /// Its public key as `SubjectPublicKeyInfo` in DER.
    pub(crate) key: Vec<u8>,
}

/// The `cnf` of an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// The thumbprint of the key of DPoP proofs (RFC 9449, 6.1).
    Dpop(String),
    /// The digest of the client's certificate (RFC 8705, 3.1).
    Certificate([u8; 32]),
}

impl Binding {
    /// Binds to `key`, which whoever asks has to hold now. A token that anybody could use is not
    /// given.
    pub(crate) fn to(
        key: &PublicKey,
        dpop: Option<&Proven>,
        certificate: Option<&PeerCertificate>,
    ) -> Result<Self, OAuthError> {
        if let Some(proven) = dpop {
            return match thumbprint(key) {
                Some(own) if own == proven.thumbprint => Ok(Self::Dpop(own)),
                _ => Err(OAuthError::dpop(
                    "binding-mismatch",
                    "the DPoP proof is of another key than the one that the subject token names",
                )),
            };
        }
        let Some(certificate) = certificate else {
            return Err(OAuthError::dpop(
                "binding-missing",
                "a token is bound to a key: send a DPoP proof, or show a certificate",
            ));
        };
        match subject_public_key_info(key) {
            Some(own) if own == certificate.key => Ok(Self::Certificate(certificate.digest)),
            _ => Err(OAuthError::grant(
                "binding-mismatch",
                "the certificate is of another key than the one that the subject token names",
            )),
        }
    }

    /// `cnf`, which has one member.
    pub(crate) fn to_cnf(&self) -> Object<'static> {
        match self {
            Self::Dpop(thumbprint) => Object::from([("jkt", thumbprint.clone())]),
            Self::Certificate(digest) => Object::from([("x5t#S256", encode_base64url(digest))]),
        }
    }

    /// `token_type` of the answer.
    pub(crate) fn token_type(&self) -> &'static str {
        match self {
            Self::Dpop(_) => "DPoP",
            Self::Certificate(_) => "Bearer",
        }
    }
}

/// A key as certificates hold it (RFC 5480, RFC 8410).
fn subject_public_key_info(key: &PublicKey) -> Option<Vec<u8>> {
    const ED25519: &[u8] = &[0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0];
    const P256: &[u8] = &[
        0x30, 89, 0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce,
        0x3d, 3, 1, 7, 3, 66, 0,
    ];
    const P384: &[u8] = &[
        0x30, 118, 0x30, 16, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 34,
        3, 98, 0,
    ];
    let prefix = match key.key_type() {
        KeyType::Ed25519 => return Some([ED25519, key.as_bytes()].concat()),
        KeyType::P256 => P256,
        KeyType::P384 => P384,
        KeyType::X25519 | KeyType::Bls12381G2 => return None,
    };
    let jwk = key.to_jwk()?;
    let coordinate = |name: &str| decode_base64url(jwk.str(name)?).ok();
    Some([prefix, &[4], &coordinate("x")?, &coordinate("y")?].concat())
}

#[cfg(test)]
mod tests {
    use bonafide_core::time::Timestamp;
    use bonafide_proof::{SecretKey, Signer};

    use super::*;

    fn key(seed: u8) -> PublicKey {
        let key = SecretKey::from_bytes(KeyType::Ed25519, &[seed; 32]).unwrap();
        key.public_key().clone()
    }

    #[test]
    fn a_token_is_bound_to_the_one_key_that_is_held() {
        let proven = Proven {
            thumbprint: thumbprint(&key(1)).unwrap(),
            jti: "j".to_owned(),
            nonce: None,
            until: Timestamp::from_unix(0).unwrap(),
        };
        let bound = Binding::to(&key(1), Some(&proven), None).unwrap();
        assert_eq!(bound.to_cnf().str("jkt"), thumbprint(&key(1)).as_deref());
        let error = Binding::to(&key(2), Some(&proven), None).unwrap_err();
        assert_eq!((error.error, error.code), ("invalid_dpop_proof", "binding-mismatch"));
        assert_eq!(Binding::to(&key(1), None, None).unwrap_err().code, "binding-missing");

        let info = subject_public_key_info(&key(1)).unwrap();
        let certificate = PeerCertificate { digest: [7; 32], key: info };
        let bound = Binding::to(&key(1), None, Some(&certificate)).unwrap();
        assert_eq!(bound, Binding::Certificate([7; 32]));
        assert_eq!(bound.token_type(), "Bearer");
        let error = Binding::to(&key(2), None, Some(&certificate)).unwrap_err();
        assert_eq!((error.error, error.code), ("invalid_grant", "binding-mismatch"));
        // A proof of another key is not made good by a certificate.
        assert!(Binding::to(&key(2), Some(&proven), Some(&certificate)).is_err());
    }

    #[test]
    fn keys_are_written_as_certificates_hold_them() {
        for (key_type, length) in
            [(KeyType::Ed25519, 44), (KeyType::P256, 91), (KeyType::P384, 120)]
        {
            let secret =
                SecretKey::from_bytes(key_type, &vec![3; SecretKey::length(key_type).unwrap()]);
            let info = subject_public_key_info(secret.unwrap().public_key()).unwrap();
            assert_eq!(info.len(), length, "{key_type}");
            assert_eq!(usize::from(info[1]), length - 2, "{key_type}");
        }
    }
}
