//! Grants and what is set aside under them; agents that get another key; enrolment links.

use super::*;
use crate::store::{AgentToBe, EnrolmentLink, LinkChange, LinkState, MOST_WRONG_TRIES};

#[test]
fn an_agent_with_another_did_keeps_nothing_that_was_issued_to_the_old_one() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).unwrap().0;
    let (agent, other) = (active(&store, "did:key:a"), enrolled(&store, "did:key:b"));
    let old = issue(&store, Some(&agent), 30, false);
    let taken = store.change_did(agent.id, other.did.clone(), Moment(9), with("taken")).wait();
    assert!(matches!(taken, Err(StoreError::Exists(_))), "{taken:?}");
    let new = "did:key:c".to_owned();
    let agent = store.change_did(agent.id, new.clone(), Moment(9), with("other")).wait().unwrap();
    assert!(!agent.identity_attested && agent.did == new);
    assert_eq!(store.agent_by_did(&new).unwrap(), Some(agent.clone()));
    assert_eq!(store.agent_by_did("did:key:a").unwrap(), None);
    assert!(store.settle(agent.id, With::default()).wait().unwrap());
    assert_eq!(store.credential(old.id).unwrap().unwrap().status, Status::Revoked);
    // What it gets under the new one stays, whatever becomes of its state meanwhile.
    let identity = issue(&store, Some(&agent), 31, true);
    let suspended = change(AgentState::Suspended);
    store.change_agent(agent.id, suspended, Moment(20), with("s")).wait().unwrap();
    let resumed = change(AgentState::Active);
    store.change_agent(agent.id, resumed, Moment(21), with("r")).wait().unwrap();
    assert_eq!(store.credential(identity.id).unwrap().unwrap().status, Status::Valid);
    let retired = change(AgentState::Retired);
    store.change_agent(agent.id, retired, Moment(22), with("gone")).wait().unwrap();
    let late = store.change_did(agent.id, "did:key:d".to_owned(), Moment(23), With::default());
    assert!(matches!(late.wait(), Err(StoreError::Conflict(_))));
}

#[test]
fn what_a_grant_sets_aside_for_its_children_falls_with_it() {
    let folder = TempDir::new().unwrap();
    let status =
        |store: &SledStore, index| store.status_at(StatusPlace { list: 1, index }).unwrap();
    let grant = {
        let (store, _, told) = open(folder.path()).unwrap();
        let agent = active(&store, "did:key:a");
        let mut grant = credential(Some(&agent), 10, false);
        grant.child_indexes = vec![20, 21, 22];
        let reservations = vec![reservation(&grant, Some(&agent), false)];
        store.reserve(reservations, With::default()).wait().unwrap();
        store.commit(vec![issued(&grant)], With::default()).wait().unwrap();
        // One of its children; again; one that is none of its.
        let before = store.next_event().unwrap();
        let one = |indexes: &[u32]| {
            store.revoke_children(grant.id, indexes.to_vec(), with("child")).wait()
        };
        assert_eq!(one(&[21]), Ok(true));
        assert_eq!(one(&[21]), Ok(false));
        assert_eq!(store.next_event().unwrap(), before + 1, "what changes nothing is no event");
        assert!(matches!(one(&[21, 23]), Err(StoreError::NotFound(_))));
        assert_eq!(
            [20, 21, 22].map(|index| status(&store, index)),
            [Status::Valid, Status::Revoked, Status::Valid]
        );
        let seen = told.statuses.lock().unwrap().clone();
        assert_eq!(seen.last(), Some(&(StatusPlace { list: 1, index: 21 }, Status::Revoked)));
        grant
    };
    // Over a new start.
    let (store, _, told) = open(folder.path()).unwrap();
    assert_eq!(store.credential(grant.id).unwrap().unwrap().child_indexes, [20, 21, 22]);
    let seen = told.statuses.lock().unwrap().clone();
    assert_eq!(seen, [(StatusPlace { list: 1, index: 21 }, Status::Revoked)]);
    // Suspended, its children stay; revoked, they fall.
    let turn = |status| {
        store.set_status(Scope::One(grant.id), None, status, With::default()).wait().unwrap();
    };
    turn(Status::Suspended);
    assert_eq!(status(&store, 20), Status::Valid);
    turn(Status::Revoked);
    assert!([10, 20, 21, 22].iter().all(|index| status(&store, *index) == Status::Revoked));
}

fn link(expires_at: u64) -> EnrolmentLink {
    let Agent { name, kind, version, model_digest, code_digest, sponsor, trust_domain, .. } =
        agent("did:key:x");
    let to_be = AgentToBe {
        name,
        kind,
        version,
        model_digest,
        code_digest,
        sponsor,
        trust_domain,
        spiffe_id: None,
    };
    EnrolmentLink {
        id: new_id(),
        hash: "0".repeat(64),
        agent: to_be,
        attest_identity: true,
        valid_for: None,
        created_at: Moment(1),
        expires_at: Moment(expires_at),
        wrong_tries: 0,
        used: None,
        revoked_at: None,
    }
}

#[test]
fn a_link_is_used_once_and_only_while_it_is_open() {
    let folder = TempDir::new().unwrap();
    let used = {
        let store = open(folder.path()).unwrap().0;
        let enrol = |link: &EnrolmentLink, did: &str, at: u64| {
            let agent = link.agent.clone().enrolled(new_id(), did.to_owned(), Moment(at));
            let with = With { link: Some(link.id), ..with("enrolled") };
            store.enrol(agent, with).wait()
        };
        let put = |link: EnrolmentLink| {
            store.put_link(link.clone(), with("made")).wait().unwrap();
            link
        };
        let closed = Err(StoreError::Conflict("the enrolment link is not open any more"));
        let used = put(link(100));
        let agent = enrol(&used, "did:key:a", 5).unwrap();
        assert_eq!(enrol(&used, "did:key:b", 6), closed);
        assert_eq!(store.agent_by_did("did:key:b").unwrap(), None, "what failed left nothing");
        let found = store.link(used.id).unwrap().unwrap();
        assert_eq!(
            (found.used, found.state(Moment(7))),
            (Some((agent.id, Moment(5))), LinkState::Used)
        );

        let ended = put(link(100));
        assert_eq!(enrol(&ended, "did:key:b", 100), closed);
        let revoked = put(link(100));
        let change = |link: &EnrolmentLink, change| {
            store.change_link(link.id, change, Moment(5), with("changed")).wait().unwrap()
        };
        assert_eq!(change(&revoked, LinkChange::Revoke).revoked_at, Some(Moment(5)));
        assert_eq!(enrol(&revoked, "did:key:b", 6), closed);
        let locked = put(link(100));
        for tries in 1..=MOST_WRONG_TRIES {
            assert_eq!(change(&locked, LinkChange::WrongTry).wrong_tries, tries);
        }
        // Nothing more is counted, and nothing more is an event.
        let before = store.next_event().unwrap();
        assert_eq!(change(&locked, LinkChange::WrongTry).wrong_tries, MOST_WRONG_TRIES);
        assert_eq!(store.next_event().unwrap(), before);
        assert_eq!(enrol(&locked, "did:key:b", 6), closed);
        let page = store.links(None, 10).unwrap();
        assert_eq!(page.items.len(), 4);
        used
    };
    let store = open(folder.path()).unwrap().0;
    assert_eq!(store.link(used.id).unwrap().unwrap().state(Moment(7)), LinkState::Used);
}
