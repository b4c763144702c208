//! The credentials of a wallet, and what else it remembers.

use crate::error::WalletError;
use crate::record::{Held, KnownIssuer};
use crate::wallet::{Wallet, check_name};

impl Wallet {
    /// Keeps a credential, in the place of one with the same id. The key that it names must be
    /// there. Nothing about it is verified here.
    pub fn put(&mut self, held: Held) -> Result<(), WalletError> {
        self.change(|content| {
            if let Some(key) = held.key.as_deref().filter(|key| content.key(key).is_none()) {
                return Err(WalletError::NoKey(key.to_owned()));
            }
            match content.credentials.iter_mut().find(|there| there.id == held.id) {
                Some(there) => *there = held,
                None => content.credentials.push(held),
            }
            Ok(())
        })
    }

    /// The credential of an id.
    pub fn get(&self, id: &str) -> Option<&Held> {
        self.content.credentials.iter().find(|held| held.id == id)
    }

    /// All credentials, in the order in which they came.
    pub fn list(&self) -> &[Held] {
        &self.content.credentials
    }

    /// Removes a credential.
    pub fn remove(&mut self, id: &str) -> Result<(), WalletError> {
        self.change(|content| {
            let before = content.credentials.len();
            content.credentials.retain(|held| held.id != id);
            match content.credentials.len() < before {
                true => Ok(()),
                false => Err(WalletError::NoCredential(id.to_owned())),
            }
        })
    }

    /// Remembers an issuer, in the place of one with the same name. The newest bundle stays, unless
    /// another is given or the name is another issuer's now.
    pub fn put_issuer(&mut self, issuer: KnownIssuer) -> Result<(), WalletError> {
        check_name(&issuer.name)?;
        self.change(|content| {
            let mut issuer = issuer;
            if let Some(there) = content.issuers.get(&issuer.name)
                && there.did == issuer.did
                && issuer.bundle.is_none()
            {
                issuer.bundle.clone_from(&there.bundle);
            }
            content.issuers.insert(issuer.name.clone(), issuer);
            Ok(())
        })?;
        self.forget_trust();
        Ok(())
    }

    /// The issuer of a name.
    pub fn issuer(&self, name: &str) -> Option<&KnownIssuer> {
        self.content.issuers.get(name)
    }

    /// All issuers, by their names.
    pub fn issuers(&self) -> impl ExactSizeIterator<Item = &KnownIssuer> {
        self.content.issuers.values()
    }

    /// Forgets an issuer.
    pub fn remove_issuer(&mut self, name: &str) -> Result<(), WalletError> {
        self.change(|content| match content.issuers.remove(name) {
            Some(_) => Ok(()),
            None => Err(WalletError::NoIssuer(name.to_owned())),
        })?;
        self.forget_trust();
        Ok(())
    }

    /// Notes that a status set aside for children is given to one. Durable when this returns, so
    /// it comes before the child's credential is signed: no two ever have the same status, even if
    /// a crash comes between. One that was given out is refused.
    pub fn use_index(&mut self, list: &str, index: u64) -> Result<(), WalletError> {
        self.use_indexes(list, std::iter::once(index))
    }

    /// The same for several at once: all of them, or none.
    pub(crate) fn use_indexes(
        &mut self,
        list: &str,
        indexes: impl Iterator<Item = u64>,
    ) -> Result<(), WalletError> {
        self.change(|content| {
            let used = content.used.entry(list.to_owned()).or_default();
            for index in indexes {
                if !used.insert(index) {
                    return Err(WalletError::IndexUsed { list: list.to_owned(), index });
                }
            }
            Ok(())
        })
    }

    /// Whether a status was given out.
    pub fn is_used(&self, list: &str, index: u64) -> bool {
        self.content.used.get(list).is_some_and(|used| used.contains(&index))
    }

    /// What was set under a name.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.content.settings.get(name).map(String::as_str)
    }

    /// Sets something, or with `None` takes it back.
    pub fn set_setting(&mut self, name: &str, value: Option<&str>) -> Result<(), WalletError> {
        self.change(|content| {
            match value {
                Some(value) => content.settings.insert(name.to_owned(), value.to_owned()),
                None => content.settings.remove(name),
            };
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
