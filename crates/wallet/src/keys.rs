//! The keys of a wallet.

use std::sync::Arc;

use bonafide_core::did::{DidUrl, did_jwk, did_key};
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_core::time::Timestamp;
use bonafide_proof::data_integrity::Random;
use bonafide_proof::{SecretKey, SignError, Signer};
use zeroize::Zeroizing;

use crate::content::{Content, StoredKey};
use crate::error::WalletError;
use crate::record::{KeyEntry, KeyPlace, KeyState};
use crate::wallet::{Wallet, check_name};

/// One draw in 2^32 is no scalar of P-256. So many in a row never happen.
const MOST_DRAWS: usize = 8;

impl Wallet {
    /// Makes a key (Ed25519, P-256 or P-384), with its did:key. The first one is the default.
    pub fn new_key(
        &mut self,
        name: &str,
        key_type: KeyType,
        random: &mut Random<'_>,
        now: Timestamp,
    ) -> Result<&KeyEntry, WalletError> {
        // A name that is refused costs no draw.
        self.check_new(name)?;
        self.import_key(name, generate(key_type, random)?, now)
    }

    /// Takes in a key that was made elsewhere, with its did:key.
    pub fn import_key(
        &mut self,
        name: &str,
        secret: SecretKey,
        now: Timestamp,
    ) -> Result<&KeyEntry, WalletError> {
        self.check_new(name)?;
        let public = secret.public_key().clone();
        let did = did_key(&public);
        let method = format!("{did}#{}", public.to_multikey());
        let entry = KeyEntry {
            name: name.to_owned(),
            public,
            did,
            method,
            created: Some(now),
            state: KeyState::Current,
            place: KeyPlace::Here,
        };
        self.add(StoredKey { entry, secret: Some(Arc::new(secret)) })
    }

    /// Lets a signer outside of the wallet sign under a name. Its public key and DID are saved; it
    /// itself is not, so it is attached anew, under the same name, whenever the wallet is opened.
    /// A name that belongs to another key is refused.
    pub fn attach(
        &mut self,
        name: &str,
        signer: Box<dyn Signer + Send + Sync>,
        did: &str,
        method: &str,
    ) -> Result<&KeyEntry, WalletError> {
        let public = signer.public_key().clone();
        match self.content.key(name).map(|key| &key.entry) {
            None => {
                self.check_new(name)?;
                check_method(&public, did, method)?;
                let entry = KeyEntry {
                    name: name.to_owned(),
                    public,
                    did: did.to_owned(),
                    method: method.to_owned(),
                    created: None,
                    state: KeyState::Current,
                    place: KeyPlace::Elsewhere,
                };
                self.add(StoredKey { entry, secret: None })?;
            }
            Some(there) if there.place == KeyPlace::Here || there.public != public => {
                return Err(WalletError::KeyExists(name.to_owned()));
            }
            Some(there) if there.did == did && there.method == method => {}
            Some(_) => self.set_did(name, did, method)?,
        }
        self.attached.insert(name.to_owned(), signer);
        self.key(name).ok_or_else(|| no_key(name))
    }

