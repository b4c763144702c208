//! What holds of every store, and what of this one.

mod access_tokens;
mod grants;
mod opening;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::{Opened, SledOptions, SledStore};
use crate::environment::{Environment, Moment};
use crate::id::Id;
use crate::store::{
    Agent, AgentChange, AgentState, Answer, Credential, Event, Idempotency, Instance, Issued,
    KeyRecord, KeyState, List, MOST_CHANGES, Phase, Place, Requires, Reservation, Scope, Status,
    StatusPlace, Store, StoreError, Token, Views, With,
};

const ENVIRONMENT: Environment = Environment {
    milliseconds: || 1_000_000,
    fill: |bytes| {
        // Never the same twice is all that ids here need.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let next = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let end = bytes.len() - next.len();
        bytes[end..].copy_from_slice(&next);
        Ok(())
    },
};

/// Remembers what it was told.
#[derive(Default)]
struct Told {
    statuses: Mutex<Vec<(StatusPlace, Status)>>,
    events: Mutex<Vec<(u64, usize)>>,
}

impl Views for Told {
    fn status(&self, place: StatusPlace, status: Status) {
        self.statuses.lock().unwrap().push((place, status));
    }
    fn list(&self, _: &List, _: u64) {}
    fn token(&self, _: &Token) {}
    fn instance(&self, _: &Instance) {}
    fn key(&self, _: &KeyRecord) {}
    fn events(&self, first: u64, events: Vec<Event>) {
        self.events.lock().unwrap().push((first, events.len()));
    }
}

fn open(folder: &Path) -> Result<(SledStore, Opened, Arc<Told>), StoreError> {
    let told = Arc::new(Told::default());
    let options = SledOptions {
        folder: folder.to_owned(),
        cache: 8 << 20,
        on_stop: Box::new(|why| panic!("{why}")),
    };
    let (store, opened) = SledStore::open(options, Arc::clone(&told) as Arc<dyn Views>)?;
    if opened.new {
        let instance = Instance {
            name: "default".to_owned(),
            did: "did:web:issuer.example".to_owned(),
            format: "eddsa-jcs-2022".to_owned(),
        };
        store.add_instance(instance, vec![key(KeyState::Active)], With::default()).wait()?;
    }
    Ok((store, opened, told))
}

fn key(state: KeyState) -> KeyRecord {
    KeyRecord {
        instance: "default".to_owned(),
        name: "key-1".to_owned(),
        public: String::new(),
        state,
        created_at: Moment(1),
        compromised_at: None,
        sealed: String::new(),
    }
}

fn new_id() -> Id {
    Id::new(&ENVIRONMENT).unwrap()
}

fn event(text: &str) -> Event {
    Event { agent: None, entry: text.as_bytes().to_vec(), record: format!("of {text}").into() }
}

fn with(text: &str) -> With {
    With { events: vec![event(text)], ..With::default() }
}

fn agent(did: &str) -> Agent {
    Agent {
        id: new_id(),
        did: did.to_owned(),
        name: "Agent".to_owned(),
        kind: "tool".to_owned(),
        version: "1".to_owned(),
        model_digest: "sha256:0".to_owned(),
        code_digest: "sha256:1".to_owned(),
        sponsor: "did:web:sponsor.example".to_owned(),
        trust_domain: "localhost".to_owned(),
        spiffe_id: None,
        state: AgentState::Enrolled,
        identity_attested: false,
        identity_until: None,
        rekeyed_at: None,
        enrolled_at: Moment(1),
        changed_at: Moment(1),
    }
}

fn credential(agent: Option<&Agent>, index: u32, identity: bool) -> Credential {
    Credential {
        id: new_id(),
        document_id: None,
        agent: agent.map(|agent| agent.id),
        credential_type: if identity { "Identity" } else { "Score" }.to_owned(),
        instance: "default".to_owned(),
        key: "key-1".to_owned(),
        format: "eddsa-jcs-2022".to_owned(),
        status_place: Some(StatusPlace { list: 1, index }),
        child_indexes: Vec::new(),
        phase: Phase::Prepared,
        status: Status::Valid,
        suspended_itself: false,
        suspended_with_agent: false,
        attests_identity: identity,
        agent_as_of: agent.map(|agent| agent.changed_at),
        prepared_at: Moment(1),
        valid_until: None,
        payload: Place::default(),
        secured: None,
    }
}

