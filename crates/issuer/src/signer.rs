//! The issuing instances and their keys: the only place that sees secret keys.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use bonafide_core::did::{Did, DidDocument, did_key, resolve_self_certifying};
use bonafide_core::json::{Object, Value};
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_proof::Signer as _;
use bonafide_proof::data_integrity::Suites;
use bonafide_verifier::Evidence;

use crate::environment::Environment;
use crate::format::Format;
use crate::keys::seal::{SealError, SealingKey, open, seal};
use crate::keys::{AnyKey, GenerateError, SigningKey};
use crate::settings::KEY_TYPES;
use crate::store::{Instance, KeyRecord, KeyState};

/// The instance that signs trust bundles; its DID is its own key.
pub(crate) const BUNDLE_INSTANCE: &str = "_bundle";
/// The instance that signs the log's checkpoints; its DID is its own key.
pub(crate) const LOG_INSTANCE: &str = "_log";

/// The instance that signs access tokens, and nothing else; its DID is its own key.
pub(crate) const TOKEN_INSTANCE: &str = "_token";

/// Why keys could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key could not be drawn.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The key can't be sealed or opened.
    #[error("the key {name} of {instance}: {error}")]
    Sealed {
        /// The instance.
        instance: String,
        /// The key.
        name: String,
        /// Why.
        error: SealError,
    },
    /// What was opened is no key of this instance.
    #[error("the key {name} of {instance} is not what it was")]
    Wrong {
        /// The instance.
        instance: String,
        /// The key.
        name: String,
    },
}

/// A key of an instance.
pub struct Key {
    /// What is kept of it.
    pub record: KeyRecord,
    /// The public key.
    pub public: PublicKey,
    /// To sign with; none once it is retired.
    pub signing: Option<SigningKey>,
}

/// An issuing instance with its keys opened.
pub struct Issuing {
    /// What is kept of it.
    pub instance: Instance,
    /// The format it signs in unless asked for another.
    pub format: Format,
    /// Its keys, oldest first.
    pub keys: Vec<Key>,
    /// Its DID document.
    pub document: DidDocument,
    /// Which cryptosuites it signs and checks with.
    pub(crate) suites: Suites,
    evidence: Evidence<'static>,
}

impl Issuing {
    fn active(&self) -> impl Iterator<Item = &SigningKey> {
        let active = self.keys.iter().filter(|key| key.record.state == KeyState::Active);
        active.filter_map(|key| key.signing.as_ref())
    }

    /// The newest key that signs in this format: of those of several types the first in the order
    /// of [`KEY_TYPES`].
    pub fn key_for(&self, format: Format) -> Option<&SigningKey> {
        let mut fitting = KEY_TYPES.into_iter().filter(|key_type| format.accepts(*key_type));
        fitting.find_map(|key_type| {
            self.active().filter(|key| key.key.public_key().key_type() == key_type).last()
        })
    }

    /// The key that signs its status lists, and the cryptosuite for them: one whose proofs
    /// everybody can check whole. A BLS12-381 key has none.
    pub fn list_key(&self) -> Option<(&SigningKey, Format)> {
        [KeyType::Ed25519, KeyType::P256, KeyType::P384].into_iter().find_map(|key_type| {
            let of_type = |key: &&SigningKey| key.key.public_key().key_type() == key_type;
            let key = self.active().filter(of_type).last()?;
            Some((key, Format::default_for(key_type)?))
        })
    }

    /// Another whenever its keys are others.
    pub fn version(&self) -> String {
        let state = |key: &Key| format!("{}{:?}", key.record.name, key.record.state);
        self.keys.iter().map(state).collect::<Vec<_>>().join(" ")
    }

    /// What our own verifier checks with before anything leaves.
    pub fn evidence(&self) -> &Evidence<'static> {
        &self.evidence
    }

    /// Whether its DID is a did:web, which has a document of its own and whose keys can change.
    pub fn is_web(&self) -> bool {
        self.instance.did.starts_with("did:web:")
    }
}

