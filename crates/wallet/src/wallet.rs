//! The wallet: making and opening it, and how it changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bonafide_proof::Signer;
use bonafide_proof::data_integrity::{Random, Suites};

use crate::content::Content;
use crate::error::{StoreError, WalletError};
use crate::folder::SealedFolder;
use crate::sealing::{Cost, Passphrase, Sealing};
use crate::store::{MemoryStore, Store};
use crate::trust::Trust;

/// The keys and credentials of one agent, or of several.
///
/// Whatever changes it is saved before it returns; where it fails, the wallet in memory is as it
/// was. (On the disk too, but after [`StoreError::Stopped`]: then it is known once it was opened
/// again.)
///
/// It has no `Debug` and can't be cloned or serialized, since it holds secrets:
///
/// ```compile_fail
/// fn print(wallet: &bonafide_wallet::Wallet) -> String { format!("{wallet:?}") }
/// ```
///
/// ```compile_fail
/// use bonafide_wallet::Wallet;
/// fn copy(wallet: &Wallet) -> Wallet { wallet.clone() }
/// ```
///
/// ```compile_fail
/// fn write(wallet: &bonafide_wallet::Wallet) -> String { serde_json::to_string(wallet).unwrap() }
/// ```
pub struct Wallet {
    store: Box<dyn Store>,
    pub(crate) content: Content,
    /// The signers of keys that lie elsewhere, by the names of the keys.
    pub(crate) attached: BTreeMap<String, Box<dyn Signer + Send + Sync>>,
    pub(crate) suites: Suites,
    pub(crate) trust: Mutex<Option<Arc<Trust>>>,
}

impl Wallet {
    /// A new wallet in a folder, which is made if it is not there. Refuses one that holds a wallet
    /// ([`StoreError::Exists`]) and passphrases that are too short.
    pub fn create(
        folder: &Path,
        passphrase: &Passphrase,
        cost: Cost,
        random: &mut Random<'_>,
    ) -> Result<Self, WalletError> {
        let content = Content::default();
        let bytes = content.to_bytes()?;
        let store = SealedFolder::create(folder, passphrase, cost, random, &bytes)?;
        Ok(Self::of(Box::new(store), content))
    }

    /// Opens the wallet in a folder, for this process alone ([`StoreError::InUse`]). Takes as long
    /// as the passphrase's [`Cost`] says.
    pub fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, WalletError> {
        Self::over(Box::new(SealedFolder::open(folder, passphrase)?))
    }

    /// Whether there is a wallet in a folder, opened by whomever.
    pub fn is_in(folder: &Path) -> bool {
        SealedFolder::is_in(folder)
    }

    /// A new wallet that is gone when it is dropped.
    pub fn in_memory() -> Self {
        Self::of(Box::new(MemoryStore::new()), Content::default())
    }

    /// The wallet in any store: what was saved there last, or a new one.
    pub fn over(mut store: Box<dyn Store>) -> Result<Self, WalletError> {
        let content = match store.load()? {
            Some(bytes) => Content::from_bytes(&bytes).map_err(WalletError::Content)?,
            None => Content::default(),
        };
        Ok(Self::of(store, content))
    }

    /// Knows these cryptosuites, so that it can receive and derive from what they secure; those of
    /// `bonafide-proof` alone, if never said.
    pub fn use_suites(&mut self, suites: Suites) {
        self.suites = suites;
        self.forget_trust();
    }

    /// Seals the wallet with another passphrase. Copies made before still open with the old one.
    pub fn change_passphrase(
        &mut self,
        passphrase: &Passphrase,
        cost: Cost,
        random: &mut Random<'_>,
    ) -> Result<(), WalletError> {
        let bytes = self.content.to_bytes()?;
        Ok(self.store.reseal(&bytes, passphrase, cost, random)?)
    }

    /// A copy of everything, secrets included, sealed with a passphrase of its own, in the form in
    /// which wallets lie in their folders.
    ///
    /// ```
    /// use bonafide_core::key::KeyType;
    /// use bonafide_core::time::Timestamp;
    /// use bonafide_proof::SignError;
    /// use bonafide_wallet::{Cost, Passphrase, Wallet};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let elsewhere = tempfile::tempdir()?;
    /// # let now = Timestamp::parse("2026-01-31T12:00:00Z")?;
    /// let mut random = |bytes: &mut [u8]| {
    ///     getrandom::fill(bytes).map_err(|error| SignError(error.to_string()))
    /// };
    /// let mut wallet = Wallet::in_memory();
    /// let did = wallet.new_key("travel", KeyType::P256, &mut random, now)?.did.clone();
    ///
    /// let passphrase = Passphrase::new("a copy for the safe");
    /// let copy = wallet.export(&passphrase, Cost::DEFAULT, &mut random)?;
    /// let again = Wallet::import(elsewhere.path(), &copy, &passphrase)?;
    /// assert_eq!(again.key("travel").map(|key| &key.did), Some(&did));
    /// # Ok(())
    /// # }
    /// ```
    pub fn export(
        &self,
        passphrase: &Passphrase,
        cost: Cost,
        random: &mut Random<'_>,
    ) -> Result<Vec<u8>, WalletError> {
        let sealing = Sealing::create(passphrase, cost, random)?;
        Ok(sealing.seal(&self.content.to_bytes()?)?)
    }

    /// A new wallet in a folder with what [`export`](Self::export) gave, sealed with the same
    /// passphrase. Nothing is made of a copy that does not open.
    pub fn import(
        folder: &Path,
        copy: &[u8],
        passphrase: &Passphrase,
    ) -> Result<Self, WalletError> {
        let sealing = Sealing::of(copy, passphrase)?;
        let content = Content::from_bytes(&sealing.open(copy)?).map_err(WalletError::Content)?;
        let bytes = content.to_bytes()?;
        let store = SealedFolder::create_with(folder, sealing, &bytes)?;
        Ok(Self::of(Box::new(store), content))
    }

    fn of(store: Box<dyn Store>, content: Content) -> Self {
        Self {
            store,
            content,
            attached: BTreeMap::new(),
            suites: Suites::JCS,
            trust: Mutex::default(),
        }
    }

    /// The one way in which the content changes: on a copy, which takes its place once it is saved.
    pub(crate) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Content) -> Result<T, WalletError>,
    ) -> Result<T, WalletError> {
        let mut next = self.content.clone();
        let outcome = change(&mut next)?;
        self.store.save(&next.to_bytes().map_err(StoreError::from)?)?;
        self.content = next;
        Ok(outcome)
    }
}

/// Names of keys and issuers stand in commands and in file names.
pub(crate) fn check_name(name: &str) -> Result<(), WalletError> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(known) {
        return Ok(());
    }
    let shown: String = name.chars().take(64).collect();
    Err(WalletError::NameRefused(shown))
}

#[cfg(test)]
mod tests;