fn reservation(credential: &Credential, agent: Option<&Agent>, identity: bool) -> Reservation {
    Reservation {
        credential: credential.clone(),
        payload: b"payload".to_vec(),
        list_used: 1,
        requires: agent.map(|agent| Requires {
            agent: agent.id,
            identity,
            changed_at: agent.changed_at,
        }),
        event: event("prepared"),
    }
}

fn issued(credential: &Credential) -> Issued {
    let event = Event { agent: credential.agent, ..event("issued") };
    Issued { credential: credential.clone(), secured: b"secured".to_vec(), event }
}

/// Issues one, as the service does.
fn issue(store: &SledStore, agent: Option<&Agent>, index: u32, identity: bool) -> Credential {
    let credential = credential(agent, index, identity);
    let reservations = vec![reservation(&credential, agent, identity)];
    assert_eq!(store.reserve(reservations, With::default()).wait().unwrap(), [Ok(())]);
    assert_eq!(store.commit(vec![issued(&credential)], With::default()).wait().unwrap(), [Ok(())]);
    credential
}

fn enrolled(store: &SledStore, did: &str) -> Agent {
    store.enrol(agent(did), with("enrolled")).wait().unwrap()
}

/// Enrolled, and its identity attested.
fn active(store: &SledStore, did: &str) -> Agent {
    let agent = enrolled(store, did);
    issue(store, Some(&agent), 0, true);
    store.agent(agent.id).unwrap().unwrap()
}

fn request(key: u8, fingerprint: u8) -> Idempotency {
    Idempotency { key: [key; 16], fingerprint: [fingerprint; 32], at: Moment(5) }
}

fn forgotten(store: &SledStore, before: Moment) -> usize {
    let (mut count, mut after) = (0, None);
    loop {
        let step = store.forget(before, after).wait().unwrap();
        count += step.count;
        if step.next.is_none() {
            return count;
        }
        after = step.next;
    }
}

fn change(state: AgentState) -> AgentChange {
    AgentChange { state: Some(state), ..AgentChange::default() }
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let folder = TempDir::new().unwrap();
    let (id, agent_id) = {
        let (store, opened, _) = open(folder.path()).unwrap();
        assert!(opened.new);
        let agent = active(&store, "did:key:a");
        (issue(&store, Some(&agent), 7, false).id, agent.id)
    };
    let (store, opened, told) = open(folder.path()).unwrap();
    assert!(!opened.new);
    assert_eq!(opened.next_event, 5);
    let credential = store.credential(id).unwrap().unwrap();
    assert_eq!(credential.phase, Phase::Issued);
    assert_eq!(store.read(credential.secured.unwrap()).unwrap(), b"secured");
    assert_eq!(store.read(credential.payload).unwrap(), b"payload");
    assert_eq!(store.credential_by_name(&id.to_urn()).unwrap().unwrap().id, id);
    let agent = store.agent_by_did("did:key:a").unwrap().unwrap();
    assert_eq!(
        (agent.id, agent.state, agent.identity_attested),
        (agent_id, AgentState::Active, true)
    );
    let page = store.credentials(Some(agent_id), None, 10, &|_| true).unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.next, None);
    let first = store.credentials(Some(agent_id), None, 1, &|_| true).unwrap();
    let second = store.credentials(Some(agent_id), first.next, 1, &|_| true).unwrap();
    assert_eq!([&first.items[..], &second.items[..]].concat(), page.items);
    assert!(told.statuses.lock().unwrap().is_empty(), "nothing is revoked");
}

#[test]
fn every_event_has_the_next_sequence_and_is_read_back() {
    let folder = TempDir::new().unwrap();
    let (store, _, told) = open(folder.path()).unwrap();
    for first in [0, 700, 701] {
        let count = if first == 0 { 700 } else { 1 };
        let events = (first..first + count).map(|number| event(&number.to_string())).collect();
        store.note(With { events, ..With::default() }).wait().unwrap();
    }
    assert_eq!(*told.events.lock().unwrap(), [(0, 700), (700, 1), (701, 1)]);
    assert_eq!(store.next_event().unwrap(), 702);
    for sequence in [0, 1, 255, 256, 511, 512, 699, 700, 701] {
        let event = store.event(sequence).unwrap().unwrap();
        assert_eq!(event.entry, sequence.to_string().into_bytes());
        assert_eq!(event.record, format!("of {sequence}").into_bytes());
    }
    assert_eq!(store.event(702).unwrap(), None);
}

