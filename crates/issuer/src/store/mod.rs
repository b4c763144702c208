//! What the issuer must not lose: a small trait of domain transactions, each atomic, and durable
//! once it is answered.

mod link;
pub mod record;
mod sled_store;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

pub use link::*;
pub use record::*;
pub(crate) use sled_store::private_folder;
pub use sled_store::{Frozen, Opened, SledOptions, SledStore, load, values_path};

use crate::environment::{Moment, NoRandomness};
use crate::id::Id;

/// Why the store did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// It is there already.
    #[error("{0}")]
    Exists(&'static str),
    /// Its state does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
    /// It is good for one use, and was used.
    #[error("{0} was used before")]
    Used(&'static str),
    /// The same idempotency key came with another request.
    #[error("this Idempotency-Key was used for another request")]
    OtherRequest,
    /// The first request with this idempotency key is still under way.
    #[error("the first request with this Idempotency-Key is still under way")]
    InFlight,
    /// More waits than can be worked off.
    #[error("too much is waiting to be written")]
    Busy,
    /// Something went wrong with the disk; nothing is acknowledged any more.
    #[error("the store has stopped: {0}")]
    Stopped(String),
    /// What is on disk is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// The outcome of a transaction, to be awaited.
#[derive(Debug)]
pub struct Pending<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Pending<T> {
    /// An outcome and where it will come from.
    pub fn new() -> (oneshot::Sender<Result<T, StoreError>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// What failed before it began.
    pub fn failed(error: StoreError) -> Self {
        let (sender, pending) = Self::new();
        let _ = sender.send(Err(error));
        pending
    }

    /// Waits for it outside of any runtime.
    pub fn wait(self) -> Result<T, StoreError> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.unwrap_or_else(|_| Err(gone())))
    }
}

impl From<NoRandomness> for StoreError {
    fn from(error: NoRandomness) -> Self {
        Self::Stopped(error.to_string())
    }
}

fn gone() -> StoreError {
    StoreError::Stopped("it was closed while this was waiting".to_owned())
}

/// What goes along with every change: the events that it puts on the log, and what a repetition
/// is answered with.
#[derive(Default)]
pub struct With {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Makes the event of each credential whose status changes with it.
    pub each: Option<EachChanged>,
    /// A challenge that it answers, and when that one ends. It is an error if it was answered
    /// before.
    pub answers: Option<([u8; 16], Moment)>,
    /// What it uses up. It is an error if one of them was used before.
    pub uses: Vec<Once>,
    /// The enrolment link that an agent uses up by being enrolled. It is an error if it is not open.
    pub link: Option<Id>,
    /// The client's key.
    pub idempotency: Option<Idempotency>,
    /// The answer to keep for it. Without one the request is noted as being under way.
    pub answer: Option<Answer>,
}

/// Makes the event of a credential whose status changes.
pub type EachChanged = Box<dyn FnMut(&Credential, Status) -> Result<Event, NoRandomness> + Send>;

/// How many credentials one transaction looks at to change them; whoever asks goes on from there.
/// While they are changed nothing else is committed.
pub const MOST_CHANGES: usize = 2_000;

/// A credential to be reserved, and the exact payload that will be signed.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// What will be kept of it; its places are set by the store.
    pub credential: Credential,
    /// What will be signed.
    pub payload: Vec<u8>,
    /// How many indexes of its list are used up with this one.
    pub list_used: u64,
    /// For an agent's credential: the state in which the agent must be found.
    pub requires: Option<Requires>,
    /// What the log says of it.
    pub event: Event,
}

/// What must still hold of an agent when something is reserved for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requires {
    /// The agent.
    pub agent: Id,
    /// Whether this is the attestation of its identity; others need one first.
    pub identity: bool,
    /// When the agent last changed, as the decision saw it.
    pub changed_at: Moment,
}

/// A signed and checked credential.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What was reserved; its places are set by the store.
    pub credential: Credential,
    /// The bytes that are handed out.
    pub secured: Vec<u8>,
    /// What the log says of it.
    pub event: Event,
}

