//! Where a wallet keeps its content.

use bonafide_proof::data_integrity::Random;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::sealing::{Cost, Passphrase};

/// Keeps the whole content of one wallet, and gives it back.
///
/// What it is given holds every secret in the clear: a store that writes it anywhere seals it.
pub trait Store: Send + Sync {
    /// What was saved last; `None` if nothing was ever.
    fn load(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;

    /// Takes the place of what was saved before, all of it or, with an error, nothing of it. When
    /// this returns, the content outlasts a crash.
    fn save(&mut self, content: &[u8]) -> Result<(), StoreError>;

    /// The same under another passphrase. A store without passphrases refuses.
    fn reseal(
        &mut self,
        _content: &[u8],
        _passphrase: &Passphrase,
        _cost: Cost,
        _random: &mut Random<'_>,
    ) -> Result<(), StoreError> {
        Err(StoreError::NoPassphrase)
    }
}

/// Keeps a wallet in memory, until it is dropped.
#[derive(Default)]
pub struct MemoryStore(Option<Zeroizing<Vec<u8>>>);

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.0.clone())
    }

    fn save(&mut self, content: &[u8]) -> Result<(), StoreError> {
        self.0 = Some(Zeroizing::new(content.to_vec()));
        Ok(())
    }
}
