//! What a data folder needs before anything is issued from it: its mode, its sealing key, its
//! instances and the first token. What a new folder lacks is made.

use std::path::Path;
use std::sync::Arc;

use bonafide_core::key::KeyType;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::event::{Caller, EventDraft};
use crate::format::Format;
use crate::keys::seal::{self, Cost, SealingKey};
use crate::service::StartError;
use crate::settings::{InstanceSettings, KEY_TYPES, Settings, did_web};
use crate::signer::{BUNDLE_INSTANCE, LOG_INSTANCE, TOKEN_INSTANCE};
use crate::state::State;
use crate::store::{Instance, KeyRecord, Role, Store, With};
use crate::token;

/// The one instance of a service without any in its settings.
pub(crate) const DEFAULT_INSTANCE: &str = "default";

/// Makes what a data folder lacks.
pub(crate) struct Maker<'m> {
    pub(crate) settings: &'m Settings,
    pub(crate) environment: &'m Environment,
    pub(crate) store: &'m Arc<dyn Store>,
    pub(crate) state: &'m State,
    pub(crate) caller: &'m Caller,
    /// The number of the first key of a new instance.
    pub(crate) first_key: usize,
}

impl Maker<'_> {
    pub(crate) fn instances(&self) -> Result<(), StartError> {
        let origin = self.settings.log.origin.clone().unwrap_or_else(|| {
            let url = self.settings.public_url();
            let host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            format!("{host}/log")
        });
        // The log's origin is kept in the place of its format, which never signs credentials.
        self.own_instance(LOG_INSTANCE, &origin)?;
        self.own_instance(BUNDLE_INSTANCE, Format::EddsaJcs2022.name())?;
        self.own_instance(TOKEN_INSTANCE, Format::EddsaJcs2022.name())?;
        let default = [InstanceSettings {
            name: DEFAULT_INSTANCE.to_owned(),
            did: None,
            format: Format::EddsaJcs2022,
            key: None,
        }];
        let wanted = match self.settings.instances.as_slice() {
            [] => &default[..],
            instances => instances,
        };
        for (position, instance) in wanted.iter().enumerate() {
            self.instance(instance, position == 0)?;
        }
        Ok(())
    }

    fn own_instance(&self, name: &str, format: &str) -> Result<(), StartError> {
        if self.state.signers.instance(name).is_some() {
            return Ok(());
        }
        let key = self.state.signers.generate(name, 1, KeyType::Ed25519, self.environment)?;
        let did = format!("did:key:{}", key.public);
        self.add(Instance { name: name.to_owned(), did, format: format.to_owned() }, vec![key])
    }

    fn instance(&self, wanted: &InstanceSettings, first: bool) -> Result<(), StartError> {
        let name = &wanted.name;
        let below = (!first).then_some(name.as_str());
        let did = match wanted.did.as_deref() {
            Some("key") => None,
            Some(did) => Some(did.to_owned()),
            None => Some(did_web(&self.settings.public_url(), below).ok_or_else(|| {
                StartError::Settings(format!(
                    "{} makes no did:web; set public_url to one with a name, or did = \"key\" for the instance {name}",
                    self.settings.public_url()
                ))
            })?),
        };
        if let Some(there) = self.state.signers.instance(name) {
            let same = match &did {
                Some(did) => wanted.did.is_none() || *did == there.instance.did,
                None => !there.is_web(),
            };
            if !same {
                return Err(StartError::Settings(format!(
                    "the instance {name} has the DID {}, and credentials that carry it; it can't get another",
                    there.instance.did
                )));
            }
            return Ok(());
        }
        let signers = &self.state.signers;
        let types: Vec<KeyType> = match did {
            // A did:key is one key, the one that its format takes.
            None => KEY_TYPES
                .into_iter()
                .find(|known| match &wanted.key {
                    Some(name) => known.to_string() == *name,
                    None => wanted.format.accepts(*known),
                })
                .into_iter()
                .collect(),
            Some(_) => KEY_TYPES.into(),
        };
        let keys: Vec<KeyRecord> = (self.first_key..)
            .zip(types)
            .map(|(number, key_type)| signers.generate(name, number, key_type, self.environment))
            .collect::<Result<_, _>>()?;
        let did = match (did, keys.first()) {
            (Some(did), _) => did,
            (None, Some(key)) => format!("did:key:{}", key.public),
            (None, None) => {
                return Err(StartError::Settings(format!("no key signs {}", wanted.format.name())));
            }
        };
        let format = wanted.format.name().to_owned();
        self.add(Instance { name: name.clone(), did, format }, keys)
    }

    fn add(&self, instance: Instance, keys: Vec<KeyRecord>) -> Result<(), StartError> {
        let public: Vec<&str> = keys.iter().map(|key| key.public.as_str()).collect();
        let event = EventDraft::new("instance-added")
            .with("instance", &instance.name)
            .with("did", &instance.did)
            .with("keys", &public)
            .finish(self.caller, self.environment)?;
        let with = With { events: vec![event], ..With::default() };
        self.store.add_instance(instance, keys, with).wait()?;
        match self.state.broken() {
            Some(broken) => Err(StartError::Seal(broken)),
            None => Ok(()),
        }
    }

    pub(crate) fn first_token(&self) -> Result<Option<Zeroizing<String>>, StartError> {
        if !self.state.tokens().is_empty() {
            return Ok(None);
        }
        let name = "made at the first start".to_owned();
        let (token, text) = token::make(name, Role::Administrator, None, self.environment)?;
        let event = EventDraft::new("token-made")
            .with("tokenId", &token.id)
            .with("role", &token.role)
            .finish(self.caller, self.environment)?;
        let with = With { events: vec![event], ..With::default() };
        self.store.put_token(token, with).wait()?;
        Ok(Some(text))
    }
}

