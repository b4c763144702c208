//! What the transactions change, one function each. Nothing is written before all is checked.

use super::codec::{credential_with_places, places_of};
use super::key;
use super::reads::status_to_byte;
use super::transaction::{Effect, Request, Transaction};
use crate::environment::Moment;
use crate::id::Id;
use crate::store::{
    Agent, AgentChange, AgentState, Credential, EachChanged, Issued, KeyRecord, MOST_CHANGES,
    Phase, Reservation, Scope, Status, StoreError,
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
    let status = match transaction.agent(id)?.state {
        AgentState::Retired => Status::Revoked,
        AgentState::Suspended => Status::Suspended,
        AgentState::Enrolled | AgentState::Active => Status::Valid,
    };
    let (ids, next) = in_scope(transaction, &Scope::Agent(id), after)?;
    for id in ids {
        let found = transaction.credential(&key::credential(id))?;
        let Some(credential) = found else { continue };
        // What was suspended for itself stays so when its agent comes back.
        let stays = status == Status::Valid && !credential.suspended_with_agent;
        if credential.phase == Phase::Issued && !stays {
            let with_agent = status == Status::Suspended;
            let each = each.as_deref_mut();
            set_status(transaction, credential, status, with_agent, false, each)?;
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

/// Sets a status; `None` if nothing changes. Revocation is for good.
pub(super) fn set_status(
    transaction: &mut Transaction<'_, '_>,
    mut credential: Credential,
    status: Status,
    with_agent: bool,
    strict: bool,
    each: Option<&mut EachChanged>,
) -> Result<Option<Credential>, StoreError> {
    let was = credential.status;
    if was == status {
        return Ok(None);
    }
    if was == Status::Revoked {
        return match strict {
            true => Err(StoreError::Conflict("the credential is revoked, for good")),
            false => Ok(None),
        };
    }
    let Some(place) = credential.status_place else {
        return match strict {
            true => Err(StoreError::Conflict("the credential has no status entry")),
            false => Ok(None),
        };
    };
    credential.status = status;
    credential.suspended_with_agent = with_agent;
    transaction.put_credential(&credential)?;
    transaction.put(key::status(place), vec![status_to_byte(status)]);
    transaction.effect(Effect::Status(place, status));
    if let Some(each) = each {
        let event = each(&credential, was)?;
        transaction.event(event)?;
    }
    Ok(Some(credential))
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
            false => agent.state == AgentState::Active && agent.identity_attested,
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

/// Nothing is written before all is checked: one that fails leaves no trace among the others.
pub(super) fn commit(
    transaction: &mut Transaction<'_, '_>,
    issued: Issued,
    record: &[u8],
) -> Result<(), StoreError> {
    let Issued { credential, secured, event } = issued;
    let prepared = key::prepared(credential.id);
    let reserved = transaction.bytes(&prepared)?;
    let reserved = reserved.ok_or(StoreError::Conflict("the reservation was given up"))?;
    let (payload, _) = places_of(&reserved)?;
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
        let current = credential.attests_agent_of == Some(agent.changed_at);
        if current && !(agent.identity_attested && agent.state == AgentState::Active) {
            let (state, identity_attested) = (AgentState::Active, true);
            let agent = Agent { state, identity_attested, ..agent.clone() };
            transaction.put_agent(agent)?;
        }
        transaction.put(key::of_agent(id, Some(credential.id)), Vec::new());
    }
    let secured = transaction.stage(&[&secured])?;
    let record = credential_with_places(record, payload, Some(secured));
    transaction.put(key::credential(credential.id), record);
    transaction.remove(prepared);
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

pub(super) fn put_keys(
    transaction: &mut Transaction<'_, '_>,
    keys: Vec<KeyRecord>,
) -> Result<(), StoreError> {
    for record in keys {
        transaction.put_json(key::key(&record.instance, &record.name), &record)?;
        transaction.effect(Effect::Key(record));
    }
    Ok(())
}
