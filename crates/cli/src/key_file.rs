//! Key files: one JSON object that holds one secret key, readable by its owner alone.

use std::path::Path;

use bonafide_core::Malformed;
use bonafide_core::did::{did_jwk, did_key};
use bonafide_core::json::{Limits, parse};
use bonafide_core::key::PublicKey;
use bonafide_linked_data::bbs;
use bonafide_proof::{SecretKey, SignError, Signer};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::files;

/// A secret key of any kind that a key file holds.
pub(crate) enum AnyKey {
    Plain(SecretKey),
    /// BLS12-381, which signs with bbs-2023 alone.
    Bbs(bbs::SecretKey),
}

impl AnyKey {
    fn from_multikey(text: &str) -> Result<Self, Malformed> {
        match SecretKey::from_multikey(text) {
            Ok(key) => Ok(Self::Plain(key)),
            Err(error) => bbs::SecretKey::from_multikey(text).map(Self::Bbs).map_err(|_| error),
        }
    }

    fn to_multikey(&self) -> Zeroizing<String> {
        match self {
            Self::Plain(key) => key.to_multikey(),
            Self::Bbs(key) => key.to_multikey(),
        }
    }

    fn signer(&self) -> &dyn Signer {
        match self {
            Self::Plain(key) => key,
            Self::Bbs(key) => key,
        }
    }
}

impl Signer for AnyKey {
    fn public_key(&self) -> &PublicKey {
        self.signer().public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer().sign(message)
    }

    fn sign_messages(&self, header: &[u8], messages: &[Vec<u8>]) -> Result<Vec<u8>, SignError> {
        self.signer().sign_messages(header, messages)
    }
}

/// A key and the DID URL under which it signs.
pub(crate) struct SigningKey {
    pub(crate) key: AnyKey,
    /// The DID that signs.
    pub(crate) did: String,
    /// The DID URL of the key.
    pub(crate) method: String,
}

/// Writes a new key file.
pub(crate) fn save(path: &Path, key: &AnyKey) -> Result<(), Failure> {
    let (public, secret) = (key.public_key().to_multikey(), key.to_multikey());
    // Put together here, in room enough for all of it: a text that moves or a tree of JSON would
    // leave copies of the secret. Multikeys need no escapes.
    let mut text = Zeroizing::new(String::with_capacity(128 + public.len() + secret.len()));
    for part in [
        "{\n  \"publicKeyMultibase\": \"",
        public.as_str(),
        "\",\n  \"secretKeyMultibase\": \"",
        secret.as_str(),
        "\",\n  \"type\": \"bonafide-key\"\n}\n",
    ] {
        text.push_str(part);
    }
    files::write_secret(path, &text)
}

/// Reads a key file. Refuses one that others can read.
pub(crate) fn load(path: &Path) -> Result<AnyKey, Failure> {
    let shown = path.display();
    let bytes = Zeroizing::new(files::read_secret(path)?);
    // Nothing of the content goes into a message.
    let broken = || Failure::usage(format!("{shown} is not a key file of bonafide"));
    let value = parse(&bytes, &Limits::for_size(4096)).map_err(|_| broken())?;
    let object = value.as_object().ok_or_else(broken)?;
    if object.str("type") != Some("bonafide-key") {
        return Err(broken().with_help("bonafide key new --out FILE"));
    }
    refuse_if_public(path)?;
    let secret = object.str("secretKeyMultibase").ok_or_else(broken)?;
    let key = AnyKey::from_multikey(secret).map_err(|_| broken())?;
    if object.str("publicKeyMultibase") != Some(key.public_key().to_multikey().as_str()) {
        return Err(Failure::usage(format!(
            "{shown}: the public key is not that of the secret key"
        )));
    }
    Ok(key)
}

#[cfg(unix)]
fn refuse_if_public(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        let shown = path.display();
        return Err(Failure::usage(format!("{shown} holds a secret key and others can read it"))
            .with_help(format!("chmod 600 {shown}")));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_public(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Reads a key file for signing, as its did:key or as the DID URL given.
pub(crate) fn signing(path: &Path, method: Option<&str>) -> Result<SigningKey, Failure> {
    let key = load(path)?;
    let (did, method) = match method {
        None => {
            let did = did_key(key.public_key());
            let method = format!("{did}#{}", key.public_key().to_multikey());
            (did, method)
        }
        Some(method) => {
            let url = bonafide_core::did::DidUrl::parse(method)
                .ok()
                .filter(|url| url.fragment.is_some_and(|fragment| !fragment.is_empty()))
                .ok_or_else(|| {
                    Failure::usage(format!("--as: {method:?} is not the DID URL of a key"))
                        .with_help("--as did:web:example.com#key-1")
                })?;
            let own = (did_key(key.public_key()), did_jwk(key.public_key()));
            let did = url.did.as_str();
            let other = match url.did.method() {
                "key" => did != own.0 || url.fragment != did.strip_prefix("did:key:"),
                "jwk" => own.1.as_deref() != Some(did) || url.fragment != Some("0"),
                _ => false,
            };
            if other {
                return Err(Failure::usage(format!("--as: {method:?} is not this key")));
            }
            (did.to_owned(), method.to_owned())
        }
    };
    Ok(SigningKey { key, did, method })
}