/// What is kept of an instance: itself and its keys by name.
type Records = (Instance, BTreeMap<String, KeyRecord>);

/// Every instance.
pub struct Signers {
    sealing: SealingKey,
    suites: Suites,
    records: RwLock<BTreeMap<String, Records>>,
    opened: RwLock<BTreeMap<String, Arc<Issuing>>>,
}

impl Signers {
    /// No instances yet.
    pub fn new(sealing: SealingKey, suites: Suites) -> Self {
        Self { sealing, suites, records: RwLock::default(), opened: RwLock::default() }
    }

    /// Which cryptosuites are known.
    pub(crate) fn suites(&self) -> Suites {
        self.suites
    }

    /// The instance of this name.
    pub fn instance(&self, name: &str) -> Option<Arc<Issuing>> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.get(name).cloned()
    }

    /// The instance whose DID this is.
    pub fn by_did(&self, did: &str) -> Option<Arc<Issuing>> {
        self.issuing().into_iter().find(|issuing| issuing.instance.did == did)
    }

    /// The instances that issue credentials, by name.
    pub fn issuing(&self) -> Vec<Arc<Issuing>> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        // No name that an operator gives begins with this.
        let own = |name: &str| name.starts_with('_');
        opened
            .iter()
            .filter(|(name, _)| !own(name))
            .map(|(_, issuing)| Arc::clone(issuing))
            .collect()
    }

    /// A new key, sealed. Its place in the instance is `number`.
    pub fn generate(
        &self,
        instance: &str,
        number: usize,
        key_type: KeyType,
        environment: &Environment,
    ) -> Result<KeyRecord, KeyError> {
        let mut random = |bytes: &mut [u8]| environment.fill_for_signing(bytes);
        let key = AnyKey::generate(key_type, &mut random)?;
        let (name, public) = (format!("key-{number}"), key.public_key().to_multikey());
        let associated = associated(instance, &name, &public);
        let sealed = seal(&self.sealing, key.to_multikey().as_bytes(), &associated, &mut random)
            .map_err(|error| KeyError::Sealed {
                instance: instance.to_owned(),
                name: name.clone(),
                error,
            })?;
        Ok(KeyRecord {
            instance: instance.to_owned(),
            name,
            public,
            state: KeyState::Active,
            created_at: environment.now(),
            compromised_at: None,
            sealed,
        })
    }

    /// A seal that vouches for `associated` and holds nothing.
    pub(crate) fn seal_nothing(
        &self,
        associated: &[u8],
        environment: &Environment,
    ) -> Result<String, SealError> {
        let mut random = |bytes: &mut [u8]| environment.fill_for_signing(bytes);
        seal(&self.sealing, b"", associated, &mut random)
    }

    /// Takes a committed instance or key up. What can't be opened is an error and changes nothing.
    pub fn take(
        &self,
        instance: Option<&Instance>,
        key: Option<&KeyRecord>,
    ) -> Result<(), KeyError> {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        let name = instance.map(|instance| &instance.name).or(key.map(|key| &key.instance));
        let Some(name) = name.cloned() else { return Ok(()) };
        if let Some(instance) = instance {
            records.entry(name.clone()).or_insert_with(|| (instance.clone(), BTreeMap::new()));
        }
        let Some((instance, keys)) = records.get_mut(&name) else { return Ok(()) };
        if let Some(key) = key {
            keys.insert(key.name.clone(), key.clone());
        }
        let issuing = self.open(instance, keys)?;
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        opened.insert(name, Arc::new(issuing));
        Ok(())
    }

    /// What an instance will be once these keys of it are committed.
    pub fn with_keys(&self, issuing: &Issuing, keys: &[KeyRecord]) -> Result<Issuing, KeyError> {
        let before = issuing.keys.iter().map(|key| &key.record);
        let records = before.chain(keys).map(|key| (key.name.clone(), key.clone())).collect();
        self.open(&issuing.instance, &records)
    }

    fn open(
        &self,
        instance: &Instance,
        records: &BTreeMap<String, KeyRecord>,
    ) -> Result<Issuing, KeyError> {
        let mut keys: Vec<Key> = records
            .values()
            .map(|record| self.open_key(instance, record))
            .collect::<Result<_, _>>()?;
        keys.sort_by_key(|key| {
            (key.record.created_at, key.record.name.len(), key.record.name.clone())
        });
        let wrong = || KeyError::Wrong { instance: instance.name.clone(), name: String::new() };
        let document = document(instance, &keys).ok_or_else(wrong)?;
        // The log's origin stands in the place of its format; it signs no credentials.
        let format = match instance.name.as_str() {
            name if name.starts_with(LOG_INSTANCE) => Format::EddsaJcs2022,
            _ => Format::parse(&instance.format).ok_or_else(wrong)?,
        };
        let evidence = Evidence::new().with_suites(self.suites).with_document(document.clone());
        let suites = self.suites;
        Ok(Issuing { instance: instance.clone(), format, keys, document, suites, evidence })
    }

    fn open_key(&self, instance: &Instance, record: &KeyRecord) -> Result<Key, KeyError> {
        let wrong =
            || KeyError::Wrong { instance: record.instance.clone(), name: record.name.clone() };
        let public = PublicKey::from_multikey(&record.public).map_err(|_| wrong())?;
        if record.state != KeyState::Active {
            return Ok(Key { record: record.clone(), public, signing: None });
        }
        let associated = associated(&record.instance, &record.name, &record.public);
        let secret = open(&self.sealing, &record.sealed, &associated).map_err(|error| {
            KeyError::Sealed { instance: record.instance.clone(), name: record.name.clone(), error }
        })?;
        let text = std::str::from_utf8(&secret).map_err(|_| wrong())?;
        let key = AnyKey::from_multikey(text).map_err(|_| wrong())?;
        if key.public_key().to_multikey() != record.public {
            return Err(wrong());
        }
        let signing = if instance.did.starts_with("did:key:") {
            SigningKey::as_did_key(key)
        } else {
            let method = format!("{}#{}", instance.did, record.name);
            SigningKey::as_method(key, &method).map_err(|_| wrong())?
        };
        if signing.did != instance.did {
            return Err(wrong());
        }
        Ok(Key { record: record.clone(), public, signing: Some(signing) })
    }
}

