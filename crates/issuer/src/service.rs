//! The service: what was opened, and what handlers do with it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bonafide_core::encoding::hex;
use bonafide_proof::Signer as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::challenge::Challenges;
use crate::environment::{Environment, NoRandomness};
use crate::event::{Caller, EventDraft};
use crate::first_start::{DEFAULT_INSTANCE, Maker, check_mode, sealing_key};
use crate::grants::GrantPolicy;
use crate::limit::RateLimits;
use crate::log::{LogError, LogKey, LogReader};
use crate::log_opening::{OpenLog, open_log};
use crate::problem::Problem;
use crate::providers::Providers;
use crate::restored::{self, Restored, TakeUp};
use crate::sequencer::{self, SequencerError};
use crate::settings::Settings;
use crate::signer::{BUNDLE_INSTANCE, Issuing, KeyError, LOG_INSTANCE, Signers};
use crate::state::State;
use crate::status::{Lifetimes, StatusList};
use crate::store::{Answer, Idempotency, List, SledOptions, SledStore, Store, StoreError, With};

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings.
    #[error("{0}")]
    Settings(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What the keys are sealed with.
    #[error("{0}")]
    Seal(String),
    /// The log.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The log and the store do not belong together.
    #[error("{0}")]
    Diverged(String),
    /// The machine.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl From<LogError> for StartError {
    fn from(error: LogError) -> Self {
        Self::Sequencer(error.into())
    }
}

/// The running service.
pub struct Service {
    /// How it runs.
    pub settings: Settings,
    /// Clock and randomness.
    pub environment: Environment,
    /// What must not be lost.
    pub store: Arc<dyn Store>,
    /// What is kept in memory.
    pub state: Arc<State>,
    /// The log's files, to read from.
    pub log: Arc<LogReader>,
    /// The log's public key.
    pub log_key: LogKey,
    pub(crate) log_number: u32,
    /// Challenges.
    pub challenges: Challenges,
    /// Nonces for DPoP proofs.
    pub(crate) dpop_nonces: Challenges,
    /// How much each client may ask for.
    pub limits: RateLimits,
    /// The name of the instance that has no name in the URL.
    pub default_instance: String,
    /// External identity providers.
    pub providers: Providers,
    /// Which agent may be granted what.
    pub grants: GrantPolicy,
    pub(crate) bundle: Mutex<Option<Arc<crate::bundle::MadeBundle>>>,
    pub(crate) trust: Mutex<Option<Arc<crate::trust::OwnTrust>>>,
    pub(crate) sled: Arc<SledStore>,
    /// The backup that this goes on from, if it does.
    restored: Option<Restored>,
    making_list: tokio::sync::Mutex<()>,
    /// Held while keys are replaced: new ones are numbered after those that are there.
    pub(crate) changing_keys: tokio::sync::Mutex<()>,
    sequencer: Mutex<Option<JoinHandle<()>>>,
}

/// A service that was opened.
pub struct Started {
    /// The service.
    pub service: Arc<Service>,
    /// The administrator's token, at the first start alone.
    pub administrator: Option<Zeroizing<String>>,
}

/// The folder of the log within the data folder: of the newest, where a restored backup began
/// another one.
pub fn log_folder(data: &Path) -> PathBuf {
    let numbered = |name: &str| name.strip_prefix("log-")?.parse().ok();
    let names = std::fs::read_dir(data).into_iter().flatten().flatten();
    let numbers = names.filter_map(|entry| numbered(entry.file_name().to_str()?));
    log_folder_of(data, numbers.max().unwrap_or(1))
}

/// The folder of the log with this number: `log`, `log-2`, …
pub(crate) fn log_folder_of(data: &Path, number: u32) -> PathBuf {
    match number {
        0 | 1 => data.join("log"),
        number => data.join(format!("log-{number}")),
    }
}