#[test]
fn a_did_is_enrolled_once() {
    let folder = TempDir::new().unwrap();
    let (store, ..) = open(folder.path()).unwrap();
    enrolled(&store, "did:key:a");
    let twice = store.enrol(agent("did:key:a"), with("again")).wait();
    assert_eq!(twice, Err(StoreError::Exists("an agent with this DID is enrolled")));
    // What failed left nothing, its event included.
    assert_eq!(store.next_event().unwrap(), 1);
}

#[test]
fn nothing_is_reserved_for_an_agent_that_may_not_have_it() {
    let folder = TempDir::new().unwrap();
    let (store, ..) = open(folder.path()).unwrap();
    let refused = |agent: &Agent, identity| {
        let credential = credential(Some(agent), 3, identity);
        let reservations = vec![reservation(&credential, Some(agent), identity)];
        let outcome = store.reserve(reservations, With::default()).wait();
        assert_eq!(outcome, Err(StoreError::Conflict("the agent changed while this was decided")));
        assert_eq!(store.credential(credential.id).unwrap(), None);
    };
    let new = enrolled(&store, "did:key:a");
    refused(&new, false);
    let agent = active(&store, "did:key:b");
    let version = AgentChange { version: Some("2".to_owned()), ..AgentChange::default() };
    let changed = store.change_agent(agent.id, version, Moment(9), with("changed")).wait().unwrap();
    assert!(!changed.identity_attested);
    refused(&agent, false);
    refused(&changed, false);
    // An attestation of what it was does not attest what it is.
    refused(&agent, true);
    issue(&store, Some(&changed), 4, true);
    assert!(store.agent(agent.id).unwrap().unwrap().identity_attested);
    let suspended = change(AgentState::Suspended);
    let agent = store.change_agent(agent.id, suspended, Moment(10), with("s")).wait().unwrap();
    refused(&agent, false);
    refused(&agent, true);
}

#[test]
fn what_was_reserved_is_not_committed_once_the_agent_is_suspended() {
    let folder = TempDir::new().unwrap();
    let (store, ..) = open(folder.path()).unwrap();
    let agent = active(&store, "did:key:a");
    let credential = credential(Some(&agent), 3, false);
    let reservations = vec![reservation(&credential, Some(&agent), false)];
    store.reserve(reservations, With::default()).wait().unwrap();
    let suspended = change(AgentState::Suspended);
    store.change_agent(agent.id, suspended, Moment(9), with("suspended")).wait().unwrap();
    let late = store.commit(vec![issued(&credential)], With::default()).wait().unwrap();
    assert!(matches!(late[..], [Err(StoreError::Conflict(_))]), "{late:?}");
    store.abandon(vec![credential.id], With::default()).wait().unwrap();
    let given_up = store.credential(credential.id).unwrap().unwrap();
    assert_eq!((given_up.phase, given_up.status), (Phase::Abandoned, Status::Revoked));
    assert_eq!(store.status_at(given_up.status_place.unwrap()).unwrap(), Status::Revoked);
    let again = store.commit(vec![issued(&credential)], With::default()).wait().unwrap();
    assert_eq!(again, [Err(StoreError::Conflict("the reservation was given up"))]);
}

