//! What a wallet holds, as others see it.

use std::fmt;

use bonafide_core::key::PublicKey;
use bonafide_core::time::Timestamp;

/// A key of the wallet: all of it but the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Its name in this wallet: 1 to 64 letters, digits, dots, dashes and underscores.
    pub name: String,
    /// The public key.
    pub public: PublicKey,
    /// The DID that signs with it.
    pub did: String,
    /// The DID URL of the key, a verification method of the DID.
    pub method: String,
    /// When it was made here or imported; `None` for one whose signer was attached.
    pub created: Option<Timestamp>,
    /// Whether it is still taken for what is new.
    pub state: KeyState,
    /// Where its secret is.
    pub place: KeyPlace,
}

/// Whether a key is still taken for what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is.
    Current,
    /// It signs for the credentials that are bound to it, and is asked for nothing new.
    Retired,
}

/// Where the secret of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the wallet.
    Here,
    /// In another process, a token or a KMS; its signer is attached.
    Elsewhere,
}

/// A credential as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// Its `id`; one without has its digest here.
    pub id: String,
    /// Exactly what was received.
    pub bytes: Vec<u8>,
    /// Its media type, such as `vc+jwt`.
    pub format: String,
    /// `sha256:` and the verifier's digest of it in hexadecimal.
    pub digest: String,
    /// Its `type`, all of them.
    pub types: Vec<String>,
    /// The DID of its issuer.
    pub issuer: String,
    /// The DID that it speaks of.
    pub subject: Option<String>,
    /// The name of the key that it is bound to; `None` for one of somebody else that is presented
    /// along with others, such as the parent of a delegation.
    pub key: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// When it ends.
    pub valid_until: Option<Timestamp>,
}

impl Held {
    /// Whether it is of a type.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.types.iter().any(|known| known == name)
    }

    /// Whether it says who an agent is.
    pub(crate) fn is_identity(&self) -> bool {
        self.is("AgentIdentityCredential")
    }

    /// Whether it is a link of a chain.
    pub(crate) fn is_link(&self) -> bool {
        self.is("TaskGrantCredential") || self.is("DelegationCredential")
    }
}

/// Without the bytes: they say much about people.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("id", &self.id)
            .field("format", &self.format)
            .field("types", &self.types)
            .field("issuer", &self.issuer)
            .field("key", &self.key)
            .field("valid_until", &self.valid_until)
            .finish_non_exhaustive()
    }
}

/// An issuer that the wallet deals with.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownIssuer {
    /// Its name in this wallet, of the same form as that of a key.
    pub name: String,
    /// Where its service is.
    pub url: String,
    /// Its DID.
    pub did: String,
    /// The DID that signs its trust bundles.
    pub bundle_signer: Option<String>,
    /// The newest trust bundle had from it.
    pub bundle: Option<Vec<u8>>,
}

/// Without the bundle, which is long.
impl fmt::Debug for KnownIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownIssuer")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("did", &self.did)
            .field("bundle_signer", &self.bundle_signer)
            .finish_non_exhaustive()
    }
}
