//! What the tests of this crate share.

use bonafide_core::time::Timestamp;
use bonafide_proof::SignError;
use tempfile::TempDir;

use crate::{Cost, Held, Passphrase, Wallet};

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// Other bytes with each draw.
pub(crate) fn counting() -> impl FnMut(&mut [u8]) -> Result<(), SignError> {
    let mut next = 0_u8;
    move |bytes| {
        next += 1;
        bytes.fill(next);
        Ok(())
    }
}

pub(crate) fn broken() -> impl FnMut(&mut [u8]) -> Result<(), SignError> {
    |_| Err(SignError("broken".to_owned()))
}

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new(PASSPHRASE)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-01-31T12:00:00.25Z").unwrap()
}

pub(crate) fn held(id: &str, key: Option<&str>) -> Held {
    Held {
        id: id.to_owned(),
        bytes: format!("\u{e9} \" \\ {id}").into_bytes(),
        format: "vc+jwt".to_owned(),
        digest: format!("sha256:{}", "0".repeat(64)),
        types: vec!["VerifiableCredential".to_owned(), "TaskGrantCredential".to_owned()],
        issuer: "did:web:issuer.example".to_owned(),
        subject: Some("did:key:z6Mk".to_owned()),
        key: key.map(ToOwned::to_owned),
        received_at: now(),
        valid_until: None,
    }
}

/// A wallet in a new folder.
pub(crate) fn new_wallet() -> (TempDir, Wallet) {
    let folder = tempfile::tempdir().unwrap();
    let wallet = Wallet::create(folder.path(), &passphrase(), Cost::LEAST, &mut counting());
    (folder, wallet.unwrap())
}
