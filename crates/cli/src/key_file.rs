//! Key files: one JSON object that holds one secret key, readable by its owner alone.

use std::path::Path;

use bonafide_core::json::{Limits, parse};
use bonafide_issuer::keys::{AnyKey, MethodError, SigningKey};
use bonafide_proof::Signer;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::files;

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
    let Some(method) = method else { return Ok(SigningKey::as_did_key(key)) };
    SigningKey::as_method(key, method).map_err(|error| {
        let failure = Failure::usage(format!("--as: {method:?} is {error}"));
        match error {
            MethodError::NotAKey => failure.with_help("--as did:web:example.com#key-1"),
            MethodError::AnotherKey => failure,
        }
    })
}