#[test]
fn a_request_is_answered_once_and_given_up_it_is_free_again() {
    let folder = TempDir::new().unwrap();
    let id = {
        let (store, ..) = open(folder.path()).unwrap();
        let credential = credential(None, 3, false);
        let with = With { idempotency: Some(request(1, 1)), ..With::default() };
        let reservations = vec![reservation(&credential, None, false)];
        store.reserve(reservations.clone(), with).wait().unwrap();
        assert_eq!(store.answer(&request(1, 1)), Err(StoreError::InFlight));
        let with = With { idempotency: Some(request(1, 1)), ..With::default() };
        assert_eq!(store.reserve(reservations.clone(), with).wait(), Err(StoreError::InFlight));
        let with = With { idempotency: Some(request(1, 2)), ..With::default() };
        assert_eq!(store.reserve(reservations, with).wait(), Err(StoreError::OtherRequest));
        credential.id
    };
    // The process ended in between.
    let (store, ..) = open(folder.path()).unwrap();
    let unfinished = store.unfinished(Moment(2)).unwrap();
    assert_eq!(unfinished.iter().map(|credential| credential.id).collect::<Vec<_>>(), [id]);
    store.abandon(vec![id], With::default()).wait().unwrap();
    assert!(store.unfinished(Moment(2)).unwrap().is_empty());
    assert_eq!(store.answer(&request(1, 1)), Ok(None));
    // The retry.
    let credential = credential(None, 4, false);
    let with = With { idempotency: Some(request(1, 1)), ..With::default() };
    store.reserve(vec![reservation(&credential, None, false)], with).wait().unwrap();
    let answer = Answer { status: 201, body: b"{}".to_vec() };
    let with =
        With { idempotency: Some(request(1, 1)), answer: Some(answer.clone()), ..With::default() };
    store.commit(vec![issued(&credential)], with).wait().unwrap();
    assert_eq!(store.answer(&request(1, 1)), Ok(Some(answer)));
    assert_eq!(store.answer(&request(1, 2)), Err(StoreError::OtherRequest));
    assert_eq!(store.answer(&request(2, 1)), Ok(None));
    assert_eq!(forgotten(&store, Moment(6)), 1);
    assert_eq!(store.answer(&request(1, 1)), Ok(None));
}

#[test]
fn an_agents_credentials_follow_it_and_revocation_is_for_good() {
    let folder = TempDir::new().unwrap();
    let (store, _, told) = open(folder.path()).unwrap();
    let agent = active(&store, "did:key:a");
    let [one, two, three] = [1, 2, 3].map(|index| issue(&store, Some(&agent), index, false));
    let status = |credential: &Credential| store.credential(credential.id).unwrap().unwrap().status;
    let set = |credential: &Credential, status| {
        store.set_status(Scope::One(credential.id), None, status, With::default()).wait()
    };
    set(&one, Status::Revoked).unwrap();
    set(&two, Status::Suspended).unwrap();
    let of = |state, at| {
        store.change_agent(agent.id, change(state), Moment(at), with("state")).wait().unwrap()
    };
    assert_eq!(of(AgentState::Suspended, 20).state, AgentState::Suspended);
    assert_eq!(
        [&one, &two, &three].map(status),
        [Status::Revoked, Status::Suspended, Status::Suspended]
    );
    assert_eq!(of(AgentState::Active, 21).state, AgentState::Active);
    // What was suspended for itself stays so.
    assert_eq!(
        [&one, &two, &three].map(status),
        [Status::Revoked, Status::Suspended, Status::Valid]
    );
    assert_eq!(
        set(&one, Status::Valid),
        Err(StoreError::Conflict("the credential is revoked, for good"))
    );
    of(AgentState::Retired, 22);
    assert_eq!([&one, &two, &three].map(status), [Status::Revoked; 3]);
    let resumed = store.change_agent(agent.id, change(AgentState::Active), Moment(23), with("r"));
    assert_eq!(resumed.wait(), Err(StoreError::Conflict("the agent is retired")));
    // What those who read from memory were told is what is on disk.
    let mut last = std::collections::HashMap::new();
    last.extend(told.statuses.lock().unwrap().iter().map(|(place, status)| (place.index, *status)));
    assert_eq!(last.len(), 4);
    for (index, status) in last {
        assert_eq!(status, Status::Revoked);
        assert_eq!(store.status_at(StatusPlace { list: 1, index }).unwrap(), status);
    }
}

#[test]
fn many_credentials_follow_their_agent_over_a_crash() {
    let folder = TempDir::new().unwrap();
    let id = {
        let (store, ..) = open(folder.path()).unwrap();
        let agent = active(&store, "did:key:a");
        let count = u32::try_from(MOST_CHANGES).unwrap() + 10;
        let all: Vec<Credential> =
            (1..=count).map(|index| credential(Some(&agent), index, false)).collect();
        let reserve = all.iter().map(|one| reservation(one, Some(&agent), false)).collect();
        store.reserve(reserve, With::default()).wait().unwrap();
        store.commit(all.iter().map(issued).collect(), With::default()).wait().unwrap();
        let retired = change(AgentState::Retired);
        store.change_agent(agent.id, retired, Moment(9), With::default()).wait().unwrap();
        agent.id
    };
    let (store, ..) = open(folder.path()).unwrap();
    assert_eq!(store.unsettled().unwrap(), [id]);
    let valid = |one: &Credential| one.status == Status::Valid;
    assert!(!store.credentials(Some(id), None, 100, &valid).unwrap().items.is_empty());
    assert!(store.settle(id, With::default()).wait().unwrap());
    assert!(store.credentials(Some(id), None, 100, &valid).unwrap().items.is_empty());
    assert!(store.unsettled().unwrap().is_empty());
}

