//! What the transactions change, one function each. Nothing is written before all is checked.

use super::codec::{credential_with_places, places_of};
use super::key;
use super::reads::status_to_byte;
use super::transaction::{Effect, Request, Transaction};
use crate::environment::Moment;
use crate::id::Id;
use crate::store::{
    AccessToken, Agent, AgentChange, AgentState, Credential, EachChanged, EnrolmentLink, Forgotten,
    Issued, KeyRecord, LinkChange, LinkState, MOST_CHANGES, Phase, Place, Reservation, Scope,
    Status, StatusPlace, StoreError,
};

pub(super) fn change_agent(
    transaction: &mut Transaction<'_, '_>,
    id: Id,
    change: AgentChange,
    at: Moment,
    each: Option<&mut EachChanged>,
) -> Result<Agent, StoreError> {
    let mut agent = transaction.agent(id)?.clone();
    let was = agent.state;
    if was == AgentState::Retired && change.state != Some(AgentState::Retired) {
        return Err(StoreError::Conflict("the agent is retired"));
    }
    if let Some(state) = change.state {
        agent.state = next_state(&agent, state)?;
    }
    let attested = [
        (change.name, &mut agent.name),
        (change.version, &mut agent.version),
        (change.model_digest, &mut agent.model_digest),
        (change.code_digest, &mut agent.code_digest),
    ];
    for (new, old) in attested.into_iter().filter_map(|(new, old)| Some((new?, old))) {
        agent.identity_attested &= *old == new;
        *old = new;
    }
    // Later than before whatever the clock says: what was decided of the agent before is held
    // against this.
    agent.changed_at = at.max(Moment(agent.changed_at.0 + 1));
    transaction.put_agent(agent.clone())?;
    if agent.state != was {
        transaction.put(key::unsettled(id), Vec::new());
        settle(transaction, id, each)?;
    }
    Ok(agent)
}

/// Gives an agent another DID. It has no identity attestation then.
pub(super) fn change_did(
    transaction: &mut Transaction<'_, '_>,
    id: Id,
    did: String,
    at: Moment,
    each: Option<&mut EachChanged>,
) -> Result<Agent, StoreError> {
    let mut agent = transaction.agent(id)?.clone();
    if agent.state != AgentState::Active {
        return Err(StoreError::Conflict("the agent is not active"));
    }
    let new = key::agent_did(&did);
    if transaction.has(&new)? {
        return Err(StoreError::Exists("an agent with this DID is enrolled"));
    }
    transaction.remove(key::agent_did(&agent.did));
    transaction.put(new, id.as_bytes().to_vec());
    agent.did = did;
    agent.identity_attested = false;
    agent.changed_at = at.max(Moment(agent.changed_at.0 + 1));
    agent.rekeyed_at = Some(agent.changed_at);
    transaction.put_agent(agent.clone())?;
    transaction.put(key::unsettled(id), Vec::new());
    settle(transaction, id, each)?;
    Ok(agent)
}

fn next_state(agent: &Agent, asked: AgentState) -> Result<AgentState, StoreError> {
    match (agent.state, asked) {
        (AgentState::Suspended, AgentState::Active | AgentState::Enrolled) => {
            Ok(if agent.identity_attested { AgentState::Active } else { AgentState::Enrolled })
        }
        (
            AgentState::Enrolled | AgentState::Active | AgentState::Suspended,
            AgentState::Suspended,
        )
        | (_, AgentState::Retired) => Ok(asked),
        _ => Err(StoreError::Conflict("only a suspended agent can be resumed")),
    }
}

/// What an agent's state means for the next of what was issued to it; whether that was all.
pub(super) fn settle(
    transaction: &mut Transaction<'_, '_>,
    id: Id,
    mut each: Option<&mut EachChanged>,
) -> Result<bool, StoreError> {
    let marker = key::unsettled(id);
    let Some(after) = transaction.bytes(&marker)? else { return Ok(true) };
    let after = after.try_into().ok().map(Id::from_bytes);
    let agent = transaction.agent(id)?;
    let rekeyed_at = agent.rekeyed_at;
    let status = match agent.state {
        AgentState::Retired => Status::Revoked,
        AgentState::Suspended => Status::Suspended,
        AgentState::Enrolled | AgentState::Active => Status::Valid,
    };
    let (ids, next) = in_scope(transaction, &Scope::Agent(id), after)?;
    for id in ids {
        let found = transaction.credential(&key::credential(id))?;
        let Some(credential) = found else { continue };
        if credential.phase == Phase::Issued {
            // What was issued to another DID of the agent's does not come back.
            let of_old_did = rekeyed_at.is_some() && credential.agent_as_of < rekeyed_at;
            let turn = match of_old_did {
                true => Turn::Itself(Status::Revoked),
                false => Turn::WithAgent(status),
            };
            set_status(transaction, credential, turn, false, each.as_deref_mut())?;
        }
    }
    match next {
        Some(next) => transaction.put(marker, next.as_bytes().to_vec()),
        None => transaction.remove(marker),
    }
    Ok(next.is_none())
}