impl Service {
    /// Opens the data folder, makes what a new one lacks, and brings the log up to date. `on_stop`
    /// is told once, if nothing can be written any more.
    pub fn open(
        settings: Settings,
        environment: Environment,
        on_stop: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Started, StartError> {
        settings.check().map_err(|error| StartError::Settings(error.to_string()))?;
        let (providers, grants) =
            settings.files().map_err(|error| StartError::Settings(error.to_string()))?;
        let on_stop = Arc::new(on_stop);
        restored::check_finished(&settings.data)?;
        let (events, committed) = std::sync::mpsc::channel();
        let new = !SledStore::is_at(&settings.data);
        if new && log_folder(&settings.data).exists() {
            return Err(StartError::Diverged(format!(
                "the store is missing, and {} has the log of one. Restore a backup of the whole folder",
                settings.data.display()
            )));
        }
        check_mode(&settings, new)?;
        let sealing = sealing_key(&settings, new, &environment)?;
        let suites = match settings.conformance {
            true => bonafide_linked_data::inline::TEST_SUITES,
            false => bonafide_linked_data::SUITES,
        };
        let state = Arc::new(State::new(Signers::new(sealing, suites), events));
        let stop = Arc::clone(&on_stop);
        let options = SledOptions {
            folder: settings.data.clone(),
            cache: settings.store.cache_bytes,
            on_stop: Box::new(move |why| stop(why)),
        };
        let (sled, opened) = SledStore::open(options, Arc::clone(&state) as Arc<_>)?;
        if let Some(broken) = state.broken() {
            return Err(StartError::Seal(format!(
                "{broken}. Was the service started with another seal key or passphrase?"
            )));
        }
        let sled = Arc::new(sled);
        let store: Arc<dyn Store> = Arc::clone(&sled) as Arc<_>;
        let found = restored::find(&settings.data, &opened)?;
        let take_up =
            TakeUp { settings: &settings, environment: &environment, store: &sled, state: &state };
        // Before anything is written: a folder that went back is not to be written over.
        let kept = match state.signers.instance(LOG_INSTANCE) {
            Some(_) => Some(open_log(&take_up, &opened, &found)?),
            None => None,
        };
        let caller = Caller::service("start", environment.now());
        let maker = Maker {
            settings: &settings,
            environment: &environment,
            store: &store,
            state: &state,
            caller: &caller,
            first_key: 1 + found.last().map_or(0, Restored::skipped_keys),
        };
        maker.instances()?;
        let administrator = maker.first_token()?;

        let OpenLog { writer, log, log_key, log_number, signer } = match kept {
            Some(kept) => kept,
            None => open_log(&take_up, &opened, &found)?,
        };
        let sequencer = sequencer::start(sequencer::Work {
            writer,
            signer,
            store: Arc::clone(&store),
            events: committed,
            publish_every: Duration::from_millis(settings.log.publish_milliseconds.min(60_000)),
            copy: settings.log.checkpoint_copy.clone(),
            on_stop: Box::new(move |why| on_stop(why)),
        })?;
        let secret = challenge_key(&*own_instance(&state, BUNDLE_INSTANCE)?)?;
        // Of their own: neither is ever taken for the other.
        let nonce_secret: [u8; 32] = Sha256::new()
            .chain_update(b"nonces of DPoP proofs")
            .chain_update(secret)
            .finalize()
            .into();
        let default_instance = match settings.instances.first() {
            Some(first) => first.name.clone(),
            None => DEFAULT_INSTANCE.to_owned(),
        };
        let service = Self {
            challenges: Challenges::new(secret, settings.issuance.challenge_for),
            dpop_nonces: Challenges::new(nonce_secret, settings.issuance.challenge_for),
            limits: RateLimits::new(&settings.limits),
            environment,
            store,
            state,
            log,
            log_key,
            log_number,
            default_instance,
            providers,
            grants,
            bundle: Mutex::default(),
            trust: Mutex::default(),
            sled,
            restored: found.pending.or(found.noted),
            making_list: tokio::sync::Mutex::default(),
            changing_keys: tokio::sync::Mutex::default(),
            sequencer: Mutex::new(Some(sequencer)),
            settings,
        };
        Ok(Started { service: Arc::new(service), administrator })
    }

    /// The instance of this name, or the default one.
    pub fn instance(&self, name: Option<&str>) -> Result<Arc<Issuing>, Problem> {
        let name = name.unwrap_or(&self.default_instance);
        let own = name.starts_with('_');
        let found = self.state.signers.instance(name).filter(|_| !own);
        found.ok_or_else(|| Problem::not_found("issuing instance"))
    }

    /// The names and DIDs of those who issue here.
    pub fn issuers(&self) -> Vec<(String, String)> {
        let issuing = self.state.signers.issuing();
        let names = issuing.iter().map(|issuing| &issuing.instance);
        names.map(|instance| (instance.name.clone(), instance.did.clone())).collect()
    }

    /// The DID that signs trust bundles.
    pub fn bundle_signer(&self) -> String {
        let issuing = self.state.signers.instance(BUNDLE_INSTANCE);
        issuing.map(|issuing| issuing.instance.did.clone()).unwrap_or_default()
    }

    /// How long lists may be used and are valid.
    pub fn lifetimes(&self) -> Lifetimes {
        Lifetimes { ttl: self.settings.status.ttl, valid_for: self.settings.status.valid_for }
    }

    /// A status list of the instance with room in it; a new one is made when the newest is full.
    /// None for an instance that can sign no lists.
    pub async fn list_for(&self, issuing: &Issuing) -> Result<Option<Arc<StatusList>>, Problem> {
        if issuing.list_key().is_none() {
            return Ok(None);
        }
        let name = &issuing.instance.name;
        let with_room = || self.state.newest_list(name).filter(|list| list.has_room());
        if let Some(list) = with_room() {
            return Ok(Some(list));
        }
        let _one_at_a_time = self.making_list.lock().await;
        if with_room().is_none() {
            let caller = Caller::service("status lists", self.environment.now());
            self.add_list(self.new_list(name)?, &caller, With::default()).await?;
        }
        Ok(with_room())
    }

    /// Begins a new status list before the last one is full. `answer` makes the answer, which is
    /// kept for repetitions.
    pub async fn begin_list(
        &self,
        issuing: &Issuing,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
        answer: impl Fn(&List) -> Result<Answer, Problem>,
    ) -> Result<Answer, Problem> {
        let _one_at_a_time = self.making_list.lock().await;
        if let Some(answer) = self.repeated(idempotency).await? {
            return Ok(answer);
        }
        let list = self.new_list(&issuing.instance.name)?;
        let answer = answer(&list)?;
        let with = With {
            idempotency: idempotency.cloned(),
            answer: Some(answer.clone()),
            ..With::default()
        };
        self.add_list(list, caller, with).await?;
        Ok(answer)
    }

    /// The list after the last one.
    fn new_list(&self, instance: &str) -> Result<List, Problem> {
        let number = self.state.lists().last().map_or(1, |list| list.list.number + 1);
        Ok(new_list(&self.settings, &self.environment, instance, number)?)
    }

    async fn add_list(&self, list: List, caller: &Caller, mut with: With) -> Result<(), Problem> {
        let event = EventDraft::new("status-list-added")
            .with("list", &list.number)
            .with("url", &list.url)
            .with("instance", &list.instance)
            .finish(caller, &self.environment)?;
        with.events.push(event);
        Ok(self.store.add_list(list, with).await?)
    }

    /// The number of an instance's next key: one that no key of it had, those included that a
    /// restored backup does not know.
    pub(crate) fn next_key(&self, issuing: &Issuing) -> usize {
        let number = |key: &crate::signer::Key| key.record.name.strip_prefix("key-")?.parse().ok();
        let last = issuing.keys.iter().filter_map(number).max();
        let last = last.unwrap_or(0).max(issuing.keys.len());
        let newest = issuing.keys.iter().map(|key| key.record.created_at).max();
        match &self.restored {
            Some(restored) if newest.is_none_or(|newest| newest < restored.at) => {
                last + 1 + restored.skipped_keys()
            }
            _ => last + 1,
        }
    }

    /// Publishes the last checkpoint, works off what waits and closes the store. Requests that are
    /// still under way keep the store open until they end.
    pub fn close(self: Arc<Self>) {
        self.state.close_log();
        let sequencer = self.sequencer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sequencer) = sequencer {
            // It ended before only if the process is about to.
            let _ = sequencer.join();
        }
    }
}