    /// All keys, in the order in which they came.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &KeyEntry> {
        self.content.keys.iter().map(|key| &key.entry)
    }

    /// The key of a name.
    pub fn key(&self, name: &str) -> Option<&KeyEntry> {
        self.content.key(name).map(|key| &key.entry)
    }

    /// The key that is taken where none is named: the one that was set, or else the first that is
    /// not retired.
    pub fn default_key(&self) -> Option<&KeyEntry> {
        let set = self.content.default_key.as_deref().and_then(|name| self.key(name));
        set.or_else(|| self.keys().find(|key| key.state == KeyState::Current))
    }

    /// Says which key is taken where none is named. A retired one is refused.
    pub fn set_default_key(&mut self, name: &str) -> Result<(), WalletError> {
        self.change(|content| {
            if found(content, name)?.entry.state == KeyState::Retired {
                return Err(WalletError::Retired(name.to_owned()));
            }
            content.default_key = Some(name.to_owned());
            Ok(())
        })
    }

    /// What signs with a key, be it retired. A key that lies elsewhere must have been attached.
    pub fn signer(&self, name: &str) -> Result<&dyn Signer, WalletError> {
        let key = self.content.key(name).ok_or_else(|| no_key(name))?;
        match (&key.secret, self.attached.get(name)) {
            (Some(secret), _) => Ok(&**secret),
            (None, Some(signer)) => Ok(&**signer),
            (None, None) => Err(WalletError::NotAttached(name.to_owned())),
        }
    }

    /// Puts a key under another DID, such as a did:web that an issuer gave. `method` is the DID URL
    /// of the key there. Of methods whose DIDs hold no key themselves, whether the DID's document
    /// lists the key is not looked at.
    pub fn set_did(&mut self, name: &str, did: &str, method: &str) -> Result<(), WalletError> {
        self.change(|content| {
            let entry = &mut found(content, name)?.entry;
            check_method(&entry.public, did, method)?;
            did.clone_into(&mut entry.did);
            method.clone_into(&mut entry.method);
            Ok(())
        })
    }

    /// Takes a key for nothing new. What is bound to it can still be presented.
    pub fn retire_key(&mut self, name: &str) -> Result<(), WalletError> {
        self.change(|content| {
            found(content, name)?.entry.state = KeyState::Retired;
            content.default_key.take_if(|default| default == name);
            Ok(())
        })
    }

    /// Removes a key with its secret, for good. Refused while credentials are bound to it.
    pub fn remove_key(&mut self, name: &str) -> Result<(), WalletError> {
        self.change(|content| {
            found(content, name)?;
            let bound = |key: &Option<String>| key.as_deref() == Some(name);
            let credentials = content.credentials.iter().filter(|held| bound(&held.key)).count();
            if credentials > 0 {
                return Err(WalletError::KeyInUse { name: name.to_owned(), credentials });
            }
            content.keys.retain(|key| key.entry.name != name);
            content.default_key.take_if(|default| default == name);
            Ok(())
        })?;
        self.attached.remove(name);
        Ok(())
    }

    fn check_new(&self, name: &str) -> Result<(), WalletError> {
        check_name(name)?;
        match self.content.key(name) {
            Some(_) => Err(WalletError::KeyExists(name.to_owned())),
            None => Ok(()),
        }
    }

    fn add(&mut self, key: StoredKey) -> Result<&KeyEntry, WalletError> {
        let name = key.entry.name.clone();
        self.change(|content| {
            content.keys.push(key);
            Ok(())
        })?;
        self.key(&name).ok_or_else(|| no_key(&name))
    }
}

fn no_key(name: &str) -> WalletError {
    WalletError::NoKey(name.to_owned())
}

fn found<'c>(content: &'c mut Content, name: &str) -> Result<&'c mut StoredKey, WalletError> {
    content.key_mut(name).ok_or_else(|| no_key(name))
}

fn generate(key_type: KeyType, random: &mut Random<'_>) -> Result<SecretKey, WalletError> {
    let length = SecretKey::length(key_type).ok_or(WalletError::DoesNotSign(key_type))?;
    let mut seed = Zeroizing::new(vec![0; length]);
    for _ in 0..MOST_DRAWS {
        random(&mut seed).map_err(WalletError::Random)?;
        // No source draws this but a broken one; for Ed25519 it would be a key.
        if seed.iter().all(|byte| *byte == 0) {
            continue;
        }
        if let Ok(key) = SecretKey::from_bytes(key_type, &seed) {
            return Ok(key);
        }
    }
    Err(WalletError::Random(SignError("the source of randomness is not random".to_owned())))
}

fn check_method(public: &PublicKey, did: &str, method: &str) -> Result<(), WalletError> {
    let not_a_method =
        || WalletError::NotAMethod { did: did.to_owned(), method: method.to_owned() };
    let url = DidUrl::parse(method).map_err(|_| not_a_method())?;
    let fragment = url.fragment.filter(|fragment| !fragment.is_empty());
    let plain = url.path.is_empty() && url.query.is_none();
    if fragment.is_none() || !plain || url.did.as_str() != did {
        return Err(not_a_method());
    }
    let holds = match url.did.method() {
        "key" => did == did_key(public) && fragment == did.strip_prefix("did:key:"),
        "jwk" => did_jwk(public).as_deref() == Some(did) && fragment == Some("0"),
        _ => true,
    };
    if holds { Ok(()) } else { Err(WalletError::AnotherKey { did: did.to_owned() }) }
}

#[cfg(test)]
mod tests;