/// The next credentials in scope, and after which to go on.
pub(super) fn in_scope(
    transaction: &Transaction<'_, '_>,
    scope: &Scope,
    after: Option<Id>,
) -> Result<(Vec<Id>, Option<Id>), StoreError> {
    let prefix = match scope {
        Scope::One(id) => {
            return match transaction.has(&key::credential(*id))? {
                true => Ok((vec![*id], None)),
                false => Err(StoreError::NotFound("credential")),
            };
        }
        Scope::Agent(agent) | Scope::AgentType(agent, _) => key::of_agent(*agent, None),
        Scope::Type(_) => vec![key::CREDENTIAL],
    };
    let after = after.map(|after| [&prefix[..], after.as_bytes()].concat());
    let keys = transaction.keys(&prefix, after.as_deref(), MOST_CHANGES)?;
    let ids: Vec<Id> = keys.iter().filter_map(|key| key::id_at_end(key)).collect();
    let next = ids.last().copied().filter(|_| keys.len() == MOST_CHANGES);
    Ok((ids, next))
}

/// What is to happen to a credential's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is revoked, suspended or resumed for itself.
    Itself(Status),
    /// It follows its agent.
    WithAgent(Status),
}

/// Turns a status; `None` if nothing changes. Revocation is for good. A credential that is suspended
/// for itself and with its agent comes back when both are over.
pub(super) fn set_status(
    transaction: &mut Transaction<'_, '_>,
    mut credential: Credential,
    turn: Turn,
    strict: bool,
    each: Option<&mut EachChanged>,
) -> Result<Option<Credential>, StoreError> {
    let refuse = |why| if strict { Err(StoreError::Conflict(why)) } else { Ok(None) };
    let before = credential.clone();
    let (Turn::Itself(asked) | Turn::WithAgent(asked)) = turn;
    if before.status == Status::Revoked {
        return match asked {
            Status::Revoked => Ok(None),
            _ => refuse("the credential is revoked, for good"),
        };
    }
    let Some(place) = credential.status_place else {
        return refuse("the credential has no status entry");
    };
    match turn {
        Turn::Itself(status) => credential.suspended_itself = status == Status::Suspended,
        Turn::WithAgent(status) => credential.suspended_with_agent = status == Status::Suspended,
    }
    credential.status = match asked {
        Status::Revoked => Status::Revoked,
        _ if credential.suspended_itself || credential.suspended_with_agent => Status::Suspended,
        _ => Status::Valid,
    };
    if credential == before {
        return Ok(None);
    }
    transaction.put_credential(&credential)?;
    if credential.status == before.status {
        return Ok(Some(credential));
    }
    transaction.put(key::status(place), vec![status_to_byte(credential.status)]);
    transaction.effect(Effect::Status(place, credential.status));
    if credential.status == Status::Revoked {
        forget_identity(transaction, &credential)?;
        revoke_places(transaction, credential.child_places())?;
    }
    if let Some(each) = each {
        let event = each(&credential, before.status)?;
        transaction.event(event)?;
    }
    Ok(Some(credential))
}

/// Revokes entries; whether any was not revoked yet.
fn revoke_places(
    transaction: &mut Transaction<'_, '_>,
    places: impl Iterator<Item = StatusPlace>,
) -> Result<bool, StoreError> {
    let (mut changed, revoked) = (false, vec![status_to_byte(Status::Revoked)]);
    for place in places {
        let at = key::status(place);
        if transaction.bytes(&at)?.as_ref() != Some(&revoked) {
            transaction.put(at, revoked.clone());
            transaction.effect(Effect::Status(place, Status::Revoked));
            changed = true;
        }
    }
    Ok(changed)
}

