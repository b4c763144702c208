//! The one thread that writes: it gathers what waits into a group, makes the group durable, and
//! only then answers.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;

use super::agents::Agents;
use super::frozen::{Aside, Frozen};
use super::transaction::{Effect, Group, NotWritten, Transaction, Written};
use super::values::Writer;
use crate::store::{Pending, StoreError, Views};

/// How many transactions one group takes at most.
const LARGEST_GROUP: usize = 512;
/// A group that has this many events takes no more transactions: while it is applied nobody reads.
const MOST_EVENTS: usize = 1024;
/// How many may wait.
const LONGEST_QUEUE: usize = 16_384;

/// What waits.
enum Job {
    Change(Change),
    /// Between two groups.
    Freeze(Box<dyn FnOnce(&mut Standing<'_>) + Send>),
}

/// Does its work in a group, and gives what will answer once the group is durable.
type Change = Box<dyn FnOnce(&mut Group<'_>) -> Reply + Send>;
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What is done when the store stops for good.
pub(crate) type OnStop = Box<dyn FnOnce(&str) + Send>;

/// The store between two groups.
struct Standing<'s> {
    tree: &'s sled::Db,
    values: &'s Path,
    next_event: u64,
    /// For whom the next groups put aside what they overwrite.
    aside: &'s mut Weak<Aside>,
}

/// Where transactions are handed in.
pub(super) struct Committer {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    stopped: Arc<OnceLock<String>>,
    /// How many transactions wait.
    waiting: Arc<AtomicUsize>,
}

/// What the thread works with.
pub(super) struct Work {
    pub(super) tree: sled::Db,
    /// Its own descriptor of the database's file, for the fsync that sled leaves out.
    pub(super) database: File,
    /// Where that file is, for whoever has to look at its disk.
    pub(super) path: PathBuf,
    pub(super) values: Writer,
    pub(super) next_event: u64,
    pub(super) views: Arc<dyn Views>,
    pub(super) agents: Arc<Agents>,
    pub(super) on_stop: Option<OnStop>,
}

impl Committer {
    pub(super) fn start(work: Work) -> Result<Self, StoreError> {
        let (queue, jobs) = channel();
        let stopped = Arc::new(OnceLock::new());
        let says = Arc::clone(&stopped);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&waiting);
        let thread = std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || guarded(work, &jobs, &says, &counts))
            .map_err(|error| StoreError::Stopped(error.to_string()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), stopped, waiting })
    }

    /// Hands a transaction in, unless too many wait.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_, '_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        match self.waiting.load(Ordering::Relaxed) >= LONGEST_QUEUE {
            true => Pending::failed(StoreError::Busy),
            false => self.submit_always(work),
        }
    }

    /// Hands in what ends something that was begun: that is never refused.
    pub(super) fn submit_always<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_, '_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let (sender, pending) = Pending::new();
        let job = Job::Change(Box::new(move |group| {
            let outcome = group.attempt(work);
            Box::new(move |durable| {
                // Whoever asked may have gone; the change stands all the same.
                let _ = sender.send(durable.and(outcome));
            })
        }));
        self.hand_in(job, pending)
    }

    /// Takes hold of the store as it is between two groups. `with` runs at the same moment.
    pub(super) fn freeze<T: Send + 'static>(
        &self,
        with: impl FnOnce() -> T + Send + 'static,
    ) -> Pending<(Frozen, T)> {
        let (sender, pending) = Pending::new();
        let job = Job::Freeze(Box::new(move |standing| {
            let frozen = match standing.aside.strong_count() {
                0 => Frozen::now(standing.tree, standing.values, standing.next_event),
                _ => Err(StoreError::Conflict("a backup is under way")),
            };
            let answer = frozen.map(|(frozen, aside)| {
                *standing.aside = aside;
                (frozen, with())
            });
            // Whoever asked may have gone.
            let _ = sender.send(answer);
        }));
        self.hand_in(job, pending)
    }

    fn hand_in<T>(&self, job: Job, pending: Pending<T>) -> Pending<T> {
        // Counted before it can be worked off.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.queue.as_ref().map(|queue| queue.send(job)) {
            Some(Ok(())) => pending,
            Some(Err(_)) | None => Pending::failed(self.why()),
        }
    }

    /// Why nothing is written any more.
    pub(super) fn why(&self) -> StoreError {
        StoreError::Stopped(self.stopped.get().map_or("it was closed", String::as_str).to_owned())
    }

    /// Whether something is still written.
    pub(super) fn is_running(&self) -> bool {
        self.stopped.get().is_none()
    }
}

