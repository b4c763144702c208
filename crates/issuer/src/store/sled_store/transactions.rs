//! The transactions, one function each.

use super::codec::{credential_with_places, encode, places_of};
use super::reads::status_to_byte;
use super::transaction::{Effect, Request, Transaction};
use super::{SledStore, decode, failed, key};
use crate::environment::Moment;
use crate::id::Id;
use crate::store::{
    Agent, AgentChange, AgentState, Answer, Changed, Credential, EachChanged, Idempotency,
    Instance, Issued, KeyRecord, List, MOST_CHANGES, Page, Pending, Phase, Place, Reservation,
    Scope, Status, Store, StoreError, StoredEvent, Token, With,
};

impl Store for SledStore {
    fn agent(&self, id: Id) -> Result<Option<Agent>, StoreError> {
        self.read_agent(id)
    }

    fn agent_by_did(&self, did: &str) -> Result<Option<Agent>, StoreError> {
        self.read_agent_by_did(did)
    }

    fn agents(
        &self,
        after: Option<Id>,
        limit: usize,
        wanted: &dyn Fn(&Agent) -> bool,
    ) -> Result<Page<Agent>, StoreError> {
        self.page(&[key::AGENT], after, limit, |_, value| decode(value).map(Some), wanted)
    }

    fn credential(&self, id: Id) -> Result<Option<Credential>, StoreError> {
        self.read_credential(id)
    }

    fn credential_by_name(&self, name: &str) -> Result<Option<Credential>, StoreError> {
        self.read_credential_by_name(name)
    }

    fn credentials(
        &self,
        agent: Option<Id>,
        after: Option<Id>,
        limit: usize,
        wanted: &dyn Fn(&Credential) -> bool,
    ) -> Result<Page<Credential>, StoreError> {
        self.read_credentials(agent, after, limit, wanted)
    }

    fn read(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        self.read_place(place)
    }

    fn event(&self, sequence: u64) -> Result<Option<StoredEvent>, StoreError> {
        self.read_event(sequence)
    }

    fn history(&self, agent: Id, from: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
        self.read_history(agent, from, limit)
    }

