//! The committed state in memory, for those who only read: tokens, instances, status lists.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::broadcast;

use crate::id::Id;
use crate::signer::Signers;
use crate::status::StatusList;
use crate::store::{Event, Instance, KeyRecord, List, Status, StatusPlace, Token, Views};

/// A status that was committed, for those who follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The URL that the list's forms begin with.
    pub list: String,
    /// The index.
    pub index: u32,
    /// What it is now.
    pub status: Status,
}

/// Committed events, from the sequence of the first of them on.
pub(crate) type Committed = (u64, Vec<Event>);

/// How many changes a slow follower may be behind before it misses some.
const FEED_LENGTH: usize = 16_384;

/// All that is kept in memory.
pub struct State {
    /// The instances and their keys.
    pub signers: Signers,
    /// Changes of status, as they are committed; nothing, when the service stops.
    pub feed: broadcast::Sender<Option<StatusChange>>,
    tokens: RwLock<HashMap<Id, Arc<Token>>>,
    lists: RwLock<BTreeMap<u32, Arc<StatusList>>>,
    log: Mutex<Option<Sender<Committed>>>,
    /// What could not be taken up.
    broken: Mutex<Option<String>>,
}

impl State {
    /// Nothing yet. Committed events go to `log`, each group with its first sequence.
    pub fn new(signers: Signers, log: Sender<Committed>) -> Self {
        Self {
            signers,
            feed: broadcast::channel(FEED_LENGTH).0,
            tokens: RwLock::default(),
            lists: RwLock::default(),
            log: Mutex::new(Some(log)),
            broken: Mutex::default(),
        }
    }

    /// The token.
    pub fn find_token(&self, id: Id) -> Option<Arc<Token>> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Every token, oldest first.
    pub fn tokens(&self) -> Vec<Arc<Token>> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let mut tokens: Vec<_> = tokens.values().cloned().collect();
        tokens.sort_by_key(|token| token.id);
        tokens
    }

    /// The status list of this number.
    pub fn find_list(&self, number: u32) -> Option<Arc<StatusList>> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    /// Every status list, by number.
    pub fn lists(&self) -> Vec<Arc<StatusList>> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The newest status list of an instance.
    pub fn newest_list(&self, instance: &str) -> Option<Arc<StatusList>> {
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        lists.values().rev().find(|list| list.list.instance == instance).cloned()
    }

    /// Lets the sequencer come to its end. What is committed after this it reads from the store at
    /// the next start.
    pub(crate) fn close_log(&self) {
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What could not be taken up, if anything.
    pub fn broken(&self) -> Option<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn broke(&self, what: &impl ToString) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.get_or_insert(what.to_string());
    }
}

impl Views for State {
    fn status(&self, place: StatusPlace, status: Status) {
        let Some(list) = self.find_list(place.list) else {
            return self.broke(&format!("there is no status list {}", place.list));
        };
        if let Err(error) = list.set(place.index, status) {
            return self.broke(&error);
        }
        metrics::counter!("bonafide_status_changes_total", "status" => status.name()).increment(1);
        // Nobody may be following.
        let list = list.list.url.clone();
        let _ = self.feed.send(Some(StatusChange { list, index: place.index, status }));
    }

    fn list(&self, list: &List, used: u64) {
        match StatusList::new(list.clone(), used) {
            Some(new) => {
                let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
                lists.insert(list.number, Arc::new(new));
            }
            None => self.broke(&format!("the status list {} can't be read", list.number)),
        }
    }

    fn token(&self, token: &Token) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(token.id, Arc::new(token.clone()));
    }

    fn instance(&self, instance: &Instance) {
        if let Err(error) = self.signers.take(Some(instance), None) {
            self.broke(&error);
        }
    }

    fn key(&self, key: &KeyRecord) {
        if let Err(error) = self.signers.take(None, Some(key)) {
            self.broke(&error);
        }
    }

    fn events(&self, first: u64, events: Vec<Event>) {
        // The sequencer reads from the store what it missed when it starts.
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = log.as_ref().map(|log| log.send((first, events)));
    }
}