/// Which credentials a change of status is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One.
    One(Id),
    /// All of an agent.
    Agent(Id),
    /// All of an agent of one type.
    AgentType(Id, String),
    /// All of one type.
    Type(String),
}

/// What one transaction forgot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many.
    pub count: usize,
    /// After what to go on, if there may be more.
    pub next: Option<Vec<u8>>,
}

/// What one transaction changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The credentials, as they are now.
    pub credentials: Vec<Credential>,
    /// After which to go on, if there may be more.
    pub next: Option<Id>,
}

/// What the committed state looks like to those who only read, kept in memory.
pub trait Views: Send + Sync {
    /// A status was committed.
    fn status(&self, place: StatusPlace, status: Status);
    /// A list was committed.
    fn list(&self, list: &List, used: u64);
    /// A token was committed.
    fn token(&self, token: &Token);
    /// An instance was committed.
    fn instance(&self, instance: &Instance);
    /// A key was committed.
    fn key(&self, key: &KeyRecord);
    /// Events were committed, from this sequence on.
    fn events(&self, first: u64, events: Vec<Event>);
}

/// Nobody who only reads: for tools that look into a store which no service has open.
#[derive(Clone, Copy, Debug)]
pub struct NoViews;

impl Views for NoViews {
    fn status(&self, _: StatusPlace, _: Status) {}
    fn list(&self, _: &List, _: u64) {}
    fn token(&self, _: &Token) {}
    fn instance(&self, _: &Instance) {}
    fn key(&self, _: &KeyRecord) {}
    fn events(&self, _: u64, _: Vec<Event>) {}
}

/// The issuer's transactions. Each is atomic, and durable when it is answered.
pub trait Store: Send + Sync {
    /// The agent.
    fn agent(&self, id: Id) -> Result<Option<Agent>, StoreError>;
    /// The agent with this DID.
    fn agent_by_did(&self, did: &str) -> Result<Option<Agent>, StoreError>;
    /// Up to `limit` agents after `after` that are wanted, by age.
    fn agents(
        &self,
        after: Option<Id>,
        limit: usize,
        wanted: &dyn Fn(&Agent) -> bool,
    ) -> Result<Page<Agent>, StoreError>;
    /// The credential.
    fn credential(&self, id: Id) -> Result<Option<Credential>, StoreError>;
    /// The credential with this id in its document.
    fn credential_by_name(&self, name: &str) -> Result<Option<Credential>, StoreError>;
    /// Up to `limit` credentials after `after` that are wanted, by age.
    fn credentials(
        &self,
        agent: Option<Id>,
        after: Option<Id>,
        limit: usize,
        wanted: &dyn Fn(&Credential) -> bool,
    ) -> Result<Page<Credential>, StoreError>;
    /// Bytes at a place.
    fn read(&self, place: Place) -> Result<Vec<u8>, StoreError>;
    /// The access token with this id, until some time after its end.
    fn access_token(&self, id: Id) -> Result<Option<AccessToken>, StoreError>;
    /// The event with this sequence.
    fn event(&self, sequence: u64) -> Result<Option<StoredEvent>, StoreError>;
    /// The sequences of an agent's events from `from` on, at most `limit`.
    fn history(&self, agent: Id, from: u64, limit: usize) -> Result<Vec<u64>, StoreError>;
    /// The sequence that the next event gets.
    fn next_event(&self) -> Result<u64, StoreError>;
    /// What a request with this key was answered with, if it was.
    fn answer(&self, idempotency: &Idempotency) -> Result<Option<Answer>, StoreError>;
    /// Reservations that were neither committed nor abandoned, prepared before `before`.
    fn unfinished(&self, before: Moment) -> Result<Vec<Credential>, StoreError>;

    /// The enrolment link.
    fn link(&self, id: Id) -> Result<Option<EnrolmentLink>, StoreError>;
    /// Up to `limit` enrolment links after `after`, by age.
    fn links(&self, after: Option<Id>, limit: usize) -> Result<Page<EnrolmentLink>, StoreError>;