/// The key that opens the keys, made for a new folder.
pub(crate) fn sealing_key(
    settings: &Settings,
    new: bool,
    environment: &Environment,
) -> Result<SealingKey, StartError> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        StartError::Seal(format!("{}: {error}", path.display()))
    };
    let mut random = |bytes: &mut [u8]| environment.fill_for_signing(bytes);
    let data = &settings.data;
    crate::store::private_folder(data).map_err(|error| failed(data, &error))?;
    if let Some(path) = &settings.seal.passphrase_file {
        let text = std::fs::read(path).map(Zeroizing::new).map_err(|error| failed(path, &error))?;
        let passphrase = text.trim_ascii_end();
        if passphrase.is_empty() {
            return Err(failed(path, &"the passphrase is empty"));
        }
        let header = settings.data.join("seal.json");
        let sealing = match header.exists() {
            true => seal::read_passphrase_file(&header, passphrase),
            false if new => {
                seal::create_passphrase_file(&header, passphrase, Cost::DEFAULT, &mut random)
            }
            false => {
                return Err(failed(&header, &"is missing; the keys were sealed in another way"));
            }
        };
        return sealing.map_err(|error| failed(path, &error));
    }
    let path = match &settings.seal.key_file {
        Some(path) => path.clone(),
        None => settings.data.join("seal.key"),
    };
    let sealing = match path.exists() {
        true => seal::read_key_file(&path),
        false if new => seal::create_key_file(&path, &mut random),
        false => {
            return Err(failed(
                &path,
                &"is missing, and without it no key opens: put your copy of it there",
            ));
        }
    };
    sealing.map_err(|error| failed(&path, &error))
}

/// Marks a folder that was made for test suites.
pub(crate) const CONFORMANCE: &str = "conformance";

/// A folder is for test suites or for real, and stays so: without tokens nobody gets at real keys.
pub(crate) fn check_mode(settings: &Settings, new: bool) -> Result<(), StartError> {
    let marker = settings.data.join(CONFORMANCE);
    let failed =
        |error: std::io::Error| StartError::Settings(format!("{}: {error}", marker.display()));
    if new && settings.conformance {
        crate::store::private_folder(&settings.data).map_err(failed)?;
        return std::fs::write(&marker, "keys and data for test suites\n").map_err(failed);
    }
    match (settings.conformance, marker.exists()) {
        (true, false) => Err(StartError::Settings(format!(
            "--conformance asks for no tokens: {} holds real keys; leave --data out",
            settings.data.display()
        ))),
        (false, true) => Err(StartError::Settings(format!(
            "{} was made by --conformance, and its keys were open to everybody; use another folder",
            settings.data.display()
        ))),
        _ => Ok(()),
    }
}