/// What binds a sealed key to its place: it opens nowhere else.
fn associated(instance: &str, name: &str, public: &str) -> Vec<u8> {
    format!("bonafide issuer key\0{instance}\0{name}\0{public}").into_bytes()
}

/// The DID document: every key that ever signed, so that what it signed stays good, and those that
/// are compromised with the time from which they count no more.
fn document(instance: &Instance, keys: &[Key]) -> Option<DidDocument> {
    let did = &instance.did;
    if did.starts_with("did:key:") {
        let first = keys.first().map_or(Some(did.clone()), |key| Some(did_key(&key.public)))?;
        return resolve_self_certifying(Did::parse(&first).ok()?)?.ok();
    }
    let (mut methods, mut ids) = (Vec::new(), Vec::new());
    for key in keys {
        let id = format!("{did}#{}", key.record.name);
        let mut method = Object::from([
            ("id", id.clone()),
            ("type", "Multikey".to_owned()),
            ("controller", did.clone()),
            ("publicKeyMultibase", key.record.public.clone()),
        ]);
        if let Some(at) = key.record.compromised_at {
            method.insert("revoked", at.second().to_string());
        }
        methods.push(method);
        ids.push(id);
    }
    let context = vec!["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"];
    let document = Object::from([
        ("@context", Value::from(context)),
        ("id", did.clone().into()),
        ("verificationMethod", methods.into()),
        ("assertionMethod", ids.into()),
    ]);
    DidDocument::from_value(document.into()).ok()
}