impl Drop for Committer {
    /// Works off what waits.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The database can panic on bytes that are not its own. Nobody may go on believing that something
/// is written.
fn guarded(
    mut work: Work,
    jobs: &Receiver<Job>,
    stopped: &OnceLock<String>,
    waiting: &AtomicUsize,
) {
    let (on_stop, path) = (work.on_stop.take(), work.path.clone());
    let ended = catch_unwind(AssertUnwindSafe(|| run(work, jobs, stopped, waiting)));
    let why = match ended {
        Ok(None) => return,
        Ok(Some(why)) => why,
        Err(_) => format!("{}: the database panicked", path.display()),
    };
    let _ = stopped.set(why.clone());
    if let Some(on_stop) = on_stop {
        on_stop(&why);
    }
}

/// Until nothing can come any more, or why nothing can be written any more.
fn run(
    work: Work,
    jobs: &Receiver<Job>,
    stopped: &OnceLock<String>,
    waiting: &AtomicUsize,
) -> Option<String> {
    let Work { tree, database, path, mut values, mut next_event, views, agents, .. } = work;
    let failed = |error: NotWritten| match error {
        NotWritten::Values(error) => error.to_string(),
        NotWritten::State(error) => format!("{}: {error}", path.display()),
    };
    let (mut aside, mut next) = (Weak::new(), None);
    loop {
        let first = match next.take().map_or_else(|| jobs.recv(), Ok) {
            Ok(Job::Change(first)) => first,
            Ok(Job::Freeze(freeze)) => {
                waiting.fetch_sub(1, Ordering::Relaxed);
                let values = values.folder();
                freeze(&mut Standing { tree: &tree, values, next_event, aside: &mut aside });
                continue;
            }
            Err(_) => return None,
        };
        #[allow(clippy::disallowed_methods)]
        let began = std::time::Instant::now();
        let mut replies: Vec<Reply> = Vec::new();
        let mut group = Group::new(&tree, &mut values, next_event, aside.upgrade());
        replies.push(first(&mut group));
        while replies.len() < LARGEST_GROUP && group.events.len() < MOST_EVENTS {
            match jobs.try_recv() {
                Ok(Job::Change(change)) => replies.push(change(&mut group)),
                Ok(freeze @ Job::Freeze(_)) => {
                    next = Some(freeze);
                    break;
                }
                Err(_) => break,
            }
        }
        metrics::histogram!("bonafide_commit_group_size").record(count(replies.len()));
        let left =
            waiting.fetch_sub(replies.len(), Ordering::Relaxed).saturating_sub(replies.len());
        metrics::gauge!("bonafide_commit_queue").set(count(left));
        let durable = group.write().map_err(failed).and_then(|written| {
            // sled's flush leaves the last step to the kernel, and a power cut with it.
            database.sync_data().map_err(|error| failed(NotWritten::State(error.into())))?;
            values.roll().map_err(|error| failed(error.into()))?;
            Ok(written)
        });
        metrics::histogram!("bonafide_commit_seconds").record(began.elapsed().as_secs_f64());
        match durable {
            Ok(Written { effects, events }) => {
                for effect in effects {
                    show(views.as_ref(), &agents, effect);
                }
                let first = next_event;
                next_event += events.len() as u64;
                if !events.is_empty() {
                    views.events(first, events);
                }
                for reply in replies {
                    reply(Ok(()));
                }
            }
            Err(why) => {
                // What is on disk is not known any more: nothing is acknowledged, nothing tried
                // again. A new start finds out.
                let _ = stopped.set(why.clone());
                for reply in replies {
                    reply(Err(StoreError::Stopped(why.clone())));
                }
                return Some(why);
            }
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn count(number: usize) -> f64 {
    number as f64
}

fn show(views: &dyn Views, agents: &Agents, effect: Effect) {
    match effect {
        Effect::Status(place, status) => views.status(place, status),
        Effect::List(list, used) => views.list(&list, used),
        Effect::Token(token) => views.token(&token),
        Effect::Instance(instance) => views.instance(&instance),
        Effect::Key(key) => views.key(&key),
        Effect::Agent(agent) => agents.committed(agent),
    }
}