/// Revokes what a grant set aside for its children, as far as it is not revoked yet.
pub(super) fn revoke_children(
    transaction: &mut Transaction<'_, '_>,
    grant: Id,
    indexes: &[u32],
) -> Result<bool, StoreError> {
    let found = transaction.credential(&key::credential(grant))?;
    let grant = found.ok_or(StoreError::NotFound("grant"))?;
    if indexes.iter().any(|index| !grant.child_indexes.contains(index)) {
        return Err(StoreError::NotFound("status entry of a child of this grant"));
    }
    let places = grant.child_places().filter(|place| indexes.contains(&place.index));
    revoke_places(transaction, places)
}

/// With its identity attestation an agent loses what all others rest on.
fn forget_identity(
    transaction: &mut Transaction<'_, '_>,
    credential: &Credential,
) -> Result<(), StoreError> {
    let Some(id) = credential.agent.filter(|_| credential.attests_identity) else { return Ok(()) };
    let agent = transaction.agent(id)?;
    if agent.identity_attested && credential.agent_as_of == Some(agent.changed_at) {
        let agent = Agent { identity_attested: false, ..agent.clone() };
        transaction.put_agent(agent)?;
    }
    Ok(())
}

/// Nothing is written before all is checked: one that fails leaves no trace among the others.
pub(super) fn reserve(
    transaction: &mut Transaction<'_, '_>,
    reservation: Reservation,
    record: &[u8],
    request: Option<&[u8; 16]>,
) -> Result<(), StoreError> {
    let Reservation { credential, payload, list_used, requires, event } = reservation;
    if let Some(requires) = requires {
        let agent = transaction.agent(requires.agent)?;
        let fits = match requires.identity {
            true => matches!(agent.state, AgentState::Enrolled | AgentState::Active),
            false => {
                agent.state == AgentState::Active && agent.has_identity(credential.prepared_at)
            }
        };
        if !fits || agent.changed_at != requires.changed_at {
            return Err(StoreError::Conflict("the agent changed while this was decided"));
        }
    }
    if let Some(name) = &credential.document_id {
        let key = key::credential_name(name);
        if transaction.has(&key)? {
            return Err(StoreError::Exists("a credential with this id was issued"));
        }
        transaction.put(key, credential.id.as_bytes().to_vec());
    }
    if let Some(place) = credential.status_place {
        let key = key::list_used(place.list);
        let before = transaction.bytes(&key)?.and_then(|bytes| bytes.try_into().ok());
        let before = before.map_or(0, u64::from_be_bytes);
        transaction.put(key, before.max(list_used).to_be_bytes().to_vec());
    }
    let payload = transaction.stage(&[&payload])?;
    let record = credential_with_places(record, payload, None);
    transaction.put(key::prepared(credential.id), record);
    if let Some(request) = request {
        transaction.put(key::prepared_for(credential.id), request.to_vec());
    }
    transaction.event(event)
}

/// Where the payload of a reservation lies, if it may still be committed: nothing that was decided
/// on has changed since.
pub(super) fn payload_of(
    transaction: &mut Transaction<'_, '_>,
    credential: &Credential,
) -> Result<Place, StoreError> {
    let reserved = transaction.bytes(&key::prepared(credential.id))?;
    let reserved = reserved.ok_or(StoreError::Conflict("the reservation was given up"))?;
    if !transaction.key_signs(&credential.instance, &credential.key)? {
        return Err(StoreError::Conflict("the key was replaced while this was signed"));
    }
    if let Some(id) = credential.agent {
        let agent = transaction.agent(id)?;
        match agent.state {
            AgentState::Retired => {
                return Err(StoreError::Conflict("the agent was retired while this was signed"));
            }
            AgentState::Suspended => {
                return Err(StoreError::Conflict("the agent was suspended while this was signed"));
            }
            AgentState::Enrolled | AgentState::Active => {}
        }
        if credential.agent_as_of != Some(agent.changed_at) {
            return Err(StoreError::Conflict("the agent changed while this was signed"));
        }
    }
    Ok(places_of(&reserved)?.0)
}

pub(super) fn commit(
    transaction: &mut Transaction<'_, '_>,
    issued: Issued,
    record: &[u8],
    payload: Place,
) -> Result<(), StoreError> {
    let Issued { credential, secured, event } = issued;
    if let Some(id) = credential.agent {
        if credential.attests_identity {
            let agent = transaction.agent(id)?;
            let agent = Agent {
                state: AgentState::Active,
                identity_attested: true,
                identity_until: credential.valid_until,
                ..agent.clone()
            };
            transaction.put_agent(agent)?;
        }
        transaction.put(key::of_agent(id, Some(credential.id)), Vec::new());
    }
    let secured = transaction.stage(&[&secured])?;
    let record = credential_with_places(record, payload, Some(secured));
    transaction.put(key::credential(credential.id), record);
    transaction.remove(key::prepared(credential.id));
    transaction.remove_if_there(key::prepared_for(credential.id))?;
    transaction.event(event)
}