#[test]
fn what_is_suspended_for_itself_and_with_its_agent_comes_back_when_both_are_over() {
    let folder = TempDir::new().unwrap();
    let (store, ..) = open(folder.path()).unwrap();
    let agent = active(&store, "did:key:a");
    let one = issue(&store, Some(&agent), 1, false);
    let set = |status| {
        store.set_status(Scope::One(one.id), None, status, With::default()).wait().unwrap();
        store.credential(one.id).unwrap().unwrap().status
    };
    let turn = |state, at| {
        store.change_agent(agent.id, change(state), Moment(at), with("s")).wait().unwrap();
        store.credential(one.id).unwrap().unwrap().status
    };
    // Itself first, then the agent.
    assert_eq!(set(Status::Suspended), Status::Suspended);
    assert_eq!(turn(AgentState::Suspended, 10), Status::Suspended);
    assert_eq!(set(Status::Valid), Status::Suspended, "its agent is still suspended");
    assert_eq!(turn(AgentState::Active, 11), Status::Valid);
    // The agent first, then itself.
    assert_eq!(turn(AgentState::Suspended, 12), Status::Suspended);
    assert_eq!(set(Status::Suspended), Status::Suspended);
    assert_eq!(turn(AgentState::Active, 13), Status::Suspended, "it was suspended for itself");
    assert_eq!(set(Status::Valid), Status::Valid);
}

#[test]
fn an_identity_that_was_revoked_or_has_ended_counts_no_more() {
    let folder = TempDir::new().unwrap();
    let (store, ..) = open(folder.path()).unwrap();
    let agent = enrolled(&store, "did:key:a");
    let identity = Credential { valid_until: Some(5), ..credential(Some(&agent), 1, true) };
    let reservations = vec![reservation(&identity, Some(&agent), true)];
    store.reserve(reservations, With::default()).wait().unwrap();
    store.commit(vec![issued(&identity)], With::default()).wait().unwrap();
    let reserve = |at| {
        let agent = store.agent(agent.id).unwrap().unwrap();
        let score = Credential { prepared_at: Moment(at), ..credential(Some(&agent), 2, false) };
        let reservations = vec![reservation(&score, Some(&agent), false)];
        store.reserve(reservations, With::default()).wait()
    };
    assert_eq!(reserve(4_999).unwrap(), [Ok(())]);
    assert!(reserve(5_000).is_err(), "it has ended");
    let revoked = Scope::One(identity.id);
    store.set_status(revoked, None, Status::Revoked, With::default()).wait().unwrap();
    assert!(!store.agent(agent.id).unwrap().unwrap().identity_attested);
    assert!(reserve(4_999).is_err(), "it is revoked");
}

#[test]
fn what_changed_since_it_was_decided_is_not_committed() {
    let folder = TempDir::new().unwrap();
    let (store, ..) = open(folder.path()).unwrap();
    let agent = active(&store, "did:key:a");
    let [one, two] = [1, 2].map(|index| {
        let credential = credential(Some(&agent), index, false);
        let reservations = vec![reservation(&credential, Some(&agent), false)];
        store.reserve(reservations, With::default()).wait().unwrap();
        credential
    });
    store.put_keys(vec![key(KeyState::Compromised)], With::default()).wait().unwrap();
    let outcome = store.commit(vec![issued(&one)], With::default()).wait().unwrap();
    assert_eq!(outcome, [Err(StoreError::Conflict("the key was replaced while this was signed"))]);
    store.put_keys(vec![key(KeyState::Active)], With::default()).wait().unwrap();
    let version = AgentChange { version: Some("2".to_owned()), ..AgentChange::default() };
    store.change_agent(agent.id, version, Moment(9), with("changed")).wait().unwrap();
    let outcome = store.commit(vec![issued(&two)], With::default()).wait().unwrap();
    assert_eq!(outcome, [Err(StoreError::Conflict("the agent changed while this was signed"))]);
}