/// A status list of which nothing was given out yet.
pub(crate) fn new_list(
    settings: &Settings,
    environment: &Environment,
    instance: &str,
    number: u32,
) -> Result<List, NoRandomness> {
    Ok(List {
        number,
        instance: instance.to_owned(),
        url: format!("{}/status/{number}", settings.public_url()),
        permutation: hex(&environment.random::<32>()?),
    })
}

fn own_instance(state: &State, name: &str) -> Result<Arc<Issuing>, StartError> {
    state
        .signers
        .instance(name)
        .ok_or_else(|| StoreError::Damaged(format!("the key of {name} is missing")).into())
}

pub(crate) fn first_key(issuing: &Issuing) -> Result<&bonafide_core::key::PublicKey, StartError> {
    let key = issuing.keys.first().map(|key| &key.public);
    key.ok_or_else(|| StoreError::Damaged("an instance has no key".to_owned()).into())
}

/// What challenges are told by: a signature that is published nowhere.
fn challenge_key(issuing: &Issuing) -> Result<[u8; 32], StartError> {
    let key = issuing.list_key().ok_or_else(|| StoreError::Damaged("no bundle key".to_owned()))?.0;
    let signature = Zeroizing::new(
        key.key
            .sign(b"bonafide: the key of this service's challenges")
            .map_err(|error| StartError::Seal(error.to_string()))?,
    );
    Ok(Sha256::digest(&*signature).into())
}