pub(super) fn abandon(
    transaction: &mut Transaction<'_, '_>,
    id: Id,
    each: Option<&mut EachChanged>,
) -> Result<(), StoreError> {
    let at = key::prepared(id);
    let Some(mut credential) = transaction.credential(&at)? else { return Ok(()) };
    transaction.remove(at);
    let at = key::prepared_for(id);
    if let Some(Ok(request)) = transaction.bytes(&at)?.map(<[u8; 16]>::try_from) {
        transaction.remove(at);
        let at = key::request(&request);
        let open = transaction.get::<Request>(&at)?.is_some_and(|found| found.answer.is_none());
        if open {
            transaction.remove(at);
        }
    }
    let was = credential.status;
    credential.phase = Phase::Abandoned;
    credential.status = Status::Revoked;
    transaction.put_credential(&credential)?;
    if let Some(place) = credential.status_place {
        transaction.put(key::status(place), vec![status_to_byte(Status::Revoked)]);
        transaction.effect(Effect::Status(place, Status::Revoked));
    }
    revoke_places(transaction, credential.child_places())?;
    if let Some(name) = &credential.document_id {
        transaction.remove(key::credential_name(name));
    }
    match each {
        Some(each) => {
            let event = each(&credential, was)?;
            transaction.event(event)
        }
        None => Ok(()),
    }
}

/// Uses an enrolment link up.
pub(super) fn use_link(
    transaction: &mut Transaction<'_, '_>,
    id: Id,
    agent: &Agent,
) -> Result<(), StoreError> {
    let at = key::link(id);
    let link: Option<EnrolmentLink> = transaction.get(&at)?;
    let mut link = link.ok_or(StoreError::NotFound("enrolment link"))?;
    if link.state(agent.enrolled_at) != LinkState::Open {
        return Err(StoreError::Conflict("the enrolment link is not open any more"));
    }
    link.used = Some((agent.id, agent.enrolled_at));
    transaction.put_json(at, &link)
}

pub(super) fn change_link(
    transaction: &mut Transaction<'_, '_>,
    mut link: EnrolmentLink,
    change: LinkChange,
    now: Moment,
) -> Result<EnrolmentLink, StoreError> {
    match change {
        LinkChange::Revoke => link.revoked_at = Some(now),
        LinkChange::WrongTry => link.wrong_tries += 1,
    }
    transaction.put_json(key::link(link.id), &link)?;
    Ok(link)
}

pub(super) fn put_keys(
    transaction: &mut Transaction<'_, '_>,
    keys: Vec<KeyRecord>,
) -> Result<(), StoreError> {
    for record in keys {
        transaction.put_key(record)?;
    }
    Ok(())
}

/// Forgets what has ended among the next requests, challenges and access tokens.
pub(super) fn forget(
    transaction: &mut Transaction<'_, '_>,
    before: Moment,
    after: Option<&[u8]>,
) -> Result<Forgotten, StoreError> {
    let kind = after.and_then(|after| after.first().copied()).unwrap_or(key::REQUEST);
    let keys = transaction.keys(&[kind], after, MOST_CHANGES)?;
    let full = keys.len() == MOST_CHANGES;
    let last = keys.last().cloned();
    let mut count = 0;
    for at in keys {
        let ended = match kind {
            key::REQUEST => {
                transaction.get::<Request>(&at)?.is_none_or(|request| request.at < before)
            }
            key::ACCESS_TOKEN => {
                transaction.get::<AccessToken>(&at)?.is_none_or(|token| token.expires_at < before)
            }
            _ => {
                let until = transaction.bytes(&at)?.and_then(|bytes| bytes.try_into().ok());
                until.is_none_or(|until| u64::from_be_bytes(until) < before.0)
            }
        };
        if ended {
            transaction.remove(at);
            count += 1;
        }
    }
    let next = match (full, kind) {
        (true, _) => last,
        (false, key::REQUEST) => Some(vec![key::CHALLENGE]),
        (false, key::CHALLENGE) => Some(vec![key::ACCESS_TOKEN]),
        (false, _) => None,
    };
    Ok(Forgotten { count, next })
}