#[test]
fn all_of_a_type_are_revoked_and_no_other() {
    let folder = TempDir::new().unwrap();
    let (store, ..) = open(folder.path()).unwrap();
    let [a, b] = ["did:key:a", "did:key:b"].map(|did| active(&store, did));
    let scores = [issue(&store, Some(&a), 1, false), issue(&store, Some(&b), 2, false)];
    let revoke = |scope| {
        let changed =
            store.set_status(scope, None, Status::Revoked, With::default()).wait().unwrap();
        assert_eq!(changed.next, None);
        changed.credentials.len()
    };
    assert_eq!(revoke(Scope::Type("Score".to_owned())), 2);
    assert_eq!(revoke(Scope::AgentType(a.id, "Score".to_owned())), 0);
    assert_eq!(revoke(Scope::Agent(a.id)), 1, "its identity");
    for score in scores {
        assert_eq!(store.credential(score.id).unwrap().unwrap().status, Status::Revoked);
    }
    let identity = store.credentials(Some(b.id), None, 1, &|one| one.credential_type == "Identity");
    assert_eq!(identity.unwrap().items[0].status, Status::Valid);
}

#[test]
fn a_challenge_is_redeemed_once_also_after_opening_again() {
    let folder = TempDir::new().unwrap();
    {
        let (store, ..) = open(folder.path()).unwrap();
        store.redeem([7; 16], Moment(50), With::default()).wait().unwrap();
    }
    let (store, ..) = open(folder.path()).unwrap();
    let twice = store.redeem([7; 16], Moment(50), With::default()).wait();
    assert_eq!(twice, Err(StoreError::Exists("this challenge was answered before")));
    assert_eq!(forgotten(&store, Moment(51)), 1);
}

#[test]
fn a_folder_is_opened_once() {
    let folder = TempDir::new().unwrap();
    let (_store, ..) = open(folder.path()).unwrap();
    let Err(StoreError::Stopped(why)) = open(folder.path()).map(drop) else {
        panic!("opened twice")
    };
    assert!(why.contains("is in use by process"), "{why}");
}

#[test]
fn what_a_crash_leaves_behind_is_cut_off() {
    let folder = TempDir::new().unwrap();
    let id = {
        let (store, ..) = open(folder.path()).unwrap();
        issue(&store, None, 1, false).id
    };
    let values = folder.path().join("values/00000001.values");
    let before = std::fs::read(&values).unwrap();
    std::fs::write(&values, [&before[..], b"half a record"].concat()).unwrap();
    std::fs::write(folder.path().join("values/00000002.values"), b"begun").unwrap();
    std::fs::write(folder.path().join("state/snap.00FF.generating"), b"half").unwrap();
    let (store, ..) = open(folder.path()).unwrap();
    assert!(std::fs::read(&values).unwrap().len() > before.len(), "cut before anything is written");
    let place = store.credential(id).unwrap().unwrap().secured.unwrap();
    assert_eq!(store.read(place).unwrap(), b"secured");
    let second = issue(&store, None, 2, false);
    assert!(std::fs::read(&values).unwrap().starts_with(&before));
    let place = store.credential(second.id).unwrap().unwrap().payload;
    assert_eq!(place.at, before.len() as u64);
    assert!(!folder.path().join("values/00000002.values").exists());
}

#[test]
fn a_value_file_that_lost_its_end_or_was_changed_is_damaged() {
    let folder = TempDir::new().unwrap();
    let id = {
        let (store, ..) = open(folder.path()).unwrap();
        issue(&store, None, 1, false).id
    };
    let values = folder.path().join("values/00000001.values");
    let before = std::fs::read(&values).unwrap();
    let mut changed = before.clone();
    let at = before.windows(7).position(|window| window == b"secured").unwrap();
    changed[at] ^= 1;
    std::fs::write(&values, &changed).unwrap();
    {
        let (store, ..) = open(folder.path()).unwrap();
        let place = store.credential(id).unwrap().unwrap().secured.unwrap();
        let Err(StoreError::Damaged(what)) = store.read(place) else { panic!("read") };
        assert!(what.contains("checksum"), "{what}");
    }
    std::fs::write(&values, &before[..before.len() - 1]).unwrap();
    let Err(StoreError::Damaged(what)) = open(folder.path()).map(drop) else { panic!("opened") };
    assert!(what.contains("the database counts on"), "{what}");
}