    fn next_event(&self) -> Result<u64, StoreError> {
        let bytes = self.tree.get(key::NEXT_EVENT).map_err(failed)?;
        Ok(bytes.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    fn answer(&self, idempotency: &Idempotency) -> Result<Option<Answer>, StoreError> {
        self.read_answer(idempotency)
    }

    fn unfinished(&self, before: Moment) -> Result<Vec<Credential>, StoreError> {
        self.read_unfinished(before)
    }

    fn enrol(&self, agent: Agent, mut with: With) -> Pending<Agent> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let did = key::agent_did(&agent.did);
            if transaction.has(&did)? {
                return Err(StoreError::Exists("an agent with this DID is enrolled"));
            }
            transaction.put(did, agent.id.as_bytes().to_vec());
            transaction.put_agent(agent.clone())?;
            Ok(agent)
        })
    }

    fn change_agent(
        &self,
        id: Id,
        change: AgentChange,
        at: Moment,
        mut with: With,
    ) -> Pending<Agent> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            change_agent(transaction, id, change, at, with.each.as_mut())
        })
    }

    fn reserve(
        &self,
        reservations: Vec<Reservation>,
        mut with: With,
    ) -> Pending<Vec<Result<(), StoreError>>> {
        let request = with.idempotency.as_ref().map(|idempotency| idempotency.key);
        // Written here, where it holds up nobody else.
        let records: Result<Vec<Vec<u8>>, StoreError> =
            reservations.iter().map(|reservation| encode(&reservation.credential)).collect();
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let mut outcomes = Vec::with_capacity(reservations.len());
            for (reservation, record) in reservations.into_iter().zip(records?) {
                match reserve(transaction, reservation, &record, request.as_ref()) {
                    Err(error @ (StoreError::Stopped(_) | StoreError::Damaged(_))) => {
                        return Err(error);
                    }
                    outcome => outcomes.push(outcome),
                }
            }
            match outcomes.iter().find_map(|outcome| outcome.clone().err()) {
                Some(error) if outcomes.iter().all(Result::is_err) => Err(error),
                _ => Ok(outcomes),
            }
        })
    }

    fn commit(
        &self,
        issued: Vec<Issued>,
        mut with: With,
    ) -> Pending<Vec<Result<(), StoreError>>> {
        let written = |issued: &Issued| {
            encode(&Credential { phase: Phase::Issued, ..issued.credential.clone() })
        };
        let records: Result<Vec<Vec<u8>>, StoreError> = issued.iter().map(written).collect();
        self.committer.submit(move |transaction| {
            let mut payloads = Vec::with_capacity(issued.len());
            let mut outcomes = Vec::with_capacity(issued.len());
            for issued in &issued {
                match payload_of(transaction, &issued.credential) {
                    Err(error @ (StoreError::Stopped(_) | StoreError::Damaged(_))) => {
                        return Err(error);
                    }
                    Err(error) => outcomes.push(Err(error)),
                    Ok(payload) => {
                        payloads.push(payload);
                        outcomes.push(Ok(()));
                    }
                }
            }
            if payloads.len() == issued.len() {
                transaction.with(&mut with)?;
                for ((issued, record), payload) in issued.into_iter().zip(records?).zip(payloads) {
                    commit(transaction, issued, &record, payload)?;
                }
            }
            Ok(outcomes)
        })
    }

    fn abandon(&self, ids: Vec<Id>, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            for id in ids {
                abandon(transaction, id, with.each.as_mut())?;
            }
            Ok(())
        })
    }

    fn set_status(&self, scope: Scope, status: Status, mut with: With) -> Pending<Vec<Changed>> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let mut changed = Vec::new();
            for id in in_scope(transaction, &scope)? {
                let Some(credential) = transaction.credential(&key::credential(id))? else {
                    continue;
                };
                if changed.len() == MOST_CHANGES {
                    break;
                }
                let fits = match &scope {
                    Scope::AgentType(_, name) | Scope::Type(name) => {
                        credential.credential_type == *name
                    }
                    Scope::One(_) | Scope::Agent(_) => true,
                };
                let one = matches!(scope, Scope::One(_));
                if !fits || (!one && credential.phase != Phase::Issued) {
                    continue;
                }
                let each = with.each.as_mut();
                changed.extend(set_status(transaction, credential, status, false, one, each)?);
            }
            Ok(changed)
        })
    }

    fn add_list(&self, list: List, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let key = key::list(list.number);
            if transaction.has(&key)? {
                return Err(StoreError::Exists("a list with this number is there"));
            }
            transaction.put_json(key, &list)?;
            transaction.effect(Effect::List(list, 0));
            Ok(())
        })
    }

    fn add_instance(
        &self,
        instance: Instance,
        keys: Vec<KeyRecord>,
        mut with: With,
    ) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let key = key::instance(&instance.name);
            if transaction.has(&key)? {
                return Err(StoreError::Exists("an instance with this name is there"));
            }
            transaction.put_json(key, &instance)?;
            transaction.effect(Effect::Instance(instance));
            put_keys(transaction, keys)
        })
    }

    fn put_keys(&self, keys: Vec<KeyRecord>, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            put_keys(transaction, keys)
        })
    }

    fn put_token(&self, token: Token, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            transaction.put_json(key::token(token.id), &token)?;
            transaction.effect(Effect::Token(token));
            Ok(())
        })
    }

    fn redeem(&self, challenge: [u8; 16], until: Moment, mut with: With) -> Pending<()> {
        with.answers = Some((challenge, until));
        self.note(with)
    }

    fn note(&self, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| transaction.with(&mut with))
    }

    fn log_written(&self, size: u64, root: [u8; 32]) -> Pending<()> {
        self.committer.submit(move |transaction| {
            let value = [&size.to_be_bytes()[..], &root].concat();
            transaction.put(key::LOG_WRITTEN.to_vec(), value);
            Ok(())
        })
    }

    fn forget(&self, before: Moment) -> Pending<usize> {
        self.committer.submit(move |transaction| {
            let mut forgotten = 0;
            for at in transaction.keys(&[key::CHALLENGE], None, MOST_CHANGES)? {
                let until = transaction.bytes(&at)?.and_then(|bytes| bytes.try_into().ok());
                if until.is_none_or(|until| u64::from_be_bytes(until) < before.0) {
                    transaction.remove(at);
                    forgotten += 1;
                }
            }
            for at in transaction.keys(&[key::REQUEST], None, MOST_CHANGES)? {
                let request: Option<Request> = transaction.get(&at)?;
                if request.is_some_and(|request| request.answer.is_some() && request.at < before) {
                    transaction.remove(at);
                    forgotten += 1;
                }
            }
            Ok(forgotten)
        })
    }
}

