//! Access tokens, and what is good for one use.

use tempfile::TempDir;

use super::{forgotten, new_id, open, with};
use crate::environment::Moment;
use crate::store::{AccessToken, Once, StatusPlace, Store, StoreError, With};

fn token(ends: u64) -> AccessToken {
    AccessToken {
        id: new_id(),
        client: "did:key:a".to_owned(),
        digest: "00".repeat(32),
        agents: vec![new_id()],
        credentials: vec!["urn:uuid:1".to_owned()],
        by_policy: false,
        places: vec![StatusPlace { list: 1, index: 7 }],
        issued_at: Moment(10),
        expires_at: Moment(ends),
        revoked_at: None,
    }
}

fn once(number: u8, until: u64) -> Once {
    Once { what: "the proof", digest: [number; 16], until: Moment(until) }
}

fn using(uses: Vec<Once>) -> With {
    With { uses, ..with("access-token-issued") }
}

#[test]
fn a_token_is_kept_with_all_that_it_uses_up_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let kept = token(1_000);
    {
        let (store, _, _) = open(folder.path()).unwrap();
        let uses = vec![once(1, 100), once(2, 100)];
        store.put_access_token(kept.clone(), using(uses)).wait().unwrap();
        let events = store.next_event().unwrap();
        // One of three was used: the others are not used up by that, and nothing is kept.
        let other = token(1_000);
        let uses = vec![once(3, 100), once(2, 100), once(4, 100)];
        let outcome = store.put_access_token(other.clone(), using(uses)).wait();
        assert_eq!(outcome, Err(StoreError::Used("the proof")));
        assert_eq!(store.access_token(other.id).unwrap(), None);
        assert_eq!(store.next_event().unwrap(), events);
        // One thing twice in one transaction is used twice.
        let twice = vec![once(5, 100), once(5, 100)];
        assert!(store.note(using(twice)).wait().is_err());
        // What answers a challenge and what is used once are one memory.
        assert!(store.redeem([1; 16], Moment(100), With::default()).wait().is_err());
    }
    let (store, _, _) = open(folder.path()).unwrap();
    assert_eq!(store.access_token(kept.id).unwrap(), Some(kept));
    let again = store.put_access_token(token(1_000), using(vec![once(1, 100)])).wait();
    assert_eq!(again, Err(StoreError::Used("the proof")), "over a new start");
    store.put_access_token(token(1_000), using(vec![once(3, 100), once(4, 100)])).wait().unwrap();
}

#[test]
fn a_token_is_revoked_once_and_for_good() {
    let folder = TempDir::new().unwrap();
    let kept = token(1_000);
    {
        let (store, _, _) = open(folder.path()).unwrap();
        store.put_access_token(kept.clone(), With::default()).wait().unwrap();
        let before = store.next_event().unwrap();
        store.revoke_access_token(kept.id, Moment(20), with("revoked")).wait().unwrap();
        store.revoke_access_token(kept.id, Moment(30), with("revoked")).wait().unwrap();
        assert_eq!(store.next_event().unwrap(), before + 1, "on the log once");
        let missing = store.revoke_access_token(new_id(), Moment(20), with("revoked")).wait();
        assert_eq!(missing, Err(StoreError::NotFound("access token")));
    }
    let (store, _, _) = open(folder.path()).unwrap();
    let found = store.access_token(kept.id).unwrap().unwrap();
    assert_eq!(found.revoked_at, Some(Moment(20)));
}

#[test]
fn tokens_are_forgotten_after_their_end_and_not_before() {
    let folder = TempDir::new().unwrap();
    let (store, _, _) = open(folder.path()).unwrap();
    let (short, long) = (token(100), token(200));
    for one in [&short, &long] {
        store.put_access_token(one.clone(), With::default()).wait().unwrap();
    }
    store.note(using(vec![once(1, 100), once(2, 200)])).wait().unwrap();
    assert_eq!(forgotten(&store, Moment(100)), 0, "the end itself");
    assert_eq!(forgotten(&store, Moment(101)), 2, "a token and what was used");
    assert_eq!(store.access_token(short.id).unwrap(), None);
    assert!(store.access_token(long.id).unwrap().is_some());
}