    /// Enrols an agent. Its DID must be new.
    fn enrol(&self, agent: Agent, with: With) -> Pending<Agent>;
    /// Changes an agent. The credentials of a suspended or retired one change with it: the first
    /// of them at once, the rest by [`Store::settle`].
    fn change_agent(&self, id: Id, change: AgentChange, at: Moment, with: With) -> Pending<Agent>;
    /// Gives an active agent another DID, which must be new. What was issued to the old one is
    /// revoked: the first of it at once, the rest by [`Store::settle`].
    fn change_did(&self, id: Id, did: String, at: Moment, with: With) -> Pending<Agent>;
    /// Reserves ids and status indexes and keeps the exact payloads. Each has an outcome of its
    /// own; if none succeeds, nothing is kept.
    fn reserve(
        &self,
        reservations: Vec<Reservation>,
        with: With,
    ) -> Pending<Vec<Result<(), StoreError>>>;
    /// Stores what was signed: all of it, or nothing. Nothing is stored if one can't be, and each
    /// outcome says which.
    fn commit(&self, issued: Vec<Issued>, with: With) -> Pending<Vec<Result<(), StoreError>>>;
    /// Gives reservations up: they are revoked, and their idempotency keys are free again.
    fn abandon(&self, ids: Vec<Id>, with: With) -> Pending<()>;
    /// Goes on with the credentials of an agent whose state changed; whether that was all.
    fn settle(&self, agent: Id, with: With) -> Pending<bool>;
    /// The agents whose credentials have not all followed yet.
    fn unsettled(&self) -> Result<Vec<Id>, StoreError>;
    /// Sets a status, looking at no more than [`MOST_CHANGES`] credentials after `after`. What is
    /// revoked stays revoked.
    fn set_status(
        &self,
        scope: Scope,
        after: Option<Id>,
        status: Status,
        with: With,
    ) -> Pending<Changed>;
    /// Revokes entries that a grant set aside for its children; whether any was not revoked yet. It
    /// is an error if one is not the grant's.
    fn revoke_children(&self, grant: Id, indexes: Vec<u32>, with: With) -> Pending<bool>;
    /// Adds a status list.
    fn add_list(&self, list: List, with: With) -> Pending<()>;
    /// Adds an issuing instance with its keys.
    fn add_instance(&self, instance: Instance, keys: Vec<KeyRecord>, with: With) -> Pending<()>;
    /// Adds or changes keys.
    fn put_keys(&self, keys: Vec<KeyRecord>, with: With) -> Pending<()>;
    /// Adds an enrolment link.
    fn put_link(&self, link: EnrolmentLink, with: With) -> Pending<()>;
    /// Changes an enrolment link that is still open at `at`, and gives it as it is then; another one
    /// stays as it is.
    fn change_link(
        &self,
        id: Id,
        change: LinkChange,
        at: Moment,
        with: With,
    ) -> Pending<EnrolmentLink>;
    /// Adds a token.
    fn put_token(&self, token: Token, with: With) -> Pending<()>;
    /// Revokes a token. The last administrator's without an end stays.
    fn revoke_token(&self, id: Id, at: Moment, with: With) -> Pending<()>;
    /// Adds an access token.
    fn put_access_token(&self, token: AccessToken, with: With) -> Pending<()>;
    /// Revokes an access token; one that is revoked stays as it is, and nothing goes on the log.
    fn revoke_access_token(&self, id: Id, at: Moment, with: With) -> Pending<()>;
    /// Uses a challenge up. It is an error if it was used before.
    fn redeem(&self, challenge: [u8; 16], until: Moment, with: With) -> Pending<()>;
    /// Puts events on the log.
    fn note(&self, with: With) -> Pending<()>;
    /// Remembers how far the log's files have come.
    fn log_written(&self, size: u64, root: [u8; 32]) -> Pending<()>;
    /// Forgets challenges, answers and access tokens from before `before`, looking at no more than
    /// [`MOST_CHANGES`] of them after `after`.
    fn forget(&self, before: Moment, after: Option<Vec<u8>>) -> Pending<Forgotten>;
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// After which id to go on, if there may be more.
    pub next: Option<Id>,
}