fn change_agent(
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
        carry_over(transaction, &agent, each)?;
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

/// What an agent's state means for what was issued to it.
fn carry_over(
    transaction: &mut Transaction<'_, '_>,
    agent: &Agent,
    mut each: Option<&mut EachChanged>,
) -> Result<(), StoreError> {
    let status = match agent.state {
        AgentState::Retired => Status::Revoked,
        AgentState::Suspended => Status::Suspended,
        AgentState::Enrolled | AgentState::Active => Status::Valid,
    };
    let mut changed = 0;
    for id in in_scope(transaction, &Scope::Agent(agent.id))? {
        let Some(credential) = transaction.credential(&key::credential(id))? else {
            continue;
        };
        // What was suspended for itself stays so when its agent comes back.
        let stays = status == Status::Valid && !credential.suspended_with_agent;
        if credential.phase != Phase::Issued || stays {
            continue;
        }
        let with_agent = status == Status::Suspended;
        let change =
            set_status(transaction, credential, status, with_agent, false, each.as_deref_mut())?;
        changed += usize::from(change.is_some());
        if changed > MOST_CHANGES {
            return Err(StoreError::Conflict(
                "the agent has too many credentials to change at once: revoke them first",
            ));
        }
    }
    Ok(())
}

fn in_scope(transaction: &Transaction<'_, '_>, scope: &Scope) -> Result<Vec<Id>, StoreError> {
    let prefix = match scope {
        Scope::One(id) => {
            return match transaction.has(&key::credential(*id))? {
                true => Ok(vec![*id]),
                false => Err(StoreError::NotFound("credential")),
            };
        }
        Scope::Agent(agent) | Scope::AgentType(agent, _) => key::of_agent(*agent, None),
        Scope::Type(_) => vec![key::CREDENTIAL],
    };
    let keys = transaction.keys(&prefix, None, usize::MAX / 4)?;
    Ok(keys.iter().filter_map(|key| key::id_at_end(key)).collect())
}

/// Sets a status; `None` if nothing changes. Revocation is for good.
fn set_status(
    transaction: &mut Transaction<'_, '_>,
    mut credential: Credential,
    status: Status,
    with_agent: bool,
    strict: bool,
    each: Option<&mut EachChanged>,
) -> Result<Option<Changed>, StoreError> {
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
    Ok(Some(Changed { credential, was }))
}

/// Nothing is written before all is checked: one that fails leaves no trace among the others.
fn reserve(
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
/// Where the payload of a reservation lies that may still be committed.
fn payload_of(
    transaction: &mut Transaction<'_, '_>,
    credential: &Credential,
) -> Result<Place, StoreError> {
    let reserved = transaction.bytes(&key::prepared(credential.id))?;
    let reserved = reserved.ok_or(StoreError::Conflict("the reservation was given up"))?;
    if let Some(id) = credential.agent {
        match transaction.agent(id)?.state {
            AgentState::Retired => {
                return Err(StoreError::Conflict("the agent was retired while this was signed"));
            }
            AgentState::Suspended => {
                return Err(StoreError::Conflict("the agent was suspended while this was signed"));
            }
            AgentState::Enrolled | AgentState::Active => {}
        }
    }
    Ok(places_of(&reserved)?.0)
}

fn commit(
    transaction: &mut Transaction<'_, '_>,
    issued: Issued,
    record: &[u8],
    payload: Place,
) -> Result<(), StoreError> {
    let Issued { credential, secured, event } = issued;
    if let Some(id) = credential.agent {
        let agent = transaction.agent(id)?;
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
    transaction.remove(key::prepared(credential.id));
    transaction.remove_if_there(key::prepared_for(credential.id))?;
    transaction.event(event)
}

fn abandon(
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

fn put_keys(transaction: &mut Transaction<'_, '_>, keys: Vec<KeyRecord>) -> Result<(), StoreError> {
    for record in keys {
        transaction.put_json(key::key(&record.instance, &record.name), &record)?;
        transaction.effect(Effect::Key(record));
    }
    Ok(())
}
